"""The clip's sound: packets copied as they are, or cut to the sample and encoded anew."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from dynascene_cli.shot import Clip

_COPIED = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "alac"),
    ".mov": ("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s24le", "pcm_f32le"),
    ".webm": ("opus", "vorbis"),
}
_ENCODED = {
    ".mp4": ("aac", None, 192_000),
    ".mov": ("pcm_s16le", None, None),
    ".webm": ("libopus", 48_000, 160_000),
}
_JITTER = 0.04
_LEAD = 1.0


def add_sound(
    container: OutputContainer, clip: Clip, suffix: str
) -> Iterator["av.Packet[AudioStream]"]:
    """Add the clip's first sound stream to an output; its packets, in order, timed to the picture.

    Packets are copied bit for bit where the container takes their codec and the clip begins at
    its file's first frame; else the sound is encoded anew, cut to the sample.
    """
    with av.open(f"file:{clip.path}", metadata_errors="ignore") as source:
        stream = source.streams.audio[0]
        codec = stream.codec_context.codec.canonical_name
    if clip.start == 0 and codec in _COPIED[suffix]:
        return _copied(container, clip)
    return _encoded(container, clip, suffix)


def samples(clip: Clip) -> Iterator[NDArray[np.float32]]:
    """The clip's sound as float (channels, n) blocks that begin with its first frame.

    Gaps are silent and what lies outside the clip is cut to the sample, so that sample n is due
    n / rate seconds after the first frame.
    """
    with av.open(f"file:{clip.path}", metadata_errors="ignore") as source:
        stream = source.streams.audio[0]
        rate = stream.rate
        total = round(clip.duration * rate)
        written = 0
        # Codecs need some packets before the wanted one to be settled.
        seek_to = float(clip.first_time) - _LEAD
        if clip.start > 0:
            source.seek(round(max(seek_to, 0.0) * av.time_base))
        for frame in _planar(source, stream):
            block = np.asarray(frame.to_ndarray(), np.float32)
            time = (frame.pts or 0) * (frame.time_base or Fraction(1, rate))
            position = round((time - clip.first_time) * rate)
            if written and abs(position - written) < _JITTER * rate:
                position = written
            if position > written:
                gap = min(position, total) - written
                yield np.zeros((block.shape[0], gap), np.float32)
                written += gap
            if written >= total:
                return
            block = block[:, written - position : total - position]
            if block.size:
                yield block
                written += block.shape[1]


def _copied(container: OutputContainer, clip: Clip) -> Iterator["av.Packet[AudioStream]"]:
    source = av.open(f"file:{clip.path}", metadata_errors="ignore")
    stream = source.streams.audio[0]
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


def _encoded(
    container: OutputContainer, clip: Clip, suffix: str
) -> Iterator["av.Packet[AudioStream]"]:
    codec, rate, bit_rate = _ENCODED[suffix]
    with av.open(f"file:{clip.path}", metadata_errors="ignore") as source:
        stream = source.streams.audio[0]
        source_rate, layout = stream.rate, stream.layout.name
    encoder = container.add_stream(codec, rate=rate or source_rate, layout=layout)
    assert isinstance(encoder, AudioStream)
    if bit_rate:
        encoder.bit_rate = bit_rate

    def packets() -> Iterator["av.Packet[AudioStream]"]:
        position = 0
        for block in samples(clip):
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(block), format="fltp", layout=layout
            )
            frame.sample_rate = source_rate
            frame.time_base = Fraction(1, source_rate)
            frame.pts = position
            position += block.shape[1]
            yield from encoder.encode(frame)
        yield from encoder.encode(None)

    return packets()


def _planar(source: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    resampler = av.AudioResampler(format="fltp")
    for packet in source.demux(stream):
        # One damaged packet of sound is a click, no reason to refuse a clip.
        with contextlib.suppress(av.error.InvalidDataError):
            for frame in packet.decode():
                if frame.pts is not None:
                    yield from resampler.resample(frame)
