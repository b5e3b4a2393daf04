"""Camera moves as files: presets and edited JSON, read and written."""

import difflib
import json
from pathlib import Path
from typing import Any

from dynascene_cli.camera.keyframes import Keyframe, Shake, Trajectory
from dynascene_cli.camera.validation import trajectory_from_document
from dynascene_cli.errors import InputError
from dynascene_cli.presets_folder import presets_folder

__all__ = [
    "Keyframe",
    "Shake",
    "Trajectory",
    "load_move",
    "load_trajectory",
    "preset_names",
    "trajectory_text",
]


def preset_names() -> list[str]:
    """The shipped moves, in alphabetical order."""
    files = (presets_folder() / "cameras").glob("*.json")
    return sorted(file.stem for file in files if not file.name.endswith(".schema.json"))


def load_trajectory(name_or_path: str | Path) -> Trajectory:
    """The preset of that name, or the trajectory in that ``.json`` file.

    Raises:
        InputError: there is no such preset or file, or the file is not a valid trajectory.
    """
    text = str(name_or_path)
    if not _names_a_file(text):
        path = presets_folder() / "cameras" / f"{text}.json"
        if text not in preset_names():
            raise InputError(f"{text}: no such camera move", _nearest_preset(text))
        return trajectory_from_document(_document(path), text)
    return trajectory_from_document(_document(Path(text)), text)


def load_move(text: str) -> tuple[Trajectory, ...]:
    """The moves of ``dolly-in+handheld`` or ``mine.json+handheld``, in order.

    Raises:
        InputError: as for load_trajectory.
    """
    parts = text.split("+")
    moves = []
    while parts:
        # A file's own name may hold a plus sign: the longest run that exists is one move.
        lengths = range(len(parts), 1, -1)
        length = next((n for n in lengths if Path("+".join(parts[:n])).is_file()), 1)
        moves.append(load_trajectory("+".join(parts[:length])))
        parts = parts[length:]
    return tuple(moves)


def trajectory_text(trajectory: Trajectory) -> str:
    """The JSON of a trajectory, one keyframe a line, naming the schema for editors."""
    schema = (presets_folder() / "cameras" / "trajectory.schema.json").resolve().as_uri()
    head: dict[str, Any] = {"$schema": schema, "version": 1}
    if trajectory.description:
        head["description"] = trajectory.description
    head |= {
        "units": trajectory.units,
        "time_unit": trajectory.time_unit,
        "interpolation": trajectory.interpolation,
        "sensor_width_mm": trajectory.sensor_width_mm,
    }
    if trajectory.fps is not None:
        head["fps"] = trajectory.fps
    if trajectory.pivots:
        head["pivot"] = "subject"
    if trajectory.keep_subject_size:
        head["keep_subject_size"] = True
    if trajectory.shake is not None:
        head["shake"] = vars(trajectory.shake)
    lines = [f"  {json.dumps(key)}: {_json(value)}," for key, value in head.items()]
    frames = ",\n".join(f"    {_json(_keyframe_document(k))}" for k in trajectory.keyframes)
    return "\n".join(["{", *lines, '  "keyframes": [', frames, "  ]", "}", ""])


def _keyframe_document(keyframe: Keyframe) -> dict[str, Any]:
    given = {key: value for key, value in vars(keyframe).items() if value is not None}
    if not keyframe.roll_deg:
        del given["roll_deg"]
    return given


def _json(value: object) -> str:
    return json.dumps(_rounded(value), ensure_ascii=False)


def _rounded(value: object) -> object:
    if isinstance(value, float):
        short = round(value, 9) + 0.0
        return int(short) if short.is_integer() else short
    if isinstance(value, (tuple, list)):
        return [_rounded(item) for item in value]
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return value


def _names_a_file(text: str) -> bool:
    return text.lower().endswith(".json") or "/" in text or "\\" in text


def _nearest_preset(name: str) -> str:
    nearest = difflib.get_close_matches(name.lower(), preset_names(), n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {nearest[0]}?"
    return "see dynascene trajectory list, or give a .json file"


def _document(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file", "give a trajectory's .json file") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "give a readable .json file") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"{path}: not JSON: {error.msg} at {where}", "mend it there") from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        hint = "dynascene trajectory make writes one to start from"
        raise InputError(f"{path}: not a JSON text file", hint) from error
