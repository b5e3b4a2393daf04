"""The story of a look: measured once a shot from a few of its frames, and kept with the plate."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dynascene_cli.compositing import Look, LookSample, measure_look
from dynascene_cli.matte_workflow import CachedMatte, frames_and_alphas, spread_indices
from dynascene_cli.planning import Plan
from dynascene_cli.plate_workflow import CachedPlate
from dynascene_cli.project import Project, file_fingerprint, publish_text, stage_key
from dynascene_cli.shot import Clip

LOOK_VERSION = 1
LOOK_SAMPLES = 6


def cached_look(
    project: Project,
    clip: Clip,
    matted: CachedMatte,
    keep: Path | None,
    plan: Plan,
    plate: CachedPlate,
) -> Look:
    """What brings plate and person of a shot together: from the project, or measured."""
    depends_on = {
        "matte": matted.key,
        "keep": keep and file_fingerprint(keep),
        "placement": plan.staged.placement.clip_to_frame.tolist(),
    }
    key = stage_key("look", LOOK_VERSION, depends_on)
    path = project.stage_folder("plate", plan.plate_key) / f"look-{key}.json"
    if path.is_file():
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Look(**{**fields, "plate_gains": tuple(fields["plate_gains"])})
    look = measure_look(_samples(clip, matted, plan, plate))
    publish_text(path, json.dumps(asdict(look)))
    return look


def _samples(
    clip: Clip, matted: CachedMatte, plan: Plan, plate: CachedPlate
) -> Iterator[LookSample]:
    indices = spread_indices(clip, LOOK_SAMPLES)
    pairs = frames_and_alphas(clip, matted.matte, indices)
    for index, (frame, alpha) in zip(indices, pairs, strict=True):
        to_frame = plan.staged.placement.clip_to_frame[index]
        yield LookSample(frame, alpha, plate.sampled(index), to_frame)
