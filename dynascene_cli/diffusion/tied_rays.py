"""Rays in the queries and keys of reference attention, and in what it finds."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dynascene_cli.diffusion.conditioning import LevelRays
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.reference_attention import attention, heads_of, initial_gain

FREQUENCIES = (2.0, 4.0, 8.0, 16.0)
RAY_FEATURES = 6 + 3 * 2 * len(FREQUENCIES)
RAY_STD = 0.6
MOMENT_SHARE = 0.3
INVERSE_DEPTH = 0.2
"""Where it starts: at five times the median depth, which is 1; far enough to hold for most
cameras that hardly move, and learned from there."""

RAY_VALUES = 4
"""A direction, and a one that counts how much of the attention went to the scene."""

TURN_SCALE = 10.0
"""Brings the angle between a token's ray and those that it found, in radians, to about 1."""

PADDED_TO = 8
"""What a head's dimensions stay a multiple of: kernels like that."""


class TiedRays(nn.Module):
    """Rays added to the queries and to the scene's keys by projections that start equal.

    Equal projections make the product of two rays' features a kernel that is largest where the
    rays agree, and that is there from the first step. A frame's ray is taken as the scene's camera
    sees the point at some depth along it, an ``inverse_depth`` a head that is learned. What is
    found are also rays and, at latent resolution, the scene's latents: how far the found rays lie
    beside the own one, how much of the attention they are, and the latents there go through a
    layer of their own, which starts at zero, to the output.
    """

    def __init__(self, channels: int, config: NetworkConfig, level: int) -> None:
        super().__init__()
        self.heads = config.attention_heads
        self.query = nn.Linear(RAY_FEATURES, channels)
        self.key = nn.Linear(RAY_FEATURES, channels)
        self.gain = initial_gain(config)
        self.share = 1.0
        self.inverse_depth = nn.Parameter(torch.full((self.heads, 1, 1), INVERSE_DEPTH))
        self.found_numbers = RAY_VALUES + (config.latent_channels if level == 0 else 0)
        self.padding = -(-self.found_numbers // PADDED_TO) * PADDED_TO
        self.found = nn.Linear(self.heads * self.found_numbers, channels)
        with torch.no_grad():
            self.query.weight.normal_(std=RAY_STD)
            self.query.weight[:, :6] *= MOMENT_SHARE
            self.query.bias.zero_()
            self.key.load_state_dict(self.query.state_dict())
            self.found.weight.zero_()
            self.found.bias.zero_()

    def prepare(self, key: Tensor, value: Tensor, scene: LevelRays) -> tuple[Tensor, Tensor]:
        """See ReferenceAttention."""
        rays = scene.rays.flatten(0, 1)
        added = heads_of(self.key(ray_features(rays).to(key.dtype)), self.heads)
        found = torch.cat([rays[..., 3:], torch.ones_like(rays[..., :1])], dim=-1)
        if self.found_numbers > RAY_VALUES:
            assert scene.latents is not None
            found = torch.cat([found, scene.latents.to(found.dtype)], dim=-1)
        found = found[:, None].expand(-1, self.heads, -1, -1).to(value.dtype)
        spare = self.padding - self.found_numbers
        return (
            functional.pad(key + self.share * self.gain * added, (0, self.padding)),
            functional.pad(torch.cat([value, found], dim=-1), (0, spare)),
        )

    def attend(
        self,
        query: Tensor,
        own: tuple[Tensor, Tensor],
        scene: tuple[Tensor, Tensor],
        rays: LevelRays,
    ) -> tuple[Tensor, Tensor]:
        """See ReferenceAttention."""
        depth = query.shape[-1]
        directions = self.directions(rays)
        added = self._encode_rays(directions, rays, query.dtype)
        query = query + self.share * self.gain * added
        query, key, value = (functional.pad(part, (0, self.padding)) for part in (query, *own))
        attended = attention(query, (key, value), scene, scale=depth**-0.5)
        attended, found, _ = attended.split(
            [depth, self.found_numbers, self.padding - self.found_numbers], dim=-1
        )
        turn, share, latents = found.split([3, 1, self.found_numbers - RAY_VALUES], dim=-1)
        turn = TURN_SCALE * (turn - share * directions.to(turn.dtype))
        given = self.found(torch.cat([turn, share, latents], dim=-1).transpose(1, 2).flatten(2))
        return attended, self.share * given

    def directions(self, rays: LevelRays) -> Tensor:
        """Where the scene's camera sees what a clip's tokens look at, (B·F, heads, S, 3).

        A ray from the centre c along d passes c + d / ρ at the inverse depth ρ, in the direction
        of d + c·ρ from the origin, which is the scene's camera.
        """
        direction = rays.rays.flatten(0, 1)[:, None, :, 3:]
        centre = rays.centres.flatten(0, 1)[:, None, None]
        return functional.normalize(direction + self.inverse_depth * centre, dim=-1)

    def _encode_rays(self, directions: Tensor, rays: LevelRays, dtype: torch.dtype) -> Tensor:
        moments = rays.rays.flatten(0, 1)[:, None, :, :3].expand_as(directions)
        features = ray_features(torch.cat([moments, directions], dim=-1)).to(dtype)
        weight = self.query.weight.unflatten(0, (self.heads, -1))
        bias = self.query.bias.unflatten(0, (self.heads, 1, -1))
        return features @ weight.mT + bias


def ray_features(rays: Tensor) -> Tensor:
    """Plücker coordinates (…, 6) and sines and cosines of the direction, (…, RAY_FEATURES)."""
    angles = (rays[..., 3:, None] * rays.new_tensor(FREQUENCIES)).flatten(-2)
    return torch.cat([rays, angles.sin(), angles.cos()], dim=-1)
