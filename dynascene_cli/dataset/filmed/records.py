"""What is known of each source and clip of a data set: JSON files from which a run continues."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.storage.text_files import read_json

SOURCE = "source.json"
Step = Literal["resolution", "cuts", "people", "motion", "matte", "camera"]
STEPS: tuple[Step, ...] = ("resolution", "cuts", "people", "motion", "matte", "camera")
"""The steps at which something can fall out of a data set, in their order."""


@dataclass(frozen=True)
class SourceRecord:
    """A video that was read to its end once.

    ``path`` is as it was given; ``frame_rate`` a fraction as text. ``cuts`` are the frames that
    begin a new shot, ``clips`` (first, past the last frame) what is left to look at, ``too_short``
    how many shots are not. ``small``: the picture has too few pixels, and nothing was read.
    """

    name: str
    path: str
    sha256: str
    licence: str
    width: int
    height: int
    frame_rate: str
    frames: int
    small: bool = False
    cuts: tuple[int, ...] = ()
    clips: tuple[tuple[int, int], ...] = ()
    too_short: int = 0

    @property
    def rate(self) -> Fraction:
        """Frames a second."""
        return Fraction(self.frame_rate)


@dataclass(frozen=True)
class ClipRecord:
    """What became of a clip: ``first`` ≤ frame < ``last`` of its source.

    ``fell``: the step at which it fell out, empty where it is in the data set; ``reason`` why.
    ``known`` is all that was measured on the way, by the keys of a manifest.
    """

    name: str
    first: int
    last: int
    fell: str = ""
    reason: str = ""
    known: Mapping[str, Any] = field(default_factory=dict)


def write_record(path: Path, record: SourceRecord | ClipRecord) -> None:
    """Keep a record, whole or not at all."""
    publish_text(path, json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n")


def read_source(path: Path) -> SourceRecord:
    """The record of write_record."""
    values: Any = read_json(path)
    values["cuts"] = tuple(values["cuts"])
    values["clips"] = tuple((first, last) for first, last in values["clips"])
    return SourceRecord(**values)


def read_clip(path: Path) -> ClipRecord:
    """The record of write_record."""
    values: Any = read_json(path)
    return ClipRecord(**values)


@dataclass(frozen=True, eq=False)
class BuiltSource:
    """A source and its clips, as far as they are known."""

    record: SourceRecord
    clips: tuple[ClipRecord, ...]


def read_built(folder: Path) -> list[BuiltSource]:
    """All sources of a data set's folder by name, and those of their clips that are done."""
    built = []
    for path in sorted(folder.glob(f"sources/*/{SOURCE}")):
        clips = [read_clip(clip) for clip in sorted(path.parent.glob("[0-9]*.json"))]
        built.append(BuiltSource(read_source(path), tuple(clips)))
    return built


def count_funnel(built: Sequence[BuiltSource]) -> dict[str, dict[str, int]]:
    """How many videos or clips came to each step and how many of them fell there."""
    large = [source for source in built if not source.record.small]
    shots = sum(len(source.record.cuts) + 1 for source in large)
    clips = [clip for source in built for clip in source.clips]
    funnel: dict[str, dict[str, int]] = {
        "resolution": {"in": len(built), "fell": len(built) - len(large)},
        "cuts": {"in": shots, "fell": sum(source.record.too_short for source in large)},
    }
    left = len(clips)
    for step in STEPS[2:]:
        fell = sum(clip.fell == step for clip in clips)
        funnel[step] = {"in": left, "fell": fell}
        left -= fell
    return funnel
