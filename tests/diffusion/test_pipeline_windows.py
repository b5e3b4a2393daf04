from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from tiny_networks import awake, inputs, moving_views, seeded, tiny

from dynascene_cli.diffusion.camera_rays import Views, relative_to_view
from dynascene_cli.diffusion.pipeline import DynascenePipeline, EncodedShot, _Conditions
from dynascene_cli.diffusion.sampling import make_sampler
from dynascene_cli.diffusion.sampling_settings import ResolvedSampling
from dynascene_cli.diffusion.windows import blend_weights, windows
from dynascene_cli.errors import InputError

SHAPES = st.tuples(st.integers(1, 200), st.integers(1, 32), st.integers(0, 31))


def settings(window: int, overlap: int, steps: int = 3, **fields) -> ResolvedSampling:
    return ResolvedSampling("ddim", steps, 1.0, (64, 64), 0, window, overlap, 0.6, **fields)


def long_shot(frames: int, height: int = 8, width: int = 8, moving: bool = True) -> EncodedShot:
    """A person and a mask that are the same in every frame, seen by a moving or a still camera."""
    one = inputs(frames=1, height=height, width=width)
    views = moving_views(1, frames, height, width)
    if not moving:
        views = Views(views.intrinsics, views.extrinsics[:, :1].expand(-1, frames, -1, -1))
    return EncodedShot(
        embedding=one.embedding,
        reference=one.reference,
        generate_mask=one.generate_mask.expand(-1, -1, frames, -1, -1),
        foreground=one.foreground.expand(-1, -1, frames, -1, -1),
        views=views,
        scene_view=one.scene_view,
    )


@given(SHAPES)
def test_windows_cover_a_clip_without_wrapping(shape):
    count, length, overlap = shape
    assume(overlap < length)
    spans = windows(count, length, overlap)
    assert spans[0].start == 0
    assert spans[-1].stop == count
    assert {len(span) for span in spans} == {min(length, count)}
    for before, after in pairwise(spans):
        assert before.start < after.start
        assert before.stop - after.start >= overlap


@given(SHAPES)
def test_blend_weights_sum_to_one_everywhere(shape):
    count, length, overlap = shape
    assume(overlap < length)
    spans = windows(count, length, overlap)
    total = torch.zeros(count)
    for span, weight in zip(spans, blend_weights(spans), strict=True):
        assert (weight > 0).all()
        total[span.start : span.stop] += weight
    assert torch.allclose(total, torch.ones(count), atol=1e-6)


def test_a_window_comes_and_goes_without_a_jump():
    for weight in blend_weights(windows(100, 24, 8))[1:-1]:
        assert weight[0] < 0.02
        assert weight[-1] < 0.02
        assert weight.diff().abs().max() < 0.2


def test_windows_that_do_not_advance_are_told():
    with pytest.raises(InputError, match="cannot overlap by 8"):
        windows(20, 8, 8)


def test_without_motion_windows_change_nothing():
    network = seeded(tiny(motion=False, camera=False))
    pipeline = DynascenePipeline(network, make_sampler("ddim", 3))
    shot = long_shot(11)
    whole = pipeline.sample(shot, settings(11, 0))
    for window, overlap in ((4, 2), (5, 1), (1, 0), (8, 7)):
        windowed = pipeline.sample(shot, settings(window, overlap))
        assert torch.allclose(windowed, whole, atol=1e-5)


def test_every_window_begins_at_the_identity_pose():
    """What a later window is shown of the camera is what a clip of its own would be."""
    network = awake(seeded(tiny()))
    pipeline = DynascenePipeline(network, make_sampler("ddim", 2))
    shot, asked = long_shot(9), settings(4, 1)
    shown = _Conditions(pipeline, shot, asked)
    with torch.no_grad():
        whole = Views(shot.views.intrinsics, shot.views.extrinsics)
        for span in windows(9, 4, 1):
            own = slice(span.start, span.stop)
            part = Views(whole.intrinsics[:, own], whole.extrinsics[:, own])
            first = Views(part.intrinsics[:, :1], part.extrinsics[:, :1])
            alone = relative_to_view(part, first)
            assert torch.allclose(alone.extrinsics[0, 0], torch.eye(4)[:3], atol=1e-6)
            wanted = network.camera_attention(alone, 8, 8)
            found = shown.of_window(span)[0].camera
            for layer, value in wanted.items():
                assert torch.equal(found[layer], value)


def test_seams_cannot_be_told_from_other_frames():
    frames, window, overlap = 30, 12, 4
    network = awake(seeded(tiny()))
    pipeline = DynascenePipeline(network, make_sampler("ddim", 4))
    shot = long_shot(frames, 16, 16)
    made = pipeline.sample(shot, settings(window, overlap, 4))
    change = made.diff(dim=2).abs().mean(dim=(0, 1, 3, 4))
    spans = windows(frames, window, overlap)
    seams = {edge for span in spans for edge in (span.start, span.stop)} - {0, frames}
    assert len(seams) == 4
    assert max(change[seam - 1] for seam in seams) <= 1.1 * change.median()


def test_where_nothing_moves_windows_add_little_change():
    """Equal noise in all frames leaves the motion modules alone to tell frames apart."""
    frames = 30
    network = awake(seeded(tiny()))
    with torch.no_grad():
        for name, parameter in network.denoiser.named_parameters():
            if "motion_modules" in name and name.endswith("proj_out.weight"):
                parameter *= 10
    pipeline = DynascenePipeline(network, make_sampler("ddim", 4))
    shot = long_shot(frames, moving=False)

    def most_change(window: int, overlap: int) -> float:
        start = pipeline.start(shot, settings(window, overlap, 4))
        equal = start.latents[:, :, :1].expand(-1, -1, frames, -1, -1).clone()
        made = pipeline.sample(shot, settings(window, overlap, 4), replace(start, latents=equal))
        return float(made.diff(dim=2).abs().mean(dim=(0, 1, 3, 4)).max())

    whole = most_change(frames, 0)
    assert most_change(10, 5) < 1.3 * whole
    assert most_change(10, 0) > 1.8 * whole
