"""What every matting model is: frames in, alphas and landmarks out, resumable at any frame."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.geometry import Floats
from dynascene_cli.matting.lettering import LetteringLine
from dynascene_cli.shot import LANDMARKS, Image

Quality = Literal["default", "best"]
"""What a matting model may take for a frame: what an editor waits for, or all that it has."""

MattingState = dict[str, NDArray[Any]]
"""All that a model remembers between frames: arrays that ``numpy.savez`` keeps to the last bit."""


CLICKS = "clicks"
"""What a state calls the user's clicks (N, 4), where there are any: each its frame, x and y in 0..1
of the picture, and 1 to add a thing or −1 to take one away."""


@dataclass(frozen=True, eq=False)
class MatteFrame:
    """The person in one frame.

    ``alpha`` (H, W) uint8, 255 = person; ``landmarks`` (len(LANDMARKS), 2) in the clip's pixels,
    NaN where unknown; ``visibility`` (len(LANDMARKS),) 0..1; ``found``: whether they were seen;
    ``detection`` (4,) the detector's box in the clip's pixels, NaN where it was not asked;
    ``props`` (n, 4) the boxes of things that they hold; ``filled``: whether the matte failed and
    was filled from the frame before; ``faded``: the share of it that the networks left
    half-transparent through and through; ``came``: the share of the person that was not in the
    last frame's matte, nor near it; ``foreign``: of what is low in it, the share that has the
    place's colours alone, NaN where that was not looked for; ``held`` (n,): COCO's classes of the
    things in ``props``; ``lettering``: the lines of it that lie on the person; ``body`` (H, W)
    uint8: the alpha without those things, None where nothing is held.
    """

    alpha: Image
    landmarks: Floats
    visibility: Floats
    found: bool
    detection: Floats = field(default_factory=lambda: np.full(4, np.nan))
    props: Floats = field(default_factory=lambda: np.zeros((0, 4)))
    filled: bool = False
    faded: float = 0.0
    came: float = 0.0
    foreign: float = float("nan")
    held: NDArray[np.int_] = field(default_factory=lambda: np.zeros(0, int))
    lettering: tuple[LetteringLine, ...] = ()
    body: Image | None = None


def empty_matte(height: int, width: int) -> MatteFrame:
    """A frame in which nobody was found."""
    return MatteFrame(
        np.zeros((height, width), np.uint8),
        np.full((len(LANDMARKS), 2), np.nan),
        np.zeros(len(LANDMARKS)),
        False,
    )


class MattingModel(Protocol):
    """A way to make mattes.

    ``name`` is what the user calls it; ``identity`` also tells the weights, for cache keys.
    """

    name: str
    identity: str

    def initial_state(self, box: Floats) -> MattingState:
        """What it knows before the first frame: the chosen person's box (4,), NaN if unknown."""
        ...

    def step(self, frame: Image, state: MattingState) -> tuple[MatteFrame, MattingState]:
        """The next frame's matte, and what to remember for the frame after it."""
        ...
