"""Camera moves as files: presets, edited JSON and other programs' cameras."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from dynascene_cli.camera.formats import is_camera_file, read_motion
from dynascene_cli.camera.moves.keyframes import Keyframe, Shake, Trajectory
from dynascene_cli.camera.moves.replay import excerpt, trajectory_of_path
from dynascene_cli.camera.moves.validation import trajectory_from_document
from dynascene_cli.errors import InputError, suggest
from dynascene_cli.shot import Clip
from dynascene_cli.storage.presets import presets_folder
from dynascene_cli.storage.text_files import read_json

__all__ = [
    "Keyframe",
    "Shake",
    "Trajectory",
    "load_move",
    "load_trajectory",
    "preset_names",
    "trajectory_text",
    "trim_move",
]


def preset_names() -> list[str]:
    """The shipped moves, in alphabetical order."""
    files = (presets_folder() / "cameras").glob("*.json")
    return sorted(file.stem for file in files if not file.name.endswith(".schema.json"))


def load_trajectory(name_or_path: str | Path) -> Trajectory:
    """The preset of that name, or the move in that file: a trajectory's or a camera's.

    Raises:
        InputError: there is no such preset or file, or the file is not a valid trajectory or
            camera.
    """
    text = str(name_or_path)
    if not text.strip():
        hint = "give a preset of dynascene trajectory list, or a file"
        raise InputError("a camera move's name is empty", hint)
    if is_camera(text):
        camera, timed = read_motion(Path(text))
        return trajectory_of_path(camera, text, timed=timed)
    if not names_a_file(text):
        path = presets_folder() / "cameras" / f"{text}.json"
        if text not in preset_names():
            raise InputError(f"{text}: no such camera move", _suggest_preset(text))
        return trajectory_from_document(read_json(path), text, shipped=True)
    return trajectory_from_document(read_json(Path(text)), text)


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
    if trajectory.follow is not None:
        head["follow"] = vars(trajectory.follow)
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
    return json.dumps(_round_numbers(value), ensure_ascii=False)


def _round_numbers(value: object) -> object:
    if isinstance(value, float):
        short = round(value, 9) + 0.0
        return int(short) if short.is_integer() else short
    if isinstance(value, (tuple, list)):
        return [_round_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _round_numbers(item) for key, item in value.items()}
    return value


def is_camera(text: str) -> bool:
    """Whether a move's name is that of a camera file or folder; a preset's name comes first."""
    return text not in preset_names() and is_camera_file(Path(text))


def trim_move(move: Trajectory, clip: Clip) -> Trajectory:
    """The move for a clip: of a camera file of more frames than a trimmed clip, that part.

    A camera that stands still does so for as long as a clip lasts.

    Raises:
        InputError: a camera file moves and has no pose for each of the clip's frames.
    """
    stands_still = len({replace(key, time=0.0) for key in move.keyframes}) == 1
    if not is_camera(move.name) or stands_still:
        return move
    count = len(move.keyframes)
    if count > clip.frame_count and (clip.start > 0 or clip.end is not None):
        last = None if clip.end is None else round(clip.end * clip.frame_rate)
        move = excerpt(move, round(clip.start * clip.frame_rate), last)
    if len(move.keyframes) != clip.frame_count:
        raise InputError(
            f"{move.name}: a camera of {count} frames, and the clip has {clip.frame_count}",
            "trim the clip with --start and --end, or make a move of it that is held at its end: "
            f"dynascene trajectory make {move.name} -o move.json",
        )
    return move


def names_a_file(text: str) -> bool:
    """Whether a move is a file and no preset, be it there or not."""
    return text.lower().endswith(".json") or "/" in text or "\\" in text or is_camera(text)


def _suggest_preset(name: str) -> str:
    otherwise = "see dynascene trajectory list, or give a .json file"
    return suggest(name.lower(), preset_names(), otherwise)
