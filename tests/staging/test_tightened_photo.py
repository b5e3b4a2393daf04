"""A photo shown larger under a move, so that what lies past its edges stays out of sight."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dynascene_cli.geometry import project
from dynascene_cli.pipeline.canvas import CanvasPlan
from dynascene_cli.pipeline.request import SceneRequest
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.pipeline.tightened_photo import MOST_TIGHTENED, SPARE, tighten, tightening
from dynascene_cli.projection import Invention, MarginsPlan
from dynascene_cli.scene import guess_geometry
from dynascene_cli.scene.surroundings import Surroundings
from dynascene_cli.shot import Image, Margins, SceneGeometry
from dynascene_cli.video import cover_window, cover_with_room, room_around, write_image

WIDTH, HEIGHT = 400, 240
GEOMETRY = SceneGeometry(
    width=WIDTH,
    height=HEIGHT,
    focal=380.0,
    horizon=96.0,
    roll_deg=0.0,
    camera_height=1.6,
    sky_confidence=0.0,
    ground_share=0.5,
    interior=False,
)


def seen(
    reach: tuple[float, float, float, float], noticed: float = 0.02, room: Margins = Margins()
) -> CanvasPlan:
    """What a path sees that reaches so far past the frame, where that is noticed so much."""
    past = np.where(np.array(reach) > 0, noticed, 0.0)[None]
    plan = MarginsPlan(Margins(), reach, 0.0, 0.0, 0.0, 1.0, ())
    return CanvasPlan(plan, Invention(np.zeros(1, np.int64), np.zeros(1), past), room, 25.0)


def test_a_photo_is_as_much_larger_as_its_side_lacks() -> None:
    larger = tightening(seen((20, 0, 0, 0)), GEOMETRY)
    assert larger is not None
    lacking = 20 + SPARE * WIDTH
    assert larger.zoom == pytest.approx(WIDTH / (WIDTH - lacking))
    # All of what is gained lies at that side, and the horizon stays where it was.
    assert larger.left == pytest.approx((larger.zoom - 1) * WIDTH)
    assert larger.top == pytest.approx((larger.zoom - 1) * GEOMETRY.horizon)


def test_a_photo_is_no_more_than_a_little_larger() -> None:
    larger = tightening(seen((90, 0, 30, 0)), GEOMETRY)
    assert larger is not None
    assert larger.zoom == pytest.approx(MOST_TIGHTENED)
    gained = (MOST_TIGHTENED - 1) * WIDTH
    assert larger.left == pytest.approx(gained * (90 + SPARE * WIDTH) / (120 + 2 * SPARE * WIDTH))


@pytest.mark.parametrize(
    "canvas",
    [
        seen((0, 0, 0, 0)),
        seen((0, 30, 0, 0), noticed=0.001),
        seen((30, 0, 0, 0), room=Margins(left=30)),
    ],
)
def test_a_photo_that_lacks_nothing_stays(canvas: CanvasPlan) -> None:
    assert tightening(canvas, GEOMETRY) is None


def gradient(width: int, height: int) -> Image:
    """A picture that tells by its colour where in it one is, to one in 255."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return np.dstack([x / width * 255, y / height * 255, 0 * x]).astype(np.uint8)


def test_a_larger_photo_is_the_same_place(tmp_path: Path) -> None:
    whole = gradient(900, 480)
    write_image(tmp_path / "photo.png", whole)
    size = WIDTH, HEIGHT
    window = cover_window((900, 480), size)
    room = room_around((900, 480), size, window)
    frame = cover_with_room(whole, size, window, Margins())
    guess = guess_geometry(frame, horizon=0.4, roll_deg=2.0, camera_height=1.6)
    guess.ground[100:, 150:] = True
    place = Place(
        photo=frame,
        photo_size=(900, 480),
        window=window,
        guess=guess,
        people=guess.ground,
        surroundings=Surroundings(room, lambda: whole),
        depth=np.arange(WIDTH * HEIGHT, dtype=np.float32).reshape(HEIGHT, WIDTH),
        camera_height_given=False,
        key="read",
        depends_on={"photo": "a"},
        warnings=(),
    )
    larger = tightening(seen((20, 0, 0, 12)), guess.geometry)
    assert larger is not None
    tight = tighten(SceneRequest(photo=tmp_path / "photo.png"), place, larger, size)
    points = np.array([[-1.0, 1.0, 6.0], [0.5, 1.6, 5.0], [1.5, -0.5, 9.0]])
    was, now = (
        project(shown.guess.geometry.intrinsics, shown.guess.geometry.extrinsics, points)
        for shown in (place, tight)
    )
    assert now == pytest.approx(larger.zoom * was - [larger.left, larger.top])
    for before, after in zip(was.astype(int), now.astype(int), strict=True):
        if (after >= 0).all() and (after < size).all():
            colours = frame[before[1], before[0]], tight.photo[after[1], after[0]]
            assert np.abs(colours[0].astype(int) - colours[1]).max() <= 2
    rows, columns = np.array([30, 120, 200]), np.array([40, 200, 380])
    x = ((columns + 0.5 + larger.left) / larger.zoom).astype(int)
    y = ((rows + 0.5 + larger.top) / larger.zoom).astype(int)
    assert tight.depth is not None
    assert (tight.depth[rows, columns] == place.depth[y, x]).all()
    assert (tight.guess.ground[rows, columns] == guess.ground[y, x]).all()
    # What the frame no longer shows is the photo around it.
    grown = tight.surroundings.room
    assert grown.left == int(larger.zoom * window.left + larger.left)
    assert tight.key != place.key
    assert replace(tight.guess.viewpoint, row=0.0, row_spread=0.0) == replace(
        guess.viewpoint, row=0.0, row_spread=0.0
    )


def test_what_is_still_made_up_is_told_by_its_side_and_time() -> None:
    past = np.zeros((4, 4))
    past[2:, 0] = 0.012, 0.016
    frames = np.array([0, 10, 20, 30])
    plan = MarginsPlan(Margins(), (30, 0, 0, 0), 0.0, 0.0, 0.0, 1.0, ())
    told = CanvasPlan(plan, Invention(frames, np.zeros(4), past), Margins(), 10.0).warnings
    assert len(told) == 1
    assert told[0].startswith("the camera sees past the photo, left of it (2.0–3.0 s)")
    assert "--move-strength" in told[0]
    quiet = CanvasPlan(plan, Invention(frames, np.zeros(4), past / 2), Margins(), 10.0)
    assert quiet.warnings == ()
