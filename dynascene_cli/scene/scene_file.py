"""scene.json: what was guessed of a photo, for people to read and correct.

The values at the top are in use; ``guessed`` repeats what the photo alone said. A value at the top
that differs from its copy is somebody's edit: it overrides the guess, and is kept.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import SENSOR_WIDTH_MM
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.storage.text_files import read_json

FIELDS = {
    "horizon": "horizon",
    "camera_height_m": "camera_height",
    "focal": "focal",
    "roll_deg": "roll_deg",
    "sky_confidence": "sky_confidence",
}
"""The file's editable fields, and the overrides of `guess_geometry` that they are."""

HELP = {
    "horizon": "row of the horizon at mid-width, as a share of the frame's height from the top",
    "camera_height_m": "metres from the ground to the camera that took the photo",
    "focal": "focal length as a share of the frame's width",
    "roll_deg": "how far that camera was turned clockwise, degrees",
    "sky_confidence": "0 = there is no sky, 1 = the sky that was found is sure",
}


def write_scene_json(path: Path, guess: GeometryGuess, photo_sha256: str) -> None:
    """Write what was guessed, keeping the edits that the file already has for this photo.

    Raises:
        InputError: the file that is there cannot be read.
    """
    text = scene_text(guess, photo_sha256, read_scene_edits(path, photo_sha256))
    path.parent.mkdir(parents=True, exist_ok=True)
    publish_text(path, text)


def scene_text(guess: GeometryGuess, photo_sha256: str, edits: Mapping[str, float]) -> str:
    """The file's text: what was guessed, and the edits, named as `read_scene_edits` does."""
    guessed = {field: round(guess.guessed[name], 4) for field, name in FIELDS.items()}
    used = {field: edits.get(name, guessed[field]) for field, name in FIELDS.items()}
    content = {
        **used,
        "about": HELP,
        "focal_35mm_equivalent": round(used["focal"] * SENSOR_WIDTH_MM, 1),
        "horizon_spread": round(guess.viewpoint.row_spread, 4),
        "camera_height_spread": round(guess.viewpoint.height_spread, 3),
        "horizon_evidence": [
            {
                "source": item.source,
                "horizon": f"{item.relation} {item.row:.3f}",
                "confidence": round(item.confidence, 2),
            }
            for item in guess.evidence
        ],
        "ground_share": round(guess.geometry.ground_share, 3),
        "interior": guess.geometry.interior,
        "warnings": list(guess.geometry.warnings),
        # An edit that is what was guessed would not be told from one.
        "guessed": {
            field: value for field, value in guessed.items() if edits.get(FIELDS[field]) != value
        },
        "photo_sha256": photo_sha256,
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_scene_file(path: Path, photo_sha256: str) -> dict[str, float]:
    """The values that somebody changed in a file that is to be this photo's.

    Raises:
        InputError: as of `read_scene_edits`; there is no such file, or it is another photo's.
    """
    content = read_json(path)
    if isinstance(content, dict) and content.get("photo_sha256") != photo_sha256:
        raise InputError(f"{path} was written for another photo", "give that of this photo")
    return read_scene_edits(path, photo_sha256)


def read_scene_edits(path: Path, photo_sha256: str) -> dict[str, float]:
    """The values that somebody changed, as keyword arguments of `guess_geometry`.

    Empty where there is no file or it is another photo's.

    Raises:
        InputError: the file is not JSON, or a value is not a number.
    """
    if not path.exists():
        return {}
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("guessed"), dict):
        raise InputError(f'{path}: has no "guessed" object', _remedy())
    if content.get("photo_sha256") != photo_sha256:
        return {}
    edits: dict[str, float] = {}
    for field, name in FIELDS.items():
        if field not in content:
            continue
        value = content[field]
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value):
            raise InputError(f"{path}: {field} is {value!r}", f"a number: {HELP[field]}")
        if value != content["guessed"].get(field):
            edits[name] = float(value)
    return edits


def _remedy() -> str:
    return "correct it, or delete it to have it written again"
