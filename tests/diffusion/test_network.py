import math
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from tiny_networks import awake, inputs, moving, seeded, tiny

from dynascene_cli.diffusion.attention_processors import is_motion
from dynascene_cli.diffusion.configuration import FULL_SIZE, PRESETS, parse_config, preset
from dynascene_cli.diffusion.network import Network
from dynascene_cli.errors import InputError
from dynascene_cli.training.trainable import train_only

GEOMETRIES = ("none", "tied_rays", "ray_bias", "prope")


def millions(parameters) -> float:
    return round(sum(parameter.numel() for parameter in parameters) / 1e6, 1)


@pytest.mark.parametrize(("camera_blocks", "encoder"), [(1, 100.7), (2, 199.3)])
def test_full_size_parameter_count(camera_blocks, encoder):
    with torch.device("meta"):
        network = Network(replace(FULL_SIZE, camera_blocks=camera_blocks))
    named = dict(network.denoiser.named_parameters())
    adaptors = {name for name in named if ".processor." in name}
    motion = {name for name in named if is_motion(name)} - adaptors
    assert millions(named[name] for name in named.keys() - motion - adaptors) == 859.5
    assert millions(named[name] for name in motion) == 453.2
    assert millions(named[name] for name in adaptors) == 61.8
    assert millions(network.reference_net.parameters()) == 859.5
    assert millions(network.image_encoder.parameters()) == 304.0
    assert millions(network.camera_encoder.parameters()) == encoder
    assert network.denoiser.conv_in.in_channels == 9
    assert network.reference_net.conv_in.in_channels == 4


@pytest.mark.parametrize(
    ("geometry", "height", "width"),
    [("none", 54, 96), ("tied_rays", 7, 5), ("ray_bias", 1, 9), ("prope", 6, 11)],
)
def test_latents_that_halve_unevenly_go_through_every_level(geometry, height, width):
    given = inputs(frames=1, height=height, width=width)
    network = seeded(tiny(reference_geometry=geometry, reference_gain=0.5))
    with torch.no_grad():
        predicted = network(**given.all())
    assert predicted.shape == given.noisy.shape
    assert predicted.isfinite().all()


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_switches_off_what_it_says(name):
    config = preset(name)
    with torch.device("meta"):
        network = Network(config)
    assert (network.reference_net is not None) == config.reference_net
    assert (network.camera_encoder is not None) == config.camera


@pytest.mark.parametrize("switch", ["reference_net", "camera", "motion"])
def test_what_is_switched_off_has_no_effect(switch):
    off = {"motion": {"motion": False, "camera": False}}.get(switch, {switch: False})
    network = awake(seeded(tiny(**off)))
    given, other = inputs(), inputs(seed=9)
    changed = {
        "reference_net": {"reference": other.reference},
        "camera": {"views": replace(given.views, extrinsics=given.views.extrinsics.flip(1))},
        "motion": {"noisy": torch.cat([given.noisy[:, :, :1], other.noisy[:, :, 1:]], dim=2)},
    }[switch]
    full = awake(seeded(tiny()))
    first_frame = (slice(None), slice(None), 0)
    with torch.no_grad():
        one, two = (network(**given.all() | each)[first_frame] for each in ({}, changed))
        assert torch.equal(one, two)
        one, two = (full(**given.all() | each)[first_frame] for each in ({}, changed))
        assert not torch.allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("geometry", GEOMETRIES[1:])
def test_reference_geometry_begins_as_the_identity_on_pretrained_weights(geometry):
    plain = seeded(tiny())
    network = seeded(tiny(reference_geometry=geometry))
    network.load_state_dict(plain.state_dict(), strict=False)
    given = inputs(clips=2)
    with torch.no_grad():
        assert torch.allclose(network(**given.all()), plain(**given.all()), atol=1e-5)


@pytest.mark.parametrize("geometry", GEOMETRIES[1:])
def test_reference_geometry_reads_both_cameras(geometry):
    network = seeded(tiny(camera=False, reference_geometry=geometry, reference_gain=0.5))
    given = inputs()
    turned = replace(given.views, extrinsics=given.views.extrinsics.flip(1))
    scene = replace(given.scene_view, extrinsics=given.views.extrinsics[:, 1:])
    with torch.no_grad():
        base, target, reference = (
            network(**given.all() | change)
            for change in ({}, {"views": turned}, {"scene_view": scene})
        )
    assert (base - target).abs().max() > 1e-4
    assert (base - reference).abs().max() > 1e-4


@pytest.mark.parametrize("geometry", GEOMETRIES[1:])
def test_reference_geometry_does_not_depend_on_the_world(geometry):
    network = awake(seeded(tiny(camera=False, reference_geometry=geometry, reference_gain=0.5)))
    given = inputs(clips=2)
    c, s = math.cos(0.7), math.sin(0.7)
    move = torch.tensor([[c, 0, s, 0.5], [0, 1, 0, -2], [-s, 0, c, 1], [0, 0, 0, 1]])
    moved = {
        name: replace(getattr(given, name), extrinsics=getattr(given, name).extrinsics @ move)
        for name in ("views", "scene_view")
    }
    with torch.no_grad():
        here, there = network(**given.all()), network(**given.all() | moved)
    assert torch.allclose(here, there, atol=1e-4)


@pytest.mark.parametrize("geometry", ["tied_rays", "ray_bias", "prope"])
def test_reference_geometry_fades_out_to_the_network_without_it(geometry):
    network = awake(seeded(tiny(reference_geometry=geometry)))
    given = inputs()
    with torch.no_grad():
        found = []
        for share in (1.0, 0.5, 1e-7, 0.0):
            network.share_geometry(share)
            found.append(network(**given.all()))
        plain = Network(tiny())
        plain.load_state_dict(network.state_dict(), strict=False)
        wanted = plain(**given.all())
    assert torch.equal(found[-1], wanted)
    assert torch.allclose(found[-2], wanted, atol=1e-5)
    steps = [float((one - other).abs().mean()) for one, other in pairwise(found[:3])]
    assert min(steps) > 1e-4


def test_new_motion_modules_change_nothing():
    network = seeded(tiny())
    given = inputs(frames=3)
    with torch.no_grad():
        with_motion = network(**given.all())
        with network.without_motion():
            assert torch.equal(network(**given.all()), with_motion)


def test_new_camera_adaptors_change_nothing():
    network = moving(seeded(tiny()))
    given = inputs()
    with torch.no_grad():
        with_camera = network(**given.all())
        without = network(**given.all() | {"views": None})
    assert torch.equal(with_camera, without)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_clips_of_a_batch_do_not_mix(geometry):
    network = awake(seeded(tiny(reference_geometry=geometry)))
    given = inputs(clips=3)
    with torch.no_grad():
        together = network(**given.all())
        alone = {k: v[1:2] for k, v in given.all().items() if isinstance(v, torch.Tensor)}
        for name in ("views", "scene_view"):
            views = getattr(given, name)
            alone[name] = replace(
                views, intrinsics=views.intrinsics[1:2], extrinsics=views.extrinsics[1:2]
            )
        assert torch.allclose(together[1:2], network(**alone), atol=1e-5)


@pytest.mark.parametrize(
    ("stage", "config"),
    [
        ("image", tiny()),
        *(("video", tiny(reference_geometry=each)) for each in GEOMETRIES),
        ("single", tiny(reference_geometry="tied_rays")),
        ("single", preset("mini")),
    ],
)
def test_gradient_reaches_every_trainable_parameter_and_no_frozen_one(stage, config):
    network = seeded(config).train()
    trained = train_only(network, stage, train_image_encoder=config == preset("mini"))
    optimiser = torch.optim.AdamW(trained.values(), lr=1e-3)
    reached = set()
    for step in range(3):
        given = inputs(frames=1 if stage == "image" else 2, seed=step, config=config)
        pixels = torch.randn(1, 3, config.clip_pixels, config.clip_pixels)
        with network.without_motion() if stage == "image" else nullcontext():
            predicted = network(**given.all() | {"embedding": pixels})
        optimiser.zero_grad()
        (predicted - given.foreground).square().mean().backward()
        reached |= {
            name for name, p in trained.items() if p.grad is not None and p.grad.count_nonzero()
        }
        optimiser.step()
    assert reached == trained.keys()
    frozen = [p for name, p in network.named_parameters() if name not in trained]
    assert all(p.grad is None for p in frozen)


def test_what_a_single_stage_leaves_frozen_no_gradient_could_reach():
    network = awake(seeded(tiny())).train()
    trained = train_only(network, "single")
    rooms = ("denoiser.", "reference_net.", "camera_encoder.")
    left = {
        name: p.requires_grad_()
        for name, p in network.named_parameters()
        if name.startswith(rooms) and name not in trained
    }
    network(**inputs().all()).square().mean().backward()
    assert left
    assert all(p.grad is None or p.grad.abs().max() < 1e-9 for p in left.values())


def test_checkpointed_gradients_are_the_plain_ones():
    def gradients(checkpointing: bool):
        network = awake(seeded(tiny(reference_geometry="tied_rays"))).train()
        trained = train_only(network, "single")
        if checkpointing:
            network.enable_gradient_checkpointing()
            # A copy, as averaged weights are, must not run the original's layers.
            network = deepcopy(network)
            trained = train_only(network, "single")
        network(**inputs(clips=2).all()).square().mean().backward()
        return {name: p.grad for name, p in trained.items()}

    plain, again = gradients(False), gradients(True)
    assert all(torch.allclose(plain[k], again[k], atol=1e-6) for k in plain)


def test_a_network_can_be_copied_between_steps_of_training():
    network = seeded(tiny()).train()
    train_only(network, "single")
    network(**inputs().all()).square().mean().backward()
    copied = deepcopy(network).eval()
    network.load_state_dict(seeded(tiny(), seed=5).state_dict())
    with torch.no_grad():
        assert torch.equal(copied(**inputs().all()), seeded(tiny())(**inputs().all()))


def test_without_motion_frames_are_pictures_of_their_own():
    network = awake(seeded(tiny(reference_geometry="tied_rays")))
    still = awake(seeded(tiny(reference_geometry="tied_rays", motion=False, camera=False)))
    still.load_state_dict(network.state_dict(), strict=False)
    given = inputs(clips=2, frames=3)
    with torch.no_grad():
        before = network(**given.all())
        with network.without_motion():
            assert torch.equal(network(**given.all()), still(**given.all()))
        assert torch.equal(network(**given.all()), before)


def test_a_mini_network_works_at_its_size_with_at_most_eight_million_weights():
    config = preset("mini")
    network = awake(seeded(config))
    assert sum(parameter.numel() for parameter in network.parameters()) <= 8_000_000
    assert network.vae is None
    pictures = 2 * torch.rand(3, 3, 36, 64) - 1
    given = inputs(clips=2, frames=3, height=9, width=16, config=config)
    with torch.no_grad():
        latents = network.encode(pictures)
        assert latents.shape == (3, 12, 9, 16)
        assert network.decode(latents).shape == pictures.shape
        pixels = torch.randn(2, 3, config.clip_pixels, config.clip_pixels)
        embedding = network.image_embedding(pixels)
        predicted = network(**given.all() | {"embedding": embedding})
        assert predicted.shape == given.noisy.shape
        assert torch.equal(network(**given.all() | {"embedding": pixels}), predicted)


def test_a_clip_of_one_frame_is_a_still():
    given = inputs(frames=1)
    with torch.no_grad():
        assert seeded(tiny())(**given.all()).shape == (1, 4, 1, 8, 16)


def test_pictures_go_through_the_vae_and_photos_through_clip():
    network = seeded(tiny())
    with torch.no_grad():
        latents = network.encode(torch.zeros(2, 3, 64, 32))
        assert latents.shape == (2, 4, 8, 4)
        assert network.decode(latents).shape == (2, 3, 64, 32)
        assert network.image_embedding(torch.zeros(2, 3, 28, 28)).shape == (2, 24)


def test_a_scene_may_have_another_size_than_the_clip():
    network = seeded(tiny(reference_geometry="tied_rays", reference_gain=0.5))
    small, large = inputs(), inputs(height=12, width=10)
    scene = {"reference": large.reference, "scene_view": large.scene_view}
    with torch.no_grad():
        assert network(**small.all() | scene).shape == small.noisy.shape


def test_a_clip_that_is_too_long_is_told():
    network = seeded(tiny(motion_frames=3))
    given = inputs(frames=4)
    with pytest.raises(ValueError, match="a clip of 4 frames is longer than the 3"):
        network.condition(**given.of_clip())
    conditioning = network.condition(**inputs(frames=3).of_clip())
    with pytest.raises(ValueError, match="denoise it in windows"):
        network.denoise(**given.of_step(), conditioning=conditioning)


def test_a_camera_alone_has_nothing_to_be_compared_with():
    network = seeded(tiny(reference_geometry="ray_bias"))
    given = inputs()
    with pytest.raises(ValueError, match="needs views and scene_view"):
        network(**given.all() | {"scene_view": None})
    with pytest.raises(ValueError, match="need the size"):
        network.condition(given.embedding, views=given.views)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"motion": False}, "camera needs motion"),
        ({"reference_net": False, "reference_geometry": "prope"}, "prope needs reference_net"),
        ({"camera_blocks": 3}, "camera_blocks is 3"),
        ({"reference_geometry": "rays"}, "reference_geometry = 'rays'"),
        ({"motion_heads": 0}, "motion_heads = 0"),
        ({"channels": [320, "640"]}, "channels ="),
        ({"camera": 1}, "camera = 1"),
        ({"camrea": True}, "no field 'camrea'"),
    ],
)
def test_a_wrong_configuration_names_the_field(fields, named):
    with pytest.raises(InputError) as raised:
        parse_config(fields)
    assert named in raised.value.message


def test_an_unknown_preset_is_told():
    with pytest.raises(InputError, match="no network is called 'dynascen'"):
        preset("dynascen")
