"""The colour space that a picture file names, and from it to sRGB.

In the order of the PNG specification (third edition, 4.3): cICP, an ICC profile, sRGB, gAMA with
cHRM; then what EXIF says. Codes are those of ITU-T H.273; white points are adapted by Bradford's
transform.
"""

import io
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags
from PIL import Image as Pillow

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image
from dynascene_cli.video.srgb_curve import display_light, linear_light

Primaries = tuple[float, float, float, float, float, float, float, float]
"""x and y of white, red, green and blue, as a cHRM chunk has them."""

_D65 = (0.3127, 0.3290)
_SRGB: Primaries = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
_ADOBE_RGB: Primaries = (*_D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
_PRIMARIES: dict[int, Primaries] = {
    1: _SRGB,
    4: (0.310, 0.316, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_PQ, _HLG, _LOG_100, _LOG_316 = 16, 18, 9, 10
_ADOBE_GAMMA = 563 / 256
_PNG_GAMMA = 1 / 2.2
_SDR_WHITE_NITS = 203.0
"""Of ITU-R BT.2408: what PQ and HLG show as diffuse white."""
_STRIP = 256

Curve = Callable[[Floats], Floats]
Level = TypeVar("Level", np.uint8, np.uint16)


@dataclass(frozen=True)
class ColourSpace:
    """Primaries, and how a stored value 0..1 becomes light, where 1 is white."""

    primaries: Primaries
    to_light: Curve
    warning: str = ""


def space_of_name(picture: Pillow.Image) -> ColourSpace | bytes | None:
    """What a picture's file says of its colour: a space, an ICC profile, or nothing (sRGB)."""
    coded = _cicp(picture)
    if coded is not None:
        return coded
    profile = picture.info.get("icc_profile")
    if profile:
        return bytes(profile)
    if "srgb" in picture.info:
        return None
    gamma, chromaticity = picture.info.get("gamma"), picture.info.get("chromaticity")
    if gamma or chromaticity:
        return _space_from_gamma_and_primaries(gamma, chromaticity)
    return _by_exif(picture)


def convert_to_srgb(
    image: Image | NDArray[np.uint16], space: ColourSpace, level: type[Level]
) -> NDArray[Level]:
    """RGB uint8 or uint16 (H, W, 3) of a space in sRGB's levels; what lies outside is clipped."""
    levels = np.iinfo(image.dtype).max
    light = space.to_light(np.arange(levels + 1) / levels).astype(np.float32)
    matrix = to_srgb_matrix(space.primaries).astype(np.float32)
    result = np.empty(image.shape, level)
    for top in range(0, len(image), _STRIP):
        strip = light[image[top : top + _STRIP]] @ matrix.T
        result[top : top + _STRIP] = encode_srgb(strip, level)
    return result


def encode_srgb(light: NDArray[np.float32], level: type[Level]) -> NDArray[Level]:
    """Linear light in sRGB's primaries as sRGB's levels, clipped to 0..1."""
    most = np.float32(np.iinfo(level).max)
    return np.asarray(display_light(np.nan_to_num(light)) * most + np.float32(0.5), level)


def convert_by_profile(picture: Pillow.Image, profile: bytes) -> Pillow.Image:
    """A picture in sRGB by its ICC profile (littleCMS)."""
    # Here, since few pictures have one, and a clip is none.
    from PIL import ImageCms

    if picture.mode == "P":
        picture = picture.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError):
        # A profile of another colour space than the pixels' says nothing about them.
        return picture
    return picture if converted is None else converted


def to_srgb_matrix(primaries: Primaries) -> Floats:
    """(3, 3) from linear RGB of these primaries to that of sRGB."""
    return np.asarray(np.linalg.inv(_to_xyz(_SRGB)) @ _to_xyz(primaries))


def _to_xyz(primaries: Primaries) -> Floats:
    """Linear RGB to XYZ of D65 white."""
    white, *colours = (
        np.array([x / y, 1.0, (1 - x - y) / y])
        for x, y in zip(primaries[::2], primaries[1::2], strict=True)
    )
    columns = np.stack(colours, axis=1)
    matrix = columns * np.linalg.solve(columns, white)
    x, y = _D65
    there, here = _BRADFORD @ white, _BRADFORD @ [x / y, 1.0, (1 - x - y) / y]
    adapted = np.linalg.inv(_BRADFORD) @ np.diag(here / there) @ _BRADFORD
    return np.asarray(adapted @ matrix)


def _space_from_gamma_and_primaries(gamma: object, chromaticity: object) -> ColourSpace | None:
    exponent = float(gamma) if isinstance(gamma, int | float) and gamma > 0 else _PNG_GAMMA
    primaries = _SRGB
    if isinstance(chromaticity, tuple) and len(chromaticity) == 8 and _are_primaries(chromaticity):
        primaries = chromaticity
    # As libpng has it, what is within five per cent of 1 / 2.2 is meant to be sRGB's curve.
    usual = abs(exponent / _PNG_GAMMA - 1) < 0.05
    if usual and np.allclose(primaries, _SRGB, atol=2e-3):
        return None
    return ColourSpace(primaries, _power(1 / exponent) if gamma else linear_light)


def _are_primaries(values: tuple[float, ...]) -> bool:
    x, y = np.array(values[::2]), np.array(values[1::2])
    if not (np.isfinite(values).all() and (y > 1e-3).all()):
        return False
    columns = np.stack([x / y, np.ones(4), (1 - x - y) / y])[:, 1:]
    return bool(abs(np.linalg.det(columns)) > 1e-4)


def _by_exif(picture: Pillow.Image) -> ColourSpace | None:
    """Adobe RGB as DCF 2.0 tells it: uncalibrated, interoperability R03."""
    exif = picture.getexif()
    colour_space = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    if colour_space == 2 or (colour_space == 65535 and _interoperability(exif) == "R03"):
        return ColourSpace(_ADOBE_RGB, _power(_ADOBE_GAMMA))
    return None


def _interoperability(exif: Pillow.Exif) -> str:
    try:
        index = exif.get_ifd(ExifTags.IFD.Interop).get(1, "")
    except KeyError:
        # Pillow looks for the table in EXIF's own without asking whether it is there.
        return ""
    return str(index).strip("\0 ")


def _cicp(picture: Pillow.Image) -> ColourSpace | None:
    name = getattr(picture, "filename", "")
    if picture.format != "PNG" or not name:
        return None
    content = _png_chunk(Path(name), b"cICP")
    if content is None or len(content) != 4:
        return None
    primaries, transfer, _, full_range = content
    if primaries not in _PRIMARIES:
        return None
    curve, warning = _transfer(transfer)
    if curve is None:
        return None
    ranged = curve if full_range else _narrow(curve)
    return ColourSpace(_PRIMARIES[primaries], ranged, warning)


def _png_chunk(path: Path, wanted: bytes) -> bytes | None:
    """What the first chunk of that name holds, of those before the picture's data."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", head)
            if name == wanted:
                return file.read(length)
            if name in (b"IDAT", b"IEND"):
                return None
            file.seek(length + 4, 1)
    return None


def _transfer(code: int) -> tuple[Curve | None, str]:
    """The curve of a transfer function of H.273, and what is lost in sRGB."""
    clipped = "what is brighter than white is clipped"
    curves: dict[int, tuple[Curve, str]] = {
        4: (_power(2.2), ""),
        5: (_power(2.8), ""),
        8: (lambda value: value, ""),
        13: (linear_light, ""),
        _LOG_100: (lambda value: np.asarray(10.0 ** ((value - 1) * 2)), "a log curve"),
        _LOG_316: (lambda value: np.asarray(10.0 ** ((value - 1) * 2.5)), "a log curve"),
        _PQ: (_pq_light, f"HDR (PQ): {clipped}"),
        _HLG: (_hlg_light, f"HDR (HLG): {clipped}"),
    }
    # Pictures coded as television is are looked at as they are, like clips.
    curves |= dict.fromkeys((1, 6, 14, 15), (linear_light, ""))
    return curves.get(code, (None, ""))


def _power(exponent: float) -> Curve:
    return lambda value: np.asarray(value**exponent)


def _narrow(curve: Curve) -> Curve:
    return lambda value: curve(np.clip((value * 255 - 16) / 219, 0, 1))


def _pq_light(value: Floats) -> Floats:
    """SMPTE ST 2084."""
    m1, m2, c1, c2, c3 = 0.1593017578125, 78.84375, 0.8359375, 18.8515625, 18.6875
    root = value ** (1 / m2)
    nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return np.asarray(nits / _SDR_WHITE_NITS)


def _hlg_light(value: Floats) -> Floats:
    """ITU-R BT.2100, on a display of 1,000 nits, the system gamma taken a channel at a time."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    return np.asarray(1000 * scene**1.2 / _SDR_WHITE_NITS)
