"""Text files as editors save them: byte order marks, UTF-16, line ends."""

import codecs
import json

import pytest

from dynascene_cli.camera import load_move
from dynascene_cli.dataset.manifest import read_manifest
from dynascene_cli.errors import InputError
from dynascene_cli.storage.text_files import read_json, read_text
from dynascene_cli.training.settings import read_settings

MARKS = {"": "utf-8", "bom": "utf-8-sig", "little": "utf-16-le", "big": "utf-16-be"}


def saved(path, text, mark):
    prefix = {"little": codecs.BOM_UTF16_LE, "big": codecs.BOM_UTF16_BE}.get(mark, b"")
    path.write_bytes(prefix + text.replace("\n", "\r\n").encode(MARKS[mark]))
    return path


@pytest.mark.parametrize("mark", MARKS)
def test_any_coding_of_an_editor(tmp_path, mark):
    keyframes = [{"time": t, "position": [0, 0, t], "look_at": [0, 0, 9]} for t in (0, 1)]
    move = json.dumps({"version": 1, "keyframes": keyframes}, indent=1)
    (loaded,) = load_move(str(saved(tmp_path / "move.json", move, mark)))
    assert [key.position for key in loaded.keyframes] == [(0, 0, 0), (0, 0, 1)]
    settings = read_settings(
        str(saved(tmp_path / "a.toml", "steps = 700\nsynthetic_share = 1.0\n", mark))
    )
    assert settings.steps == 700
    for name in ("a.mp4", "a.json"):
        (tmp_path / name).touch()
    line = {"clip": "a.mp4", "camera": "a.json", "fps": 24, "frames": 3, "name": "A\u2028B"}
    text = json.dumps(line, ensure_ascii=False) + "\n"
    (entry,) = read_manifest(saved(tmp_path / "m.jsonl", text, mark))
    assert (entry.name, entry.frames) == ("A\u2028B", 3)


def test_a_misspelt_key_is_named(tmp_path):
    path = saved(tmp_path / "m.jsonl", '{"clip": "a", "camra": "b"}', "bom")
    with pytest.raises(InputError, match="unknown key 'camra'") as error:
        read_manifest(path)
    assert error.value.hint == "did you mean camera?"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\x80\x81", b"[" * 100_000])
def test_what_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError):
        read_json(tmp_path / "a.json")
    with pytest.raises(InputError, match="no such file"):
        read_text(tmp_path / "b.json")
