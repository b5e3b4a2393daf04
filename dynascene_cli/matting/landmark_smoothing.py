"""A person's landmarks over time: outliers out, jitter smoothed, nothing delayed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import PersonTracks

SMOOTHING_SECONDS = 0.06
OUTLIER_SECONDS = 0.12
OUTLIER_DEVIATIONS = 4.0
OUTLIER_FLOOR = 0.01
GAP_SECONDS = 0.25


def assemble_tracks(
    landmarks: Floats,
    visibility: Floats,
    boxes: Floats,
    fps: float,
    detections: Floats | None = None,
    touched: NDArray[np.bool_] | None = None,
) -> PersonTracks:
    """The tracks of a whole clip from its frames' landmarks, by filters that delay nothing.

    ``landmarks`` (F, N, 2), ``visibility`` (F, N), ``boxes`` (F, 4). A landmark that leaves its
    neighbours' median by more than they scatter is dropped; gaps up to a quarter of a second are
    bridged; what remains is smoothed by local quadratics (Savitzky & Golay 1964) weighted by
    visibility, which keep the turning points of quick limbs.
    """
    points, visibility = landmarks.copy(), visibility.copy()
    unknown = np.isnan(points[..., 0])
    visibility[unknown] = 0
    height = float(np.nanmedian(boxes[:, 3] - boxes[:, 1])) if np.isfinite(boxes).any() else 1.0
    for landmark in range(points.shape[1]):
        outlier = _outliers(points[:, landmark], fps, OUTLIER_FLOOR * height)
        weights = np.where(outlier | unknown[:, landmark], 0.0, visibility[:, landmark] + 0.05)
        visibility[outlier, landmark] = 0
        points[:, landmark] = smooth_landmarks(points[:, landmark], weights, fps)
    frames = len(points)
    return PersonTracks(
        points,
        visibility,
        boxes,
        np.full((frames, 4), np.nan) if detections is None else detections,
        np.zeros((frames, 4), bool) if touched is None else touched,
    )


def _outliers(points: Floats, fps: float, floor: float) -> NDArray[np.bool_]:
    reach = max(2, round(OUTLIER_SECONDS * fps))
    padded = np.pad(points, ((reach, reach), (0, 0)), constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * reach + 1, axis=0)
    safe = np.where(np.isfinite(windows).any(axis=2, keepdims=True), windows, 0.0)
    median = np.nanmedian(safe, axis=2)
    scatter = 1.4826 * np.nanmedian(np.abs(safe - median[..., None]), axis=2)
    distance = np.abs(points - median)
    with np.errstate(invalid="ignore"):
        far = distance > OUTLIER_DEVIATIONS * scatter + floor
    return far.any(axis=1)


def smooth_landmarks(points: Floats, weights: Sequence[float] | Floats, fps: float) -> Floats:
    """Points (F, 2) by weighted local quadratics; NaN further than a gap from what is known."""
    weight = np.asarray(weights, float)
    known = weight > 0
    sigma = max(SMOOTHING_SECONDS * fps, 0.5)
    reach = int(np.ceil(max(3 * sigma, GAP_SECONDS * fps)))
    offsets = np.arange(-reach, reach + 1)
    near = _windows(known, reach)
    count = near.sum(axis=1)
    bridged = near[:, : reach + 1].any(axis=1) & near[:, reach:].any(axis=1)
    degree = np.minimum(np.where(bridged, 2, 1), count - 1)
    falloff = np.exp(-((offsets / sigma) ** 2) / 2)
    roots = np.where(near, np.sqrt(_windows(weight, reach) * falloff + 1e-9), 0.0)
    powers = np.vander(offsets / sigma, 3, increasing=True)
    # A column of zeros takes no part: the least coefficients have 0 there.
    basis = roots[:, :, None] * np.where(np.arange(3) <= degree[:, None, None], powers, 0.0)
    values = _windows(np.where(known[:, None], points, 0.0), reach) * roots[:, None]
    inverse = np.linalg.pinv(basis, rcond=len(offsets) * np.finfo(float).eps)
    fitted = np.einsum("fn,fdn->fd", inverse[:, 0], values)
    fitted[~(near & (np.abs(offsets) <= GAP_SECONDS * fps + 1)).any(axis=1)] = np.nan
    return fitted


def _windows(series: NDArray[Any], reach: int) -> NDArray[Any]:
    """What lies up to ``reach`` frames from each frame, (F, ..., 2 reach + 1); 0 past the ends."""
    ends = [(reach, reach), *[(0, 0)] * (series.ndim - 1)]
    return sliding_window_view(np.pad(series, ends), 2 * reach + 1, axis=0)
