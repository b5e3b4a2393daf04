"""Three ways to put the cameras into reference attention, so that geometry need not be guessed.

Plücker features through the motion modules alone are learned slowly; what helps is that the
scores between a frame's tokens and the scene's depend on the angle of their rays from the first
step. Each way has a learned strength a head, ``gain``; at 0 it is the identity.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from dynascene_cli.diffusion.camera_rays import without_autocast
from dynascene_cli.diffusion.conditioning import LevelRays
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.reference_attention import (
    ReferenceAttention,
    attention,
    initial_gain,
)
from dynascene_cli.diffusion.tied_rays import TiedRays

SHARPNESS = (3.4, 7.6)
"""Logarithms of the factors of 1 − cos, from the softest head to the sharpest: Gaussians in the
angle between two rays, 10° and 1.3° wide."""
PADDING = 8
"""Dimensions that the bias adds to a head: it uses four, but kernels like multiples of eight."""
POSITION_UNITS = 16.0
"""Width of the picture in the unit of rotary positions."""


class RayBias(nn.Module):
    """An additive bias of the scores, largest where a token's ray and a scene's agree.

    The bias gain · sharpness · (cos − 1) is a product of four numbers of each ray, so it rides
    along in a few more dimensions of queries and keys, and no matrix of scores is made. Nearly all
    of that product cancels out, so it is taken in float32, under autocast too.
    """

    sharpness: Tensor

    def __init__(self, channels: int, config: NetworkConfig, level: int) -> None:
        super().__init__()
        self.gain = initial_gain(config)
        self.share = 1.0
        sharpness = torch.linspace(*SHARPNESS, config.attention_heads).exp()
        self.register_buffer("sharpness", sharpness[:, None, None], persistent=False)

    def prepare(self, key: Tensor, value: Tensor, scene: LevelRays) -> tuple[Tensor, Tensor]:
        """See ReferenceAttention."""
        directions = scene.rays.flatten(0, 1)[..., 3:]
        extra = torch.cat([directions, -torch.ones_like(directions[..., :1])], dim=-1)
        extra = extra[:, None].expand(-1, key.shape[1], -1, -1).float()
        padded = functional.pad(torch.cat([key.float(), extra], dim=-1), (0, PADDING - 4))
        return padded, functional.pad(value.float(), (0, PADDING))

    def attend(
        self,
        query: Tensor,
        own: tuple[Tensor, Tensor],
        scene: tuple[Tensor, Tensor],
        rays: LevelRays,
    ) -> tuple[Tensor, None]:
        """See ReferenceAttention."""
        depth = query.shape[-1]
        directions = rays.rays.flatten(0, 1)[:, None, :, 3:]
        extra = torch.cat([directions, torch.ones_like(directions[..., :1])], dim=-1)
        strength = self.share * self.gain.float() * self.sharpness.float() * math.sqrt(depth)
        asked = torch.cat([query.float(), extra.float() * strength], dim=-1)
        key, given = (functional.pad(part.float(), (0, PADDING)) for part in own)
        with without_autocast(query.device):
            padded = functional.pad(asked, (0, PADDING - 4))
            attended = attention(padded, (key, given), scene, scale=depth**-0.5)
        return attended[..., :depth].to(query.dtype), None


class ProjectivePositions(nn.Module):
    """Projective relative position encoding: PRoPE (Li et al. 2025, section 4).

    Half of a head's dimensions turn with the 4 × 4 projection matrices of both cameras, a quarter
    each with the tokens' columns and rows. ``gain`` scales the step from the identity to them.
    """

    frequencies: Tensor

    def __init__(self, channels: int, config: NetworkConfig, level: int) -> None:
        super().__init__()
        self.gain = initial_gain(config)
        self.share = 1.0
        depth = channels // config.attention_heads
        self.projective = 4 * (depth // 8)
        pairs = (depth - self.projective) // 4
        frequencies = 1.5 * torch.logspace(0, math.log10(0.12), pairs)
        self.register_buffer("frequencies", frequencies, persistent=False)

    def prepare(self, key: Tensor, value: Tensor, scene: LevelRays) -> tuple[Tensor, Tensor]:
        """See ReferenceAttention."""
        # inv would wait for the device to see whether a matrix is singular; no camera's is.
        matrices = torch.linalg.inv_ex(self._matrices(scene)).inverse
        return self._transform(key, matrices, scene, 1), self._transform(value, matrices, scene, 1)

    def attend(
        self,
        query: Tensor,
        own: tuple[Tensor, Tensor],
        scene: tuple[Tensor, Tensor],
        rays: LevelRays,
    ) -> tuple[Tensor, None]:
        """See ReferenceAttention."""
        matrices = self._matrices(rays)
        turned = self._transform(query, matrices.mT, rays, 1)
        attended = attention(turned, self.prepare(*own, rays), scene)
        return self._transform(attended, matrices, rays, -1), None

    def _matrices(self, rays: LevelRays) -> Tensor:
        projections = rays.projections.flatten(0, 1)[:, None]
        identity = torch.eye(4, device=projections.device)
        return identity + self.share * self.gain.float() * (projections - identity)

    def _transform(self, tokens: Tensor, matrices: Tensor, rays: LevelRays, sign: int) -> Tensor:
        projective, columns, rows = tokens.split(
            [self.projective, *[2 * len(self.frequencies)] * 2], dim=-1
        )
        quads = projective.unflatten(-1, (-1, 4))
        quads = torch.einsum("nhij,nhspj->nhspi", matrices.to(tokens.dtype), quads)
        angles = sign * POSITION_UNITS * rays.positions[..., None] * self.frequencies
        angles = self.share * self.gain[..., None] * angles
        return torch.cat(
            [
                quads.flatten(-2),
                _rotate_pairs(columns, angles[..., 0, :].to(tokens.dtype)),
                _rotate_pairs(rows, angles[..., 1, :].to(tokens.dtype)),
            ],
            dim=-1,
        )


def _rotate_pairs(tokens: Tensor, angles: Tensor) -> Tensor:
    """Rotary positions (Su et al. 2021): consecutive pairs of dimensions turned by the angles."""
    a, b = tokens[..., 0::2], tokens[..., 1::2]
    c, s = angles.cos(), angles.sin()
    return torch.stack([a * c - b * s, a * s + b * c], dim=-1).flatten(-2)


GEOMETRIES: dict[str, Callable[[int, NetworkConfig, int], ReferenceAttention]] = {
    "tied_rays": TiedRays,
    "ray_bias": RayBias,
    "prope": ProjectivePositions,
}
"""By their names in the configuration; made for a layer's channels and its level of the U-Net."""
