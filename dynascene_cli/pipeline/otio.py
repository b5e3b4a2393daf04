"""A timeline of a shot's layers over its source, as editing programs exchange it.

OpenTimelineIO's JSON: https://opentimelineio.readthedocs.io/en/stable/tutorials/otio-serialized-schema.html
"""

import json
import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dynascene_cli.shot import Clip
from dynascene_cli.video import pattern_parts, timecode_frames

Fields = dict[str, Any]


def timeline_text(
    name: str, source: Clip, folder: Path, layers: Mapping[str, tuple[str, bool]], first: int
) -> str:
    """A timeline that lies in ``folder``: the source below, the layers over it, in their order.

    ``layers`` has each layer's file, or numbered pictures whose first is ``first``, and whether it
    is part of the picture; those that are not are switched off. Times are frames of the clip's
    timecode, else count from ``first``, from 0 where that is 1.
    """
    rate, count = source.frame_rate, source.frame_count
    known = None if source.timecode is None else timecode_frames(source.timecode, rate)
    start = known if known is not None else first if first > 1 else 0
    skipped = round(source.start * rate)
    begun = start if known is not None or source.kind == "sequence" else skipped
    media = _media(source.path, folder, source.first_number, rate)
    media["available_range"] = _range(max(begun - skipped, 0), min(begun, skipped) + count, rate)
    filmed = _clip("source", media, _range(begun, count, rate))
    tracks = [_track("source", filmed)]
    for layer, (file, is_seen) in layers.items():
        media = _media(folder / file, folder, first, rate)
        media["available_range"] = _range(start, count, rate)
        tracks.append(_track(layer, _clip(layer, media, _range(start, count, rate), is_seen)))
    if source.has_audio:
        tracks.append(_track("sound", filmed, "Audio"))
    stack = _item("Stack.1", "tracks", children=tracks)
    document = {
        "OTIO_SCHEMA": "Timeline.1",
        "metadata": {},
        "name": name,
        "global_start_time": _time(start, rate),
        "tracks": stack,
    }
    return json.dumps(document, indent=1)


def _item(schema: str, name: str, **fields: Any) -> Fields:
    common: Fields = {
        "metadata": {},
        "source_range": None,
        "effects": [],
        "markers": [],
        "enabled": True,
    }
    return {"OTIO_SCHEMA": schema, "name": name, **common, **fields}


def _track(name: str, clip: Fields, kind: str = "Video") -> Fields:
    return _item("Track.1", name, kind=kind, children=[clip])


def _clip(name: str, media: Fields, used: Fields, is_seen: bool = True) -> Fields:
    references = {"DEFAULT_MEDIA": media}
    return _item(
        "Clip.2",
        name,
        source_range=used,
        enabled=is_seen,
        media_references=references,
        active_media_reference_key="DEFAULT_MEDIA",
    )


def _media(path: Path, folder: Path, first: int, rate: Fraction) -> Fields:
    """A file, or pictures numbered from ``first``, by its way from the timeline's folder."""
    parts = pattern_parts(path)
    if parts is None:
        return {
            "OTIO_SCHEMA": "ExternalReference.1",
            "metadata": {},
            "target_url": _url(path, folder),
        }
    before, digits, after = parts
    base = _url(path.parent, folder)
    return {
        "OTIO_SCHEMA": "ImageSequenceReference.1",
        "metadata": {},
        "target_url_base": "" if base == "." else f"{base}/",
        "name_prefix": quote(before),
        "name_suffix": quote(after),
        "start_frame": first,
        "frame_step": 1,
        "rate": float(rate),
        "frame_zero_padding": digits,
        "missing_frame_policy": "error",
    }


def _url(path: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(path.absolute(), folder.absolute())).as_posix())


def _range(start: int, count: int, rate: Fraction) -> Fields:
    return {
        "OTIO_SCHEMA": "TimeRange.1",
        "start_time": _time(start, rate),
        "duration": _time(count, rate),
    }


def _time(frames: int, rate: Fraction) -> Fields:
    return {"OTIO_SCHEMA": "RationalTime.1", "value": float(frames), "rate": float(rate)}
