"""Clips that were made and the truth that they are compared with, streamed frame by frame."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from dynascene_cli.errors import InputError
from dynascene_cli.shot import Clip, Image
from dynascene_cli.video import alpha_frames, open_clip, read_frames, resize_to_cover

SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v", ".gif")
SEQUENCE_RATE = Fraction(24)
"""Of folders of pictures: only the camera's times depend on it."""

Frames = Callable[[], Iterator[Image]]


@dataclass(frozen=True, eq=False)
class ClipPair:
    """A clip that was made and its truth, of one size (width, height) and length.

    ``made`` and ``truth`` stream RGB uint8 (H, W, 3) from the first frame on, each time they are
    called; ``alphas`` the truth's person, uint8 (H, W), where it is known.
    """

    name: str
    size: tuple[int, int]
    frame_count: int
    frame_rate: Fraction
    made: Frames
    truth: Frames
    alphas: Frames | None = None


def find_pairs(
    made: Path, truth: Path, mattes: Path | None, size: tuple[int, int] | None
) -> list[ClipPair]:
    """The pairs of two folders by the names of the clips in them, without suffix.

    A clip is a video or a folder of pictures; ``mattes`` is a folder of the truth's mattes by the
    same names. With ``size`` (width, height) everything is resized to cover it.

    Raises:
        InputError: a folder holds no clip or is none, a name is in one of them alone, or clips of
            a name differ in length, or in size where none is given.
    """
    ours, theirs = list_clips(made), list_clips(truth)
    for name in sorted(set(ours) ^ set(theirs)):
        where, other = (made, truth) if name in ours else (truth, made)
        raise InputError(f"{name} is in {where} and not in {other}", "give both the same clips")
    covers = {} if mattes is None else list_clips(mattes)
    for name in theirs:
        if mattes is not None and name not in covers:
            raise InputError(f"{name} has no matte in {mattes}", "give one for each clip")
    return [_pair(name, ours[name], theirs[name], covers.get(name), size) for name in theirs]


def list_clips(folder: Path) -> dict[str, Path]:
    """The clips of a folder by their names.

    Raises:
        InputError: it is no folder, holds no clip, or two of one name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder", "give a folder of clips")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not (path.is_dir() or path.suffix.lower() in SUFFIXES):
            continue
        name = path.name if path.is_dir() else path.stem
        if name in found:
            raise InputError(f"{path} and {found[name]} have one name", "rename one of them")
        found[name] = path
    if not found:
        raise InputError(f"{folder} holds no clip", "videos, or a folder of pictures for each")
    return found


def _pair(
    name: str, made: Path, truth: Path, matte: Path | None, size: tuple[int, int] | None
) -> ClipPair:
    ours, theirs = _open(made), _open(truth)
    if ours.frame_count != theirs.frame_count:
        raise InputError(
            f"{made} has {ours.frame_count} frames, {truth} has {theirs.frame_count}",
            "give both the same frames",
        )
    own, other = (ours.width, ours.height), (theirs.width, theirs.height)
    if size is None and own != other:
        raise InputError(
            f"{made} is {own[0]}x{own[1]}, {truth} is {other[0]}x{other[1]}",
            "--size WxH compares both at that size",
        )
    alphas = None
    if matte is not None:
        cover = alpha_frames(matte, theirs)
        alphas = _resize(cover.frames, size)
    return ClipPair(
        name,
        size or other,
        theirs.frame_count,
        theirs.frame_rate,
        _resize(lambda: read_frames(ours), size),
        _resize(lambda: read_frames(theirs), size),
        alphas,
    )


def _open(path: Path) -> Clip:
    return open_clip(path, fps=SEQUENCE_RATE if path.is_dir() else None)


def _resize(frames: Frames, size: tuple[int, int] | None) -> Frames:
    if size is None:
        return frames
    width, height = size
    return lambda: (resize_to_cover(frame, width, height) for frame in frames())
