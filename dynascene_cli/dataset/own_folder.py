"""A data set's folder, told from others by the settings that lie in it."""

from pathlib import Path

from dynascene_cli.errors import InputError
from dynascene_cli.storage.atomic import disk_full_as_error, is_unused, publish_text

SETTINGS = "settings.json"


def take_folder(folder: Path, given: str) -> None:
    """Make the folder ours, or find that it is, by the settings that lie in it.

    Raises:
        InputError: it is a file, holds something else or clips of other settings, or cannot be
            written to.
        StageError: the disk is full.
    """
    kept = folder / SETTINGS
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
