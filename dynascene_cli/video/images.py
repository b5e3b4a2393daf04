"""Single pictures: photos as users have them, depth maps, and cover-resizing."""

import io
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, ImageCms, ImageOps, UnidentifiedImageError
from PIL import Image as Pillow

from dynascene_cli.errors import InputError
from dynascene_cli.publishing import published
from dynascene_cli.shot import Image
from dynascene_cli.video.openexr import exr_planes
from dynascene_cli.video.outputs import check_spared, check_writable

SMALLEST_SIDE = 32
JPEG_QUALITY = 95
WRITTEN_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")

_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000")
# A photo is the user's own file: a large panorama is no attack.
Pillow.MAX_IMAGE_PIXELS = None


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
    picture = opened_picture(path)
    warnings = []
    rgb, alpha = _srgb(picture)
    exif = picture.getexif()
    if alpha is not None and alpha.min() < 255:
        warnings.append(f"{path}: the photo's transparency is ignored")
    if min(rgb.shape[:2]) < SMALLEST_SIDE:
        raise InputError(
            f"{path} is too small: {rgb.shape[1]}x{rgb.shape[0]} pixels",
            "give a photo of at least the clip's size",
        )
    return Photo(rgb, focal_35mm(exif), tuple(warnings))


def read_picture(path: Path) -> tuple[Image, Image | None]:
    """RGB uint8 (H, W, 3) of one picture, and its alpha (H, W) where it has one.

    Raises:
        InputError: missing, not an image, or cut short.
    """
    return _srgb(opened_picture(path))


def opened_picture(path: Path) -> Pillow.Image:
    """A picture whose header has been read; pixels are decoded later.

    Raises:
        InputError: missing, a folder, or not an image (saying what it is, where that is plain).
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", "check the path of the picture")
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a picture", "give the path of one picture")
    try:
        return Pillow.open(path, formats=_FORMATS)
    except UnidentifiedImageError as error:
        raise InputError(
            f"{path} is {_what_it_is(path)}, not a picture", "give a JPEG, PNG, TIFF or WebP"
        ) from error


def read_depth(path: Path) -> NDArray[np.float32]:
    """A depth map, float32 (H, W), in the file's own units: PNG, TIFF, EXR, NPY or NPZ.

    Raises:
        InputError: missing, unreadable, not of one channel, or empty of finite numbers.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", "check the path of the depth map")
    suffix = path.suffix.lower()
    try:
        if suffix == ".npz":
            with np.load(path) as archive:
                depth = archive[archive.files[0]]
        elif suffix == ".npy":
            depth = np.load(path)
        elif suffix == ".exr":
            depth = exr_planes(path)
        else:
            depth = np.asarray(opened_picture(path))
        depth = np.squeeze(depth).astype(np.float32)
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{path} cannot be read as a depth map: {error}", _DEPTH_HINT) from error
    if depth.ndim == 3 and (depth[..., :1] == depth[..., :3]).all():
        depth = depth[..., 0]
    if depth.ndim != 2:
        raise InputError(f"{path} is not a depth map: its shape is {depth.shape}", _DEPTH_HINT)
    if not np.isfinite(depth).any():
        raise InputError(f"{path} has no finite depth", _DEPTH_HINT)
    return depth


_DEPTH_HINT = "give one channel: 16-bit PNG or TIFF, float TIFF or EXR, NPY or NPZ"


def write_image(path: Path, image: Image) -> None:
    """Write a picture by its suffix: grey (H, W), RGB or RGBA (H, W, 3 or 4), uint8.

    Raises:
        InputError: the suffix names no kind of picture.
        StageError: the disk is full.
    """
    with published(path) as temporary:
        temporary.write_bytes(encoded_image(image, path))


def check_picture(path: Path, inputs: Iterable[Path]) -> None:
    """Make sure that ``write_image`` can write ``path`` and leaves the inputs be.

    Raises:
        InputError: the suffix names no kind of picture, the folder cannot be written, or an input
            would be written over.
    """
    _check_suffix(path)
    check_writable(path)
    check_spared(path, inputs)


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in WRITTEN_SUFFIXES:
        raise InputError(
            f"{path}: {path.suffix or 'no suffix'} names no kind of picture", "use .png or .jpg"
        )


def encoded_image(image: Image, path: Path) -> bytes:
    """The bytes of the picture file that ``path``'s suffix asks for; the same each time."""
    suffix = path.suffix.lower()
    quality = {".jpg": JPEG_QUALITY, ".jpeg": JPEG_QUALITY}.get(suffix)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if quality else []
    if suffix == ".png":
        options = [cv2.IMWRITE_PNG_COMPRESSION, 3]
    _check_suffix(path)
    if image.ndim == 3:
        swap = cv2.COLOR_RGBA2BGRA if image.shape[2] == 4 else cv2.COLOR_RGB2BGR
        image = np.asarray(cv2.cvtColor(image, swap), np.uint8)
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
) -> CoverWindow:
    """The smallest scale at which a picture fills a frame, cropped about ``centre``.

    Sizes are (width, height); ``centre`` is the fraction of the picture that should be in the
    middle of the frame, as near as the picture's edges allow.
    """
    scale = max(frame_size[0] / image_size[0], frame_size[1] / image_size[1])
    spare = [image_size[i] * scale - frame_size[i] for i in (0, 1)]
    offset = [
        min(max(centre[i] * image_size[i] * scale - frame_size[i] / 2, 0.0), max(spare[i], 0.0))
        for i in (0, 1)
    ]
    return CoverWindow(scale, *offset)


def cover(image: Image, width: int, height: int, centre: tuple[float, float] = (0.5, 0.5)) -> Image:
    """A picture resized to fill (height, width) and cropped about ``centre`` (fractions)."""
    window = cover_window((image.shape[1], image.shape[0]), (width, height), centre)
    box = (
        window.left / window.scale,
        window.top / window.scale,
        min((window.left + width) / window.scale, image.shape[1]),
        min((window.top + height) / window.scale, image.shape[0]),
    )
    picture = Pillow.fromarray(image)
    if picture.size == (width, height) and window.scale == 1:
        return image
    # Pillow's Lanczos widens its kernel when it shrinks, so it is also the area filter.
    return np.asarray(picture.resize((width, height), Pillow.Resampling.LANCZOS, box=box))


def _srgb(picture: Pillow.Image) -> tuple[Image, Image | None]:
    profile = picture.info.get("icc_profile")
    try:
        upright = ImageOps.exif_transpose(picture)
        alpha = None
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
            alpha = np.asarray(upright.getchannel("A"))
            upright = upright.convert("RGB")
        upright = _eight_bit(upright)
        if profile:
            upright = _in_srgb(upright, profile)
        return np.array(upright.convert("RGB")), alpha
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        name = getattr(picture, "filename", "the picture")
        raise InputError(f"{name} is cut short or damaged: {error}", "export it again") from error


def _eight_bit(picture: Pillow.Image) -> Pillow.Image:
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture).astype(np.float64)
    white = 65535.0
    if picture.mode in ("I", "F") and values.max() <= 255:
        white = 1.0 if picture.mode == "F" and values.max() <= 1 else 255.0
    return Pillow.fromarray(np.clip(values / white * 255 + 0.5, 0, 255).astype(np.uint8))


def _in_srgb(picture: Pillow.Image, profile: bytes) -> Pillow.Image:
    if picture.mode == "P":
        picture = picture.convert("RGB")
    try:
        converted = ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except ImageCms.PyCMSError:
        # A profile of another colour space than the pixels' says nothing about them.
        return picture
    return picture if converted is None else converted


def focal_35mm(exif: Pillow.Exif) -> float | None:
    """The 35 mm equivalent focal length that EXIF tells, or None."""
    value = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.FocalLengthIn35mmFilm)
    return float(value) if value else None


def _what_it_is(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(64)
    if not head:
        return "an empty file"
    if head.startswith(b"%PDF"):
        return "a PDF"
    if head[4:8] == b"ftyp":
        return "a video or HEIC file"
    try:
        head.decode()
    except UnicodeDecodeError:
        return "data of an unknown kind"
    return "text"
