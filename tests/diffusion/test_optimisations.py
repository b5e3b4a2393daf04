"""What is given up for speed or memory: that each acts, and how far it is from the exact path."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_networks import awake, inputs, seeded, tiny
from tiny_shots import tiny_shot

from dynascene_cli.diffusion.apply_optimisations import DeepFeatures, offload, optimise_network
from dynascene_cli.diffusion.checkpoint import random_network, save_checkpoint
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.diffusion.pipeline import DynascenePipeline, EncodedShot
from dynascene_cli.diffusion.renderer import DiffusionRenderer
from dynascene_cli.diffusion.sampled_plate import Reporter, Work
from dynascene_cli.diffusion.sampling import make_sampler
from dynascene_cli.diffusion.sampling_settings import (
    STATE_FILE,
    ResolvedSampling,
    SamplingSettings,
    fingerprint,
    resolve_sampling,
)
from dynascene_cli.errors import InputError

CPU = torch.device("cpu")
GEOMETRIES = ("none", "tied_rays", "ray_bias", "prope")


def settings(steps: int = 4, **optimisations) -> ResolvedSampling:
    info = CheckpointInfo(tiny(), stage="video")
    chosen = SamplingSettings(steps=steps, optimisations=SamplingOptimizations(**optimisations))
    return resolve_sampling(chosen, info, (768, 432))


def shot() -> EncodedShot:
    given = inputs(frames=2)
    named = ("embedding", "reference", "generate_mask", "foreground", "views", "scene_view")
    return EncodedShot(**{name: getattr(given, name) for name in named})


def sample(network, how: ResolvedSampling) -> torch.Tensor:
    pipeline = DynascenePipeline(deepcopy(network), make_sampler("ddim", how.steps))
    return pipeline.optimise(how.optimisations, CPU).sample(shot(), how)


def difference(made: torch.Tensor, exact: torch.Tensor) -> float:
    """Root mean square, in deviations of the exact result."""
    return float((made - exact).square().mean().sqrt() / exact.std())


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_a_step_that_reuses_what_it_found_itself_is_exact(geometry):
    network = awake(seeded(tiny(reference_geometry=geometry)))
    given, deep = inputs(clips=2, frames=3), DeepFeatures(network)
    step = (given.noisy, given.generate_mask, given.foreground)
    with torch.no_grad():
        conditioning = network.condition(**given.of_clip())
        whole = deep.denoise(step, 500, conditioning, "a window", whole=True)
        again = deep.denoise(step, 500, conditioning, "a window", whole=False)
        later = deep.denoise(step, 400, conditioning, "a window", whole=False)
        exact = network.denoise(*step, 400, conditioning)
    assert torch.allclose(again, whole, atol=1e-5)
    assert (later - exact).abs().max() > 1e-6
    assert network.state.conditioning is None


def test_deep_features_are_reused_and_less_exact_the_longer():
    network = awake(seeded(tiny()))
    exact = sample(network, settings())
    errors = [difference(sample(network, settings(reuse_deep=k)), exact) for k in (2, 4)]
    assert 0 < errors[0] < errors[1] < 0.2


def test_windows_and_guidance_keep_features_of_their_own():
    network = awake(seeded(tiny()))
    how = replace(settings(steps=2, reuse_deep=2), window=1, overlap=0, guidance=3.0)
    exact = sample(network, replace(how, optimisations=SamplingOptimizations()))
    assert 0 < difference(sample(network, how), exact) < 0.2


def test_fewer_layers_run_in_steps_that_reuse():
    network = awake(seeded(tiny()))
    runs = []
    network.denoiser.mid_block.register_forward_hook(lambda *given: runs.append(given))
    pipeline = DynascenePipeline(network, make_sampler("ddim", 4))
    pipeline.sample(shot(), settings(reuse_deep=3))
    assert len(runs) == 2


def test_half_precision_halves_the_weights_and_stays_near():
    network = awake(seeded(tiny()))
    exact = sample(network, settings())
    half = deepcopy(network).to(torch.bfloat16)
    assert 0 < difference(sample(half, settings(precision="bfloat16")), exact) < 0.05


def test_channels_last_is_another_layout_of_the_same():
    network = awake(seeded(tiny()))
    exact = sample(network, settings(steps=1))
    other = optimise_network(deepcopy(network), SamplingOptimizations(channels_last=True), CPU)
    weight = other.denoiser.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    assert difference(sample(network, settings(steps=1, channels_last=True)), exact) < 1e-5


def test_the_vae_works_in_tiles_of_a_picture():
    network, tiled = seeded(tiny()), seeded(tiny())
    optimise_network(tiled, SamplingOptimizations(vae_tile=64), CPU)
    seen = []
    tiled.vae.decoder.register_forward_pre_hook(lambda module, given: seen.append(given[0].shape))
    x = torch.linspace(0, 6, 160) + torch.linspace(0, 3, 96)[:, None]
    picture = torch.stack([x.sin(), x.cos(), (2 * x).sin()])[None]
    with torch.no_grad():
        exact, latents = network.encode(picture), tiled.encode(picture)
        assert latents.shape == exact.shape
        made, whole = tiled.decode(exact), network.decode(exact)
    assert made.shape == whole.shape
    assert difference(latents, exact) > 0
    assert difference(made, whole) > 0
    assert len(seen) > 1
    assert max(max(shape[-2:]) for shape in seen) == 8


def test_a_compiled_network_gives_the_same():
    """By the tracer alone: to compile what it traced takes longer than all other tests here."""
    network = awake(seeded(tiny(channels=(16, 32))))
    how = settings(steps=1)
    exact = sample(network, how)
    compiled = optimise_network(
        deepcopy(network), SamplingOptimizations(compiled=True), CPU, compiler="eager"
    )
    torch._dynamo.utils.counters.clear()
    made = DynascenePipeline(compiled, make_sampler("ddim", 1)).sample(shot(), how)
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > 0
    assert difference(made, exact) < 1e-5


@pytest.mark.parametrize("geometry", ["none", "tied_rays"])
def test_offloaded_weights_are_there_when_they_are_used(tmp_path, geometry):
    """Weights that lie on a disk hold nothing until a layer brings them."""
    network = awake(seeded(tiny(reference_geometry=geometry)))
    away = deepcopy(network)
    offload(away, CPU, str(tmp_path))
    assert not torch.equal(away.denoiser.conv_in.weight, network.denoiser.conv_in.weight)
    how, scheduler = settings(steps=2), make_sampler("ddim", 2)
    exact = sample(network, how)
    # Some processors add in another order where weights lie at other addresses.
    torch.testing.assert_close(DynascenePipeline(away, scheduler).sample(shot(), how), exact)
    with torch.no_grad():
        picture = torch.zeros(1, 3, 64, 64)
        assert torch.equal(
            away.decode(away.encode(picture)), network.decode(network.encode(picture))
        )
        pixels = torch.zeros(1, 3, 28, 28)
        assert torch.equal(away.image_embedding(pixels), network.image_embedding(pixels))


def test_a_killed_render_continues_to_the_same_result_with_reused_features(tmp_path):
    network, info = random_network(seed=5)
    save_checkpoint(awake(network), info, tmp_path / "awake")
    how = SamplingSettings(
        steps=7, size=(64, 64), optimisations=SamplingOptimizations(reuse_deep=3)
    )
    small = tiny_shot(tmp_path / "shot", frames=2)

    def latents(folder, reporter):
        folder.mkdir(exist_ok=True)
        renderer = DiffusionRenderer(
            small, str(tmp_path / "awake"), Work(folder, reporter, device="cpu"), how
        )
        renderer.frame(0)
        return load_file(folder / STATE_FILE)["latents"]

    def killed(done, total):
        if done == 6:
            raise KeyboardInterrupt

    whole = latents(tmp_path / "whole", Reporter())
    with pytest.raises(KeyboardInterrupt):
        latents(tmp_path / "killed", Reporter(killed))
    steps = []
    again = latents(tmp_path / "killed", Reporter(lambda done, total: steps.append(done)))
    assert steps == [7]
    assert np.array_equal(again, whole)


def test_what_is_given_up_is_part_of_what_a_plate_depends_on():
    exact = fingerprint(settings(), "digest", False)
    assert fingerprint(settings(offload=True), "digest", False) == exact
    for other in ({"reuse_deep": 2}, {"precision": "bfloat16"}, {"vae_tile": 64}):
        assert fingerprint(settings(**other), "digest", False) != exact


@pytest.mark.parametrize(
    ("optimisations", "told"),
    [
        ({"reuse_deep": 0}, "must be 1 to 4, the number of steps, not 0"),
        ({"reuse_deep": 5}, "must be 1 to 4, the number of steps, not 5"),
        ({"vae_tile": 768}, "tiles of 768 pixels save nothing"),
        ({"vae_tile": 32}, "32 pixels are no tile"),
        ({"vae_tile": 100}, "100 pixels are no tile"),
        ({"compiled": True, "offload": True}, "run as one piece"),
    ],
)
def test_optimisations_that_would_do_nothing_are_told(optimisations, told):
    with pytest.raises(InputError, match=told):
        settings(**optimisations)


def test_a_transform_without_weights_needs_no_tiles():
    info = CheckpointInfo(preset("mini"), stage="video")
    with pytest.raises(InputError, match="latents of this checkpoint are dct's"):
        resolve_sampling(
            SamplingSettings(optimisations=SamplingOptimizations(vae_tile=64)), info, (768, 432)
        )


@pytest.mark.parametrize(
    ("optimisations", "told"),
    [({"precision": "float16"}, "float16 is for a GPU"), ({"offload": True}, "there is none")],
)
def test_optimisations_of_a_gpu_are_refused_without_one(tmp_path, optimisations, told):
    how = SamplingSettings(optimisations=SamplingOptimizations(**optimisations))
    with pytest.raises(InputError, match=told):
        DiffusionRenderer(
            tiny_shot(tmp_path / "shot", frames=1), "tests-tiny", Work(tmp_path, device="cpu"), how
        )
