"""Margins asked for before outpainting suffice afterwards, and what cannot be had is told."""

import numpy as np
import pytest
from ray_casting import MOVES, Place, move_path

from dynascene_cli.projection.coverage import needed_margins, uncovered_share
from dynascene_cli.projection.renderer import ProjectionRenderer, draw_reliefs, new_canvas
from dynascene_cli.shot import Margins

WIDE = Margins(224, 72, 224, 108)
PLACE = Place(320, 180, roll_deg=2.0)


@pytest.mark.parametrize("move", MOVES)
def test_planned_margins_cover_every_pixel(move: str) -> None:
    path = move_path(move, PLACE, 7)
    plan = needed_margins(PLACE.depth(WIDE, shrink=3), WIDE, PLACE.geometry, path)
    assert plan.uncovered == 0
    scene = PLACE.scene(plan.margins)
    assert uncovered_share(scene, path).tolist() == [0.0] * 7
    renderer = ProjectionRenderer(scene, path)
    canvas = new_canvas(renderer.reliefs, path.width, path.height)
    for K, E in zip(path.intrinsics, path.extrinsics, strict=True):
        assert draw_reliefs(renderer.reliefs, K, E, canvas) == 0


def test_a_static_camera_needs_no_margins() -> None:
    path = move_path("pan", PLACE, 3, amount=0.0)
    plan = needed_margins(PLACE.depth(WIDE, shrink=3), WIDE, PLACE.geometry, path)
    assert plan.margins == Margins()
    assert (plan.outpainted_largest, plan.outpainted_mean) == (0.0, 0.0)
    assert plan.anisotropy == pytest.approx(1.0, abs=5e-3)
    assert plan.warnings == ()


def test_a_pan_needs_the_side_it_turns_to() -> None:
    path = move_path("pan", PLACE, 5, amount=0.8)
    plan = needed_margins(PLACE.depth(WIDE, shrink=3), WIDE, PLACE.geometry, path)
    half, focal = PLACE.width / 2, PLACE.geometry.focal
    beyond = focal * np.tan(np.arctan(half / focal) + np.radians(8)) - half
    assert plan.margins.left == 0
    assert beyond < plan.margins.right <= beyond + 28
    assert plan.outpainted_largest == pytest.approx(0.17, abs=0.05)
    assert plan.outpainted_mean < plan.outpainted_largest


def test_what_lies_beyond_the_limit_is_uncovered() -> None:
    path = move_path("pan", PLACE, 5, amount=2.0)
    limit = Margins(32, 72, 32, 72)
    plan = needed_margins(PLACE.depth(WIDE, shrink=3), WIDE, PLACE.geometry, path, limit=limit)
    assert plan.margins.right == 32
    assert plan.uncovered > 0.1
    assert any("past the widest canvas" in warning for warning in plan.warnings)
    assert uncovered_share(PLACE.scene(plan.margins), path).max() > 0.1


def test_long_paths_are_sampled_and_still_covered() -> None:
    path = move_path("orbit-left", PLACE, 700)
    plan = needed_margins(PLACE.depth(WIDE, shrink=3), WIDE, PLACE.geometry, path)
    assert not uncovered_share(PLACE.scene(plan.margins), path).any()


def test_strong_moves_are_told_to_stretch_the_photo() -> None:
    path = move_path("dolly-in", PLACE, 3, amount=2.0)
    plan = needed_margins(PLACE.depth(WIDE, shrink=3), WIDE, PLACE.geometry, path)
    assert plan.anisotropy > 1.3
    assert any("smaller move" in warning for warning in plan.warnings)


def test_margins_cover_every_relief_that_may_come_to_be() -> None:
    path = move_path("orbit-right", PLACE, 5)
    depth = PLACE.depth(WIDE, shrink=3)
    near, far = np.full_like(depth, 4.0), np.full_like(depth, 600.0)
    alone = [needed_margins(d, WIDE, PLACE.geometry, path).margins for d in (depth, near, far)]
    together = needed_margins((depth, near, far), WIDE, PLACE.geometry, path).margins
    for side in ("left", "top", "right", "bottom"):
        assert getattr(together, side) == max(getattr(margins, side) for margins in alone)
