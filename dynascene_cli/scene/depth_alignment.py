"""A depth map of any size and unit, aligned to the ground of the guessed geometry.

Depth networks know depth up to a scale and a shift of its inverse (Ranftl et al. 2022, *Towards
robust monocular depth estimation*); the ground plane gives both.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.numerics.push_pull import push_pull
from dynascene_cli.scene.relief import SKY
from dynascene_cli.scene.single_view_geometry import GeometryGuess

Field = NDArray[np.float32]

NEAREST = 0.25
"""Nothing is nearer than this, in camera heights."""

LEAST_GROUND_PIXELS = 200
LEAST_KNOWN = 0.1
TOLERANCE = 0.1
LEAST_CORRELATION = LEAST_AGREEMENT = 0.3


def align_depth(depth: NDArray[np.floating], guess: GeometryGuess) -> tuple[Field, str | None]:
    """The z-depth (H, W) in metres that a depth map of any size and unit means, and a warning.

    Values may grow with nearness (disparity, as networks predict) or with distance (metric depth);
    which of them is read from the ground. Inverse depth is scaled and shifted to the ground plane.
    NaN and infinity are unknown and filled from around them.

    Raises:
        InputError: the map is not one plane, nearly empty, or the same everywhere.
    """
    geometry = guess.geometry
    if depth.ndim != 2 or min(depth.shape) < 2:
        raise InputError(f"the depth map has the shape {depth.shape}", "one value a pixel: (H, W)")
    known = np.isfinite(depth)
    if known.mean() < LEAST_KNOWN:
        raise InputError("the depth map is nearly empty", "a finite number in most pixels")
    values = np.where(known, depth, 0).astype(np.float32)
    if not known.all():
        values = push_pull(values, known.astype(np.float32))
    if np.ptp(values) <= 0:
        raise InputError("the depth map is the same everywhere", "depth that varies")
    shrinks = values.shape[1] > geometry.width
    resized = cv2.resize(
        values,
        (geometry.width, geometry.height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR,
    )
    values = np.asarray(resized, np.float32)
    plane = _ground_inverse_depth(guess)
    rows, cols = np.nonzero(guess.ground & (plane > 0))
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), 4000)).astype(int)
    wanted = plane[rows[chosen], cols[chosen]]
    fits = []
    for inverse in (values, _reciprocal(values)):
        if len(chosen) >= LEAST_GROUND_PIXELS:
            fits.append((*_line(inverse[rows[chosen], cols[chosen]], wanted), inverse))
    best = max(fits, key=lambda fit: fit[2], default=None)
    warning = None
    if best is not None and best[2] > LEAST_AGREEMENT:
        scale, shift, _, inverse = best
        found = scale * inverse + shift
    else:
        warning = "the depth map does not follow the ground: it is scaled by its range alone"
        inverse = values
        low, high = np.percentile(inverse, [2, 98])
        found = (inverse - low) / max(high - low, 1e-9) * float(np.max(plane))
    height = geometry.camera_height
    clipped = np.clip(found, 1 / (SKY * height), 1 / (NEAREST * height))
    return np.asarray(1 / clipped, np.float32), warning


def _ground_inverse_depth(guess: GeometryGuess) -> Field:
    """1/Z (H, W) of the ground plane in 1/m; 0 on and above the horizon."""
    geometry = guess.geometry
    angle = np.radians(geometry.roll_deg)
    y = (np.arange(geometry.height) + 0.5 - geometry.horizon)[:, None]
    level = np.cos(angle) * y + np.sin(angle) * (np.arange(geometry.width) + 0.5 - geometry.middle)
    inverse = np.maximum(level, 0) / (geometry.camera_height * geometry.focal)
    return np.asarray(inverse, np.float32)


def _reciprocal(values: Field) -> Field:
    positive = values[values > 0]
    floor = np.percentile(positive, 1) if positive.size else 1.0
    return np.asarray(1 / np.maximum(values, floor), np.float32)


def _line(given: Field, wanted: Field) -> tuple[float, float, float]:
    """Scale and shift from given to wanted by RANSAC, and the share that agrees (0: unrelated)."""
    rng = np.random.default_rng(0)
    x, y = given.astype(float), wanted.astype(float)
    pairs = rng.integers(0, len(x), (400, 2))
    run = x[pairs[:, 1]] - x[pairs[:, 0]]
    usable = np.abs(run) > 1e-6 * np.ptp(x)
    if not usable.any():
        return 0.0, 0.0, 0.0
    pairs, run = pairs[usable], run[usable]
    scales = (y[pairs[:, 1]] - y[pairs[:, 0]]) / run
    shifts = y[pairs[:, 0]] - scales * x[pairs[:, 0]]
    allowed = TOLERANCE * y + 0.01 * y.max()
    sample = slice(None, None, max(1, len(x) // 1000))
    errors = np.abs(scales[:, None] * x[sample] + shifts[:, None] - y[sample])
    agreeing = (errors < allowed[sample]).mean(axis=1) * (scales > 0)
    scale, shift = scales[agreeing.argmax()], shifts[agreeing.argmax()]
    for _ in range(3):
        inside = np.abs(scale * x + shift - y) < allowed
        if inside.sum() < 10:
            break
        scale, shift = _least_squares(x[inside], y[inside])
    inside = np.abs(scale * x + shift - y) < allowed
    follows = scale > 0 and np.corrcoef(x, y)[0, 1] > LEAST_CORRELATION
    return float(scale), float(shift), float(inside.mean()) if follows else 0.0


def _least_squares(x: Floats, y: Floats) -> Floats:
    solution = np.linalg.lstsq(np.column_stack([x, np.ones_like(x)]), y, rcond=None)[0]
    return np.asarray(solution, float)
