"""Latents without weights: a fixed transform of small blocks of the picture."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from dynascene_cli.diffusion.configuration import LATENT_STRIDES

LUMA_CHROMA = ((0.299, 0.587, 0.114), (-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""Y, Cb and Cr of R, G and B (ITU-R BT.601)."""

KEPT = (6, 3, 3)
"""How many of the lowest frequencies are kept of each, as JPEG keeps more of the brightness."""

DEVIATIONS = (2.4, 0.44, 0.56, 0.2, 0.24, 0.28, 1.2, 0.24, 0.3, 1.0, 0.24, 0.28)
"""About how much each number varies over small pictures in −1..1, drawn and photographed."""


class BlockTransform(nn.Module):
    """The lowest frequencies of the brightness and colours of 4 × 4 blocks, as twelve numbers.

    The cosine transform of Ahmed et al. 1974 on Y, Cb and Cr, each number divided by its usual
    deviation. What is dropped is fine detail; what is kept comes back exactly.
    """

    forwards: Tensor
    backwards: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.side = LATENT_STRIDES["dct"]
        colours = torch.tensor(LUMA_CHROMA, dtype=torch.float64)
        colours = colours / colours.norm(dim=1, keepdim=True)
        waves = _lowest_waves(self.side)
        kernels = torch.cat(
            [
                torch.einsum("c,qij->qcij", colour, waves[:kept])
                for colour, kept in zip(colours, KEPT, strict=True)
            ]
        )
        inverse = torch.linalg.pinv(kernels.flatten(1)).T.reshape(kernels.shape)
        scale = torch.tensor(DEVIATIONS, dtype=torch.float64)[:, None, None, None]
        self.register_buffer("forwards", (kernels / scale).float(), persistent=False)
        self.register_buffer("backwards", (inverse * scale).float(), persistent=False)

    def encode(self, pictures: Tensor) -> Tensor:
        """Latents (N, 12, h, w) of pictures (N, 3, 4h, 4w) in −1..1."""
        return functional.conv2d(pictures, self.forwards, stride=self.side)

    def decode(self, latents: Tensor) -> Tensor:
        """Pictures (N, 3, 4h, 4w), about −1..1, of latents (N, 12, h, w)."""
        return functional.conv_transpose2d(latents, self.backwards, stride=self.side)

    def decode_anywhere(self, latents: Tensor) -> Tensor:
        """``decode`` of latents on any device and of any precision."""
        return self.decode(latents.to(self.backwards))


def _lowest_waves(side: int) -> Tensor:
    """The orthonormal cosine waves (side², side, side) of a block, lowest frequencies first."""
    number = torch.arange(side, dtype=torch.float64)
    waves = torch.cos(math.pi * (number + 0.5) * number[:, None] / side) * math.sqrt(2 / side)
    waves[0] /= math.sqrt(2)
    order = sorted((i + j, i, j) for i in range(side) for j in range(side))
    return torch.stack([torch.outer(waves[i], waves[j]) for _, i, j in order])
