"""The metrics over clips: each clip's frames are read once, whatever is measured of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from dynascene_cli.errors import InputError, MissingError
from dynascene_cli.evaluation.clips import pictures
from dynascene_cli.evaluation.clips.camera_following import compare_cameras
from dynascene_cli.evaluation.clips.mattes import MatteErrors
from dynascene_cli.evaluation.clips.metric_names import FAMILIES, Family
from dynascene_cli.evaluation.clips.pairs import ClipPair
from dynascene_cli.evaluation.clips.pictures import Protocol
from dynascene_cli.evaluation.clips.warping import WarpingError
from dynascene_cli.evaluation.frechet import FrechetScore
from dynascene_cli.evaluation.metrics import interval
from dynascene_cli.shot import CameraPath, Image

if TYPE_CHECKING:
    from dynascene_cli.evaluation.clips.network_metrics import FrechetMetric, LpipsMeans

FrameNumbers = Callable[[Image, Image, Image | None], dict[str, float]]


@dataclass(frozen=True)
class Measured:
    """What clips of one method measure: ``clips`` numbers by clip and name, NaN where there is
    none; ``distances`` over all clips; ``skipped`` why a family was not measured, by its name."""

    clips: Mapping[str, Mapping[str, float]]
    distances: Mapping[str, FrechetScore]
    skipped: Mapping[str, str]

    def summary(self) -> dict[str, Any]:
        """Means over clips with their 95 % intervals, and the distances, as plain JSON."""
        names = list(dict.fromkeys(name for numbers in self.clips.values() for name in numbers))
        means: dict[str, Any] = {}
        for name in names:
            values = np.array([numbers.get(name, np.nan) for numbers in self.clips.values()])
            known = values[~np.isnan(values)]
            low, high = interval(known)
            means[name] = {
                "mean": _plain(float(known.mean())) if known.size else None,
                "low": _plain(low),
                "high": _plain(high),
                "clips": int(known.size),
            }
        return {
            "metrics": means,
            "distances": {name: score.to_json() for name, score in self.distances.items()},
            "skipped": dict(self.skipped),
            "per_clip": {
                clip: {name: _plain(value) for name, value in numbers.items()}
                for clip, numbers in self.clips.items()
            },
        }


@dataclass
class _Session:
    """The metrics of a run, and what they have found so far."""

    protocol: Protocol
    families: set[str]
    frame_numbers: list[FrameNumbers] = field(default_factory=list)
    distances: dict[str, "FrechetMetric"] = field(default_factory=dict)


def choose_families(names: Sequence[str] | None) -> list[Family]:
    """The families of these names, the default ones where none is named.

    Raises:
        InputError: there is no such family.
    """
    if names is None:
        return [family for family in FAMILIES if family.by_default]
    known = {family.name: family for family in FAMILIES}
    for name in names:
        if name not in known:
            raise InputError(f"no metric is called {name!r}", f"some of {', '.join(known)}")
    return [family for family in FAMILIES if family.name in names]


def measure(
    pairs: Sequence[ClipPair],
    families: Sequence[Family],
    protocol: Protocol,
    cameras: Mapping[str, CameraPath],
    done: Callable[[int], None] = lambda count: None,
) -> Measured:
    """Measure pairs of clips; ``cameras`` are the true ones by clip, where they are known.

    What cannot be measured, for want of weights, mattes or frames, is skipped and told.
    ``done`` is called with the number of clips that are finished.

    Raises:
        InputError: a file cannot be read, or holds other weights than its name says.
    """
    skipped: dict[str, str] = {}
    wanted = []
    for family in families:
        why = _obstacle(family, pairs, protocol)
        if why:
            skipped[family.name] = why
        else:
            wanted.append(family.name)
    session = _open_session(set(wanted), protocol)
    clips = {}
    for number, pair in enumerate(pairs, start=1):
        clips[pair.name] = _measure_clip(pair, session, cameras.get(pair.name))
        done(number)
    distances = {}
    for name, metric in session.distances.items():
        score = metric.score()
        if score is None:
            skipped[name] = "a distance between sets needs two clips or more"
        else:
            distances[name.replace("-", "_")] = score
    return Measured(clips, distances, skipped)


def _obstacle(family: Family, pairs: Sequence[ClipPair], protocol: Protocol) -> str:
    """Why a family cannot be measured; empty where it can."""
    if family.needs_mattes and any(pair.alphas is None for pair in pairs):
        return "the truth's mattes are not given: --mattes FOLDER"
    shortest = min(pair.frame_count for pair in pairs)
    if shortest < family.shortest:
        return f"a clip has {shortest} frames, {family.shortest} are needed"
    names = family.weights[protocol == "paper"]
    if not names:
        return ""
    from dynascene_cli import weights
    from dynascene_cli.diffusion.requirements import require_packages

    try:
        require_packages()
        for name in names:
            weights.path_of(name)
    except MissingError as error:
        return f"{error.message}: {error.hint}"
    return ""


def _open_session(wanted: set[str], protocol: Protocol) -> _Session:
    session = _Session(protocol, wanted)
    simple = {"l1": pictures.l1, "psnr": pictures.psnr, "ssim": pictures.ssim}
    for name, measured in simple.items():
        if name in wanted:
            session.frame_numbers.append(_simple(name, measured, protocol))
    if "background" in wanted:
        session.frame_numbers.append(_background)
    if "foreground" in wanted:
        session.frame_numbers.append(_foreground)
    if wanted & {"lpips", "fid", "fvd-i3d", "fvd-3dres"}:
        from dynascene_cli.evaluation.clips import network_metrics as networks

        if "lpips" in wanted:
            session.frame_numbers.append(_ignore_alpha(networks.LpipsMeans(protocol)))
        makers = {
            "fid": networks.fid_metric,
            "fvd-i3d": networks.fvd_i3d_metric,
            "fvd-3dres": networks.fvd_3dres_metric,
        }
        session.distances = {name: make() for name, make in makers.items() if name in wanted}
    return session


def _measure_clip(pair: ClipPair, session: _Session, camera: CameraPath | None) -> dict[str, float]:
    rows: list[dict[str, float]] = []
    warping = WarpingError() if "warping" in session.families else None
    matte = MatteErrors() if "matting" in session.families else None
    alphas = None if pair.alphas is None else pair.alphas()
    for made, truth in zip(pair.made(), pair.truth(), strict=True):
        alpha = None if alphas is None else next(alphas)
        row: dict[str, float] = {}
        for numbers in session.frame_numbers:
            row |= numbers(made, truth, alpha)
        rows.append(row)
        if warping is not None:
            warping.add(made, truth)
        if matte is not None:
            matte.add(_grey(made), _grey(truth))
        for distance in session.distances.values():
            distance.add(made, truth)
    for distance in session.distances.values():
        distance.end_clip()
    names = list(dict.fromkeys(name for row in rows for name in row))
    found = {name: _mean([row[name] for row in rows if name in row]) for name in names}
    if warping is not None:
        found |= warping.finish()
    if matte is not None:
        found |= matte.finish()
    if "camera" in session.families:
        found |= compare_cameras(pair, camera)
    return found


def _simple(
    name: str, measured: Callable[[Image, Image, Protocol], float], protocol: Protocol
) -> FrameNumbers:
    return lambda made, truth, alpha: {name: measured(made, truth, protocol)}


def _ignore_alpha(numbers: "LpipsMeans") -> FrameNumbers:
    return lambda made, truth, alpha: numbers(made, truth)


def _background(made: Image, truth: Image, alpha: Image | None) -> dict[str, float]:
    where = np.asarray(alpha) == 0
    return pictures.background_errors(made, truth, where) if where.any() else {}


def _foreground(made: Image, truth: Image, alpha: Image | None) -> dict[str, float]:
    where = pictures.surely_person(np.asarray(alpha))
    return pictures.foreground_errors(made, truth, where) if where.any() else {}


def _grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _plain(value: float) -> float | None:
    """A number for JSON: nine significant digits, None for NaN."""
    return None if math.isnan(value) else float(f"{value:.9g}")
