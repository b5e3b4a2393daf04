"""The plate: exact at the photo's pose, alike in any order, true to the relief, never smeared."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray_casting import MOVES, Place, cast, move_path, textured, warped

from dynascene_cli import geometry as maths
from dynascene_cli.errors import StageError
from dynascene_cli.projection.fast_path import continuous_frame
from dynascene_cli.projection.mesh import default_step, relief_mesh
from dynascene_cli.projection.renderer import (
    ProjectionRenderer,
    camera_reach,
    draw_reliefs,
    effective_path,
    new_canvas,
    plate_frame,
)
from dynascene_cli.projection.texture import texture
from dynascene_cli.shot import CameraPath, Layer, Margins, Scene
from dynascene_cli.video import sixteen_bits

SMALL = Place(320, 180)
AROUND = Margins(112, 48, 112, 64)


def card_scene(place: Place, margins: Margins, blur: float = 0.0) -> Scene:
    """A red card 3 m away before the place, its depth cut, and the place behind it."""
    depth = place.depth(margins)
    back = textured(*depth.shape)
    is_card = np.zeros(depth.shape, np.uint8)
    middle = margins.left + place.width // 2, margins.top + place.height // 2
    cv2.ellipse(is_card, middle, (40, 50), 0, 0, 360, 1, -1)
    image = np.where(is_card[..., None] > 0, np.uint8([220, 30, 20]), back)
    inverse = np.where(is_card > 0, 1 / 3, 1 / depth).astype(np.float32)
    if blur:
        inverse = cv2.GaussianBlur(inverse, (0, 0), blur)
    frame = np.s_[
        margins.top : margins.top + place.height, margins.left : margins.left + place.width
    ]
    layers = (Layer(image, 1 / inverse, cut=1.25), Layer(back, depth))
    return Scene(image[frame], place.geometry, margins, layers, 9.0)


@pytest.mark.parametrize("roll", [0.0, 4.0])
@pytest.mark.parametrize("margins", [Margins(), AROUND])
def test_at_the_photos_pose_the_plate_is_the_photo(roll: float, margins: Margins) -> None:
    place = Place(322, 181, roll)
    scene = place.scene(margins)
    plate = ProjectionRenderer(scene, move_path("pan", place)).frame(0)
    assert np.array_equal(plate, scene.photo)


@pytest.mark.parametrize("blur", [0.0, 1.5])
def test_cut_layers_leave_the_photo_whole_at_its_own_pose(blur: float) -> None:
    scene = card_scene(SMALL, AROUND, blur)
    renderer = ProjectionRenderer(scene, move_path("truck", SMALL))
    assert renderer.reliefs[0].mesh.alpha is not None
    assert np.array_equal(renderer.frame(0), scene.photo)


def test_a_cut_card_moves_as_one_and_uncovers_what_is_behind() -> None:
    scene = card_scene(SMALL, AROUND)
    path = move_path("truck", SMALL, amount=0.4)
    frame = ProjectionRenderer(scene, path).frame(1)
    shift = -0.5 * SMALL.geometry.focal / 3
    is_red = np.abs(frame.astype(int) - [220, 30, 20]).max(axis=-1) < 3
    ys, xs = np.nonzero(is_red)
    assert xs.min() == pytest.approx(160 - 40 + shift, abs=2.5)
    assert xs.max() == pytest.approx(160 + 40 + shift, abs=2.5)
    assert (ys.min(), ys.max()) == pytest.approx((90 - 50, 90 + 50), abs=2.5)
    bare = Scene(scene.photo, scene.geometry, AROUND, scene.layers[1:], 9.0)
    behind = ProjectionRenderer(bare, path).frame(1)
    uncovered = np.s_[60:120, xs.max() + 6 : xs.max() + 20]
    difference = np.abs(frame[uncovered].astype(int) - behind[uncovered])
    assert np.percentile(difference, 90) <= 2


@pytest.mark.parametrize("move", MOVES)
def test_the_warp_follows_the_cast_relief(move: str) -> None:
    place = Place(768, 432, roll_deg=2.0)
    margins = Margins(272, 96, 272, 128)
    depth = place.depth(margins)
    path = move_path(move, place)
    y, x = np.mgrid[3 : place.height : 11, 3 : place.width : 11]
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5
    truth = cast(
        place.inverse_depth, place.geometry, path.intrinsics[1], path.extrinsics[1], pixels
    )
    for step, tolerated in ((4, 0.05), (default_step(place.width, place.height), 0.25)):
        mesh = relief_mesh(depth, place.geometry, margins, step=step, reach=camera_reach(path))
        position = warped(mesh, margins, path, 1)
        assert np.isfinite(position).all()
        error = np.linalg.norm(position[y, x].reshape(-1, 2) - truth, axis=-1)
        assert np.percentile(error, 99) <= tolerated


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("size", [(640, 360), (641, 361)])
def test_positions_between_samples_are_those_that_would_be_drawn(
    move: str, size: tuple[int, int]
) -> None:
    width, height = size
    place, margins = Place(*size), Margins(224, 96, 224, 128)
    path = move_path(move, place)
    renderer = ProjectionRenderer(place.scene(margins), path)
    relief, camera = renderer.reliefs[0], path.intrinsics[1] @ path.extrinsics[1]
    canvas = new_canvas(renderer.reliefs, *size)
    # What a canvas was used for before must not be seen.
    for drawn in (canvas.texels, canvas.inverse_depth, canvas.fringe.nearest):
        drawn.fill(7)
    uncovered = draw_reliefs(renderer.reliefs, path.intrinsics[1], path.extrinsics[1], canvas)
    every = canvas.texels.view(np.uint8).reshape(height, width, 4)[..., :3].astype(int)
    other = continuous_frame(relief.mesh, relief.texture, camera, width, height, 1.0)
    assert uncovered == 0
    assert other is not None
    difference = np.abs(other - every).max(axis=-1)
    assert np.percentile(difference, 98) <= 4
    assert difference[[0, -1]].mean() < 1
    assert difference[:, [0, -1]].mean() < 1


@pytest.mark.parametrize("move", MOVES)
def test_sixteen_bits_are_those_of_eight_and_more(move: str) -> None:
    path = move_path(move, SMALL)
    for scene in (SMALL.scene(AROUND), card_scene(SMALL, AROUND, 1.5)):
        layers = tuple(replace(layer, image=sixteen_bits(layer.image)) for layer in scene.layers)
        coarse = ProjectionRenderer(scene, path)
        fine = ProjectionRenderer(replace(scene, layers=layers), path)
        shown = list(fine.deep_frames())
        for eight, sixteen in zip(coarse.frames(), shown, strict=True):
            assert np.abs(sixteen / 257 - eight).max() <= 1.5
        # Where a position is off by a few thousandths of a pixel.
        assert np.abs(shown[0] - sixteen_bits(scene.photo).astype(float)).max() <= 8
        assert len(np.unique(shown[-1])) > 1000


def test_a_flat_colour_between_two_levels_stays_what_it_is() -> None:
    scene = SMALL.scene(AROUND)
    flat = np.full(scene.layers[0].image.shape, 30_011, np.uint16)
    scene = replace(scene, layers=(replace(scene.layers[0], image=flat),))
    for frame in ProjectionRenderer(scene, move_path("orbit-right", SMALL)).deep_frames():
        assert (frame == 30_011).all()


def test_frames_are_the_same_bytes_in_any_order() -> None:
    renderer = ProjectionRenderer(SMALL.scene(AROUND), move_path("orbit-right", SMALL, 6))
    streamed = list(renderer.frames())
    assert len(streamed) == 6
    resumed = list(renderer.frames(3, 5))
    for index, frame in [(3, resumed[0]), (4, resumed[1]), (5, renderer.frame(5))]:
        assert np.array_equal(frame, streamed[index])
    again = ProjectionRenderer(SMALL.scene(AROUND), move_path("orbit-right", SMALL, 6))
    assert all(np.array_equal(a, b) for a, b in zip(again.frames(), streamed, strict=True))


def test_slow_moves_start_without_a_jump() -> None:
    place = Place(320, 180)
    path = move_path("truck", place, 9, amount=0.01)
    scene = place.scene(AROUND)
    smooth = cv2.GaussianBlur(scene.layers[0].image, (0, 0), 2)
    renderer = ProjectionRenderer(
        Scene(scene.photo, scene.geometry, AROUND, (Layer(smooth, scene.layers[0].depth),), 9.0),
        path,
    )
    frames = [frame.astype(int) for frame in renderer.frames()]
    changes = [np.abs(b - a).mean() for a, b in itertools.pairwise(frames)]
    assert changes[0] < 1.5 * np.median(changes)


def test_zooming_out_does_not_alias() -> None:
    margins = Margins(320, 180, 320, 180)
    depth = SMALL.depth(margins)
    checker = (np.indices(depth.shape).sum(axis=0) % 2 * 255).astype(np.uint8)
    layer = Layer(np.repeat(checker[..., None], 3, axis=-1), depth)
    scene = Scene(layer.image[180:360, 320:640], SMALL.geometry, margins, (layer,), 9.0)
    path = move_path("pan", SMALL, 2, amount=0.0)
    zoom = path.intrinsics.copy()
    zoom[1, :2, :2] /= 2.5
    path = CameraPath(zoom, path.extrinsics, 320, 180, path.frame_rate, "metres")
    frame = ProjectionRenderer(scene, path).frame(1)
    assert frame.mean() == pytest.approx(127.5, abs=2)
    assert frame.std() < 3


def test_ground_that_passes_behind_the_camera_is_clipped() -> None:
    margins = Margins(160, 48, 160, 400)
    path = move_path("dolly-in", SMALL, 2, amount=1.6)
    frame = ProjectionRenderer(SMALL.scene(margins), path).frame(1)
    assert frame.shape == (180, 320, 3)


def test_a_camera_that_sees_past_the_canvas_is_refused() -> None:
    renderer = ProjectionRenderer(SMALL.scene(Margins()), move_path("pan", SMALL))
    with pytest.raises(StageError, match=r"frame 1: the camera sees past the scene's edge in \d"):
        renderer.frame(1)
    with pytest.raises(StageError, match="frame 1"):
        list(renderer.frames())


def test_without_ground_only_rotation_and_zoom_act() -> None:
    path = move_path("orbit-right", SMALL, 3)
    card = Place(320, 180, ground_share=0.04).geometry
    turned = effective_path(path, card)
    assert np.allclose(maths.centre(turned.extrinsics), 0)
    assert np.array_equal(turned.extrinsics[:, :, :3], path.extrinsics[:, :, :3])
    assert effective_path(path, card, measured_depth=True) is path
    assert effective_path(path, SMALL.geometry) is path


@settings(max_examples=40, deadline=None)
@given(
    st.integers(2, 24),
    st.integers(2, 24),
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.integers(0, 255)] * 3),
)
def test_textures_keep_pixels_and_flat_colours(
    height: int, width: int, seed: int, colour: tuple[int, int, int]
) -> None:
    image = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    sharp = texture(image).levels[0][:-1:2, :-1:2]
    assert np.array_equal(
        np.ascontiguousarray(sharp).view(np.uint8).reshape(height, width, 4)[..., :3], image
    )
    flat = np.full_like(image, colour)
    for level in texture(flat, minification=4).levels:
        assert (level == level[0, 0]).all()


def test_a_plate_may_have_another_size_than_the_scene() -> None:
    scene = SMALL.scene(Margins())
    path = move_path("pan", SMALL, amount=0.0)
    quarter = np.diag([0.25, 0.25, 1.0]) @ path.intrinsics[0]
    renderer = ProjectionRenderer(
        scene, CameraPath(quarter[None], path.extrinsics[:1], 80, 45, path.frame_rate, "metres")
    )
    frame = renderer.frame(0)
    expected = cv2.resize(scene.photo, (80, 45), interpolation=cv2.INTER_AREA)
    assert frame.shape == (45, 80, 3)
    assert np.abs(frame.astype(int) - expected).mean() < 8
    same = plate_frame(renderer.reliefs, quarter, path.extrinsics[0], 80, 45, minification=4.0)
    assert np.array_equal(frame, same)
