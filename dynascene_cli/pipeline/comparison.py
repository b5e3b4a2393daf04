"""The clip beside the finished shot, in one video."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np

from dynascene_cli.pipeline.request import ComparisonKind
from dynascene_cli.shot import Clip, Image
from dynascene_cli.video import open_sink, resize_to_cover

WIPE_SECONDS = Fraction(4)
"""How long the wipe's edge takes from left to right and back."""

_EDGE = 2
"""Width of the wipe's edge, in pixels."""


def place_side_by_side(filmed: Image, finished: Image) -> Image:
    """The clip's frame on the left, the finished one of (H, W, 3) on the right: (H, 2 W, 3)."""
    height, width = finished.shape[:2]
    return np.hstack([resize_to_cover(filmed, width, height), finished])


def wipe(filmed: Image, finished: Image, share: float) -> Image:
    """The clip's frame left of a white edge, the finished one of (H, W, 3) right of it.

    ``share`` (0..1) is how much of the width the clip takes.
    """
    height, width = finished.shape[:2]
    edge = round(share * width)
    picture = finished.copy()
    picture[:, :edge] = resize_to_cover(filmed, width, height)[:, :edge]
    picture[:, max(edge - _EDGE // 2, 0) : edge + _EDGE // 2] = 255
    return picture


def wipe_share(index: int, frame_rate: Fraction) -> float:
    """Where a frame's wipe stands: from 0 to 1 and back, at an even pace, from the middle on."""
    phase = float((Fraction(index) / frame_rate / WIPE_SECONDS + Fraction(1, 4)) % 1)
    return 2 * phase if phase < 0.5 else 2 - 2 * phase


@contextmanager
def open_comparison(
    path: Path, kind: ComparisonKind, clip: Clip, size: tuple[int, int]
) -> Iterator[Callable[[Image, Image], None]]:
    """Takes frames as filmed and as finished, ``size`` (width, height) large; with the sound.

    Raises:
        InputError, StageError: as ``open_sink``.
    """
    width, height = size
    wide = width * 2 if kind == "side-by-side" else width
    audio = clip if clip.has_audio else None
    with open_sink(
        path, width=wide, height=height, frame_rate=clip.frame_rate, audio_from=audio
    ) as sink:
        count = 0

        def write(filmed: Image, finished: Image) -> None:
            nonlocal count
            if kind == "side-by-side":
                sink.write(place_side_by_side(filmed, finished))
            else:
                sink.write(wipe(filmed, finished, wipe_share(count, clip.frame_rate)))
            count += 1

        yield write
