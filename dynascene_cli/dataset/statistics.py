"""What a data set consists of, counted over the lines of its manifest."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dynascene_cli.dataset.manifest import read_lines
from dynascene_cli.errors import InputError

BINS = tuple(round(0.05 * edge, 2) for edge in range(21))
"""Edges of the histogram of motion scores."""

MOST_ELEMENTS = 20
"""How many things of scenes are counted (the paper's figure 11)."""


def joined_lines(manifests: Sequence[Path], warn: Callable[[str], None]) -> list[dict[str, Any]]:
    """The lines of manifests, a clip that several of them have counted once.

    A clip is told from others by the checksum of its film where that is known, else by its path.

    Raises:
        InputError: one cannot be read, a line is no JSON object, or none has a clip.
    """
    found: dict[str, dict[str, Any]] = {}
    first_seen: dict[str, str] = {}
    for path in manifests:
        for line, where in read_lines(path):
            if not isinstance(line.get("clip"), str):
                raise InputError(f"{where}: clip is missing", "give the path of the clip")
            checksum = line.get("sha256")
            known = checksum.get("clip") if isinstance(checksum, dict) else None
            key = str(known or (path.parent / line["clip"]).resolve())
            if key in found:
                warn(f"{where}: the clip of {first_seen[key]} again: it counts once")
                continue
            found[key], first_seen[key] = line, where
    if not found:
        raise InputError(f"{manifests[0]} holds no clip", "give another manifest")
    return list(found.values())


def statistics(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Counts and means of a manifest's lines; what no line knows is None or empty.

    ``motion_histogram`` counts scores between BINS; of the cameras, ``turn_per_second`` is in
    degrees and ``travel_per_second`` in median depths of the first frame, both the mean over clips.
    """
    seconds = [line["frames"] / line["fps"] for line in lines if _has(line, "frames", "fps")]
    scores = _values(lines, "motion_score")
    histogram = np.histogram(scores, BINS)[0].tolist()
    elements = Counter(name for line in lines for name in line.get("scene_elements", ()))
    timed = [line for line in lines if _has(line, "frames", "fps", "turned_deg", "travelled")]
    return {
        "clips": len(lines),
        "sources": len({line["source_sha256"] for line in lines if "source_sha256" in line}),
        "hours": round(sum(seconds) / 3600, 6),
        "splits": _counts(lines, "split"),
        "licences": _counts(lines, "licence"),
        "motion_score": _mean(scores),
        "motion_histogram": histogram,
        "person_share": _mean(_values(lines, "person_share")),
        "pose_confidence": _counts(lines, "pose_confidence"),
        "turn_per_second": _mean([_per_second(line, "turned_deg") for line in timed]),
        "travel_per_second": _mean([_per_second(line, "travelled") for line in timed]),
        "scene_elements": dict(elements.most_common(MOST_ELEMENTS)),
    }


def _has(line: Mapping[str, Any], *keys: str) -> bool:
    return all(isinstance(line.get(key), int | float) for key in keys)


def _values(lines: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [float(line[key]) for line in lines if _has(line, key)]


def _per_second(line: Mapping[str, Any], key: str) -> float:
    return float(line[key] * line["fps"] / line["frames"])


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def _counts(lines: Sequence[Mapping[str, Any]], key: str) -> dict[str, int]:
    return dict(sorted(Counter(str(line[key]) for line in lines if line.get(key)).items()))
