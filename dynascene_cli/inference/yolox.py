"""People found in a picture by a YOLOX (Ge et al. 2021) that a user brings, of any size."""

from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.inference.object_detector import suppress_overlaps
from dynascene_cli.inference.onnx_network import OnnxNetwork
from dynascene_cli.shot import Image

STRIDES = (8, 16, 32)
"""Pixels between the cells of each of the three grids in which boxes are told."""

PADDING = 114
PERSON = 5
"""A cell tells x, y, width, height, whether there is a thing, and how much it is each class; people
are the first class of COCO."""


class YoloxNetwork:
    """A file as YOLOX's own ``tools/export_onnx.py`` writes it, boxes not decoded yet.

    Raises:
        InputError: the file is another network, or none.
    """

    def __init__(self, path: Path) -> None:
        self._network = OnnxNetwork(path)
        inputs = {name: shape for name, (shape, _) in self._network.inputs().items()}
        outputs = self._network.outputs()
        match [*inputs.items()], [*outputs.items()]:
            case [(fed, [1, 3, int(height), int(width)])], [(given, [1, int(cells), int(values)])]:
                self._input, self._output, self._size = fed, given, (width, height)
                self._cells = _cells(width, height)
                is_yolox = cells == len(self._cells) and values > PERSON
            case _:
                is_yolox = False
        if not is_yolox:
            found = ", ".join(f"{name} {shape}" for name, shape in (inputs | outputs).items())
            raise InputError(
                f"{path} is no YOLOX: it has {found}",
                "one input of 1×3×H×W and an output of 1×N×(5 + classes) are expected, N the cells "
                "of the strides 8, 16 and 32",
            )

    def people_boxes(self, image: Image, min_score: float) -> Floats:
        """Boxes (N, 5) x0, y0, x1, y1, score of the people in an RGB picture, best first."""
        height, width = image.shape[:2]
        scale = min(self._size[0] / width, self._size[1] / height)
        size = max(1, int(width * scale)), max(1, int(height * scale))
        canvas = np.full((self._size[1], self._size[0], 3), PADDING, np.uint8)
        canvas[: size[1], : size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        planes = np.ascontiguousarray(canvas[..., ::-1].transpose(2, 0, 1)[None], np.float32)
        told = self._network.run([self._output], {self._input: planes})[0][0].astype(float)
        scores = told[:, 4] * told[:, PERSON]
        sure = scores >= min_score
        column, row, stride = self._cells[sure].T
        x, y = (told[sure, 0] + column) * stride, (told[sure, 1] + row) * stride
        wide, high = (np.exp(told[sure, side]) * stride / 2 for side in (2, 3))
        boxes = np.stack([x - wide, y - high, x + wide, y + high, scores[sure]], axis=1)
        boxes[:, 0:4:2] = np.clip(boxes[:, 0:4:2] * width / size[0], 0, width)
        boxes[:, 1:4:2] = np.clip(boxes[:, 1:4:2] * height / size[1], 0, height)
        return suppress_overlaps(boxes)


def _cells(width: int, height: int) -> Floats:
    """Column, row and stride (N, 3) of every cell, in the order in which they are told."""
    grids = []
    for stride in STRIDES:
        row, column = np.mgrid[: height // stride, : width // stride]
        grids.append(np.stack([column.ravel(), row.ravel(), np.full(row.size, stride)], axis=1))
    return np.concatenate(grids).astype(float)
