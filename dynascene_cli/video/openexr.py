"""OpenEXR pictures: half-float, linear light, straight alpha."""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError, reading
from dynascene_cli.shot import Image
from dynascene_cli.video.picture_files import check_claimed_size

EXR_HINT = "export it again as half or float, with ZIP or no compression"
_LINEAR_OF_SRGB = np.where(
    np.arange(256) <= 0.04045 * 255,
    np.arange(256) / 255 / 12.92,
    ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4,
).astype(np.float32)


_HEAD_BYTES = 2**16
_WINDOWS = (b"dataWindow\0box2i\0", b"displayWindow\0box2i\0")


def exr_bytes(image: Image) -> bytes:
    """An EXR file of an RGB or RGBA uint8 picture: sRGB decoded to linear light, alpha as it is.

    A grey one (H, W) is an alpha: one channel, as it is.
    """
    if image.ndim == 2:
        return _encoded([(image / 255).astype(np.float32)], "grayf32le")
    planes = [_LINEAR_OF_SRGB[image[..., channel]] for channel in (1, 2, 0)]
    if image.shape[2] == 4:
        planes.append((image[..., 3] / 255).astype(np.float32))
    return _encoded(planes, "gbrapf32le" if image.shape[2] == 4 else "gbrpf32le")


def _encoded(planes: list[NDArray[np.float32]], pixel_format: str) -> bytes:
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pixel_format)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.float32).reshape(-1, plane.line_size // 4)
        rows[:height, :width] = values
    encoder = av.CodecContext.create("exr", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = frame.format.name
    encoder.time_base = Fraction(1)
    encoder.options = {"compression": "zip16", "format": "half"}
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def exr_size(path: Path) -> tuple[int, int]:
    """Width and height of an EXR file's first part, by its head.

    Raises:
        InputError: it is no EXR.
    """
    with reading(path, "OpenEXR", EXR_HINT), path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    sizes = []
    for window in _WINDOWS:
        at = head.find(window) + len(window) + 4
        if not head.startswith(b"\x76\x2f\x31\x01") or window not in head or at + 16 > len(head):
            raise InputError(f"{path} is not an OpenEXR picture", EXR_HINT)
        left, top, right, bottom = struct.unpack_from("<4i", head, at)
        sizes.append((max(right - left + 1, 0), max(bottom - top + 1, 0)))
    # The decoder makes room for the one that is shown, and reads the other.
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def exr_planes(path: Path) -> NDArray[np.float32]:
    """The channels of an EXR file as stored: float32 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.

    Raises:
        InputError: it is no EXR that can be decoded, or claims more pixels than a picture has.
    """
    check_claimed_size(path, exr_size(path))
    with (
        reading(path, "OpenEXR", EXR_HINT),
        av.open(f"file:{path}", format="exr_pipe") as container,
    ):
        frame = next(container.decode(video=0))
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
