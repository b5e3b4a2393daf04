"""A textured figure that walks on the spot before a camera, drawn limb by limb with its matte."""

from functools import cached_property

import cv2
import numpy as np
from textured_stage import SIDE, texture

from dynascene_cli.geometry import Floats
from dynascene_cli.shot import Image

PACE = 1.1
"""Double steps a second."""

LIMBS = (
    # from, to, radius, texture, tint
    ("hip", "knee far", 0.075, "planks", 0.7),
    ("knee far", "foot far", 0.06, "planks", 0.65),
    ("shoulder", "elbow far", 0.05, "bricks", 0.8),
    ("elbow far", "hand far", 0.042, "plaster", 0.9),
    ("hip", "shoulder", 0.15, "poster", 1.0),
    ("neck", "head", 0.085, "plaster", 1.0),
    ("hip", "knee", 0.08, "planks", 0.85),
    ("knee", "foot", 0.062, "planks", 0.8),
    ("shoulder", "elbow", 0.055, "bricks", 1.0),
    ("elbow", "hand", 0.045, "plaster", 1.0),
)
"""Drawn in this order; lengths in heights of the figure."""


def joints(seconds: float) -> dict[str, Floats]:
    """Where the joints are (x, y from the head's top down), in heights of the figure."""
    phase = 2 * np.pi * PACE * seconds
    swing = np.sin(phase)
    hip = np.array([0.0, 0.5 + 0.012 * np.cos(2 * phase)])
    shoulder = hip + np.array([0.02 * np.sin(phase / 2), -0.29])
    found = {"hip": hip, "shoulder": shoulder, "neck": shoulder - np.array([0, 0.06])}
    found["head"] = found["neck"] + np.array([0.01 * swing, -0.06])
    for side, sign in (("", 1), (" far", -1)):
        thigh = 0.5 * sign * swing
        shin = thigh - 0.45 * max(0.0, -np.cos(phase) * sign) - 0.1
        arm = -0.55 * sign * swing
        found[f"knee{side}"] = hip + 0.245 * np.array([np.sin(thigh), np.cos(thigh)])
        found[f"foot{side}"] = found[f"knee{side}"] + 0.24 * np.array([np.sin(shin), np.cos(shin)])
        found[f"elbow{side}"] = shoulder + 0.18 * np.array([np.sin(arm), np.cos(arm)])
        bend = arm + 0.5 + 0.2 * swing * sign
        found[f"hand{side}"] = found[f"elbow{side}"] + 0.17 * np.array([np.sin(bend), np.cos(bend)])
    return found


class DrawnPerson:
    """A person who covers ``share`` of a picture; moves from side to side while walking."""

    def __init__(self, width: int, height: int, share: float, seed: int = 0) -> None:
        self.width, self.height, self.share, self.seed = width, height, share, seed

    @cached_property
    def size(self) -> float:
        """The figure's height in pixels that covers the share; its feet may be out of frame."""
        if self.height > 200:
            smaller = DrawnPerson(self.width // 6, self.height // 6, self.share, self.seed)
            return smaller.size * self.height / smaller.height
        low, high = 0.2 * self.height, 6.0 * self.height
        for _ in range(12):
            middle = (low + high) / 2
            covered = np.mean([self._drawn(s, middle)[1].mean() for s in (0.0, 0.31, 0.77)]) / 255
            low, high = (middle, high) if covered < self.share else (low, middle)
        return low

    @cached_property
    def _textures(self) -> list[Image]:
        made = {name: texture(name, 90 + self.seed) for _, _, _, name, _ in LIMBS}
        return [np.clip(made[name] * tint, 0, 255).astype(np.uint8) for *_, name, tint in LIMBS]

    def drawn(self, seconds: float) -> tuple[Image, Image]:
        """The figure's colours (H, W, 3) and its matte (H, W), uint8."""
        if not self.share:
            empty = np.zeros((self.height, self.width), np.uint8)
            return np.repeat(empty[..., None], 3, axis=2), empty
        return self._drawn(seconds, self.size)

    def _drawn(self, seconds: float, size: float) -> tuple[Image, Image]:
        colour = np.zeros((self.height, self.width, 3), np.float32)
        alpha = np.zeros((self.height, self.width), np.float32)
        top = max(0.06 * self.height, 0.94 * self.height - size)
        aside = self.width * (0.5 + 0.06 * np.sin(1.3 * seconds + self.seed))
        place = {name: at * size + [aside, top] for name, at in joints(seconds).items()}
        for (first, last, radius, _, _), image in zip(LIMBS, self._textures, strict=True):
            limb, cover = self._limb(place[first], place[last], radius * size, image)
            if limb is None:
                continue
            (y, x), patch = limb, cover[..., 3:] / 255
            colour[y, x] = colour[y, x] * (1 - patch) + cover[..., :3] * patch
            alpha[y, x] = alpha[y, x] * (1 - patch[..., 0]) + patch[..., 0]
        return (colour + 0.5).astype(np.uint8), (alpha * 255 + 0.5).astype(np.uint8)

    def _limb(self, first: Floats, last: Floats, radius: float, image: Image):
        """The window of the picture that a limb lies in, and its colours and cover there."""
        low = np.floor(np.minimum(first, last) - radius - 2).astype(int)
        high = np.ceil(np.maximum(first, last) + radius + 2).astype(int)
        low = np.clip(low, 0, [self.width, self.height])
        high = np.clip(high, 0, [self.width, self.height])
        if np.any(high - low < 1):
            return None, None
        x, y = np.meshgrid(np.arange(low[0], high[0]) + 0.5, np.arange(low[1], high[1]) + 0.5)
        along = last - first
        length = np.hypot(*along)
        along = along / length
        dx, dy = x - first[0], y - first[1]
        s = dx * along[0] + dy * along[1]
        across = dy * along[0] - dx * along[1]
        beyond = s - np.clip(s, 0, length)
        cover = np.clip(radius - np.hypot(beyond, across) + 0.5, 0, 1)
        texels = 0.8 * SIDE / (2 * radius + length)
        u, v = ((k * texels).astype(np.float32) for k in (s, across))
        shade = 0.75 + 0.25 * np.sqrt(np.clip(1 - (across / radius) ** 2, 0, 1))
        size = max(round(SIDE / max(texels, 1)), 8)
        small = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
        ratio = np.float32(size / SIDE)
        seen = cv2.remap(
            small, u * ratio - 0.5, v * ratio - 0.5, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
        )
        limb = np.concatenate([seen * shade[..., None], 255 * cover[..., None]], axis=-1)
        return (slice(low[1], high[1]), slice(low[0], high[0])), limb.astype(np.float32)
