"""Mattes as other programs write them: alpha channels, EXR, inverted, faint, masks of 0 and 1."""

import struct
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from dynascene_cli.errors import InputError
from dynascene_cli.video import (
    alpha_frames,
    matte_picture,
    open_clip,
    read_alpha,
    read_depth,
    read_frames,
    write_image,
)
from dynascene_cli.video.openexr import exr_bytes

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from video_media import numbered_frame, write_video

FRAMES = 4


def person(index):
    """An alpha (64, 96) with soft edges."""
    alpha = np.zeros((64, 96), np.uint8)
    alpha[12:64, 30 + index : 60 + index] = 128
    alpha[14:64, 32 + index : 58 + index] = 255
    return alpha


def exr_of(path, channels, kind=2):
    """An EXR of whole numbers (kind 0), halfs (1) or floats (2): channels' names and (H, W)."""
    names = sorted(channels)
    height, width = channels[names[0]].shape

    def attribute(name, of, content):
        return f"{name}\0{of}\0".encode() + struct.pack("<i", len(content)) + content

    listed = b"".join(
        name.encode() + b"\0" + struct.pack("<iB3xii", kind, 0, 1, 1) for name in names
    )
    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    head = b"\x76\x2f\x31\x01\2\0\0\0" + b"".join(
        [
            attribute("channels", "chlist", listed + b"\0"),
            attribute("compression", "compression", b"\0"),
            attribute("dataWindow", "box2i", window),
            attribute("displayWindow", "box2i", window),
            attribute("lineOrder", "lineOrder", b"\0"),
            attribute("pixelAspectRatio", "float", struct.pack("<f", 1)),
            attribute("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0)),
            attribute("screenWindowWidth", "float", struct.pack("<f", 1)),
            b"\0",
        ]
    )
    number = (np.uint32, np.float16, np.float32)[kind]
    rows = [
        b"".join(channels[name][y].astype(number).tobytes() for name in names)
        for y in range(height)
    ]
    blocks = [struct.pack("<ii", y, len(row)) + row for y, row in enumerate(rows)]
    begins = np.cumsum([len(head) + 8 * height] + [len(block) for block in blocks])[:-1]
    path.write_bytes(head + begins.astype("<u8").tobytes() + b"".join(blocks))


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize(
    ("names", "holds"),
    [
        ("Y", "Y"),
        ("A", "A"),
        ("R G B A", "A"),
        ("matte.A", "matte.A"),
        ("Layer.R Layer.G Layer.B Layer.A", "Layer.A"),
        ("mask", "mask"),
        ("A Z", "A"),
        ("R", "R"),
    ],
)
def test_exr_channels_of_any_name(tmp_path, names, holds, kind):
    alpha = person(0) / 255
    exr_of(tmp_path / "m.exr", {name: alpha * (name == holds) for name in names.split()}, kind)
    assert np.abs(matte_picture(tmp_path / "m.exr").astype(int) - person(0)).max() <= 1


def test_the_depth_of_an_exr(tmp_path):
    depth = np.linspace(1, 9, 64 * 96).reshape(64, 96)
    exr_of(tmp_path / "a.exr", {"R": depth * 0, "G": depth * 0, "B": depth * 0, "View.Z": depth})
    assert np.abs(read_depth(tmp_path / "a.exr") - depth).max() < 1e-5


@pytest.mark.parametrize(
    ("names", "kind", "told"), [("Y", 0, "whole numbers"), ("u v", 2, "channels u, v")]
)
def test_exr_channels_that_are_no_alpha(tmp_path, names, kind, told):
    exr_of(tmp_path / "m.exr", {name: np.ones((64, 96)) for name in names.split()}, kind)
    with pytest.raises(InputError, match=told):
        matte_picture(tmp_path / "m.exr")


def test_a_matte_that_lies_on_its_side(tmp_path):
    """EXIF 6: to be looked at, it is turned by 90° clockwise."""
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(np.rot90(person(0)).copy()).save(tmp_path / "m.png", exif=exif)
    assert np.array_equal(matte_picture(tmp_path / "m.png"), person(0))


@pytest.fixture
def clip(tmp_path):
    return open_clip(write_video(tmp_path / "clip.mp4", [numbered_frame(i) for i in range(FRAMES)]))


def folder_of(tmp_path, write, suffix=".png"):
    folder = tmp_path / "matte"
    folder.mkdir()
    for index in range(FRAMES):
        write(folder / f"m.{index + 1:04d}{suffix}", person(index))
    return folder


def worst(found, solid_only=False):
    """The largest difference from the right alphas."""
    return max(
        int(np.abs(alpha.astype(int) - (person(i) if not solid_only else mask(i))).max())
        for i, alpha in enumerate(found.frames())
    )


def mask(index):
    return np.where(person(index) > 128, 255, 0)


def test_exr_is_linear(tmp_path, clip):
    folder = folder_of(tmp_path, lambda path, a: path.write_bytes(exr_bytes(a)), ".EXR")
    assert worst(alpha_frames(folder, clip)) == 0


def test_an_exr_matte_that_was_written_is_read_as_it_is(tmp_path, dynascene, person_clip):
    words = ("matte", person_clip, "--end", 0.1)
    assert dynascene(*words, "-o", "m.%03d.png").code == 0
    assert dynascene(*words, "-o", "m.%03d.exr").code == 0
    alphas = [matte_picture(path) for path in sorted(tmp_path.glob("m.*.exr"))]
    pictures = [matte_picture(path) for path in sorted(tmp_path.glob("m.*.png"))]
    assert len(alphas) == len(pictures) > 1
    for alpha, picture in zip(alphas, pictures, strict=True):
        np.testing.assert_array_equal(alpha, picture)


def write_webm(path, codec):
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            codec, rate=24, options={"crf": "4", "b": "4M", "auto-alt-ref": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuva420p"
        stream.metadata["alpha_mode"] = "1"
        for index in range(FRAMES):
            rgba = np.dstack([numbered_frame(index), person(index)])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(rgba, format="rgba")))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("codec", ["libvpx", "libvpx-vp9"])
def test_the_alpha_of_webm(tmp_path, clip, codec):
    write_webm(tmp_path / "m.webm", codec)
    matte = alpha_frames(tmp_path / "m.webm", clip)
    for index, alpha in enumerate(matte.frames()):
        assert np.abs(alpha.astype(int) - person(index)).mean() < 3
    webm = open_clip(tmp_path / "m.webm")
    np.testing.assert_array_equal(list(read_alpha(webm, 2)), list(read_alpha(webm))[2:])


@pytest.mark.parametrize(
    ("codec", "head", "largest"),
    [
        ("libvpx", b"\x9d\x01\x2a", b"\xff\x3f\xff\x3f"),
        ("libvpx-vp9", b"\x49\x83\x42", b"\x2f\xff\xff\xff\xf0"),
    ],
)
def test_an_alpha_that_claims_a_huge_frame(tmp_path, clip, codec, head, largest):
    path = tmp_path / "m.webm"
    write_webm(path, codec)
    content = bytearray(path.read_bytes())
    size = content.rindex(head) + len(head)
    content[size : size + len(largest)] = largest
    path.write_bytes(content)
    with pytest.raises(InputError, match="is damaged"):
        list(read_alpha(open_clip(path)))
    assert len(list(read_frames(open_clip(path)))) == FRAMES


def test_an_inverted_matte_is_inverted_back(tmp_path, clip):
    folder = folder_of(tmp_path, lambda path, a: write_image(path, 255 - a))
    matte = alpha_frames(folder, clip)
    assert worst(matte) == 0
    assert "inverted" in matte.warnings[0]


def test_a_person_who_fills_the_frame_is_not_inverted(tmp_path, clip):
    def close_up(path, _):
        alpha = np.full((64, 96), 255, np.uint8)
        alpha[:20, :30] = alpha[:20, -30:] = 0
        write_image(path, alpha)

    assert alpha_frames(folder_of(tmp_path, close_up), clip).warnings == ()


@pytest.mark.parametrize("white", [1, 38])
def test_masks_of_two_values_are_brought_to_white(tmp_path, clip, white):
    folder = folder_of(
        tmp_path, lambda path, a: write_image(path, np.where(a > 128, white, 0).astype(np.uint8))
    )
    matte = alpha_frames(folder, clip)
    assert worst(matte, solid_only=True) == 0
    assert f"0 and {white}" in matte.warnings[0]


def test_masks_of_0_and_1_in_sixteen_bits(tmp_path, clip):
    folder = folder_of(
        tmp_path, lambda path, a: Pillow.fromarray((a > 128).astype(np.uint16)).save(path)
    )
    assert worst(alpha_frames(folder, clip), solid_only=True) == 0


def test_palette_masks_of_0_and_1(tmp_path, clip):
    def save(path, alpha):
        image = Pillow.fromarray((alpha > 128).astype(np.uint8), "P")
        image.putpalette([0, 0, 0, 128, 0, 0])
        image.save(path)

    assert worst(alpha_frames(folder_of(tmp_path, save), clip), solid_only=True) == 0


def test_a_faint_matte_is_refused(tmp_path, clip):
    folder = folder_of(tmp_path, lambda path, a: write_image(path, (a * 0.3).astype(np.uint8)))
    with pytest.raises(InputError, match="brightest value is 76"):
        alpha_frames(folder, clip)


def test_a_colour_profile_says_nothing_of_an_alpha(tmp_path):
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add(b"gAMA", (100_000).to_bytes(4, "big"))
    grey = np.full((64, 96), 100, np.uint8)
    Pillow.fromarray(grey).save(tmp_path / "m.png", pnginfo=info)
    np.testing.assert_array_equal(matte_picture(tmp_path / "m.png"), grey)


def test_files_of_the_system_lie_among_the_frames(tmp_path, clip):
    folder = folder_of(tmp_path, write_image)
    for name in ("._m.0001.png", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(b"not a picture")
    assert worst(alpha_frames(folder, clip)) == 0
