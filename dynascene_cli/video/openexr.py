"""OpenEXR pictures: half-float, linear light, straight alpha."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.shot import Image

_LINEAR_OF_SRGB = np.where(
    np.arange(256) <= 0.04045 * 255,
    np.arange(256) / 255 / 12.92,
    ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4,
).astype(np.float32)


def exr_bytes(image: Image) -> bytes:
    """An EXR file of an RGB or RGBA uint8 picture: sRGB decoded to linear light, alpha as it is."""
    height, width = image.shape[:2]
    planes = [_LINEAR_OF_SRGB[image[..., channel]] for channel in (1, 2, 0)]
    if image.shape[2] == 4:
        planes.append((image[..., 3] / 255).astype(np.float32))
    frame = av.VideoFrame(width, height, "gbrapf32le" if image.shape[2] == 4 else "gbrpf32le")
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.frombuffer(memoryview(plane), np.float32).reshape(-1, plane.line_size // 4)
        rows[:height, :width] = values
    encoder = av.CodecContext.create("exr", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = frame.format.name
    encoder.time_base = Fraction(1)
    encoder.options = {"compression": "zip16", "format": "half"}
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def exr_planes(path: Path) -> NDArray[np.float32]:
    """The channels of an EXR file as stored: float32 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA."""
    with av.open(f"file:{path}", format="exr_pipe") as container:
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
