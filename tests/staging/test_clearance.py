from fractions import Fraction

import numpy as np
import pytest

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import pose_from_centre
from dynascene_cli.shot import CameraPath
from dynascene_cli.staging.clearance import check_path, path_problems

SUBJECT = np.array([0.5, 1.6, 4.0])


def path(*centres):
    count = len(centres)
    return CameraPath(
        intrinsics=np.repeat(np.diag([100.0, 100, 1])[None], count, axis=0),
        extrinsics=pose_from_centre(np.repeat(np.eye(3)[None], count, axis=0), centres),
        width=100,
        height=100,
        frame_rate=Fraction(2),
        unit="metres",
    )


def test_a_path_that_keeps_clear_has_no_problems():
    clear = path([0, 0, 0], [0, 1.43, 0], [0.5, 0, 2.79])
    assert path_problems(clear, SUBJECT, 1.6, 4.0) == ()
    check_path(clear, SUBJECT, 1.6, 4.0)


def test_each_obstacle_is_told_once_with_the_first_time():
    through = path([0, 0, 0], [0, 1.5, 0], [0, 1.7, 0], [0.5, 0, 3.0], [0.5, 0, 3.9])
    ground, person = path_problems(through, SUBJECT, 1.6, 4.0)
    assert (ground.obstacle, ground.frame, ground.seconds) == ("ground", 1, 0.5)
    assert ground.distance == pytest.approx(0.1)
    assert ground.needed == pytest.approx(0.16)
    assert (person.obstacle, person.frame, person.seconds) == ("person", 3, 1.5)
    assert person.distance == pytest.approx(1.0)
    assert person.needed == pytest.approx(1.2)


def test_a_camera_that_jumps_through_the_person_between_frames_is_caught():
    (problem,) = path_problems(path([0.5, 0, 0], [0.5, 0, 8.0]), SUBJECT, 1.6, 4.0)
    assert (problem.obstacle, problem.frame) == ("person", 1)
    assert problem.distance == pytest.approx(0)


def test_a_person_who_moves_takes_the_line_they_must_be_kept_clear_of_along():
    beside = SUBJECT + np.outer([0, 3, 6], [1, 0, 0])
    trucks = path([0, 0, 0], [3, 0, 2.5], [6, 0, 2.7])
    assert path_problems(trucks, beside, 1.6, 4.0) == ()
    (problem,) = path_problems(path([0, 0, 0], [3, 0, 2.5], [6, 0, 3.0]), beside, 1.6, 4.0)
    assert (problem.obstacle, problem.frame) == ("person", 2)
    assert problem.distance == pytest.approx(np.hypot(0.5, 1.0))


def test_a_person_who_comes_up_to_a_still_camera_is_no_fault_of_it():
    coming = np.array([0, 1.6, 4.0]) - np.linspace([0, 0, 0], [0, 0, 3.6], 5)
    still = path(*[[0, 0, 0]] * 5)
    assert path_problems(still, coming, 1.6, 4.0) == ()
    meets = path(*np.linspace([0, 0, 0], [0, 0, 0.35], 5))
    (problem,) = path_problems(meets, coming, 1.6, 4.0)
    assert (problem.frame, problem.needed) == (4, pytest.approx(0.12))


@pytest.mark.parametrize(
    ("centres", "message", "hint"),
    [
        (
            [[0, 0, 0], [0, 1.5, 0]],
            "dive.json: the camera comes within 0.10 m of the ground at 0.50 s",
            "keep 0.16 m away, or lower --move-strength",
        ),
        (
            [[0, 0, 0], [0, 2.0, 0]],
            "dive.json: the camera goes through the ground at 0.50 s",
            "keep 0.16 m away, or lower --move-strength",
        ),
        (
            [[0, 0, 0], [0.5, 0, 3.5]],
            "dive.json: the camera comes within 0.50 m of the person at 0.50 s",
            "keep 1.20 m away, or lower --move-strength",
        ),
    ],
)
def test_a_check_names_the_file_the_obstacle_and_the_time(centres, message, hint):
    with pytest.raises(InputError) as told:
        check_path(path(*centres), SUBJECT, 1.6, 4.0, "dive.json")
    assert (told.value.message, told.value.hint) == (message, hint)
