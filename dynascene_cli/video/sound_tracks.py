"""A clip's sound tracks, and what an output makes of each: copied, encoded anew, or left out."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import av
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer

from dynascene_cli.shot import Clip
from dynascene_cli.video.containers import open_container

_COPIED = {
    ".mp4": ("aac", "mp3", "ac3", "eac3", "alac"),
    ".mov": (
        *("aac", "mp3", "ac3", "eac3", "alac", "pcm_s16le", "pcm_s16be", "pcm_s24le"),
        *("pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le"),
    ),
    ".webm": ("opus", "vorbis"),
}
_ENCODERS = {".mp4": "aac", ".webm": "libopus"}
_SAMPLE_FORMATS = {
    "aac": "fltp",
    "libopus": "flt",
    "pcm_s16le": "s16",
    "pcm_s24le": "s32",
    "pcm_f32le": "flt",
}
_BITS_A_SECOND = {"aac": 96_000, "libopus": 80_000}
"""A channel's; of mono and stereo twice as much in all."""
_AAC_RATES = (
    *(96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050),
    *(16_000, 12_000, 11_025, 8_000),
)
_OPUS_RATE = 48_000
_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")
"""What so many channels are, where a file does not say or an encoder knows no other."""
_TRIED_PACKETS = 200
_HIGHEST_RATE, _MOST_CHANNELS = 768_000, 64
"""What recorders reach; a head that claims more is broken, and asks for all memory."""


@dataclass(frozen=True)
class SoundTrack:
    """One sound stream of a clip and its coding in an output.

    ``stream`` is its number among all streams; ``source_rate`` and ``source_channels`` are what it
    has, ``layout`` and ``rate`` what it gets; ``codec`` is None where its packets are copied.
    """

    stream: int
    source_rate: int
    source_channels: int
    codec: str | None
    rate: int
    layout: str
    bit_rate: int | None

    @property
    def channels(self) -> int:
        """How many channels it gets."""
        return int(av.AudioLayout(self.layout).nb_channels)


def sound_tracks(clip: Clip, suffix: str) -> tuple[list[SoundTrack], list[str]]:
    """What an output with this suffix carries of a clip's sound, and what has to be warned of."""
    tracks: list[SoundTrack] = []
    warnings: list[str] = []
    with open_container(clip.path) as source:
        indices = [stream.index for stream in source.streams.audio]
    for number, index in enumerate(indices, start=1):
        name = "the sound" if len(indices) == 1 else f"sound track {number} of {len(indices)}"
        with open_container(clip.path) as source:
            stream = stream_of(source, index)
            if stream is None or next(decode_packets(source, stream, _TRIED_PACKETS), None) is None:
                coding = "its coding" if stream is None else stream.codec_context.name
                warnings.append(f"{name} is left out: {coding} cannot be decoded")
                continue
            context = stream.codec_context
            if not 0 < context.rate <= _HIGHEST_RATE or context.layout.nb_channels > _MOST_CHANNELS:
                claim = f"{context.layout.nb_channels} channels at {context.rate} Hz"
                warnings.append(f"{name} is left out: it claims {claim}")
                continue
            track, faults = _track(clip, stream, suffix)
        tracks.append(track)
        warnings += [f"{name} {what}" for what in faults]
    return tracks, warnings


def stream_of(source: InputContainer, index: int) -> AudioStream | None:
    """The sound stream of that number; None where nothing decodes it."""
    found = next(stream for stream in source.streams.audio if stream.index == index)
    return found if found.codec_context is not None else None


def decode_packets(
    source: InputContainer, stream: AudioStream, most_packets: int | None = None
) -> Iterator[av.AudioFrame]:
    """What can be decoded of a stream: one damaged packet is a click, and no reason to stop."""
    for packet in islice(source.demux(stream), most_packets):
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError):
            continue
        yield from frames


def _track(clip: Clip, stream: AudioStream, suffix: str) -> tuple[SoundTrack, list[str]]:
    """How a stream is carried, and what of it is given up."""
    context = stream.codec_context
    channels, rate = context.layout.nb_channels, context.rate
    codec_name = context.codec.canonical_name
    # An end that is cut is faded, which costs uncompressed sound nothing.
    faded = clip.end is not None and codec_name.startswith("pcm_")
    if clip.start == 0 and not clip.counted and not faded and codec_name in _COPIED[suffix]:
        layout = context.layout.name
        return SoundTrack(stream.index, rate, channels, None, rate, layout, None), []
    codec = _ENCODERS.get(suffix) or _pcm_like(context)
    kept_rate = _rate_for(codec, rate)
    layout = _layout_for(codec, context.layout.name, channels, kept_rate)
    kept = av.AudioLayout(layout).nb_channels
    faults = []
    if kept < channels:
        faults.append(f"has {channels} channels: the first {kept} are kept (.mov keeps all)")
    a_channel = _BITS_A_SECOND.get(codec)
    bit_rate = None if a_channel is None else a_channel * max(kept, 2)
    return SoundTrack(stream.index, rate, channels, codec, kept_rate, layout, bit_rate), faults


def _pcm_like(context: AudioCodecContext) -> str:
    """Uncompressed sound that holds what a lossless source has; 16 bits for others."""
    lossless = context.name.startswith("pcm_") or context.name in ("flac", "alac", "wavpack")
    kind = context.format.packed.name
    if lossless and kind in ("flt", "dbl"):
        return "pcm_f32le"
    return "pcm_s24le" if lossless and kind in ("s32", "s64") else "pcm_s16le"


def _rate_for(codec: str, rate: int) -> int:
    if codec == "libopus":
        return _OPUS_RATE
    if codec != "aac" or rate in _AAC_RATES:
        return rate
    # A whole fraction of the rate is resampled with the least loss: 176.4 kHz to 88.2.
    whole = [one for one in _AAC_RATES if rate % one == 0]
    return whole[0] if whole else 48_000


def _layout_for(codec: str, layout: str, channels: int, rate: int) -> str:
    """The layout that an encoder takes for so many channels: their own, the usual, or fewer."""
    usual = _LAYOUTS[channels - 1] if channels <= len(_LAYOUTS) else layout
    return next(
        one for one in (layout, usual, _LAYOUTS[-1], "stereo") if _encodes(codec, one, rate)
    )


def _encodes(codec: str, layout: str, rate: int) -> bool:
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, AudioCodecContext)
    context.sample_rate, context.layout, context.format = rate, layout, _SAMPLE_FORMATS[codec]
    try:
        context.open()
    except (av.FFmpegError, ValueError):
        return False
    return True


def sound_warnings(clip: Clip, output: Path) -> list[str]:
    """What of a clip's sound a video named ``output`` does not carry."""
    suffix = output.suffix.lower()
    return sound_tracks(clip, suffix)[1] if clip.has_audio and suffix in _COPIED else []
