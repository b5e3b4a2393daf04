"""The place behind the person, as a camera that stands still has shown it before.

What looks exactly as the place did there, and was taken for the place before, is the place: a chair
behind the head, grass beside a ball. Where the camera moves, nothing is known.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.matting.base import MattingState
from dynascene_cli.matting.frame_reduction import take_out
from dynascene_cli.shot import Image

LENGTH = 480
"""The longer side at which the place is remembered, at most."""
CLEAR = 9
"""Pixels around the person that are not learnt from."""
STILL, STILL_TAIL = 5.0, 14.0
"""Median and 90th percentile of the difference from the place as known, of a camera that stands."""
SAME = 3.0
"""Times the usual difference within which a pixel looks the same, at least LEAST_SAME."""
LEAST_SAME = 7.0
TEXTURE = 12.0
"""Standard deviation of the place's colours around a pixel, from which nothing else matches it."""
TEXTURED_SHARE = 0.35
"""Share of a piece that must be so."""
SEEN, SURER = 3, 3
"""How often a pixel must have been taken for the place at least, and for the person at most one in
so many times."""
LEAST_PLAIN, SET_OFF = 16, 30.0
"""Pixels of a plain piece at the least, and by how much a channel of three quarters of what is next
to it differs."""
LEAST_PIECE, MOST_PIECE = 6, 0.06
"""Pixels of a piece that is taken out, and share of the person, at the least and the most."""
MOST_SEEN = 250
FAINT = 24
"""The least alpha that is worth taking out."""
JUDGED = 5
"""Every so many pixels tell whether the camera stands still."""


@dataclass(frozen=True, eq=False)
class KnownPlace:
    """What is known of a place: how it ``looks`` (h, w, 3), and how often each pixel, looking so,
    was taken for the ``place`` and for the ``person`` (h, w)."""

    looks: Image
    place: Image
    person: Image


def no_place() -> KnownPlace:
    """Nothing is known."""
    empty = np.zeros((0, 0), np.uint8)
    return KnownPlace(np.zeros((0, 0, 3), np.uint8), empty, empty)


def place_of_state(state: MattingState) -> KnownPlace:
    """The place that a matting model remembers."""
    return KnownPlace(*(state[f"place_{name}"] for name in KnownPlace.__dataclass_fields__))


def state_of_place(place: KnownPlace) -> MattingState:
    """What a matting model remembers of a place."""
    return {f"place_{name}": getattr(place, name) for name in KnownPlace.__dataclass_fields__}


def remove_known_place(frame: Image, alpha: Image, known: KnownPlace) -> tuple[Image, KnownPlace]:
    """An alpha (H, W) without pieces that are the place as known, and what is known of it then."""
    scale = min(1.0, LENGTH / max(frame.shape[:2]))
    size = max(1, round(frame.shape[1] * scale)), max(1, round(frame.shape[0] * scale))
    small = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    seen = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
    around = cv2.dilate((seen > 8).astype(np.uint8), np.ones((CLEAR, CLEAR), np.uint8)) > 0
    if known.looks.shape != small.shape:
        return alpha, _first_look(small, around)
    red, green, blue = cv2.split(cv2.absdiff(small, known.looks))
    apart = cv2.blur(cv2.max(cv2.max(red, green), blue), (3, 3))
    judged = apart[~around & (known.place > 0)][::JUDGED]
    usual = float(np.median(judged)) if len(judged) else np.inf
    if usual > STILL or np.percentile(judged, 90) > STILL_TAIL:
        return alpha, _first_look(small, around)
    same = apart <= max(LEAST_SAME, SAME * usual)
    taken = (known.place >= SEEN) & (known.place // SURER >= known.person)
    mistaken = same & taken & (seen > FAINT)
    pieces = _sure_pieces(mistaken, small, seen)
    result = alpha
    if pieces.any():
        grown = cv2.dilate(pieces.astype(np.float32), np.ones((3, 3), np.uint8)) * (same & taken)
        result = take_out(alpha, cv2.GaussianBlur(grown, (0, 0), 0.6))
    return result, _learn(small, seen, around, known, same)


def _sure_pieces(where: NDArray[np.bool_], small: Image, seen: Image) -> NDArray[np.bool_]:
    """The connected pieces of ``where`` (h, w) that nothing of the person would look like.

    They are textured, or set off from what else of the matte ``seen`` (h, w) adjoins them; and no
    large part of it.
    """
    opened = cv2.morphologyEx(where.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8))
    count, labels, table, _ = cv2.connectedComponentsWithStats(opened)
    areas = table[:, cv2.CC_STAT_AREA]
    kept = (areas >= LEAST_PIECE) & (areas <= MOST_PIECE * (seen > 128).sum())
    kept[0] = False
    if not kept.any():
        return np.zeros(where.shape, bool)
    textured = np.bincount(labels.ravel(), (_texture(small) > TEXTURE).ravel(), minlength=count)
    sure = kept & (textured >= TEXTURED_SHARE * areas)
    for index in np.flatnonzero(kept & ~sure & (areas >= LEAST_PLAIN)):
        sure[index] = _is_set_off(labels == index, small, seen)
    return np.asarray(sure[labels])


def _is_set_off(piece: NDArray[np.bool_], small: Image, seen: Image) -> bool:
    """Whether a piece (h, w) differs in colour from the person next to it."""
    wide = cv2.dilate(piece.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    near = cv2.dilate(piece.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    beside = small[wide & ~near & (seen > 128)].astype(np.float32)
    if len(beside) == 0:
        return True
    apart = np.abs(beside - np.median(small[piece], axis=0)).max(axis=1)
    return bool(np.percentile(apart, 25) > SET_OFF)


def _texture(looks: Image) -> FloatArray:
    """How much the colours around each pixel (h, w) vary."""
    grey = cv2.cvtColor(looks, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.blur(grey, (5, 5))
    return np.sqrt(np.maximum(cv2.blur(grey * grey, (5, 5)) - mean * mean, 0))


def _first_look(small: Image, around: NDArray[np.bool_]) -> KnownPlace:
    """What one frame tells of a place, but for what is ``around`` (h, w) the person."""
    return KnownPlace(small, (~around).astype(np.uint8), np.zeros(around.shape, np.uint8))


def _learn(
    small: Image,
    seen: Image,
    around: NDArray[np.bool_],
    known: KnownPlace,
    same: NDArray[np.bool_],
) -> KnownPlace:
    """What is known after one more frame; ``same`` (h, w) where it looks as known."""
    fresh = ~(same | around)
    looks, place, person = known.looks.copy(), known.place.copy(), known.person.copy()
    looks[fresh] = small[fresh]
    place += same & ~around & (place < MOST_SEEN)
    person += same & (seen > 128) & (person < MOST_SEEN)
    place[fresh], person[fresh] = 1, 0
    return KnownPlace(looks, place, person)
