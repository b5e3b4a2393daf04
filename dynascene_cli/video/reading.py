"""Frames of a clip, streamed from any frame on."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import DTypeLike, NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.shot import Clip, Image
from dynascene_cli.video.animations import animation_frames
from dynascene_cli.video.colour import (
    FAST_FORMATS,
    deep_rgb_image,
    plane_array,
    rgb_image,
    rgb_window,
)
from dynascene_cli.video.containers import bound_frames, open_video
from dynascene_cli.video.deep_pictures import read_deep_picture, sixteen_bits
from dynascene_cli.video.images import read_picture
from dynascene_cli.video.orientation import Picture, orient_picture
from dynascene_cli.video.prefetch import LARGE_FRAME
from dynascene_cli.video.sequences import other_size, sequence_files

_MOST_THREADS = 8
_WORTH_SEEK = 125
_SEEK_LEADS = (0, 2, 20, 10**9)
_ALPHA_BESIDE = ("vp8", "vp9")
"""Codings whose alpha is the luma of a second stream, in side data of each packet (WebM)."""
_ALPHA_HEAD = bytes(7) + b"\x01"
"""How the side data that is alpha begins: BlockAddID 1."""


def read_frames(clip: Clip, first: int = 0, last: int | None = None) -> Iterator[Image]:
    """RGB uint8 (H, W, 3) of frames first ≤ i < last, upright, as viewed on a bt709 screen.

    Raises:
        InputError: the file is damaged (naming the last good time), or a sequence's picture has
            another size than the first.
    """
    if _holds_pictures(clip):
        for rgb, _ in _pictures(clip, first, last):
            yield rgb
        return
    for frame in _decode(clip, _range(clip, first, last)):
        yield np.asarray(DecodedFrame(frame, clip))


@dataclass(frozen=True, eq=False)
class DecodedFrame:
    """A clip's frame that becomes RGB where it is looked at: ``frame[y0:y1, x0:x1]``.

    A window equals that of ``read_frames``; ``numpy.asarray(frame)`` is the whole.
    """

    coded: av.VideoFrame
    clip: Clip

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 3) of the whole frame."""
        return self.clip.height, self.clip.width, 3

    def __getitem__(self, window: tuple[slice, slice]) -> Image:
        """RGB uint8 of a window of rows and columns, in steps of one."""
        same_size = (self.coded.height, self.coded.width) == self.shape[:2]
        turned = self.clip.rotation or self.clip.mirrored
        if not same_size or turned or self.coded.format.name not in FAST_FORMATS:
            return np.ascontiguousarray(np.asarray(self)[window])
        rows, columns = (
            part.indices(count)[:2] for part, count in zip(window, self.shape, strict=False)
        )
        return rgb_window(self.coded, self.clip.colour, rows, columns)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Image:
        """The whole frame, RGB uint8 (H, W, 3)."""
        with _conversion(self.clip):
            return _orient(rgb_image(self.coded, self.clip.colour), self.clip)

    def deep(self) -> NDArray[np.uint16]:
        """The whole frame with all of its bits: RGB uint16 (H, W, 3), 257 times the 8-bit one."""
        with _conversion(self.clip):
            return _orient(deep_rgb_image(self.coded, self.clip.colour), self.clip)


def decode_frames(clip: Clip) -> Iterator[Image | DecodedFrame]:
    """All frames of ``read_frames``, converted only where they are looked at.

    Raises:
        InputError: as ``read_frames``.
    """
    if _holds_pictures(clip):
        yield from read_frames(clip)
        return
    for frame in _decode(clip, _range(clip)):
        yield DecodedFrame(frame, clip)


def deepen_frame(clip: Clip, index: int, frame: Image | DecodedFrame) -> NDArray[np.uint16]:
    """A frame that ``decode_frames`` gave, with all of its bits: RGB uint16 (H, W, 3).

    Raises:
        InputError: its picture file cannot be read.
    """
    if clip.bit_depth <= 8:
        return sixteen_bits(np.asarray(frame))
    if isinstance(frame, DecodedFrame):
        return frame.deep()
    return read_deep_picture(sequence_files(clip.path)[clip.source_frames[index]])


def read_frames_at(clip: Clip, indices: Sequence[int]) -> Iterator[Image]:
    """RGB uint8 (H, W, 3) of the frames with these numbers, which rise.

    Between near ones is decoded what others refer to: that costs less than to seek, which decodes
    from the last keyframe every time.
    """
    if _holds_pictures(clip):
        for index in indices:
            yield from read_frames(clip, index, index + 1)
        return
    starts = [i for i in range(len(indices)) if i == 0 or indices[i] - indices[i - 1] > _WORTH_SEEK]
    for start, end in zip(starts, [*starts[1:], len(indices)], strict=True):
        for frame in _decode(clip, indices[start:end]):
            yield np.asarray(DecodedFrame(frame, clip))


def read_alpha(clip: Clip, first: int = 0, last: int | None = None) -> Iterator[Image]:
    """Alpha uint8 (H, W) of frames first ≤ i < last; 255 throughout where there is none."""
    if _holds_pictures(clip):
        for rgb, alpha in _pictures(clip, first, last):
            yield np.full(rgb.shape[:2], 255, np.uint8) if alpha is None else alpha
        return
    beside = clip.has_alpha and clip.codec in _ALPHA_BESIDE
    for frame in _decode(clip, _range(clip, first, last), alpha_beside=beside):
        if beside and frame.format.components[0].bits != 8:
            raise InputError(
                f"{clip.path} has an alpha of more than 8 bits", "write it with 8 bits"
            )
        with _conversion(clip):
            alpha = plane_array(frame.planes[0]) if beside else _alpha_plane(frame)
        yield _orient(alpha, clip)


def _holds_pictures(clip: Clip) -> bool:
    """Whether frames are pictures with an alpha each, and no stream of a container."""
    return clip.kind in ("sequence", "image") or clip.codec == "webp"


def _pictures(clip: Clip, first: int, last: int | None) -> Iterator[tuple[Image, Image | None]]:
    if clip.kind == "animation":
        yield from _animation_frames(clip, first, last)
        return
    files = sequence_files(clip.path)
    for index in clip.source_frames[first:last]:
        rgb, alpha = read_picture(files[index])
        if rgb.shape[:2] != (clip.height, clip.width):
            size = (rgb.shape[1], rgb.shape[0])
            raise other_size(files[index], size, (clip.width, clip.height))
        yield rgb, alpha


def _animation_frames(clip: Clip, first: int, last: int | None) -> Iterator[tuple[Image, Image]]:
    frames = enumerate(animation_frames(clip.path))
    place, held = -1, None
    for wanted in clip.source_frames[first:last]:
        while place < wanted:
            place, held = next(frames)
        assert held is not None
        yield held


def _range(clip: Clip, first: int = 0, last: int | None = None) -> range:
    return range(clip.frame_count)[first:last]


def _decode(
    clip: Clip, indices: Sequence[int], *, alpha_beside: bool = False
) -> Iterator[av.VideoFrame]:
    """The frames with these rising numbers; those between them only as far as they are needed.

    With ``alpha_beside`` they are those of the stream beside the pictures, whose luma is alpha.
    """
    times = [clip.source_times[index] for index in indices]
    if not times:
        return
    for lead in _SEEK_LEADS:
        with open_video(clip.path) as (container, stream):
            tick = Fraction(stream.time_base or 1)
            # AVI has no presentation times: reordered frames are told by their count.
            has_times = container.format.name != "avi" or not stream.codec_context.has_b_frames
            counted = clip.counted or not has_times
            target = times[0] - lead
            sought = target > _begin(clip) and not counted
            if sought:
                container.seek(round(target / tick), stream=stream, backward=True)
            frames: Iterator[tuple[float, av.VideoFrame | None]]
            if counted:
                wanted = [clip.source_frames[index] for index in indices]
                decoded = _all_frames(clip, container, stream, alpha_beside=alpha_beside)
                frames = enumerate(decoded)
            else:
                wanted = [round(time / tick) for time in times]
                sparse = indices[-1] - indices[0] >= len(indices)
                only = set(wanted) if sparse else None
                decoded = _all_frames(clip, container, stream, only, alpha_beside=alpha_beside)
                frames = ((_time(frame), frame) for frame in decoded)
            try:
                place, held = next(frames, (math.inf, None))
            except InputError:
                if alpha_beside and sought:
                    # The pictures' keyframe need not be one of the alpha's.
                    continue
                raise
            if place > wanted[0] and sought:
                # Indexes list decoding times, and leading frames need the keyframe before.
                continue
            for time in wanted:
                while held is not None and place < time:
                    place, held = next(frames, (math.inf, None))
                if held is None:
                    raise _damage_error(clip, times[0])
                yield held
        return


def _all_frames(
    clip: Clip,
    container: InputContainer,
    stream: VideoStream,
    wanted: Set[int] | None = None,
    *,
    alpha_beside: bool,
) -> Iterator[av.VideoFrame]:
    """All frames from where the container stands, or those ``wanted`` and what others refer to."""
    decoder = stream.codec_context
    if alpha_beside:
        # FFmpeg's libvpx decoder reads both, but takes any size that a frame claims.
        decoder = cast(VideoCodecContext, av.CodecContext.create(clip.codec, "r"))
        bound_frames(decoder)
    # Frames on threads come later than their packets, and would change places with opaque ones.
    decoder.thread_type = "SLICE" if alpha_beside else "AUTO"
    # Each thread holds frames of its own, and who takes large ones is slower than one of them.
    large = clip.width * clip.height > LARGE_FRAME
    decoder.thread_count = 1 if large else min(os.cpu_count() or 1, _MOST_THREADS)
    last_good = _begin(clip)
    tick = Fraction(stream.time_base or 1)
    failure: av.FFmpegError | None = None
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                return
            if wanted is not None:
                needed = packet.pts is None or packet.pts in wanted
                decoder.skip_frame = "DEFAULT" if needed else "NONREF"
            if alpha_beside and packet.size:
                frames = _alpha_frames(decoder, packet, clip)
            else:
                frames = decoder.decode(packet if packet.size else None)
        except av.FFmpegError as error:
            failure = error
            # Threads hold good frames from before the damage.
            frames = _drain(decoder)
        for frame in frames:
            last_good = _time(frame) * tick
            yield frame
        if failure is not None:
            raise _damage_error(clip, last_good) from failure


def _alpha_frames(
    decoder: VideoCodecContext, packet: "av.Packet[VideoStream]", clip: Clip
) -> list[av.VideoFrame]:
    """The frames whose luma is a packet's alpha, opaque where it carries none."""
    for side in map(bytes, packet.iter_sidedata()):
        if side.startswith(_ALPHA_HEAD):
            alpha = av.Packet(side.removeprefix(_ALPHA_HEAD))
            alpha.pts, alpha.dts, alpha.time_base = packet.pts, packet.dts, packet.time_base
            return decoder.decode(alpha)
    opaque = av.VideoFrame.from_ndarray(np.full((clip.height, clip.width), 255, np.uint8), "gray")
    opaque.pts = packet.pts
    return [opaque]


def _drain(decoder: VideoCodecContext) -> list[av.VideoFrame]:
    frames: list[av.VideoFrame] = []
    with contextlib.suppress(av.FFmpegError):
        frames += decoder.decode(None)
    return frames


def _damage_error(clip: Clip, last_good: Fraction) -> InputError:
    seconds = max(0.0, float(last_good - _begin(clip)))
    return InputError(
        f"{clip.path} is damaged: the last good time is {seconds:.2f} s",
        f"copy the file again, or use what is good with --end {seconds:.2f}",
    )


def _begin(clip: Clip) -> Fraction:
    return clip.first_time - clip.start


@contextlib.contextmanager
def _conversion(clip: Clip) -> Iterator[None]:
    """Name the clip where FFmpeg cannot convert what its decoder gave."""
    try:
        yield
    except av.FFmpegError as error:
        raise InputError(
            f"{clip.path} has pictures in a form that cannot be converted", "export it again"
        ) from error


def _time(frame: av.VideoFrame) -> int:
    time = frame.pts if frame.pts is not None else frame.dts
    return 0 if time is None else time


def _alpha_plane(frame: av.VideoFrame) -> Image:
    if not any(part.is_alpha for part in frame.format.components):
        return np.full((frame.height, frame.width), 255, np.uint8)
    if frame.format.name in ("yuva420p", "yuva422p", "yuva444p", "gbrap"):
        return plane_array(frame.planes[3])
    rgba = frame.reformat(format="rgba", threads=1)
    return plane_array(rgba.planes[0], channels=4)[..., 3]


def _orient(image: Picture, clip: Clip) -> Picture:
    turned = orient_picture(image, clip.rotation, clip.mirrored)
    size = (clip.width, clip.height)
    if turned.shape[:2] != (clip.height, clip.width):
        turned = cast(Picture, cv2.resize(turned, size, interpolation=cv2.INTER_CUBIC))
    return np.ascontiguousarray(turned)
