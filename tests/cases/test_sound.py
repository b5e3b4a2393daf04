"""Sound as files have it: many channels, no channel mask, many tracks, what nothing decodes."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from dynascene_cli.video import open_clip, open_sink, read_frames, sound_warnings

sys.path.insert(0, str(Path(__file__).parents[1] / "video"))
from video_media import numbered_frame

SECONDS = 0.5


def tones(channels, rate, first=200):
    """A tone of its own in each channel, (channels, n)."""
    times = np.arange(round(SECONDS * rate)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * (first + 50 * c) * times) for c in range(channels)])


def film(path, tracks, *, rate=48000, codec="pcm_s16le", layout=None):
    """A clip of half a second with sound tracks (channels, n)."""
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=24)
        picture.width, picture.height, picture.pix_fmt = 96, 64, "yuv420p"
        streams = [
            container.add_stream(codec, rate=rate, layout=layout or f"{len(track)} channels")
            for track in tracks
        ]
        for index in range(12):
            frame = av.VideoFrame.from_ndarray(numbered_frame(index), format="rgb24")
            container.mux(picture.encode(frame))
        container.mux(picture.encode(None))
        for stream, track in zip(streams, tracks, strict=True):
            values = np.ascontiguousarray(track.T, np.float32).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(
                values, format="flt", layout=layout or f"{len(track)} channels"
            )
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    return path


def carried(clip, target):
    with open_sink(
        target, width=96, height=64, frame_rate=clip.frame_rate, audio_from=clip
    ) as sink:
        for frame in read_frames(clip):
            sink.write(frame)
    return target


def heard(path, track=0):
    """Samples (channels, n), the rate and the coding of one sound track."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[track]
        resampler = av.AudioResampler(format="flt")
        blocks = [
            block.to_ndarray().reshape(-1, block.layout.nb_channels)
            for frame in container.decode(stream)
            for block in resampler.resample(frame)
        ]
        return np.concatenate(blocks).T, stream.rate, stream.codec_context.name


def pitch(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples[: round(0.4 * rate)], rate))
    return int(np.argmax(spectrum))


@pytest.mark.parametrize(
    ("channels", "target", "kept"),
    [
        (2, "a.mp4", 2),
        (2, "a.webm", 2),
        (6, "a.webm", 6),
        (8, "a.mp4", 8),
        (8, "a.webm", 8),
        (16, "a.mov", 16),
        (16, "a.mp4", 8),
    ],
)
def test_channels_are_kept_in_their_order(tmp_path, channels, target, kept):
    """The files have no channel mask: the order is all that tells one from another."""
    clip = open_clip(film(tmp_path / "s.mkv", [tones(channels, 48000)]))
    samples, rate, _ = heard(carried(clip, tmp_path / target))
    assert len(samples) == kept
    pitches = [pitch(channel, rate) for channel in samples]
    # A low-frequency channel passes low tones alone.
    audible = [c for c in range(kept) if not (kept >= 6 and c == 3)]
    assert [pitches[c] for c in audible] == pytest.approx([200 + 50 * c for c in audible], abs=4)
    told = sound_warnings(clip, tmp_path / target)
    assert bool(told) == (kept < channels)


@pytest.mark.parametrize(("rate", "kept"), [(176_400, 88_200), (192_000, 96_000)])
def test_rates_that_aac_does_not_know(tmp_path, rate, kept):
    clip = open_clip(film(tmp_path / "s.mkv", [tones(2, rate)], rate=rate, layout="stereo"))
    samples, found, _ = heard(carried(clip, tmp_path / "a.mp4"))
    assert found == kept
    assert pitch(samples[0], found) == pytest.approx(200, abs=4)


@pytest.mark.parametrize("codec", ["pcm_s24le", "pcm_f32le"])
@pytest.mark.parametrize("start", [None, 0.25])
def test_fine_samples_stay_fine(tmp_path, codec, start):
    quiet = tones(2, 48000) * 1e-4
    path = film(tmp_path / "s.mov", [quiet], codec=codec, layout="stereo")
    samples, rate, found = heard(carried(open_clip(path, start=start), tmp_path / "a.mov"))
    assert found == codec
    expected = quiet[:, round((start or 0) * rate) :]
    middle = slice(480, expected.shape[1] - 480)
    assert np.abs(samples[:, middle] - expected[:, middle]).max() < 2e-7


@pytest.mark.parametrize("target", ["a.mov", "a.mp4", "a.webm"])
def test_all_tracks_are_kept(tmp_path, target):
    tracks = [tones(1, 48000, first) for first in (200, 300, 400, 500)]
    clip = open_clip(film(tmp_path / "s.mov", tracks))
    made = carried(clip, tmp_path / target)
    found = [heard(made, track) for track in range(4)]
    pitches = [pitch(samples[0], rate) for samples, rate, _ in found]
    assert pitches == pytest.approx([200, 300, 400, 500], abs=4)
    assert sound_warnings(clip, made) == []


def test_an_untrimmed_track_is_copied_bit_for_bit(tmp_path):
    path = film(tmp_path / "s.mov", [tones(2, 48000), tones(1, 48000)])
    made = carried(open_clip(path), tmp_path / "a.mov")
    for track in range(2):
        with av.open(str(path)) as one, av.open(str(made)) as other:
            before = b"".join(bytes(p) for p in one.demux(one.streams.audio[track]) if p.size)
            after = b"".join(bytes(p) for p in other.demux(other.streams.audio[track]) if p.size)
        assert before == after


def broken(path):
    """The first of two tracks is in a coding that nothing decodes."""
    film(path, [tones(1, 48000), tones(1, 48000, 600)])
    content = path.read_bytes()
    at = content.index(b"A_PCM/INT/LIT")
    path.write_bytes(content[:at] + b"A_XYZ/INT/LIT" + content[at + 13 :])
    return path


def test_what_nothing_decodes_is_left_out_and_said(tmp_path):
    clip = open_clip(broken(tmp_path / "s.mkv"))
    samples, rate, _ = heard(carried(clip, tmp_path / "a.mp4"))
    assert pitch(samples[0], rate) == pytest.approx(600, abs=4)
    (told,) = sound_warnings(clip, tmp_path / "a.mp4")
    assert "sound track 1 of 2 is left out" in told


def test_no_track_that_decodes_is_no_sound(tmp_path):
    path = film(tmp_path / "s.mkv", [tones(2, 48000)], codec="flac", layout="stereo")
    with av.open(str(path)) as container:
        packets = [(p.pos, p.size) for p in container.demux(audio=0) if p.size]
    content = bytearray(path.read_bytes())
    for position, size in packets:
        content[position : position + size] = bytes(size)
    path.write_bytes(content)
    clip = open_clip(path)
    made = carried(clip, tmp_path / "a.mp4")
    with av.open(str(made)) as container:
        assert len(container.streams.audio) == 0
    assert "cannot be decoded" in sound_warnings(clip, made)[0]
