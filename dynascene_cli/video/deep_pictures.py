"""Pictures with all of their bits: PNG and TIFF of 16, OpenEXR."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import reading
from dynascene_cli.shot import DeepImage, Image
from dynascene_cli.video.images import picture_bits, read_picture, stored_samples
from dynascene_cli.video.openexr import exr_planes
from dynascene_cli.video.photo_colour import (
    ColourSpace,
    convert_to_srgb,
    encode_srgb,
    space_of_name,
)
from dynascene_cli.video.picture_files import open_picture

STEP = 257
"""Of one level of 8 bits."""


def sixteen_bits(image: DeepImage) -> NDArray[np.uint16]:
    """A picture of 8 bits in 16, one of 16 as it is."""
    if image.dtype == np.uint16:
        return np.asarray(image, np.uint16)
    return np.asarray(image.astype(np.uint16) * np.uint16(STEP), np.uint16)


def eight_bits(image: DeepImage) -> Image:
    """A picture of 16 bits in 8, rounded, one of 8 as it is."""
    if image.dtype == np.uint8:
        return np.asarray(image, np.uint8)
    return np.asarray((image.astype(np.uint32) + STEP // 2) // STEP, np.uint8)


def read_deep_picture(path: Path) -> NDArray[np.uint16]:
    """RGB uint16 (H, W, 3) in sRGB of one picture: 257 times ``read_picture``'s, with all its bits.

    What is stored in 8 bits, has an ICC profile (littleCMS gives 8), holds float values in a TIFF,
    or lies on its side comes without more.

    Raises:
        InputError: as ``read_picture``.
    """
    if path.suffix.lower() == ".exr":
        planes = exr_planes(path)
        colour = np.repeat(planes[..., None], 3, axis=2) if planes.ndim == 2 else planes[..., :3]
        return encode_srgb(colour, np.uint16)
    deep = _stored_in_srgb(path) if picture_bits(path) > 8 else None
    return sixteen_bits(read_picture(path)[0]) if deep is None else deep


def _stored_in_srgb(path: Path) -> NDArray[np.uint16] | None:
    """A PNG or TIFF of 16 bits; None where it has to be read as one of 8."""
    with reading(path, "a picture", "it is cut short or damaged: export it again"):
        picture = open_picture(path)
        space, stored = space_of_name(picture), stored_samples(picture, path)
        if stored is None or isinstance(space, bytes):
            return None
        return (
            convert_to_srgb(stored, space, np.uint16) if isinstance(space, ColourSpace) else stored
        )
