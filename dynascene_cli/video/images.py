"""Single pictures: photos as users have them, in sRGB; pictures written, and cover-resizing."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageOps
from PIL import Image as Pillow

from dynascene_cli.errors import InputError, reading
from dynascene_cli.shot import DeepImage, Image, Margins
from dynascene_cli.storage.atomic import publish_file
from dynascene_cli.video.openexr import exr_head, exr_planes
from dynascene_cli.video.outputs import check_spared, check_writable
from dynascene_cli.video.photo_colour import (
    ColourSpace,
    convert_by_profile,
    convert_to_srgb,
    encode_srgb,
    space_of_name,
)
from dynascene_cli.video.picture_files import open_picture, picture_head


class TiffTags:
    """Numbers of TIFF 6.0 that tell how samples lie."""

    BITS_PER_SAMPLE = 258
    PLANAR_CONFIGURATION = 284
    SEPARATE = 2


PNG_BIT_DEPTH = 24
"""Where a PNG says how many bits a sample has."""

BRIGHTEST_SDR = 1.001
"""Of values where 1 is white: beyond it a picture is HDR."""

SMALLEST_SIDE = 32
JPEG_QUALITY = 95
WRITTEN_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo upright in sRGB: ``pixels`` RGB uint8 (H, W, 3).

    ``focal_35mm`` is the focal length in millimetres for a 36 mm wide frame, where EXIF has it.
    """

    pixels: Image
    focal_35mm: float | None = None
    warnings: tuple[str, ...] = ()


def read_photo(path: Path) -> Photo:
    """A photo of any usual coding (CMYK, 16-bit, grey, palette, alpha, EXIF-turned, with ICC).

    Raises:
        InputError: missing, not an image, cut short, or smaller than 32 pixels on a side.
    """
    rgb, alpha, found = _read_in_srgb(path)
    warnings = [f"{path}: {what}" for what in found]
    if alpha is not None and alpha.min() < 255:
        warnings.append(f"{path}: the photo's transparency is ignored")
    if min(rgb.shape[:2]) < SMALLEST_SIDE:
        raise InputError(
            f"{path} is too small: {rgb.shape[1]}x{rgb.shape[0]} pixels",
            "give a photo of at least the clip's size",
        )
    return Photo(rgb, _own_focal_35mm(path), tuple(warnings))


def check_photo(path: Path) -> None:
    """Refuse what is no photo by its head, before anything is decoded.

    Raises:
        InputError: as read_photo.
    """
    if path.suffix.lower() == ".exr" and path.is_file():
        exr_head(path)
    elif not _is_float_tiff(path):
        open_picture(path).close()


def read_picture(path: Path) -> tuple[Image, Image | None]:
    """RGB uint8 (H, W, 3) of one picture, and its alpha (H, W) where it has one.

    Raises:
        InputError: missing, not an image, or cut short.
    """
    rgb, alpha, _ = _read_in_srgb(path)
    return rgb, alpha


def write_image(path: Path, image: Image) -> None:
    """Write a picture by its suffix: grey (H, W), RGB or RGBA (H, W, 3 or 4), uint8.

    Raises:
        InputError: the suffix is not a supported picture format.
        StageError: the disk is full.
    """
    with publish_file(path) as temporary:
        temporary.write_bytes(encode_image(image, path))


def check_picture(path: Path, inputs: Iterable[Path]) -> None:
    """Make sure that ``write_image`` can write ``path`` and leaves the inputs be.

    Raises:
        InputError: the suffix is of no picture format, the folder cannot be written, or an input
            would be written over.
    """
    _check_suffix(path)
    check_writable(path)
    check_spared(path, inputs)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise InputError(
            f"{path}: {path.suffix or 'no suffix'} is not a supported picture format",
            "use .png or .jpg",
        )


def encode_image(image: DeepImage, path: Path) -> bytes:
    """The bytes of the picture file that ``path``'s suffix asks for; the same each time.

    A picture of uint16 is for PNG alone.
    """
    suffix = path.suffix.lower()
    quality = {".jpg": JPEG_QUALITY, ".jpeg": JPEG_QUALITY}.get(suffix)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else []
    if suffix == ".png":
        options = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    _check_suffix(path)
    if image.ndim == 3:
        swap = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
        image = cast(Image, cv2.cvtColor(image, swap))
    return cv2.imencode(suffix, image, options)[1].tobytes()


@dataclass(frozen=True)
class CoverWindow:
    """Where a picture lies when it covers a frame: frame pixel = ``scale`` · pixel − (left, top).

    A focal length in the picture's pixels times ``scale`` is that in the frame's.
    """

    scale: float
    left: float
    top: float


def cover_window(
    image_size: tuple[int, int],
    frame_size: tuple[int, int],
    centre: tuple[float, float] = (0.5, 0.5),
    zoom: float = 1.0,
) -> CoverWindow:
    """The smallest scale at which a picture fills a frame, cropped about ``centre``.

    Sizes are (width, height); ``centre`` is the fraction of the picture that should be in the
    middle of the frame, as near as the picture's edges allow; it is shown ``zoom`` times as large.
    """
    scale = zoom * max(frame_size[0] / image_size[0], frame_size[1] / image_size[1])
    spare = [image_size[i] * scale - frame_size[i] for i in (0, 1)]
    offset = [
        min(max(centre[i] * image_size[i] * scale - frame_size[i] / 2, 0.0), max(spare[i], 0.0))
        for i in (0, 1)
    ]
    return CoverWindow(scale, *offset)


def resize_to_cover(
    image: Image, width: int, height: int, centre: tuple[float, float] = (0.5, 0.5)
) -> Image:
    """A picture resized to fill (height, width) and cropped about ``centre`` (fractions)."""
    window = cover_window((image.shape[1], image.shape[0]), (width, height), centre)
    if window.scale == 1 and image.shape[:2] == (height, width):
        return image
    return cover_with_room(image, (width, height), window, Margins())


def room_around(
    image_size: tuple[int, int], frame_size: tuple[int, int], window: CoverWindow
) -> Margins:
    """How many whole pixels of the frame a picture goes on beyond it."""
    right, bottom = (
        image_size[i] * window.scale - (window.left, window.top)[i] - frame_size[i] for i in (0, 1)
    )
    sides = window.left, window.top, right, bottom
    return Margins(*(max(0, int(side + 1e-6)) for side in sides))


def cover_with_room(
    image: Image, frame_size: tuple[int, int], window: CoverWindow, room: Margins
) -> Image:
    """A picture at the scale of its frame: the frame and so much room around it."""
    size, box = _covered(image, frame_size, window, room)
    # Pillow's Lanczos widens its kernel when it shrinks, so it is also the area filter.
    return np.asarray(Pillow.fromarray(image).resize(size, Pillow.Resampling.LANCZOS, box=box))


def cover_deep_with_room(
    image: NDArray[np.uint16], frame_size: tuple[int, int], window: CoverWindow, room: Margins
) -> NDArray[np.uint16]:
    """``cover_with_room`` of a picture of 16 bits."""
    size, box = _covered(image, frame_size, window, room)
    if window.scale == 1 and size == image.shape[1::-1]:
        return image
    channels = (Pillow.fromarray(image[..., c].astype(np.float32)) for c in range(3))
    resized = [
        np.asarray(channel.resize(size, Pillow.Resampling.LANCZOS, box=box)) for channel in channels
    ]
    return np.round(np.clip(np.dstack(resized), 0, 65535)).astype(np.uint16)


def _covered(
    image: DeepImage, frame_size: tuple[int, int], window: CoverWindow, room: Margins
) -> tuple[tuple[int, int], tuple[float, float, float, float]]:
    """The size of a frame with its room, and the box of a picture that is shown in it."""
    left, top = window.left - room.left, window.top - room.top
    width = room.left + frame_size[0] + room.right
    height = room.top + frame_size[1] + room.bottom
    return (width, height), (
        max(left / window.scale, 0.0),
        max(top / window.scale, 0.0),
        min((left + width) / window.scale, image.shape[1]),
        min((top + height) / window.scale, image.shape[0]),
    )


def _own_focal_35mm(path: Path) -> float | None:
    if path.suffix.lower() == ".exr" or _is_float_tiff(path):
        return None
    with reading(path, "a picture", "export it again"):
        return focal_35mm(open_picture(path).getexif())


def _read_in_srgb(path: Path) -> tuple[Image, Image | None, list[str]]:
    """RGB and alpha of a picture, upright, and what of its colour is lost."""
    if path.suffix.lower() == ".exr" and path.is_file():
        return _linear_in_srgb(exr_planes(path))
    warnings: list[str] = []
    picture = open_picture(path) if not _is_float_tiff(path) else _float_picture(path, warnings)
    with reading(path, "a picture", "it is cut short or damaged: export it again"):
        space = space_of_name(picture)
        upright = ImageOps.exif_transpose(_decode(picture, path))
        alpha = None
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            alpha = np.asarray(upright.getchannel("A"))
            upright = upright.convert("RGB")
        upright = _eight_bit(upright)
        if isinstance(space, bytes):
            upright = convert_by_profile(upright, space)
        rgb = np.array(upright.convert("RGB"))
        if isinstance(space, ColourSpace):
            warnings += [space.warning] if space.warning else []
            # Linear light in 8 bits has no shadows.
            fine = stored_samples(picture, path)
            rgb = convert_to_srgb(rgb if fine is None else fine, space, np.uint8)
        return rgb, alpha, warnings


def picture_bits(path: Path) -> int:
    """How many bits a sample of a picture file has: 16 stands for more than 8.

    Raises:
        InputError: it is no picture.
    """
    if path.suffix.lower() == ".exr" or _is_float_tiff(path):
        return 16
    picture = open_picture(path)
    if picture.format == "PNG":
        with path.open("rb") as file:
            return max(8, file.read(PNG_BIT_DEPTH + 1)[PNG_BIT_DEPTH])
    tags = getattr(picture, "tag_v2", {})
    return 16 if max(tags.get(TiffTags.BITS_PER_SAMPLE, (8,)), default=8) > 8 else 8


def stored_samples(picture: Pillow.Image, path: Path) -> NDArray[np.uint16] | None:
    """RGB of a PNG or TIFF of 16 bits as it is stored, where Pillow keeps 8.

    None of other pictures, and of those that are turned to be upright.
    """
    turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
    if picture.format not in ("PNG", "TIFF") or picture_bits(path) != 16 or turned:
        return None
    stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype != np.uint16:
        return None
    colour = stored[..., 2::-1] if stored.ndim == 3 else np.repeat(stored[..., None], 3, axis=2)
    return np.ascontiguousarray(colour, np.uint16)


def _linear_in_srgb(planes: NDArray[np.float32]) -> tuple[Image, Image | None, list[str]]:
    """A picture in linear light, of sRGB's primaries."""
    colour = np.repeat(planes[..., None], 3, axis=2) if planes.ndim == 2 else planes[..., :3]
    alpha = None
    if planes.ndim == 3 and planes.shape[2] == 4:
        alpha = np.asarray(np.clip(np.nan_to_num(planes[..., 3]), 0, 1) * 255 + 0.5, np.uint8)
    bright = np.nan_to_num(colour).max() > BRIGHTEST_SDR
    warnings = ["HDR: what is brighter than white is clipped"] if bright else []
    return encode_srgb(colour, np.uint8), alpha, warnings


def _decode(picture: Pillow.Image, path: Path) -> Pillow.Image:
    """A picture's pixels; those of planes that lie one after the other, which Pillow mixes up."""
    tags = getattr(picture, "tag_v2", {})
    planar = tags.get(TiffTags.PLANAR_CONFIGURATION) == TiffTags.SEPARATE
    deep = max(tags.get(TiffTags.BITS_PER_SAMPLE, (8,)), default=8) > 8
    if not (planar and deep and picture.mode in ("RGB", "RGBA")):
        return picture
    with av.open(f"file:{path}", format="tiff_pipe") as container:
        frame = next(container.decode(video=0))
    rgb = frame.reformat(format="rgb24", dst_color_range=2).to_ndarray()
    whole = Pillow.fromarray(rgb)
    whole.getexif()[ExifTags.Base.Orientation] = picture.getexif().get(ExifTags.Base.Orientation, 1)
    return whole


def _is_float_tiff(path: Path) -> bool:
    """Whether a file is a TIFF of several float samples a pixel, which Pillow does not know."""
    if path.suffix.lower() not in (".tif", ".tiff") or not path.is_file():
        return False
    if picture_head(path, ("TIFF",)) is not None:
        return False
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*")


def _float_picture(path: Path, warnings: list[str]) -> Pillow.Image:
    """A TIFF of float RGB: values up to 1 as they are shown, beyond that as linear light."""
    with reading(path, "a picture", "export it again"):
        stored = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        if stored is None or stored.ndim != 3 or stored.dtype not in (np.float32, np.float64):
            raise InputError(f"{path} is a TIFF of a kind that is not read", "export it again")
        colour = np.ascontiguousarray(stored[..., 2::-1], np.float32)
    if np.nan_to_num(colour).max() > BRIGHTEST_SDR:
        rgb, _, lost = _linear_in_srgb(colour)
        warnings += lost
        return Pillow.fromarray(rgb)
    warnings.append(
        "float values without a profile are taken as they are shown, not as linear light"
    )
    return Pillow.fromarray(np.asarray(np.clip(np.nan_to_num(colour), 0, 1) * 255 + 0.5, np.uint8))


def _eight_bit(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture).astype(np.float64)
    white = 65535.0
    if picture.mode in ("I", "F") and values.max() <= 255:
        white = 1.0 if picture.mode == "F" and values.max() <= 1 else 255.0
    return Pillow.fromarray(np.clip(values / white * 255 + 0.5, 0, 255).astype(np.uint8))


def focal_35mm(exif: Pillow.Exif) -> float | None:
    """The 35 mm equivalent focal length that EXIF tells, or None where it is none."""
    value = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
    try:
        millimetres = float(value or 0)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return millimetres if 1 <= millimetres <= 2000 else None
