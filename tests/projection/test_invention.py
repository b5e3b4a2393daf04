"""What a camera sees that was never photographed: measured against places known exactly."""

from fractions import Fraction

import numpy as np
import pytest

from dynascene_cli.geometry import Floats, pose, rotation_about
from dynascene_cli.projection import Invention, invention
from dynascene_cli.shot import CameraPath, Margins, Outlines, SceneGeometry

WIDTH, HEIGHT = 320, 180
GEOMETRY = SceneGeometry(
    width=WIDTH,
    height=HEIGHT,
    focal=300.0,
    horizon=90.0,
    roll_deg=0.0,
    camera_height=1.6,
    sky_confidence=0.0,
    ground_share=0.4,
    interior=False,
)
RIM = np.ones((HEIGHT, WIDTH))


def path_of(*extrinsics: Floats) -> CameraPath:
    return CameraPath(
        intrinsics=np.repeat(GEOMETRY.intrinsics[None], len(extrinsics), axis=0),
        extrinsics=np.stack(extrinsics),
        width=WIDTH,
        height=HEIGHT,
        frame_rate=Fraction(25),
        unit="metres",
    )


def at(x: float) -> Floats:
    """A camera ``x`` metres right of the photo's."""
    return pose(np.eye(3), np.array([-x, 0.0, 0.0]))


def edge(outward: float, torn: float = 0.0, weight: float = 1.0, thick: float = np.inf) -> Outlines:
    """An upright edge of 50 pixels, 4 m before what is 10 m away."""
    rows = np.arange(60.5, 110.5)
    count = len(rows)
    return Outlines(
        pixels=np.stack([np.full(count, 160.0), rows], axis=1),
        near=np.full(count, 1 / 4),
        far=np.full(count, 1 / 10),
        outward=np.tile([outward, 0.0], (count, 1)),
        weight=np.full(count, weight),
        torn=np.full(count, torn),
        thick=np.full(count, thick),
    )


def seen(outlines: Outlines, path: CameraPath, known: Margins = Margins()) -> Invention:
    height = HEIGHT + known.top + known.bottom
    rim = np.ones((height, WIDTH + known.left + known.right))
    return invention(outlines, rim, known, GEOMETRY, path)


def test_a_camera_that_stays_sees_the_photo() -> None:
    made_up = seen(edge(1.0, torn=1.0), path_of(at(0.0), at(0.0)))
    assert made_up.worst_behind == pytest.approx(0, abs=1e-12)
    assert made_up.worst_past == 0


def test_what_comes_out_behind_an_edge_is_its_parallax() -> None:
    # 0.2 m of way shift 4 m by 15 px and 10 m by 6 px: 9 px over 50 rows.
    gap = 300 * 0.2 * (1 / 4 - 1 / 10) * 50 / (WIDTH * HEIGHT)
    opened = seen(edge(1.0), path_of(at(0.0), at(0.2)))
    assert opened.behind == pytest.approx([0.0, gap])
    # The other way, the nearer covers the farther.
    assert seen(edge(1.0), path_of(at(0.0), at(-0.2))).worst_behind == 0
    assert seen(edge(-1.0), path_of(at(-0.2))).behind == pytest.approx([gap])
    # One thing on two cards comes apart either way.
    torn = seen(edge(1.0, torn=1.0, weight=0.0), path_of(at(0.2), at(-0.2)))
    assert torn.behind == pytest.approx([gap, gap])


def test_what_is_thin_uncovers_no_more_than_it_hid() -> None:
    hidden = 3 * 50 / (WIDTH * HEIGHT)
    assert seen(edge(1.0, thick=3.0), path_of(at(0.2))).behind == pytest.approx([hidden])
    assert seen(edge(1.0, thick=30.0), path_of(at(0.2))).worst_behind > 2.9 * hidden


def test_past_the_photo_each_side_is_counted_for_itself() -> None:
    turned = pose(rotation_about("y", 5.0), np.zeros(3))
    back = pose(rotation_about("y", -5.0), np.zeros(3))
    made_up = seen(edge(1.0), path_of(turned, back))
    sides = {int(frame.argmax()) for frame in made_up.past}
    assert sides == {0, 2}
    shown = 300 * np.tan(np.radians(5)) / WIDTH
    assert made_up.past.max(axis=1) == pytest.approx([shown, shown], rel=0.3)
    # What the photo shows around its frame is not made up.
    assert seen(edge(1.0), path_of(turned, back), Margins(60, 20, 60, 20)).worst_past == 0


def test_plain_things_count_less() -> None:
    turned = path_of(pose(rotation_about("y", 5.0), np.zeros(3)))
    plain = invention(edge(1.0), 0.1 * RIM, Margins(), GEOMETRY, turned)
    busy = invention(edge(1.0), RIM, Margins(), GEOMETRY, turned)
    assert plain.worst_past == pytest.approx(0.1 * busy.worst_past)
