"""Camera moves of synthetic shots: random amounts of the moves that crews know by name."""

from dataclasses import dataclass

import numpy as np

from dynascene_cli.dataset.synthetic.textures import Split
from dynascene_cli.geometry import Floats

MOVES = ("static", "dolly", "truck", "pedestal", "pan", "tilt", "orbit", "handheld")
"""The kinds of moves; all but static combine, and a hand-held camera may stand where it is."""

_WEIGHTS = {"pan": 4, "orbit": 3, "truck": 3, "dolly": 3, "tilt": 1, "pedestal": 1}
"""How often each is drawn: what moves the picture most, most often."""

_STEADY = 0.06
"""Share of shots whose camera stands, or is held by hand where it stands."""

_BANDS = 16


@dataclass(frozen=True, eq=False)
class Motion:
    """Where a camera goes from its start, over F frames.

    ``offset`` (F, 3) metres to its right, down and forward as it stands at the start, level;
    ``yaw``, ``pitch`` and ``roll`` (F,) radians to the right, up and clockwise.
    """

    offset: Floats
    yaw: Floats
    pitch: Floats
    roll: Floats


def move_amount(rng: np.random.Generator, low: float, high: float, split: Split) -> float:
    """A number between low and high, of a band that belongs to the split alone."""
    band = 2 * rng.integers(_BANDS // 2) + (split == "held-out")
    return low + (high - low) * (band + rng.random()) / _BANDS


def _random_signed(rng: np.random.Generator, low: float, high: float, split: Split) -> float:
    return move_amount(rng, low, high, split) * rng.choice([-1.0, 1.0])


def _shake(rng: np.random.Generator, seconds: Floats) -> Floats:
    """A hand's wander (F,), of about unit size and zero at the start: a slow sway and tremor."""
    wave = np.zeros_like(seconds)
    for frequency, size in ((0.4, 1.0), (0.9, 0.6), (1.9, 0.3), (3.1, 0.12)):
        angle = 2 * np.pi * frequency * rng.uniform(0.8, 1.25)
        phase = rng.uniform(0, 2 * np.pi)
        wave += size * (np.sin(angle * seconds + phase) - np.sin(phase))
    return wave


def random_motion(
    rng: np.random.Generator,
    frames: int,
    seconds: float,
    reach: float,
    pivot: float,
    kinds: tuple[str, ...],
    split: Split,
) -> Motion:
    """Up to three of the ``kinds`` together, held by hand or not, scaled by metres.

    ``reach`` is about how far away things are, ``pivot`` how far what an orbit goes around.
    """
    t = np.linspace(0, 1, frames) if frames > 1 else np.zeros(1)
    mixed = rng.random()
    pace = mixed * t + (1 - mixed) * (0.5 - 0.5 * np.cos(np.pi * t))
    offset, (yaw, pitch, roll) = np.zeros((frames, 3)), np.zeros((3, frames))
    steady = "static" in kinds and rng.random() < _STEADY
    moving = [kind for kind in _WEIGHTS if kind in kinds and not steady]
    weights = np.array([_WEIGHTS[kind] for kind in moving])
    wanted = min(int(rng.choice([1, 2, 3], p=[0.35, 0.45, 0.2])), len(moving))
    chosen = list(rng.choice(moving, wanted, False, weights / weights.sum())) if moving else []
    if "handheld" in kinds and (rng.random() < 0.3 or not (chosen or steady)):
        chosen.append("handheld")
    for kind in chosen:
        if kind == "dolly":
            offset[:, 2] += pace * reach * _random_signed(rng, 0.25, 0.75, split)
        elif kind == "truck":
            offset[:, 0] += pace * reach * _random_signed(rng, 0.2, 0.6, split)
        elif kind == "pedestal":
            offset[:, 1] += pace * _random_signed(rng, 0.2, 0.7, split)
        elif kind == "pan":
            yaw += pace * np.radians(_random_signed(rng, 10, 35, split))
        elif kind == "tilt":
            pitch += pace * np.radians(_random_signed(rng, 5, 14, split))
        elif kind == "orbit":
            angle = pace * np.radians(_random_signed(rng, 10, 32, split))
            yaw += angle
            offset[:, 0] -= pivot * np.sin(angle)
            offset[:, 2] += pivot * (1 - np.cos(angle))
        else:
            size = move_amount(rng, 0.3, 1.0, split)
            for axis, metres in enumerate((0.05, 0.02, 0.03)):
                offset[:, axis] += size * metres * _shake(rng, seconds * t)
            yaw += size * np.radians(1.4) * _shake(rng, seconds * t)
            pitch += size * np.radians(0.8) * _shake(rng, seconds * t)
            roll += size * np.radians(0.5) * _shake(rng, seconds * t)
    return Motion(offset, yaw, pitch, roll)


def rotations_from_angles(yaw: Floats, pitch: Floats, roll: Floats) -> Floats:
    """Camera-to-world rotations (F, 3, 3) of angles (F,) in radians: Ry(yaw) Rx(pitch) Rz(roll)."""
    (cy, sy), (cp, sp), (cr, sr) = ((np.cos(a), np.sin(a)) for a in (yaw, pitch, roll))
    zero, one = np.zeros_like(yaw), np.ones_like(yaw)

    def matrices(*entries: Floats) -> Floats:
        return np.stack(entries, axis=-1).reshape(-1, 3, 3)

    about_y = matrices(cy, zero, sy, zero, one, zero, -sy, zero, cy)
    about_x = matrices(one, zero, zero, zero, cp, -sp, zero, sp, cp)
    about_z = matrices(cr, -sr, zero, sr, cr, zero, zero, zero, one)
    return about_y @ about_x @ about_z
