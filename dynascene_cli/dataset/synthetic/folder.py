"""Synthetic clips written to a folder, with the manifest that training reads."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from dynascene_cli.dataset.clip_folder import clip_line, write_clip
from dynascene_cli.dataset.manifest import write_manifest
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, check_settings, synthetic_clip
from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import disk_full_as_error, is_unused, publish_text

_SETTINGS = "settings.json"


def synthesize(
    folder: Path,
    count: int,
    seed: int,
    settings: SyntheticSettings,
    done: Callable[[int], None],
) -> Path:
    """Write the clips of seeds ``seed`` … ``seed + count − 1``; the path of their manifest.

    What lies there of the same settings is kept; ``done`` is told how many clips there are.

    Raises:
        InputError: the settings are wrong, or the folder holds something else.
        StageError: the disk is full.
    """
    check_settings(settings)
    given = json.dumps(
        {**asdict(settings), "textures": settings.textures and str(settings.textures.resolve())},
        sort_keys=True,
    )
    _take(folder, given)
    lines = []
    for number, each in enumerate(range(seed, seed + count), start=1):
        clip_folder = folder / "clips" / f"{each:08d}"
        if not clip_folder.exists():
            write_clip(synthetic_clip(each, settings), clip_folder)
        name = f"synthetic-{settings.split}-{each}"
        lines.append(clip_line(clip_folder, folder, name, settings.frames, settings.fps))
        done(number)
    write_manifest(folder / "manifest.jsonl", lines)
    return folder / "manifest.jsonl"


def _take(folder: Path, given: str) -> None:
    """Make the folder ours, or find that it is, by the settings that lie in it."""
    kept = folder / _SETTINGS
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file", "give a folder")
    if kept.exists():
        if kept.read_text(encoding="utf-8") != given:
            raise InputError(
                f"{folder} holds clips of other settings: {kept}", "give another folder"
            )
        return
    if folder.exists() and not is_unused(folder):
        raise InputError(f"{folder} is not empty", "give a new folder")
    try:
        with disk_full_as_error(folder):
            folder.mkdir(parents=True, exist_ok=True)
        publish_text(kept, given)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written to ({error.strerror})", "give another folder"
        ) from error
