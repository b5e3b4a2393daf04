import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.errors import InputError
from dynascene_cli.reports.contact_sheet import GAP
from dynascene_cli.training.examples import ExampleDraws
from dynascene_cli.training.settings import STAGE_TASKS, Stage, TrainingSettings
from dynascene_cli.training.task_inputs import TaskInputs
from dynascene_cli.training.task_preview import TILE, task_sheet

MINI = preset("mini")
SETTINGS = TrainingSettings(synthetic_share=1, size=(32, 16), frames=3, synthetic_clips=5)


def same(a: TaskInputs, b: TaskInputs) -> bool:
    pictures = ("target", "foreground", "generate_mask", "scene")
    cameras = [
        (x is None and y is None)
        or (x is not None and y is not None and np.array_equal(x.extrinsics, y.extrinsics))
        for x, y in ((a.camera, b.camera), (a.scene_camera, b.scene_camera))
    ]
    equal = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in pictures)
    return equal and all(cameras) and (a.task, a.clip) == (b.task, b.clip)


@pytest.mark.parametrize("stage", STAGE_TASKS)
def test_an_example_follows_from_its_number_alone(stage: Stage) -> None:
    forwards = ExampleDraws(SETTINGS, stage, MINI)
    expected = [forwards.draw(index) for index in range(6)]
    elsewhere = pickle.loads(pickle.dumps(ExampleDraws(SETTINGS, stage, MINI)))
    for index in (5, 0, 3, 3):
        assert same(elsewhere.draw(index), expected[index])
    assert not same(expected[0], expected[1])
    other_seed = ExampleDraws(replace(SETTINGS, seed=1), stage, MINI)
    assert not all(same(other_seed.draw(index), expected[index]) for index in range(6))


def test_tasks_come_by_their_shares() -> None:
    settings = replace(SETTINGS, tasks={"outpainting": 2.0, "image_variation": 0.0})
    draws = ExampleDraws(settings, "image", MINI)
    assert draws.tasks == ("outpainting", "image_generation")
    counts = Counter(draws.draw(index).task for index in range(120))
    assert counts.keys() == {"outpainting", "image_generation"}
    assert 65 <= counts["outpainting"] <= 95


def test_examples_have_the_frames_and_latents_of_their_stage() -> None:
    for stage, frames in (("image", 1), ("video", 3), ("single", 3)):
        inputs = ExampleDraws(SETTINGS, stage, MINI).draw(0)
        assert inputs.target.shape == (frames, 16, 32, 3)
        assert inputs.generate_mask.shape == (frames, 4, 8)
    full = replace(SETTINGS, size=(64, 64))
    assert ExampleDraws(full, "image", preset("tests-tiny")).draw(0).generate_mask.shape == (
        1,
        8,
        8,
    )


def test_so_many_synthetic_clips_are_drawn_as_asked() -> None:
    draws = ExampleDraws(SETTINGS, "video", MINI)
    assert len({draws.draw(index).clip for index in range(60)}) == 5
    endless = ExampleDraws(replace(SETTINGS, synthetic_clips=0), "video", MINI)
    assert len({endless.draw(index).clip for index in range(20)}) == 20


@pytest.mark.parametrize(
    ("changed", "stage", "message"),
    [
        ({"size": (30, 16)}, "image", "30x16 cannot be sampled"),
        ({"size": (32, 8)}, "image", "32x8 cannot be sampled"),
        ({"frames": 33}, "video", "frames = 33: the network's clips have at most 32"),
        ({"tasks": {"video_variation": 0.0, "video_generation": 0.0}}, "video", "are off"),
    ],
)
def test_what_does_not_fit_is_told_before_any_picture_is_read(
    changed: dict[str, object], stage: Stage, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ExampleDraws(replace(SETTINGS, **changed), stage, MINI)


def test_a_sheet_has_rows_for_every_task_of_the_stage() -> None:
    both = task_sheet(ExampleDraws(SETTINGS, "video", MINI))
    one = replace(SETTINGS, tasks={"video_variation": 0.0})
    single = task_sheet(ExampleDraws(one, "video", MINI))
    assert single.shape[0] - GAP == (both.shape[0] - GAP) / 2
    assert single.shape[1] == both.shape[1] == GAP + 9 * (TILE + GAP)
    images = task_sheet(ExampleDraws(SETTINGS, "image", MINI))
    assert images.shape[1] == GAP + 5 * (TILE + GAP)
    # Beside the scene picture nobody is shown in the first row, and everything is generated.
    person, mask = images[20:90, GAP + TILE + GAP : 2 * (TILE + GAP)], images[20:90, 430:600]
    assert np.unique(person).tolist() == [128]
    assert np.unique(mask).tolist() == [255]
