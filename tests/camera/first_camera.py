"""The shot's first camera, a person before it, and moves made from there."""

from fractions import Fraction

import numpy as np

from dynascene_cli.camera import Reference, load_move, sample
from dynascene_cli.geometry import pose_from_centre, rotation_about

RATE = Fraction(24)
FRAMES = 49
CAMERA_HEIGHT = 1.6
SUBJECT = np.array([0.7, CAMERA_HEIGHT, 4.0])
HEAD = SUBJECT - [0, 1.75, 0]
DISTANCE = float(np.linalg.norm(SUBJECT))


def reference(roll=0.0, yaw=0.0, at=(0.0, 0.0, 0.0)):
    """A camera that faces ``yaw``, with the subject where it is for yaw 0 at the origin."""
    turn = rotation_about("y", yaw)
    return Reference(
        intrinsics=np.array([[960.0, 0, 480], [0, 960, 250], [0, 0, 1]]),
        extrinsics=pose_from_centre(turn @ rotation_about("z", roll), at),
        width=960,
        height=540,
        subject_distance=DISTANCE,
        subject=turn @ SUBJECT + at,
        scene_depth=9.0,
        camera_height=CAMERA_HEIGHT,
    )


def moved(text, amount=1.0, seed=None, place=None):
    return sample(load_move(text), place or reference(), FRAMES, RATE, amount, seed)
