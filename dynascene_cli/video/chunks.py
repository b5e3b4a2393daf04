"""Lossless intermediates in chunks, exact and cheap to read again.

Grey frames are mattes, nearly all of it black or white: TIFF in QuickTime, whose runs are read in a
quarter of the time of FFV1. RGB frames up to full HD are NumPy arrays, since coding and decoding
them costs as much as drawing them anew; larger ones MagicYUV in AVI, which takes less than half
the room at a fifth of the cost of FFV1's RGB and is exact for noise, which Ut Video is not. Every
frame stands alone.
"""

import math
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

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
COMPRESSED_SUFFIX, ARRAY_SUFFIX = ".avi", ".npy"

UNCOMPRESSED_PIXELS = 2_100_000
"""RGB frames of up to this many pixels are not compressed: a chunk is 0.4 GB at most."""

_READER_THREADS = 2


def rgb_suffix(width: int, height: int) -> str:
    """The suffix of chunks of RGB frames of this size."""
    return ARRAY_SUFFIX if width * height <= UNCOMPRESSED_PIXELS else COMPRESSED_SUFFIX


def chunk_path(folder: Path, index: int, suffix: str) -> Path:
    """Where one chunk of a folder lies."""
    return folder / f"chunk_{index:05d}{suffix}"


@contextmanager
def chunk_sink(path: Path, frame_rate: Fraction) -> Iterator["ArraySink | CodedSink"]:
    """A sink for uint8 frames of one size, kept without loss.

    The suffix of ``path`` chooses the coding: ``GREY_SUFFIX`` for (H, W), ``rgb_suffix`` for
    (H, W, 3).

    Raises:
        StageError: there is no frame, or the disk is full.
    """
    sink: ArraySink | CodedSink
    if path.suffix == ARRAY_SUFFIX:
        with path.open("wb", buffering=0) as file:
            sink = ArraySink(file)
            yield sink
            sink.finish(path)
    else:
        with av.open(f"file:{path}", "w", options={"fflags": "+bitexact"}) as container:
            sink = CodedSink(container, frame_rate)
            yield sink
            sink.finish(path)


def write_chunk(path: Path, frames: Iterable[Image], frame_rate: Fraction) -> None:
    """Write all frames as one chunk (``chunk_sink``)."""
    with chunk_sink(path, frame_rate) as sink:
        for image in frames:
            sink.write(image)


class ArraySink:
    """Takes the frames of one chunk into an array (N, H, W, 3), of NumPy's file format."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._shape, self._count = file, (0, 0, 0), 0

    def write(self, image: Image) -> None:
        """Add a frame."""
        if self._count == 0:
            self._shape = image.shape
            self._write_header()
        self._file.write(np.ascontiguousarray(image).data)
        self._count += 1

    def finish(self, path: Path) -> None:
        """Note how many frames there are.

        Raises:
            StageError: no frame was written.
        """
        if self._count == 0:
            raise _no_frame(path)
        self._file.seek(0)
        self._write_header()

    def _write_header(self) -> None:
        # The format leaves room for a longer first axis, so that a header can be written anew.
        described = {"descr": "|u1", "fortran_order": False, "shape": (self._count, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, described)


class CodedSink:
    """Takes the frames of one chunk into a video."""

    def __init__(self, container: OutputContainer, frame_rate: Fraction) -> None:
        self._container, self._frame_rate = container, frame_rate
        self._stream: VideoStream | None = None

    def write(self, image: Image) -> None:
        """Add a frame."""
        height, width = image.shape[:2]
        grey = image.ndim == 2
        pixel_format = "gray" if grey else "gbrp"
        if self._stream is None:
            codec = "tiff" if grey else "magicyuv"
            options = {"compression_algo": "packbits"} if grey else {"pred": "gradient"}
            stream = self._container.add_stream(codec, rate=self._frame_rate, options=options)
            assert isinstance(stream, VideoStream)
            stream.width, stream.height = width, height
            stream.pix_fmt = pixel_format
            stream.codec_context.thread_count = 1
            self._stream = stream
        frame = av.VideoFrame(width, height, pixel_format)
        planes = [plane_array(plane) for plane in frame.planes]
        if grey:
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
            raise _no_frame(path)
        self._container.mux(self._stream.encode(None))


def _no_frame(path: Path) -> StageError:
    return StageError(f"{path}: no frame to write", "report this as a defect")


def read_chunk(path: Path, first: int = 0) -> Iterator[Image]:
    """The frames of a chunk from ``first`` on, exactly as they were written.

    Raises:
        StageError: the chunk is damaged.
    """
    try:
        if path.suffix == ARRAY_SUFFIX:
            yield from _read_array(path, first)
        else:
            yield from _decode(path, first)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise StageError(
            f"{path}: the cached frames cannot be read", "run the same command with --force"
        ) from error


def _read_array(path: Path, first: int) -> Iterator[Image]:
    """The frames one by one: a chunk that were mapped would count as memory of the process.

    Raises:
        OSError, ValueError: it holds no array of frames, or fewer than it says.
    """
    with path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("another version of the format")
        (count, *shape), _, kind = np.lib.format.read_array_header_1_0(file)
        if kind != np.uint8 or len(shape) != 3:
            raise ValueError("no frames")
        file.seek(first * math.prod(shape), os.SEEK_CUR)
        for _ in range(first, count):
            image = np.empty(shape, np.uint8)
            if file.readinto(image.data) != image.nbytes:
                raise ValueError("frames are missing")
            yield image


def _decode(path: Path, first: int) -> Iterator[Image]:
    with av.open(f"file:{path}") as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = _READER_THREADS
        for index, packet in enumerate(container.demux(stream)):
            if index < first and packet.size:
                continue
            for frame in packet.decode():
                yield _image(frame)


@dataclass(frozen=True)
class ChunkedFrames:
    """A FrameSource over the chunks of one folder (``chunk_path``), all of one suffix."""

    folder: Path
    frame_count: int
    suffix: str
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
            path = chunk_path(self.folder, index, self.suffix)
            wanted = min(self.chunk_length - offset, stop - position)
            for image, _ in zip(read_chunk(path, offset), range(wanted), strict=False):
                yield image
                position += 1
                wanted -= 1
            if wanted:
                raise StageError(f"{path}: the chunk is short", "run it again with --force")


def _image(frame: av.VideoFrame) -> Image:
    planes = [plane_array(plane) for plane in frame.planes]
    if len(planes) == 1:
        return np.ascontiguousarray(planes[0])
    green, blue, red = planes
    return np.asarray(cv2.merge([red, green, blue]), np.uint8)
