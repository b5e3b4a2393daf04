"""Clips: what a video, sequence, animation or picture is, found without decoding its frames."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream
from PIL import Image as Pillow

from dynascene_cli.errors import InputError
from dynascene_cli.shot import Clip, ColourTags
from dynascene_cli.video.colour import colour_tags, colour_warnings
from dynascene_cli.video.images import read_picture
from dynascene_cli.video.sequences import (
    file_numbers,
    is_pattern,
    sequence_files,
    served_files,
)
from dynascene_cli.video.timeline import STILL_RATE, Timeline, resampled, snapped_rate, timeline

_STILL_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM")
_ANIMATIONS = ("gif", "apng", "webp_pipe")
_INDEXED = ("mov", "avi", "matroska", "flv", "asf")
_FORMATS_HINT = "give a video, an image sequence (name.%05d.png or a folder), a GIF or a picture"


@dataclass(frozen=True, eq=False)
class _Packets:
    """The shown frames' timestamps in presentation order, from a pass over all packets."""

    ticks: list[int]
    last_duration: int
    cut_short: bool


def open_clip(
    source: str | Path,
    *,
    fps: Fraction | float | None = None,
    start: float | None = None,
    end: float | None = None,
    fill_gaps: bool = False,
) -> Clip:
    """A clip from a video, ``name.%05d.png``, a folder of pictures, a GIF or one picture.

    ``fps`` is needed for sequences and overrides the rate of others; ``start`` and ``end`` are
    seconds from the first frame. ``fill_gaps`` repeats the frame before one that a sequence lacks.

    Raises:
        InputError: missing, empty, not a video, cut short, without a picture, a sequence without
            ``fps`` or with a gap, or a range outside the clip.
    """
    path = Path(source)
    if fps is not None and not (math.isfinite(fps) and 0 < fps <= 1000):
        raise InputError(f"--fps {fps} is not a frame rate", "give one such as 24 or 23.976")
    rate = None if fps is None else snapped_rate(fps)
    if path.is_dir() or (is_pattern(path) and not path.exists()):
        clip = _sequence(path, rate, fill_gaps=fill_gaps)
    elif not path.exists():
        raise InputError(f"{path} does not exist", "check the path of the clip")
    elif path.stat().st_size == 0:
        raise InputError(f"{path} is empty", _FORMATS_HINT)
    elif _is_still(path):
        clip = _pictures(path, [path], (0,), rate or STILL_RATE)
    else:
        clip = _video(path, rate, end)
    return _trimmed(clip, start, end)


@contextmanager
def opened_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container of a video file and its picture stream.

    Raises:
        InputError: not a video, cut short before its index, or without a picture.
    """
    try:
        container = av.open(f"file:{path}", metadata_errors="ignore", options={"fflags": "genpts"})
    except (av.FFmpegError, OSError) as error:
        raise _unreadable(path) from error
    with container:
        streams = [
            stream
            for stream in container.streams.video
            if not stream.disposition & av.stream.Disposition.attached_pic
        ]
        if streams:
            yield container, streams[0]
        elif container.streams.audio:
            raise InputError(f"{path} has sound but no picture", _FORMATS_HINT)
        elif _lacks_index(path):
            raise _cut_before_index(path)
        else:
            raise InputError(f"{path} has no picture", _FORMATS_HINT)


def _video(path: Path, rate: Fraction | None, end: float | None) -> Clip:
    with opened_video(path) as (container, stream):
        tick = Fraction(stream.time_base or Fraction(1, 90000))
        declared = [claim for claim in (stream.average_rate, stream.base_rate) if claim]
        packets = _packets(container, stream)
        has_audio = bool(container.streams.audio)
        kind = container.format.name
        codec = stream.codec_context.codec.canonical_name
        aspect = stream.sample_aspect_ratio
        has_alpha = stream.metadata.get("alpha_mode") == "1"
    if not packets.ticks:
        raise InputError(f"{path} has no frame that can be shown", _FORMATS_HINT)
    seconds = np.array([float((count - packets.ticks[0]) * tick) for count in packets.ticks])
    last_duration = float(packets.last_duration * tick)
    if packets.cut_short:
        _tell_cut_short(path, float(seconds[-1]), end)
    conformed = timeline(seconds, float(tick), last_duration, tuple(declared))
    warnings = _rate_warnings(conformed, len(seconds))
    if rate is not None and rate != conformed.rate:
        conformed = replace(resampled(seconds, last_duration, rate), variable=conformed.variable)
        warnings = []
    frame = _first_frame(path)
    tags = colour_tags(frame)
    warnings += colour_warnings(frame, tags)
    if frame.interlaced_frame:
        warnings.append("the clip is interlaced: its fields are not separated")
    width, height = _shown_size(frame, aspect)
    return Clip(
        path=path,
        kind="animation" if kind in _ANIMATIONS else "video",
        width=width,
        height=height,
        frame_rate=conformed.rate,
        source_frames=tuple(conformed.source_frames.tolist()),
        source_times=tuple(packets.ticks[index] * tick for index in conformed.source_frames),
        rotation=frame.rotation,
        colour=tags,
        bit_depth=frame.format.components[0].bits,
        codec=codec,
        variable_rate=conformed.variable,
        has_audio=has_audio,
        start=Fraction(0),
        end=None,
        warnings=tuple(warnings),
        has_alpha=has_alpha or any(part.is_alpha for part in frame.format.components),
        first_time=packets.ticks[0] * tick,
    )


def _shown_size(frame: av.VideoFrame, pixel_aspect: Fraction | None) -> tuple[int, int]:
    width, height = frame.width, frame.height
    if pixel_aspect and pixel_aspect > 1:
        width = round(width * pixel_aspect)
    elif pixel_aspect and 0 < pixel_aspect < 1:
        height = round(height / pixel_aspect)
    return (height, width) if frame.rotation % 180 else (width, height)


def _packets(container: InputContainer, stream: VideoStream) -> _Packets:
    durations: dict[int, int] = {}
    first_key: int | None = None
    decoded_at = 0
    count = 0
    end = 0.0
    damaged = False
    indexed = any(name in container.format.name for name in _INDEXED)
    try:
        for packet in container.demux(*container.streams.video, *container.streams.audio):
            time = packet.pts if packet.pts is not None else packet.dts
            if time is None or packet.size == 0:
                continue
            if indexed and packet.is_corrupt:
                damaged = True
                break
            end = max(end, float((time + (packet.duration or 0)) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            count += 1
            decoded_at = time if packet.dts is None else packet.dts
            if packet.is_keyframe and first_key is None:
                first_key = time
            if first_key is not None and not packet.is_discard:
                durations[time] = packet.duration or 0
    except av.FFmpegError:
        damaged = True
    ticks = sorted(time for time in durations if first_key is None or time >= first_key)
    if "mov" in container.format.name:
        damaged = damaged or count < len(stream.index_entries)
    elif indexed and container.duration:
        begin = (container.start_time or 0) / av.time_base
        damaged = damaged or end < begin + container.duration / av.time_base - 0.5
    if damaged:
        # Of the last frames, some may lack the ones shown before them, which were stored later.
        ticks = [time for time in ticks if time <= decoded_at]
    return _Packets(ticks, durations[ticks[-1]] if ticks else 0, damaged)


def _first_frame(path: Path) -> av.VideoFrame:
    try:
        with opened_video(path) as (container, stream):
            return next(container.decode(stream))
    except (av.FFmpegError, StopIteration) as error:
        raise InputError(f"{path} has no frame that can be decoded", _FORMATS_HINT) from error


def _rate_warnings(conformed: Timeline, source_count: int) -> list[str]:
    if not conformed.variable:
        return []
    rate = f"{float(conformed.rate):.3f}".rstrip("0").rstrip(".")
    told = [
        f"the clip's frame rate varies: its {source_count} frames became "
        f"{len(conformed.source_frames)} at a constant {rate} fps"
    ]
    if conformed.dropped:
        told.append(f"{conformed.dropped} frames closer together than 1/{rate} s are left out")
    return told


def _tell_cut_short(path: Path, last_good: float, end: float | None) -> None:
    good = math.floor(last_good * 100) / 100
    if end is None or end > good:
        raise InputError(
            f"{path} is cut short: the last good time is {good:.2f} s",
            f"copy the file again, or use what is there with --end {good:.2f}",
        )


def _unreadable(path: Path) -> InputError:
    if _lacks_index(path):
        return _cut_before_index(path)
    with path.open("rb") as file:
        head = file.read(4096)
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # Only a character cut by the end of what was read still lets this be text.
        if error.start < len(head) - 3:
            return InputError(f"{path} is not a video that can be read", _FORMATS_HINT)
    return InputError(f"{path} is text, not a video", _FORMATS_HINT)


def _cut_before_index(path: Path) -> InputError:
    return InputError(
        f"{path} is cut short: its index (moov) is missing, so the last good time is 0.00 s",
        "copy the file again, or repair the recording",
    )


def _lacks_index(path: Path) -> bool:
    """Whether the file is an MP4 or MOV without a whole index."""
    size = path.stat().st_size
    position = 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            header = file.read(16)
            if position == 0 and header[4:8] != b"ftyp":
                return False
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if header[4:8] == b"moov":
                return position + length > size
            if length < 8:
                return True
            position += length
    return position > 0


def _is_still(path: Path) -> bool:
    try:
        with Pillow.open(path, formats=_STILL_FORMATS) as picture:
            return picture.format == "TIFF" or not getattr(picture, "is_animated", False)
    except (OSError, SyntaxError):
        return False


def _sequence(path: Path, rate: Fraction | None, *, fill_gaps: bool) -> Clip:
    files = sequence_files(path)
    if rate is None:
        raise InputError(
            f"{path} is an image sequence, which has no frame rate", "give one: --fps 24"
        )
    clip = _pictures(path, files, served_files(path, files, fill_gaps=fill_gaps), rate)
    numbers = file_numbers(files)
    repeated = clip.frame_count - len(files)
    return replace(
        clip,
        first_number=numbers[0] if numbers and numbers[-1] - numbers[0] < clip.frame_count else 1,
        warnings=(f"{path}: {repeated} missing frames repeat the one before",) if repeated else (),
    )


def _pictures(path: Path, files: list[Path], served: tuple[int, ...], rate: Fraction) -> Clip:
    first, alpha = read_picture(files[0])
    return Clip(
        path=path,
        kind="image" if files == [path] else "sequence",
        width=first.shape[1],
        height=first.shape[0],
        frame_rate=rate,
        source_frames=served,
        source_times=tuple(index / rate for index in range(len(served))),
        rotation=0,
        colour=ColourTags("rgb", True, "sdr"),
        bit_depth=8,
        codec=files[0].suffix.lower().lstrip("."),
        variable_rate=False,
        has_audio=False,
        start=Fraction(0),
        end=None,
        has_alpha=alpha is not None,
    )


def _trimmed(clip: Clip, start: float | None, end: float | None) -> Clip:
    if start is None and end is None:
        return clip
    begin = 0.0 if start is None else start
    stop = clip.duration if end is None else end
    inside = 0 <= begin < clip.duration and stop <= clip.duration + float(1 / clip.frame_rate)
    if not inside:
        raise InputError(
            f"{clip.path}: {begin:g} s to {stop:g} s is outside the clip",
            f"the clip is {clip.duration:.2f} s long",
        )
    first, last = (math.ceil(time * clip.frame_rate - 1e-6) for time in (begin, stop))
    last = min(last, clip.frame_count)
    if last <= first:
        raise InputError(
            f"{clip.path}: --start {begin:g} and --end {stop:g} leave no frame",
            "give an end after the start",
        )
    return replace(
        clip,
        source_frames=clip.source_frames[first:last],
        source_times=clip.source_times[first:last],
        start=first / clip.frame_rate,
        end=None if end is None else last / clip.frame_rate,
        first_time=clip.first_time + first / clip.frame_rate,
        first_number=clip.first_number + (first if clip.kind == "sequence" else 0),
    )
