"""A camera path part of the way from one to another."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynascene_cli.camera.moves.path_interpolation import interpolate_paths
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import centre, pose_from_centre, rotation_about
from dynascene_cli.shot import CameraPath


def path(turn: float, reach: float, focal: float, frames: int = 5) -> CameraPath:
    u = np.linspace(0, 1, frames)
    turns = np.stack([rotation_about("y", turn * a) for a in u])
    lens = np.array([[focal, 0, 32], [0, focal, 24], [0, 0, 1]])
    return CameraPath(
        np.repeat(lens[None], frames, axis=0),
        pose_from_centre(turns, u[:, None] * [reach, 0, 2 * reach]),
        64,
        48,
        Fraction(25),
        "metres",
    )


@given(
    share=st.floats(0, 1),
    turns=st.tuples(st.floats(-60, 60), st.floats(-60, 60)),
    reaches=st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
    focals=st.tuples(st.floats(30, 90), st.floats(30, 90)),
)
def test_everything_goes_its_share_of_the_way(share, turns, reaches, focals) -> None:
    first, second = (path(*each) for each in zip(turns, reaches, focals, strict=True))
    between = interpolate_paths(first, second, share)
    middle = path(
        turns[0] + share * (turns[1] - turns[0]),
        reaches[0] + share * (reaches[1] - reaches[0]),
        focals[0] ** (1 - share) * focals[1] ** share,
    )
    np.testing.assert_allclose(between.extrinsics[:, :, :3], middle.extrinsics[:, :, :3], atol=1e-7)
    np.testing.assert_allclose(centre(between.extrinsics), centre(middle.extrinsics), atol=1e-9)
    np.testing.assert_allclose(between.intrinsics, middle.intrinsics, rtol=1e-9)


def test_the_ends_are_the_paths_themselves() -> None:
    first, second = path(10, 1, 50), path(-5, 2, 60)
    assert interpolate_paths(first, second, 0.0) is first
    assert interpolate_paths(first, second, 1.0) is second
    with pytest.raises(InputError, match="different clips"):
        interpolate_paths(first, replace(second, width=65), 0.5)
