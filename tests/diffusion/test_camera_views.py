import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_networks import inputs, moving_views, seeded, tiny
from torch.nn import functional

from dynascene_cli import geometry
from dynascene_cli.diffusion.camera_rays import Views, pluecker_maps, pluecker_rays, projections
from dynascene_cli.diffusion.conditioning import level_rays
from dynascene_cli.diffusion.configuration import preset


@given(
    clips=st.integers(1, 4),
    frames=st.integers(1, 4),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
)
def test_pluecker_maps_are_those_of_the_camera_maths(clips, frames, height, width):
    """Three clips (or frames, or rows) must not be taken for three coordinates."""
    views = moving_views(clips, frames, height, width)
    maps = pluecker_maps(views, 2 * height, 2 * width)
    for clip in range(clips):
        wanted = geometry.pluecker(
            views.intrinsics[clip].numpy(), views.extrinsics[clip].numpy(), 2 * width, 2 * height
        )
        assert np.allclose(maps[clip].numpy(), wanted, atol=1e-5)


def test_a_batch_of_three_pluecker_maps_is_three_single_ones():
    views = moving_views(3, 3, 6, 4)
    together = pluecker_maps(views, 48, 32)
    for clip in range(3):
        single = Views(views.intrinsics[clip : clip + 1], views.extrinsics[clip : clip + 1])
        assert torch.allclose(pluecker_maps(single, 48, 32)[0], together[clip], atol=1e-6)
    assert not torch.allclose(together[0], together[2], atol=1e-3)


def test_a_cells_ray_goes_through_its_middle():
    views = moving_views(2, 2, 2, 3)
    fine = pluecker_rays(views, 18, 27)
    assert torch.allclose(pluecker_rays(views, 2, 3, stride=9), fine[:, :, 4::9, 4::9], atol=1e-6)


def test_projections_carry_world_points_to_fractions_of_the_picture():
    views = moving_views(2, 3, 4, 8)
    points = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)) + torch.tensor(
        [0.0, 0, 9]
    )
    matrices = projections(views, 32, 64)
    for clip in range(2):
        for frame in range(3):
            image = (matrices[clip, frame] @ torch.cat([points, torch.ones(5, 1)], 1).T).T
            wanted = geometry.project(
                views.intrinsics[clip, frame].numpy(), views.extrinsics[clip, frame].numpy(), points
            )
            assert np.allclose(image[:, :2] / image[:, 2:3] * torch.tensor([64, 32]), wanted, 1e-4)


@pytest.mark.parametrize(
    ("config", "height", "width"),
    [(tiny(), 54, 96), (tiny(), 8, 16), (tiny(), 7, 5), (tiny(), 1, 1), (preset("mini"), 9, 16)],
)
def test_levels_halve_upwards_in_camera_features_as_in_rays(config, height, width):
    given = inputs(height=height, width=width, config=config)
    network = seeded(config)
    stride = config.latent_stride
    with torch.no_grad():
        maps = pluecker_maps(given.views, height * stride, width * stride)
        features = network.camera_encoder(maps)
    sizes = [(feature.shape[-2], feature.shape[-1]) for feature in features]
    assert sizes == [(-(-height // 2**i), -(-width // 2**i)) for i in range(config.levels)]
    rays = level_rays(given.views, height, width, config)
    assert [level.rays.shape[2] for level in rays] == [h * w for h, w in sizes]


def test_rays_are_as_exact_under_autocast_and_follow_a_slow_pan():
    """A hundredth of a degree a frame, which the eight bits of bfloat16 do not hold."""
    angle = torch.arange(4, dtype=torch.float64) * np.radians(0.01)
    extrinsics = torch.eye(4, dtype=torch.float64)[:3].repeat(1, 4, 1, 1)
    extrinsics[0, :, 0, 0] = extrinsics[0, :, 2, 2] = angle.cos()
    extrinsics[0, :, 0, 2], extrinsics[0, :, 2, 0] = angle.sin(), -angle.sin()
    intrinsics = torch.tensor([[672.0, 0, 384], [0, 672, 216], [0, 0, 1]]).repeat(1, 4, 1, 1)
    views = Views(intrinsics, extrinsics.float())
    config = tiny(camera=True, motion=True)
    encoder = seeded(config).camera_encoder
    exact, maps = pluecker_rays(views, 54, 96, 8), pluecker_maps(views, 64, 64)
    features = encoder.conv_in(functional.pixel_unshuffle(maps[0], encoder.stride))
    with torch.autocast("cpu", torch.bfloat16):
        rays = pluecker_rays(views, 54, 96, 8)
        rounded = encoder.conv_in(functional.pixel_unshuffle(maps[0], encoder.stride))
        cast = [pair.rays for pair in level_rays(views, 54, 96, config)]
    assert torch.equal(rays, exact)
    assert torch.equal(rounded, features)
    assert all(each.dtype == torch.float32 for each in cast)
    assert (rays[:, 1:] != rays[:, :-1]).any(dim=-1).all()
