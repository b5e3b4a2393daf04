"""The story of a look: the clip's side kept with its matte, the shot's with its plate."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dynascene_cli.compositing import ClipMoment, Look, LookSample, clip_moment, measure_look
from dynascene_cli.pipeline.matte import CachedMatte, frames_and_alphas, spread_indices
from dynascene_cli.pipeline.plan import Plan
from dynascene_cli.pipeline.plate import CachedPlate
from dynascene_cli.shot import Clip, Image
from dynascene_cli.storage.project import Project, stage_key

LOOK_VERSION = 6
LOOK_SAMPLES = 5


def cached_look(
    project: Project,
    clip: Clip,
    matted: CachedMatte,
    plan: Plan,
    plate: CachedPlate,
) -> Look:
    """What brings plate and person of a shot together: from the project, or measured."""
    depends_on = {
        **_of_clip(matted),
        "placement": plan.staged.placement.clip_to_frame.tolist(),
    }
    key = stage_key("look", LOOK_VERSION, depends_on)
    path = project.stage_folder("plate", plan.plate_key) / f"look-{key}.json"

    def make(path: Path) -> None:
        look = measured_look(project, clip, matted, plan, plate.sampled)
        path.write_text(json.dumps(asdict(look)), encoding="utf-8")

    return project.cached(path, make, _read_look)


def measured_look(
    project: Project,
    clip: Clip,
    matted: CachedMatte,
    plan: Plan,
    plate_frame: Callable[[int], Image],
) -> Look:
    """What brings plate and person of a shot together, of which the clip's side alone is kept."""
    samples = []
    for index, moment in _cached_moments(project, clip, matted).items():
        to_frame = plan.staged.placement.clip_to_frame[index]
        samples.append(LookSample(moment, plate_frame(index), to_frame))
    return measure_look(samples)


def _of_clip(matted: CachedMatte) -> dict[str, Any]:
    """What the clip's side of a look depends on."""
    return {"matte": matted.key, "corrections": matted.corrections}


def _cached_moments(project: Project, clip: Clip, matted: CachedMatte) -> dict[int, ClipMoment]:
    """A few frames' moments: the same in every place and under every camera."""
    key = stage_key("moments", LOOK_VERSION, _of_clip(matted))

    def make(path: Path) -> None:
        indices = spread_indices(clip, LOOK_SAMPLES)
        pairs = frames_and_alphas(clip, matted.matte, indices)
        moments = {
            index: asdict(clip_moment(frame, alpha))
            for index, (frame, alpha) in zip(indices, pairs, strict=True)
        }
        path.write_text(json.dumps(moments), encoding="utf-8")

    path = project.stage_folder("matte", matted.key) / f"moments-{key}.json"
    return project.cached(path, make, _read_moments)


def _read_look(path: Path) -> Look:
    fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return Look(**{**fields, "plate_gains": tuple(fields["plate_gains"])})


def _read_moments(path: Path) -> dict[int, ClipMoment]:
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {int(index): _moment(fields) for index, fields in kept.items()}


def _moment(fields: dict[str, Any]) -> ClipMoment:
    """A moment as it was before JSON made lists of its tuples."""
    whole: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return ClipMoment(**whole)
