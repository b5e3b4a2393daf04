"""The matters of rembg, frame by frame, from weights that the user has."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import Floats
from dynascene_cli.matting.following import following_state
from dynascene_cli.matting.given import matte_of_given_alpha
from dynascene_cli.matting.matter import MatteFrame, MatterState
from dynascene_cli.shot import Image

NEEDING_MORE = frozenset({"sam", "u2net_custom", "dis_custom", "ben_custom", "u2net_cloth_seg"})
"""rembg's models that want prompts or paths, or tell clothes apart."""


def check_rembg_model(model: str) -> None:
    """Accept what rembg mattes with.

    Raises:
        InputError: rembg has no model of that name that mattes by itself.
    """
    from rembg.sessions import sessions

    offered = sorted(set(sessions) - NEEDING_MORE)
    if model not in offered:
        raise InputError(f"rembg has no matter {model!r}", f"it has {', '.join(offered)}")


class RembgMatter:
    """Any of rembg's models, frame by frame; never downloaded here.

    Raises:
        MissingError: its weights were not added.
    """

    def __init__(self, model: str) -> None:
        self.name = f"{weights.REMBG_PREFIX}{model}"
        path = weights.path_of(self.name)
        self._session: Any = _rembg_session(model, path)
        self.identity = f"{self.name}-{weights.verify(self.name)[:12]}"

    def initial_state(self, box: Floats) -> MatterState:
        """The chosen person's box (4,), NaN if unknown."""
        return following_state(box)

    def step(self, frame: Image, state: MatterState) -> tuple[MatteFrame, MatterState]:
        """The next frame's matte, and what to remember for the frame after it."""
        from PIL import Image as PillowImage

        mask = self._session.predict(PillowImage.fromarray(frame))[0]
        return matte_of_given_alpha(frame, np.asarray(mask.convert("L"), np.uint8), state)


def _rembg_session(model: str, path: Path) -> Any:
    """rembg's session for a file that is there: with no checksum asked for it fetches nothing."""
    from rembg import new_session

    ours = {"U2NET_HOME": str(path.parent), "MODEL_CHECKSUM_DISABLED": "1"}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        return new_session(model, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise InputError(
            f"{path} cannot be read as rembg's {model}", f"dynascene models add rembg:{model} FILE"
        ) from error
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
