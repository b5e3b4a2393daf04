"""What sampling is heading for, as small pictures that cost next to nothing."""

import math
from collections.abc import Callable

import cv2
import numpy as np
import torch
from torch import Tensor

from dynascene_cli.diffusion.image_processor import resize_image, to_rgb_image, to_signed_tensor
from dynascene_cli.shot import Image

SHOWN = 12
"""Frames on a sheet, spread over the clip."""

WIDTH = 192
"""Pixels of one of them."""


class Previewer:
    """Contact sheets of latents, without the VAE.

    Of a VAE's latents the colours are taken as a linear function: close enough to see what it
    will be, blurred to one colour a latent. The function is the best one, by least squares, for
    the scene's own latents (1, C, h, w) and its photo, so that it suits any VAE. Where latents are
    a linear transform of the picture, ``decode`` makes pictures of them exactly.
    """

    def __init__(
        self, reference: Tensor, photo: Image, decode: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        self._decode = decode
        self._colours: Tensor | None = None
        if decode is None:
            height, width = reference.shape[-2:]
            wanted = to_signed_tensor(resize_image(photo, width, height)).flatten(2)[0].T
            # gelsd: a photo of one colour leaves most of the function open.
            solved = torch.linalg.lstsq(_append_constant(reference[0]), wanted, driver="gelsd")
            self._colours = solved.solution

    @torch.no_grad()
    def picture(self, latent: Tensor) -> Image:
        """A picture of one frame's latent (1, C, h, w) on the CPU."""
        if self._decode is not None:
            return to_rgb_image(self._decode(latent)[0])
        assert self._colours is not None
        colours = _append_constant(latent[0]) @ self._colours
        return to_rgb_image(colours.T.unflatten(1, latent.shape[-2:]))

    def sheet(self, latents: Tensor) -> Image:
        """Frames of latents (1, C, F, h, w), in rows from left to right."""
        count = latents.shape[2]
        shown = np.unique(np.linspace(0, count - 1, min(count, SHOWN)).round().astype(int))
        columns = math.ceil(math.sqrt(len(shown)))
        rows = math.ceil(len(shown) / columns)
        height = max(round(WIDTH * latents.shape[-2] / latents.shape[-1]), 1)
        sheet = np.zeros((rows * height, columns * WIDTH, 3), np.uint8)
        for place, index in enumerate(shown):
            small = self.picture(latents[:, :, index])
            large = cv2.resize(small, (WIDTH, height), interpolation=cv2.INTER_CUBIC)
            top, left = place // columns * height, place % columns * WIDTH
            sheet[top : top + height, left : left + WIDTH] = large
        return sheet


def _append_constant(latent: Tensor) -> Tensor:
    """Tokens (S, C + 1) of a latent (C, h, w), and a constant."""
    tokens = latent.float().flatten(1).T
    return torch.cat([tokens, torch.ones_like(tokens[:, :1])], dim=1)
