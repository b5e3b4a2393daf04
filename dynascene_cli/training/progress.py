"""How a run goes: what is told of it on the way."""

import sys
import time
from dataclasses import dataclass, field

import torch

from dynascene_cli.console import Console

if sys.platform != "win32":
    import resource


def peak_mib() -> float:
    """The most memory that this process has held, in MiB.

    The GPU's where there is one; 0 where the system does not tell.
    """
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    if sys.platform == "win32":
        return 0.0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


@dataclass
class Progress:
    """Speed of a run that goes from step ``first`` to step ``total``, ``clips`` a step.

    The time spent waiting for examples is told apart from the whole.
    """

    console: Console
    first: int
    total: int
    clips: int
    started: float = field(default_factory=time.monotonic)
    waited: float = 0.0
    done: int = 0

    def count_step(self, waited: float) -> None:
        """Count a step that waited so many seconds for its examples."""
        self.done += 1
        self.waited += waited

    @property
    def seconds(self) -> float:
        """Since the start."""
        return max(time.monotonic() - self.started, 1e-9)

    @property
    def samples_per_second(self) -> float:
        """Clips trained on a second."""
        return self.done * self.clips / self.seconds

    @property
    def data_share(self) -> float:
        """The share of the time that was spent waiting for examples."""
        return self.waited / self.seconds

    def tell(self, loss: float) -> None:
        """One line about the run so far, with the mean loss of the steps since the last line."""
        step = self.first + self.done
        left = self.seconds / max(self.done, 1) * (self.total - step)
        self.console.info(
            f"step {step} of {self.total}: loss {loss:.4f}, {self.samples_per_second:.2f} clips/s, "
            f"{self.data_share:.0%} of it waiting for data, {peak_mib():.0f} MiB, "
            f"{_duration(left)} left"
        )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
