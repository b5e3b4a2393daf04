"""Walls that the photo's edges cut, carried on beyond them as the whole of the photo shows them."""

from dataclasses import replace

import numpy as np
from streets import HEIGHT, WIDTH, Seen, camera, guess_of, seen

from dynascene_cli.scene import GeometryGuess, build_scene, scene_popup
from dynascene_cli.scene.wall_continuation import Continuation, continue_walls
from dynascene_cli.shot import Margins

CUT = Margins(60, 30, 60, 0)
INNER = np.s_[CUT.top :, CUT.left : WIDTH - CUT.right]
LEFT_OF_POST = 120
RED_WALL, BLUE_WALL, GROUND = 0, 1, -1


def cropped() -> tuple[Seen, np.ndarray, GeometryGuess]:
    """The canyon as a whole, its inner part, and what is known of that."""
    whole = seen("canyon", camera(), samples=2)
    guess = guess_of("canyon", whole)
    assert guess.labels is not None
    geometry = replace(
        guess.geometry,
        width=WIDTH - CUT.left - CUT.right,
        height=HEIGHT - CUT.top,
        horizon=guess.geometry.horizon - CUT.top,
    )
    labels = replace(guess.labels, classes=np.ascontiguousarray(guess.labels.classes[INNER]))
    sky, ground = guess.sky[INNER], guess.ground[INNER]
    inner = replace(guess, geometry=geometry, sky=sky, ground=ground, labels=labels)
    return whole, np.ascontiguousarray(whole.image[INNER]), inner


def test_walls_and_ground_beside_the_photo_run_on_to_their_vanishing_point() -> None:
    whole, photo, guess = cropped()
    popup = scene_popup(photo, guess)
    assert popup is not None
    found: Continuation = continue_walls(popup, CUT, None, above=False)
    beside = np.ones((HEIGHT, WIDTH), np.bool_)
    beside[:, CUT.left : WIDTH - CUT.right] = False
    beside[: CUT.top] = False
    known = beside & np.isin(whole.panel, (RED_WALL, BLUE_WALL, GROUND)) & np.isfinite(whole.depth)
    assert found.mask[known].mean() > 0.9
    rows = np.round(found.rows[found.mask]).astype(int)
    columns = np.round(found.columns[found.mask]).astype(int)
    copied = whole.panel[INNER][rows, columns]
    assert (copied == whole.panel[found.mask]).mean() > 0.97


def test_a_wall_that_the_upper_edge_cuts_does_not_end_in_the_sky() -> None:
    whole, photo, guess = cropped()
    canvas = build_scene(photo, guess, CUT).layers[0].image[: CUT.top].astype(int)
    wall = whole.panel[: CUT.top] == RED_WALL
    wall[:, : CUT.left] = False
    wall[:, LEFT_OF_POST:] = False
    assert wall.sum() > 1000
    assert (canvas[wall][:, 0] > 2 * canvas[wall][:, 2]).mean() > 0.95


def test_what_is_barred_is_not_copied() -> None:
    _, photo, guess = cropped()
    popup = scene_popup(photo, guess)
    assert popup is not None
    assert continue_walls(popup, CUT, None).mask.any()
    assert not continue_walls(popup, CUT, np.ones(photo.shape[:2], np.bool_)).mask.any()
