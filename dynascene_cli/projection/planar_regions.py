"""Cells of a relief that lie in one plane, drawn as one piece: ground, walls, and far sky."""

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def find_flat_pieces(inverse_depth, ys, xs, kept, slack):  # type: ignore[no-untyped-def]
    """Corners (R, 4) of rectangles of flat cells, as vertex numbers, and which cells are left.

    ``inverse_depth`` (rows, columns) stands on the grid lines ``ys`` × ``xs``; a plane is where it
    is linear in both, to within ``slack``. Only ``kept`` (rows − 1, columns − 1) cells are taken.
    Each rectangle grows from its upper left cell along whichever axis reaches further.
    """
    rows, columns = kept.shape
    left = kept.copy()
    pieces = np.empty((rows * columns, 4), np.int64)
    count = 0
    for j in range(rows):
        for i in range(columns):
            if not left[j, i] or not _is_flat(inverse_depth, ys, xs, j, i, j + 1, i + 1, slack):
                continue
            wide, tall = (j + 1, i + 1), (j + 1, i + 1)
            for _ in range(2):
                wide = _grow_rectangle(inverse_depth, ys, xs, left, j, i, wide, 1, slack)
                wide = _grow_rectangle(inverse_depth, ys, xs, left, j, i, wide, 0, slack)
                tall = _grow_rectangle(inverse_depth, ys, xs, left, j, i, tall, 0, slack)
                tall = _grow_rectangle(inverse_depth, ys, xs, left, j, i, tall, 1, slack)
            if (wide[0] - j) * (wide[1] - i) >= (tall[0] - j) * (tall[1] - i):
                end_row, end_column = wide
            else:
                end_row, end_column = tall
            left[j:end_row, i:end_column] = False
            across = columns + 1
            pieces[count, 0] = j * across + i
            pieces[count, 1] = j * across + end_column
            pieces[count, 2] = end_row * across + i
            pieces[count, 3] = end_row * across + end_column
            count += 1
    return pieces[:count].copy(), left


@njit(cache=True, error_model="numpy")
def _grow_rectangle(inverse_depth, ys, xs, left, j, i, end, axis, slack):  # type: ignore[no-untyped-def]
    """The end (row, column) of a rectangle from (j, i), moved on while it stays flat."""
    end_row, end_column = end
    while True:
        row, column = (end_row + 1, end_column) if axis == 0 else (end_row, end_column + 1)
        if row > left.shape[0] or column > left.shape[1]:
            break
        added = left[end_row:row, i:column] if axis == 0 else left[j:row, end_column:column]
        if not added.all() or not _is_flat(inverse_depth, ys, xs, j, i, row, column, slack):
            break
        end_row, end_column = row, column
    return end_row, end_column


@njit(cache=True, error_model="numpy")
def _is_flat(inverse_depth, ys, xs, j, i, end_row, end_column, slack):  # type: ignore[no-untyped-def]
    """Whether the vertices of a rectangle lie within ``slack`` of the plane of three corners."""
    corner = inverse_depth[j, i]
    down = (inverse_depth[end_row, i] - corner) / (ys[end_row] - ys[j])
    along = (inverse_depth[j, end_column] - corner) / (xs[end_column] - xs[i])
    for row in range(end_row, j - 1, -1):
        for column in range(end_column, i - 1, -1):
            plane = corner + down * (ys[row] - ys[j]) + along * (xs[column] - xs[i])
            if abs(inverse_depth[row, column] - plane) > slack:
                return False
    return True
