"""Clips: what a video, sequence, animation or picture is, found without decoding its frames."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from dynascene_cli.errors import InputError
from dynascene_cli.shot import Clip, ColourTags
from dynascene_cli.video.animations import animation_times, is_animation
from dynascene_cli.video.colour import colour_tags, colour_warnings
from dynascene_cli.video.containers import FORMATS_HINT, open_video
from dynascene_cli.video.images import picture_bits, read_picture
from dynascene_cli.video.log_curves import log_curve
from dynascene_cli.video.orientation import Orientation, orientation_of
from dynascene_cli.video.packets import Packets, frame_times
from dynascene_cli.video.picture_files import picture_head
from dynascene_cli.video.sequences import (
    file_numbers,
    is_pattern,
    other_size,
    sequence_files,
    serve_files,
)
from dynascene_cli.video.timecode import advance_timecode
from dynascene_cli.video.timeline import (
    STILL_RATE,
    Timeline,
    resample_frames,
    snap_rate,
    timeline,
)

_STILL_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "PPM")
_PAGED = ("TIFF", "MPO")
"""Whose further pictures are pages, previews or a second eye's, and no later frames."""
_JPEG_STREAMS = (".mjpeg", ".mjpg")
_ANIMATIONS = ("gif", "apng", "webp_pipe")
LARGEST_PIXEL_ASPECT = 4
"""Anamorphic pixels are at most twice as wide as high; what is far from that is a broken head."""
LONGEST_GAP = 60.0
"""Seconds without a frame that a screen recording may well have."""
SPARSEST = 2.0
"""Seconds a frame, on average, beyond which a gap is a fault of the times."""


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
            ``fps``, with a gap or of several sizes, or a range outside the clip.
    """
    path = Path(source)
    if fps is not None and not (math.isfinite(fps) and 0 < fps <= 1000):
        raise InputError(f"--fps {fps} is not a frame rate", "give one such as 24 or 23.976")
    rate = None if fps is None else snap_rate(fps)
    if path.is_dir() or (is_pattern(path) and not path.exists()):
        clip = _sequence(path, rate, fill_gaps=fill_gaps)
    elif not path.exists():
        raise InputError(f"{path} does not exist", "check the path")
    elif path.stat().st_size == 0:
        raise InputError(f"{path} is empty", FORMATS_HINT)
    elif is_animation(path):
        clip = _animation(path, rate)
    elif _is_still(path):
        clip = _pictures(path, [path], (0,), rate or STILL_RATE)
    else:
        clip = _video(path, rate, end)
    clip = _trim(clip, start, end)
    if clip.kind == "sequence":
        _check_sizes(clip)
    return clip


def _video(path: Path, rate: Fraction | None, end: float | None) -> Clip:
    with open_video(path) as (container, stream):
        declared = [claim for claim in (stream.average_rate, stream.base_rate) if claim]
        packets = frame_times(path, container, stream, rate)
        has_audio = bool(container.streams.audio)
        kind = container.format.name
        codec = stream.codec_context.codec.canonical_name
        aspect = stream.sample_aspect_ratio
        stream_tags = {name.lower(): value for name, value in stream.metadata.items()}
        has_alpha = stream_tags.get("alpha_mode") == "1"
        timecode = _timecode(container, stream)
        metadata = [dict(one.metadata) for one in (stream, container, *container.streams)]
    if not packets.ticks:
        raise InputError(f"{path} has no frame that can be shown", FORMATS_HINT)
    ticks = _check_gap(path, packets, end)
    tick = packets.tick
    seconds = np.array([float((count - ticks[0]) * tick) for count in ticks])
    last_duration = float(packets.last_duration * tick)
    if packets.cut_short:
        _tell_cut_short(path, float(seconds[-1]), end)
    conformed = timeline(seconds, float(tick), last_duration, tuple(declared))
    warnings = _rate_warnings(conformed, len(seconds))
    own_rate = conformed.rate
    if rate is not None and rate != conformed.rate:
        conformed = replace(
            resample_frames(seconds, last_duration, rate), variable=conformed.variable
        )
        warnings = []
    if packets.joined:
        warnings.append("the clip's timestamps start over: later frames are counted on")
    frame = _first_frame(path)
    tags = colour_tags(frame)
    orientation = orientation_of(frame)
    warnings += [*orientation.warnings, *colour_warnings(frame, tags)]
    warnings += _coding_warnings(path, frame, metadata)
    width, height = _shown_size(frame, aspect, orientation)
    return Clip(
        path=path,
        kind="animation" if kind in _ANIMATIONS else "video",
        width=width,
        height=height,
        frame_rate=conformed.rate,
        source_frames=tuple(conformed.source_frames.tolist()),
        source_times=tuple(ticks[index] * tick for index in conformed.source_frames),
        rotation=orientation.rotation,
        mirrored=orientation.mirrored,
        colour=tags,
        bit_depth=frame.format.components[0].bits,
        codec=codec,
        variable_rate=conformed.variable,
        has_audio=has_audio,
        start=Fraction(0),
        end=None,
        warnings=tuple(warnings),
        has_alpha=has_alpha or any(part.is_alpha for part in frame.format.components),
        first_time=ticks[0] * tick,
        counted=packets.joined or not packets.timed,
        timecode=timecode if own_rate == conformed.rate else None,
    )


def _timecode(container: InputContainer, stream: VideoStream) -> str | None:
    """The start timecode that a file tells, of its picture before that of other tracks."""
    sources = (stream.metadata, container.metadata, *(one.metadata for one in container.streams))
    return next((tags["timecode"] for tags in sources if tags.get("timecode")), None)


def _check_gap(path: Path, packets: Packets, end: float | None) -> list[int]:
    """The frames' ticks, of which a gap that is no recording's is refused, or cut off by ``end``.

    Raises:
        InputError: most of the clip would be one frame, shown for minutes.
    """
    ticks = packets.ticks
    longest = max(range(1, len(ticks)), key=lambda i: ticks[i] - ticks[i - 1], default=0)
    if not longest:
        return ticks
    gap = float((ticks[longest] - ticks[longest - 1]) * packets.tick)
    span = float((ticks[-1] - ticks[0]) * packets.tick)
    if gap <= LONGEST_GAP or span <= SPARSEST * len(ticks):
        return ticks
    before = float((ticks[longest - 1] - ticks[0]) * packets.tick)
    if end is not None and end <= before:
        return ticks[:longest]
    usable = f"use what comes before with --end {before:.2f}" if before > 0 else "cut it first"
    raise InputError(f"{path} shows nothing new for {gap:.0f} s after {before:.2f} s", usable)


def _shown_size(
    frame: av.VideoFrame, pixel_aspect: Fraction | None, orientation: Orientation
) -> tuple[int, int]:
    width, height = frame.width, frame.height
    if pixel_aspect and 1 < pixel_aspect <= LARGEST_PIXEL_ASPECT:
        width = round(width * pixel_aspect)
    elif pixel_aspect and 1 / LARGEST_PIXEL_ASPECT <= pixel_aspect < 1:
        height = round(height / pixel_aspect)
    return (height, width) if orientation.swaps_sides else (width, height)


def _first_frame(path: Path) -> av.VideoFrame:
    try:
        with open_video(path) as (container, stream):
            return next(container.decode(stream))
    except (av.FFmpegError, OSError, ValueError, StopIteration) as error:
        raise InputError(f"{path} has no frame that can be decoded", FORMATS_HINT) from error


def _rate_warnings(conformed: Timeline, source_count: int) -> list[str]:
    if not conformed.variable:
        return []
    rate = f"{float(conformed.rate):.3f}".rstrip("0").rstrip(".")
    warnings = [
        f"the clip's frame rate varies: its {source_count} frames became "
        f"{len(conformed.source_frames)} at a constant {rate} fps, a guess (--fps gives another)"
    ]
    if conformed.dropped:
        warnings.append(f"{conformed.dropped} frames closer together than 1/{rate} s are left out")
    return warnings


def _coding_warnings(path: Path, frame: av.VideoFrame, metadata: list[dict[str, str]]) -> list[str]:
    warnings = []
    curve = log_curve(path, frame.color_trc, metadata)
    if curve is not None:
        warnings.append(f"the clip is coded in a log curve ({curve}): convert it first, by a LUT")
    if frame.interlaced_frame:
        warnings.append("the clip is interlaced: its fields are not separated")
    return warnings


def _tell_cut_short(path: Path, last_good: float, end: float | None) -> None:
    good = math.floor(last_good * 100) / 100
    if end is None or end > good:
        raise InputError(
            f"{path} is cut short: the last good time is {good:.2f} s",
            f"copy the file again, or use what is there with --end {good:.2f}",
        )


def _is_still(path: Path) -> bool:
    head = picture_head(path, _STILL_FORMATS)
    if head is None or (head.format == "JPEG" and path.suffix.lower() in _JPEG_STREAMS):
        return False
    return head.format in _PAGED or not head.is_animated


def _sequence(path: Path, rate: Fraction | None, *, fill_gaps: bool) -> Clip:
    files = sequence_files(path)
    if rate is None:
        raise InputError(
            f"{path} is an image sequence, which has no frame rate", "give one: --fps 24"
        )
    clip = _pictures(path, files, serve_files(path, files, fill_gaps=fill_gaps), rate)
    numbers = file_numbers(files)
    repeated = clip.frame_count - len(files)
    return replace(
        clip,
        first_number=numbers[0] if numbers and numbers[-1] - numbers[0] < clip.frame_count else 1,
        warnings=(f"{path}: {repeated} missing frames repeat the one before",) if repeated else (),
    )


def _check_sizes(clip: Clip) -> None:
    """Refuse a sequence of several sizes by the pictures' heads, before any is decoded.

    Sides may be exchanged here: a picture may lie on its side. What has no head that can be read
    is told of when it is its turn.

    Raises:
        InputError: a picture has another size than the first.
    """
    files, expected = sequence_files(clip.path), (clip.width, clip.height)
    for index in sorted(set(clip.source_frames)):
        head = picture_head(files[index], _STILL_FORMATS)
        if head is not None and sorted(head.size) != sorted(expected):
            raise other_size(files[index], head.size, expected)


def _animation(path: Path, rate: Fraction | None) -> Clip:
    (width, height), begins, has_alpha = animation_times(path)
    seconds = np.array(begins[:-1]) / 1000
    last_duration = (begins[-1] - begins[-2]) / 1000
    conformed = timeline(seconds, 0.001, last_duration, ())
    warnings = _rate_warnings(conformed, len(seconds))
    if rate is not None and rate != conformed.rate:
        conformed, warnings = resample_frames(seconds, last_duration, rate), []
    return Clip(
        path=path,
        kind="animation",
        width=width,
        height=height,
        frame_rate=conformed.rate,
        source_frames=tuple(conformed.source_frames.tolist()),
        source_times=tuple(Fraction(begins[i], 1000) for i in conformed.source_frames),
        rotation=0,
        colour=ColourTags("rgb", True, "sdr"),
        bit_depth=8,
        codec="webp",
        variable_rate=conformed.variable,
        has_audio=False,
        start=Fraction(0),
        end=None,
        warnings=tuple(warnings),
        has_alpha=has_alpha,
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
        bit_depth=picture_bits(files[0]),
        codec=files[0].suffix.lower().lstrip("."),
        variable_rate=False,
        has_audio=False,
        start=Fraction(0),
        end=None,
        has_alpha=alpha is not None,
    )


def _trim(clip: Clip, start: float | None, end: float | None) -> Clip:
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
        timecode=clip.timecode and advance_timecode(clip.timecode, first, clip.frame_rate),
        first_number=clip.first_number + (first if clip.kind == "sequence" else 0),
    )
