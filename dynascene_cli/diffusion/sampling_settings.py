"""What a user asks of sampling, as plain values, checked against a checkpoint without torch."""

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dynascene_cli import weights
from dynascene_cli.diffusion.checkpoint_file import FOLDER_INFO, CheckpointInfo, read_info
from dynascene_cli.diffusion.configuration import PRESETS
from dynascene_cli.diffusion.named_checkpoints import UNTRAINED, locate_checkpoint
from dynascene_cli.diffusion.optimisations import SamplingOptimizations, check_optimisations
from dynascene_cli.diffusion.requirements import require_packages
from dynascene_cli.diffusion.sampling_size import choose_size
from dynascene_cli.diffusion.sampling_steps import check_steps
from dynascene_cli.errors import InputError

Sampler = Literal["ddim", "dpm++", "lcm"]

USUAL_STEPS: dict[Sampler, int] = {"ddim": 50, "dpm++": 20, "lcm": 8}
"""The samplers, and in how many steps each is usually run; DDIM's 50 are the paper's."""

SAMPLING_VERSION = 3
"""Grows with every change of what the same settings sample."""


STATE_FILE = "sampling.safetensors"
"""Where a renderer keeps, in its folder, how far it has sampled."""


@dataclass(frozen=True)
class SamplingSettings:
    """How the frames of a shot are sampled; what is None is decided by checkpoint and plate.

    ``sampler`` and ``steps``: the first that the checkpoint was trained for, and what is usual
    for it. ``guidance`` above 1 exaggerates what the scene says, at twice the time. ``size`` is
    (width, height) of the sampled pictures. ``window`` frames are denoised together, and two
    neighbouring windows share ``overlap`` of them or more (None: a third of a window).
    ``strength`` is the share of the steps that are run where sampling starts from a guide's
    pictures. ``optimisations`` are what is given up for speed or memory.
    """

    sampler: Sampler | None = None
    steps: int | None = None
    guidance: float = 1.0
    size: tuple[int, int] | None = None
    seed: int = 0
    window: int | None = None
    overlap: int | None = None
    strength: float = 0.6
    optimisations: SamplingOptimizations = field(default_factory=SamplingOptimizations)


@dataclass(frozen=True)
class ResolvedSampling:
    """Settings of which nothing is left open."""

    sampler: Sampler
    steps: int
    guidance: float
    size: tuple[int, int]
    seed: int
    window: int
    overlap: int
    strength: float
    optimisations: SamplingOptimizations = field(default_factory=SamplingOptimizations)


def resolve_sampling(
    settings: SamplingSettings, info: CheckpointInfo, plate_size: tuple[int, int]
) -> ResolvedSampling:
    """The settings for a checkpoint and a plate of (width, height).

    Raises:
        InputError: the checkpoint was not trained for the sampler or for windows so long, a value
            is out of its range, or an optimisation would do nothing.
    """
    sampler = _sampler(settings.sampler, info)
    steps = USUAL_STEPS[sampler] if settings.steps is None else settings.steps
    check_steps(steps, settings.guidance)
    if not 0 < settings.strength <= 1:
        raise InputError(f"strength is {settings.strength}", "above 0, at most 1")
    size = choose_size(settings.size, plate_size, info.config)
    longest = info.config.motion_frames
    window = min(info.frames, longest) if settings.window is None else settings.window
    if window < 1 or (info.config.motion and window > longest):
        raise InputError(f"a window is {window} frames", f"this checkpoint sees 1 to {longest}")
    overlap = window // 3 if settings.overlap is None else settings.overlap
    if not 0 <= overlap < window:
        raise InputError(f"windows of {window} frames overlap by {overlap}", f"0 to {window - 1}")
    check_optimisations(settings.optimisations, steps, size, info.config)
    return ResolvedSampling(
        sampler=sampler,
        steps=steps,
        guidance=settings.guidance,
        size=size,
        seed=settings.seed,
        window=window,
        overlap=overlap,
        strength=settings.strength,
        optimisations=settings.optimisations,
    )


def checkpoint_facts(name_or_path: str) -> tuple[CheckpointInfo, str]:
    """What a checkpoint says of itself, and a fingerprint of its content.

    Raises:
        InputError: no weights are called that, or they are no checkpoint.
        MissingError: the checkpoint, or a package that the network runs on, is not on this
            machine; the hint is what gets it.
    """
    require_packages()
    if name_or_path == UNTRAINED:
        return CheckpointInfo(PRESETS[UNTRAINED], stage="random"), UNTRAINED
    path, recorded = locate_checkpoint(name_or_path)
    info = read_info(path)
    if path.is_dir():
        # The description of a folder holds the SHA-256 of every file beside it.
        recorded = hashlib.sha256((path / FOLDER_INFO).read_bytes()).hexdigest()
    return info, recorded or weights.sha256_of(path)


def fingerprint(settings: ResolvedSampling, checkpoint: str, guided: bool) -> dict[str, Any]:
    """All of the settings that a plate's pictures depend on, for its cache key.

    ``checkpoint`` is the fingerprint of its content; without a guide its strength is no matter.
    """
    # Where weights lie while they are not used changes nothing.
    optimisations = replace(settings.optimisations, offload=False)
    used = replace(
        settings, optimisations=optimisations, strength=settings.strength if guided else 1.0
    )
    facts = {"version": SAMPLING_VERSION, "checkpoint": checkpoint, "guided": guided}
    found = {**facts, **vars(used)}
    # The name under which caches that are there know them.
    found["economies"] = found.pop("optimisations")
    return found


def _sampler(asked: Sampler | None, info: CheckpointInfo) -> Sampler:
    trained: list[Sampler] = [name for name in USUAL_STEPS if name in info.schedulers]
    if not trained:
        raise InputError(
            f"the checkpoint was trained for {', '.join(info.schedulers)}",
            f"this version samples with {', '.join(USUAL_STEPS)}",
        )
    if asked is None:
        return next(name for name in info.schedulers if name in USUAL_STEPS)
    if asked not in trained:
        raise InputError(
            f"the checkpoint was not trained for the sampler {asked}",
            f"it was for {', '.join(trained)}",
        )
    return asked
