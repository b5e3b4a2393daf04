"""Files over HTTP: continued where they ended, compared with their checksum, whole or not there."""

import hashlib
import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from pathlib import Path, PurePosixPath
from typing import IO, Any

from dynascene_cli.errors import InputError, MissingError, StageError
from dynascene_cli.storage.atomic import disk_full_as_error

ATTEMPTS = 4
PIECE = 1 << 20
TIMEOUT_SECONDS = 60
DEFAULT_HUB = "https://huggingface.co"
MODEL_INDEX = "model_index.json"
PARTIAL_SUFFIX = ".download"
LINKED_CHECKSUM = "X-Linked-ETag"
"""Where a hub says the SHA-256 of a large file, before it redirects to where the file lies."""

Told = Callable[[int, int], None]


def hub_url(repository: str, path: str, revision: str = "main") -> str:
    """The address of a hub's file: at $HF_ENDPOINT where a mirror is set, else at the hub."""
    hub = os.environ.get("HF_ENDPOINT") or DEFAULT_HUB
    return f"{hub.rstrip('/')}/{repository}/resolve/{revision}/{path}"


def hub_files(repository: str, revision: str = "main") -> tuple[tuple[str, str], ...]:
    """The paths and SHA-256 (empty of small files) of a model in diffusers' layout at a hub.

    What is beside the model, such as its page and its pictures, is left out.

    Raises:
        InputError: there is no such repository, or it wants an account.
        StageError: the hub could not be reached.
    """
    hub = (os.environ.get("HF_ENDPOINT") or DEFAULT_HUB).rstrip("/")
    url = f"{hub}/api/models/{repository}/tree/{revision}?recursive=true"
    request = urllib.request.Request(url, headers={"User-Agent": "dynascene"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            listed = [entry for entry in json.load(response) if entry["type"] == "file"]
        found = [
            (str(entry["path"]), str((entry.get("lfs") or {}).get("oid", ""))) for entry in listed
        ]
    except urllib.error.HTTPError as error:
        raise InputError(
            f"{url}: the server says {error.code} {error.reason}",
            "the name is wrong, or it wants an account; fetch the folder yourself and "
            "`dynascene models add NAME FOLDER`",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise StageError(
            f"{url} could not be fetched: {_reason(error)}", "check the connection, and try again"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{url} lists no files: {error}", "give another --from") from error
    parts = _parts(repository, revision)
    wanted = tuple(
        (path, sha256) for path, sha256 in found if _is_of_model(PurePosixPath(path), parts)
    )
    if not parts or not wanted:
        raise InputError(f"{url} lists no model in diffusers' layout", "give another --from")
    return wanted


def _parts(repository: str, revision: str) -> set[str]:
    """The folders that a model's index names; others beside them hold something else."""
    url = hub_url(repository, MODEL_INDEX, revision)
    request = urllib.request.Request(url, headers={"User-Agent": "dynascene"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:
            listed = dict(json.load(response))
    except (OSError, ValueError, TypeError, http.client.HTTPException):
        return set()
    return {name for name, of in listed.items() if isinstance(of, list) and any(of)}


def _is_of_model(path: PurePosixPath, parts: set[str]) -> bool:
    if path == PurePosixPath(MODEL_INDEX):
        return True
    kind = path.suffix in (".json", ".safetensors", ".model", ".txt")
    return kind and len(path.parts) == 2 and path.parts[0] in parts


def check_online() -> None:
    """Make sure that downloads are wanted.

    Raises:
        MissingError: $HF_HUB_OFFLINE says that this machine is offline.
    """
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise MissingError(
            "nothing is downloaded while HF_HUB_OFFLINE is set",
            "unset it, or `dynascene models add NAME PATH` with a copy that you have",
        )


def file_sha256(path: Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(url: str, path: Path, sha256: str = "", told: Told = lambda done, total: None) -> str:
    """Fetch ``url`` to ``path``, which appears whole or not at all; its SHA-256.

    A part that an earlier run left is continued where the server allows it and its file is still
    the same. The content is compared with ``sha256``, else with what a hub says of it. ``told``
    gets bytes so far and in all (0 where the server does not say).

    Raises:
        InputError: the address is wrong, or what lies there is not what it should be.
        MissingError: this machine is offline by its own settings.
        StageError: the server could not be reached, the connection kept breaking, or the disk is
            full; what has arrived stays, to be continued.
    """
    check_online()
    with disk_full_as_error(path):
        return _download(url, path, sha256, told)


def _download(url: str, path: Path, sha256: str, told: Told) -> str:
    if not url.startswith(("https://", "http://")):
        raise InputError(f"{url} is no address", "give https://… or a hub's OWNER/NAME")
    partial = path.with_name(path.name + PARTIAL_SUFFIX)
    path.parent.mkdir(parents=True, exist_ok=True)
    for attempt in range(ATTEMPTS):
        before = partial.stat().st_size if partial.is_file() else 0
        try:
            linked = _receive(url, partial, told)
            break
        except (OSError, http.client.HTTPException) as error:
            stuck = not partial.is_file() or partial.stat().st_size <= before
            if _is_disk(error):
                raise
            if stuck or attempt == ATTEMPTS - 1:
                raise StageError(
                    f"{url} could not be fetched: {_reason(error)}",
                    "check the connection; the same command continues",
                ) from error
    digest = file_sha256(partial)
    wanted = sha256 or linked
    if wanted and digest != wanted:
        partial.unlink()
        raise InputError(
            f"what lies at {url} is not what was wanted: its SHA-256 is {digest}, not {wanted}",
            "it was damaged or changed; try again, or another address with --from",
        )
    partial.replace(path)
    _mark(partial).unlink(missing_ok=True)
    return digest


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Redirects, of which the checksum that a hub states is remembered."""

    def __init__(self) -> None:
        self.linked = ""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        self.linked = self.linked or _checksum(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _receive(url: str, partial: Path, told: Told) -> str:
    """Append what is missing of ``url`` to ``partial``; the SHA-256 that the server states."""
    have, mark = 0, _mark(partial)
    headers = {"User-Agent": "dynascene"}
    if partial.is_file() and mark.is_file():
        have = partial.stat().st_size
        headers |= {"Range": f"bytes={have}-", "If-Range": mark.read_text("utf-8")}
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    request = urllib.request.Request(url, headers=headers)
    try:
        response = opener.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == 416 and _total(error.headers.get("Content-Range")) == have:
            return redirects.linked or _checksum(error.headers)
        if error.code == 416:
            partial.unlink()
        if error.code in (401, 403, 404, 410):
            raise InputError(
                f"{url}: the server says {error.code} {error.reason}",
                "the address is wrong, or it wants an account; fetch the file yourself and "
                "`dynascene models add NAME PATH`",
            ) from error
        raise
    with response:
        continued = response.status == 206
        if not continued:
            have = 0
        total = (
            _total(response.headers.get("Content-Range"))
            if continued
            else int(response.headers.get("Content-Length") or 0)
        )
        _remember(mark, response.headers)
        with partial.open("ab" if continued else "wb") as file:
            while piece := response.read(PIECE):
                file.write(piece)
                have += len(piece)
                told(have, total)
    if total and have != total:
        raise ConnectionError(f"the connection ended after {have} of {total} bytes")
    return redirects.linked or _checksum(response.headers)


def _mark(partial: Path) -> Path:
    return partial.with_name(partial.name + ".version")


def _remember(mark: Path, headers: Message) -> None:
    """Keep what tells this version of the file from a later one."""
    tag = headers.get("ETag", "")
    version = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    if version:
        mark.write_text(version, "utf-8")
    else:
        mark.unlink(missing_ok=True)


def _checksum(headers: Message) -> str:
    digest = str(headers.get(LINKED_CHECKSUM, "")).strip('"').lower()
    return digest if len(digest) == 64 and set(digest) <= set("0123456789abcdef") else ""


def _total(content_range: str | None) -> int:
    number = (content_range or "").rpartition("/")[2]
    return int(number) if number.isdigit() else 0


def _is_disk(error: Exception) -> bool:
    return isinstance(error, OSError) and not isinstance(
        error, urllib.error.URLError | ConnectionError | TimeoutError
    )


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", error)) or type(error).__name__
