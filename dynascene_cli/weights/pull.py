"""Weights fetched from where they are published, once their licence is accepted."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.storage.atomic import publish_text
from dynascene_cli.weights.download import Told, check_online, download, hub_files, hub_url
from dynascene_cli.weights.registry import (
    VIDEO,
    RemoteFile,
    Weights,
    find,
    place,
    sha256_of,
    weights_folder,
)

CHECKPOINT_LIST = "checkpoint.json"
"""What a checkpoint's folder begins with: it names the other files and their SHA-256."""


def accept_licence(weights: Weights, accepted: bool) -> None:
    """Remember that the user accepts a licence, or find that they did.

    Raises:
        InputError: they never did.
    """
    file = weights_folder() / "licences.json"
    try:
        known = dict(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        # It is missing or damaged: what was accepted is asked for again.
        known = {}
    if accepted:
        file.parent.mkdir(parents=True, exist_ok=True)
        publish_text(file, json.dumps(known | {weights.name: weights.licence}, indent=1))
    elif known.get(weights.name) != weights.licence:
        raise InputError(
            f"{weights.name} is under this licence: {weights.licence}",
            f"to accept it: dynascene models pull {weights.name} --accept-licence",
        )


def pull(
    name: str,
    source: str = "",
    sha256: str = "",
    accepted: bool = False,
    told: Told = lambda done, total: None,
    check: Callable[[Path], object] = lambda path: None,
) -> Weights:
    """Fetch weights into the weights folder, whole or not at all; what was fetched is continued.

    ``source`` is another place than the registry's: an address, or a hub's OWNER/NAME of a
    checkpoint's folder, or OWNER/NAME/FILE. ``sha256`` is of the one file, or of the folder's
    ``checkpoint.json``. ``check`` looks at what arrived and raises where it is no such weights.

    Raises:
        InputError: the name, the licence, the address or the content is not right.
        MissingError: nothing is published under that name, or this machine is offline.
        StageError: the server could not be reached, or the disk is full.
    """
    weights = find(name)
    if weights.shipped:
        raise InputError(f"{name} ships with the package", "nothing has to be fetched")
    if not source and not weights.remote and not weights.is_hub_folder:
        raise MissingError(
            f"{name} has no published download",
            f"{weights.how_to_get}, or pull {name} --from ADDRESS with your own",
        )
    accept_licence(weights, accepted)
    check_online()
    folder = _download_folder(name, source)
    wanted = (
        _list_files(weights, source, sha256, folder, told)
        if source
        else weights.remote or _hub_folder(weights.hub, weights.revision)
    )
    for file in wanted:
        if not (folder / file.path).is_file():
            download(file.url, folder / file.path, file.sha256, told)
    single = len(wanted) == 1 and not weights.files
    arrived = folder / wanted[0].path if single else folder
    try:
        check(arrived)
    except InputError:
        for file in wanted:
            (folder / file.path).unlink()
        raise
    place(weights, arrived, sha256_of(arrived))
    discard_download(name, source)
    return weights


def discard_download(name: str, source: str = "") -> None:
    """Remove what is left of a download, as by a process that was killed when it had ended."""
    shutil.rmtree(_download_folder(name, source), ignore_errors=True)


def _download_folder(name: str, source: str) -> Path:
    key = hashlib.sha256(f"{name} {source}".encode()).hexdigest()[:16]
    return weights_folder() / "downloads" / key


def _list_files(
    weights: Weights, source: str, sha256: str, folder: Path, told: Told
) -> tuple[RemoteFile, ...]:
    """The files that another source than the registry's holds."""
    if source.startswith(("https://", "http://")):
        name = Path(urlsplit(source).path).name
        if not name:
            raise InputError(f"{source} names no file", "give the address of the file itself")
        return (RemoteFile(name, source, sha256),)
    parts = source.split("/")
    if len(parts) > 2:
        return (RemoteFile(parts[-1], _at_hub(parts), sha256),)
    if len(parts) < 2 or not all(parts):
        raise InputError(f"{source!r} is no source", "an address, OWNER/NAME or OWNER/NAME/FILE")
    if weights.kind == VIDEO:
        return _hub_folder(source)
    if weights.files or weights.hub_path:
        moved = replace(weights, hub=source)
        return moved.remote
    listing = RemoteFile(CHECKPOINT_LIST, hub_url(source, CHECKPOINT_LIST), sha256)
    download(listing.url, folder / listing.path, sha256, told)
    try:
        files = json.loads((folder / listing.path).read_text("utf-8"))["files"]
        others = [RemoteFile(path, hub_url(source, path), files[path]) for path in files]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{source}: its {CHECKPOINT_LIST} lists no files ({error})",
            "it should be what `dynascene models assemble` or `dynascene train` wrote",
        ) from error
    if any(Path(file.path).name != file.path for file in others):
        raise InputError(f"{source}: its {CHECKPOINT_LIST} names files outside its folder", "")
    return (listing, *others)


def _hub_folder(repository: str, revision: str = "main") -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(path, hub_url(repository, path, revision), sha256)
        for path, sha256 in hub_files(repository, revision)
    )


def _at_hub(parts: list[str]) -> str:
    return hub_url("/".join(parts[:2]), "/".join(parts[2:]))
