"""The person's shadow on the ground: where the feet touch, and the sky that the body hides.

Worked out on a small copy of the matte, from the frame's own contact point, with lengths in
shares of the person's height, so that it neither depends on resolution nor on other frames.
"""

import cv2
import numpy as np

from dynascene_cli.compositing.roi import AnyArray, Box, reduce_by_blocks
from dynascene_cli.compositing.warp import enlarge_linearly
from dynascene_cli.geometry import Floats

WORKING_HEIGHT = 96
"""Rows that a person has in the small copy."""

FOOT_BAND = 0.045
"""How far above the lowest point an outline still counts as a foot, in heights."""

TOUCH_FADE, BODY_FADE = 0.05, 0.3
"""Gaps under the feet, in heights, that halve the contact and the body's shadow."""

ASIDE, BEHIND, BEFORE = 0.7, 0.3, 0.2
"""How far from the contact a shadow reaches on the picture, in heights."""

SLACK = 0.08
"""How far below the contact the nearer foot may stand; what is lower is no foot; heights."""

UNDER_SOLE = 0.012
"""How far the contact lies below the outline's foot, which rounds up from the ground; heights."""

SQUASH = 0.22
"""Ground depth over height on the picture: the ground seen from about eye level."""


def shadow_strengths(contrast: float) -> tuple[float, float]:
    """The largest shares of light taken by contact and by body, for a scene's contrast 0..1."""
    return 0.74 + 0.18 * contrast, 0.47 + 0.15 * contrast


def shadow_box(contact: Floats, person_height: float, width: int, height: int) -> Box:
    """The part of a width × height frame that a person's shadow may reach."""
    x, y = contact
    box = Box(
        int(np.floor(x - ASIDE * person_height)),
        int(np.floor(y - BEHIND * person_height)),
        int(np.ceil(x + ASIDE * person_height)),
        int(np.ceil(y + BEFORE * person_height)),
    )
    return box.grow(0, width, height)


def contact_shadow(
    alpha: AnyArray,
    alpha_box: Box,
    contact: Floats,
    person_height: float,
    contrast: float,
    box: Box,
) -> AnyArray:
    """The share of light (255 = all) that the person takes from the pixels of ``box`` (H, W).

    ``alpha`` is the person's, over ``alpha_box`` of the frame, uint8, or float32 of the same range,
    of which comes an unrounded share; ``contact`` is where they touch
    the ground, in pixels; a person above it (a jump) leaves a fainter, wider shadow there.
    """
    cell = max(person_height / WORKING_HEIGHT, 1.0)
    left, right = contact[0] - 0.8 * person_height, contact[0] + 0.8 * person_height
    top, bottom = contact[1] - 1.15 * person_height, contact[1] + 0.3 * person_height
    columns, rows = round((right - left) / cell), round((bottom - top) / cell)
    step = max(min(int(cell), *alpha.shape), 1)
    matrix = np.array(
        [
            [step / cell, 0.0, (alpha_box.x0 + 0.5 * step - left) / cell - 0.5],
            [0.0, step / cell, (alpha_box.y0 + 0.5 * step - top) / cell - 0.5],
        ]
    )
    matte = (
        cv2.warpAffine(reduce_by_blocks(alpha, step), matrix, (columns, rows)).astype(np.float32)
        / 255
    )
    unit = float(person_height / cell)
    ground = float((contact[1] - top) / cell)
    # A cell more than the window leaves on each side, since the cells are interpolated.
    first = max(int(ground - BEHIND * unit) - 1, 0)
    last = min(int(np.ceil(ground + BEFORE * unit)) + 1, rows)
    touch, body = _touch_and_body(matte, ground, unit, first, last)
    most_touch, most_body = shadow_strengths(contrast)
    taken = 1 - (1 - most_touch * touch) * (1 - most_body * body)
    taken *= _window(columns, first, last, 0.8 * unit, ground, unit)
    share = (np.round(255 * taken) if alpha.dtype == np.uint8 else 255 * taken).astype(alpha.dtype)
    return enlarge_linearly(
        share,
        (np.arange(box.x0, box.x1) + 0.5 - left) / cell - 0.5,
        (np.arange(box.y0, box.y1) + 0.5 - top) / cell - 0.5 - first,
    )


def _touch_and_body(
    matte: AnyArray, ground: float, unit: float, first: int, last: int
) -> tuple[AnyArray, AnyArray]:
    """The contact's and the body's shadow, 0..1, on the rows first ≤ y < last of the small copy.

    ``ground`` is the contact's row and ``unit`` the person's height, in cells; no shadow falls on
    other rows.
    """
    rows, columns = matte.shape
    y = np.arange(rows, dtype=np.float32)[:, None]
    matte = matte * (y < ground + SLACK * unit)
    filled = np.flatnonzero((matte > 0.5).sum(axis=1) >= 2)
    if len(filled) == 0:
        nothing = np.zeros((last - first, columns), np.float32)
        return nothing, nothing
    lowest = float(filled[-1] + 1)
    gap = max(ground - lowest - 0.01 * unit, 0.0)
    touch_share = 1 / (1 + (gap / (TOUCH_FADE * unit)) ** 2)
    body_share = 1 / (1 + (gap / (BODY_FADE * unit)) ** 2)
    spread = 1 + min(gap / (0.2 * unit), 1.0)

    near_ground = matte * np.clip(1 - (lowest - 1 - y) / (FOOT_BAND * unit), 0, 1)
    feet = _shift_rows(near_ground, 1.0, UNDER_SOLE * unit + gap - first, last - first)
    tight = _blur(feet, 0.022 * unit * spread, 0.012 * unit * spread)
    loose = _blur(feet, 0.060 * unit * spread, 0.028 * unit * spread)
    touch = touch_share * np.clip(2.2 * tight + 3.0 * loose, 0, 1)

    foot_row = ground - gap
    legs = matte * (np.exp(-np.clip((foot_row - y) / unit, 0, None) / 0.35) * (y < lowest))
    squashed = _shift_rows(legs, SQUASH, ground - SQUASH * foot_row - first, last - first)
    body = _blur(squashed, 0.14 * unit * spread, 0.045 * unit * spread)
    body /= max(float(body.max()), 0.02)
    return touch, body_share * body


def _window(
    columns: int, first: int, last: int, middle: float, ground: float, unit: float
) -> AnyArray:
    """1 near the contact, falling to 0 where the shadow's box ends: no edge may show there."""
    x = (np.arange(columns) + 0.5 - middle) / unit
    y = ((np.arange(first, last) + 0.5 - ground) / unit)[:, None]
    aside = np.clip((ASIDE - 0.02 - np.abs(x)) / 0.25, 0, 1)
    behind = np.clip((y + BEHIND - 0.02) / 0.12, 0, 1)
    before = np.clip((BEFORE - 0.02 - y) / 0.08, 0, 1)
    return (aside * np.minimum(behind, before)).astype(np.float32)


def _shift_rows(image: AnyArray, scale: float, down: float, rows: int) -> AnyArray:
    """``rows`` rows of the image after its rows were scaled and then moved down."""
    matrix = np.array([[1.0, 0.0, 0.0], [0.0, scale, down]])
    return cv2.warpAffine(image, matrix, (image.shape[1], rows))


def _blur(image: AnyArray, across: float, along: float) -> AnyArray:
    """The image blurred, with nothing around it."""
    across, along = max(across, 0.3), max(along, 0.3)
    return cv2.GaussianBlur(image, (0, 0), across, sigmaY=along, borderType=cv2.BORDER_CONSTANT)
