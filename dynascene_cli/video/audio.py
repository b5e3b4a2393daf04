"""The clip's sound: packets copied as they are, or cut to the sample and encoded anew."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
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
_FADE = 0.003


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
    with av.open(f"file:{clip.path}", metadata_errors="ignore") as source:
        stream = source.streams.audio[0]
        rate, channels = stream.rate, stream.layout.nb_channels
        decoded = _placed_blocks(source, stream, clip)
        position, block = 0, np.zeros((channels, 0), np.float32)

        def sound_at(times: Floats) -> Floats:
            nonlocal position, block
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
                following = None if position + block.shape[1] >= last else next(decoded, None)
                if following is None:
                    return heard[0] if channels == 1 else heard.T
                position, block = following

        sound = AudioClip(duration=start + clip.duration, fps=rate)
        sound.frame_function, sound.nchannels = sound_at, channels
        cut = sound.subclipped(start).with_effects(fades)
        for chunk in cut.iter_chunks(chunksize=rate, logger=None):
            yield np.asarray(chunk, np.float32).reshape(-1, channels).T


def _placed_blocks(
    source: InputContainer, stream: AudioStream, clip: Clip
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Decoded (channels, n) blocks, each with the samples from the clip's first frame to it."""
    if clip.start > 0:
        # Codecs need some packets before the wanted one to be settled.
        source.seek(round(max(float(clip.first_time) - _LEAD, 0.0) * av.time_base))
    due = 0
    for frame in _planar(source, stream):
        block = np.asarray(frame.to_ndarray(), np.float32)
        time = (frame.pts or 0) * (frame.time_base or Fraction(1, stream.rate))
        position = round((time - clip.first_time) * stream.rate)
        if due > 0 and abs(position - due) < _JITTER * stream.rate:
            position = due
        yield position, block
        due = position + block.shape[1]


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
        with contextlib.suppress(av.error.FFmpegError):
            for frame in packet.decode():
                if frame.pts is not None:
                    yield from resampler.resample(frame)
