"""Training on clips of a manifest: which are drawn, and what is told of those that are bad."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_runs import tiny_file, tiny_settings

from dynascene_cli.camera.formats import read_camera, write_camera
from dynascene_cli.dataset.manifest import load_clip, read_manifest
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.dataset.synthetic.folder import synthesize
from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.errors import InputError
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.video import write_image

MINI = preset("mini")
FRAMES = 6


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """The lines of two clips' manifest, by whole paths; the second shows nobody."""
    folder = tmp_path_factory.mktemp("filmed")
    shot = SyntheticSettings(size=(32, 32), frames=FRAMES)
    manifest = synthesize(folder, 2, 8, shot, lambda done: None)
    found = [json.loads(line) for line in manifest.read_text("utf-8").splitlines()]
    for name, line in zip(("walker", "yard"), found, strict=True):
        line |= {key: str(folder / line[key]) for key in ("clip", "matte", "camera", "scene")}
        line |= {"name": name, "plates": None, "depths": None}
    found[1]["matte"] = None
    return found


def written(lines: list[dict[str, object]], folder: Path) -> Path:
    path = folder / "clips.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def drawn(settings: TrainingSettings, stage: str, count: int) -> list[tuple[str, str]]:
    draws = ExampleDraws(settings, stage, MINI)
    examples = [draws.draw(index) for index in range(count)]
    return [(example.task, example.clip) for example in examples]


def test_an_example_is_a_run_of_frames_of_a_clip(lines, tmp_path) -> None:
    manifest = written(lines[:1], tmp_path)
    settings = tiny_settings(
        synthetic_share=0,
        manifests=[str(manifest)],
        frames=2,
        frame_stride=[1, 5],
        tasks={"video_variation": 0.0},
    )
    (entry,) = read_manifest(manifest)
    frames = load_clip(entry, 0, FRAMES, (32, 32)).frames
    draws = ExampleDraws(settings, "video", MINI)
    spans = set()
    for index in range(30):
        target = draws.draw(index).target
        first, last = (
            next(i for i in range(FRAMES) if np.array_equal(frames[i], frame)) for frame in target
        )
        spans.add((first, last))
    assert all(0 <= first < last < FRAMES for first, last in spans)
    assert {last - first for first, last in spans} == {1, 2, 3, 4, 5}


def test_sources_are_drawn_by_their_shares_and_serve_what_they_can(lines, tmp_path) -> None:
    estate = tmp_path / "estate"
    (estate / "house").mkdir(parents=True)
    clip = synthetic_clip(3, SyntheticSettings(size=(32, 32), frames=FRAMES, person=0))
    write_camera(estate / "house.txt", clip.camera)
    for number, frame in enumerate(clip.frames):
        write_image(estate / "house" / f"{number:05d}.png", frame)
    settings = tiny_settings(
        synthetic_share=1,
        manifests=[str(written(lines, tmp_path))],
        manifest_share=2,
        realestate=[str(estate)],
        realestate_share=1,
    )
    found = drawn(settings, "video", 160)
    kinds = Counter(
        (task, "synthetic" if clip.startswith("synthetic") else clip) for task, clip in found
    )
    of = {task: {kind for each, kind in kinds if each == task} for task, _ in kinds}
    assert of == {
        "video_variation": {"synthetic", "yard", "house"},
        "video_generation": {"synthetic", "walker"},
    }
    variations = sum(count for (task, _), count in kinds.items() if task == "video_variation")
    assert kinds["video_variation", "yard"] / variations > 0.35
    assert 0.1 < kinds["video_variation", "house"] / variations < 0.4
    estate_alone = replace(settings, sources={"video_variation": {"realestate": 1.0}})
    found = drawn(estate_alone, "video", 40)
    assert {clip for task, clip in found if task == "video_variation"} == {"house"}
    assert {clip for task, clip in found if task == "video_generation"} != {"house"}
    only = replace(settings, synthetic_share=0.0, realestate_share=0.0)
    assert {clip for _, clip in drawn(only, "video", 20)} == {"walker", "yard"}
    nobody = replace(settings, synthetic_share=0.0, manifests=())
    with pytest.raises(InputError, match="video_generation has no clip to learn from"):
        ExampleDraws(nobody, "video", MINI)
    people = replace(only, manifests=(str(written(lines[:1], tmp_path)),))
    with pytest.raises(InputError, match="every clip has a matte and no plates"):
        ExampleDraws(people, "video", MINI)


def test_a_run_on_the_clips_of_a_manifest(dynascene, lines, tmp_path) -> None:
    config = tiny_file(tmp_path, synthetic_share=0, manifests=["elsewhere.jsonl"], steps=2)
    words = ("train", "video", "--config", config, "--data", written(lines, tmp_path))
    checked = dynascene(*words, "--check", "--json")
    assert checked.code == 0, checked.err
    assert checked.json == {"checked": 2, "bad": {}, "warnings": []}
    drawn = dynascene(*words, "--show-tasks", "tasks.png", "--json")
    assert drawn.code == 0 and drawn.json == {"tasks": "tasks.png"}
    assert (tmp_path / "tasks.png").stat().st_size > 1000
    run = dynascene(*words, "--out", "run", "--json")
    assert run.code == 0, run.err
    described = (tmp_path / "run/config.toml").read_text()
    assert f'manifests = ["{tmp_path / "clips.jsonl"}"]' in described
    # A clip more makes it another run.
    written([*lines, {**lines[0], "name": "again"}], tmp_path)
    other = dynascene(*words, "--out", "run")
    assert other.code == 1 and "run holds another run: manifests was" in other.err


def broken(name: str, lines: list[dict[str, object]], folder: Path) -> list[dict[str, object]]:
    """The lines with one fault in the first."""
    first = dict(lines[0])
    camera = read_camera(Path(str(first["camera"])))
    if name == "no file":
        first["clip"] = str(folder / "gone.mkv")
    if name == "few poses":
        fewer = replace(camera, extrinsics=camera.extrinsics[1:], intrinsics=camera.intrinsics[1:])
        write_camera(folder / "few.json", fewer, name="few")
        first["camera"] = str(folder / "few.json")
    if name == "far away":
        far = camera.extrinsics * np.array([1, 1, 1, 1e30])
        far[1:, :, 3] += 1e30
        write_camera(folder / "far.json", replace(camera, extrinsics=far), name="far")
        first["camera"] = str(folder / "far.json")
    return [first, *lines[1:]]


@pytest.mark.parametrize(
    ("fault", "settings", "told"),
    [
        (
            "no file",
            {},
            "error: {folder}/clips.jsonl: line 1: clip: {folder}/gone.mkv does not exist\n"
            "hint: check the path\n",
        ),
        (
            "short",
            {"frames": 7},
            "error: {folder}/clips.jsonl: line 1: walker has 6 frames, and training needs 7\n"
            "hint: leave it out of the manifest, or set frames = 6\n",
        ),
        (
            "few poses",
            {"frames": 2},
            "error: {folder}/clips.jsonl: line 1: {folder}/few.json has 5 poses, the clip 6 frames"
            "\nhint: give one pose a frame\n",
        ),
    ],
)
def test_a_bad_clip_is_told_by_its_line(dynascene, lines, tmp_path, fault, settings, told) -> None:
    generation = {"video_variation": 0.0}
    config = tiny_file(tmp_path, synthetic_share=0, manifests=["x"], tasks=generation, **settings)
    manifest = written(broken(fault, lines, tmp_path)[:1], tmp_path)
    run = dynascene("train", "video", "--config", config, "--data", manifest, "--out", "run")
    assert run.code == 1
    assert run.err.endswith(told.format(folder=tmp_path))
    assert not (tmp_path / "run/checkpoints").exists()


def test_a_check_names_every_bad_clip(dynascene, lines, tmp_path) -> None:
    config = tiny_file(tmp_path, synthetic_share=0, manifests=["x"])
    manifest = written(broken("few poses", lines, tmp_path), tmp_path)
    run = dynascene("train", "video", "--config", config, "--data", manifest, "--check")
    assert run.code == 1
    assert f"walker: camera: {manifest}: line 1: {tmp_path}/few.json has 5 poses" in run.err
    assert "error: 1 of 2 clips are bad: walker\nhint: mend them, or leave" in run.err
    longer = dynascene(
        *("train", "video", "--config", config, "--data", manifest, "--check"),
        *("--set", "frames=7"),
    )
    assert "yard: has 6 frames, and training needs 7" in longer.err
    assert "error: 2 of 2 clips are bad: walker, yard" in longer.err


def test_a_clip_that_breaks_the_loss_is_named_and_the_last_good_state_stays(
    dynascene, lines, tmp_path
) -> None:
    nobody = [{**line, "matte": None} for line in lines]
    bad = written(broken("far away", nobody, tmp_path), tmp_path)
    changes = {
        "synthetic_share": 0,
        "manifests": [str(bad)],
        "tasks": {"video_generation": 0},
        "batch_size": 1,
        "checkpoint_every": 1,
        "seed": 1,
    }
    good = [clip for _, clip in drawn(tiny_settings(**changes), "video", 4)].index("walker")
    assert good > 0
    config = tiny_file(tmp_path, **changes)
    run = dynascene("train", "video", "--config", config, "--out", "run")
    assert run.code == 4
    assert run.err.endswith(
        f"error: the loss is not finite in step {good + 1}: walker (video_variation)\n"
        "hint: the last good state is kept; look at these clips, or start over (--force) with a "
        "lower learning_rate or precision = no\n"
    )
    kept = load_file(tmp_path / f"run/checkpoints/step-{good:06d}/weights.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())
