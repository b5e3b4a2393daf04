"""Attention of a clip's frames to themselves and to the scene."""

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from dynascene_cli.diffusion.conditioning import LevelRays
from dynascene_cli.diffusion.configuration import NetworkConfig


class ReferenceAttention(Protocol):
    """Attention of frames to themselves and to the scene, with the cameras in it.

    ``share`` is how much of the cameras counts: 1, but where training takes them away by and by.
    At 0 they change nothing, and are left out.
    """

    share: float

    def prepare(self, key: Tensor, value: Tensor, scene: LevelRays) -> tuple[Tensor, Tensor]:
        """The scene's keys and values (B, heads, S, d) once a clip, ready to be attended to."""
        ...

    def attend(
        self,
        query: Tensor,
        own: tuple[Tensor, Tensor],
        scene: tuple[Tensor, Tensor],
        rays: LevelRays,
    ) -> tuple[Tensor, Tensor | None]:
        """Attention (B·F, heads, S, d) of a clip's tokens to [own; scene] keys and values.

        And what is to be added to the layer's output (B·F, S, C), where there is such.
        """
        ...


def heads_of(tokens: Tensor, heads: int) -> Tensor:
    """Tokens (N, S, C) as (N, heads, S, C / heads)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(
    query: Tensor,
    own: tuple[Tensor, Tensor],
    scene: tuple[Tensor, Tensor],
    scale: float | None = None,
) -> Tensor:
    """Attention (B·F, heads, S, d) of a clip's frames to their own keys and values and a scene's.

    The scene's (B, heads, S', d) are the same for all frames of a clip.
    """
    clips = len(scene[0])
    key, value = (
        torch.cat(
            [
                mine.unflatten(0, (clips, -1)),
                its[:, None].expand(-1, len(mine) // clips, -1, -1, -1),
            ],
            dim=3,
        ).flatten(0, 1)
        for mine, its in zip(own, scene, strict=True)
    )
    return functional.scaled_dot_product_attention(query, key, value, scale=scale)


def initial_gain(config: NetworkConfig) -> nn.Parameter:
    """The strength (heads, 1, 1) that a geometry starts with."""
    return nn.Parameter(torch.full((config.attention_heads, 1, 1), config.reference_gain))
