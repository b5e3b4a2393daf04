"""The photo shown a little larger under a move, which then sees more photo where its edge was.

What lies past the photo's edges is made up, and looks it: windows are mirrored, a road's lines
bend. Shown a few per cent larger, the photo itself goes on there, and the person stays as large as
they were filmed.
"""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.pipeline.canvas import CLEAN, CanvasPlan
from dynascene_cli.pipeline.framed_photo import frame_photo
from dynascene_cli.pipeline.request import SceneRequest
from dynascene_cli.pipeline.scene import Place
from dynascene_cli.scene import GeometryGuess
from dynascene_cli.shot import SceneGeometry
from dynascene_cli.storage.project import stage_key

Element = TypeVar("Element", bound=np.generic)

VERSION = 1

MOST_TIGHTENED = 1.12
"""How many times larger the photo is shown at most."""

SPARE = 0.004
"""A share of the frame's side that is added to what a move was seen to need."""


@dataclass(frozen=True)
class Tightening:
    """How many times as large a photo is shown, and the pixels cut off at its ``left`` and top."""

    zoom: float
    left: float
    top: float


def tightening(canvas: CanvasPlan, geometry: SceneGeometry) -> Tightening | None:
    """How much larger the photo hides what its edges lack under a move, None where they suffice.

    As much as is needed, up to MOST_TIGHTENED; what is left over is cut off about the principal
    point, so that the horizon stays where it was if it can.
    """
    sides = np.array([geometry.width, geometry.height, geometry.width, geometry.height])
    lacking = np.array(canvas.margins_plan.reach) - np.array(list(vars(canvas.room).values()))
    noticed = canvas.invention.past.max(axis=0, initial=0.0) > CLEAN
    lacking = np.where(noticed & (lacking > 0), lacking + SPARE * sides, 0.0)
    if not lacking.any():
        return None
    shares = np.minimum((lacking[:2] + lacking[2:]) / sides[:2], 1 - 1 / MOST_TIGHTENED)
    zoom = float(1 / (1 - shares.max()))
    gained = zoom - 1
    left = _cut_before(
        gained * geometry.width, zoom * lacking[0], zoom * lacking[2], gained * geometry.middle
    )
    top = _cut_before(
        gained * geometry.height, zoom * lacking[1], zoom * lacking[3], gained * geometry.horizon
    )
    return Tightening(zoom, left, top)


def _cut_before(spare: float, before: float, after: float, preferred: float) -> float:
    """How much of ``spare`` pixels is cut off before a frame that needs them on both its sides."""
    if before + after > spare:
        return float(spare * before / (before + after))
    return float(np.clip(preferred, before, spare - after))


def tighten(
    request: SceneRequest, place: Place, tightened: Tightening, size: tuple[int, int]
) -> Place:
    """The place of a photo that is shown larger, its geometry and labels as they were read."""
    (width, height), zoom = size, tightened.zoom
    window = place.window
    shown = [zoom * window.scale * side for side in place.photo_size]
    crop = (
        (zoom * window.left + tightened.left + width / 2) / shown[0],
        (zoom * window.top + tightened.top + height / 2) / shown[1],
    )
    framed = frame_photo(request.photo, place.depends_on["photo"], size, crop, zoom)
    cut = Tightening(
        zoom, framed.window.left - zoom * window.left, framed.window.top - zoom * window.top
    )
    depends_on = {**place.depends_on, "tightened": [VERSION, zoom, *crop]}
    return replace(
        place,
        photo=framed.picture,
        window=framed.window,
        surroundings=framed.surroundings,
        guess=_magnify_guess(place.guess, cut),
        people=None if place.people is None else _magnify(place.people, cut, size),
        depth=None if place.depth is None else _magnify(place.depth, cut, size),
        key=stage_key("place", VERSION, {**depends_on, "of": place.key}),
        depends_on=depends_on,
    )


def _magnify_guess(guess: GeometryGuess, cut: Tightening) -> GeometryGuess:
    geometry, zoom = guess.geometry, cut.zoom
    width, height = geometry.width, geometry.height
    size = width, height

    def moved(row: float) -> float:
        return row * zoom - cut.top / height

    viewpoint, guessed, labels = guess.viewpoint, dict(guess.guessed), guess.labels
    if labels is not None:
        labels = replace(
            labels,
            classes=_magnify(labels.classes, cut, size),
            certainty=_magnify(labels.certainty, cut, size),
            people=None if labels.people is None else _magnify(labels.people, cut, size),
        )
    return replace(
        guess,
        geometry=replace(
            geometry,
            focal=geometry.focal * zoom,
            horizon=geometry.horizon * zoom - cut.top,
            off_centre=geometry.middle * zoom - cut.left - width / 2,
        ),
        sky=_magnify(guess.sky, cut, size),
        ground=_magnify(guess.ground, cut, size),
        evidence=tuple(
            replace(item, row=moved(item.row), spread=item.spread * zoom) for item in guess.evidence
        ),
        viewpoint=replace(
            viewpoint, row=moved(viewpoint.row), row_spread=viewpoint.row_spread * zoom
        ),
        guessed={
            **guessed,
            "horizon": moved(guessed["horizon"]),
            "focal": guessed["focal"] * zoom,
        },
        labels=labels,
    )


def _magnify(picture: NDArray[Element], cut: Tightening, size: tuple[int, int]) -> NDArray[Element]:
    """What an array (h, w) over the frame shows once that is enlarged, at its own resolution."""
    height, width = picture.shape
    x = (np.arange(width) + 0.5 + cut.left * width / size[0]) / cut.zoom
    y = (np.arange(height) + 0.5 + cut.top * height / size[1]) / cut.zoom
    columns = np.clip(x.astype(int), 0, width - 1)
    rows = np.clip(y.astype(int), 0, height - 1)
    return np.asarray(picture[np.ix_(rows, columns)])
