import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.errors import InputError
from dynascene_cli.storage.presets import presets_folder
from dynascene_cli.training.settings import (
    STAGE_TASKS,
    parse_settings,
    read_settings,
    settings_text,
    shares,
)

PRESETS = sorted(path.stem for path in (presets_folder() / "train").glob("*.toml"))


@pytest.mark.parametrize("name", PRESETS)
def test_shipped_presets_are_settings(name: str, tmp_path: Path) -> None:
    settings = read_settings(name, ['manifests=["clips.jsonl"]'])
    written = tmp_path / "config.toml"
    written.write_text(settings_text(settings), encoding="utf-8")
    assert read_settings(str(written)) == settings


def test_the_presets_hold_what_the_paper_publishes() -> None:
    first, second = (
        read_settings(name, ['manifests=["clips.jsonl"]'])
        for name in ("paper-stage1", "paper-stage2")
    )
    for settings in (first, second):
        assert settings.size == (768, 432)
        assert settings.frames == 24
        assert (settings.optimizer, settings.learning_rate) == ("adam", 1e-5)
        assert (settings.schedule, settings.warm_up) == ("constant", 0)
    assert (first.batch_size, first.steps) == (3, 50_000)
    assert (second.batch_size, second.steps) == (1, 1_000_000)
    assert first.outpainting_mask == (0.2, 0.5)
    assert not first.image_cameras
    third = pytest.approx(1 / 3)
    assert shares(first, "image") == dict.fromkeys(STAGE_TASKS["image"], third)


def test_changes_win_over_the_file_and_paths_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, here = tmp_path / "runs", tmp_path / "here"
    runs.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    file = runs / "mine.toml"
    file.write_text('manifests = ["a.jsonl"]\nsteps = 7000\ntasks = {outpainting = 2}\n')
    settings = read_settings(
        str(file),
        [
            "steps=9000",
            'realestate=["estate"]',
            "tasks.image_variation=0",
            "network.reference_geometry=tied_rays",
            "network.reference_gain=0.5",
            "hole_fill=mean",
        ],
    )
    assert settings.manifests == (str(runs / "a.jsonl"),)
    assert settings.realestate == (str(here / "estate"),)
    assert settings.steps == 9000
    assert settings.hole_fill == "mean"
    assert settings.network == {"reference_geometry": "tied_rays", "reference_gain": 0.5}
    assert shares(settings, "image") == {"outpainting": 2 / 3, "image_generation": 1 / 3}
    assert shares(settings, "video") == {"video_variation": 0.5, "video_generation": 0.5}


@pytest.mark.parametrize(
    ("values", "message", "hint"),
    [
        ({"learning_rat": 1}, "there is no setting 'learning_rat'", "did you mean learning_rate"),
        ({"betas": [2, 0.9]}, "betas = [2, 0.9] is not right", "each a number from 0 to 0.999999"),
        (
            {"outpainting_mask": [0.5, 0.2]},
            "outpainting_mask = [0.5, 0.2]",
            "the first not above the second",
        ),
        ({"schedule": "cos"}, 'schedule = "cos" is not right', "constant or cosine"),
        ({"steps": 2.5}, "steps = 2.5 is not right", "a whole number of at least 1"),
        ({"steps": True}, "steps = true is not right", "a whole number of at least 1"),
        ({"learning_rate": 0}, "learning_rate = 0 is not right", "a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate = nan is not right", "a number above 0"),
        ({"size": [64]}, "size = [64] is not right", "a list of 2"),
        ({"tasks": {"outpaint": 1}}, "no task is called 'outpaint'", "did you mean outpainting"),
        ({"tasks": {"outpainting": -1}}, "tasks = {outpainting = -1}", "at least 0"),
        ({"illumination_tasks": ["video"]}, "no task is called 'video'", "did you mean"),
        ({"zero_terminal_snr": True}, "zero_terminal_snr needs", 'prediction = "v_prediction"'),
        ({"warm_up": 10, "steps": 10}, "warm_up = 10 is not below steps = 10", ""),
        ({"sources": {"video": {}}}, "sources: no task is called 'video'", "video_"),
        ({"sources": {"outpainting": {"clips": 1}}}, "no source is called 'clips'", "manifest"),
        ({"sources": {"outpainting": {"manifest": -1}}}, "sources = {outpainting = {", "a table"),
        ({"reference_anneal": [0, 700], "steps": 600}, "reference_anneal ends at step 700", "400"),
        ({"synthetic_share": 0}, "there is nothing to train on", "manifests"),
    ],
)
def test_wrong_settings_are_told(values: dict[str, object], message: str, hint: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as told:
        parse_settings({"synthetic_share": 1, **values})
    assert hint in told.value.hint


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        ("steps 3", [], "is not settings"),
        ("steps = 700", ["steps"], "'steps' is not a setting"),
        ("steps = 700", ["steps.more=1"], "steps is not a table"),
        ("steps = 700", ["stps=1"], "--set: there is no setting 'stps'"),
        ("steps = 700", ["steps=few"], '--set: steps = "few" is not right'),
        ("stps = 700", ["steps=900"], "mine.toml: there is no setting 'stps'"),
        ("manifests = 3", [], "mine.toml: manifests = 3 is not right"),
    ],
)
def test_wrong_files_are_told(tmp_path: Path, text: str, changes: list[str], message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        read_settings(str(file), changes)


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(InputError, match="no such settings") as told:
        read_settings("paper")
    assert "paper-stage1" in told.value.hint


def test_a_stage_with_every_task_off_is_told() -> None:
    settings = parse_settings(
        {"synthetic_share": 1, "tasks": {"video_variation": 0, "video_generation": 0}}
    )
    with pytest.raises(InputError, match="all of stage video are off"):
        shares(settings, "video")


@given(
    base=st.text(max_size=20),
    pair=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    task_share=st.floats(0, 1e9),
    clip_names=st.lists(st.text(max_size=8), max_size=3),
)
def test_what_is_written_reads_back(
    base: str, pair: list[float], task_share: float, clip_names: list[str]
) -> None:
    import tomllib

    settings = parse_settings(
        {
            "synthetic_share": 1.0,
            "base": base,
            "outpainting_mask": pair,
            "tasks": {"outpainting": task_share},
            "manifests": clip_names,
        }
    )
    assert parse_settings(tomllib.loads(settings_text(settings))) == settings
