"""Picture files opened safely: what they are, how large they claim to be, and refused if wrong."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image as Pillow

# The formats below that Pillow does not know at first. Asked for one that it lacks, it loads all of
# its forty, which takes a tenth of a second, and one of them runs Ghostscript.
from PIL import (
    Jpeg2KImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from dynascene_cli.errors import InputError, reading

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "PPM", "JPEG2000")
HINT = "give a JPEG, PNG, TIFF or WebP"

LARGEST_PICTURE = 2**28
"""Pixels: more than the largest cameras take; a head that claims more asks for all memory."""
_LARGE = 2**25
_MOST_PIXELS_A_BYTE = 300
"""What no large picture of anything reaches; a file of zeros, or of its head alone, exceeds it."""

# A photo is the user's own file: a large panorama is no attack. Sizes are checked here.
Pillow.MAX_IMAGE_PIXELS = None


def open_picture(path: Path, most_pixels: int = LARGEST_PICTURE) -> Pillow.Image:
    """A picture whose header has been read; pixels are decoded later.

    Raises:
        InputError: missing, a folder, not an image (saying what it is, where that is plain), or of
            a size that its bytes cannot hold.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist", "check the path of the picture")
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a picture", "give the path of one picture")
    with reading(path, "a picture", HINT):
        try:
            picture = Pillow.open(path, formats=FORMATS)
        except UnidentifiedImageError as error:
            raise InputError(f"{path} is {_what_it_is(path)}, not a picture", HINT) from error
    check_claimed_size(path, picture.size, most_pixels)
    return picture


def check_claimed_size(
    path: Path, size: tuple[int, int], most_pixels: int = LARGEST_PICTURE
) -> None:
    """Refuse a picture (width, height) that no memory or no file of so few bytes holds.

    Raises:
        InputError: as above.
    """
    pixels = size[0] * size[1]
    too_empty = pixels > _LARGE and pixels > _MOST_PIXELS_A_BYTE * path.stat().st_size
    if pixels > most_pixels or too_empty:
        raise InputError(
            f"{path} claims {size[0]}x{size[1]} pixels",
            "its head is damaged" if too_empty else f"at most {most_pixels // 10**6} million",
        )


@dataclass(frozen=True)
class PictureHead:
    """What a picture's head tells: its format's name, (width, height), and if it moves."""

    format: str
    size: tuple[int, int]
    is_animated: bool


def picture_head(path: Path, formats: tuple[str, ...]) -> PictureHead | None:
    """What a file's head tells, if it is a picture of one of ``formats``; else None."""
    try:
        with Pillow.open(path, formats=formats) as picture:
            animated = bool(getattr(picture, "is_animated", False))
            return PictureHead(picture.format or "", picture.size, animated)
    except Exception:
        # As in ``reading``: what a library raises over a file from anywhere is not foreseen.
        return None


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
