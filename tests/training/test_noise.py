import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from diffusers.training_utils import compute_snr
from hypothesis import given
from hypothesis import strategies as st
from tiny_runs import tiny_settings

from dynascene_cli.diffusion.sampling import noise_schedule, signal_shares
from dynascene_cli.training.noise import (
    TIMESTEPS,
    add_noise,
    anneal,
    draw_noise,
    loss_weights,
    mix_seed,
    prediction_target,
)

SHAPE = (2, 3, 4, 2)


def latents(seed: int) -> torch.Tensor:
    return torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("zero_terminal_snr", [False, True])
def test_noise_and_velocity_are_those_of_the_sampler(zero_terminal_snr: bool) -> None:
    scheduler = DDIMScheduler(**noise_schedule(zero_terminal_snr))
    clean, noise, timestep = latents(0), latents(1), torch.tensor([3, 999])
    signal = signal_shares(zero_terminal_snr)[timestep]
    torch.testing.assert_close(
        add_noise(clean, noise, signal), scheduler.add_noise(clean, noise, timestep)
    )
    torch.testing.assert_close(
        prediction_target("v_prediction", clean, noise, signal),
        scheduler.get_velocity(clean, noise, timestep),
    )
    assert prediction_target("epsilon", clean, noise, signal) is noise
    assert prediction_target("sample", clean, noise, signal) is clean


def test_under_zero_terminal_snr_the_last_timestep_is_noise_alone() -> None:
    clean, noise = latents(0), latents(1)
    last = signal_shares(True)[[999, 999]]
    torch.testing.assert_close(add_noise(clean, noise, last), noise)
    torch.testing.assert_close(prediction_target("v_prediction", clean, noise, last), -clean)


@given(timestep=st.integers(0, TIMESTEPS - 1))
def test_a_velocity_tells_picture_and_noise(timestep: int) -> None:
    clean, noise = latents(0).double(), latents(1).double()
    signal = signal_shares(False)[[timestep, timestep]].double()
    noisy, velocity = (
        add_noise(clean, noise, signal),
        prediction_target("v_prediction", clean, noise, signal),
    )
    cosine, sine = signal[0].sqrt(), (1 - signal[0]).sqrt()
    torch.testing.assert_close(cosine * noisy - sine * velocity, clean)
    torch.testing.assert_close(sine * noisy + cosine * velocity, noise)


def test_min_snr_weights_are_the_papers() -> None:
    timestep = torch.tensor([5, 300, 990])
    snr = compute_snr(DDIMScheduler(**noise_schedule(False)), timestep)
    signal, capped = signal_shares(False)[timestep], snr.clamp(max=5)
    for prediction, weights in (
        ("epsilon", capped / snr),
        ("v_prediction", capped / (snr + 1)),
        ("sample", capped),
    ):
        torch.testing.assert_close(
            loss_weights(prediction, signal, 5.0), weights, rtol=1e-4, atol=0
        )
    assert loss_weights("epsilon", signal, None).tolist() == [1, 1, 1]


def test_chance_follows_from_seed_and_number_alone() -> None:
    settings = tiny_settings()
    one, again, other = (draw_noise(settings, number, SHAPE, 0) for number in (7, 7, 8))
    assert torch.equal(one.noise, again.noise) and one.timestep == again.timestep
    assert not torch.equal(one.noise, other.noise)
    reseeded = draw_noise(tiny_settings(seed=1), 7, SHAPE, 0)
    assert not torch.equal(one.noise, reseeded.noise)


def test_what_chance_decides_is_as_often_as_asked() -> None:
    settings = tiny_settings(last_timestep_share=[0.5, 0.1], conditioning_dropout=0.25)
    for progress, share in ((0.0, 0.5), (0.5, 0.3), (1.0, 0.1)):
        draws = [draw_noise(settings, number, (1, 1, 1, 1), progress) for number in range(2000)]
        assert np.mean([d.timestep == 999 for d in draws]) == pytest.approx(share, abs=0.035)
        assert np.mean([d.without_scene for d in draws]) == pytest.approx(0.25, abs=0.035)
        others = [d.timestep for d in draws if d.timestep != 999]
        assert np.mean(others) == pytest.approx(499.5, abs=25)


def test_power_prefers_late_timesteps() -> None:
    settings = tiny_settings(timesteps="power", timestep_power=2.0)
    drawn = [draw_noise(settings, number, (1, 1, 1, 1), 0).timestep for number in range(2000)]
    # The mean of √u for u ~ U(0, 1) is 2/3.
    assert np.mean(drawn) == pytest.approx(2 / 3 * TIMESTEPS, abs=20)


def test_offset_noise_is_constant_over_a_channel() -> None:
    plain = draw_noise(tiny_settings(), 3, SHAPE, 0).noise
    shifted = draw_noise(tiny_settings(offset_noise=0.1), 3, SHAPE, 0).noise
    difference = (shifted - plain).flatten(1)
    torch.testing.assert_close(difference, difference[:, :1].expand_as(difference))
    assert difference[:, 0].abs().min() > 0


@given(first=st.floats(0, 1), last=st.floats(0, 1))
def test_annealing_begins_and_ends_as_told(first: float, last: float) -> None:
    assert anneal(first, last, 0) == pytest.approx(first)
    assert anneal(first, last, 1) == pytest.approx(last)
    assert anneal(first, last, 0.5) == pytest.approx((first + last) / 2)


@given(seed=st.integers(0, 2**31), index=st.integers(-10, 2**40))
def test_mixed_seeds_are_seeds_and_differ(seed: int, index: int) -> None:
    assert 0 <= mix_seed(seed, index) < 2**63
    assert len({mix_seed(seed, index + k) for k in range(4)} | {mix_seed(seed + 1, index)}) == 5
