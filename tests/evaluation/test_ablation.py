"""The ablation's rows, and one of them trained, measured and not repeated."""

import json
from dataclasses import asdict
from pathlib import Path

from dynascene_cli.diffusion.configuration import parse_config, preset
from dynascene_cli.evaluation.ablation_rows import ROWS, part_settings, select_rows
from dynascene_cli.evaluation.ablation_table import ablation_text
from dynascene_cli.training.settings import shares

ROW = {row.name: row for row in ROWS}


def settings_of(name: str, steps: int = 40):
    row = ROW[name]
    return [
        part_settings(row, part, steps, 1, "before.safetensors" if number else None)
        for number, part in enumerate(row.parts)
    ]


def test_every_row_is_given_the_same_steps_and_examples() -> None:
    for row in ROWS:
        parts = settings_of(row.name)
        assert sum(part.steps for part in parts) == 40
        assert {part.batch_size * part.gradient_accumulation for part in parts} == {4}
        assert {part.seed for part in parts} == {1}


def test_rows_differ_in_what_they_say() -> None:
    tasks = {name: shares(settings_of(name)[0], ROW[name].parts[0].stage) for name in ROW}
    assert tasks["baseline"] == tasks["camera"] == {"video_generation": 1.0}
    assert set(tasks["outpainting"]) == {"video_outpainting", "video_generation"}
    assert set(tasks["full"]) == {"video_outpainting", "video_variation", "video_generation"}
    networks = {
        name: parse_config({**asdict(preset("mini")), **settings_of(name)[0].network})
        for name in ROW
    }
    assert not networks["baseline"].camera
    assert networks["baseline"].reference_geometry == "none"
    assert networks["full"] == preset("mini")
    assert networks["none"].camera
    geometries = {name: networks[name].reference_geometry for name in ("none", "ray-bias", "prope")}
    assert geometries == {"none": "none", "ray-bias": "ray_bias", "prope": "prope"}
    assert settings_of("same-light")[0].illumination == 0
    assert settings_of("full")[0].illumination > 0
    assert settings_of("two-stages")[1].base.endswith("before.safetensors")


def test_rows_are_named() -> None:
    assert [row.name for row in select_rows(("full", "camera"))] == ["camera", "full"]
    assert select_rows(()) == ROWS


def test_a_row_that_is_not_there_is_told(dynascene) -> None:
    run = dynascene("evaluate", "ablation", "--row", "cameras", "--json")
    assert run.code == 1
    assert "camera" in run.json["hint"]


def test_the_table_gives_means_and_every_seed() -> None:
    runs = [
        {
            "correct": 15.0, "opposite": 12.0, "share": 1.0, "wrong_scene": 9.0, "relit": 13.0,
            "sampled": 11.0, "ssim": 0.5,
        },
        {
            "correct": 16.0, "opposite": 12.5, "share": 0.5, "wrong_scene": 9.5, "relit": 13.5,
            "sampled": 11.5, "ssim": 0.6,
        },
    ]  # fmt: skip
    mean = {name: (runs[0][name] + runs[1][name]) / 2 for name in runs[0]}
    data = {
        "steps": 100,
        "seeds": 2,
        "shots": 32,
        "rows": {"full": {"told": "everything", "seeds": runs, "mean": mean}},
        "baselines": {"static_copy": 16.5},
    }
    text = ablation_text(data)
    assert "dynascene evaluate ablation --steps 100 --seeds 2 --shots 32" in text
    assert "| everything | 15.50 (15.00, 16.00) | 12.25 (12.00, 12.50) | 75% (100%, 50%) |" in text
    assert "| static copy of the photo | 16.50 |" in text


def test_a_finished_run_is_not_repeated(dynascene) -> None:
    name = "two-stages"
    words = ["evaluate", "ablation", "--row", name, "--steps", 4, "--seeds", 1, "--shots", 1]
    run = dynascene(*words, "-o", "ablation.md", "--json")
    assert run.code == 0, run.err
    kept = Path("ablation.runs") / f"{name}-0" / "measures.json"
    measures = json.loads(kept.read_text(encoding="utf-8"))["measures"]
    assert run.json["rows"][name]["mean"] == measures
    trained = Path("ablation.runs") / f"{name}-0" / "video" / "checkpoint.safetensors"
    before = trained.stat().st_mtime_ns
    again = dynascene(*words, "--json")
    assert again.json["rows"] == run.json["rows"]
    assert trained.stat().st_mtime_ns == before
    assert Path("ablation.md").is_file()
