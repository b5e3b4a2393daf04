"""The clip's sound: packets copied as they are, or cut to the sample and encoded anew.

Samples are interleaved throughout: PyAV reads past the planes of frames that have eight or more.
"""

import heapq
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Clip
from dynascene_cli.video.containers import open_container
from dynascene_cli.video.sound_tracks import SoundTrack, decode_packets, sound_tracks, stream_of

Samples = NDArray[np.float32]

_JITTER = 0.04
_LEAD = 1.0
_FADE = 0.003
_JOIN_SECONDS = 10.0


def add_sound(
    container: OutputContainer, clip: Clip, suffix: str
) -> Iterator["av.Packet[AudioStream]"]:
    """Add the clip's sound tracks to an output; their packets, in order, timed to the picture.

    Packets are copied bit for bit where the container takes their codec and the clip begins at
    its file's first frame; else the sound is encoded anew, cut to the sample. Tracks that nothing
    decodes are left out (``sound_tracks`` tells).
    """
    tracks, _ = sound_tracks(clip, suffix)
    packets = [
        _copy_packets(container, clip, track)
        if track.codec is None
        else _encode(container, clip, track, track.codec)
        for track in tracks
    ]
    return heapq.merge(*packets, key=lambda packet: (packet.dts or 0) * packet.time_base)


def samples(clip: Clip, track: SoundTrack) -> Iterator[Samples]:
    """The clip's sound as float (channels, n) blocks that begin with its first frame.

    Gaps are silent and what lies outside the clip is cut to the sample, so that sample n is due
    n / rate seconds after the first frame. moviepy cuts and fades the trimmed ends; PyAV reads
    for it, because moviepy's own reader knows no timestamps within a stream, no file without a
    duration and no more than two channels.
    """
    from moviepy import AudioClip
    from moviepy.audio.fx import AudioFadeIn, AudioFadeOut

    start = float(clip.start)
    fades = [AudioFadeIn(_FADE)] if clip.start > 0 else []
    if clip.end is not None:
        fades.append(AudioFadeOut(_FADE))
    rate, channels = track.source_rate, track.source_channels
    with open_container(clip.path) as source:
        stream = stream_of(source, track.stream)
        assert stream is not None
        blocks = _place_blocks(source, stream, clip, track)
        position, block = 0, np.zeros((channels, 0), np.float32)

        def sound_at(times: Floats) -> Floats:
            nonlocal position, block
            if len(times) == 0:
                return np.zeros(0 if channels == 1 else (0, channels))
            # Counted from the cut: a time half-way between two samples would round either way.
            first = round((float(times[0]) - start) * rate)
            last = first + len(times)
            heard = np.zeros((channels, len(times)))
            while True:
                begin, end = max(position, first), min(position + block.shape[1], last)
                if begin < end:
                    heard[:, begin - first : end - first] = block[
                        :, begin - position : end - position
                    ]
                following = None if position + block.shape[1] >= last else next(blocks, None)
                if following is None:
                    return heard[0] if channels == 1 else heard.T
                position, block = following

        sound = AudioClip(duration=start + clip.duration, fps=rate)
        sound.frame_function, sound.nchannels = sound_at, channels
        cut = sound.subclipped(start).with_effects(fades)
        for chunk in cut.iter_chunks(chunksize=rate, logger=None):
            yield np.asarray(chunk, np.float32).reshape(-1, channels).T


def _place_blocks(
    source: InputContainer, stream: AudioStream, clip: Clip, track: SoundTrack
) -> Iterator[tuple[int, Samples]]:
    """Decoded (channels, n) blocks, each with the samples from the clip's first frame to it."""
    rate = track.source_rate
    if clip.start > 0 and not clip.counted:
        # Codecs need some packets before the wanted one to be settled.
        source.seek(round(max(float(clip.first_time) - _LEAD, 0.0) * av.time_base))
    due: int | None = None
    for frame in _interleave(source, stream):
        block = _channels_of(frame, track.source_channels)
        time = (frame.pts or 0) * (frame.time_base or Fraction(1, rate))
        position = round((time - clip.first_time) * rate)
        if due is not None:
            late = (position - due) / rate
            # A clock that starts anew within the sound, or a jitter of its times, is counted on.
            joined = late < 0 or late > _JOIN_SECONDS
            if abs(late) < _JITTER or (clip.counted and joined):
                position = due
        yield position, block
        due = position + block.shape[1]


def _interleave(source: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler(format="flt")
    for frame in decode_packets(source, stream):
        if frame.pts is not None:
            yield from resampler.resample(frame)


def _channels_of(frame: av.AudioFrame, channels: int) -> Samples:
    """An interleaved frame's samples (channels, n); a stream that changes their number is cut."""
    values = np.asarray(frame.to_ndarray(), np.float32).reshape(-1, frame.layout.nb_channels).T
    if len(values) == channels:
        return values
    fitted = np.zeros((channels, values.shape[1]), np.float32)
    fitted[: len(values)] = values[:channels]
    return fitted


def _copy_packets(
    container: OutputContainer, clip: Clip, track: SoundTrack
) -> Iterator["av.Packet[AudioStream]"]:
    source = av.open(f"file:{clip.path}", metadata_errors="ignore")
    stream = stream_of(source, track.stream)
    assert stream is not None
    copy = container.add_stream_from_template(stream)

    def packets() -> Iterator["av.Packet[AudioStream]"]:
        with source:
            tick = stream.time_base or Fraction(1, stream.rate)
            begin = round(clip.first_time / tick)
            end = begin + clip.frame_count / clip.frame_rate / tick
            for packet in source.demux(stream):
                if packet.pts is None or packet.dts is None or packet.size == 0:
                    continue
                # A packet before the first frame settles the decoder; players do not sound it.
                if packet.pts + 2 * (packet.duration or 0) <= begin or packet.pts >= end:
                    continue
                packet.pts -= begin
                packet.dts -= begin
                packet.stream = copy
                yield packet

    return packets()


def _encode(
    container: OutputContainer, clip: Clip, track: SoundTrack, codec: str
) -> Iterator["av.Packet[AudioStream]"]:
    encoder = container.add_stream(codec, rate=track.rate, layout=track.layout)
    assert isinstance(encoder, AudioStream)
    if track.bit_rate:
        encoder.bit_rate = track.bit_rate

    def packets() -> Iterator["av.Packet[AudioStream]"]:
        position = 0
        for block in samples(clip, track):
            interleaved = np.ascontiguousarray(block[: track.channels].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=track.layout)
            frame.sample_rate = track.source_rate
            frame.time_base = Fraction(1, track.source_rate)
            frame.pts = position
            position += block.shape[1]
            yield from encoder.encode(frame)
        yield from encoder.encode(None)

    return packets()
