"""What one photo tells of its place: focal length, horizon, roll, sky and ground.

Each value keeps its source and gives way to what the user says; horizon and camera height are what
all evidence agrees on best. Estimation runs on a small copy of the photo.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.scene.horizon import (
    HorizonEvidence,
    Viewpoint,
    builtness,
    estimated_viewpoint,
    label_evidence,
    line_evidence,
)
from dynascene_cli.scene.known_heights import KnownThing
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.line_segments import line_segments, structural_lines
from dynascene_cli.scene.sky import SURE, grow_sky, sky_mask
from dynascene_cli.scene.vanishing_points import VanishingPoint, vanishing_points
from dynascene_cli.shot import LEAST_GROUND, Image, SceneGeometry

Mask = NDArray[np.bool_]

FULL_FRAME_WIDTH = 36.0
FLAT = 0.015
LOWEST_SKY = 0.85
LEAST_SKY = 0.01
UNCERTAIN_GROUND = ("slope", "plant", "other")
"""Kinds that are ground or not: colours that continue the bottom of the picture decide."""

WORKING_WIDTH = 960

ROLL_AGREEMENT = 1.0
"""Degrees by which the rolls that lines of two kinds show may differ."""


@dataclass(frozen=True, eq=False)
class GeometryGuess:
    """The geometry in use and how it was come by.

    ``sky`` and ``ground`` (H, W); ``evidence`` is what was seen of the horizon and ``viewpoint``
    what follows from it, with its spread; ``sources`` says where each value came from;
    ``guessed`` holds what the photo alone says: horizon (share of the height), focal (share of the
    width), roll_deg, camera_height (metres) and sky_confidence. ``labels`` say what is in the
    photo.
    """

    geometry: SceneGeometry
    sky: Mask
    ground: Mask
    evidence: tuple[HorizonEvidence, ...]
    viewpoint: Viewpoint
    sources: Mapping[str, str]
    guessed: Mapping[str, float]
    labels: SceneLabels | None = None


def frame_focal_35mm(
    focal_35mm: float, photo_size: tuple[int, int], frame_size: tuple[int, int]
) -> float:
    """The 35 mm-equivalent of a frame's width, from EXIF's of the whole photo.

    Sizes are (width, height); the photo covers the frame and is cropped. EXIF compares diagonals.
    """
    width, height = photo_size
    cover = max(frame_size[0] / width, frame_size[1] / height)
    focal = focal_35mm / np.hypot(FULL_FRAME_WIDTH, 24.0) * np.hypot(width, height) * cover
    return float(focal / frame_size[0] * FULL_FRAME_WIDTH)


def guess_geometry(
    photo: Image,
    *,
    focal: float | None = None,
    horizon: float | None = None,
    roll_deg: float | None = None,
    camera_height: float | None = None,
    sky_confidence: float | None = None,
    focal_35mm: float | None = None,
    labels: SceneLabels | None = None,
    things: Sequence[KnownThing] = (),
) -> GeometryGuess:
    """The place's geometry, guessed from a frame-filling photo (H, W, 3).

    Args:
        photo: The photo as it fills the frame.
        focal: Overrides the focal length, as a share of the frame's width.
        horizon: Overrides the horizon's row at mid-width, as a share of the frame's height.
        roll_deg: Overrides the roll, clockwise positive.
        camera_height: Overrides the camera's height over the ground, metres.
        sky_confidence: Overrides how far the sky mask is trusted, 0..1.
        focal_35mm: Evidence from EXIF: 36 mm is the frame's width (see `frame_focal_35mm`).
        labels: What is in the photo (see `scene_labels`); without it, colours and edges decide.
        things: Things of known height that stand in it (see `known_things`).

    Raises:
        InputError: an override is out of its range.
    """
    _check(focal, horizon, roll_deg, camera_height, sky_confidence)
    height, width = photo.shape[:2]
    size = (min(width, WORKING_WIDTH), max(16, round(height * min(width, WORKING_WIDTH) / width)))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    sources: dict[str, str] = {}

    exif = focal_35mm / FULL_FRAME_WIDTH if focal_35mm else None
    guessed_focal = exif or 1.0
    sources["focal"] = "given" if focal else "EXIF" if exif else "prior"
    used_focal = focal or guessed_focal

    known = labels if labels is not None and labels.understood else None
    segments = [line_segments(small)]
    if known is not None:
        segments.insert(0, structural_lines(small))
    centre = (size[0] / 2, size[1] / 2)
    points = [vanishing_points(lines, used_focal * size[0], centre) for lines in segments]
    guessed_roll = _agreed_roll([_roll(found) for found in points])
    used_roll = guessed_roll if roll_deg is None else roll_deg
    sources["roll_deg"] = "given" if roll_deg is not None else _source(guessed_roll != 0)

    sky, guessed_confidence, sky_source = _sky(photo, known, sky_confidence)
    used_confidence = guessed_confidence if sky_confidence is None else sky_confidence
    sources["sky_confidence"] = "given" if sky_confidence is not None else sky_source

    slope = float(np.tan(np.radians(used_roll)))
    small_sky = cv2.resize(sky.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    belief = 1.0 if known is None else builtness(known, len(segments[0]))
    evidence = [
        item
        for found, source in zip(points[::-1], ("edges", "lines"), strict=False)
        for item in line_evidence(found, used_focal * size[0], size, slope, source, belief)
    ]
    if known is None:
        evidence += _sky_evidence(small_sky, used_confidence, slope)
    else:
        evidence += label_evidence(known, sky, slope)
    alone = estimated_viewpoint(evidence, things)
    viewpoint = alone
    if horizon is not None or camera_height is not None:
        viewpoint = estimated_viewpoint(evidence, things, row=horizon, camera_height=camera_height)
    used_horizon = viewpoint.row
    seen = ", ".join(dict.fromkeys(item.source for item in evidence)) or "prior"
    sources["horizon"] = "given" if horizon is not None else seen
    names = ", ".join(dict.fromkeys(thing.name for thing in things)) or "prior"
    sources["camera_height"] = "given" if camera_height is not None else names

    level = (np.arange(height) + 0.5)[:, None] - used_horizon * height
    level = level + slope * (np.arange(width) + 0.5 - width / 2)
    sky &= level < 0
    found = _ground(small, used_horizon, slope, small_sky)
    ground = cv2.resize(found.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    ground_mask = np.asarray(ground > 0)
    interior = used_confidence < SURE and sum(point.share > 0.15 for point in points[-1]) >= 2
    if known is not None:
        ground_mask = known.mask("ground", "water") | (ground_mask & known.mask(*UNCERTAIN_GROUND))
        interior = known.interior
    ground_mask &= (level > 0) & ~sky
    geometry = SceneGeometry(
        width=width,
        height=height,
        focal=used_focal * width,
        horizon=used_horizon * height,
        roll_deg=used_roll,
        camera_height=viewpoint.camera_height,
        sky_confidence=used_confidence,
        ground_share=float(ground_mask.mean()),
        interior=interior,
        warnings=_warnings(float(ground_mask.mean()), interior),
    )
    guessed = {
        "horizon": alone.row,
        "focal": guessed_focal,
        "roll_deg": guessed_roll,
        "camera_height": alone.camera_height,
        "sky_confidence": guessed_confidence,
    }
    return GeometryGuess(
        geometry, sky, ground_mask, tuple(evidence), viewpoint, sources, guessed, labels
    )


def _sky(photo: Image, labels: SceneLabels | None, given: float | None) -> tuple[Mask, float, str]:
    """The sky to use (H, W), how surely the photo shows it, and what says so.

    Labels tell sky from ceilings and bright walls; without them, or where somebody says that
    there is a sky in which they see none, colours and edges do.
    """
    if labels is not None:
        sky = labels.mask("sky")
        confidence = labels.certainty_of(sky) * min(1.0, float(sky.mean()) / LEAST_SKY)
        used = confidence if given is None else given
        if sky.any() or used < SURE:
            return sky & (used >= SURE), confidence, "labels"
        swept, _ = sky_mask(photo)
    else:
        swept, confidence = sky_mask(photo)
    if (confidence if given is None else given) < SURE:
        return np.zeros_like(swept), confidence, "border sweep"
    upper = np.zeros_like(swept)
    upper[: round(LOWEST_SKY * len(swept))] = True
    return grow_sky(photo, swept, upper), confidence, "border sweep"


def _source(from_lines: bool) -> str:
    return "vertical lines" if from_lines else "prior"


def _check(
    focal: float | None,
    horizon: float | None,
    roll_deg: float | None,
    camera_height: float | None,
    sky_confidence: float | None,
) -> None:
    ranges = (
        ("focal", focal, 0.2, 20.0, "a share of the frame's width"),
        ("horizon", horizon, -1.0, 2.0, "a share of the frame's height"),
        ("roll_deg", roll_deg, -45.0, 45.0, "degrees, clockwise positive"),
        ("camera_height", camera_height, 0.05, 500.0, "metres"),
        ("sky_confidence", sky_confidence, 0.0, 1.0, "0 is no sky, 1 is sure"),
    )
    for name, value, low, high, unit in ranges:
        if value is not None and not low <= value <= high:
            raise InputError(f"{name} is {value}", f"give {low:g} to {high:g} ({unit})")


def _roll(points: tuple[VanishingPoint, ...]) -> float | None:
    """The roll that stands vertical lines upright, degrees; None where there are too few."""
    for point in points:
        x, y, _ = point.direction * (1 if point.direction[1] >= 0 else -1)
        if y > 0.85 and point.share > 0.25 and point.segments >= 20:
            return float(np.degrees(np.arctan2(x, y)))
    return None


def _agreed_roll(rolls: list[float | None]) -> float:
    """The roll that edges show, the last of those given: none where other lines contradict."""
    if rolls[-1] is None:
        return 0.0
    shown = [roll for roll in rolls if roll is not None]
    if max(shown) - min(shown) > ROLL_AGREEMENT:
        return 0.0
    roll = float(np.mean(shown))
    return roll if 0.3 < abs(roll) < 6 else 0.0


def _sky_evidence(sky: Mask, confidence: float, slope: float) -> list[HorizonEvidence]:
    """The sky's lower edge, which is the horizon where it is flat and straight."""
    if confidence < SURE or not sky.any():
        return []
    height, width = sky.shape
    base = np.where(sky.any(axis=0), height - 1 - sky[::-1].argmax(axis=0), 0)
    base = base + slope * (np.arange(width) + 0.5 - width / 2)
    seen = base[base > 0.05 * height]
    if len(seen) < 0.5 * width:
        return []
    flat = float(np.mean(np.abs(seen - np.median(seen)) < FLAT * height))
    if flat < 0.5:
        return []
    row = float(np.median(seen)) / height
    return [HorizonEvidence(row, 0.02, 0.35 + 0.5 * flat, "sky's base")]


def _ground(small: Image, horizon: float, slope: float, sky: Mask) -> Mask:
    """What continues the bottom of the picture, below the horizon: GrabCut on a small copy."""
    height, width = small.shape[:2]
    size = (192, max(16, round(192 * height / width)))
    picture = np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_AREA), np.uint8)
    scale = size[1] / height
    row = np.arange(size[1])[:, None] + 0.5 + slope * (np.arange(size[0]) + 0.5 - size[0] / 2)
    below = row - horizon * height * scale
    labels = np.where(below > 0, cv2.GC_PR_BGD, cv2.GC_BGD).astype(np.uint8)
    rest = size[1] - horizon * size[1]
    labels[below > 0.35 * rest] = cv2.GC_PR_FGD
    labels[below > 0.8 * rest] = cv2.GC_FGD
    labels[cv2.resize(sky.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0] = cv2.GC_BGD
    sure = np.count_nonzero(labels == cv2.GC_FGD)
    if rest < 0.02 * size[1] or not sure or sure == labels.size:
        return np.zeros((height, width), np.bool_)
    if (labels == cv2.GC_BGD).any():
        cv2.setRNGSeed(0)
        inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
        whole = (0, 0, 0, 0)
        cv2.grabCut(picture, labels, whole, inside, outside, 3, cv2.GC_INIT_WITH_MASK)
    found = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    closed = cv2.morphologyEx(found, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    from_bottom = np.logical_and.accumulate(closed[::-1] > 0, axis=0)[::-1]
    enlarged = cv2.resize(
        from_bottom.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST
    )
    return np.asarray(enlarged > 0)


def _warnings(ground_share: float, interior: bool) -> tuple[str, ...]:
    warnings = []
    if ground_share < LEAST_GROUND:
        warnings.append(
            f"only {ground_share:.0%} of the photo is ground: it is one flat card, so that "
            "the camera should turn and zoom but not travel"
        )
    if interior:
        warnings.append(
            "the photo looks like an interior: near walls and furniture need a depth map "
            "(--depth FILE) before the camera can travel"
        )
    return tuple(warnings)
