"""What is in a photo, pixel by pixel: a DeepLab network (Chen et al. 2018) trained on ADE20K.

The network sees the whole photo and two square crops of it; its probabilities are averaged. Its
grid is coarse: borders between kinds of things are brought to the photo's own edges by a guided
filter.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from dynascene_cli import weights
from dynascene_cli.inference.onnx_network import FloatArray, OnnxNetwork
from dynascene_cli.numerics.threads import map_in_threads
from dynascene_cli.scene.ade20k import KINDS, NAMES
from dynascene_cli.scene.guided_filter import Guide
from dynascene_cli.shot import Image, Mask

SIDE, GRID = 513, 129
"""The network's input and output, pixels to a side."""

WORKING_WIDTH = 960
RADIUS = 1 / 120
"""The guided filter's radius, as a share of the width: about one cell of the network's grid."""

EDGE_VARIANCE = 60.0
RARE = 0.02
"""Kinds whose probability stays below this everywhere are left out."""

SURE = 0.6
"""Mean probability of the winning kinds from which a photo counts as understood."""

INDOORS = ("wall", "floor", "rug", "door", "curtain", "window", "painting", "column", "mirror")

_INDICES = {name: index for index, name in enumerate(NAMES)}
_MEMBERS = {kind: [_INDICES[name] for name in names.split()] for kind, names in KINDS.items()}


@dataclass(frozen=True, eq=False)
class SceneLabels:
    """The classes of a photo's pixels.

    ``classes`` (H, W) uint8 are indices into `ade20k.NAMES`; ``certainty`` (h, w) float32, on a
    coarse grid over the same picture, is the probability of the kind of thing that won there.
    ``people`` (H, W) says better than the classes where people are (`outline_people`), where that
    was looked at.
    """

    classes: NDArray[np.uint8]
    certainty: NDArray[np.float32]
    people: NDArray[np.uint8] | None = None

    def mask(self, *kinds_or_classes: str) -> Mask:
        """Where (H, W) the picture shows any of these kinds (`ade20k.KINDS`) or classes."""
        chosen = np.zeros(len(NAMES), np.bool_)
        for name in kinds_or_classes:
            chosen[_MEMBERS.get(name) or [_INDICES[name]]] = True
        return chosen[self.classes]

    def certainty_of(self, mask: Mask) -> float:
        """The mean certainty inside a mask (H, W); 0 where the mask is empty."""
        size = self.certainty.shape[::-1]
        share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        total = float(share.sum())
        return float((self.certainty * share).sum() / total) if total > 0 else 0.0

    @property
    def interior(self) -> bool:
        """Whether this is a room: walls, floors and furniture, and no sky to speak of."""
        inside = self.mask("ceiling", "furniture", *INDOORS)
        return float(inside.mean()) > 0.5 and float(self.mask("sky").mean()) < 0.05

    @property
    def understood(self) -> bool:
        """Whether the network is sure enough of the picture as a whole to be relied on."""
        return float(self.certainty.mean()) >= SURE


@lru_cache(maxsize=1)
def _network() -> OnnxNetwork:
    return OnnxNetwork(weights.path_of("ade20k-deeplab"))


def scene_labels(
    photo: Image,
    probabilities: FloatArray | None = None,
    around: FloatArray | None = None,
) -> SceneLabels:
    """The labels of an RGB photo (H, W, 3), by its class ``probabilities`` where they are known.

    Where it is only a part of a larger photo, ``around`` are those (151, h, w) of the part in it,
    and both count: what a part shows is often told only by what is around it.

    Raises:
        MissingError: the network's weights are not in this installation.
    """
    if probabilities is None:
        probabilities = class_probabilities(photo)
    if around is not None:
        finer = _upsample(around, probabilities.shape[1:])
        probabilities = np.asarray((probabilities + finer) / 2, np.float32)
    kinds = [kind for kind, members in _MEMBERS.items()]
    coarse = np.stack([probabilities[members].sum(axis=0) for members in _MEMBERS.values()])
    seen = np.flatnonzero(coarse.max(axis=(1, 2)) >= RARE)
    height, width = photo.shape[:2]
    working = min(1.0, WORKING_WIDTH / width)
    size = max(1, round(width * working)), max(1, round(height * working))
    small = np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    guide = Guide.of(small, max(2, round(RADIUS * size[0])), EDGE_VARIANCE)
    best = np.full((height, width), -np.inf, np.float32)
    classes = np.zeros((height, width), np.uint8)
    for index in seen:
        score = guide.filter(np.asarray(cv2.resize(coarse[index], size), np.float32))
        score = np.asarray(cv2.resize(score, (width, height)), np.float32)
        members = np.array(_MEMBERS[kinds[index]], np.uint8)
        likeliest = members[probabilities[members].argmax(axis=0)]
        wins = score > best
        best[wins] = score[wins]
        classes[wins] = cv2.resize(likeliest, (width, height), interpolation=cv2.INTER_NEAREST)[
            wins
        ]
    return SceneLabels(classes, np.asarray(coarse.max(axis=0), np.float32))


def class_probabilities(photo: Image) -> FloatArray:
    """Class probabilities (151, h, w), the shorter side as fine as the network's grid."""
    height, width = photo.shape[:2]
    short = min(height, width)
    grid = max(1, round(GRID * height / short)), max(1, round(GRID * width / short))
    if max(grid) < 1.15 * GRID:
        seen, mirrored = map_in_threads(_look_closely, (photo, photo[:, ::-1]))
        mean = (_upsample(seen, grid) + _upsample(mirrored, grid)[..., ::-1]) / 2
        return np.asarray(mean, np.float32)
    ends = photo[:short, :short], photo[height - short :, width - short :]
    whole, *seen_ends = map_in_threads(_look_closely, (photo, *ends))
    total = _upsample(whole, grid)
    weight = np.ones(grid, np.float32)
    side = min(grid)
    shown = np.s_[:side, :side], np.s_[grid[0] - side :, grid[1] - side :]
    for (rows, columns), seen in zip(shown, seen_ends, strict=True):
        total[:, rows, columns] += _upsample(seen, (side, side))
        weight[rows, columns] += 1
    return np.asarray(total / weight, np.float32)


def part_of(
    probabilities: FloatArray, size: tuple[int, ...], window: tuple[slice, slice]
) -> FloatArray:
    """The rows and columns of probabilities (151, h, w) that a window of the picture shows."""
    rows, columns = (
        slice(
            int(span.start * grid / pixels),
            max(int(span.start * grid / pixels) + 1, round(span.stop * grid / pixels)),
        )
        for span, pixels, grid in zip(window, size, probabilities.shape[1:], strict=False)
    )
    return probabilities[:, rows, columns]


def _look_closely(picture: Image) -> FloatArray:
    """Class probabilities (151, 129, 129) of a picture that is stretched to a square."""
    interpolation = cv2.INTER_AREA if min(picture.shape[:2]) > SIDE else cv2.INTER_LINEAR
    square = cv2.resize(picture, (SIDE, SIDE), interpolation=interpolation)
    tensor = square.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1
    logits = _network().run(["logits"], {"image": np.ascontiguousarray(tensor)})[0][0]
    likelihood = np.exp(logits - logits.max(axis=0))
    return np.asarray(likelihood / likelihood.sum(axis=0), np.float32)


def _upsample(probabilities: FloatArray, grid: tuple[int, ...]) -> FloatArray:
    resized = [cv2.resize(plane, grid[::-1]) for plane in probabilities]
    return np.asarray(np.stack(resized), np.float32)
