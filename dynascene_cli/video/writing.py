"""Finished frames to files: the suffix chooses the coding; files appear whole or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol, cast

import av
import cv2
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream

from dynascene_cli.errors import InputError, StageError
from dynascene_cli.shot import Clip, DeepImage
from dynascene_cli.storage.atomic import disk_full_as_error, publish_file, publish_together
from dynascene_cli.video.audio import add_sound
from dynascene_cli.video.colour import BT709, LIMITED, encode_frame
from dynascene_cli.video.images import encode_image
from dynascene_cli.video.openexr import ExrCompression, exr_bytes
from dynascene_cli.video.outputs import check_writable
from dynascene_cli.video.sequences import is_pattern, path_of_number

ENCODER_THREADS = 4
"""Fixed, because an encoder's bytes may depend on it."""

_STILLS = (".png", ".jpg", ".jpeg", ".exr")
_CHOICES = "use .mp4, .mov, .webm, name.%05d.png or name.%05d.exr"


class Sink(Protocol):
    """What takes finished frames, one after another."""

    def write(self, frame: DeepImage) -> None:
        """Take the next frame: RGB (H, W, 3), or RGBA (H, W, 4) with straight alpha.

        uint8, or uint16 where the file holds more than 8 bits: ProRes, PNG and EXR.
        """
        ...


@dataclass(frozen=True)
class _Coding:
    codec: str
    pixel_format: str
    options: dict[str, str]
    container_options: dict[str, str]


_CODINGS = {
    (".mp4", False): _Coding(
        "libx264",
        "yuv420p",
        # Macroblock trees read memory that nobody wrote, by AVX-512 (docs/reliability.md): the same
        # frames would give other bytes.
        {"preset": "veryfast", "crf": "18", "x264-params": "mbtree=0"},
        {"movflags": "+faststart"},
    ),
    # prores_aw costs a fifth of prores_ks.
    (".mov", False): _Coding("prores_aw", "yuv422p10le", {"profile": "3", "vendor": "apl0"}, {}),
    (".mov", True): _Coding("prores_aw", "yuva444p10le", {"profile": "4", "vendor": "apl0"}, {}),
    (".webm", False): _Coding(
        "libvpx-vp9", "yuv420p", {"crf": "20", "b": "0", "cpu-used": "4", "row-mt": "1"}, {}
    ),
    (".webm", True): _Coding(
        "libvpx-vp9",
        "yuva420p",
        {"crf": "12", "b": "0", "cpu-used": "4", "row-mt": "1", "auto-alt-ref": "0"},
        {},
    ),
}


@contextmanager
def open_sink(
    path: Path,
    *,
    width: int,
    height: int,
    frame_rate: Fraction,
    alpha: bool = False,
    audio_from: Clip | None = None,
    first_number: int = 1,
    timecode: str | None = None,
    exr_compression: ExrCompression = "zip",
) -> Iterator[Sink]:
    """A sink for frames of one size, published when the block ends without an error.

    ``.mp4`` H.264; ``.mov`` ProRes 422 HQ or, with ``alpha``, 4444; ``.webm`` VP9;
    ``name.%05d.png`` and ``name.%05d.exr`` sequences numbered from ``first_number`` (EXR is
    linear light);
    ``.png``, ``.jpg`` or ``.exr`` for a single frame.
    ``audio_from`` is the clip whose sound a video carries; ``timecode`` that of a ``.mov``'s first
    frame. Videos have even sides: an odd
    one's last row or column is repeated. The same frames give the same bytes.

    Raises:
        InputError: the suffix is unknown or holds no alpha, or the folder cannot be written.
        StageError: the disk is full, or no frame was written.
    """
    check_output(path, alpha=alpha)
    suffix = path.suffix.lower()
    if is_sequence(path):
        with publish_together(path.parent) as folder:
            sequence = _SequenceSink(folder / path.name, path, first_number, exr_compression)
            yield sequence
            sequence.finish()
    elif suffix in _STILLS:
        with publish_file(path) as temporary:
            still = _StillSink(temporary, path, first_number, exr_compression)
            yield still
            still.finish()
    else:
        with (
            publish_file(path) as temporary,
            open_film(
                temporary,
                width=width,
                height=height,
                frame_rate=frame_rate,
                alpha=alpha,
                audio_from=audio_from,
                timecode=timecode,
            ) as film,
        ):
            yield film


@contextmanager
def open_film(
    path: Path,
    *,
    width: int,
    height: int,
    frame_rate: Fraction,
    alpha: bool = False,
    audio_from: Clip | None = None,
    timecode: str | None = None,
) -> Iterator[Sink]:
    """``open_sink`` of a video whose name is a temporary one already: it is written in place.

    Raises:
        OSError: the disk is full.
        StageError: no frame was written.
    """
    suffix = path.suffix.lower()
    video = _VideoSink(path, _CODINGS[suffix, alpha], width, height, frame_rate, audio_from)
    if timecode is not None and suffix == ".mov":
        video.set_timecode(timecode)
    try:
        yield video
        video.finish()
    finally:
        video.close()


def is_deep(path: Path) -> bool:
    """Whether ``open_sink`` keeps more than 8 bits of a colour in a file of this name."""
    return path.suffix.lower() in (".mov", ".png", ".exr")


def is_sequence(path: Path) -> bool:
    """Whether ``open_sink`` writes one picture a frame to this name."""
    return is_pattern(path) and path.suffix.lower() in _STILLS


def check_output(path: Path, *, alpha: bool = False, frame_count: int = 1) -> None:
    """Make sure that ``open_sink`` can write ``path``, before any work is done.

    Raises:
        InputError: the suffix is unknown, holds no alpha or fewer frames, or the folder cannot be
            written.
    """
    suffix = path.suffix.lower()
    if suffix not in (".mp4", ".mov", ".webm", *_STILLS):
        raise InputError(
            f"{path}: {suffix or 'no suffix'} is not a supported output format", _CHOICES
        )
    if alpha and suffix in (".mp4", ".jpg", ".jpeg"):
        raise InputError(f"{path}: {suffix} holds no transparency", "use .mov, .webm or .png")
    if frame_count > 1 and suffix in _STILLS and not is_pattern(path):
        raise _holds_one_frame(path.name)
    check_writable(path)


def _holds_one_frame(name: str) -> InputError:
    return InputError(
        f"{name} holds one frame, the clip has more",
        f"use {Path(name).stem}.%05d{Path(name).suffix} or .mp4",
    )


class _VideoSink:
    def __init__(
        self,
        path: Path,
        coding: _Coding,
        width: int,
        height: int,
        frame_rate: Fraction,
        audio_from: Clip | None,
    ) -> None:
        self._name = path
        self._coding = coding
        self._rate = frame_rate
        self._count = 0
        self._container: OutputContainer = av.open(
            f"file:{path}", "w", options={"fflags": "+bitexact", **coding.container_options}
        )
        self._stream = self._video_stream(width, height)
        self._sound: Iterator[av.Packet[AudioStream]] = iter(())
        if audio_from is not None and audio_from.has_audio:
            self._sound = add_sound(self._container, audio_from, path.suffix.lower())
        self._waiting = next(self._sound, None)

    def _video_stream(self, width: int, height: int) -> VideoStream:
        stream = self._container.add_stream(
            self._coding.codec, rate=self._rate, options=self._coding.options
        )
        assert isinstance(stream, VideoStream)
        stream.width = width + width % 2
        stream.height = height + height % 2
        stream.pix_fmt = self._coding.pixel_format
        stream.time_base = 1 / self._rate
        context = stream.codec_context
        context.thread_count = ENCODER_THREADS
        context.colorspace = context.color_primaries = context.color_trc = BT709
        context.color_range = LIMITED
        return stream

    def set_timecode(self, timecode: str) -> None:
        """Give the first frame a number; before any frame is written."""
        self._stream.metadata["timecode"] = timecode

    def write(self, frame: DeepImage) -> None:
        height, width = frame.shape[:2]
        if width % 2 or height % 2:
            sides = 0, height % 2, 0, width % 2
            frame = cast(DeepImage, cv2.copyMakeBorder(frame, *sides, cv2.BORDER_REPLICATE))
        coded = encode_frame(frame, self._coding.pixel_format)
        coded.pts = self._count
        coded.time_base = 1 / self._rate
        self._count += 1
        self._container.mux(self._stream.encode(coded))
        self._mux_sound(self._count / self._rate)

    def finish(self) -> None:
        if self._count == 0:
            raise StageError(f"{self._name}: no frame was written", "report this as a defect")
        self._container.mux(self._stream.encode(None))
        self._mux_sound(None)

    def close(self) -> None:
        self._container.close()

    def _mux_sound(self, until: Fraction | None) -> None:
        while self._waiting is not None:
            packet = self._waiting
            if until is not None and (packet.dts or 0) * packet.time_base > until:
                return
            self._container.mux(packet)
            self._waiting = next(self._sound, None)


class _SequenceSink:
    def __init__(
        self, pattern: Path, target: Path, first_number: int, exr_compression: ExrCompression
    ) -> None:
        self._pattern = pattern
        self._target = target
        self._first_number = first_number
        self._exr_compression = exr_compression
        self._count = 0

    def write(self, frame: DeepImage) -> None:
        file = path_of_number(self._pattern, self._first_number + self._count)
        with disk_full_as_error(self._target):
            file.write_bytes(
                exr_bytes(frame, self._exr_compression)
                if file.suffix.lower() == ".exr"
                else encode_image(frame, file)
            )
        self._count += 1

    def finish(self) -> None:
        if self._count == 0:
            raise StageError(f"{self._target}: no frame was written", "report this as a defect")


class _StillSink(_SequenceSink):
    def write(self, frame: DeepImage) -> None:
        if self._count:
            raise _holds_one_frame(self._target.name)
        super().write(frame)
