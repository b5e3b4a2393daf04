"""What a matte cannot be trusted in is told with its time, and limbs are neither glass nor lost."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from dynascene_cli.commands.demo import MEDIA as DEMO_MEDIA
from dynascene_cli.inference.object_detector import COCO
from dynascene_cli.matting import matte_warnings
from dynascene_cli.matting.faded_parts import decide_faded_parts
from dynascene_cli.matting.foreign_colours import foreign_share
from dynascene_cli.matting.fusion import attached_part, share_at_once
from dynascene_cli.matting.pose import SIDE, Pose
from dynascene_cli.matting.pose_tracking import NOWHERE, PersonView, cut_by_frame
from dynascene_cli.video import open_clip, open_sink, read_frames

COUNT = 3
MAGENTA = (230, 0, 150)


@pytest.fixture(scope="module")
def gymnast():
    """A few frames of a whole person on a floor."""
    small = [frame[::2, ::2] for frame in read_frames(open_clip(DEMO_MEDIA / "gym.mp4"), 0, COUNT)]
    return np.stack(small)


def lettering(frame, feet):
    """The frame with bold strokes all along the floor, over the feet (row, column) too."""
    row, column = feet
    drawn = frame.copy()
    for x in range(column % 60, frame.shape[1], 60):
        cv2.rectangle(drawn, (x - 14, row - 22), (x + 14, row), MAGENTA, 7)
    return drawn


def matted(dynascene, path, frames):
    with open_sink(
        path, width=frames[0].shape[1], height=frames[0].shape[0], frame_rate=Fraction(24)
    ) as out:
        for frame in frames:
            out.write(np.ascontiguousarray(frame))
    run = dynascene("matte", path, "-o", path.parent / "alpha.%03d.png", "--json")
    assert run.code == 0, run.err
    alpha = cv2.imread(str(path.parent / "alpha.001.png"), cv2.IMREAD_GRAYSCALE)
    return alpha, run.json["warnings"]


def test_lettering_over_the_shoes_is_painted_over_and_told(dynascene, tmp_path, gymnast):
    (tmp_path / "plain").mkdir()
    alpha, warnings = matted(dynascene, tmp_path / "plain" / "clip.mp4", gymnast)
    assert not any("lettering" in told for told in warnings)
    row = int(np.flatnonzero((alpha > 127).any(axis=1))[-1])
    column = int(np.flatnonzero(alpha[row - 3] > 127).mean())
    drawn = np.stack([lettering(frame, (row, column)) for frame in gymnast])
    assert foreign_share(drawn[0], alpha) > 0.008
    _, warnings = matted(dynascene, tmp_path / "clip.mp4", drawn)
    assert any("lettering" in told and "--matte-fixes" in told for told in warnings)
    cut_out = tmp_path / "person.mov"
    run = dynascene("matte", tmp_path / "clip.mp4", "-o", cut_out, "--json")
    assert run.code == 0, run.err
    shown = next(read_frames(open_clip(cut_out)))
    person = alpha > 200
    magenta = (np.abs(shown.astype(int) - MAGENTA).max(axis=2) < 60) & person
    assert magenta.sum() < 0.001 * person.sum()
    assert ((np.abs(drawn[0].astype(int) - MAGENTA).max(axis=2) < 60) & person).sum() > 20


def notes(count, **noted):
    """What is noted of a good matte, but for what is ``noted``."""
    still = np.zeros(count)
    good = {
        "found": np.ones(count, bool),
        "filled": np.zeros(count, bool),
        "area": np.full(count, 0.1),
        "faded": still,
        "completed": np.zeros(count, bool),
        "came": still,
        "foreign": still,
        "held": np.full((count, 3), -1),
        "lettering": np.full((count, 4, 5), np.nan),
    }
    return {**good, **{name: np.array(values) for name, values in noted.items()}}


def test_what_hides_the_person_is_told_once():
    completed = np.arange(12) // 4 == 1
    area = np.where(completed, 0.02, 0.1)
    noted = notes(12, area=area, filled=completed, found=~completed, faded=0.3 * completed)
    (told,) = matte_warnings({**noted, "completed": completed}, 10.0)
    assert "hides the person in part at 0.40–0.70 s" in told


def test_nothing_is_told_of_a_good_matte():
    assert list(matte_warnings(notes(4), 24.0)) == []


def test_frames_with_faded_parts_are_told_with_what_is_held():
    held = np.full((4, 3), -1)
    held[2, 0] = COCO["tennis racket"]
    (told,) = matte_warnings(notes(4, faded=[0.0, 0.09, 0.08, 0.01], held=held), 10.0)
    assert "0.10–0.20 s" in told and "tennis racket" in told and "--matte-fixes" in told


def test_a_matte_that_begins_incomplete_names_the_later_start():
    (told,) = matte_warnings(notes(6, came=[0.0, 0.16, 0.12, 0.0, 0.3, 0.0]), 25.0)
    assert "before 0.08 s" in told and "--start" in told


def test_frames_that_fail_or_lose_the_person_are_left_out_by_the_longer_end():
    found = np.array([True] * 5 + [False] + [True] * 2)
    (told,) = matte_warnings(notes(8, found=found), 10.0)
    assert told == "the person is lost from 0.50 s to 0.60 s; end the shot after 0.50 s (--end)"
    filled = [True, False, False, False]
    (told,) = matte_warnings(notes(4, filled=filled), 10.0)
    assert told.endswith("check it, or begin the shot 0.10 s later (--start)")


def test_somebody_who_passes_behind_a_tree_is_left_out_from_where_parts_are_missing():
    area = [0.1] * 6 + [0.06, 0.01, 0.04, 0.09, 0.05, 0.1]
    filled = np.arange(12) == 7
    (told,) = matte_warnings(notes(12, area=area, filled=filled), 10.0)
    assert told.startswith("the matte fails at 0.70 s and")
    assert "or end the shot after 0.60 s (--end)" in told
    assert told.endswith("missing, or hidden by something, at 0.60–1.00 s")
    assert list(matte_warnings(notes(12, area=area), 10.0)) == []


def test_ground_at_the_feet_is_told_by_most_frames_that_were_looked_at():
    looked = [0.017, np.nan, 0.0, 0.018]
    (told,) = matte_warnings(notes(4, foreign=looked), 24.0)
    assert "feet" in told


def test_a_half_transparent_limb_becomes_solid_and_a_soft_edge_stays():
    alpha = np.zeros((400, 300), np.uint8)
    cv2.rectangle(alpha, (100, 40), (200, 360), 255, -1)
    edge = cv2.GaussianBlur(alpha, (0, 0), 2)
    assert decide_faded_parts(edge)[1] == 0
    np.testing.assert_array_equal(decide_faded_parts(edge)[0], edge)
    limb = edge.copy()
    cv2.rectangle(limb, (202, 150), (260, 190), 130, -1)
    decided, share = decide_faded_parts(limb)
    assert share > 0.04
    assert (decided[160:180, 215:250] == 255).all()
    ghost = edge.copy()
    cv2.rectangle(ghost, (202, 150), (260, 190), 50, -1)
    assert (decide_faded_parts(ghost)[0][160:180, 215:250] == 0).all()


def test_what_reaches_out_of_the_box_is_taken_if_two_networks_mean_it_and_it_is_limbs():
    body, both = np.zeros((2, 100, 100), np.float32)
    body[10:90, 10:60] = 1
    both[20:80, 20:60] = 1
    both[30:40, 60:90] = 1
    both[5:8, 80:95] = 1
    attached = attached_part(both, both, body)
    assert attached[35, 80] and not attached[6, 90]
    assert not attached_part(both, np.zeros_like(both), body).any()
    both[:, 60:] = 1
    assert not attached_part(both, both, body).any()


def test_only_what_is_far_from_the_last_mask_came_at_once():
    before, after = np.zeros((2, 100, 100), np.float32)
    before[20:80, 20:60] = 1
    after[20:80, 22:62] = 1
    assert share_at_once(after, before) == 0
    after[30:40, 62:92] = 1
    assert 0.05 < share_at_once(after, before) < 0.15


def seen(points, visibility=1.0):
    crop = np.array([100.0, 100.0, 250.0, 0.0])
    blank = np.zeros((SIDE, SIDE), np.float32)
    image = np.zeros((SIDE, SIDE, 3), np.uint8)
    return Pose(crop, points, np.full(len(points), visibility), 1.0, blank, image)


def test_a_hand_past_the_side_leaves_a_whole_body_and_a_hidden_leg_does_not():
    points = np.random.default_rng(0).uniform(60, 140, (39, 2))
    box = np.array([40.0, 30.0, 200.0, 170.0])
    view = PersonView(seen(points), None, box, True, 0, np.zeros((0, 4)), None)
    assert cut_by_frame(view, 200, 200) == 0
    low = replace(view, box=np.array([40.0, 30.0, 160.0, 200.0]))
    assert cut_by_frame(low, 200, 200) == 1
    points[25] = [205.0, 120.0]
    assert cut_by_frame(replace(view, pose=seen(points)), 200, 200) == 1
    assert cut_by_frame(replace(view, pose=None, box=NOWHERE), 200, 200) == 1
