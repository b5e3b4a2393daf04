"""RealEstate10K folders (Zhou et al. 2018): camera texts, and the frames or videos beside them.

The data set has no pictures of its own: each ``ID.txt`` names a video and the times of its frames.
Frames are looked for as ``ID/`` (pictures, one a pose, in the order of their names) or as a video
``ID.mp4`` cut to the poses' frames, beside the text or in a folder ``frames`` or ``videos``. Their
unit of length is arbitrary, so that each clip's scale is its own.
"""

from fractions import Fraction
from pathlib import Path

from dynascene_cli.camera.formats import read_camera
from dynascene_cli.camera.formats.realestate10k import camera_lines
from dynascene_cli.dataset.manifest import ManifestEntry
from dynascene_cli.errors import InputError
from dynascene_cli.storage.text_files import read_text

_VIDEOS = (".mp4", ".mkv", ".mov", ".webm")
_FOLDERS = ("", "frames", "videos")


def realestate_entries(folder: Path) -> list[ManifestEntry]:
    """The clips of a folder whose frames are there too, by name; none of them has a person.

    Raises:
        InputError: it is no folder, holds no camera text, or frames of none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder of RealEstate10K")
    texts = sorted(folder.glob("*.txt")) or sorted(folder.glob("cameras/*.txt"))
    if not texts:
        raise InputError(f"{folder} holds no camera text", "RealEstate10K has an ID.txt a clip")
    entries = []
    for text in texts:
        clip = _pictures(folder, text)
        if clip is not None:
            # The size matters to the lens alone, which is read again with the pictures'.
            camera = read_camera(text, size=(16, 16), frame_rate=_rate(text))
            entries.append(
                ManifestEntry(
                    text.stem, clip, text, camera.frame_count, camera.frame_rate, str(text)
                )
            )
    if not entries:
        raise InputError(
            f"{folder}: no frames beside its {len(texts)} camera texts",
            f"put those of {texts[0].name} into {folder / texts[0].stem}/",
        )
    return entries


def _rate(text: Path) -> Fraction | None:
    """None where the file's own times say it; one pose has none, and any will do."""
    return Fraction(1) if len(camera_lines(read_text(text))[1]) == 1 else None


def _pictures(folder: Path, text: Path) -> Path | None:
    for place in (text.parent, *(folder / name for name in _FOLDERS)):
        for found in (place / text.stem, *(place / f"{text.stem}{suffix}" for suffix in _VIDEOS)):
            if found.is_dir() or found.is_file():
                return found
    return None
