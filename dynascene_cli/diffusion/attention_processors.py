"""Attention processors: how the scene, its embedding and the camera enter the U-Net.

The processors are diffusers' seam for this: they are set on the ``Attention`` layers of stock
U-Nets, and what they learn lies in those U-Nets' state under ``….processor``.
"""

from typing import Any

import torch
from diffusers.models.attention_processor import Attention, AttnProcessor2_0
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from dynascene_cli.diffusion.conditioning import LevelRays, ProcessorState
from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.diffusion.reference_attention import (
    ReferenceAttention,
    attention,
    heads_of,
)
from dynascene_cli.diffusion.reference_geometry import GEOMETRIES

self_attention = AttnProcessor2_0()


class ReferenceWriter:
    """Self-attention in ReferenceNet that leaves what it attends to, after its norm, in a bank."""

    def __init__(self, layer: str, bank: dict[str, Tensor]) -> None:
        self.layer = layer
        self.bank = bank

    def __call__(self, attn: Attention, hidden_states: Tensor, **unused: Any) -> Tensor:
        """Plain self-attention of tokens (B, S, C)."""
        self.bank[self.layer] = hidden_states
        attended: Tensor = self_attention(attn, hidden_states)
        return attended


class ReferenceReader(nn.Module):
    """Self-attention of a frame's tokens to [themselves; the scene's], by the denoiser's weights.

    As AnimateAnyone reads its ReferenceNet (Hu et al. 2023, section 3.2).
    """

    geometry: ReferenceAttention | None

    def __init__(
        self, layer: str, state: ProcessorState, channels: int, config: NetworkConfig
    ) -> None:
        super().__init__()
        self.layer = layer
        self.state = state
        kind = GEOMETRIES.get(config.reference_geometry)
        self.geometry = kind(channels, config, state.level(layer)) if kind else None

    def prepare(
        self, attn: Attention, tokens: Tensor, scene: tuple[LevelRays, ...]
    ) -> tuple[Tensor, Tensor]:
        """The scene's keys and values (B, heads, S, d) of what ReferenceNet wrote (B, S, C)."""
        key, value = (heads_of(layer(tokens), attn.heads) for layer in (attn.to_k, attn.to_v))
        if self.geometry is None or not self.geometry.share or not scene:
            return key, value
        return self.geometry.prepare(key, value, scene[self.state.level(self.layer)])

    def forward(self, attn: Attention, hidden_states: Tensor, **unused: Any) -> Tensor:
        """Attention of the tokens (B·F, S, C) of B clips of F frames."""
        conditioning = self.state.now()
        if self.layer not in conditioning.reference:
            alone: Tensor = self_attention(attn, hidden_states)
            return alone
        scene = conditioning.reference[self.layer]
        query, key, value = (
            heads_of(layer(hidden_states), attn.heads)
            for layer in (attn.to_q, attn.to_k, attn.to_v)
        )
        added: Tensor | None = None
        if self.geometry is None or not self.geometry.share or not conditioning.rays:
            attended = attention(query, (key, value), scene)
        else:
            rays = conditioning.rays[self.state.level(self.layer)]
            attended, added = self.geometry.attend(query, (key, value), scene, rays)
        output: Tensor = attn.to_out[0](attended.transpose(1, 2).flatten(2))
        return output if added is None else output + added


class ImageAttention:
    """Cross-attention to the one image token, folded.

    A softmax over one key is 1 whatever the query, so what it gives is the token's value, the
    same for every position, step and frame: it is computed once a clip.
    """

    def __init__(self, layer: str, state: ProcessorState) -> None:
        self.layer = layer
        self.state = state

    def fold(self, attn: Attention, embedding: Tensor) -> Tensor:
        """What attention to image embeddings (B, E) gives, (B, 1, C)."""
        given: Tensor = attn.to_out[0](attn.to_v(embedding[:, None]))
        return given

    def __call__(self, attn: Attention, hidden_states: Tensor, **unused: Any) -> Tensor:
        """(B·F, 1, C), to be added to every token."""
        given = self.state.now().image[self.layer]
        return given.repeat_interleave(len(hidden_states) // len(given), 0)


class CameraAdaptor(nn.Module):
    """Temporal self-attention with the camera's features fused into what it attends to.

    The paper's appendix A: [feature, camera] through two linear layers, added to the feature. The
    second starts at zero, so a new adaptor changes nothing. The first is kept as its two halves,
    W·[z; c] = W_z·z + W_c·c, since the camera's half is the same at every step.
    """

    def __init__(
        self, layer: str, state: ProcessorState, channels: int, config: NetworkConfig
    ) -> None:
        super().__init__()
        self.layer = layer
        self.state = state
        self.linear = config.adaptor_activation == "none"
        self.feature = nn.Linear(channels, channels)
        self.camera = nn.Linear(channels, channels, bias=False)
        self.out = nn.Linear(channels, channels)
        for half in (self.feature, self.camera):
            # What nn.Linear(2 · channels, channels) starts with.
            nn.init.uniform_(half.weight, -((2 * channels) ** -0.5), (2 * channels) ** -0.5)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def camera_half(self, features: list[Tensor]) -> Tensor:
        """W_c·c (B, h·w, F, C) of the camera encoder's features (B, F, C, h, w) a level."""
        tokens = features[self.state.level(self.layer)].flatten(3).permute(0, 3, 1, 2)
        half: Tensor = self.camera(tokens)
        return half

    def forward(self, attn: Attention, hidden_states: Tensor, **unused: Any) -> Tensor:
        """Self-attention over time of tokens (B·h·w, F, C)."""
        camera = self.state.now().camera
        if self.layer in camera:
            fused = self.feature(hidden_states) + camera[self.layer].flatten(0, 1)
            hidden_states = hidden_states + self.out(
                fused if self.linear else functional.silu(fused)
            )
        attended: Tensor = self_attention(attn, hidden_states)
        return attended


class StillMotion(nn.Module):
    """In place of a motion module where the network has none."""

    def forward(self, hidden_states: Tensor, *unused: Any, **unused_too: Any) -> Tensor:
        """The features as they are."""
        return hidden_states


def is_motion(layer: str) -> bool:
    """Whether a layer of the denoiser, by its name, belongs to a motion module."""
    return ".motion_modules." in layer


class Motion(AnimateDiffTransformer3D):  # type: ignore[misc]
    """A motion module that can rest, and run again in the backward pass to be remembered less.

    diffusers' blocks checkpoint their ResNets and, but for the middle one, no motion modules.
    """

    state: ProcessorState
    checkpoints = False

    def forward(self, hidden_states: Tensor, *inputs: Any, **named: Any) -> Tensor:
        """As AnimateDiffTransformer3D's, of features (B·F, C, h, w)."""
        if self.state.still:
            return hidden_states
        output: Tensor = (
            checkpoint(super().forward, hidden_states, *inputs, use_reentrant=False, **named)
            if self.checkpoints and torch.is_grad_enabled()
            else super().forward(hidden_states, *inputs, **named)
        )
        return output
