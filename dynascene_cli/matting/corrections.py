"""Alphas that the user corrected by hand, blended into the frames around them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.errors import InputError
from dynascene_cli.inference.onnx_network import FloatArray
from dynascene_cli.shot import Clip, FrameSource, Image
from dynascene_cli.video import matte_picture

REACH = 4
"""Frames on each side over which a correction fades."""
FLOW_SIDE = 512
SUFFIXES = (".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".exr")


def correction_files(folder: Path, clip: Clip, first_number: int) -> dict[int, Path]:
    """The corrected alphas in a folder, by the index (from 0) of their frame; maybe none.

    Their names end with the frame's number; that of the clip's first frame is ``first_number``.

    Raises:
        InputError: the folder is missing, a name has no number or one outside the clip, or a
            number comes twice.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder", "give a folder of alphas such as 00012.png")
    kept: dict[int, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        number = re.search(r"(\d+)$", path.stem)
        if number is None:
            raise InputError(f"{path} has no frame number", "name it like 00012.png")
        index = int(number[1]) - first_number
        if not 0 <= index < clip.frame_count:
            raise InputError(
                f"{path} names frame {int(number[1])}",
                f"the clip has frames {first_number} to {first_number + clip.frame_count - 1}",
            )
        if index in kept:
            raise InputError(f"{path} and {kept[index].name} name the same frame", "keep one")
        kept[index] = path
    return kept


def read_corrections(folder: Path, clip: Clip, first_number: int) -> dict[int, Image]:
    """The corrected alphas (H, W) in a folder, by the index (from 0) of their frame.

    Raises:
        InputError: as of ``correction_files``, or there is none, or a picture is not readable or
            not of the clip's size.
    """
    kept = correction_files(folder, clip, first_number)
    if not kept:
        raise InputError(f"{folder} holds no alphas", "name them like 00012.png, white = person")
    return {index: _read_alpha(path, clip) for index, path in kept.items()}


def _read_alpha(path: Path, clip: Clip) -> Image:
    alpha = matte_picture(path)
    height, width = alpha.shape
    if (width, height) != (clip.width, clip.height):
        raise InputError(
            f"{path} is {width}×{height}", f"the clip's frames are {clip.width}×{clip.height}"
        )
    return alpha


def blend_corrections(
    alpha: Image, index: int, kept: Mapping[int, Image], made: Mapping[int, Image]
) -> Image:
    """The alpha (H, W) of frame ``index`` with the corrections of its neighbours blended in.

    A corrected frame is taken as it is. Up to REACH frames from one, what the hand changed there
    follows the motion of the matte and fades linearly with distance. ``made`` holds, for every
    corrected frame that near, the alpha before it was corrected.
    """
    if index in kept:
        return kept[index]
    result = alpha.astype(np.float32)
    for neighbour in _neighbouring_corrections(index, kept):
        change = kept[neighbour].astype(np.float32) - made[neighbour]
        share = 1 - abs(neighbour - index) / (REACH + 1)
        result += share * _move_change(change, made[neighbour], alpha)
    return np.clip(result + 0.5, 0, 255).astype(np.uint8)


def _neighbouring_corrections(index: int, kept: Mapping[int, Image]) -> tuple[int, ...]:
    before = max((k for k in kept if k < index), default=None)
    after = min((k for k in kept if k > index), default=None)
    return tuple(k for k in (before, after) if k is not None and abs(k - index) <= REACH)


def _move_change(change: FloatArray, source: Image, target: Image) -> FloatArray:
    """A change (H, W) made to the alpha ``source``, moved to where ``target`` has that outline."""
    height, width = change.shape
    scale = min(1.0, FLOW_SIDE / max(height, width))
    size = (max(16, round(width * scale)), max(16, round(height * scale)))
    small = [cv2.GaussianBlur(cv2.resize(each, size), (0, 0), 2) for each in (target, source)]
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    motion = flow.calc(small[0], small[1], np.zeros((size[1], size[0], 2), np.float32))
    motion = cv2.resize(motion, (width, height))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x = columns + motion[..., 0] * np.float32(width / size[0])
    y = rows + motion[..., 1] * np.float32(height / size[1])
    return cv2.remap(change, x, y, cv2.INTER_LINEAR).astype(np.float32, copy=False)


@dataclass(frozen=True, eq=False)
class CorrectedAlphas:
    """Alphas with the user's corrections (frame number → alpha) blended in."""

    alphas: FrameSource
    kept: Mapping[int, Image]

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        return self.alphas.frame_count

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield alphas first ≤ i < last (all from first when last is None), in order."""
        made: dict[int, Image] = {}
        for index, alpha in enumerate(self.alphas.frames(first, last), first):
            near = _neighbouring_corrections(index, self.kept)
            made = {k: made[k] if k in made else self._made(k) for k in near}
            yield blend_corrections(alpha, index, self.kept, made)

    def _made(self, index: int) -> Image:
        return next(iter(self.alphas.frames(index, index + 1)))
