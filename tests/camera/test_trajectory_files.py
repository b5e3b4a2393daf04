"""Trajectories as files: what is read, what is written, and how a mistake is told."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.camera.moves.files import (
    load_move,
    load_trajectory,
    preset_names,
    trajectory_text,
)
from dynascene_cli.camera.moves.keyframes import Keyframe, Shake, Trajectory
from dynascene_cli.camera.moves.validation import trajectory_from_document
from dynascene_cli.errors import InputError
from dynascene_cli.storage.presets import presets_folder

CAMERAS = presets_folder() / "cameras"
SCHEMA = json.loads((CAMERAS / "trajectory.schema.json").read_text())
REFERENCE_EXAMPLE = """
{"version": 1, "units": "subject_distance", "time_unit": "clip", "interpolation": "catmull-rom",
 "sensor_width_mm": 36,
 "keyframes": [
   {"time": 0, "position": [0, 0, 0], "look_at": [0, 0, 1], "roll_deg": 0, "focal_ratio": 1,
    "easing": "ease-in-out"},
   {"time": 1, "position": [0, 0, 0.25], "rotation_quat": [1, 0, 0, 0]}],
 "shake": {"deg": 0.3, "pct": 0.5, "hz": 3, "seed": 0}}
"""
FIRST = {"time": 0, "position": [0, 0, 0], "look_at": [0, 0, 1]}
LAST = {"time": 1, "position": [0, 0, 0.25], "look_at": [0, 0, 2]}


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_names_its_schema_obeys_it_and_says_what_it_does(name):
    document = json.loads((CAMERAS / f"{name}.json").read_text())
    assert document["$schema"] == "trajectory.schema.json"
    jsonschema.validate(document, SCHEMA)
    assert load_trajectory(name).description.endswith(".")


@pytest.mark.parametrize("name", preset_names())
def test_a_written_trajectory_is_read_back_the_same(name, tmp_path):
    move = load_trajectory(name)
    path = tmp_path / "copy.json"
    path.write_text(trajectory_text(move))
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)
    again = load_trajectory(path)
    assert again == Trajectory(**{**vars(move), "name": str(path)})


def test_the_reference_example_is_read(tmp_path):
    path = tmp_path / "example.json"
    path.write_text(REFERENCE_EXAMPLE)
    assert load_trajectory(path) == Trajectory(
        name=str(path),
        keyframes=(
            Keyframe(0, (0, 0, 0), look_at=(0, 0, 1), focal_ratio=1, easing="ease-in-out"),
            Keyframe(1, (0, 0, 0.25), rotation_quat=(1, 0, 0, 0)),
        ),
        shake=Shake(deg=0.3, pct=0.5, hz=3, seed=0),
    )


def test_moves_are_joined_by_plus_and_files_may_hold_a_plus_themselves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a+b.json").write_text(REFERENCE_EXAMPLE)
    moves = load_move("dolly-in+a+b.json+handheld")
    assert [move.name for move in moves] == ["dolly-in", "a+b.json", "handheld"]


@pytest.mark.parametrize("asked", ["", " ", "dolly-in+", "+dolly-in"])
def test_a_move_without_a_name_is_told(asked):
    with pytest.raises(InputError) as told:
        load_move(asked)
    assert told.value.message == "a camera move's name is empty"
    assert told.value.hint == "give a preset of dynascene trajectory list, or a file"


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("doly-in", "did you mean dolly-in?"),
        ("Orbit-Left", "did you mean orbit-left?"),
        ("zom-out", "did you mean zoom-out?"),
        ("qqqq", "see dynascene trajectory list, or give a .json file"),
    ],
)
def test_a_misspelt_preset_suggests_the_nearest(asked, hint):
    with pytest.raises(InputError) as told:
        load_trajectory(asked)
    assert (told.value.message, told.value.hint) == (f"{asked}: no such camera move", hint)


def keyframe(**changes):
    return {key: value for key, value in {**LAST, **changes}.items() if value is not None}


def document(*frames, **more):
    return {"version": 1, "keyframes": [FIRST, *frames], **more}


MISTAKES = [
    (
        document(keyframe(position=[0, float("nan"), 0])),
        "keyframe 2: position is nan",
        "give a finite number",
    ),
    (document(keyframe(time=float("inf"))), "keyframe 2: time is inf", "give a finite number"),
    (
        document(keyframe(time=0.5), keyframe(time=0.2)),
        "keyframe 3: time 0.2 is not after keyframe 2's 0.5",
        "list the keyframes in order of time, no two at the same time",
    ),
    (
        document(keyframe(time=0)),
        "keyframe 2: time 0 is not after keyframe 1's 0",
        "list the keyframes in order of time, no two at the same time",
    ),
    (
        document(keyframe(time=3)),
        "keyframe 2: time 3 is beyond the clip",
        'times run from 0 to 1, or set "time_unit": "seconds"',
    ),
    (
        document(keyframe(time=-1)),
        "keyframe 2: time is -1",
        "A number, 0 or more: a fraction of the clip, or seconds.",
    ),
    (
        document(keyframe(rotation_quat=[1, 0, 0, 0])),
        "keyframe 2: both look_at and rotation_quat",
        "give exactly one of them",
    ),
    (
        document(keyframe(look_at=None)),
        "keyframe 2: neither look_at nor rotation_quat",
        "give exactly one of them",
    ),
    (
        document(keyframe(postion=[0, 0, 0])),
        "keyframe 2: unknown key 'postion'",
        "did you mean position?",
    ),
    (document(unit="metres"), "unknown key 'unit'", "did you mean units?"),
    (document(shake={"degs": 1}), "shake: unknown key 'degs'", "did you mean deg?"),
    (document(shake={"seed": -1}), "shake.seed is -1", "Which shake, a whole number, 0 or more."),
    (document(units="feet"), 'units is "feet"', "one of subject_distance, metres, scene_depth"),
    (document(time_unit="frames"), 'time_unit is "frames"', "one of clip, seconds"),
    (document(version=2), "version is 2", "The version of this format: 1."),
    (
        document(keyframe(focal_ratio=1, focal_mm=50)),
        "keyframe 2: both focal_ratio and focal_mm",
        "give at most one of them",
    ),
    (
        document(keyframe(focal_ratio=0)),
        "keyframe 2: focal_ratio is 0",
        "Multiplies the shot's first focal length, a number above 0.",
    ),
    (
        document(keyframe(easing="quick")),
        'keyframe 2: easing is "quick"',
        "The pace towards the next keyframe: linear, ease-in, ease-out, ease-in-out or "
        "cubic-bezier(x1,y1,x2,y2).",
    ),
    (
        document(keyframe(easing="cubic-bezier(2,0,1,1)")),
        "keyframe 2: easing is 'cubic-bezier(2,0,1,1)'",
        "cubic-bezier(x1,y1,x2,y2) takes four numbers, x1 and x2 in 0..1",
    ),
    (
        document(keyframe(look_at=None, rotation_quat=[0, 0, 0, 0])),
        "keyframe 2: rotation_quat is zero",
        "[1, 0, 0, 0] is no rotation",
    ),
    (
        document(keyframe(look_at=[0, 0, 0.25])),
        "keyframe 2: look_at is the camera's own position",
        "give a point in front of it",
    ),
    (
        document(keyframe(look_at=[0, 1, 0.25])),
        "keyframe 2: look_at is straight above or below the camera",
        "use rotation_quat",
    ),
    (
        document(keyframe(position=[0, 0])),
        "keyframe 2: position is [0, 0]",
        "The camera's centre [x right, y down, z forward], three numbers.",
    ),
    (
        document(keyframe(position=[0, 0, "a"])),
        'keyframe 2: position is "a"',
        "The camera's centre [x right, y down, z forward], three numbers.",
    ),
    (document(keyframe(time=None)), "keyframe 2: time is missing", "see docs/cameras.md"),
    (
        document(7),
        "keyframe 2: it is 7",
        "An object with a time, a position and one of look_at and rotation_quat.",
    ),
    ({"version": 1}, "keyframes is missing", "see docs/cameras.md"),
    (
        {"version": 1, "keyframes": []},
        "keyframes is []",
        "A list of one or more keyframes, in order of time.",
    ),
    (
        [],
        "the file is []",
        "Keyframes of a camera in the levelled frame of the shot's first camera: x right, y down, "
        "z forward.",
    ),
    (
        document(keyframe(), pivot="subject", units="metres"),
        "pivot with units metres",
        "a move that pivots on the subject is in subject_distance",
    ),
    (
        document(keyframe(position=[0, 0, 1]), pivot="subject"),
        "keyframe 2: position is on the subject",
        "they stand at x 0, z 1; stay away from it",
    ),
]


@pytest.mark.parametrize(("wrong", "message", "hint"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_told_in_one_line_with_what_is_right(wrong, message, hint, tmp_path):
    path = tmp_path / "move.json"
    path.write_text(json.dumps(wrong))
    with pytest.raises(InputError) as told:
        load_trajectory(path)
    assert (told.value.message, told.value.hint) == (f"{path}: {message}", hint)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"version": 1,\n "keyframes" [}',
            "not JSON: Expecting ':' delimiter at line 2, column 14",
        ),
        (b"", "not JSON: Expecting value at line 1, column 1"),
        (b"\xff\xfe\x00", "not a JSON text file"),
        (b"[" * 100_000, "not a JSON text file"),
        (b'{"version": ' + b"1" * 5000 + b"}", "version is inf"),
    ],
)
def test_a_file_that_is_no_json_says_where(content, message, tmp_path):
    path = tmp_path / "move.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as told:
        load_trajectory(path)
    assert told.value.message == f"{path}: {message}"


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_trajectory(tmp_path / "none.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(InputError, match="Is a directory"):
        load_trajectory(tmp_path / "folder.json")


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "move.json"
    path.write_bytes(b"\xef\xbb\xbf" + REFERENCE_EXAMPLE.encode())
    assert len(load_trajectory(path).keyframes) == 2


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
known_keys = st.sampled_from([*SCHEMA["properties"], *SCHEMA["$defs"]["keyframe"]["properties"]])


@given(
    st.dictionaries(known_keys, json_values, max_size=4),
    st.dictionaries(known_keys, json_values, max_size=3),
)
def test_whatever_a_file_holds_it_is_a_trajectory_or_one_clear_line(top, inner):
    try:
        move = trajectory_from_document(
            {"version": 1, **top, "keyframes": [{**FIRST, **inner}]}, "move.json"
        )
    except InputError as error:
        assert error.message.startswith("move.json: ")
        assert "\n" not in error.message + error.hint
        assert error.hint
    else:
        assert len(move.keyframes) == 1


def test_the_documented_example_is_a_trajectory():
    page = (Path(__file__).parents[2] / "docs" / "cameras.md").read_text(encoding="utf-8")
    example = page.split("```json\n")[1].split("```")[0]
    assert len(trajectory_from_document(json.loads(example), "docs/cameras.md").keyframes) == 3


def test_the_documented_presets_are_the_shipped_ones():
    page = (Path(__file__).parents[2] / "docs" / "cameras.md").read_text(encoding="utf-8")
    rows = page.split("## The presets")[1].split("Every preset")[0].splitlines()
    named = [name for row in rows if row.startswith("| `") for name in row.split("|")[1].split(",")]
    assert sorted(name.strip(" `") for name in named) == preset_names()
