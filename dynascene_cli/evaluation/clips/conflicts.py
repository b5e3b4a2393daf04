"""The paper's figure 10: does the background obey a camera that the person contradicts?"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dynascene_cli.console import Console
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.diffusion.checkpoint import open_checkpoint
from dynascene_cli.diffusion.sampling_size import sampling_size
from dynascene_cli.evaluation.clips.checkpoint import manifest_shot
from dynascene_cli.evaluation.conditions import CORRECT, network_answers
from dynascene_cli.evaluation.held_out import BASELINES
from dynascene_cli.evaluation.held_out_run import SHAPE
from dynascene_cli.evaluation.held_out_shots import HeldOutShot
from dynascene_cli.evaluation.metrics import Pictures, Where, interval
from dynascene_cli.reports.tables import markdown_table
from dynascene_cli.shot import CameraPath
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.video.outputs import check_writable

WAY = 0.3
"""Median depths of the first frame that the camera goes in the clip, forward or back."""

CAMERAS = {"forward": WAY, "none": 0.0, "opposite": -WAY}
GROWTH = 1.15
"""By which the person's matte grows at least in a clip of somebody who comes nearer."""

MOST_TRIED = 400
WITHOUT_NETWORK = ("fixed_depth", "projection")


@dataclass(frozen=True)
class ConflictsRequest:
    """What a user asks of ``evaluate conflicts``."""

    checkpoints: tuple[str, ...]
    shots: int = 8
    steps: int = 25
    frames: int = 8
    seed: int = 0
    output: Path | None = None


def run_conflicts(request: ConflictsRequest, console: Console) -> dict[str, Any]:
    """Make each shot under the three cameras and tell how the background moves.

    Raises:
        InputError: a checkpoint is wrong, or a file cannot be written.
        MissingError: a checkpoint is not on this machine.
    """
    if request.output is not None:
        check_writable(request.output)
    networks = {name: open_checkpoint(name) for name in request.checkpoints}
    size = (128, 72)
    stride = 4
    if networks:
        _, info = next(iter(networks.values()))
        size, stride = sampling_size(*SHAPE, info.config), info.config.latent_stride
    clips = list(_nearing_clips(request.shots, size, request.frames, request.seed))
    makers: dict[str, Callable[[list[HeldOutShot]], Iterator[Pictures]]] = {}
    for name, (network, info) in networks.items():
        makers[name] = lambda shots, network=network, info=info: network_answers(  # type: ignore[misc]
            network.float(), info, shots, CORRECT, request.steps, request.seed
        )
    for name in WITHOUT_NETWORK:
        makers[name] = lambda shots, plate=BASELINES[name]: (  # type: ignore[misc]
            plate(shot.photo, shot.path) for shot in shots
        )
    methods = {}
    for name, make in makers.items():
        console.info(f"{name}: {len(clips)} clips under {len(CAMERAS)} cameras")
        found = {
            camera: [
                expansion(made, clip.alphas == 0)
                for made, clip in zip(
                    make([_make_shot(clip, way, stride) for clip in clips]), clips, strict=True
                )
            ]
            for camera, way in CAMERAS.items()
        }
        methods[name] = _summary(found)
    data: dict[str, Any] = {
        "shots": len(clips),
        "frames": request.frames,
        "steps": request.steps,
        "way": WAY,
        "methods": methods,
        "output": request.output and str(request.output),
    }
    data["text"] = _text(data)
    if request.output is not None:
        publish_text(request.output, data["text"] + "\n")
    return data


def expansion(frames: Pictures, background: Where) -> float:
    """By which share the background (F, H, W) grows over a clip, about the picture's middle.

    The sum over frames of Σ r·v / Σ r·r, v being the optical flow (DIS) and r the place from the
    middle: positive where the camera goes forward.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    height, width = frames.shape[1:3]
    x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    total = 0.0
    greys = [np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)) for frame in frames]
    for number in range(1, len(frames)):
        start = np.zeros((height, width, 2), np.float32)
        moved = np.asarray(flow.calc(greys[number - 1], greys[number], start), np.float64)
        where = background[number - 1] & background[number]
        outward = (x * moved[..., 0] + y * moved[..., 1])[where].sum()
        total += float(outward / (x**2 + y**2)[where].sum())
    return total


def _nearing_clips(
    count: int, size: tuple[int, int], frames: int, seed: int
) -> Iterator[TrainingClip]:
    """Synthetic clips of a camera at rest before which somebody comes nearer."""
    settings = SyntheticSettings(size, frames, moves=("static",), split="held-out")
    found = 0
    for number in range(MOST_TRIED):
        clip = synthetic_clip((seed << 32) + number, settings)
        first, last = (np.count_nonzero(alpha > 128) for alpha in (clip.alphas[0], clip.alphas[-1]))
        if first and last > GROWTH * first:
            yield clip
            found += 1
        if found == count:
            return


def _make_shot(clip: TrainingClip, way: float, stride: int) -> HeldOutShot:
    """The clip as methods are shown it, filmed by a camera that goes straight ahead."""
    shot = manifest_shot(clip, stride)
    return replace(shot, inputs=replace(shot.inputs, camera=straight(clip.camera, way)))


def straight(path: CameraPath, way: float) -> CameraPath:
    """The first frame's camera going ``way`` along its axis, evenly."""
    extrinsics = np.repeat(path.extrinsics[:1], path.frame_count, axis=0)
    extrinsics[:, 2, 3] -= np.linspace(0, way, path.frame_count)
    intrinsics = np.repeat(path.intrinsics[:1], path.frame_count, axis=0)
    return replace(path, extrinsics=extrinsics, intrinsics=intrinsics)


def _summary(found: dict[str, list[float]]) -> dict[str, Any]:
    means: dict[str, Any] = {}
    for camera, values in found.items():
        low, high = interval(values)
        mean = float(np.mean(values))
        means[camera] = {"mean": round(mean, 5), "low": round(low, 5), "high": round(high, 5)}
    ordered = [
        ahead > still > back
        for ahead, still, back in zip(*(found[camera] for camera in CAMERAS), strict=True)
    ]
    return {"expansion": means, "obeyed": round(float(np.mean(ordered)), 4)}


def _text(data: dict[str, Any]) -> str:
    header = ["camera:", *CAMERAS, "obeyed on"]
    rows: list[Sequence[str]] = []
    for name, found in data["methods"].items():
        cells = [
            f"{100 * each['mean']:+.1f} % ({100 * each['low']:+.1f} to {100 * each['high']:+.1f})"
            for each in found["expansion"].values()
        ]
        rows.append([name, *cells, f"{found['obeyed']:.0%}"])
    told = (
        f"{data['shots']} synthetic clips of somebody who comes nearer, the camera going "
        f"{data['way']:g} first depths forward, not at all, or back: how much the background "
        "grows. Obeyed: forward more than none, none more than back."
    )
    return f"{told}\n\n{markdown_table(header, rows)}"
