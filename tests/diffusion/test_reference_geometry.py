import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_networks import moving_views, tiny
from torch.nn import functional

from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.conditioning import level_rays
from dynascene_cli.diffusion.reference_attention import attention
from dynascene_cli.diffusion.reference_geometry import ProjectivePositions, RayBias
from dynascene_cli.diffusion.tied_rays import TiedRays, ray_features

CHANNELS, HEADS, HEIGHT, WIDTH = 32, 2, 3, 5
TOKENS = HEIGHT * WIDTH


def config(gain: float):
    return tiny(reference_gain=gain)


def tokens(seed: int, clips: int):
    random = torch.Generator().manual_seed(seed)
    shape = (clips, HEADS, TOKENS, CHANNELS // HEADS)
    return [torch.randn(shape, generator=random) for _ in range(3)]


def rays(views: Views, latents: torch.Tensor | None = None):
    return replace(level_rays(views, HEIGHT, WIDTH, tiny())[0], latents=latents)


def scene_of(views: Views) -> Views:
    return Views(views.intrinsics[:, :1], views.extrinsics[:, :1])


def attended(module, views: Views, seed: int = 0, scene_views: Views | None = None):
    """Attention of two frames of one clip to a scene, as a reader composes it."""
    return read(module, views, seed, scene_views)[0]


def read(module, views: Views, seed: int = 0, scene_views=None, latents=None):
    query, key, value = tokens(seed, 2)
    _, scene_key, scene_value = tokens(seed + 1, 1)
    with torch.no_grad():
        scene = module.prepare(
            scene_key, scene_value, rays(scene_views or scene_of(views), latents)
        )
        return module.attend(query, (key, value), scene, rays(views))


def plainly(seed: int = 0):
    query, key, value = tokens(seed, 2)
    _, scene_key, scene_value = tokens(seed + 1, 1)
    return attention(query, (key, value), (scene_key, scene_value))


@pytest.mark.parametrize("kind", [TiedRays, RayBias, ProjectivePositions])
def test_without_gain_it_is_plain_attention(kind):
    views = moving_views(1, 2, HEIGHT, WIDTH)
    given_by = attended(kind(CHANNELS, config(0.0), 1), views)
    assert torch.allclose(given_by, plainly(), atol=1e-5)
    assert not torch.allclose(attended(kind(CHANNELS, config(0.5), 1), views), plainly(), atol=1e-2)


def test_the_ray_bias_is_a_bias_of_the_scores():
    views = moving_views(1, 2, HEIGHT, WIDTH)
    module = RayBias(CHANNELS, config(0.3), 1)
    query, key, value = tokens(0, 2)
    _, scene_key, scene_value = (part.expand(2, -1, -1, -1) for part in tokens(1, 1))
    own, scene = (rays(each).rays.flatten(0, 1)[..., 3:] for each in (views, scene_of(views)))
    cosine = own @ scene.expand_as(own).mT
    sharpness = torch.linspace(3.4, 7.6, HEADS).exp()[:, None, None]
    bias = 0.3 * sharpness * (cosine[:, None] - 1)
    mask = torch.cat([torch.zeros_like(bias), bias], dim=-1)
    keys, values = torch.cat([key, scene_key], 2), torch.cat([value, scene_value], 2)
    wanted = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
    assert torch.allclose(attended(module, views), wanted, atol=1e-4)


def test_the_ray_bias_is_as_exact_under_autocast():
    """Two numbers of a thousand cancel out but for one: eight bits do not hold that."""
    views = moving_views(1, 2, HEIGHT, WIDTH)
    module = RayBias(CHANNELS, config(1.0), 1)
    wanted = attended(module, views)
    with torch.autocast("cpu", torch.bfloat16):
        found = attended(module, views)
    assert (found - wanted).abs().max() < 1e-6
    lines = rays(views).rays.flatten(0, 1)[..., 3:]
    rounded = lines.to(torch.bfloat16).float()
    cosines, crude = lines @ lines.mT, rounded @ rounded.mT
    assert 2000 * (cosines - crude).abs().max() > 1


def test_tied_projections_score_a_ray_highest_with_itself():
    torch.manual_seed(0)
    module = TiedRays(CHANNELS, config(1.0), 1)
    assert torch.equal(module.query.weight, module.key.weight)
    features = ray_features(rays(moving_views(1, 1, HEIGHT, WIDTH)).rays[0, 0])
    with torch.no_grad():
        scores = module.query(features) @ module.key(features).T
    normalised = scores / scores.diagonal().sqrt() / scores.diagonal().sqrt()[:, None]
    assert torch.equal(normalised.argmax(dim=1), torch.arange(TOKENS))
    neighbour, far = normalised[0, 1], normalised[0, -1]
    assert neighbour > far


@settings(max_examples=25)
@given(
    angle=st.floats(-3, 3),
    shift=st.tuples(*[st.floats(-2, 2)] * 3),
    seed=st.integers(0, 99),
)
def test_projective_positions_do_not_depend_on_the_world(angle, shift, seed):
    """Only the cameras' relation counts, whatever the axes are that both are given in."""
    module = ProjectivePositions(CHANNELS, config(1.0), 1)
    views = moving_views(1, 2, HEIGHT, WIDTH)
    c, s = math.cos(angle), math.sin(angle)
    move = torch.tensor([[c, 0, s, shift[0]], [0, 1, 0, shift[1]], [-s, 0, c, shift[2]]])
    whole = torch.cat([move, torch.tensor([[0.0, 0, 0, 1]])])
    moved = Views(views.intrinsics, views.extrinsics @ whole)
    assert torch.allclose(attended(module, moved, seed), attended(module, views, seed), atol=1e-3)


@pytest.mark.parametrize("kind", [TiedRays, RayBias])
def test_a_scene_elsewhere_changes_what_is_attended_to(kind):
    views = moving_views(1, 2, HEIGHT, WIDTH)
    turned = Views(views.intrinsics[:, :1], views.extrinsics[:, 1:])
    module = kind(CHANNELS, config(0.5), 1)
    here, there = attended(module, views), attended(module, views, scene_views=turned)
    assert not torch.allclose(here, there, atol=1e-3)


def test_ray_features_are_those_that_were_found_to_help():
    features = ray_features(torch.tensor([[1.0, 2, 3, 0.6, 0, 0.8]]))
    assert features.shape == (1, 30)
    assert torch.allclose(features[0, :6], torch.tensor([1.0, 2, 3, 0.6, 0, 0.8]))
    sines, cosines = (
        [f(x * n) for n in (2, 4, 8, 16)] for f, x in ((math.sin, 0.6), (math.cos, 0.8))
    )
    assert features[0, 6:10].tolist() == pytest.approx(sines, abs=1e-5)
    assert features[0, 26:].tolist() == pytest.approx(cosines, abs=1e-5)


def awake_rays(level: int, gain: float = 0.7) -> TiedRays:
    torch.manual_seed(2)
    module = TiedRays(CHANNELS, config(gain), level)
    for parameter in (module.found.weight, module.found.bias, module.inverse_depth):
        torch.nn.init.uniform_(parameter, 0.1, 0.6)
    return module


def test_a_ray_is_where_the_scenes_camera_sees_the_point_at_its_depth():
    module = awake_rays(1)
    levels = rays(moving_views(1, 2, HEIGHT, WIDTH))
    directions = levels.rays.flatten(0, 1)[..., 3:]
    centres = levels.centres.flatten(0, 1)
    for head, inverse in enumerate(module.inverse_depth.flatten()):
        points = centres[:, None] + directions / inverse
        seen = points / points.norm(dim=-1, keepdim=True)
        assert torch.allclose(module.directions(levels)[:, head], seen, atol=1e-5)


@pytest.mark.parametrize("level", [0, 1])
def test_what_the_attention_finds_goes_to_the_output(level):
    module, views = awake_rays(level), moving_views(1, 2, HEIGHT, WIDTH)
    latents = torch.randn(1, TOKENS, 4)
    made, given_out = read(module, views, latents=latents)
    query, key, value = tokens(0, 2)
    _, scene_key, scene_value = tokens(1, 1)
    levels, scene = rays(views), rays(scene_of(views))
    toward, moments = module.directions(levels), levels.rays.flatten(0, 1)[:, None, :, :3]
    features = ray_features(torch.cat([moments.expand_as(toward), toward], dim=-1))
    per_head = module.query.weight.view(HEADS, -1, 30)
    query = query + 0.7 * torch.einsum("nhsf,hdf->nhsd", features, per_head)
    added = module.key(ray_features(scene.rays[0])).view(1, TOKENS, HEADS, -1).transpose(1, 2)
    scene_key = (scene_key + 0.7 * added).expand(2, -1, -1, -1)
    keys = torch.cat([key, scene_key], dim=2)
    weights = (query @ keys.mT / query.shape[-1] ** 0.5).softmax(dim=-1)
    values = torch.cat([value, scene_value.expand(2, -1, -1, -1)], dim=2)
    assert torch.allclose(made, weights @ values, atol=1e-5)
    of_scene = weights[..., TOKENS:]
    directions = scene.rays[0, 0, :, 3:]
    beside = (of_scene[..., None] * (directions - toward[..., None, :])).sum(dim=-2)
    found = [10 * beside, of_scene.sum(dim=-1, keepdim=True)]
    found += [of_scene @ latents] if level == 0 else []
    wanted = module.found(torch.cat(found, dim=-1).transpose(1, 2).flatten(2))
    assert torch.allclose(given_out, wanted, atol=1e-4)
