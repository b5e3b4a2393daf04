"""The Fréchet distance between two sets of features, and how far it can be believed."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from dynascene_cli.geometry import Floats

SPLITS = 10
RESAMPLES = 30


@dataclass(frozen=True)
class FrechetScore:
    """A distance and what it is worth.

    ``samples`` in each set of ``dimension`` features; it is ``comparable`` with other work only
    where there are more samples than features, since the covariances are singular otherwise.
    ``standard_error`` by the bootstrap; ``floor``: the distance between two halves of the truth,
    and ``at_floor`` that between such halves of what was made and of the truth. The last three are
    None where there are too few samples.
    """

    value: float
    samples: int
    dimension: int
    comparable: bool
    standard_error: float | None
    floor: float | None
    at_floor: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain values with four decimals."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def frechet_distance(first: Floats, second: Floats) -> float:
    """‖μ₁ − μ₂‖² + tr(Σ₁ + Σ₂ − 2(Σ₁Σ₂)^½) of features (N, D) and (M, D), two or more of each.

    (Dowson & Landau 1982.) With centred A and B, Σ₁Σ₂ has the eigenvalues of A Bᵀ's squared
    singular values over (N − 1)(M − 1): exact however few the samples.
    """
    a, b = (features - features.mean(axis=0) for features in (first, second))
    means = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    n, m = len(a) - 1, len(b) - 1
    shared = np.linalg.svd(a @ b.T, compute_uv=False).sum() / np.sqrt(n * m)
    spread = (a**2).sum() / n + (b**2).sum() / m - 2 * shared
    return max(0.0, means + float(spread))


def frechet_score(made: Floats, truth: Floats, clips: np.ndarray, seed: int = 0) -> FrechetScore:
    """The distance between features (N, D) of what was made and of the truth.

    ``clips`` (N,) says which clip each sample is of: the bootstrap draws whole clips, and halves
    divide them.
    """
    rng = np.random.default_rng(seed)
    names = np.unique(clips)
    rows = {name: np.flatnonzero(clips == name) for name in names}
    error = floor = at_floor = None
    if len(names) >= 4:
        drawn = []
        for _ in range(RESAMPLES):
            chosen = np.concatenate([rows[name] for name in rng.choice(names, len(names))])
            drawn.append(frechet_distance(made[chosen], truth[chosen]))
        error = float(np.std(drawn, ddof=1))
        floors = []
        for _ in range(SPLITS):
            order = rng.permutation(names)
            halves = [
                np.concatenate([rows[name] for name in part])
                for part in (order[: len(order) // 2], order[len(order) // 2 :])
            ]
            real = frechet_distance(truth[halves[0]], truth[halves[1]])
            ours = frechet_distance(made[halves[0]], truth[halves[1]])
            floors.append((real, ours))
        floor, at_floor = (float(value) for value in np.mean(floors, axis=0))
    count, dimension = truth.shape
    return FrechetScore(
        frechet_distance(made, truth), count, dimension, count > dimension, error, floor, at_floor
    )
