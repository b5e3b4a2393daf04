"""The person at the photo's own pose: framing, believable size, --position, cut edges."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from stick_figure import FPS, Motion, moved, photo, seen, standing, still, tracks, walking

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import project
from dynascene_cli.shot import CameraPath, SceneGeometry
from dynascene_cli.staging import Stance, Standing, StandingGround, contact_points, stance
from dynascene_cli.staging.billboard import apply_similarity

FILMED = photo(horizon=250.0)


def staged_in(
    scene: SceneGeometry,
    motion: Motion | None = None,
    noise: float = 0.0,
    ground: StandingGround | None = None,
    **options: Any,
) -> Stance:
    motion = motion or standing()
    person = tracks(motion, FILMED, noise)
    filmed = still(FILMED, len(motion.feet))
    return stance(person, filmed, scene, Standing(**options), ground=ground)


def foot(stands: Stance, frame: int = 0) -> tuple[float, float]:
    x, y = apply_similarity(stands.clip_to_frame[frame], stands.contacts.points[frame])
    return float(x), float(y)


def tall(stands: Stance) -> float:
    return float(stands.contacts.heights[0] * stands.clip_to_frame[0, 0, 0])


def on_the_ground(stands: Stance, scene: SceneGeometry) -> float:
    """The camera height that the person's size and place imply, over the photo's own."""
    below = foot(stands)[1] - scene.horizon
    return stands.height * below / tall(stands) / scene.camera_height


def test_the_clips_framing_is_kept_where_it_fits_the_photos_ground() -> None:
    stands = staged_in(FILMED)
    np.testing.assert_array_equal(stands.clip_to_frame, np.eye(2, 3)[None].repeat(75, axis=0))
    assert stands.geometry.camera_height == 1.5
    np.testing.assert_allclose(stands.contact[0], [0.3, 1.5, 5.0], rtol=2e-3)
    assert stands.subject_distance == pytest.approx(np.hypot(0.3, 5.0), rel=2e-3)
    assert stands.warnings == ()


def test_a_taller_person_is_shown_taller() -> None:
    small, large = (staged_in(FILMED, person_height=metres) for metres in (1.2, 2.0))
    assert on_the_ground(small, FILMED) == pytest.approx(1, rel=2e-3)
    assert on_the_ground(large, FILMED) == pytest.approx(1, rel=2e-3)
    assert small.height == 1.2


@pytest.mark.parametrize("camera_height", [0.6, 1.0, 2.4, 4.0])
@pytest.mark.parametrize("horizon", [-200.0, 100.0, 250.0, 560.0])
def test_the_photos_ground_decides_the_size(horizon: float, camera_height: float) -> None:
    place = photo(horizon=horizon, camera_height=camera_height)
    stands = staged_in(place)
    assert stands.geometry.camera_height == camera_height
    assert on_the_ground(stands, place) == pytest.approx(1, rel=0.1)
    assert foot(stands)[1] <= 0.985 * place.height


@pytest.mark.parametrize("camera_height", [1.0, 2.4])
def test_toes_below_the_contact_stay_in_the_picture(camera_height: float) -> None:
    motion = standing()
    person = tracks(motion, FILMED, 0.0)
    toes = person.boxes + np.array([0.0, 0.0, 0.0, 30.0])
    place = photo(horizon=400.0, camera_height=camera_height)
    filmed = still(FILMED, len(motion.feet))
    stands = stance(replace(person, boxes=toes), filmed, place, Standing())
    lowest = apply_similarity(stands.clip_to_frame, toes[:, [0, 3]])[:, 1]
    assert lowest.max() <= 0.985 * place.height + 1


def test_a_person_shown_at_another_size_is_told() -> None:
    (told,) = staged_in(photo(horizon=560.0)).warnings
    assert "% of the size they were filmed at" in told and "--camera-height" in told


def test_feet_filmed_above_the_horizon_come_down_to_the_ground() -> None:
    stands = staged_in(photo(horizon=680.0))
    assert foot(stands)[1] > 680
    assert tall(stands) < 0.5 * stands.contacts.heights[0]


def free(*columns: tuple[float, float]) -> StandingGround:
    """Ground that is free between shares of the width, and water elsewhere."""
    mask = np.zeros((720, 1280), bool)
    for left, right in columns:
        mask[260:, round(left * 1280) : round(right * 1280)] = True
    return StandingGround.of(mask, lambda x, y: "water")


def test_the_nearest_free_ground_is_taken() -> None:
    stands = staged_in(FILMED, ground=free((0.0, 0.2), (0.7, 1.0)))
    x, _ = foot(stands)
    assert 0.7 * 1280 < x < 0.85 * 1280
    assert on_the_ground(stands, FILMED) == pytest.approx(1, rel=2e-3)
    assert not any("stands on" in warning for warning in stands.warnings)


def astride(wide: float, ground: StandingGround) -> Stance:
    """Somebody whose feet are so many pixels apart about their contact."""
    person = tracks(standing(), FILMED)
    (x, _), _ = contact_points(person, still(FILMED, 75)).points[[0, 0]]
    bases = np.tile([x - wide / 2, x + wide / 2], (75, 1))
    return stance(
        replace(person, bases=bases), still(FILMED, 75), FILMED, Standing(), ground=ground
    )


def test_free_ground_is_as_wide_as_what_the_person_stands_on() -> None:
    x, _ = foot(staged_in(FILMED))
    ground = free((0.0, (x + 60) / 1280))
    assert foot(astride(60.0, ground))[0] == pytest.approx(x)
    aside = foot(astride(200.0, ground))[0]
    assert aside < x and aside + 100 < x + 60


def test_who_nothing_bears_throughout_stands_where_they_mostly_are_borne() -> None:
    """A slab of stone bears the soles, but not a step around them."""
    low = photo(horizon=250.0, camera_height=0.4)
    mask = np.zeros((720, 1280), bool)
    mask[318:336, 365:403] = True
    stands = staged_in(low, ground=StandingGround.of(mask, lambda x, y: "water"))
    assert stands.footing == "occupied"
    assert foot(stands)[0] == pytest.approx(0.3 * 1280)
    assert foot(stands)[0] != foot(staged_in(low, ground=free()))[0]


def test_without_free_ground_the_person_stands_in_front_of_what_there_is() -> None:
    stands = staged_in(FILMED, ground=free())
    assert stands.footing == "in front"
    assert foot(stands)[1] > FILMED.height
    assert 0 < foot(stands)[1] - tall(stands) < 0.5 * FILMED.height
    assert on_the_ground(stands, FILMED) == pytest.approx(1, rel=2e-3)
    (told,) = stands.warnings
    assert "but water: they stand in front of it" in told


def test_a_side_that_the_clip_cuts_stays_outside_in_front_too() -> None:
    stands = staged_in(FILMED, standing(x=2.3), ground=free())
    assert stands.contacts.cut_edges == (False, False, True, False)
    assert stands.footing == "in front"
    assert foot(stands)[1] > FILMED.height
    right, _ = apply_similarity(stands.clip_to_frame[0], np.array([1280.0, 0.0]))
    assert right >= FILMED.width - 1e-6


def test_who_cannot_stand_in_front_is_told_to_stand_on_water() -> None:
    """A camera near the ground would see them there as a giant without a head."""
    stands = staged_in(photo(horizon=250.0, camera_height=0.4), ground=free())
    assert stands.footing == "occupied"
    assert any("the person stands on water" in warning for warning in stands.warnings)


def test_who_would_be_a_speck_on_far_ground_stands_in_front() -> None:
    mask = np.zeros((720, 1280), bool)
    mask[260:300] = True
    far = StandingGround.of(mask, lambda x, y: "a vehicle")
    assert staged_in(FILMED, ground=far).footing == "in front"


def test_nobody_is_drawn_over_who_is_nearer() -> None:
    """Somebody whose feet are lower in the picture stands where the person was filmed."""
    x, y = foot(staged_in(FILMED, ground=free((0.0, 1.0))))
    nearer = np.full((720, 1280), -1, np.int32)
    nearer[300:700, round(x) - 60 : round(x) + 60] = 700
    ground = replace(free((0.0, 1.0)), feet_rows=nearer)
    aside, below = foot(staged_in(FILMED, ground=ground))
    assert abs(aside - x) > 60 or below > 700 - 0.02 * 720
    farther = replace(ground, feet_rows=np.minimum(nearer, round(y)))
    assert foot(staged_in(FILMED, ground=farther)) == pytest.approx((x, y))


def test_a_move_sends_nobody_behind_who_is_nearer() -> None:
    ground = replace(free((0.0, 1.0)), feet_rows=np.full((720, 1280), -1, np.int32))
    assert ground.feet_rows is not None
    kept = staged_in(FILMED, ground=ground)
    away = staged_in(FILMED, ground=ground, room=0.25)
    assert tall(away) == pytest.approx(0.75 * tall(kept))
    ground.feet_rows[: round(foot(away)[1]) - 20] = round(foot(away)[1]) + 40
    assert tall(staged_in(FILMED, ground=ground, room=0.25)) == pytest.approx(tall(kept))


def test_the_clips_own_camera_tells_of_what_it_walks_people_over() -> None:
    wet = free((0.0, 0.5)).occupied_at(np.array([[2000.0, 600.0], [200.0, 600.0], [900.0, 600.0]]))
    assert wet == "water"
    assert free((0.0, 0.5)).occupied_at(np.array([[200.0, 600.0]])) is None


def test_a_position_on_water_is_told() -> None:
    ground = free((0.0, 0.5))
    wet = staged_in(FILMED, ground=ground, position=(0.75, 0.8))
    dry = staged_in(FILMED, ground=ground, position=(0.25, 0.8))
    assert any("stands on water" in warning for warning in wet.warnings)
    assert not any("stands on" in warning for warning in dry.warnings)


def test_a_whole_walk_stays_on_free_ground() -> None:
    walk = walking((1, 0), (0.0, 8.0), frames=30)
    stands = staged_in(FILMED, walk, ground=free((0.0, 0.45), (0.55, 1.0)))
    feet = np.array([foot(stands, frame)[0] for frame in range(0, len(walk.feet), 5)])
    assert (feet < 0.45 * 1280).all() or (feet > 0.55 * 1280).all()


def test_place_moves_the_first_contact_and_the_size_follows_the_ground() -> None:
    kept = staged_in(FILMED)
    stands = staged_in(FILMED, position=(0.25, 0.6))
    assert foot(stands) == pytest.approx((0.25 * 1280, 0.6 * 720), abs=0.01)
    assert tall(stands) / tall(kept) == pytest.approx((432 - 250) / (foot(kept)[1] - 250), rel=1e-6)


def test_place_follows_a_rolled_horizon() -> None:
    rolled = photo(horizon=300.0, roll_deg=4.0)
    left, right = (staged_in(rolled, position=(x, 0.8)) for x in (0.1, 0.9))
    ends = seen(rolled, np.array([[-4000.0, 1.5, 5000.0], [4000.0, 1.5, 5000.0]]))
    falls_to_the_right = ends[1, 1] > ends[0, 1]
    assert (tall(left) > tall(right)) == falls_to_the_right
    for stands in (left, right):
        top = project(
            rolled.intrinsics,
            rolled.extrinsics,
            stands.contact[0] - np.array([0, stands.height, 0]),
        )
        length = np.linalg.norm(top - foot(stands))
        assert length == pytest.approx(tall(stands), rel=0.01)


@pytest.mark.parametrize("place", [(0.5, 0.2), (0.5, 0.347)])
def test_place_in_the_sky_is_refused(place: tuple[float, float]) -> None:
    with pytest.raises(InputError, match=r"--position 0\.5,0\.3?.*horizon is at 0\.35"):
        staged_in(FILMED, position=place)


def test_a_person_anchored_to_the_screen_is_not_placed() -> None:
    with pytest.raises(InputError, match="--person-anchor screen"):
        staged_in(FILMED, position=(0.5, 0.9), anchor="screen")


def test_no_person_is_five_metres_tall() -> None:
    with pytest.raises(InputError, match="--person-height 5"):
        staged_in(FILMED, person_height=5)


def test_another_size_keeps_the_clips_height_and_the_person_in_the_picture() -> None:
    portrait = replace(FILMED, width=405, height=720, focal=405.0)
    stands = staged_in(portrait, standing(x=1.5))
    assert stands.clip_to_frame[0, 0, 0] == 1.0
    assert 0.05 * 405 < foot(stands)[0] < 0.95 * 405
    half = replace(FILMED, width=640, height=360, focal=640.0, horizon=125.0)
    np.testing.assert_allclose(staged_in(half).clip_to_frame[0], np.eye(2, 3) / 2)


@pytest.mark.parametrize(
    "horizon, place",
    [(row, None) for row in (250.0, 400.0, 600.0, 900.0)]
    + [(row, (0.4, 0.95)) for row in (250.0, 400.0, 600.0)]
    + [(row, (0.6, 1.4)) for row in (250.0, 400.0, 600.0, 900.0)],
)
def test_a_cut_below_stays_below_the_frame(
    horizon: float, place: tuple[float, float] | None
) -> None:
    stands = staged_in(photo(horizon=horizon), standing(z=2.0), position=place)
    assert stands.contacts.cut_edges == (False, False, False, True)
    assert apply_similarity(stands.clip_to_frame[0], np.array([0.0, 720.0]))[1] >= 720 - 1e-6


def test_room_leaves_a_cut_outside_by_a_share_of_the_frame() -> None:
    kept, roomy = (staged_in(FILMED, standing(z=2.0), room=room) for room in (0.0, 0.05))
    edge = apply_similarity(roomy.clip_to_frame[0], np.array([0.0, 720.0]))[1]
    assert edge == pytest.approx(1.05 * 720)
    assert roomy.geometry.camera_height == pytest.approx(kept.geometry.camera_height)
    assert roomy.clip_to_frame[0, 0, 0] == kept.clip_to_frame[0, 0, 0]
    assert roomy.subject_distance == pytest.approx(kept.subject_distance)


def test_noise_never_moves_the_clip_itself() -> None:
    stands = staged_in(FILMED, walking((0, 1), (0.2, 4.5)), noise=1.5)
    assert np.ptp(stands.clip_to_frame, axis=0).max() == 0
    assert stands.contact[-1, 2] > stands.contact[0, 2] + 3
    np.testing.assert_allclose(stands.contact[:, 1], stands.geometry.camera_height)


def test_walking_up_to_the_horizon_is_told_with_its_times() -> None:
    stands = staged_in(FILMED, walking((0, 1), (0.2, 5.0), frames=560), position=(0.5, 0.5))
    assert any("horizon" in warning for warning in stands.warnings)
    assert np.isfinite(stands.contact).all()


def test_a_filmed_camera_in_unknown_units_is_refused() -> None:
    path = moved(FILMED, 75, "truck")
    person = tracks(standing(), FILMED)
    with pytest.raises(InputError, match="unknown lengths"):
        stance(person, path, FILMED)


def test_a_still_filmed_camera_needs_no_unit() -> None:
    path = CameraPath(
        np.repeat(FILMED.intrinsics[None], 75, axis=0),
        np.repeat(np.eye(3, 4)[None], 75, axis=0),
        1280,
        720,
        Fraction(FPS),
        "scene_depth",
    )
    assert stance(tracks(standing(), FILMED), path, FILMED).warnings == ()


def test_what_most_of_the_way_leads_over_is_named() -> None:
    def named(x: int, y: int) -> str:
        return "somebody" if x < 100 else "water"

    ground = StandingGround.of(np.zeros((200, 400), bool), named)
    way = np.stack([np.linspace(50, 390, 9), np.full(9, 150.0)], axis=1)
    assert ground.what_is_at(way[0]) == "somebody"
    assert ground.mostly_under(way) == "water"
    assert ground.mostly_under(way + 1000.0) is None
    free = StandingGround.of(np.ones((200, 400), bool), named)
    assert free.mostly_under(way) is None
