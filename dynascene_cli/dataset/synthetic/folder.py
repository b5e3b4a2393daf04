"""Synthetic clips written to a folder, with the manifest that training reads."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from dynascene_cli.dataset.clip_folder import clip_line, write_clip
from dynascene_cli.dataset.manifest import write_manifest
from dynascene_cli.dataset.own_folder import take_folder
from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, check_settings, synthetic_clip


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
    take_folder(folder, given)
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
