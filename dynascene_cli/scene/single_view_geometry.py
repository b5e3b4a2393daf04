"""What one photo tells of its place: focal length, horizon, roll, sky and ground.

Each value keeps its source and gives way to what the user says; horizon and camera height are what
all evidence agrees on best. Estimation runs on a small copy of the photo.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import cv2
import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import SENSOR_DIAGONAL_MM, SENSOR_WIDTH_MM
from dynascene_cli.scene.horizon import (
    HorizonEvidence,
    Viewpoint,
    builtness,
    estimate_viewpoint,
    label_evidence,
    line_evidence,
)
from dynascene_cli.scene.known_heights import KnownThing
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.line_segments import line_segments, structural_lines
from dynascene_cli.scene.sky import SURE, grow_sky, sky_mask
from dynascene_cli.scene.upright_lines import tilt_evidence
from dynascene_cli.scene.vanishing_points import VanishingPoint, vanishing_points
from dynascene_cli.shot import LEAST_GROUND, Image, Mask, SceneGeometry

FLAT = 0.015
LOWEST_SKY = 0.85
LEAST_SKY = 0.01
UNCERTAIN_GROUND = ("slope", "plant", "other", "sky", "ceiling")
"""Kinds that are ground or not: colours that continue the bottom of the picture decide. Below the
horizon, bright ground is taken for the last two."""

WORKING_WIDTH = 960

LINES_RIGHT = {"edges": 0.7, "lines": 1.0}
"""How far a vanishing point of all edges, and one of M-LSD's lines, is to be believed at most."""

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
    focal = focal_35mm / SENSOR_DIAGONAL_MM * np.hypot(width, height) * cover
    return float(focal / frame_size[0] * SENSOR_WIDTH_MM)


class GivenGeometry(TypedDict, total=False):
    """What is known of a photo's geometry, and is not guessed.

    ``focal`` is a share of the frame's width, ``horizon`` its row at mid-width, a share of the
    height; ``roll_deg`` is clockwise positive, ``camera_height`` in metres over the ground, and
    ``sky_confidence``, 0..1, says how far the sky mask is trusted.
    """

    focal: float
    horizon: float
    roll_deg: float
    camera_height: float
    sky_confidence: float


@dataclass(frozen=True, eq=False)
class _View:
    """What tells the photo's camera, and what follows for it.

    ``values`` are those in use and ``guessed`` those that the photo alone says; ``sky`` is (H, W),
    and ``edges`` are the vanishing points of all that is locally straight.
    """

    values: Mapping[str, float]
    guessed: Mapping[str, float]
    sources: Mapping[str, str]
    evidence: list[HorizonEvidence]
    viewpoint: Viewpoint
    sky: Mask
    edges: tuple[VanishingPoint, ...]

    @property
    def slope(self) -> float:
        """By how many rows a column the horizon rises to the left."""
        return float(np.tan(np.radians(self.values["roll_deg"])))


def guess_geometry(
    photo: Image,
    *,
    focal_35mm: float | None = None,
    labels: SceneLabels | None = None,
    things: Sequence[KnownThing] = (),
    evidence: Sequence[HorizonEvidence] | None = None,
    middle: tuple[float, float] = (0.5, 0.5),
    **given: Unpack[GivenGeometry],
) -> GeometryGuess:
    """The place's geometry, guessed from a frame-filling photo (H, W, 3) unless it is ``given``.

    ``focal_35mm`` is evidence from EXIF, where 36 mm is the frame's width (see
    `frame_focal_35mm`). ``labels`` are what is in the photo (see `scene_labels`), without which
    colours and edges decide; ``things`` of known height stand in it (see `find_known_things`).
    ``evidence`` of the horizon from elsewhere is used in place of the picture's own. ``middle`` is
    that of the photo which the picture is cropped from, in shares of the picture's size.

    Raises:
        InputError: what is given is out of its range.
    """
    _check(given)
    height, width = photo.shape[:2]
    working = min(width, WORKING_WIDTH), max(16, round(height * min(width, WORKING_WIDTH) / width))
    small = np.asarray(cv2.resize(photo, working, interpolation=cv2.INTER_AREA), np.uint8)
    known = _understood(labels)
    view = _find_view(photo, small, focal_35mm, labels, (things, evidence, middle), given)
    viewpoint, slope = view.viewpoint, view.slope

    below = (np.arange(height) + 0.5)[:, None] - viewpoint.row * height
    below = below + slope * (np.arange(width) + 0.5 - width / 2)
    sky = view.sky & (below < 0)
    found = _ground(small, viewpoint.row, slope, _resize_mask(view.sky, small))
    ground = _resize_mask(found, photo)
    if known is None:
        crossing = sum(point.share > 0.15 for point in view.edges) >= 2
        interior = view.values["sky_confidence"] < SURE and crossing
    else:
        ground = known.mask("ground", "water") | (ground & known.mask(*UNCERTAIN_GROUND))
        interior = known.interior
    ground &= (below > 0) & ~sky
    geometry = SceneGeometry(
        width=width,
        height=height,
        focal=view.values["focal"] * width,
        horizon=viewpoint.row * height,
        roll_deg=view.values["roll_deg"],
        camera_height=viewpoint.camera_height,
        sky_confidence=view.values["sky_confidence"],
        ground_share=float(ground.mean()),
        interior=interior,
        warnings=_warnings(float(ground.mean()), interior),
    )
    sources = {**view.sources, **dict.fromkeys(given, "given")}
    evidence = tuple(view.evidence)
    return GeometryGuess(geometry, sky, ground, evidence, viewpoint, sources, view.guessed, labels)


def _understood(labels: SceneLabels | None) -> SceneLabels | None:
    """Labels that may decide alone what is where, if these may."""
    return labels if labels is not None and labels.understood else None


def _find_view(
    photo: Image,
    small: Image,
    focal_35mm: float | None,
    labels: SceneLabels | None,
    seen: tuple[Sequence[KnownThing], Sequence[HorizonEvidence] | None, tuple[float, float]],
    given: GivenGeometry,
) -> _View:
    """The photo's camera and its sky."""
    things, elsewhere, middle = seen
    known = _understood(labels)
    size = small.shape[1], small.shape[0]
    guessed_focal = focal_35mm / SENSOR_WIDTH_MM if focal_35mm else 1.0
    focal = given.get("focal", guessed_focal)
    segments = [line_segments(small)]
    if known is not None:
        segments.insert(0, structural_lines(small))
    centre = (size[0] / 2, size[1] / 2)
    points = [vanishing_points(lines, focal * size[0], centre) for lines in segments]
    guessed_roll = _agreed_roll([_roll(found) for found in points])
    roll_deg = given.get("roll_deg", guessed_roll)
    sky, guessed_confidence, sky_source = _sky(photo, known, given.get("sky_confidence"))
    sky_confidence = given.get("sky_confidence", guessed_confidence)

    slope = float(np.tan(np.radians(roll_deg)))
    belief = 1.0 if known is None else builtness(known, len(segments[0]))
    evidence = [
        item
        for found, (source, right) in zip(points[::-1], LINES_RIGHT.items(), strict=False)
        for item in line_evidence(found, focal * size[0], size, slope, source, right * belief)
    ]
    known_focal = focal if focal_35mm or "focal" in given else None
    evidence += tilt_evidence(segments[-1], known_focal, size, middle)
    if known is None:
        evidence += _sky_evidence(_resize_mask(sky, small), sky_confidence, slope)
    if labels is not None:
        # Of a photo that is not understood as a whole, parts may be: each kind by its certainty.
        evidence += label_evidence(labels, sky if known else _labelled_sky(labels), slope)
    if elsewhere is not None:
        evidence = list(elsewhere)
    alone = viewpoint = estimate_viewpoint(evidence, things)
    row, camera_height = given.get("horizon"), given.get("camera_height")
    if row is not None or camera_height is not None:
        viewpoint = estimate_viewpoint(evidence, things, row=row, camera_height=camera_height)
    sources = {
        "focal": "EXIF" if focal_35mm else "prior",
        "roll_deg": "vertical lines" if guessed_roll != 0 else "prior",
        "sky_confidence": sky_source,
        "horizon": ", ".join(dict.fromkeys(item.source for item in evidence)) or "prior",
        "camera_height": ", ".join(dict.fromkeys(thing.name for thing in things)) or "prior",
    }
    guessed = {
        "horizon": alone.row,
        "focal": guessed_focal,
        "roll_deg": guessed_roll,
        "camera_height": alone.camera_height,
        "sky_confidence": guessed_confidence,
    }
    values = {"focal": focal, "roll_deg": roll_deg, "sky_confidence": sky_confidence}
    return _View(values, guessed, sources, evidence, viewpoint, sky, points[-1])


def _labelled_sky(labels: SceneLabels) -> Mask:
    """What labels call sky (H, W), if they are sure of it."""
    sky = labels.mask("sky")
    return sky & (labels.certainty_of(sky) >= SURE)


def _resize_mask(mask: Mask, picture: Image) -> Mask:
    """A mask (H, W) at the size of a picture."""
    size = picture.shape[1], picture.shape[0]
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0)


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


def _check(given: GivenGeometry) -> None:
    ranges = (
        ("focal", given.get("focal"), 0.2, 20.0, "a share of the frame's width"),
        ("horizon", given.get("horizon"), -1.0, 2.0, "a share of the frame's height"),
        ("roll_deg", given.get("roll_deg"), -45.0, 45.0, "degrees, clockwise positive"),
        ("camera_height", given.get("camera_height"), 0.05, 500.0, "metres"),
        ("sky_confidence", given.get("sky_confidence"), 0.0, 1.0, "0 is no sky, 1 is sure"),
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
    labels[_resize_mask(sky, picture)] = cv2.GC_BGD
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
    return _resize_mask(from_bottom, small)


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
