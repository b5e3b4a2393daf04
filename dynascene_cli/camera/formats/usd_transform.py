"""A USD prim's transform: its xformOps at time codes, as UsdGeomXformable composes them.

https://openusd.org/release/api/class_usd_geom_xformable.html
"""

import re
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.conventions import ROTATION_TOLERANCE
from dynascene_cli.camera.formats.usd_text import Prim, Samples
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    Floats,
    inverse,
    pose,
    quaternion_to_rotation,
    resample,
    rotation_about,
)

RESET = "!resetXformStack!"
SIZES = {"translate": 3, "scale": 3, "orient": 4, "transform": 16}


def world_transforms(path: Path, prim: Prim, codes: Floats) -> Floats:
    """Local-to-world matrices (F, 4, 4), for column vectors, of a prim at time codes (F,).

    Raises:
        InputError: an operation is none that is known, has no value, or no inverse.
    """
    matrices = np.tile(np.eye(4), (len(codes), 1, 1))
    for one in prim.lineage:
        order = one.words("xformOpOrder")
        own = np.tile(np.eye(4), (len(codes), 1, 1))
        for name in order:
            if name != RESET:
                own = own @ _operation(path, one, name, codes)
        matrices = own @ matrices
        if RESET in order:
            break
    return matrices


def _operation(path: Path, prim: Prim, name: str, codes: Floats) -> Floats:
    """The matrices (F, 4, 4) of ``xformOp:KIND`` or ``xformOp:KIND:suffix``, maybe inverted."""
    attribute = name.removeprefix("!invert!")
    kind = (*attribute.split(":"), "")[1]
    axes = re.fullmatch(r"rotate([XYZ]|XYZ|XZY|YXZ|YZX|ZXY|ZYX)", kind)
    size = len(axes[1]) if axes else SIZES.get(kind)
    samples = prim.numbers(attribute)
    if size is None or samples is None or samples.values.shape[1] != size:
        raise InputError(
            f"{path}: {prim.name}: {name} is no transform that is known",
            "bake the camera's transform to one matrix (xformOp:transform)",
        )
    matrices = np.tile(np.eye(4), (len(codes), 1, 1))
    if kind == "transform":
        matrices = _matrices_at(samples, codes)
    elif kind == "orient":
        turns = pose(quaternion_to_rotation(samples.values), np.zeros((len(samples.times), 3)))
        matrices[:, :3] = resample(turns, samples.times, codes)
    else:
        values = np.stack(
            [np.interp(codes, samples.times, column) for column in samples.values.T], axis=-1
        )
        if axes:
            matrices[:, :3, :3] = [_turn(axes[1], angles) for angles in values]
        elif kind == "translate":
            matrices[:, :3, 3] = values
        else:
            matrices[:, range(3), range(3)] = values
    if name == attribute:
        return matrices
    if not np.all(np.abs(np.linalg.det(matrices)) > 0):
        raise InputError(f"{path}: {prim.name}: {name} has no inverse", "export the layer again")
    return np.asarray(np.linalg.inv(matrices), dtype=float)


def _turn(axes: str, angles: Floats) -> Floats:
    """The rotation (3, 3) about the axes in turn, the first one first, by degrees for x, y, z."""
    R = np.eye(3)
    for axis in axes:
        angle = angles["XYZ".index(axis)] if len(axes) == 3 else angles[0]
        R = rotation_about(axis.lower(), float(angle)) @ R
    return R


def _matrices_at(samples: Samples, codes: Floats) -> Floats:
    """Matrices between their samples: rigid ones turn the shorter way, others blend."""
    matrices = np.swapaxes(samples.values.reshape(-1, 4, 4), 1, 2)
    rotations = matrices[:, :3, :3]
    errors = np.abs(rotations @ np.swapaxes(rotations, 1, 2) - np.eye(3)).max()
    result = np.tile(np.eye(4), (len(codes), 1, 1))
    if errors < ROTATION_TOLERANCE and np.all(np.linalg.det(rotations) > 0):
        result[:, :3] = inverse(resample(inverse(matrices[:, :3]), samples.times, codes))
        return result
    flat = matrices.reshape(-1, 16).T
    blended = [np.interp(codes, samples.times, column) for column in flat]
    return np.stack(blended, axis=-1).reshape(-1, 4, 4)
