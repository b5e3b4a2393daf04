"""Finished mattes of the user's: alphas as data, and what is odd about them found before use."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from dynascene_cli.errors import InputError, reading
from dynascene_cli.shot import Clip, Image
from dynascene_cli.video.openexr import exr_planes
from dynascene_cli.video.opening import open_clip
from dynascene_cli.video.picture_files import open_picture
from dynascene_cli.video.reading import read_alpha, read_frames_at
from dynascene_cli.video.sequences import sequence_files

_SAMPLES = 5
_FAINT = 200
"""The brightest value of a matte below which white is not white."""
_SOLID = 128
_BORDER_WHITE = 0.9
_LEAST_BLACK = 0.005
_HINT = "a matte is white, or opaque, where the person is: 255 of 8 bits, 1.0 of float"


@dataclass(frozen=True)
class AlphaFrames:
    """A finished matte on disk: alpha uint8 (H, W) from ``clip``'s alpha, or from its grey.

    Values are multiplied by ``gain`` and, if ``inverted``, taken from white.
    """

    clip: Clip
    from_alpha: bool
    gain: float = 1.0
    inverted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        return self.clip.frame_count

    def frames(self, first: int = 0, last: int | None = None) -> Iterator[Image]:
        """Yield alphas first ≤ i < last, in order."""
        return self.frames_at(range(self.frame_count)[first:last])

    def frames_at(self, indices: range) -> Iterator[Image]:
        """Yield the alphas with these numbers, in order."""
        for alpha in self._read_stored(indices):
            if self.gain != 1:
                alpha = np.asarray(np.minimum(alpha * self.gain + 0.5, 255), np.uint8)
            yield 255 - alpha if self.inverted else alpha

    def _read_stored(self, indices: range) -> Iterator[Image]:
        if self.clip.kind in ("sequence", "image"):
            files = sequence_files(self.clip.path)
            for index in indices:
                file = files[self.clip.source_frames[index]]
                yield matte_picture(file, (self.clip.width, self.clip.height))
        elif self.from_alpha:
            read = read_alpha(self.clip, indices.start, indices.stop)
            yield from islice(read, 0, None, indices.step)
        else:
            for rgb in read_frames_at(self.clip, indices):
                yield np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)


def alpha_frames(source: str | Path, clip: Clip) -> AlphaFrames:
    """A user's matte for a clip: a video or pictures in which white or alpha 1 is the person.

    For a trimmed clip it is a matte of the trimmed frames, or of the whole clip.

    Raises:
        InputError: unreadable, of another frame count or size than the clip, or so faint that
            nothing in it is solid.
    """
    matte = open_clip(source, fps=clip.frame_rate)
    if matte.frame_count > clip.frame_count and (clip.start > 0 or clip.end is not None):
        end = None if clip.end is None else float(clip.end)
        matte = open_clip(source, fps=clip.frame_rate, start=float(clip.start), end=end)
    if matte.frame_count != clip.frame_count:
        raise InputError(
            f"{source} has {matte.frame_count} frames, the clip {clip.path} has {clip.frame_count}",
            "give one alpha for each frame of the clip",
        )
    if (matte.width, matte.height) != (clip.width, clip.height):
        raise InputError(
            f"{source} is {matte.width}x{matte.height}, the clip {clip.path} is "
            f"{clip.width}x{clip.height}",
            "give alphas of the clip's size",
        )
    # A channel that is opaque throughout is a container's habit, not a matte.
    transparent = matte.has_alpha and next(read_alpha(matte, 0, 1)).min() < 255
    return _correct_matte(str(source), AlphaFrames(matte, from_alpha=bool(transparent)))


def matte_picture(path: Path, size: tuple[int, int] | None = None) -> Image:
    """The alpha uint8 (H, W) in a picture: its alpha where that varies, else its grey, as stored.

    It is turned as EXIF asks; colour profiles say nothing of an alpha, and an EXR's 0 to 1 is
    linear.

    Raises:
        InputError: it cannot be read, or is not of ``size`` (width, height).
    """
    if path.suffix.lower() == ".exr":
        alpha = _exr_alpha(path)
    else:
        picture = open_picture(path)
        with reading(path, "a matte", "save it as PNG"):
            alpha = _picture_alpha(ImageOps.exif_transpose(picture))
    if size is not None and alpha.shape[::-1] != size:
        raise InputError(
            f"{path} is {alpha.shape[1]}x{alpha.shape[0]}, not {size[0]}x{size[1]}",
            "give pictures of one size",
        )
    return alpha


def _exr_alpha(path: Path) -> Image:
    planes = np.nan_to_num(exr_planes(path))
    if planes.ndim == 3:
        own = planes[..., 3] if planes.shape[2] == 4 else None
        planes = planes[..., :3].mean(axis=2) if own is None or own.min() >= 1 else own
    return np.asarray(np.clip(planes, 0, 1) * 255 + 0.5, np.uint8)


def _picture_alpha(picture: Pillow.Image) -> Image:
    if picture.has_transparency_data:
        own = np.asarray(picture.convert("RGBA").getchannel("A"))
        if own.min() < 255:
            return own
        picture = picture.convert("RGB")
    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        values = np.nan_to_num(np.asarray(picture).astype(np.float32))
        if picture.mode == "F":
            white = 1.0 if values.max() <= 1 else 255.0
        else:
            # Pillow opens some 8-bit files as I.
            white = 255.0 if picture.mode == "I" and 1 < values.max() <= 255 else 65535.0
        alpha = np.asarray(np.clip(values / white * 255 + 0.5, 0, 255), np.uint8)
        # What is not black stays so: a mask of 0 and 1 in 16 bits has nothing brighter.
        return np.asarray(np.where(values > 0, np.maximum(alpha, 1), 0), np.uint8)
    return np.asarray(picture.convert("L"), np.uint8)


def _correct_matte(name: str, matte: AlphaFrames) -> AlphaFrames:
    """A matte that is faint of two values or inverted, mended and warned of.

    Raises:
        InputError: it is faint in several values, so that what is solid is anybody's guess.
    """
    places = np.unique(np.linspace(0, matte.frame_count - 1, _SAMPLES).astype(int))
    samples = [next(iter(matte.frames(int(place), int(place) + 1))) for place in places]
    brightest = max(int(alpha.max()) for alpha in samples)
    warnings: list[str] = []
    gain = 1.0
    if 0 < brightest < _FAINT:
        values = np.unique(np.concatenate([np.unique(alpha) for alpha in samples]))
        if len(values) > 2:
            raise InputError(f"{name}: its brightest value is {brightest}", _HINT)
        gain = 255 / brightest
        warnings.append(f"{name} has no value but 0 and {brightest}, which is taken for white")
    inverted = brightest > 0 and all(
        _looks_inverted(np.minimum(alpha * gain, 255)) for alpha in samples
    )
    if inverted:
        warnings.append(f"{name} looks inverted, the person black on white: it is inverted back")
    return AlphaFrames(matte.clip, matte.from_alpha, gain, inverted, tuple(warnings))


def _looks_inverted(alpha: Image) -> bool:
    """Whether white lies all around, and something black within it."""
    solid = alpha >= _SOLID
    border = np.concatenate([solid[0], solid[:, 0], solid[:, -1]])
    return bool(border.mean() > _BORDER_WHITE and (~solid).mean() > _LEAST_BLACK)
