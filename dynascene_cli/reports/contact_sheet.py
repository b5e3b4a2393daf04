"""Many frames on one picture, small and labelled, so that a clip is judged at a glance."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from dynascene_cli.compositing.blend import lay_over
from dynascene_cli.compositing.foreground import estimate_foreground
from dynascene_cli.errors import InputError
from dynascene_cli.shot import Image

PAPER = (24, 24, 27)
INK = (228, 228, 231)
SQUARES = ((153, 153, 153), (102, 102, 102))
BOX_COLOUR = (250, 204, 21)
GAP = 8


def contact_sheet(
    frames: Iterable[Image], labels: Sequence[str], columns: int = 4, tile_width: int = 320
) -> Image:
    """Frames (H, W, 3) in rows of ``columns``, each ``tile_width`` wide, its label under it.

    Portrait frames are as high as they need to be; a sheet of fewer frames than columns is
    narrower.

    Raises:
        InputError: there are no frames, or not one label for each.
    """
    tiles = [_fit_width(np.asarray(frame), tile_width) for frame in frames]
    if not tiles:
        raise InputError("a contact sheet of no frames", "give at least one frame")
    if len(labels) != len(tiles):
        raise InputError(
            f"{len(labels)} labels for {len(tiles)} frames", "give one label for each frame"
        )
    text_size = max(11, tile_width // 20)
    font = ImageFont.load_default(text_size)
    used = min(max(columns, 1), len(tiles))
    rows = -(-len(tiles) // used)
    row_height = max(tile.shape[0] for tile in tiles) + text_size + 2 * GAP
    size = (GAP + used * (tile_width + GAP), GAP + rows * row_height)
    sheet = PillowImage.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    for index, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        x = GAP + index % used * (tile_width + GAP)
        y = GAP + index // used * row_height
        sheet.paste(PillowImage.fromarray(tile), (x, y))
        text = _shorten_label(label, font, tile_width)
        draw.text((x, y + tile.shape[0] + GAP // 2), text, INK, font)
    return np.asarray(sheet)


def checkerboard_sheet(
    frames_with_alpha: Iterable[tuple[Image, NDArray[np.uint8]]],
    times: Sequence[float],
    boxes: Sequence[NDArray[np.float64]] | None = None,
    columns: int = 4,
    tile_width: int = 320,
) -> Image:
    """The person cut out over a checkerboard, for frames (H, W, 3) with alphas (H, W).

    Edges show the foreground's own colours, as a composite will. ``times`` are in seconds;
    ``boxes`` (n, 4) of each frame are outlined, NaN is none.

    Raises:
        InputError: there are no frames, or not one time for each.
    """
    tiles = (
        _draw_outlines(
            _cut_out(_fit_width(frame, tile_width), _fit_width(alpha, tile_width)),
            np.zeros((0, 4)) if boxes is None else boxes[index] * (tile_width / frame.shape[1]),
        )
        for index, (frame, alpha) in enumerate(frames_with_alpha)
    )
    return contact_sheet(tiles, [f"{time:.2f} s" for time in times], columns, tile_width)


def _cut_out(frame: Image, alpha: NDArray[np.uint8]) -> Image:
    height, width = alpha.shape
    side = max(4, width // 32)
    y, x = np.mgrid[:height, :width] // side
    board = np.array(SQUARES, np.uint8)[(x + y) % 2]
    lay_over(*estimate_foreground(frame, alpha, height), board)
    return board


def _draw_outlines(tile: Image, boxes: NDArray[np.float64]) -> Image:
    for box in boxes[np.isfinite(boxes).all(axis=1)]:
        x0, y0, x1, y1 = np.round(box).astype(int).tolist()
        cv2.rectangle(tile, (x0, y0), (x1, y1), BOX_COLOUR, 1)
    return tile


def _fit_width(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    method = cv2.INTER_AREA if width < image.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)


def _shorten_label(
    label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: int
) -> str:
    if font.getlength(label) <= width:
        return label
    kept = label
    while kept and font.getlength(kept + "…") > width:
        kept = kept[:-1]
    return kept + "…"
