"""An unsteady hand: smooth, band-limited, the same for the same seed."""

import numpy as np

from dynascene_cli.geometry import Floats

WAVES = 24
LOWEST_SHARE = 1 / 8
SETTLING_SECONDS = 1.0


def shake_curves(seconds: Floats, hz: float, seed: int) -> Floats:
    """Noise (F, 6) of unit RMS at the given times: pan, tilt, roll, x, y, z.

    Each is a sum of waves between hz / 8 and hz whose amplitude falls with frequency, as a hand's
    does. It is a function of time alone, and zero at 0: its first value is taken off and given
    back over the first second, so a shot begins as it was framed but is never seen to start
    shaking.
    """
    random = np.random.default_rng(seed)
    steps = (np.arange(WAVES) + random.random((6, WAVES))) / WAVES
    frequencies = hz * LOWEST_SHARE ** (1 - steps)
    phases = 2 * np.pi * random.random((6, WAVES))
    amplitudes = 1 / frequencies
    amplitudes *= np.sqrt(2) / np.linalg.norm(amplitudes, axis=1, keepdims=True)

    def noise(at: Floats) -> Floats:
        waves = np.cos(2 * np.pi * frequencies * at[:, None, None] + phases)
        return np.sum(amplitudes * waves, axis=-1)

    settling = np.clip(seconds / SETTLING_SECONDS, 0, 1)
    shaken = noise(seconds) - noise(np.zeros(1)) * (1 + np.cos(np.pi * settling))[:, None] / 2
    return np.where(seconds[:, None] > 0, shaken, 0.0)
