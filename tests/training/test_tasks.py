"""What each task shows the network, exactly, on a clip made by hand."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as trials
from hypothesis import strategies as st

from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.person_hole import person_hole
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.geometry import (
    compose,
    inverse,
    pose_from_centre,
    project,
    rays,
    rotation_about,
    transform,
)
from dynascene_cli.shot import CameraPath
from dynascene_cli.training.masks import fill_hidden
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.training.tasks import (
    TASKS,
    Roles,
    another_frame,
    same_frame,
    task_inputs,
    whole_clip,
)

F, H, W, STRIDE = 3, 16, 24, 4
SETTINGS = TrainingSettings(synthetic_share=1, size=(W, H), frames=F, illumination=0)
SHOWN_WHOLE = replace(SETTINGS, hole_share=0)
SHOWN_WITH_HOLE = replace(SETTINGS, hole_share=1)

IMAGE_TASKS = [name for name, task in TASKS.items() if not task.of_clips]
CLIP_TASKS = [name for name, task in TASKS.items() if task.of_clips]
PERSONLESS_TASKS = [name for name, task in TASKS.items() if not task.needs_person]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def hand_made() -> TrainingClip:
    """Frame i is 10·i + 50 but for the person, 200 + i in an 8 × 8 square that moves by 4."""
    plates = np.stack([np.full((H, W, 3), 50 + 10 * i, np.uint8) for i in range(F)])
    frames, alphas = plates.copy(), np.zeros((F, H, W), np.uint8)
    for i in range(F):
        frames[i, 4:12, 4 * i : 4 * i + 8] = 200 + i
        alphas[i, 4:12, 4 * i : 4 * i + 8] = 255
    centres = np.array([[0.0, 0, 0], [0.1, 0, 0.2], [0.3, 0, 0.2]])
    turns = np.stack([rotation_about("y", 5.0 * i) for i in range(F)])
    zooms = np.stack([np.diag([zoom, zoom, 1]) for zoom in (1.0, 1.1, 1.2)])
    centred = np.array([[1, 0, W / 2], [0, 1, H / 2], [0, 0, 1]])
    camera = CameraPath(
        intrinsics=centred @ zooms @ np.diag([20.0, 20, 1]),
        extrinsics=pose_from_centre(turns, centres),
        width=W,
        height=H,
        frame_rate=Fraction(8),
        unit="scene_depth",
    )
    return TrainingClip("hand-made", frames, alphas, camera, plates[0], plates)


FILMED = replace(hand_made(), scene=None, plates=None)


def index_of(plates: np.ndarray, picture: np.ndarray) -> int:
    (index,) = [i for i, plate in enumerate(plates) if np.array_equal(plate, picture)]
    return index


def test_the_scene_of_a_clip_is_its_first_frame_as_often_as_is_asked_for() -> None:
    for share, least, most in ((0.0, 10, 30), (0.5, 32, 48), (1.0, 60, 60)):
        settings = replace(SETTINGS, scene_is_first=share)
        drawn = [
            task_inputs("video_variation", hand_made(), rng(seed), settings, STRIDE)
            for seed in range(60)
        ]
        first = sum(np.array_equal(inputs.scene, inputs.target[0]) for inputs in drawn)
        assert least <= first <= most


def test_a_random_frame_is_made_from_itself_another_or_all_from_one() -> None:
    for seed in range(50):
        same, other = same_frame(F, rng(seed)), another_frame(F, rng(seed))
        assert same.targets == (same.scene,)
        assert other.scene not in other.targets
        assert 0 <= other.scene < F
        assert whole_clip(F, rng(seed)).targets == (0, 1, 2)
    pairs = {another_frame(F, rng(seed)) for seed in range(200)}
    assert pairs == {Roles((i,), j) for i in range(F) for j in range(F) if i != j}
    assert {whole_clip(F, rng(seed)).scene for seed in range(50)} == {0, 1, 2}
    assert another_frame(1, rng()).scene == 0


@pytest.mark.parametrize("name", PERSONLESS_TASKS)
def test_without_a_person_the_foreground_is_grey_and_everything_is_generated(name: str) -> None:
    inputs = task_inputs(name, hand_made(), rng(), SETTINGS, STRIDE)
    count = F if TASKS[name].of_clips else 1
    assert np.unique(inputs.foreground).tolist() == [128]
    assert inputs.foreground.shape == inputs.target.shape == (count, H, W, 3)
    np.testing.assert_array_equal(inputs.generate_mask, np.ones((count, 4, 6), np.float32))
    assert inputs.generate_mask.dtype == np.float32
    assert (inputs.task, inputs.clip) == (name, "hand-made")


@pytest.mark.parametrize("name", ["image_generation", "video_generation"])
@pytest.mark.parametrize("chosen", [SHOWN_WHOLE, SHOWN_WITH_HOLE])
def test_generation_shows_the_person_on_grey_and_keeps_its_cells(
    name: str, chosen: TrainingSettings
) -> None:
    clip = hand_made()
    inputs = task_inputs(name, clip, rng(), chosen, STRIDE)
    targets = [index_of(clip.frames, frame) for frame in inputs.target]
    assert targets == ([0, 1, 2] if TASKS[name].of_clips else targets)
    for i, foreground, mask in zip(targets, inputs.foreground, inputs.generate_mask, strict=True):
        on_grey = np.where(clip.alphas[i][..., None] == 255, clip.frames[i], 128)
        np.testing.assert_array_equal(foreground, on_grey)
        person = np.ones((4, 6), np.float32)
        # Less a rim of one pixel, the square fills 9 of 16 pixels of the cells that it covers.
        person[1:3, i : i + 2] = 0
        np.testing.assert_array_equal(mask, person)


def test_the_scene_of_generation_is_another_frames_place_whole_or_with_the_persons_hole() -> None:
    clip = hand_made()
    for seed in range(20):
        inputs = task_inputs("image_generation", clip, rng(seed), SHOWN_WHOLE, STRIDE)
        assert clip.plates is not None
        scene = index_of(clip.plates, inputs.scene)
        assert scene != index_of(clip.frames, inputs.target[0])
        for source in (clip, FILMED):
            holed = task_inputs("image_generation", source, rng(seed), SHOWN_WITH_HOLE, STRIDE)
            hole = person_hole(clip.alphas[scene], SETTINGS.hole_dilation)
            expected = fill_hidden(clip.frames[scene], hole, "black")
            np.testing.assert_array_equal(holed.scene, expected)
            assert holed.scene[8, 4 * scene + 4].max() == 0
    whole = task_inputs("image_generation", FILMED, rng(), SHOWN_WHOLE, STRIDE)
    assert (whole.scene == 0).any()


def test_holes_come_as_often_as_their_share() -> None:
    clip = hand_made()
    half = replace(SETTINGS, hole_share=0.5)
    holed = sum(
        (task_inputs("video_generation", clip, rng(seed), half, STRIDE).scene == 0).any()
        for seed in range(200)
    )
    assert 75 <= holed <= 125


def test_a_photo_of_the_place_is_seen_by_the_first_frames_camera() -> None:
    photographed = replace(FILMED, scene=np.full((H, W, 3), 7, np.uint8))
    for seed in range(5):
        inputs = task_inputs("video_generation", photographed, rng(seed), SHOWN_WHOLE, STRIDE)
        assert np.unique(inputs.scene).tolist() == [7]
        assert inputs.scene_camera is not None
        np.testing.assert_allclose(inputs.scene_camera.extrinsics, np.eye(3, 4)[None], atol=1e-12)


@pytest.mark.parametrize("name", ["image_variation", "video_variation"])
def test_variation_makes_the_place_alone_where_it_is_known(name: str) -> None:
    clip = hand_made()
    assert clip.plates is not None
    known = task_inputs(name, clip, rng(3), SETTINGS, STRIDE)
    filmed = task_inputs(name, FILMED, rng(3), SETTINGS, STRIDE)
    targets = [index_of(clip.plates, frame) for frame in known.target]
    scene = index_of(clip.plates, known.scene)
    np.testing.assert_array_equal(filmed.target, clip.frames[targets])
    np.testing.assert_array_equal(filmed.scene, clip.frames[scene])


@pytest.mark.parametrize("name", ["outpainting", "video_outpainting"])
def test_outpainting_hides_its_share_of_the_scene_and_nothing_of_the_target(name: str) -> None:
    clip = hand_made()
    assert clip.plates is not None
    for seed in range(20):
        inputs = task_inputs(name, clip, rng(seed), SETTINGS, STRIDE)
        hidden = (inputs.scene == 0).all(axis=-1)
        assert 0.2 - 1e-3 <= hidden.mean() <= 0.5 + 1e-3
        (value,) = np.unique(inputs.scene[~hidden])
        frame = (int(value) - 50) // 10
        expected = clip.plates if TASKS[name].of_clips else clip.plates[[frame]]
        np.testing.assert_array_equal(inputs.target, expected)


@pytest.mark.parametrize("name", IMAGE_TASKS)
def test_tasks_of_images_show_no_camera_unless_asked(name: str) -> None:
    clip = hand_made()
    inputs = task_inputs(name, clip, rng(1), SETTINGS, STRIDE)
    assert inputs.camera is None and inputs.scene_camera is None
    shown = task_inputs(name, clip, rng(1), replace(SETTINGS, image_cameras=True), STRIDE)
    np.testing.assert_array_equal(shown.scene, inputs.scene)
    assert shown.camera is not None and shown.scene_camera is not None
    np.testing.assert_allclose(shown.camera.extrinsics, np.eye(3, 4)[None], atol=1e-12)
    assert np.allclose(shown.scene_camera.extrinsics, np.eye(3, 4)) == (name == "outpainting")


@pytest.mark.parametrize("name", CLIP_TASKS)
def test_cameras_of_clips_are_seen_from_the_first_frame(name: str) -> None:
    clip = hand_made()
    elsewhere = pose_from_centre(rotation_about("y", 30), [3.0, -1, 2])
    path = replace(clip.camera, extrinsics=compose(clip.camera.extrinsics, elsewhere))
    moved = replace(clip, camera=path)
    for seed in range(4):
        inputs = task_inputs(name, moved, rng(seed), SETTINGS, STRIDE)
        assert inputs.camera is not None and inputs.scene_camera is not None
        np.testing.assert_allclose(inputs.camera.extrinsics, clip.camera.extrinsics, atol=1e-12)
        focal = inputs.scene_camera.intrinsics[0, 0, 0]
        scene = clip.camera.intrinsics[:, 0, 0].tolist().index(focal)
        np.testing.assert_allclose(
            inputs.scene_camera.extrinsics, clip.camera.extrinsics[[scene]], atol=1e-12
        )
        assert inputs.scene_camera.frame_count == 1


@pytest.mark.parametrize("name", TASKS)
def test_light_changes_the_scene_picture_alone_and_leaves_holes_black(name: str) -> None:
    plain = replace(SHOWN_WITH_HOLE, illumination_tasks=(name,))
    lit = replace(plain, illumination=1)
    for seed in range(3):
        before = task_inputs(name, hand_made(), rng(seed), plain, STRIDE)
        after = task_inputs(name, hand_made(), rng(seed), lit, STRIDE)
        np.testing.assert_array_equal(before.target, after.target)
        np.testing.assert_array_equal(before.foreground, after.foreground)
        assert (before.scene != after.scene).any()
        assert after.scene[before.scene == 0].sum() == 0
    elsewhere = replace(lit, illumination_tasks=())
    unlit = task_inputs(name, hand_made(), rng(), elsewhere, STRIDE)
    expected = task_inputs(name, hand_made(), rng(), plain, STRIDE)
    np.testing.assert_array_equal(unlit.scene, expected.scene)


def test_a_clip_with_nobody_in_it_is_generated_everywhere() -> None:
    empty = replace(FILMED, alphas=np.zeros((F, H, W), np.uint8))
    inputs = task_inputs("video_generation", empty, rng(), SETTINGS, STRIDE)
    assert inputs.generate_mask.min() == 1
    assert np.unique(inputs.foreground).tolist() == [128]
    assert index_of(empty.frames, inputs.scene) in range(F)


@trials(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), name=st.sampled_from(CLIP_TASKS))
def test_cameras_and_depth_carry_the_target_into_the_scene_picture(seed: int, name: str) -> None:
    """True depth and the two cameras find in one plate what another shows, where both see it."""
    clip = synthetic_clip(seed, SyntheticSettings(size=(64, 36), frames=4))
    assert clip.plates is not None and clip.depths is not None
    inputs = task_inputs(name, clip, rng(seed), replace(SHOWN_WHOLE, size=(64, 36)), STRIDE)
    assert inputs.camera is not None and inputs.scene_camera is not None
    scene = whole_clip(4, rng(seed)).scene
    depths = np.minimum(clip.depths, 1e4)
    centres = np.stack(np.meshgrid(np.arange(64) + 0.5, np.arange(36) + 0.5), axis=-1)
    for frame in (0, 3):
        points = rays(inputs.camera.intrinsics[frame], centres) * depths[frame, ..., None]
        world = transform(inverse(inputs.camera.extrinsics[frame]), points)
        K, E = inputs.scene_camera.intrinsics[0], inputs.scene_camera.extrinsics[0]
        pixels, far = project(K, E, world), transform(E, world)[..., 2]
        inside = (pixels > 1).all(axis=-1) & (pixels < [63, 35]).all(axis=-1) & (far > 0)
        # In a rare clip the camera turns so far that both see nothing in common.
        assume(np.count_nonzero(inside) > 100)
        column, row = pixels[inside].astype(int).T
        seen = np.abs(depths[scene, row, column] - far[inside]) < 0.05 * far[inside]
        expected = clip.plates[scene, row, column][seen].astype(float)
        difference = np.abs(clip.plates[frame][inside][seen] - expected)
        assert len(difference) > 50
        assert np.median(difference) < 12
