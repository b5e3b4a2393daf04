"""The user's settings file: what options are where the command line does not say."""

import os
from pathlib import Path
from typing import Any

import platformdirs

from dynascene_cli.errors import InputError
from dynascene_cli.storage.text_files import read_toml

VARIABLE = "DYNASCENE_SETTINGS"


def settings_file() -> Path:
    """Where the settings are read: the file that DYNASCENE_SETTINGS names, or the user's own."""
    named = os.environ.get(VARIABLE)
    return (
        Path(named) if named else Path(platformdirs.user_config_dir("dynascene")) / "settings.toml"
    )


def read_settings() -> dict[str, Any]:
    """The file's tables, by command; none where there is no file.

    Raises:
        InputError: it cannot be read or is no TOML, or the variable names a file that is not there.
    """
    path = settings_file()
    if not path.exists() and not os.environ.get(VARIABLE):
        return {}
    if not path.exists():
        raise InputError(f"{path}: no such file", f"mend the environment variable {VARIABLE}")
    return read_toml(path)
