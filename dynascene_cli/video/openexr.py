"""OpenEXR pictures: half-float, linear light, straight alpha."""

import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Literal

import av
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError, reading
from dynascene_cli.shot import DeepImage
from dynascene_cli.video.picture_files import check_claimed_size
from dynascene_cli.video.srgb_curve import linear_light

EXR_HINT = "export it again as half or float, with ZIP or no compression"

ExrCompression = Literal["zip", "zips", "rle", "none"]
_FFMPEG_NAMES = {"zip": "zip16", "zips": "zip1", "rle": "rle", "none": "none"}

LARGEST_EXR = 2**26
"""Pixels, of up to 16 bytes: twice those of 8K."""

_HEAD_BYTES = 2**16
_WINDOWS = (b"dataWindow\0box2i\0", b"displayWindow\0box2i\0")
_CHANNELS = b"channels\0chlist\0"
_CHANNEL_BYTES = 16
"""Of a channel in the head, after its name; the first four tell the kind of its numbers."""
_COLOURS = frozenset("RGBAY")
_TILED_OR_IN_PARTS = 0x200 | 0x1000
_LINES_OF_BLOCK = (1, 1, 1, 16, 32, 16, 32, 32, 32, 256)
"""Lines that are stored together, by the number of the compression."""


def exr_bytes(image: DeepImage, compression: ExrCompression = "zip") -> bytes:
    """An EXR file of an RGB or RGBA picture, uint8 or uint16: sRGB becomes linear light.

    Alpha stays as it is. A grey picture (H, W) is an alpha: one channel.
    """
    most = np.iinfo(image.dtype).max
    if image.ndim == 2:
        return _encode([(image / most).astype(np.float32)], "grayf32le", compression)
    linear = _linear_table(most)
    planes = [linear[image[..., channel]] for channel in (1, 2, 0)]
    if image.shape[2] == 4:
        planes.append((image[..., 3] / most).astype(np.float32))
    return _encode(planes, "gbrapf32le" if image.shape[2] == 4 else "gbrpf32le", compression)


@cache
def _linear_table(most: int) -> NDArray[np.float32]:
    """Linear light of every display value from 0 to ``most``."""
    return linear_light(np.arange(most + 1) / most).astype(np.float32)


def _encode(
    planes: list[NDArray[np.float32]], pixel_format: str, compression: ExrCompression
) -> bytes:
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.float32).reshape(-1, plane.line_size // 4)
        rows[:height, :width] = values
    encoder = av.CodecContext.create("exr", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = frame.format.name
    encoder.time_base = Fraction(1)
    encoder.options = {"compression": _FFMPEG_NAMES[compression], "format": "half"}
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


@dataclass(frozen=True)
class ExrHead:
    """What the head of an EXR's first part says.

    ``size`` is the larger (width, height) of its two windows; ``channels`` are names, and whether
    their numbers are whole ones.
    """

    size: tuple[int, int]
    channels: dict[str, bool]


def exr_head(path: Path) -> ExrHead:
    """The head of an EXR file.

    Raises:
        InputError: it is no EXR.
    """
    with reading(path, "OpenEXR", EXR_HINT), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if not head.startswith(b"\x76\x2f\x31\x01"):
        raise InputError(f"{path} is not an OpenEXR picture", EXR_HINT)
    sizes = []
    for window in _WINDOWS:
        at = _content_of(path, head, window)
        left, top, right, bottom = struct.unpack("<4i", head[at : at + 16].ljust(16, b"\0"))
        sizes.append((max(right - left + 1, 0), max(bottom - top + 1, 0)))
    # The decoder makes room for the window that is shown, and reads the other.
    size = max(width for width, _ in sizes), max(height for _, height in sizes)
    at, channels = _content_of(path, head, _CHANNELS), {}
    while name := head[at : head.find(b"\0", at)]:
        at += len(name) + 1
        channels[name.decode("latin-1")] = head[at : at + 4] == bytes(4)
        at += _CHANNEL_BYTES
    return ExrHead(size, channels)


def _content_of(path: Path, head: bytes, attribute: bytes) -> int:
    """Where an attribute's content begins in the head."""
    at = head.find(attribute)
    if at < 0:
        raise InputError(f"{path} is not an OpenEXR picture", EXR_HINT)
    return at + len(attribute) + 4


def exr_planes(path: Path, *, depth: bool = False) -> NDArray[np.float32]:
    """The channels of an EXR file as stored: float32 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.

    Colour or luminance; else the colour of the first layer that has any; else the channel called
    A, or the only one. Where ``depth`` is wanted, a channel called Z comes before these.

    Raises:
        InputError: it is no EXR that can be decoded, holds no channel that is known, or claims
            more pixels than a picture has.
    """
    head = exr_head(path)
    check_claimed_size(path, head.size, LARGEST_EXR)
    layer, used = _chosen_channels(path, head.channels, depth=depth)
    if any(head.channels[name] for name in used):
        raise InputError(f"{path} holds whole numbers in its channels {', '.join(used)}", EXR_HINT)
    with reading(path, "OpenEXR", EXR_HINT):
        content = path.read_bytes()
        if not _is_whole(content):
            raise InputError(f"{path} is cut short: lines of it are missing", "copy it again")
        frame = _decode_channel(content, head.channels, layer, used)
    kind, size = (np.float16, 2) if "f16" in frame.format.name else (np.float32, 4)
    planes = [
        np.frombuffer(memoryview(plane), kind).reshape(-1, plane.line_size // size)[
            : plane.height, : plane.width
        ]
        for plane in frame.planes
    ]
    if len(planes) == 1:
        return planes[0].astype(np.float32)
    green, blue, red, *alpha = planes
    return np.stack([red, green, blue, *alpha], axis=-1).astype(np.float32)


def _is_whole(content: bytes) -> bool:
    """Whether every block of lines in the file's table lies within it (OpenEXR file layout).

    FFmpeg leaves blocks that are missing black, without a word. Tiles and files of several parts
    are not looked into.
    """
    if int.from_bytes(content[4:8], "little") & _TILED_OR_IN_PARTS:
        return True
    at = 8
    while content[at]:
        at = content.index(b"\0", content.index(b"\0", at) + 1) + 1
        at += 4 + int.from_bytes(content[at : at + 4], "little")
    table = at + 1
    data = _content_of(Path(), content, _WINDOWS[0])
    _, top, _, bottom = struct.unpack_from("<4i", content, data)
    compression = content[_content_of(Path(), content, b"compression\0compression\0")]
    blocks = -(-(bottom - top + 1) // _LINES_OF_BLOCK[compression])
    offsets = struct.unpack_from(f"<{blocks}Q", content, table)
    sizes = (struct.unpack_from("<I", content, offset + 4)[0] for offset in offsets)
    return all(
        table < offset and offset + 8 + size <= len(content)
        for offset, size in zip(offsets, sizes, strict=True)
    )


def _chosen_channels(
    path: Path, channels: dict[str, bool], *, depth: bool
) -> tuple[str, list[str]]:
    """The layer that is read, empty for channels without one, and its channels or a single one.

    Raises:
        InputError: there is no channel that is known.
    """
    parts = {name: name.rpartition(".")[::2] for name in channels}
    layers: dict[str, set[str]] = {}
    for layer, kind in parts.values():
        layers.setdefault(layer, set()).add(kind)
    coloured = [layer for layer, kinds in layers.items() if kinds >= {"R", "G", "B"}]
    single = [name for name, (_, kind) in parts.items() if kind == "Z" and depth]
    if not single and ("Y" in channels or coloured):
        layer = "" if "Y" in channels or "" in coloured else coloured[0]
        return layer, [name for name, of in parts.items() if of[0] == layer and of[1] in _COLOURS]
    single = single or [name for name, (_, kind) in parts.items() if kind == "A"]
    if not single and len(channels) == 1:
        single = list(channels)
    if not single:
        raise InputError(f"{path} holds the channels {', '.join(channels)[:200]}", EXR_HINT)
    return parts[single[0]][0], single[:1]


def _decode_channel(
    content: bytes, channels: dict[str, bool], layer: str, used: list[str]
) -> av.VideoFrame:
    """The frame in an EXR file; a single channel is given out as luminance.

    FFmpeg reads the colours or the luminance of one layer. So a single channel of another name is
    renamed in the head to luminance, and all others to what it does not know.
    """
    if len(used) == 1 and used != ["Y"]:
        at = content.find(_CHANNELS)
        names = content[at : at + _HEAD_BYTES]
        for name in channels:
            new = ".Y".rjust(len(name), "?")[-len(name) :] if name in used else "?" * len(name)
            names = names.replace(f"\0{name}\0".encode("latin-1"), f"\0{new}\0".encode(), 1)
        content = content[:at] + names + content[at + _HEAD_BYTES :]
        layer = "?" * (len(used[0]) - 2)
    decoder = av.CodecContext.create("exr", "r")
    decoder.options = {"layer": layer}
    return decoder.decode(av.Packet(content))[0]
