import math

import torch

from dynascene_cli.diffusion.dct_latents import KEPT, BlockTransform

CHANNELS = sum(KEPT)


def pictures(count: int = 4) -> torch.Tensor:
    return 2 * torch.rand(count, 3, 12, 20, generator=torch.Generator().manual_seed(0)) - 1


def test_what_is_kept_comes_back_exactly():
    blocks = BlockTransform()
    latents = blocks.encode(pictures())
    assert latents.shape == (4, CHANNELS, 3, 5)
    again = blocks.encode(blocks.decode(latents))
    assert torch.allclose(again, latents, atol=1e-5)


def test_flat_colours_and_slopes_are_kept_whole():
    blocks = BlockTransform()
    colours = torch.tensor([[0.8, -0.3, 0.1], [-1, -1, -1], [1, 1, -1]])
    flat = colours[:, :, None, None].expand(-1, -1, 8, 12)
    assert torch.allclose(blocks.decode(blocks.encode(flat)), flat, atol=1e-5)
    wave = torch.cos(math.pi * (torch.arange(12) + 0.5) / 4)
    sloping = flat * 0.5 + 0.2 * wave
    assert torch.allclose(blocks.decode(blocks.encode(sloping)), sloping, atol=1e-5)


def test_no_picture_with_the_same_latents_is_closer():
    """The decoder is the least-squares inverse: what is left over has no latents."""
    blocks = BlockTransform()
    lost = pictures() - blocks.decode(blocks.encode(pictures()))
    assert lost.abs().mean() > 0.1
    assert torch.allclose(blocks.encode(lost), torch.zeros(()), atol=1e-5)
    kept = pictures() - lost
    assert torch.allclose((kept * lost).sum(), torch.zeros(()), atol=1e-2)


def test_it_has_no_weights():
    assert not BlockTransform().state_dict()
