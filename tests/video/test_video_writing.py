import hashlib
import platform
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow
from video_media import (
    RATE,
    beeps,
    colour_chart,
    frame_number,
    numbered_frame,
    patch_error,
    write_video,
    written,
)

from dynascene_cli.errors import InputError, StageError
from dynascene_cli.video import (
    open_clip,
    open_sink,
    read_alpha,
    read_depth,
    read_frames,
    writing,
)
from dynascene_cli.video.openexr import exr_planes


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm", "a.%05d.png", "a.png"])
def test_colour_chart_survives(tmp_path, name):
    chart = colour_chart()
    count = 1 if name == "a.png" else 3
    clip = open_clip(written(tmp_path / name, [chart] * count), fps=RATE)
    assert (clip.frame_count, clip.frame_rate) == (count, RATE)
    assert max(patch_error(image, chart) for image in read_frames(clip)) <= 2


@pytest.mark.parametrize("name", ["a.mov", "a.webm", "a.%05d.png"])
def test_alpha_survives(tmp_path, name):
    chart = colour_chart()
    ramp = np.broadcast_to(np.arange(256, dtype=np.uint8), chart.shape[:2])
    clip = open_clip(written(tmp_path / name, [np.dstack([chart, ramp])] * 3, alpha=True), fps=RATE)
    assert clip.has_alpha
    assert max(patch_error(image, chart) for image in read_frames(clip)) <= 2
    alphas = list(read_alpha(clip))
    assert len(alphas) == 3
    assert max(np.abs(alpha.astype(int) - ramp).max() for alpha in alphas) <= 1
    assert (alphas[0][0, [0, 255]] == [0, 255]).all()


@pytest.mark.parametrize(
    ("name", "codec", "pixel_format"),
    [
        ("a.mp4", "h264", "yuv420p"),
        ("a.mov", "prores", "yuv422p10le"),
        ("a.webm", "vp9", "yuv420p"),
    ],
)
def test_video_is_tagged_bt709(tmp_path, name, codec, pixel_format):
    path = written(tmp_path / name, [colour_chart()] * 2)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frame = next(container.decode(stream))
        assert stream.codec_context.codec.canonical_name == codec
        assert frame.format.name == pixel_format
        assert (frame.colorspace, frame.color_range) == (1, 1)
        assert (frame.color_primaries, frame.color_trc) == (1, 1)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm"])
def test_frames_and_rate_are_kept(tmp_path, name):
    images = [numbered_frame(index) for index in range(30)]
    clip = open_clip(written(tmp_path / name, images))
    assert clip.frame_rate == RATE
    assert [frame_number(image) for image in read_frames(clip)] == list(range(30))


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mov"])
def test_odd_size_repeats_the_last_row_and_column(tmp_path, name):
    image = np.full((65, 97, 3), 40, np.uint8)
    image[:, 80:] = (200, 30, 60)
    clip = open_clip(written(tmp_path / name, [image] * 2))
    assert (clip.width, clip.height) == (98, 66)
    corner = next(read_frames(clip))[-1, -1].astype(int)
    assert np.abs(corner - (200, 30, 60)).max() <= 6


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm", "a.%05d.png"])
def test_same_frames_give_the_same_bytes(tmp_path, name):
    source = write_video(
        tmp_path / "s.mp4", [numbered_frame(0)] * 20, sound=beeps(0.8, [0.2]), rate=24
    )
    clip = open_clip(source, start=0.1)
    images = [numbered_frame(index) for index in range(12)]
    digests = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        written(tmp_path / folder / name, images, audio_from=clip, rate=Fraction(24))
        files = sorted((tmp_path / folder).iterdir())
        digests.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
    assert digests[0] == digests[1]


def moving_wall(width, height):
    """30 frames of a pattern that moves to the right.

    What lies behind the end of a row of macroblocks is then taken to have come from inside it.
    """
    rng = np.random.default_rng(0)
    wall = np.kron(rng.integers(0, 255, (40, 100, 3), dtype=np.uint8), np.ones((8, 9, 1), np.uint8))
    return [wall[i : i + height, 12 * (29 - i) :][:, :width] for i in range(30)]


@pytest.mark.parametrize(("width", "height"), [(480, 270), (480, 272)])
def test_a_hurried_producer_gives_the_same_bytes(tmp_path, width, height):
    rng = np.random.default_rng(0)
    made = set()
    for seconds in (0, 0.002, 0.02):
        path = tmp_path / f"{seconds}.mp4"
        with open_sink(path, width=width, height=height, frame_rate=RATE) as sink:
            for frame in moving_wall(width, height):
                # What was freed before lies about in the memory that the encoder is given.
                del [np.frombuffer(rng.bytes(width * height), np.uint8)][:]
                time.sleep(seconds * rng.random())
                sink.write(frame)
        made.add(path.read_bytes())
    assert len(made) == 1


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="has no AVX-512")
def test_the_bytes_do_not_depend_on_the_processors_age(tmp_path, monkeypatch):
    frames = moving_wall(480, 272)
    usual = written(tmp_path / "usual.mp4", frames).read_bytes()
    coding = writing._CODINGS[".mp4", False]
    options = {**coding.options, "x264-params": f"{coding.options['x264-params']}:asm=ssse3"}
    monkeypatch.setitem(writing._CODINGS, (".mp4", False), replace(coding, options=options))
    assert written(tmp_path / "old.mp4", frames).read_bytes() == usual


def test_faststart(tmp_path):
    data = written(tmp_path / "a.mp4", [numbered_frame(0)] * 3).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


def test_exr_is_linear_with_straight_alpha(tmp_path):
    image = np.zeros((40, 50, 4), np.uint8)
    image[..., :3] = (255, 188, 0)
    image[:, 25:, 3] = 128
    path = written(tmp_path / "a.%03d.exr", [image], alpha=True)
    planes = exr_planes(path.with_name("a.001.exr"))
    assert planes.shape == (40, 50, 4)
    assert np.abs(planes[20, 40] - (1.0, 0.5029, 0.0, 128 / 255)).max() < 2e-3
    grey = np.full((40, 50, 3), 188, np.uint8)
    written(tmp_path / "b.exr", [grey])
    assert np.abs(read_depth(tmp_path / "b.exr") - 0.5029).max() < 2e-3


def test_sequence_is_numbered_from_one(tmp_path):
    written(tmp_path / "out é.%04d.png", [numbered_frame(index) for index in (5, 6)])
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out é.0001.png", "out é.0002.png"]
    assert frame_number(np.asarray(Pillow.open(tmp_path / "out é.0002.png"))) == 6


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.webm", "a.%05d.png", "a.png"])
def test_an_error_leaves_nothing(tmp_path, name):
    with (
        pytest.raises(RuntimeError, match="the work failed"),
        open_sink(tmp_path / name, width=96, height=64, frame_rate=RATE) as sink,
    ):
        sink.write(numbered_frame(1))
        raise RuntimeError("the work failed")
    assert list(tmp_path.iterdir()) == []


def test_an_error_keeps_the_file_that_was_there(tmp_path):
    (tmp_path / "a.mp4").write_text("earlier work")
    with (
        pytest.raises(KeyboardInterrupt),
        open_sink(tmp_path / "a.mp4", width=96, height=64, frame_rate=RATE) as sink,
    ):
        sink.write(numbered_frame(1))
        raise KeyboardInterrupt
    assert (tmp_path / "a.mp4").read_text() == "earlier work"


def test_what_cannot_be_written(tmp_path):
    def sink(path, alpha=False):
        return open_sink(path, width=96, height=64, frame_rate=RATE, alpha=alpha).__enter__()

    with pytest.raises(InputError, match=r"\.gif is not a supported output format") as error:
        sink(tmp_path / "a.gif")
    assert ".webm" in error.value.hint
    with pytest.raises(InputError, match=r"\.mp4 holds no transparency"):
        sink(tmp_path / "a.mp4", alpha=True)
    with pytest.raises(InputError, match="does not exist"):
        sink(tmp_path / "none" / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(InputError, match="is a folder"):
        sink(tmp_path / "folder.mp4")
    with pytest.raises(InputError, match="cannot be written"):
        sink(Path("/proc/a.mp4"))
    with pytest.raises(InputError, match="holds one frame"):
        written(tmp_path / "a.png", [numbered_frame(0)] * 2)
    with pytest.raises(StageError, match="no frame was written"):
        sink_of_nothing = open_sink(tmp_path / "b.mp4", width=96, height=64, frame_rate=RATE)
        with sink_of_nothing:
            pass
    assert [file.name for file in tmp_path.iterdir()] == ["folder.mp4"]


FULL_DISK = """
import resource, signal, sys
import numpy as np
from fractions import Fraction
from pathlib import Path
from dynascene_cli.errors import StageError
from dynascene_cli.video import open_sink
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
rng = np.random.default_rng(0)
try:
    with open_sink(Path(sys.argv[1]), width=256, height=256, frame_rate=Fraction(24)) as sink:
        for _ in range(12):
            sink.write(rng.integers(0, 255, (256, 256, 3), np.uint8))
except StageError as error:
    print(error.message)
"""


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.%05d.png"])
def test_full_disk(tmp_path, name):
    """A limit on the size of files stands for a full disk: the same errors come from writing."""
    told = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "no space is left on the disk" in told.stdout
    assert list(tmp_path.iterdir()) == []
