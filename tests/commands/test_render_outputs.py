"""What a render writes besides its video: layers as pictures, and the comparison."""

import base64
import json
import re
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from dynascene_cli.pipeline.comparison import wipe, wipe_share
from dynascene_cli.pipeline.layers import FILMS
from dynascene_cli.video import (
    encode_image,
    open_clip,
    open_sink,
    read_frames,
    read_photo,
    resize_to_cover,
)
from dynascene_cli.video.openexr import exr_bytes, exr_planes
from dynascene_cli.video.srgb_curve import display_light


@pytest.fixture
def render(dynascene, drawn_clip, photo):
    """Renders four frames of a drawn figure, and returns the run."""
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--camera", "static", "--matte", alphas)
    return lambda *more: dynascene(*words, "--end", "0.16", "-o", "out.mov", "--json", *more)


def test_layers_as_numbered_pictures(render, tmp_path):
    run = render("--layers", "png", "--layers-format", "png", "--start-number", "1001")
    assert run.code == 0, run.err
    names = {path.name for path in (tmp_path / "png").iterdir()}
    layers = ("background", "foreground", "matte", "plate", "shadow")
    pictures = {f"{name}.{number:05d}.png" for name in layers for number in range(1001, 1005)}
    assert names == {*pictures, "camera.json", "settings.json", "timeline.otio"}
    assert json.loads((tmp_path / "png" / "camera.json").read_text())["first_frame"] == 1001

    run = render("--layers", "exr", "--layers-format", "exr", "--start-number", "1001")
    assert run.code == 0, run.err
    matte = exr_planes(tmp_path / "exr" / "matte.01002.exr")
    grey = np.asarray(Pillow.open(tmp_path / "png" / "matte.01002.png"))[..., 0]
    assert len(np.unique(grey)) > 5
    np.testing.assert_allclose(matte, grey / 255, atol=1.01 / 255)
    foreground = exr_planes(tmp_path / "exr" / "foreground.01002.exr")
    coded = np.asarray(Pillow.open(tmp_path / "png" / "foreground.01002.png")) / 255
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    assert np.array_equal(foreground[..., 3], matte)
    # A level of 8 bits is up to a hundredth of all light.
    np.testing.assert_allclose(foreground[..., :3], linear[..., :3], atol=1e-2)


def test_a_shorter_render_takes_longer_ones_pictures_away(render, tmp_path):
    words = ("--layers", "into", "--layers-format", "png")
    folder = tmp_path / "into"
    assert render(*words).code == 0
    assert render("--layers", "into").code == 0
    (folder / "plate.00009.png").write_bytes(b"the user's")
    (folder / "matte.00004.png").write_bytes(b"painted over")
    run = render(*words, "--end", "0.08")
    assert run.code == 0, run.err
    left = {path.name for path in folder.iterdir()}
    pictures = {f"{film}.{number:05d}.png" for film in FILMS for number in (1, 2)}
    assert left == {
        *pictures,
        *(f"{film}.mov" for film in FILMS),
        *("camera.json", "settings.json", "timeline.otio", "plate.00009.png", "matte.00004.png"),
    }


@pytest.mark.parametrize("written", [None, 3, [], {"../out.mov": 1, "plate.x.mov": 1, "a": "b"}])
def test_a_record_that_is_none_removes_nothing(render, tmp_path, written):
    folder = tmp_path / "into"
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps({"written": written}))
    (folder / "plate.x.mov").write_bytes(b"1")
    run = render("--layers", "into")
    assert run.code == 0, run.err
    assert (folder / "plate.x.mov").read_bytes() == b"1"
    assert (tmp_path / "out.mov").is_file()


def test_the_timeline_stacks_the_layers_over_the_source(dynascene, tmp_path, photo):
    otio = pytest.importorskip("opentimelineio", reason="needs opentimelineio")
    (tmp_path / "take 1").mkdir()
    source = tmp_path / "take 1" / "a b.mov"
    matte = tmp_path / "mattes"
    matte.mkdir()
    rate = Fraction(30000, 1001)
    with open_sink(source, width=64, height=48, frame_rate=rate, timecode="01:00:59;28") as sink:
        for index in range(8):
            sink.write(np.full((48, 64, 3), 40 + 9 * index, np.uint8))
            alpha = np.zeros((48, 64), np.uint8)
            alpha[8:44, 24:40] = 255
            Pillow.fromarray(alpha).save(matte / f"{index:03d}.png")
    words = ("render", source, "--scene", photo, "--camera", "static", "--matte", matte)
    words += ("--start", "0.1", "-o", "out.mov", "--json")
    for form, first in (("mov", 1), ("exr", 1001)):
        run = dynascene(*words, "--layers", form, "--layers-format", form, "--start-number", first)
        assert run.code == 0, run.err
        timeline = otio.adapters.read_from_file(str(tmp_path / form / "timeline.otio"))
        start = timeline.global_start_time
        # Of 30 numbers a second the first two of a minute are left out.
        assert otio.opentime.to_timecode(start, start.rate, True) == "01:01:00;03"
        names = [track.name for track in timeline.video_tracks()]
        assert names == ["source", "matte", "plate", "background", "shadow", "foreground"]
        for track in timeline.video_tracks():
            (clip,) = track
            assert clip.enabled == (track.name not in ("matte", "plate"))
            assert clip.trimmed_range().start_time == timeline.global_start_time
            assert clip.trimmed_range().duration.value == 5
            media = clip.media_reference
            known = media.available_range
            if track.name == "source":
                assert known.start_time.value == timeline.global_start_time.value - 3
                assert known.duration.value == 8
                named = tmp_path / form / otio.url_utils.filepath_from_url(media.target_url)
                assert named.samefile(source)
            elif form == "mov":
                assert (tmp_path / form / media.target_url).is_file()
            else:
                urls = [media.target_url_for_image_number(index) for index in range(5)]
                assert urls == [f"{track.name}.{number:05d}.exr" for number in range(1001, 1006)]
                assert all((tmp_path / form / url).is_file() for url in urls)


def test_a_timeline_without_timecode_counts_as_the_files_do(dynascene, tmp_path, photo):
    otio = pytest.importorskip("opentimelineio", reason="needs opentimelineio")
    for number in range(1001, 1005):
        Pillow.new("RGB", (64, 48), (90, 80, 70)).save(f"take.{number}.png")
        alpha = np.pad(np.full((36, 16), 255, np.uint8), ((8, 4), (24, 24)))
        Pillow.fromarray(alpha).save(f"m.{number}.png")
    words = ("render", "take.%04d.png", "--fps", "25", "--scene", photo, "--camera", "static")
    run = dynascene(*words, "--matte", "m.%04d.png", "--layers", "w", "-o", "out.mov", "--json")
    assert run.code == 0, run.err
    timeline = otio.adapters.read_from_file(str(tmp_path / "w" / "timeline.otio"))
    assert timeline.global_start_time == otio.opentime.RationalTime(1001, 25)
    source = timeline.video_tracks()[0][0].media_reference
    urls = [source.target_url_for_image_number(index) for index in range(4)]
    assert urls == [f"../take.{number}.png" for number in range(1001, 1005)]


def test_the_clip_beside_the_shot(render, tmp_path, drawn_clip):
    run = render("--compare", "both.mov")
    assert run.code == 0, run.err
    assert run.json["compare"] == "both.mov"
    both, out, filmed = (open_clip(path) for path in ("both.mov", "out.mov", drawn_clip[0]))
    assert (both.width, both.height, both.frame_count) == (256, 96, 4)
    assert both.frame_rate == filmed.frame_rate
    for pair, finished, source in zip(
        read_frames(both), read_frames(out), read_frames(filmed, 0, 4), strict=True
    ):
        assert np.abs(pair[:, :124].astype(int) - source[:, :124]).mean() < 3
        assert np.abs(pair[:, 132:].astype(int) - finished[:, 4:]).mean() < 3

    run = render("--compare", "wipe.mov", "--compare-as", "wipe")
    assert run.code == 0, run.err
    first = next(read_frames(open_clip("wipe.mov")))
    assert first.shape == (96, 128, 3)
    assert (first[:, 63:65] > 200).all()
    source, finished = next(read_frames(filmed)), next(read_frames(out))
    assert np.abs(first[:, :60].astype(int) - source[:, :60]).mean() < 3
    assert np.abs(first[:, 68:].astype(int) - finished[:, 68:]).mean() < 3


def test_a_wipe_goes_from_edge_to_edge_and_back():
    shares = [wipe_share(index, 24) for index in range(0, 96, 12)]
    assert shares == [0.5, 0.75, 1.0, 0.75, 0.5, 0.25, 0.0, 0.25]
    filmed, finished = np.zeros((4, 8, 3), np.uint8), np.full((4, 8, 3), 9, np.uint8)
    assert (wipe(filmed, finished, 0)[:, 1:] == 9).all()
    assert (wipe(filmed, finished, 1)[:, :-1] == 0).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--compare", "out.mov"), "out.mov is the finished video"),
        (("--compare", "both.doc"), ".doc is not a supported output format"),
        (("--compare", "both.png"), "both.png holds one frame, the clip has more"),
        (("--compare", "none/both.mov"), "the folder none does not exist"),
    ],
)
def test_wrong_comparisons_are_told_before_anything_is_made(render, tmp_path, words, told):
    run = render(*words)
    assert run.code == 1
    assert told in run.err
    assert list(tmp_path.iterdir()) == []


def test_travel_that_a_photo_without_ground_cannot_show_is_told(dynascene, drawn_clip, photo):
    words = ("render", drawn_clip[0], "--scene", photo, "--matte", drawn_clip[1], "--end", "0.1")
    words += ("--horizon", "0.99", "-o", "out.mov", "--json")
    told = "the camera's travel is left out"
    for camera, is_told in (("dolly-in", True), ("pan-left", False), ("handheld", False)):
        run = dynascene(*words, "--camera", camera)
        assert run.code == 0, run.err
        warnings = [warning for warning in run.json["warnings"] if told in warning]
        assert bool(warnings) == is_told, camera
        assert all("a zoom by 1." in warning for warning in warnings), camera


def test_the_report_plays_what_browsers_do_not_and_says_settings_in_words(render):
    run = render("--report")
    assert run.code == 0, run.err
    page = Path(run.json["report"]).read_text(encoding="utf-8")
    coded = re.search(r'<source src="data:video/mp4;base64,([^"]*)"', page)
    assert coded is not None
    Path("shown.mp4").write_bytes(base64.b64decode(coded[1]))
    shown, result = open_clip("shown.mp4"), open_clip("out.mov")
    assert (shown.width, shown.height, shown.frame_count) == (
        result.width,
        result.height,
        result.frame_count,
    )
    assert f"{result.width}x{result.height}, without sound" in page
    assert '<th scope="row">light wrap</th><td>yes</td>' in page
    assert ">None<" not in page


def test_ten_bits_stay_ten_bits_in_the_foreground(dynascene, tmp_path, photo):
    """A ramp of levels that 8 bits do not tell apart, filmed in 10 bits."""
    width, height, rate = 128, 96, Fraction(25)
    container = av.open("ten.mkv", "w")
    stream = container.add_stream("ffv1", rate=rate)
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv444p10le"
    stream.codec_context.colorspace, stream.codec_context.color_range = 1, 1
    (tmp_path / "m").mkdir()
    # Luma from 400 on in steps of a tenth bit; no colour.
    luma = np.broadcast_to(400 + np.arange(width, dtype=np.uint16), (height, width))
    alpha = np.zeros((height, width), np.uint8)
    alpha[10:90, 30:100] = 255
    for index in range(2):
        frame = av.VideoFrame(width, height, "yuv444p10le")
        for plane, values in zip(frame.planes, (luma, 512, 512), strict=True):
            rows = np.frombuffer(memoryview(plane), "<u2").reshape(-1, plane.line_size // 2)
            rows[:, :width] = values
        frame.pts, frame.time_base, frame.colorspace, frame.color_range = index, 1 / rate, 1, 1
        container.mux(stream.encode(frame))
        Pillow.fromarray(alpha).save(tmp_path / "m" / f"{index}.png")
    container.mux(stream.encode(None))
    container.close()
    words = ("render", "ten.mkv", "--scene", photo, "--camera", "static", "--matte", "m")
    words += ("--person-anchor", "screen", "--relight", "off", "-o", "out.mov", "--json")
    display = (luma[0] - 64.0) / 876
    linear = np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)
    inner = np.s_[40, 40:90]
    for compression in ("zip", "none"):
        more = ("--layers-format", "exr", "--exr-compression", compression)
        run = dynascene(*words, "--layers", compression, *more)
        assert run.code == 0, run.err
        shown = exr_planes(tmp_path / compression / "foreground.00001.exr")
        for channel in range(3):
            assert len(np.unique(shown[inner][:, channel])) == 50
            np.testing.assert_allclose(shown[inner][:, channel], linear[40:90], atol=3e-4)
    sizes = [(tmp_path / name / "plate.00001.exr").stat().st_size for name in ("zip", "none")]
    assert sizes[0] < sizes[1]

    run = dynascene(*words, "--layers", "png", "--layers-format", "png")
    assert run.code == 0, run.err
    coded = cv2.imread("png/foreground.00001.png", cv2.IMREAD_UNCHANGED)
    assert coded.dtype == np.uint16
    np.testing.assert_allclose(coded[inner][:, 0], display[40:90] * 65535, atol=48)
    run = dynascene(*words, "--layers", "mov")
    assert run.code == 0, run.err
    for file in ("mov/foreground.mov", "out.mov"):
        with av.open(file) as film:
            plane = next(film.decode(video=0)).reformat(format="yuv444p10le").planes[0]
            rows = np.frombuffer(memoryview(plane), "<u2").reshape(-1, plane.line_size // 2)
            np.testing.assert_allclose(rows[40, 45:85], luma[40, 45:85], atol=2)
    assert json.loads(Path("mov/settings.json").read_text())["bits"] == 16


def laid_over(below, layer):
    return below * (1 - layer[..., 3:]) + layer[..., :3] * layer[..., 3:]


def test_layers_in_exr_make_the_finished_picture(dynascene, drawn_clip, photo):
    """Of a clip and a photo of 8 bits, under a move, with grain, shadow and other light."""
    clip, alphas = drawn_clip
    words = ("render", clip, "--scene", photo, "--matte", alphas, "--camera", "dolly-in")
    words += ("--end", "0.09", "--relight", "scene", "--json", "--person-anchor", "screen")
    run = dynascene(*words, "-o", "out.%d.exr", "--layers", "exr", "--layers-format", "exr")
    assert run.code == 0, run.err
    run = dynascene(*words, "-o", "out.%d.png", "--layers", "png", "--layers-format", "png")
    assert run.code == 0, run.err
    assert json.loads(Path("png/settings.json").read_text())["bits"] == 8
    names = ("background", "shadow", "foreground", "plate", "matte")
    layers = {name: exr_planes(Path(f"exr/{name}.00002.exr")) for name in names}
    made = laid_over(laid_over(layers["background"], layers["shadow"]), layers["foreground"])
    finished = exr_planes(Path("out.2.exr"))
    assert np.abs(made - finished).max() < 1.5e-3
    colours = {"out.2": finished, **{f"png/{name}.00002": layers[name] for name in names}}
    del colours["png/matte.00002"], colours["png/shadow.00002"]
    for name, linear in colours.items():
        coarse = np.asarray(Pillow.open(f"{name}.png"))[..., :3] / 255
        fine = display_light(linear[..., :3])
        assert np.abs(fine - coarse).max() < 2.5 / 255
        assert len(np.unique(fine)) > 256
    assert np.array_equal(layers["foreground"][..., 3], layers["matte"])
    share = np.asarray(Pillow.open("png/shadow.00002.png"))[..., 3] / 255
    assert share.max() > 0.3
    assert np.abs(layers["shadow"][..., 3] - share).max() < 1.5 / 255
    assert len(np.unique(layers["shadow"][..., 3])) > len(np.unique(share))


@pytest.mark.parametrize("suffix", ["png", "exr"])
def test_pictures_of_16_bits_keep_them(dynascene, tmp_path, photo, suffix):
    """A grey ramp in steps of a sixteenth of a level, out of pictures and into pictures."""
    width, height = 128, 96
    ramp = np.broadcast_to(30_000 + 16 * np.arange(width, dtype=np.uint16), (height, width))
    frame = np.repeat(ramp[..., None], 3, axis=2)
    alpha = np.zeros((height, width), np.uint8)
    alpha[10:90, 30:100] = 255
    low_bits = np.random.default_rng(0).integers(-128, 129, (height, width, 3))
    pixels = resize_to_cover(read_photo(photo).pixels, width, height).astype(np.int32)
    deep_photo = np.clip(pixels * 257 + low_bits, 0, 65535).astype(np.uint16)
    (tmp_path / "photo.png").write_bytes(encode_image(deep_photo, Path("photo.png")))
    (tmp_path / "m").mkdir()
    for number in (1, 2):
        content = exr_bytes(frame) if suffix == "exr" else encode_image(frame, Path("a.png"))
        (tmp_path / f"a.{number}.{suffix}").write_bytes(content)
        Pillow.fromarray(alpha).save(tmp_path / "m" / f"{number}.png")
    words = ("render", f"a.%d.{suffix}", "--fps", "25", "--scene", "photo.png", "--matte", "m")
    words += ("--camera", "static", "--person-anchor", "screen", "--relight", "off", "--json")
    run = dynascene(*words, "-o", "out.%d.png", "--layers", "layers", "--layers-format", "png")
    assert run.code == 0, run.err
    plate = cv2.imread("layers/plate.00001.png", cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(plate[..., ::-1], deep_photo, atol=8)
    tolerance = 12 if suffix == "exr" else 1
    for file in ("layers/foreground.00001.png", "out.1.png"):
        written = cv2.imread(file, cv2.IMREAD_UNCHANGED)
        assert written.dtype == np.uint16
        np.testing.assert_allclose(written[40, 40:90, 0], ramp[40, 40:90], atol=tolerance)
    finished = cv2.imread("out.1.png", cv2.IMREAD_UNCHANGED)
    below = cv2.imread("layers/background.00001.png", cv2.IMREAD_UNCHANGED)
    taken = cv2.imread("layers/shadow.00001.png", cv2.IMREAD_UNCHANGED)[..., 3]
    bare = (taken == 0) & (alpha == 0)
    assert bare.any()
    assert np.array_equal(finished[bare], below[bare])
    assert json.loads(Path("layers/settings.json").read_text())["bits"] == 16
