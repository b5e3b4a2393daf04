"""A depth map from a transformers depth model, where torch and transformers are installed."""

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import MissingError, StageError
from dynascene_cli.shot import Image

MODEL = "depth-anything/Depth-Anything-V2-Small-hf"


def network_depth(photo: Image, model: str = MODEL) -> NDArray[np.float32]:
    """The model's depth map (h, w) of a photo (H, W, 3): what it predicts, in its own unit.

    ``model`` is a folder or a name among the models that are already on this machine.

    Raises:
        MissingError: torch or transformers is not installed, or the model is not on the machine.
        StageError: the model failed on the photo.
    """
    try:
        transformers: Any = importlib.import_module("transformers")
        importlib.import_module("torch")
        image_module: Any = importlib.import_module("PIL.Image")
    except ImportError as error:
        raise MissingError(
            f"a depth network needs {error.name}, which is not installed",
            "pip install torch transformers, or give a depth map with --depth FILE",
        ) from error
    try:
        estimate = transformers.pipeline(
            "depth-estimation", model=model or MODEL, local_files_only=True
        )
    except (OSError, ValueError) as error:
        raise MissingError(
            f"the depth model {model} is not on this machine",
            f"hf download {model}, or give a depth map with --depth FILE",
        ) from error
    try:
        predicted = estimate(image_module.fromarray(photo))["predicted_depth"]
    except RuntimeError as error:
        raise StageError(
            f"the depth model {model} failed: {error}", "give a depth map with --depth FILE"
        ) from error
    return np.asarray(predicted.squeeze().cpu().numpy(), np.float32)
