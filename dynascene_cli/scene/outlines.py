"""Where the cards of a pop-up come apart when the camera moves, and how much that would show."""

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.scene.popup import PopUp, Surface
from dynascene_cli.scene.popup_layers import CUT
from dynascene_cli.scene.single_view_geometry import GeometryGuess
from dynascene_cli.scene.surfaces import photo_surfaces
from dynascene_cli.shot import Image, Margins, Outlines

CONTENT = {
    Surface.GROUND: 0.25,
    Surface.SKY: 0.1,
    Surface.CEILING: 0.4,
    Surface.STRUCTURE: 1.0,
    Surface.PLANT: 0.4,
    Surface.VEHICLE: 1.0,
    Surface.PERSON: 1.0,
    Surface.FURNITURE: 1.0,
    Surface.OTHER: 0.7,
    Surface.POST: 1.0,
    Surface.SLOPE: 0.7,
}
"""How much it is noticed that something of each kind is made up: a copied car, not copied road."""

AROUND = 0.3
"""How much of a near thing's own weight counts where what it uncovers is plain."""

Places = NDArray[np.intp]

_TABLE = np.array([CONTENT[surface] for surface in Surface])


def rim(guess: GeometryGuess, photo: Image) -> Floats:
    """How much it is noticed (H, W) when what is beside a photo's pixels is made up."""
    if guess.labels is not None:
        return np.asarray(_TABLE[photo_surfaces(photo, guess)])
    kinds = np.where(guess.ground, Surface.GROUND, np.where(guess.sky, Surface.SKY, Surface.OTHER))
    return np.asarray(_TABLE[kinds])


def outlines(popup: PopUp | None, room: Margins) -> Outlines:
    """The outlines of the cards of a pop-up of the frame and ``room`` around it; none of None."""
    if popup is None:
        none, nowhere = np.zeros(0), np.zeros((0, 2))
        return Outlines(nowhere, none, none, nowhere, none, none, none)
    inverse = popup.inverse_depth(popup.index).astype(float)
    height, width = inverse.shape
    parts = []
    for down, right in ((0, 1), (1, 0)):
        first, second = np.s_[: height - down, : width - right], np.s_[down:, right:]
        near, far = (
            np.maximum(inverse[first], inverse[second]),
            np.minimum(inverse[first], inverse[second]),
        )
        rows, columns = np.nonzero(near > CUT * far)
        at = rows, columns
        outward = np.where(inverse[first][at] > inverse[second][at], 1.0, -1.0)[:, None]
        here, there = popup.surfaces[first][at], popup.surfaces[second][at]
        front = np.where(outward[:, 0] > 0, here, there)
        behind = np.where(outward[:, 0] > 0, there, here)
        beside = np.maximum(_TABLE[behind], AROUND * _TABLE[front])
        same = (here == there) & (here > Surface.CEILING)
        along, place = at if right else at[::-1]
        parts.append(
            Outlines(
                pixels=np.stack([columns + 0.5 + right / 2, rows + 0.5 + down / 2], axis=1)
                - [room.left, room.top],
                near=near[at],
                far=far[at],
                outward=outward * [right, down],
                weight=beside,
                torn=np.where(same, _TABLE[here], 0.0),
                thick=_thickness(along, place, outward[:, 0]),
            )
        )
    across, upright = (vars(part) for part in parts)
    return Outlines(**{name: np.concatenate([across[name], upright[name]]) for name in across})


def _thickness(line: Places, place: Places, outward: Floats) -> Floats:
    """The distance (E,) from an outline inwards to the next one on its line, infinite without.

    ``line`` and ``place`` (E,) are its row and column, or the reverse; ``outward`` (E,) is 1 where
    the nearer side has the lower place, else -1.
    """
    order = np.lexsort((place, line))
    gaps = np.where(np.diff(line[order]) == 0, np.diff(place[order]), np.inf)
    before, after = np.append(np.inf, gaps), np.append(gaps, np.inf)
    thick = np.empty(len(line))
    thick[order] = np.where(outward[order] > 0, before[: len(line)], after[: len(line)])
    return thick
