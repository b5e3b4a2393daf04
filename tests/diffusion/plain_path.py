"""The network computed the plain way, layer by layer and step by step, to measure against."""

from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor, nn
from torch.nn import functional

from dynascene_cli.diffusion.attention_processors import (
    CameraAdaptor,
    ImageAttention,
    ReferenceReader,
)
from dynascene_cli.diffusion.network import Network

plain = AttnProcessor2_0()


class PlainReader(nn.Module):
    """Attention to the concatenation of tokens, whose keys and values are projected here."""

    def __init__(self, layer: str, bank: dict[str, Tensor]) -> None:
        super().__init__()
        self.layer, self.bank = layer, bank

    def forward(self, attn: Any, hidden_states: Tensor, **unused: Any) -> Tensor:
        scene = self.bank[self.layer]
        scene = scene.repeat_interleave(len(hidden_states) // len(scene), 0)
        return plain(attn, hidden_states, torch.cat([hidden_states, scene], dim=1))


class PlainToken(nn.Module):
    """Cross-attention to the token itself."""

    def __init__(self, given: dict[str, Tensor]) -> None:
        super().__init__()
        self.given = given

    def forward(self, attn: Any, hidden_states: Tensor, **unused: Any) -> Tensor:
        token = self.given["embedding"][:, None]
        return plain(
            attn, hidden_states, token.repeat_interleave(len(hidden_states) // len(token), 0)
        )


class PlainAdaptor(nn.Module):
    """[feature, camera] concatenated, then two linear layers, as the paper draws it."""

    def __init__(self, adaptor: CameraAdaptor, features: dict[int, Tensor]) -> None:
        super().__init__()
        channels = adaptor.feature.in_features
        self.first = nn.Linear(2 * channels, channels)
        self.first.weight = nn.Parameter(
            torch.cat([adaptor.feature.weight, adaptor.camera.weight], dim=1)
        )
        self.first.bias = adaptor.feature.bias
        self.second = adaptor.out
        self.level = adaptor.state.level(adaptor.layer)
        self.features = features

    def forward(self, attn: Any, hidden_states: Tensor, **unused: Any) -> Tensor:
        camera = self.features[self.level].permute(0, 3, 4, 1, 2).flatten(0, 2)
        fused = self.first(torch.cat([hidden_states, camera], dim=-1))
        return plain(attn, hidden_states + self.second(functional.silu(fused)))


class PlainPath:
    """One network's step with nothing remembered from the step before it.

    It takes the network over: its processors are replaced.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.given: dict[str, Tensor] = {}
        self.features: dict[int, Tensor] = {}
        processors = {}
        for name, processor in network.denoiser.attn_processors.items():
            if isinstance(processor, ReferenceReader):
                processors[name] = PlainReader(name.removesuffix(".processor"), network.bank)
            elif isinstance(processor, ImageAttention):
                processors[name] = PlainToken(self.given)
            elif isinstance(processor, CameraAdaptor):
                processors[name] = PlainAdaptor(processor, self.features)
            else:
                processors[name] = processor
        network.denoiser.set_attn_processor(processors)

    def step(self, given: Any) -> Tensor:
        """The predicted noise for the inputs of a clip."""
        from dynascene_cli.diffusion.camera_rays import pluecker_maps

        network, latents = self.network, given.noisy
        self.given["embedding"] = given.embedding
        start = torch.zeros(len(given.reference), dtype=torch.long)
        network.reference_net(given.reference, start, given.embedding[:, None])
        size = (8 * latents.shape[-2], 8 * latents.shape[-1])
        maps = pluecker_maps(given.views, *size).to(latents.dtype)
        self.features.update(enumerate(network.camera_encoder(maps)))
        sample = torch.cat([latents, given.generate_mask, given.foreground], dim=1)
        return network.denoiser(sample, given.timestep, None, return_dict=False)[0]
