"""What is wrong with a trajectory's JSON, in one line that names the file and the keyframe."""

import itertools
import json
import math
from collections.abc import Iterator
from functools import cache
from typing import Any

from dynascene_cli.camera.moves.interpolation import bezier_handles
from dynascene_cli.camera.moves.keyframes import Follow, Keyframe, Shake, Trajectory
from dynascene_cli.errors import InputError, suggest
from dynascene_cli.storage.presets import presets_folder

LARGEST_NUMBER = 1e9
Place = tuple[str | int, ...]


def trajectory_from_document(document: object, source: str, *, shipped: bool = False) -> Trajectory:
    """The trajectory in a parsed JSON document.

    A shipped one obeys the schema, so the schema's checker, slow to load, is left alone.

    Raises:
        InputError: something in it is wrong: ``source``, the keyframe, what, and what is right.
    """
    for place, number in _numbers(document):
        if not abs(number) <= LARGEST_NUMBER:
            raise _invalid(source, place, f"is {number}", "give a finite number")
    if not shipped:
        _check_schema(document, source)
    assert isinstance(document, dict)
    keyframes = tuple(_keyframe(item) for item in document["keyframes"])
    pivots = document.get("pivot") == "subject"
    shake, follow = document.get("shake"), document.get("follow")
    trajectory = Trajectory(
        name=source,
        keyframes=keyframes,
        shake=None if shake is None else Shake(**{**shake, "seed": int(shake.get("seed", 0))}),
        follow=None if follow is None else Follow(**follow),
        pivots=pivots,
        **{
            key: document[key]
            for key in (
                "units",
                "time_unit",
                "interpolation",
                "sensor_width_mm",
                "fps",
                "keep_subject_size",
                "description",
            )
            if key in document
        },
    )
    _check_times(trajectory)
    for number, keyframe in enumerate(keyframes, start=1):
        _check_keyframe(keyframe, trajectory, f"{source}: keyframe {number}")
    if pivots and trajectory.units != "subject_distance":
        raise InputError(
            f"{source}: pivot with units {trajectory.units}",
            "a move that pivots on the subject is in subject_distance",
        )
    return trajectory


def _keyframe(item: dict[str, Any]) -> Keyframe:
    lists = {key: tuple(map(float, value)) for key, value in item.items() if type(value) is list}
    return Keyframe(**{**item, **lists})


def _check_times(trajectory: Trajectory) -> None:
    times = [keyframe.time for keyframe in trajectory.keyframes]
    for number, (earlier, later) in enumerate(itertools.pairwise(times), start=2):
        if later <= earlier:
            raise InputError(
                f"{trajectory.name}: keyframe {number}: time {later:g} is not after "
                f"keyframe {number - 1}'s {earlier:g}",
                "list the keyframes in order of time, no two at the same time",
            )
    if trajectory.time_unit == "clip" and times[-1] > 1:
        raise InputError(
            f"{trajectory.name}: keyframe {len(times)}: time {times[-1]:g} is beyond the clip",
            'times run from 0 to 1, or set "time_unit": "seconds"',
        )


def _check_keyframe(keyframe: Keyframe, trajectory: Trajectory, where: str) -> None:
    if keyframe.look_at is not None:
        x, y, z = (to - at for to, at in zip(keyframe.look_at, keyframe.position, strict=True))
        if math.hypot(x, y, z) < 1e-9:
            raise InputError(
                f"{where}: look_at is the camera's own position", "give a point in front of it"
            )
        if math.hypot(x, z) < 1e-6 * math.hypot(x, y, z):
            raise InputError(
                f"{where}: look_at is straight above or below the camera", "use rotation_quat"
            )
    if keyframe.rotation_quat is not None and math.hypot(*keyframe.rotation_quat) < 1e-6:
        raise InputError(f"{where}: rotation_quat is zero", "[1, 0, 0, 0] is no rotation")
    if keyframe.focal_ratio is not None and keyframe.focal_mm is not None:
        raise InputError(f"{where}: both focal_ratio and focal_mm", "give at most one of them")
    if trajectory.pivots and math.hypot(keyframe.position[0], keyframe.position[2] - 1) < 1e-6:
        raise InputError(
            f"{where}: position is on the subject", "they stand at x 0, z 1; stay away from it"
        )
    try:
        bezier_handles(keyframe.easing)
    except ValueError as error:
        hint = "cubic-bezier(x1,y1,x2,y2) takes four numbers, x1 and x2 in 0..1"
        raise InputError(f"{where}: easing is {keyframe.easing!r}", hint) from error


def _numbers(value: object, place: Place = ()) -> Iterator[tuple[Place, float]]:
    if isinstance(value, (int, float)):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers(item, (*place, index))


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    path = presets_folder() / "cameras" / "trajectory.schema.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def _check_schema(document: object, source: str) -> None:
    error = next(iter(_validator().iter_errors(document)), None)
    if error is None:
        return
    place, value, schema = tuple(error.absolute_path), error.instance, error.schema
    if error.validator == "additionalProperties":
        unknown = next(key for key in value if key not in schema["properties"])
        raise _invalid(source, place, f"unknown key {unknown!r}", _suggest_key(unknown, schema))
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in value)
        raise _invalid(source, place, f"{missing} is missing", "see docs/cameras.md")
    if error.validator == "oneOf":
        both = "look_at" in value
        what = "both look_at and rotation_quat" if both else "neither look_at nor rotation_quat"
        raise _invalid(source, place, what, "give exactly one of them")
    if error.validator == "enum":
        hint = f"one of {', '.join(error.validator_value)}"
        raise _invalid(source, place, f"is {_short(value)}", hint)
    raise _invalid(source, place, f"is {_short(value)}", _describe_expected(place, schema))


def _invalid(source: str, place: Place, what: str, hint: str) -> InputError:
    """One line about a place in the document; keyframes are counted from 1."""
    words = list(place)
    where = [source]
    if words[:1] == ["keyframes"] and len(words) > 1:
        where.append(f"keyframe {int(words[1]) + 1}")
        words = words[2:]
    keys = [" ".join(word.split()) for word in words if isinstance(word, str)]
    subject = ".".join(keys) or "the file"
    if what.startswith("is "):
        what = f"{subject if keys or len(where) == 1 else 'it'} {what}"
    elif keys:
        where.append(".".join(keys))
    return InputError(f"{': '.join(where)}: {what}", hint)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _suggest_key(unknown: str, schema: dict[str, Any]) -> str:
    known = [key for key in schema["properties"] if key != "$schema"]
    return suggest(unknown, known, f"known keys: {', '.join(known)}")


def _describe_expected(place: Place, schema: dict[str, Any]) -> str:
    if "description" in schema:
        return str(schema["description"])
    named = [word for word in place if isinstance(word, str)]
    keyframe = _validator().schema["$defs"]["keyframe"]["properties"]
    return str(keyframe.get(named[-1] if named else "", {}).get("description", "give a number"))
