"""``evaluate checkpoint``: networks and baselines on the clips of a manifest, then the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.compositing import estimate_foreground
from dynascene_cli.console import Console
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.manifest import ManifestEntry, load_clip, read_manifest
from dynascene_cli.dataset.person_hole import person_hole
from dynascene_cli.diffusion.checkpoint import open_checkpoint
from dynascene_cli.diffusion.device import choose_device, has_gpu
from dynascene_cli.diffusion.sampling_size import check_sampling_size, sampling_size
from dynascene_cli.diffusion.sana_settings import (
    LATENT_STRIDE,
    PIPELINE,
    SanaSettings,
    resolve_sana,
)
from dynascene_cli.diffusion.video_checkpoint import open_video_checkpoint
from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.evaluation.clips.measure import choose_families
from dynascene_cli.evaluation.clips.pairs import ClipPair
from dynascene_cli.evaluation.clips.pictures import Protocol
from dynascene_cli.evaluation.clips.run import check_outputs, measure_methods, write_outputs
from dynascene_cli.evaluation.clips.sana_baseline import sana_answers
from dynascene_cli.evaluation.conditions import CORRECT, network_answers
from dynascene_cli.evaluation.held_out import BASELINES
from dynascene_cli.evaluation.held_out_run import SHAPE
from dynascene_cli.evaluation.held_out_shots import (
    HeldOutShot,
    background_inputs,
    select_frames,
)
from dynascene_cli.evaluation.metrics import Pictures
from dynascene_cli.pipeline.sana_plate import PUBLISHED
from dynascene_cli.training.masks import fill_hidden
from dynascene_cli.training.settings import TrainingSettings

LEFT_OUT = ("mean_colour",)
"""Baselines of held-out shots that say nothing here."""


@dataclass(frozen=True)
class CheckpointRequest:
    """What a user asks of ``evaluate checkpoint``.

    ``frames`` at ``fps`` of each clip of the manifest, from its first; None: as many as the first
    network learned. ``baselines`` beside the networks. ``sana``: SANA-WM's weights, "none", or
    "auto", which leaves them out where they are absent or there is no GPU; sampled at
    ``sana_size``.
    """

    checkpoints: tuple[str, ...]
    data: Path
    steps: int = 25
    size: tuple[int, int] | None = None
    frames: int | None = None
    fps: float = 8.0
    seed: int = 0
    baselines: bool = True
    sana: str = "auto"
    sana_size: tuple[int, int] | None = None
    protocol: Protocol = "standard"
    metrics: tuple[str, ...] | None = None
    outputs: tuple[Path, ...] = ()


def run_checkpoint(request: CheckpointRequest, console: Console) -> dict[str, Any]:
    """Make every method's clips, measure them, and give the numbers as the command prints them.

    The person of the true clip is laid over what each method made, as a render does.

    Raises:
        InputError: a setting, the manifest or a checkpoint is wrong.
        MissingError: a checkpoint is not on this machine.
    """
    families = choose_families(request.metrics)
    check_outputs(request.outputs)
    networks = {name: open_checkpoint(name) for name in request.checkpoints}
    _, info = networks[request.checkpoints[0]]
    size = request.size or sampling_size(*SHAPE, info.config)
    frames = request.frames or min(info.frames, info.config.motion_frames)
    for _, each in networks.values():
        check_sampling_size(size, each.config)
        if frames > each.config.motion_frames:
            raise InputError(
                f"{frames} frames are more than a network's clips have",
                f"--frames {each.config.motion_frames}",
            )
    entries = read_manifest(request.data)
    clips = [_filmed_clip(entry, size, frames, request.fps) for entry in entries]
    made: dict[str, list[Pictures]] = {}
    for name, (network, each) in networks.items():
        console.info(f"{name}: {len(clips)} clips of {frames} frames")
        shots = [manifest_shot(clip, each.config.latent_stride) for clip in clips]
        network = network.float().to(choose_device(None))
        made[name] = list(network_answers(network, each, shots, CORRECT, request.steps,
                                          request.seed))  # fmt: skip
    if request.baselines:
        shots = [manifest_shot(clip, info.config.latent_stride) for clip in clips]
        for name, plate in BASELINES.items():
            if name not in LEFT_OUT:
                console.info(name)
                made[name] = [plate(shot.photo, shot.path) for shot in shots]
    left_out = {}
    try:
        made |= _sana_method(request, clips, size)
    except MissingError as error:
        if request.sana != "auto":
            raise
        left_out[PUBLISHED] = error.message
        console.info(f"{PUBLISHED} is left out: {error.message}")
    pairs = {
        name: [clip_pair(clip, frames) for clip, frames in zip(clips, plates, strict=True)]
        for name, plates in made.items()
    }
    cameras = {clip.name: select_frames(clip.camera, range(1, frames)) for clip in clips}
    data: dict[str, Any] = {
        "data": str(request.data),
        "steps": request.steps,
        "seed": request.seed,
        "left_out": left_out,
        **measure_methods(pairs, families, request.protocol, cameras, console),
    }
    write_outputs(request.outputs, data, pairs)
    return {**data, "outputs": [str(path) for path in request.outputs]}


def _sana_method(
    request: CheckpointRequest, clips: Sequence[TrainingClip], size: tuple[int, int]
) -> dict[str, list[Pictures]]:
    """What SANA-WM makes of the clips, by its name; nothing where it is not asked for.

    Raises:
        InputError: the weights are of something else, or a setting is wrong.
        MissingError: what it needs is not on this machine.
    """
    if request.sana == "none" or (request.sana == "auto" and not request.baselines):
        return {}
    name = PUBLISHED if request.sana == "auto" else request.sana
    checkpoint = open_video_checkpoint(name, PIPELINE)
    if request.sana == "auto" and not has_gpu():
        raise MissingError("there is no GPU", f"--sana-wm {name} measures it without")
    settings = resolve_sana(
        SanaSettings(steps=request.steps, size=request.sana_size, seed=request.seed), size
    )
    shots = [manifest_shot(clip, LATENT_STRIDE) for clip in clips]
    return {PUBLISHED: list(sana_answers(checkpoint, name, settings, clips, shots))}


def _filmed_clip(
    entry: ManifestEntry, size: tuple[int, int], frames: int, fps: float
) -> TrainingClip:
    """So many frames of a clip at about ``fps``, from its first."""
    stride = max(1, round(float(entry.fps / Fraction(fps).limit_denominator(1001))))
    return load_clip(entry, 0, frames, size, stride)


def manifest_shot(clip: TrainingClip, stride: int) -> HeldOutShot:
    """What methods are shown of a clip: its first frame without the person, who leaves a hole.

    Where the clip's true background is known that is shown instead. Which pixels the photo shows
    too is not told: ``seen`` is ``background``.
    """
    hidden = person_hole(clip.alphas[0], TrainingSettings.hole_dilation)
    scene = fill_hidden(clip.frames[0], hidden, "mean")
    if clip.scene is not None:
        scene = clip.scene
    background = clip.alphas == 0
    inputs = background_inputs(clip, scene, stride)
    return HeldOutShot(inputs, scene, background, background)


def clip_pair(clip: TrainingClip, made: Pictures) -> ClipPair:
    """What was made, the true person over it by the true matte, beside the true clip.

    Without the first frame, which every method was shown.
    """
    frames, alphas = clip.frames[1:], clip.alphas[1:]
    whole = _paste_person(made[1:], frames, alphas) if alphas.any() else made[1:]
    width, height = clip.camera.width, clip.camera.height
    return ClipPair(
        clip.name,
        (width, height),
        len(whole),
        clip.camera.frame_rate,
        lambda: iter(whole),
        lambda: iter(frames),
        (lambda: iter(alphas)) if alphas.any() else None,
    )


def _paste_person(made: Pictures, frames: Pictures, alphas: Pictures) -> Pictures:
    """What was made with the frames' person over it, by alphas (F, H, W)."""
    opacity = alphas[..., None] / np.float32(255)
    person = [
        estimate_foreground(frame, alpha, frame.shape[0]).colours
        for frame, alpha in zip(frames, alphas, strict=True)
    ]
    return np.round(made * (1 - opacity) + np.stack(person) * opacity).astype(np.uint8)
