"""A training step of the paper's network at its full size, on tensors without content.

They have shapes, types and devices, and nothing is computed: what does not fit together ends the
step. On the CPU under autocast it shows types; on another device, here ``meta``, that nothing of
the step was left behind on the CPU.
"""

from dataclasses import replace

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch._subclasses import FakeTensorMode

from dynascene_cli.diffusion import tied_rays
from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.diffusion.network import Network
from dynascene_cli.training.batches import Batch
from dynascene_cli.training.loop import Example, Trainer
from dynascene_cli.training.noise import draw_noise
from dynascene_cli.training.settings import read_settings
from dynascene_cli.training.setup import make_optimizer
from dynascene_cli.training.trainable import train_only

FRAMES, HEIGHT, WIDTH = 24, 54, 96


@pytest.fixture
def accelerator(request):
    """One process on the CPU in a precision, whatever others were there before."""
    AcceleratorState._reset_state(reset_partial_state=True)
    yield Accelerator(cpu=True, device_placement=False, mixed_precision=request.param)
    AcceleratorState._reset_state(reset_partial_state=True)


def a_batch(config) -> Batch:
    def latents(*shape: int) -> torch.Tensor:
        return torch.empty(1, *shape, HEIGHT, WIDTH)

    return Batch(
        clips=("clip",),
        target=latents(config.latent_channels, FRAMES),
        foreground=latents(config.latent_channels, FRAMES),
        generate_mask=latents(1, FRAMES),
        reference=latents(config.latent_channels),
        scene=torch.empty(1, config.image_embedding),
        views=Views(torch.empty(1, FRAMES, 3, 3), torch.empty(1, FRAMES, 3, 4)),
        scene_view=Views(torch.empty(1, 1, 3, 3), torch.empty(1, 1, 3, 4)),
    )


@pytest.mark.parametrize(
    ("accelerator", "device", "geometry"),
    [("bf16", "cpu", "tied_rays"), ("no", "meta", "none")],
    indirect=["accelerator"],
)
def test_a_step_of_the_papers_second_stage_fits_together(
    accelerator, device, geometry, monkeypatch
) -> None:
    settings, config = (
        read_settings("paper-stage2", ["synthetic_share=1"]),
        replace(preset("dynascene"), reference_geometry=geometry),
    )
    seen: dict[str, set[object]] = {"rays": set(), "maps": set(), "products": set()}
    features = tied_rays.ray_features

    def watched(rays: torch.Tensor) -> torch.Tensor:
        seen["rays"].add((rays.dtype, rays.device.type))
        return features(rays)

    monkeypatch.setattr(tied_rays, "ray_features", watched)
    draw = draw_noise(settings, 0, (config.latent_channels, FRAMES, HEIGHT, WIDTH), 0.0)
    with FakeTensorMode(allow_non_fake_inputs=True):
        with torch.device(device):
            network = Network(config, empty=True)
        learned = train_only(network, "video")
        network.enable_gradient_checkpointing()
        network.camera_encoder.conv_in.register_forward_pre_hook(
            lambda layer, given: seen["maps"].add((given[0].dtype, given[0].device.type))
        )
        network.denoiser.conv_in.register_forward_hook(
            lambda layer, given, made: seen["products"].add((made.dtype, made.device.type))
        )
        optimizer = make_optimizer(list(learned.values()), settings)
        trainer = Trainer(network, "video", settings, accelerator, optimizer)
        batch = a_batch(config).to(torch.device(device))
        errors = trainer._backward([Example(batch, draw)])
        accelerator.clip_grad_norm_(list(learned.values()), 1.0)
        trainer.optimizer.step()
    exact = {(torch.float32, device)}
    assert seen["maps"] == exact
    assert seen["rays"] == (exact if geometry == "tied_rays" else set())
    assert seen["products"] == {(torch.bfloat16 if device == "cpu" else torch.float32, device)}
    assert {(errors.dtype, errors.device.type)} == exact
    for name, value in learned.items():
        assert value.grad is not None, name
        assert {(value.grad.dtype, value.grad.device.type)} == exact, name
    assert sum(value.numel() for value in learned.values()) > 400e6
    memory = trainer.optimizer.optimizer.state
    assert len(memory) == len(learned)
