"""The sound of a clip in the videos that are made of it."""

from fractions import Fraction

import av
import numpy as np
import pytest
from video_media import (
    beep_times,
    beeps,
    first_picture_time,
    numbered_frame,
    write_video,
    written,
)

from dynascene_cli.video import open_clip, read_frames

FLASHES = [0.25, 0.75, 1.25, 1.75]


def flashing(rate, seconds=2.0):
    lit = np.full((64, 96, 3), 255, np.uint8)
    dark = np.zeros_like(lit)
    count = round(seconds * rate)
    return [lit if any(0 <= i / rate - t < 0.05 for t in FLASHES) else dark for i in range(count)]


def flash_times(clip):
    lit = [image.mean() > 128 for image in read_frames(clip)]
    return [
        float(i / clip.frame_rate) for i, now in enumerate(lit) if now and not (i and lit[i - 1])
    ]


def packets(path):
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


@pytest.mark.parametrize(("source", "target"), [("s.mp4", "a.mp4"), ("s.mkv", "a.mov")])
def test_sound_is_copied_bit_for_bit(tmp_path, source, target):
    images = flashing(24)
    path = write_video(tmp_path / source, images, sound=beeps(2, FLASHES))
    clip = open_clip(path)
    assert clip.has_audio
    result = written(tmp_path / target, images, audio_from=clip, rate=clip.frame_rate)
    assert packets(result) == packets(path)
    assert in_sync(result, tolerance=0.003)


def sound_of(path):
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray() for frame in container.decode(audio=0)]
    sound = np.concatenate(blocks, axis=1)[0]
    return sound / 32768 if sound.dtype == np.int16 else sound


def in_sync(path, tolerance):
    begin = first_picture_time(path)
    seen = flash_times(open_clip(path))
    heard = [time - begin for time in beep_times(path)]
    assert len(heard) == len(seen) > 0, (heard, seen)
    return np.abs(np.subtract(heard, seen)).max() <= tolerance


@pytest.mark.parametrize("target", ["a.mp4", "a.mov", "a.webm"])
def test_trimmed_sound_stays_in_sync(tmp_path, target):
    path = write_video(tmp_path / "s.mp4", flashing(24), sound=beeps(2, FLASHES))
    clip = open_clip(path, start=0.5, end=1.5)
    result = written(tmp_path / target, list(read_frames(clip)), audio_from=clip, rate=Fraction(24))
    assert np.allclose(flash_times(open_clip(result)), [0.25, 0.75], atol=1e-6)
    assert in_sync(result, tolerance=0.002)
    with av.open(str(result)) as container:
        sound = container.streams.audio[0]
        assert float(sound.duration or 0) * sound.time_base <= 1.1


@pytest.mark.parametrize("target", ["a.mp4", "a.mov", "a.webm"])
def test_trimmed_sound_does_not_click_and_keeps_its_phase(tmp_path, capfd, target):
    """A cosine cut at two of its crests, where a bare cut would jump by 0.5."""
    tone = 0.5 * np.cos(2 * np.pi * 110 * np.arange(96000) / 48000)
    path = write_video(tmp_path / "s.mp4", [numbered_frame(0)] * 48, sound=tone)
    clip = open_clip(path, start=0.5, end=1.5)
    images = list(read_frames(clip))
    heard = sound_of(written(tmp_path / target, images, audio_from=clip, rate=Fraction(24)))
    assert np.abs(np.diff(heard, prepend=0, append=0)).max() < 0.02
    middle = np.arange(4800, 43200)
    phase = np.angle(heard[middle] @ np.exp(-2j * np.pi * 110 * middle / 48000))
    assert abs(phase / (2 * np.pi * 110)) < 0.002
    assert np.abs(heard[middle]).max() == pytest.approx(0.5, abs=0.02)
    assert capfd.readouterr() == ("", "")


def test_damaged_sound_stays_in_sync(tmp_path):
    path = write_video(tmp_path / "s.mp4", flashing(24), sound=beeps(2, FLASHES))
    with av.open(str(path)) as container:
        damaged = [p for p in container.demux(audio=0) if p.pts and 48000 < p.pts < 52000]
    data = bytearray(path.read_bytes())
    for packet in damaged:
        data[packet.pos : packet.pos + packet.size] = b"\xff" * packet.size
    path.write_bytes(data)
    clip = open_clip(path, start=0.5)
    result = written(
        tmp_path / "a.mov", list(read_frames(clip)), audio_from=clip, rate=Fraction(24)
    )
    assert len(damaged) >= 2
    assert in_sync(result, tolerance=0.002)


@pytest.mark.parametrize(("start", "end"), [(0.5, None), (None, 1.5)])
def test_an_end_that_is_not_trimmed_is_not_faded(tmp_path, start, end):
    level = np.full(96000, 0.5)
    path = write_video(
        tmp_path / "s.mkv", [numbered_frame(0)] * 48, sound=level, sound_codec="pcm_s16be"
    )
    clip = open_clip(path, start=start, end=end)
    heard = sound_of(
        written(tmp_path / "a.mov", list(read_frames(clip)), audio_from=clip, rate=Fraction(24))
    )
    faded = np.abs(heard - 0.5) > 0.01
    assert faded[:96].all() == (start is not None)
    assert faded[-96:].all() == (end is not None)
    assert not faded[192:-192].any()


@pytest.mark.parametrize("target", ["a.mp4", "a.webm"])
@pytest.mark.parametrize("late", ["picture", "sound"])
def test_streams_that_begin_apart_stay_in_sync(tmp_path, late, target):
    images = flashing(24)
    if late == "sound":
        sound, start, times = beeps(1.5, [t - 0.5 for t in FLASHES[1:]]), 0.5, None
        images = images[:12] + images[12:]
        images[:12] = [np.zeros_like(images[0])] * 12
    else:
        sound, start = beeps(2.5, [t + 0.3 for t in FLASHES]), 0.0
        times = [0.3 + i / 24 for i in range(len(images))]
    path = write_video(tmp_path / "s.mkv", images, times=times, sound=sound, sound_start=start)
    clip = open_clip(path)
    assert clip.frame_count == len(images)
    result = written(tmp_path / target, list(read_frames(clip)), audio_from=clip, rate=Fraction(24))
    assert in_sync(result, tolerance=0.005)


def test_variable_rate_stays_in_sync(tmp_path):
    times = [0.0]
    while times[-1] < 1.9:
        times.append(times[-1] + (1 / 60 if len(times) % 3 else 1 / 20))
    lit = [any(0 <= time - flash < 0.05 for flash in FLASHES) for time in times]
    images = [np.full((64, 96, 3), 255 * on, np.uint8) for on in lit]
    path = write_video(tmp_path / "s.mkv", images, rate=60, times=times, sound=beeps(2, FLASHES))
    clip = open_clip(path)
    assert clip.variable_rate
    result = written(
        tmp_path / "a.mp4", list(read_frames(clip)), audio_from=clip, rate=clip.frame_rate
    )
    assert in_sync(result, tolerance=0.055)


def test_a_clip_without_sound_gives_none(tmp_path):
    clip = open_clip(write_video(tmp_path / "s.mp4", [numbered_frame(0)] * 3))
    result = written(tmp_path / "a.mp4", [numbered_frame(0)] * 3, audio_from=clip)
    assert not open_clip(result).has_audio
