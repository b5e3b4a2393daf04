"""A keyframe put into a move is where the camera passes anyway."""

from fractions import Fraction

import numpy as np
import pytest

from dynascene_cli.camera import load_move
from dynascene_cli.camera.moves.evaluate import Surroundings, evaluate_motion
from dynascene_cli.camera.moves.files import preset_names
from dynascene_cli.camera.moves.insertion import insert_keyframe
from dynascene_cli.errors import InputError

AROUND = Surroundings(np.array([0.5, 1.6, 4.0]), 4.0, 6.0, np.eye(3), 800.0, 1280)


def poses(move, times):
    motion = evaluate_motion([move], AROUND, np.array(times), 2 * np.array(times))
    return np.concatenate(
        [motion.position, motion.rotation.reshape(-1, 9), motion.focal_ratio[:, None]], axis=1
    )


@pytest.mark.parametrize("name", preset_names())
def test_the_camera_is_where_it_was_at_every_keyframe(name):
    (move,) = load_move(name)
    time = float(Fraction(3, 8))
    added = insert_keyframe(move, time)
    assert len(added.keyframes) == len(move.keyframes) + 1
    times = [key.time for key in added.keyframes]
    assert times == sorted(times)
    np.testing.assert_allclose(poses(added, times), poses(move, times), atol=1e-9)


def test_two_keyframes_at_one_time_are_refused():
    (move,) = load_move("dolly-in")
    for time in (0.0, 1.0, -0.5):
        with pytest.raises(InputError, match="already"):
            insert_keyframe(move, time)
