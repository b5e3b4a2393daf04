"""Clips as cameras, phones and recorders write them: display matrices, joined streams, timecode."""

import multiprocessing
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image as Pillow

from dynascene_cli.errors import InputError
from dynascene_cli.video import open_clip, open_sink, read_frames
from dynascene_cli.video.orientation import nearest_orientation, orient_picture
from dynascene_cli.video.timecode import advance_timecode

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from video_media import frame_number, numbered_frame, write_video

FRAMES = [numbered_frame(index) for index in range(20)]


def numbers(clip):
    return [frame_number(image) for image in read_frames(clip)]


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_every_mirroring_and_turn_of_a_matrix(rotation, mirrored):
    """A picture drawn through the matrix, pixel by pixel, is the picture that is shown."""
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    turn = np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), rotation // 90)
    matrix = turn @ (np.diag([-1, 1]) if mirrored else np.eye(2, dtype=int))
    places = {(x, y): tuple(matrix @ [x, y]) for y in range(2) for x in range(3)}
    left = min(x for x, _ in places.values())
    top = min(y for _, y in places.values())
    shown = np.zeros((3, 2) if rotation % 180 else (2, 3), np.uint8)
    for (x, y), (to_x, to_y) in places.items():
        shown[to_y - top, to_x - left] = image[y, x]
    found = nearest_orientation(matrix.astype(float))
    assert (found.rotation, found.mirrored, round(found.off_by, 6)) == (rotation, mirrored, 0)
    np.testing.assert_array_equal(orient_picture(image, found.rotation, found.mirrored), shown)


def with_matrix(path, images, matrix):
    """A video whose display matrix has these four numbers: a, b, c, d."""
    a, b, c, d = (round(value * 65536) for value in matrix)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "5"})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.set_display_matrix([a, b, 0, c, d, 0, 0, 0, 1 << 30])
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def test_a_mirrored_clip_is_shown_unmirrored(tmp_path):
    clip = open_clip(with_matrix(tmp_path / "a.mp4", [f[:, ::-1] for f in FRAMES], (-1, 0, 0, 1)))
    assert (clip.width, clip.height, clip.mirrored) == (96, 64, True)
    assert numbers(clip) == list(range(20))


def test_a_turn_by_five_degrees_is_none_and_said(tmp_path):
    c, s = np.cos(np.radians(5)), np.sin(np.radians(5))
    clip = open_clip(with_matrix(tmp_path / "a.mp4", FRAMES, (c, -s, s, c)))
    assert (clip.width, clip.height, clip.rotation) == (96, 64, 0)
    assert "nearest right angle" in clip.warnings[0]
    assert numbers(clip) == list(range(20))


@pytest.mark.parametrize("pause", [0.0, 50.0])
def test_joined_transport_streams_are_one_clip(tmp_path, pause):
    takes = []
    for index, part in enumerate((FRAMES[:12], FRAMES[12:])):
        start = index * pause
        path = write_video(
            tmp_path / f"{index}.ts", part, times=[start + i / 24 for i in range(len(part))]
        )
        takes.append(path.read_bytes())
    (tmp_path / "joined.ts").write_bytes(b"".join(takes))
    clip = open_clip(tmp_path / "joined.ts")
    assert numbers(clip) == list(range(20))
    assert [frame_number(image) for image in read_frames(clip, 11, 14)] == [11, 12, 13]
    assert any("start over" in warning for warning in clip.warnings)


@pytest.mark.parametrize("name", ["raw.h264", "raw.hevc"])
def test_a_stream_without_a_container_needs_its_rate(tmp_path, name):
    codec = {"h264": "libx264", "hevc": "libx265"}[name.split(".")[1]]
    path = write_video(tmp_path / name, FRAMES, codec=codec)
    with pytest.raises(InputError) as error:
        open_clip(path)
    assert "--fps" in error.value.hint
    clip = open_clip(path, fps=25)
    assert (clip.frame_rate, numbers(clip)) == (25, list(range(20)))


def write_av1(path):
    """Encode in a process of its own.

    Where root runs it, SVT-AV1 leaves its process at a real-time priority, which everything that
    the process starts later inherits: two cores can then stand still for the rest of the suite.
    """
    process = multiprocessing.get_context("spawn").Process(
        target=write_video, args=(path, FRAMES), kwargs={"codec": "libsvtav1"}
    )
    process.start()
    process.join()
    assert process.exitcode == 0


@pytest.mark.parametrize("name", ["raw.mjpeg", "raw.obu"])
def test_a_rate_that_nothing_tells_is_asked_for(tmp_path, name):
    """FFmpeg takes 25 for these, whatever they were filmed at."""
    path = tmp_path / name
    if name == "raw.mjpeg":
        write_video(path, FRAMES, codec="mjpeg", pixel_format="yuvj420p")
    else:
        write_av1(path)
    with pytest.raises(InputError) as error:
        open_clip(path)
    assert "--fps" in error.value.hint
    clip = open_clip(path, fps=30)
    assert (clip.frame_rate, numbers(clip)) == (30, list(range(20)))


def test_the_further_pictures_of_a_photo_are_no_frames(tmp_path):
    """Phones write a preview or a gain map behind the photo (MPO)."""
    images = [Pillow.fromarray(image) for image in FRAMES[:2]]
    images[0].save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=images[1:])
    clip = open_clip(tmp_path / "a.jpg")
    assert (clip.kind, clip.frame_count, numbers(clip)) == ("image", 1, [0])


def free_box(text):
    return (len(text) + 8).to_bytes(4, "big") + b"free" + text


@pytest.mark.parametrize(
    ("metadata", "behind", "curve"),
    [
        ({"com.arri.camera.ColorGammaSxS": "LOG-C"}, b"", "LOG-C"),
        ({"com.panasonic.gamma": "V-Log"}, b"", "V-Log"),
        ({"title": "my vlog 3", "comment": "with S-Log3 tips"}, b"", None),
        ({}, b'<Item name="CaptureGammaEquation" value="s-log3-cine"/>', "s-log3"),
        ({}, b"<CaptureGamma>Canon Log 2</CaptureGamma>", "Canon Log 2"),
        ({}, b'<Item name="CaptureGammaEquation" value="rec709"/>', None),
    ],
)
def test_log_curves_are_warned_of(tmp_path, metadata, behind, curve):
    path = tmp_path / "a.mov"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata.update(metadata)
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(96, 64, "yuv420p")))
        container.mux(stream.encode(None))
    path.write_bytes(path.read_bytes() + free_box(behind))
    told = [warning for warning in open_clip(path).warnings if "log curve" in warning]
    assert [f"({curve})" in warning for warning in told] == [True] * (curve is not None)


@pytest.mark.parametrize(("transfer", "told"), [(9, "log curve"), (16, "PQ"), (18, "HLG")])
def test_transfer_codes_are_warned_of(tmp_path, transfer, told):
    path = write_video(tmp_path / "a.mp4", FRAMES[:2], transfer=transfer)
    assert told in " ".join(open_clip(path).warnings)


def test_animated_webp(tmp_path):
    images = [Pillow.fromarray(image) for image in FRAMES[:12]]
    images[0].save(
        tmp_path / "a.webp", save_all=True, append_images=images[1:], duration=40, lossless=True
    )
    clip = open_clip(tmp_path / "a.webp")
    assert (clip.kind, clip.frame_rate, numbers(clip)) == ("animation", 25, list(range(12)))
    assert [frame_number(image) for image in read_frames(clip, 5, 7)] == [5, 6]


def test_a_preview_track_is_not_the_clip(tmp_path):
    path = tmp_path / "preview.mov"
    with av.open(str(path), "w") as container:
        streams = []
        for width, height in ((48, 32), (96, 64)):
            stream = container.add_stream("libx264", rate=24, options={"crf": "5"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            streams.append(stream)
        streams[0].disposition = 0
        streams[1].disposition = av.stream.Disposition.default
        for image in FRAMES:
            for stream in streams:
                small = np.ascontiguousarray(image[: stream.height, : stream.width])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(small, format="rgb24")))
        for stream in streams:
            container.mux(stream.encode(None))
    clip = open_clip(path)
    assert (clip.width, clip.height, numbers(clip)) == (96, 64, list(range(20)))


def test_a_coding_that_nothing_decodes_is_named(tmp_path):
    path = write_video(tmp_path / "a.mp4", FRAMES)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(InputError, match="zzzz"):
        open_clip(path)


def test_times_that_leave_hours_empty_are_refused(tmp_path):
    times = [0.0, 1 / 24, 2 / 24, 20_000.0]
    path = write_video(tmp_path / "a.mp4", FRAMES[:4], times=times)
    with pytest.raises(InputError, match="nothing new for 20000 s"):
        open_clip(path)
    assert numbers(open_clip(path, end=2 / 24)) == [0, 1]


@pytest.mark.parametrize("rate", [10, 15, 20, 24])
def test_one_missing_frame_does_not_change_the_rate(tmp_path, rate):
    times = [index / rate for index in range(21) if index != 7]
    clip = open_clip(write_video(tmp_path / "a.mp4", FRAMES, times=times))
    assert (clip.frame_rate, clip.frame_count) == (rate, 21)
    assert "a guess" in clip.warnings[0]


def test_a_timecode_is_read_told_and_kept(tmp_path, dynascene):
    with open_sink(
        tmp_path / "a.mov", width=96, height=64, frame_rate=Fraction(25), timecode="01:00:00:10"
    ) as sink:
        for image in FRAMES:
            sink.write(image)
    assert "timecode  01:00:00:10" in dynascene("info", "a.mov").out
    assert dynascene("info", "a.mov", "--start", 0.6, "--json").json["timecode"] == "01:00:01:00"


@pytest.mark.parametrize(
    ("timecode", "frames", "rate", "later"),
    [
        ("00:00:59;29", 1, Fraction(30000, 1001), "00:01:00;02"),
        ("00:09:59;29", 1, Fraction(30000, 1001), "00:10:00;00"),
        ("00:00:00;00", 17982, Fraction(30000, 1001), "00:10:00;00"),
        ("00:00:59:23", 1, Fraction(24000, 1001), "00:01:00:00"),
        ("23:59:59:24", 1, Fraction(25), "00:00:00:00"),
        ("01:00:00:40", 1, Fraction(25), None),
        ("one o'clock", 1, Fraction(25), None),
    ],
)
def test_timecode_counts_on(timecode, frames, rate, later):
    assert advance_timecode(timecode, frames, rate) == later
