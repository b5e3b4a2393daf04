"""Synthetic clips: the same bytes from a seed, and a truth that holds."""

import hashlib
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynascene_cli import geometry as maths
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, check_settings, synthetic_clip
from dynascene_cli.dataset.synthetic.moves import move_amount
from dynascene_cli.dataset.synthetic.places import PLACES
from dynascene_cli.dataset.synthetic.textures import FAMILIES, SIDE, texture_pool
from dynascene_cli.errors import InputError
from dynascene_cli.video import write_image

SEEDS = (3, 4)


def digest(clip: TrainingClip) -> str:
    parts = (clip.frames, clip.alphas, clip.plates, clip.depths, clip.scene,
             clip.camera.intrinsics, clip.camera.extrinsics)  # fmt: skip
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()


def test_a_seed_gives_the_same_bytes_in_another_process_of_other_threads():
    program = (
        "import hashlib\n"
        "from dynascene_cli.dataset.synthetic.clip import synthetic_clip\n"
        "c = synthetic_clip(3)\n"
        "parts = (c.frames, c.alphas, c.plates, c.depths, c.scene,"
        " c.camera.intrinsics, c.camera.extrinsics)\n"
        "print(hashlib.sha256(b''.join(p.tobytes() for p in parts)).hexdigest())"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "OMP_NUM_THREADS": "3", "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == digest(synthetic_clip(3))
    assert digest(synthetic_clip(4)) != digest(synthetic_clip(3))


@pytest.mark.parametrize("place", PLACES)
def test_depth_and_camera_carry_the_first_plate_onto_the_others(place):
    shot = SyntheticSettings(size=(160, 90), frames=3, places=(place,))
    for seed in SEEDS:
        clip = synthetic_clip(seed, shot)
        camera = clip.camera
        x, y = np.meshgrid(np.arange(160) + 0.5, np.arange(90) + 0.5)
        depth = clip.depths[1]
        there = np.isfinite(depth)
        pixels = np.stack([x, y], axis=-1)[there]
        points = maths.rays(camera.intrinsics[1], pixels) * depth[there][:, None]
        world = maths.transform(maths.inverse(camera.extrinsics[1]), points)
        at = maths.project(camera.intrinsics[0], camera.extrinsics[0], world)
        away = maths.transform(camera.extrinsics[0], world)[:, 2]
        with np.errstate(invalid="ignore"):
            inside = np.all((at > 2) & (at < [158, 88]), axis=1)
        assert inside.mean() > 0.2
        column, row = at[inside].astype(int).T
        # What the first camera sees there is as far away, but where something hides it.
        relative = clip.depths[0][row, column] / away[inside]
        assert np.mean(np.abs(relative - 1) < 0.04) > 0.75
        seen = np.abs(relative - 1) < 0.04
        u, v = (at[inside][seen].T - 0.5).astype(np.float32)
        carried = cv2.remap(clip.plates[0], u[None], v[None], cv2.INTER_LINEAR)[0]
        error = np.abs(carried.astype(float) - clip.plates[1][there][inside][seen]).mean()
        shuffled = np.random.default_rng(0).permutation(carried)
        chance = np.abs(shuffled.astype(float) - clip.plates[1][there][inside][seen]).mean()
        assert error < 0.3 * chance


def test_frames_are_plates_but_for_the_person():
    clip = synthetic_clip(5)
    assert np.array_equal(clip.frames[clip.alphas == 0], clip.plates[clip.alphas == 0])
    solid = clip.alphas == 255
    assert np.abs(clip.frames[solid].astype(int) - clip.plates[solid]).max() > 40
    assert np.array_equal(clip.scene, clip.plates[0])
    assert 0.005 < clip.alphas.mean() / 255 < 0.5
    assert len(np.unique(clip.alphas)) > 20


def test_a_clip_without_a_person_is_its_plates():
    clip = synthetic_clip(5, SyntheticSettings(person=0.0))
    assert not clip.alphas.any()
    assert np.array_equal(clip.frames, clip.plates)


def test_the_world_is_the_first_camera_and_its_unit_the_median_depth():
    clip = synthetic_clip(6, SyntheticSettings(size=(48, 32), frames=4, fps=12))
    assert clip.frames.shape == (4, 32, 48, 3)
    assert (clip.camera.width, clip.camera.height) == (48, 32)
    assert clip.camera.frame_rate == 12
    assert np.allclose(clip.camera.extrinsics[0], np.eye(3, 4), atol=1e-12)
    first = clip.depths[0]
    assert np.median(first[np.isfinite(first)]) == pytest.approx(1, abs=1e-5)


def test_a_standing_camera_sees_one_plate():
    clip = synthetic_clip(7, SyntheticSettings(moves=("static",)))
    assert (clip.plates == clip.plates[0]).all()
    assert np.abs(clip.camera.extrinsics - np.eye(3, 4)).max() < 1e-12
    assert (clip.frames != clip.frames[0]).any()


@pytest.mark.parametrize("move, component", [("truck", 0), ("pedestal", 1), ("dolly", 2)])
def test_a_move_goes_its_way(move, component):
    level = SyntheticSettings(moves=(move,), frames=3, person=0.0)
    for seed in SEEDS:
        path = synthetic_clip(seed, level).camera.extrinsics
        went = np.abs(maths.centre(path)[-1])
        assert went.argmax() == component
        assert went[component] > 0.01
        assert np.allclose(path[:, :, :3], np.eye(3), atol=1e-12)


def test_a_pan_turns_where_it_stands():
    path = synthetic_clip(3, SyntheticSettings(moves=("pan",), person=0.0)).camera.extrinsics
    turn = np.degrees(np.arccos((np.trace(path[-1, :, :3]) - 1) / 2))
    assert 9 < turn < 36
    assert np.abs(path[:, :, 3]).max() < 1e-9


@given(st.integers(0, 2**32 - 1), st.floats(-50, 50), st.floats(0.1, 50))
@settings(max_examples=50)
def test_amounts_of_the_splits_never_meet(seed, low, span):
    train = move_amount(np.random.default_rng(seed), low, low + span, "train")
    held_out = move_amount(np.random.default_rng(seed + 1), low, low + span, "held-out")
    assert int((train - low) / span * 16 + 1e-9) % 2 == 0
    assert int((held_out - low) / span * 16 + 1e-9) % 2 == 1


def test_held_out_shots_have_patterns_of_their_own():
    train, held_out = (texture_pool(split).texels for split in ("train", "held-out"))
    seen = {pattern.tobytes() for pattern in train}
    assert not any(pattern.tobytes() in seen for pattern in held_out)
    for kind in ("surfaces", "fronts"):
        assert not set(FAMILIES["train"][kind]) & set(FAMILIES["held-out"][kind])
    assert (synthetic_clip(3, SyntheticSettings(split="held-out")).frames
            != synthetic_clip(3).frames).any()  # fmt: skip


def test_photos_become_patterns_and_every_fourth_is_held_out(tmp_path):
    for number in range(4):
        write_image(tmp_path / f"{number}.png", np.full((40, 50, 3), 60 * number, np.uint8))
    train, held_out = (texture_pool(split, tmp_path) for split in ("train", "held-out"))
    assert [int(train.texels[i][0, 0]) for i in train.photos] == [-127, -67, -7]
    assert [int(held_out.texels[i][0, 0]) for i in held_out.photos] == [52]
    assert train.texels.shape[1] == (4 * SIDE * SIDE - 1) // 3


@pytest.mark.parametrize(
    "changes, message, hint",
    [
        ({"moves": ("pann",)}, "'pann' is no move", "did you mean pan?"),
        ({"places": ("rooms",)}, "'rooms' is no place", "did you mean room?"),
        ({"fps": float("nan")}, "nan is not a frame rate", "8 or 24"),
        ({"places": ()}, "no place is given", "room, street, yard"),
    ],
)
def test_wrong_settings_are_told(changes, message, hint):
    with pytest.raises(InputError) as error:
        check_settings(SyntheticSettings(**changes))
    assert message in error.value.message
    assert hint in error.value.hint
