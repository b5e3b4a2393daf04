from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow
from video_media import (
    HEIGHT,
    WIDTH,
    beeps,
    colour_chart,
    frame_number,
    numbered_frame,
    patch_error,
    write_video,
)

from dynascene_cli.errors import InputError
from dynascene_cli.video import (
    alpha_frames,
    decode_frames,
    open_clip,
    open_sink,
    read_alpha,
    read_frames,
    read_frames_at,
)

FRAMES = [numbered_frame(index) for index in range(60)]


def numbers(clip, first=0, last=None):
    return [frame_number(image) for image in read_frames(clip, first, last)]


def test_constant_rate_maps_one_to_one(tmp_path):
    clip = open_clip(write_video(tmp_path / "a.mp4", FRAMES))
    assert (clip.width, clip.height, clip.frame_rate, clip.frame_count) == (WIDTH, HEIGHT, 24, 60)
    assert not clip.variable_rate
    assert clip.warnings == ()
    assert numbers(clip) == list(range(60))


def test_reading_starts_at_any_frame(tmp_path):
    options = {"g": "12", "bf": "3"}
    clip = open_clip(write_video(tmp_path / "a.mp4", FRAMES, options=options))
    for first in (0, 1, 11, 12, 13, 35, 59):
        assert numbers(clip, first, first + 3) == list(range(first, min(first + 3, 60)))


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts"])
@pytest.mark.parametrize("options", [{"g": "60", "bf": "3"}, {"g": "12", "b-pyramid": "none"}])
def test_a_few_frames_are_those_of_the_whole(tmp_path, name, options):
    clip = open_clip(write_video(tmp_path / name, FRAMES, options=options))
    whole = list(read_frames(clip))
    for indices in ([0, 15, 31, 59], [2], [5, 6, 7], [1, 3, 58]):
        few = list(read_frames_at(clip, indices))
        assert all(map(np.array_equal, few, (whole[index] for index in indices)))
        assert len(few) == len(indices)


@pytest.mark.parametrize("name", ["a.mkv", "a.mov", "a.avi", "a.ts", "a.webm"])
def test_containers(tmp_path, name):
    coding = {"codec": "libvpx-vp9", "options": {"cpu-used": "8"}} if name == "a.webm" else {}
    rate = Fraction(24000, 1001)
    clip = open_clip(write_video(tmp_path / name, FRAMES[:30], rate=rate, **coding))
    assert clip.frame_rate == rate
    assert numbers(clip) == list(range(30))
    assert numbers(clip, 17, 20) == [17, 18, 19]


def test_paths_with_spaces_colons_and_other_letters(tmp_path):
    clip = open_clip(write_video(tmp_path / "日本 clip: ø 100%.mp4", FRAMES[:3]))
    assert numbers(clip) == [0, 1, 2]


def test_variable_rate_shows_the_current_frame(tmp_path):
    steps = np.array([0, 1, 2, 5, 6, 10, 11, 12, 20])
    path = write_video(tmp_path / "a.mkv", FRAMES[:9], rate=30, times=(steps / 30).tolist())
    clip = open_clip(path)
    assert clip.variable_rate
    assert clip.frame_rate == 30
    assert numbers(clip)[:21] == [0, 1, 2, 2, 2, 3, 4, 4, 4, 4, 5, 6, 7] + [7] * 7 + [8]
    assert "varies" in clip.warnings[0]


def test_odd_size(tmp_path):
    images = [numbered_frame(index, 97, 65) for index in range(3)]
    path = write_video(tmp_path / "a.mkv", images, codec="ffv1", pixel_format="yuv420p")
    clip = open_clip(path)
    assert (clip.width, clip.height) == (97, 65)
    assert [image.shape for image in read_frames(clip)] == [(65, 97, 3)] * 3
    assert numbers(clip) == [0, 1, 2]


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_is_applied(tmp_path, degrees):
    chart = colour_chart()
    clip = open_clip(write_video(tmp_path / "a.mov", [chart] * 3, rotation=degrees))
    upright = np.rot90(chart, degrees // 90)
    assert (clip.height, clip.width) == upright.shape[:2]
    assert patch_error(next(read_frames(clip)), upright) <= 3


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 5, 6])
def test_colour_is_read_by_its_tags(tmp_path, matrix, full_range):
    chart = colour_chart()
    path = write_video(tmp_path / "a.mp4", [chart], matrix=matrix, full_range=full_range)
    clip = open_clip(path)
    assert clip.colour.matrix == ("bt709" if matrix == 1 else "bt601")
    assert clip.colour.full_range == full_range
    assert patch_error(next(read_frames(clip)), chart) <= 3


def test_ten_bit_and_444(tmp_path):
    chart = colour_chart()
    for pixel_format in ("yuv420p10le", "yuv422p10le", "yuv444p", "yuv444p10le"):
        path = write_video(tmp_path / "a.mkv", [chart], codec="ffv1", pixel_format=pixel_format)
        clip = open_clip(path)
        assert clip.bit_depth == (8 if pixel_format == "yuv444p" else 10)
        assert patch_error(next(read_frames(clip)), chart) <= 2


@pytest.mark.parametrize(("lines", "matrix"), [(480, "bt601"), (720, "bt709")])
def test_untagged_colour_is_guessed_by_size(tmp_path, lines, matrix):
    images = [np.zeros((lines, 1280, 3), np.uint8)]
    assert open_clip(write_video(tmp_path / "a.mp4", images, tagged=False)).colour.matrix == matrix


@pytest.mark.parametrize(("transfer", "name"), [(16, "pq"), (18, "hlg")])
def test_hdr_is_noticed(tmp_path, transfer, name):
    path = write_video(
        tmp_path / "a.mkv",
        FRAMES[:2],
        pixel_format="yuv420p10le",
        matrix=9,
        transfer=transfer,
        primaries=9,
        codec="libx265",
        options={"x265-params": "log-level=none"},
    )
    clip = open_clip(path)
    assert clip.colour.transfer == name
    assert "HDR" in clip.warnings[0]


def test_trim(tmp_path):
    clip = open_clip(write_video(tmp_path / "a.mp4", FRAMES), start=0.5, end=1.0)
    assert numbers(clip) == list(range(12, 24))
    assert (clip.start, clip.end) == (Fraction(1, 2), 1)


@pytest.mark.parametrize(("start", "end"), [(3.0, None), (None, 9.0), (-1.0, None), (2.0, 1.0)])
def test_range_outside_the_clip(tmp_path, start, end):
    path = write_video(tmp_path / "a.mp4", FRAMES)
    with pytest.raises(InputError, match=r"outside the clip|leave no frame"):
        open_clip(path, start=start, end=end)


def test_asked_rate_resamples(tmp_path):
    clip = open_clip(write_video(tmp_path / "a.mp4", FRAMES), fps=12)
    assert clip.frame_rate == 12
    assert numbers(clip) == list(range(0, 60, 2))


def test_animated_gif(tmp_path):
    images = [Pillow.fromarray(numbered_frame(index)) for index in range(5)]
    path = tmp_path / "a.gif"
    images[0].save(path, save_all=True, append_images=images[1:], duration=100, loop=0)
    clip = open_clip(path)
    assert (clip.kind, clip.frame_rate, clip.frame_count) == ("animation", 10, 5)
    assert numbers(clip) == list(range(5))


@pytest.fixture
def sequence(tmp_path):
    for index in range(3, 8):
        Pillow.fromarray(numbered_frame(index)).save(tmp_path / f"shot é.{index:05d}.png")
    return tmp_path / "shot é.%05d.png"


def test_image_sequence(sequence):
    for source in (sequence, sequence.parent):
        clip = open_clip(source, fps=23.976)
        assert (clip.kind, clip.frame_rate) == ("sequence", Fraction(24000, 1001))
        assert numbers(clip) == [3, 4, 5, 6, 7]
        assert numbers(clip, 2, 4) == [5, 6]


def test_sequence_without_a_rate(sequence):
    with pytest.raises(InputError) as error:
        open_clip(sequence)
    assert "--fps" in error.value.hint


def test_sequence_with_a_gap(sequence):
    (sequence.parent / "shot é.00005.png").unlink()
    with pytest.raises(InputError, match=r"shot é\.00005\.png is missing"):
        open_clip(sequence, fps=24)


def test_sequence_of_two_sizes(sequence):
    Pillow.new("RGB", (10, 10)).save(sequence.parent / "shot é.00006.png")
    with pytest.raises(InputError, match=r"00006\.png is 10x10, the sequence is 96x64"):
        numbers(open_clip(sequence, fps=24))


def test_one_picture_is_a_clip_of_one_frame(tmp_path):
    Pillow.fromarray(FRAMES[7]).save(tmp_path / "a.png")
    clip = open_clip(tmp_path / "a.png")
    assert (clip.kind, clip.frame_count, clip.frame_rate) == ("image", 1, 24)
    assert numbers(clip) == [7]


def test_one_frame_video(tmp_path):
    clip = open_clip(write_video(tmp_path / "a.mp4", FRAMES[9:10], rate=30))
    assert (clip.frame_count, clip.frame_rate) == (1, 30)
    assert numbers(clip) == [9]


def test_missing_empty_and_text(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        open_clip(tmp_path / "none.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(InputError, match="is empty"):
        open_clip(tmp_path / "empty.mp4")
    (tmp_path / "text.mp4").write_text("Ein Film, der keiner ist. ü\n" * 400)
    with pytest.raises(InputError, match="is text, not a video"):
        open_clip(tmp_path / "text.mp4")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    with pytest.raises(InputError, match="is not a video that can be read"):
        open_clip(tmp_path / "noise.mp4")


def test_sound_without_a_picture(tmp_path):
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            beeps(0.5, [0.1])[None].astype(np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="has sound but no picture"):
        open_clip(path)


def truncated(path: Path, share: float) -> Path:
    data = path.read_bytes()
    cut = path.with_name(f"cut{path.suffix}")
    cut.write_bytes(data[: int(len(data) * share)])
    return cut


def noisy(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(count)]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_cut_short_names_the_last_good_time(tmp_path, name):
    options = {"movflags": "+faststart"} if name == "a.mp4" else {}
    path = write_video(tmp_path / name, noisy(96), container_options=options)
    cut = truncated(path, 0.5)
    with pytest.raises(InputError, match=r"last good time is [12]\.\d\d s") as error:
        open_clip(cut)
    good = float(error.value.hint.split()[-1])
    kept = open_clip(cut, end=good)
    assert kept.frame_count == len(list(read_frames(kept)))
    assert abs(kept.duration - good) < 0.1


def test_cut_short_within_the_index(tmp_path):
    whole = write_video(tmp_path / "a.mp4", noisy(8), options={"movflags": "+faststart"})
    cut = tmp_path / "cut.mp4"
    data = whole.read_bytes()
    cut.write_bytes(data[: data.index(b"moov") + 120])
    with pytest.raises(InputError, match=r"moov.* last good time is 0\.00 s"):
        open_clip(cut)


def test_cut_short_before_the_index(tmp_path):
    cut = truncated(write_video(tmp_path / "a.mp4", noisy(48)), 0.5)
    with pytest.raises(InputError, match=r"moov.* last good time is 0\.00 s"):
        open_clip(cut)


def test_damage_inside_names_the_last_good_time(tmp_path):
    path = write_video(tmp_path / "a.avi", noisy(48), codec="png", pixel_format="rgb24")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 60000] = bytes(60000)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"(damaged|cut short).* last good time is [01]\.\d\d s"):
        list(read_frames(open_clip(path)))


def test_pixels_that_are_not_square(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 72, 64, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        image = numbered_frame(5, 72, 64)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    clip = open_clip(path)
    assert (clip.width, clip.height) == (96, 64)
    assert next(read_frames(clip)).shape == (64, 96, 3)
    assert numbers(clip) == [5]


def test_matte_from_white_or_alpha(tmp_path):
    clip = open_clip(write_video(tmp_path / "clip.mp4", FRAMES[:4]))
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[:, 20:50] = 255
    folder = tmp_path / "grey"
    folder.mkdir()
    for index in range(4):
        Pillow.fromarray(alpha).save(folder / f"{index}.png")
    rgba = np.dstack([FRAMES[0], alpha])
    for name in ("m.mov", "m.webm", "m.%03d.png"):
        with open_sink(
            tmp_path / name, width=WIDTH, height=HEIGHT, frame_rate=clip.frame_rate, alpha=True
        ) as sink:
            for _ in range(4):
                sink.write(rgba)
    for source in (folder, tmp_path / "m.mov", tmp_path / "m.webm", tmp_path / "m.%03d.png"):
        matte = alpha_frames(source, clip)
        assert matte.frame_count == 4
        read = list(matte.frames(1, 3))
        assert len(read) == 2
        assert np.abs(read[0].astype(int) - alpha).max() <= 1
    trimmed = alpha_frames(folder, open_clip(tmp_path / "clip.mp4", start=1 / 24, end=3 / 24))
    assert trimmed.frame_count == 2
    (folder / "3.png").unlink()
    with pytest.raises(InputError, match=r"has 3 frames, the clip .* has 4"):
        alpha_frames(folder, clip)
    with pytest.raises(InputError, match=r"has 3 frames, the clip .* has 4"):
        alpha_frames(folder, open_clip(tmp_path / "clip.mp4", end=4 / 24))
    Pillow.fromarray(alpha).save(folder / "3.png")
    small = open_clip(write_video(tmp_path / "s.mp4", [numbered_frame(0, 64, 64)] * 4))
    with pytest.raises(InputError, match=r"is 96x64, the clip .* is 64x64"):
        alpha_frames(folder, small)


def test_alpha_of_what_has_none(tmp_path):
    clip = open_clip(write_video(tmp_path / "a.mp4", FRAMES[:2]))
    assert not clip.has_alpha
    assert all((alpha == 255).all() for alpha in read_alpha(clip))


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv444p"])
@pytest.mark.parametrize("rotation", [0, 90])
def test_a_window_of_a_decoded_frame_is_that_of_the_whole(tmp_path, pixel_format, rotation):
    width, height = 64, 50
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    path = tmp_path / "a.mp4"
    write_video(path, [noise] * 2, rotation=rotation, pixel_format=pixel_format)
    clip = open_clip(path)
    for frame, whole in zip(decode_frames(clip), read_frames(clip), strict=True):
        assert frame.shape == whole.shape
        assert np.array_equal(np.asarray(frame), whole)
        for top, bottom, left, right in ((0, 9, 0, 11), (3, 20, 7, 30), (11, 48, 5, 48)):
            assert np.array_equal(frame[top:bottom, left:right], whole[top:bottom, left:right])
