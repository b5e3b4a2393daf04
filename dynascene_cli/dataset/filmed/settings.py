"""What a data set's clips must be like."""

import json
from dataclasses import asdict, dataclass
from typing import Literal

from dynascene_cli import weights
from dynascene_cli.errors import InputError
from dynascene_cli.matting.person_detector import BUNDLED_DETECTOR, detector_path

VERSION = 3
"""Grows with every change of what the same video and settings give."""

Decision = Literal["accepted", "rejected"]
"""A person's, about a clip."""

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class BuildSettings:
    """The thresholds of the seven steps.

    ``min_side``: pixels of the picture's shorter side (the paper's 1080p). ``cut_threshold``: of
    the content detector. A shot shorter than ``min_seconds`` is left out, one longer than
    ``max_seconds`` divided. ``person_share``: least and largest share of the picture that the
    person's box takes, as ``detector`` sees it. A clip whose motion score is ``max_score`` or more
    moves too little. ``splits``: shares of train, val and test.
    """

    min_side: int = 1080
    cut_threshold: float = 27.0
    min_seconds: float = 1.0
    max_seconds: float = 10.0
    person_share: tuple[float, float] = (0.02, 0.8)
    max_score: float = 0.8
    detector: str = BUNDLED_DETECTOR
    matting_model: str = "auto"
    method: str = "auto"
    splits: tuple[float, float, float] = (0.9, 0.05, 0.05)
    seed: int = 0

    def check(self) -> None:
        """Make sure that the numbers can be met.

        Raises:
            InputError: one of them cannot.
        """
        if not 0 < self.min_seconds <= self.max_seconds:
            raise InputError(
                f"--min-seconds {self.min_seconds:g} and --max-seconds {self.max_seconds:g} leave "
                "no length for a clip",
                "give the smaller one first, above 0",
            )
        least, largest = self.person_share
        if not 0 <= least < largest <= 1:
            raise InputError(
                f"--person-share {least:g},{largest:g} is no range", "give two shares in 0..1"
            )
        if min(self.splits) < 0 or abs(sum(self.splits) - 1) > 1e-6:
            told = ",".join(f"{share:g}" for share in self.splits)
            raise InputError(f"--split {told} does not add up to 1", "such as 0.9,0.05,0.05")

    @property
    def text(self) -> str:
        """What tells the folder of these settings from that of others.

        Raises:
            InputError: there is no such detector.
            MissingError: its weights are not on this machine.
        """
        told = {"version": VERSION, **asdict(self)}
        # The bundled one is not told: folders are older than the choice.
        if told.pop("detector") != BUNDLED_DETECTOR:
            told["detector"] = weights.sha256_of(detector_path(self.detector))
        return json.dumps(told, sort_keys=True)
