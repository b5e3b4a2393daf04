"""From noise to latents: the samplers, and the loop over their steps."""

from collections.abc import Callable
from inspect import signature
from typing import Any

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, LCMScheduler
from torch import Tensor

from dynascene_cli.diffusion.checkpoint_file import Prediction
from dynascene_cli.diffusion.sampling_settings import Sampler
from dynascene_cli.diffusion.sampling_state import SamplingState

NOISE_SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "linear",
    "steps_offset": 1,
    "timestep_spacing": "leading",
}
"""AnimateDiff's, the same in training and sampling: with another, what is made is noise."""


def noise_schedule(zero_terminal_snr: bool) -> dict[str, Any]:
    """diffusers' settings of the schedule that a network was, or is, trained with.

    Rescaled, nothing of the picture is left at the last timestep (Lin et al. 2024, section 3.1).
    """
    return {**NOISE_SCHEDULE, "rescale_betas_zero_snr": zero_terminal_snr}


def signal_shares(zero_terminal_snr: bool) -> Tensor:
    """ᾱ (1000,) of every timestep: noisy latents are √ᾱ · latents + √(1 − ᾱ) · noise."""
    shares: Tensor = DDIMScheduler(**noise_schedule(zero_terminal_snr)).alphas_cumprod
    return shares


def make_sampler(
    name: Sampler,
    steps: int,
    prediction: Prediction = "epsilon",
    zero_terminal_snr: bool = False,
) -> Any:
    """diffusers' scheduler of that name, set to so many steps.

    ``ddim``: Song et al. 2021, deterministic. ``dpm++``: DPM-Solver++(2M), Lu et al. 2022.
    ``lcm``: multistep consistency sampling, Luo et al. 2023, which adds noise at every step. What
    the network predicts, and under what schedule, is its checkpoint's.

    Timesteps of a network that predicts v or the picture are counted from the last one, where
    sampling begins however few steps there are (Lin et al. 2024, section 3.3). Those of one that
    predicts noise are AnimateDiff's: noise tells little of a picture at the last timestep.
    """
    schedule = {**noise_schedule(zero_terminal_snr), "prediction_type": prediction}
    if prediction != "epsilon":
        schedule |= {"timestep_spacing": "trailing", "steps_offset": 0}
    if name == "ddim":
        scheduler: Any = DDIMScheduler(**schedule, clip_sample=False)
    elif name == "dpm++":
        scheduler = DPMSolverMultistepScheduler(**schedule)
    else:
        scheduler = LCMScheduler(**schedule, original_inference_steps=max(50, steps))
    scheduler.set_timesteps(steps)
    return scheduler


def initial_state(
    scheduler: Any,
    shape: tuple[int, ...],
    seed: int,
    guide: Tensor | None = None,
    strength: float = 1.0,
) -> SamplingState:
    """Where sampling starts: Gaussian noise, or a guide's latents with noise on them.

    With a guide only the last ``strength`` of the steps is run (SDEdit, Meng et al. 2022). Noise
    is drawn on the CPU, so a seed means the same noise on every machine.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(shape, generator=generator)
    if guide is None:
        return SamplingState(0, noise * scheduler.init_noise_sigma, generator.get_state())
    count = len(scheduler.timesteps)
    start = count - max(1, round(count * strength))
    latents = scheduler.add_noise(guide, noise, scheduler.timesteps[start : start + 1])
    return SamplingState(start, latents, generator.get_state())


def predict_clean(scheduler: Any, predicted: Tensor, latents: Tensor, timestep: int) -> Tensor:
    """The latents that the picture would have, by what is predicted of them at a timestep."""
    kind: Prediction = scheduler.config.prediction_type
    if kind == "sample":
        return predicted
    share = scheduler.alphas_cumprod[timestep]
    signal, hidden = share.sqrt(), (1 - share).sqrt()
    if kind == "v_prediction":
        return signal * latents - hidden * predicted
    return (latents - hidden * predicted) / signal


def denoise(
    predict: Callable[[Tensor, int], Tensor],
    scheduler: Any,
    state: SamplingState,
    after_step: Callable[[SamplingState], None] = lambda state: None,
) -> Tensor:
    """The latents (B, C, F, h, w) after the last step, continued from ``state``.

    ``predict`` gives what the network predicts of latents at a timestep. What is given to
    ``after_step`` is all that it takes to continue, to the same result.
    """
    generator = torch.Generator()
    generator.set_state(state.random)
    draws = {"generator": generator} if _draws(scheduler) else {}
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(state.step)
    _recall(scheduler, state)
    for step in range(state.step, len(scheduler.timesteps)):
        timestep = scheduler.timesteps[step]
        predicted = predict(state.latents, int(timestep))
        latents = scheduler.step(predicted, timestep, state.latents, return_dict=False, **draws)[0]
        state = SamplingState(step + 1, latents, generator.get_state(), _read_memory(scheduler))
        after_step(state)
    return state.latents


def _draws(scheduler: Any) -> bool:
    return "generator" in signature(scheduler.step).parameters


def _corrects(scheduler: Any) -> bool:
    """Whether a multistep solver also corrects its last sample, as UniPC does."""
    return hasattr(scheduler, "last_sample")


def _read_memory(scheduler: Any) -> tuple[Tensor, ...]:
    """What a multistep solver remembers, oldest first; UniPC's last sample after its outputs."""
    kept = [*getattr(scheduler, "model_outputs", ())]
    kept += [scheduler.last_sample] if _corrects(scheduler) else []
    return tuple(each for each in kept if each is not None)


def _recall(scheduler: Any, state: SamplingState) -> None:
    """Give a multistep solver back what it remembered in a state."""
    if not hasattr(scheduler, "model_outputs"):
        return
    order, outputs = scheduler.config.solver_order, list(state.outputs)
    if _corrects(scheduler):
        scheduler.last_sample = outputs.pop() if outputs else None
    absent = order - len(outputs)
    scheduler.model_outputs = [None] * absent + outputs
    scheduler.lower_order_nums = len(outputs)
    if _corrects(scheduler) and outputs:
        done, count = state.step, len(scheduler.timesteps)
        scheduler.timestep_list = [None] * absent + list(
            scheduler.timesteps[done - len(outputs) : done]
        )
        # As UniPC's own step sets it: fewer at the beginning, and at the end.
        final = count - done + 1 if scheduler.config.lower_order_final else order
        scheduler.this_order = min(order, final, done)
