"""scene.json: guesses written, edits read back and kept."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli.errors import InputError
from dynascene_cli.scene import guess_geometry, read_scene_edits, write_scene_json

GUESS = guess_geometry(np.full((36, 64, 3), 120, np.uint8))


def test_an_untouched_file_holds_no_edits(tmp_path: Path) -> None:
    path = tmp_path / "scene" / "scene.json"
    assert read_scene_edits(path, "a") == {}
    write_scene_json(path, GUESS, "a")
    assert read_scene_edits(path, "a") == {}
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["horizon"] == 0.5
    assert content["camera_height_m"] == 1.6
    assert content["focal"] == 1.0
    assert content["focal_35mm_equivalent"] == 36.0
    assert list(path.parent.iterdir()) == [path]


@settings(max_examples=25, deadline=None)
@given(st.floats(-0.9, 1.9), st.floats(0.1, 400))
def test_edits_win_and_survive_a_rewrite(horizon: float, height: float) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scene.json"
        write_scene_json(path, GUESS, "a")
        content = json.loads(path.read_text(encoding="utf-8"))
        content["horizon"], content["camera_height_m"] = horizon, height
        path.write_text(json.dumps(content), encoding="utf-8")
        edits = read_scene_edits(path, "a")
        expected = {"horizon": horizon, "camera_height": height}
        expected = {k: v for k, v in expected.items() if v != {"horizon": 0.5}.get(k, 1.6)}
        assert edits == expected
        write_scene_json(path, GUESS, "a")
        assert read_scene_edits(path, "a") == edits


def test_a_flag_is_no_edit(tmp_path: Path) -> None:
    path = tmp_path / "scene.json"
    write_scene_json(path, guess_geometry(np.full((36, 64, 3), 120, np.uint8), horizon=0.2), "a")
    assert read_scene_edits(path, "a") == {}


def test_another_photos_file_is_ignored_and_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "scene.json"
    write_scene_json(path, GUESS, "a")
    path.write_text(path.read_text().replace('"horizon": 0.5,', '"horizon": 0.3,', 1))
    assert read_scene_edits(path, "a") == {"horizon": 0.3}
    assert read_scene_edits(path, "b") == {}
    write_scene_json(path, GUESS, "b")
    assert json.loads(path.read_text())["horizon"] == 0.5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "guessed"),
        ('{"guessed": {}, "photo_sha256": "a", "horizon": "low"}', "horizon is 'low'"),
        ('{"guessed": {}, "photo_sha256": "a", "focal": NaN}', "focal is nan"),
        ('{"guessed": {}, "photo_sha256": "a", "roll_deg": true}', "roll_deg is True"),
    ],
)
def test_a_broken_file_says_what_is_right(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "scene.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said) as caught:
        read_scene_edits(path, "a")
    assert str(path) in caught.value.message
    assert caught.value.hint
    with pytest.raises(InputError):
        write_scene_json(path, replace(GUESS), "a")
    assert path.read_text(encoding="utf-8") == text
