"""Weights that a user brings, tried on one frame before they are kept."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from dynascene_cli import weights
from dynascene_cli.errors import DynasceneError, InputError
from dynascene_cli.inference.object_detector import MIN_SCORE, intersection_over_union
from dynascene_cli.inference.onnx_network import OnnxNetwork
from dynascene_cli.inference.yolox import YoloxNetwork
from dynascene_cli.matting.bundled import BundledMattingModel
from dynascene_cli.matting.registry import PROMPTED, network_matting_model, require_packages
from dynascene_cli.shot import Image
from dynascene_cli.video import open_clip, read_frames

CLIP = Path(__file__).resolve().parents[1] / "demo_media" / "gym.mp4"
PERSON, PLACE = 200, 30
"""Alphas of what surely is the person in the trial's frame, and of what surely is not."""
LEAST_DIFFERENCE = 0.25
"""Between the mean alphas of both. Robust Video Matting's is 0.99, U²-Netp's 0.95."""

LEAST_OVERLAP = 0.5
"""Of the person's box by their matte and by a detector."""


def try_weights(name: str, path: Path) -> None:
    """Let the network of that name in a file matte one frame.

    Raises:
        InputError: it is no network, another network, or one that does not tell a person from
            where they are.
    """
    hint = f"give the weights of {name}: see docs/models.md"
    kind = weights.find(name).kind
    if kind == "detection":
        try_detector(path)
        return
    if kind not in ("matting", "edges"):
        OnnxNetwork(path)
        return
    try:
        if kind == "edges":
            _try_edges(name, path)
            return
        model = network_matting_model(name, path)
        frame, known = _trial_frame()
        alpha = model.step(frame, model.initial_state(np.full(4, np.nan)))[0].alpha
    except DynasceneError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path} does not run as {name}: {reason[:200]}", hint) from error
    if name in PROMPTED:
        # A folder's configuration and its weights' names say what they are.
        return
    difference = (alpha[known >= PERSON].mean() - alpha[known <= PLACE].mean()) / 255
    if not difference >= LEAST_DIFFERENCE:
        raise InputError(
            f"{path} is no matting network: it does not separate the person from the background "
            "in the frame that it was tried on",
            hint,
        )


def try_detector(path: Path) -> None:
    """Let the detector in a file find the person of one frame.

    Raises:
        InputError: it is no YOLOX, or one that does not find them.
    """
    frame, known = _trial_frame()
    found = YoloxNetwork(path).people_boxes(frame, MIN_SCORE)
    rows, columns = np.nonzero(known >= PERSON)
    person = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)
    if not len(found) or intersection_over_union(person, found).max() < LEAST_OVERLAP:
        raise InputError(
            f"{path} does not find the person in the frame that it was tried on",
            "export it with YOLOX's tools/export_onnx.py, boxes not decoded, people first of the "
            "classes",
        )


def _try_edges(name: str, path: Path) -> None:
    require_packages(name)
    from dynascene_cli.matting.prompted.vitmatte import VitMatte

    frame, known = _trial_frame()
    part = np.s_[: frame.shape[0] // 2, : frame.shape[1] // 2]
    VitMatte(path).alpha(frame[part], (known[part] / 255).astype(np.float32), 8.0)


@lru_cache(maxsize=1)
def _trial_frame() -> tuple[Image, Image]:
    """The first frame of the shipped clip and its alpha by the bundled model."""
    frame = next(iter(read_frames(open_clip(CLIP), 0, 1)))
    model = BundledMattingModel()
    return frame, model.step(frame, model.initial_state(np.full(4, np.nan)))[0].alpha
