from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from diffusers import UNetMotionModel
from plain_path import PlainPath
from tiny_networks import awake, inputs, moving, seeded, tiny


@pytest.mark.parametrize("clips", [1, 3])
def test_what_is_computed_once_a_clip_gives_what_every_step_would(clips):
    """Reference keys and values, camera encoder, folded cross-attention and camera halves."""
    network = awake(seeded(tiny()))
    plain = PlainPath(deepcopy(network))
    given = inputs(clips=clips, frames=3)
    with torch.no_grad():
        conditioning = network.condition(**given.of_clip())
        for step in (900, 500, 1):
            now = replace(inputs(clips=clips, frames=3, seed=step), timestep=torch.tensor(step))
            now = replace(given, **now.of_step())
            saved = network.denoise(**now.of_step(), conditioning=conditioning)
            assert torch.allclose(saved, plain.step(now), atol=1e-5)


def test_without_reference_and_camera_it_is_the_stock_unet():
    config = tiny(reference_net=False, camera=False)
    network = moving(seeded(config))
    stock = UNetMotionModel.from_config(network.denoiser.config).eval()
    stock.load_state_dict(network.denoiser.state_dict())
    given = inputs(clips=2, frames=3)
    sample = torch.cat([given.noisy, given.generate_mask, given.foreground], dim=1)
    tokens = given.embedding[:, None].repeat_interleave(3, 0)
    with torch.no_grad():
        wanted = stock(sample, given.timestep, tokens).sample
        assert torch.allclose(network(**given.all()), wanted, atol=1e-5)


def test_nothing_of_a_clip_is_kept_after_its_steps():
    network = seeded(tiny())
    with torch.no_grad():
        network(**inputs().all())
    assert network.state.conditioning is None
    assert network.bank == {}


def test_without_reference_only_the_frames_attend_to_themselves():
    network = awake(seeded(tiny()))
    given = inputs()
    dropped = awake(seeded(tiny(reference_net=False)))
    dropped.load_state_dict(network.state_dict(), strict=False)
    with torch.no_grad():
        half = network(**given.all() | {"reference": None})
        assert torch.allclose(half, dropped(**given.all()), atol=1e-6)
