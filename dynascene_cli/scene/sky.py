"""The sky of a photo: which pixels, and how surely.

A border sweep from the top (Shen & Wang 2013, *Sky region detection in a single image*), GrabCut,
and a guided filter (He et al. 2010) that brings the small mask to the photo's own edges.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.scene.guided_filter import Guide
from dynascene_cli.shot import Image, Mask

SURE = 0.3
"""Below this confidence the mask is not to be trusted."""

SMOOTH = 10.0
"""Lab units a pixel (times the Sobel kernel's 8) below which a small photo has no edge."""

WORKING_WIDTH = 320


def sky_mask(photo: Image) -> tuple[Mask, float]:
    """The sky (H, W) of a photo (H, W, 3) and a confidence in 0..1."""
    height, width = photo.shape[:2]
    size = (WORKING_WIDTH, max(16, round(height * WORKING_WIDTH / width)))
    small = _flatten_lighting(photo, size)
    swept = _swept(small)
    if swept is None:
        return np.zeros((height, width), np.bool_), 0.0
    confidence = _confidence(small, swept)
    if confidence > 0.15:
        swept = _cut(small, swept)
        confidence *= _open(swept)
    return _snap_to_edges(photo, swept), confidence


def grow_sky(photo: Image, sky: Mask, within: Mask) -> Mask:
    """The sky (H, W) with what joins it without an edge inside ``within``: dark clouds, glow."""
    if not sky.any():
        return sky
    height, width = sky.shape
    size = (WORKING_WIDTH, max(16, round(height * WORKING_WIDTH / width)))

    def shrunk(mask: Mask) -> Mask:
        return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0)

    small = _flatten_lighting(photo, size)
    lab = cv2.GaussianBlur(_lab(small), (0, 0), 0.5)
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    smooth = np.sqrt((across**2 + down**2).sum(axis=-1)) < SMOOTH
    small_sky = shrunk(sky)
    joined = ((smooth | small_sky) & shrunk(within)).astype(np.uint8)
    opened = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, parts = cv2.connectedComponents(opened)
    grown = np.isin(parts, np.unique(parts[small_sky & (parts > 0)])).astype(np.uint8)
    closed = cv2.morphologyEx(grown, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    return (_snap_to_edges(photo, np.asarray(closed > 0)) | sky) & within


def _snap_to_edges(photo: Image, small_mask: Mask) -> Mask:
    """A small mask at the photo's size (H, W), its outline on the photo's own edges."""
    height, width = photo.shape[:2]
    coarse = cv2.resize(small_mask.astype(np.float32), (width, height))
    guide = Guide.of(photo, radius=max(4, width // 160), epsilon=50.0)
    return guide.filter(np.asarray(coarse, np.float32)) > 0.5


def _flatten_lighting(photo: Image, size: tuple[int, int]) -> Image:
    small = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.bilateralFilter(small, 7, 40, 7), np.uint8)


def _slope(small: Image) -> NDArray[np.float32]:
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    return np.asarray(np.hypot(across, cv2.Sobel(grey, cv2.CV_32F, 0, 1)), np.float32)


def _lab(small: Image) -> NDArray[np.float32]:
    lab = cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    return np.asarray(lab, np.float32)


def _swept(small: Image) -> Mask | None:
    """What lies above the first edge of each column, at the threshold that parts colours best."""
    height = len(small)
    slope, lab = _slope(small), _lab(small)
    best: tuple[float, Mask] | None = None
    for threshold in np.linspace(8, 320, 48):
        edges = slope > threshold
        border = np.where(edges.any(axis=0), edges.argmax(axis=0), height - 1)
        above = np.arange(height)[:, None] < border
        if not 0.03 <= above.mean() <= 0.9:
            continue
        inside = np.cov(lab[above].T) + 0.5 * np.eye(3)
        outside = np.cov(lab[~above].T) + 0.5 * np.eye(3)
        spread = 2 * np.linalg.det(inside) ** 0.5 + np.linalg.det(outside) ** 0.5
        spread += 20 * np.linalg.eigvalsh(inside)[-1] + np.linalg.eigvalsh(outside)[-1]
        if best is None or 1 / spread > best[0]:
            best = 1 / spread, above
    return None if best is None else best[1]


def _confidence(small: Image, sky: Mask) -> float:
    """Whether this is smooth, open to the top, and brighter or bluer than the rest."""
    slope, lab = _slope(small), _lab(small)
    roughness = slope[sky].mean() / (slope[~sky].mean() + 1e-6)
    open_columns = sky[2].mean()
    brighter = lab[sky, 0].mean() - lab[~sky, 0].mean()
    blue = max(0.0, -float(lab[sky, 2].mean()))
    return float(
        np.clip((0.8 - roughness) / 0.5, 0, 1)
        * np.clip(open_columns / 0.5, 0, 1)
        * np.clip((brighter + 0.8 * blue + 5) / 20, 0, 1)
    )


def _open(sky: Mask) -> float:
    """Less than 1 for a mask that is a mere patch, as a bright door or window is."""
    return float(np.clip(sky.mean() / 0.08, 0, 1) * np.clip(sky[2].mean() / 0.5, 0, 1))


def _cut(small: Image, sky: Mask) -> Mask:
    """The sky after GrabCut, only what touches the top."""
    labels = np.where(sky, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    solid = sky.astype(np.uint8)
    labels[cv2.erode(solid, np.ones((7, 7), np.uint8)) > 0] = cv2.GC_FGD
    labels[int(len(small) * 0.8) :] = cv2.GC_BGD
    labels[cv2.dilate(solid, np.ones((81, 81), np.uint8)) == 0] = cv2.GC_BGD
    if not (labels == cv2.GC_FGD).any() or not (labels == cv2.GC_BGD).any():
        return sky
    cv2.setRNGSeed(0)
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
    whole = (0, 0, 0, 0)
    cv2.grabCut(small, labels, whole, inside, outside, 3, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(found)
    at_top = np.unique(parts[0])
    return np.isin(parts, at_top[at_top > 0])
