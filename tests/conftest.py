"""Where the tests find what the package may not ship."""

import os
from pathlib import Path

import pytest

SHARED = Path(
    os.environ.get("DYNASCENE_SHARED", Path(__file__).resolve().parents[2] / "shared")
)


def shared_folder(name: str) -> Path:
    folder = SHARED / name
    if not folder.is_dir():
        pytest.skip(f"needs {name}/ of the shared folder (set DYNASCENE_SHARED)")
    return folder


@pytest.fixture(scope="session")
def shared_media() -> Path:
    return shared_folder("media")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    return shared_folder("models")
