"""Animated WebP, which FFmpeg does not demux: frames and their durations by Pillow."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageSequence

from dynascene_cli.errors import InputError, reading
from dynascene_cli.shot import Image

ANIMATED = ("WEBP",)
_HINT = "export it again, or give a video"
_MOST_PIXELS = 2**24
"""Pillow holds some 30 bytes a pixel of an animation's canvas: this many take half a gigabyte."""

_USUAL_MS = 100
"""Browsers show a frame without a duration for this long."""


def is_animation(path: Path) -> bool:
    """Whether a file is an animation that is read here."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WEBP":
        return False
    with reading(path, "a WebP", _HINT), Pillow.open(path, formats=ANIMATED) as picture:
        if picture.width * picture.height > _MOST_PIXELS:
            raise InputError(f"{path} claims {picture.width}x{picture.height} pixels", _HINT)
        return bool(getattr(picture, "is_animated", False))


def animation_times(path: Path) -> tuple[tuple[int, int], list[int], bool]:
    """Size (width, height), ms at which each frame begins and the last ends, whether it has alpha.

    Raises:
        InputError: it cannot be decoded.
    """
    begins = [0]
    with reading(path, "an animation", _HINT), Pillow.open(path, formats=ANIMATED) as picture:
        for frame in ImageSequence.Iterator(picture):
            frame.load()
            begins.append(begins[-1] + (int(frame.info.get("duration", 0)) or _USUAL_MS))
        return picture.size, begins, picture.has_transparency_data


def animation_frames(path: Path) -> Iterator[tuple[Image, Image]]:
    """RGB (H, W, 3) and alpha (H, W) of each frame, uint8.

    Raises:
        InputError: it cannot be decoded.
    """
    with reading(path, "an animation", _HINT), Pillow.open(path, formats=ANIMATED) as picture:
        for frame in ImageSequence.Iterator(picture):
            rgba = np.asarray(frame.convert("RGBA"))
            yield rgba[..., :3], rgba[..., 3]
