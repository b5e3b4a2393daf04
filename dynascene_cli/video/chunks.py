"""Lossless intermediates in chunks, exact and cheap to read again.

Grey frames are mattes, nearly all of it black or white: TIFF in QuickTime, whose runs are read in a
quarter of the time of FFV1. RGB frames are AVI: up to full HD uncompressed, since coding and
decoding them costs as much as drawing them anew; larger ones MagicYUV, which takes less than half
the room at a fifth of the cost of FFV1's RGB and is exact for noise, which Ut Video is not. Every
frame stands alone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.video.stream import VideoStream

from dynascene_cli.errors import StageError
from dynascene_cli.shot import Image
from dynascene_cli.video.colour import plane_array

CHUNK_LENGTH = 64
GREY_SUFFIX = ".mov"
RGB_SUFFIX = ".avi"

UNCOMPRESSED_PIXELS = 2_100_000
"""RGB frames of up to this many pixels are not compressed: a chunk is 0.4 GB at most."""

_GREY_OPTIONS = {"compression_algo": "packbits"}
_COMPRESSED_OPTIONS = {"pred": "gradient"}
_READER_THREADS = 2


def chunk_path(folder: Path, index: int, *, grey: bool) -> Path:
    """Where one chunk of a folder lies."""
    return folder / f"chunk_{index:05d}{GREY_SUFFIX if grey else RGB_SUFFIX}"


@contextmanager
def chunk_sink(path: Path, frame_rate: Fraction) -> Iterator["ChunkSink"]:
    """A sink for grey (H, W) or RGB (H, W, 3) uint8 frames, all of one kind and size.

    Kept without loss. ``path`` has the suffix of its kind (``chunk_path``).

    Raises:
        StageError: there is no frame, or the disk is full.
    """
    with av.open(f"file:{path}", "w", options={"fflags": "+bitexact"}) as container:
        sink = ChunkSink(container, frame_rate)
        yield sink
        sink.finish(path)


def _coding(image: Image) -> tuple[str, str, dict[str, str]]:
    """Codec, pixel format and options for frames like this."""
    if image.ndim == 2:
        return "tiff", "gray", dict(_GREY_OPTIONS)
    if image.shape[0] * image.shape[1] <= UNCOMPRESSED_PIXELS:
        return "rawvideo", "bgr24", {}
    return "magicyuv", "gbrp", dict(_COMPRESSED_OPTIONS)


def write_chunk(path: Path, frames: Iterable[Image], frame_rate: Fraction) -> None:
    """Write all frames as one chunk (``chunk_sink``)."""
    with chunk_sink(path, frame_rate) as sink:
        for image in frames:
            sink.write(image)


class ChunkSink:
    """Takes the frames of one chunk."""

    def __init__(self, container: OutputContainer, frame_rate: Fraction) -> None:
        self._container, self._frame_rate = container, frame_rate
        self._stream: VideoStream | None = None

    def write(self, image: Image) -> None:
        """Add a frame."""
        height, width = image.shape[:2]
        codec, pixel_format, options = _coding(image)
        if self._stream is None:
            stream = self._container.add_stream(codec, rate=self._frame_rate, options=options)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = width, height
            stream.pix_fmt = pixel_format
            stream.codec_context.thread_count = 1
            self._stream = stream
        frame = av.VideoFrame(width, height, pixel_format)
        if pixel_format == "bgr24":
            cv2.cvtColor(image, cv2.COLOR_RGB2BGR, dst=plane_array(frame.planes[0], channels=3))
        else:
            planes = [plane_array(plane) for plane in frame.planes]
            if pixel_format == "gray":
                planes[0][:] = image
            else:
                green, blue, red = planes
                cv2.split(image, [red, green, blue])
        self._container.mux(self._stream.encode(frame))

    def finish(self, path: Path) -> None:
        """Flush the encoder.

        Raises:
            StageError: no frame was written.
        """
        if self._stream is None:
            raise StageError(f"{path}: no frame to write", "report this as a defect")
        self._container.mux(self._stream.encode(None))


def read_chunk(path: Path, first: int = 0) -> Iterator[Image]:
    """The frames of a chunk from ``first`` on, exactly as they were written.

    Raises:
        StageError: the chunk is damaged.
    """
    try:
        with av.open(f"file:{path}") as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stream.codec_context.thread_count = _READER_THREADS
            for index, packet in enumerate(container.demux(stream)):
                if index < first and packet.size:
                    continue
                for frame in packet.decode():
                    yield _image(frame)
    except (av.FFmpegError, OSError) as error:
        raise StageError(
            f"{path}: the cached frames cannot be read", "run the same command with --force"
        ) from error


@dataclass(frozen=True)
class ChunkedFrames:
    """A FrameSource over the chunks of one folder (``chunk_path``)."""

    folder: Path
    frame_count: int
    grey: bool
    chunk_length: int = CHUNK_LENGTH

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield frames first ≤ i < last, in order.

        Raises:
            StageError: a chunk is missing, damaged or short.
        """
        stop = self.frame_count if last is None else min(last, self.frame_count)
        position = first
        while position < stop:
            index, offset = divmod(position, self.chunk_length)
            path = chunk_path(self.folder, index, grey=self.grey)
            wanted = min(self.chunk_length - offset, stop - position)
            for image, _ in zip(read_chunk(path, offset), range(wanted), strict=False):
                yield image
                position += 1
                wanted -= 1
            if wanted:
                raise StageError(f"{path}: the chunk is short", "run it again with --force")


def _image(frame: av.VideoFrame) -> Image:
    if frame.format.name == "bgr24":
        packed = plane_array(frame.planes[0], channels=3)
        return np.asarray(cv2.cvtColor(packed, cv2.COLOR_BGR2RGB), np.uint8)
    planes = [plane_array(plane) for plane in frame.planes]
    if len(planes) == 1:
        return np.ascontiguousarray(planes[0])
    green, blue, red = planes
    return np.asarray(cv2.merge([red, green, blue]), np.uint8)
