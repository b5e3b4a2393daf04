"""How near the guessed horizon and camera height come to those labelled by eye or known exactly.

    python tests/benchmarks/bench_viewpoint.py MEDIA [FOLDER] [--upright | --panoramas]

With --panoramas eight views of each panorama are read instead, pitched by up to 12° either way and
45° to 75° wide, whose horizons are exact.

With --upright a 9:16 frame is cropped from the middle of each 16:9 picture, and read with and
without the rest of it. MEDIA holds the scenes and panoramas that the package may not ship; FOLDER
the extracted packages (`dpkg -x`) that the other photos come from. What is missing is left out and
counted.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.scene import (
    Surroundings,
    Viewpoint,
    find_known_things,
    frame_content,
    guess_geometry,
    scene_labels,
)
from dynascene_cli.shot import Margins
from dynascene_cli.video import read_photo, resize_to_cover

WIDTH, HEIGHT = 768, 432
VIEWPOINTS = Path(__file__).parents[1] / "scene" / "viewpoints.json"


TUNED_ON = (
    "dikhololo_night",
    "forest_slope",
    "potsdamer_platz",
    "st_fagans_interior",
    "rooitou_park",
)
"""Panoramas of which the views were looked at while rules were found; the others are held out."""


def panorama_view(
    path: Path, yaw: float, pitch: float, lens: float = 0.75, enlarged: int = 2
) -> np.ndarray:
    """A view of an equirectangular picture, pitched up, its focal length ``lens`` widths."""
    panorama = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    size = {"fx": enlarged, "fy": enlarged}
    panorama = cv2.resize(panorama, None, **size, interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(WIDTH) - WIDTH / 2 + 0.5, np.arange(HEIGHT) - HEIGHT / 2 + 0.5)
    focal, c, s = lens * WIDTH, math.cos(pitch), math.sin(pitch)
    down, ahead = c * y - s * focal, s * y + c * focal
    u = (np.arctan2(x, ahead) + yaw) / (2 * np.pi) + 0.5
    v = np.arctan2(down, np.hypot(x, ahead)) / np.pi + 0.5
    rows, columns = panorama.shape[:2]
    return cv2.remap(
        panorama,
        ((u * columns - 0.5) % columns).astype(np.float32),
        (v * rows - 0.5).astype(np.float32),
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_WRAP,
    )


def panorama_views(media: Path) -> Iterator[tuple[str, dict, np.ndarray]]:
    """Name, truth and picture of eight views of each panorama, drawn with one seed."""
    rng = np.random.default_rng(14)
    found = {path.name.removesuffix("_1k.jpg"): path for path in media.glob("panoramas/*_1k.jpg")}
    for name in (*TUNED_ON, *sorted(set(found) - set(TUNED_ON))):
        start = rng.uniform(0, 2 * np.pi)
        for turn in range(8):
            pitch, wide = math.radians(rng.uniform(-12, 12)), math.radians(rng.uniform(45, 75))
            lens = 0.5 / math.tan(wide / 2)
            truth = {
                "horizon": 0.5 + lens * WIDTH * math.tan(pitch) / HEIGHT,
                "held_out": name not in TUNED_ON,
            }
            view = panorama_view(found[name], start + turn * np.pi / 4, pitch, lens, enlarged=4)
            yield f"{name}_{turn}", truth, view


def picture(name: str, entry: dict, media: Path, packages: Path | None) -> np.ndarray | None:
    """The labelled frame, or None where its photo is not here."""
    if "panorama" in entry:
        path = media / entry["panorama"]
        return panorama_view(path, entry["yaw"], entry["pitch"]) if path.is_file() else None
    if "scene" in entry:
        path = media / entry["scene"]
    elif packages is None:
        return None
    else:
        found = sorted(packages.rglob(entry["file"]))
        if not found:
            return None
        path = found[-1]
    return resize_to_cover(read_photo(path).pixels, WIDTH, HEIGHT) if path.is_file() else None


def read_alone(photo: np.ndarray) -> Viewpoint:
    """Where a picture's camera stood, by that picture alone."""
    labels = scene_labels(photo)
    things = find_known_things(photo, labels)
    return guess_geometry(photo, labels=labels, things=things).viewpoint


def upright(photo: np.ndarray) -> tuple[np.ndarray, Surroundings]:
    """The 9:16 frame in the middle of a picture, as high as ``WIDTH``, and what is around it."""
    scale = WIDTH / HEIGHT
    whole = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    left = (whole.shape[1] - HEIGHT) // 2
    room = Margins(left=left, right=whole.shape[1] - HEIGHT - left)
    return np.ascontiguousarray(whole[:, left : left + HEIGHT]), Surroundings(room, lambda: whole)


def read_within(frame: np.ndarray, surroundings: Surroundings) -> Viewpoint:
    """Where a frame's camera stood, with the help of what is around it."""
    seen = frame_content(frame, surroundings)
    return guess_geometry(
        frame, labels=seen.labels, things=seen.things, evidence=seen.evidence
    ).viewpoint


def tell(title: str, measured: list[tuple[dict, Viewpoint]]) -> None:
    """How many of the labelled (entry, viewpoint) pairs are right."""
    rows = [abs(seen.row - entry["horizon"]) for entry, seen in measured]
    heights = [
        abs(seen.camera_height / entry["camera_height"] - 1)
        for entry, seen in measured
        if "camera_height" in entry
    ]
    near, right = sum(e <= 0.05 for e in rows), sum(e <= 0.25 for e in heights)
    spreads = [seen.row_spread for _, seen in measured]
    honest = sum(e <= 2 * spread for e, spread in zip(rows, spreads, strict=True))
    print(
        f"{title}: horizon within 0.05 on {near} of {len(rows)}, median error "
        f"{np.median(rows):.3f}, within two spreads on {honest}; "
        f"height within 25 % on {right} of {len(heights)}"
    )


def labelled_photos(asked: argparse.Namespace) -> Iterator[tuple[str, dict, np.ndarray]]:
    """Name, truth and picture of the labelled photos that are here."""
    for name, entry in json.loads(VIEWPOINTS.read_text("utf-8"))["photos"].items():
        photo = picture(name, entry, asked.media, asked.packages)
        if photo is None:
            print(f"{name}: not here")
        else:
            yield name, entry, photo


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("media", type=Path)
    arguments.add_argument("packages", type=Path, nargs="?")
    arguments.add_argument("--upright", action="store_true")
    arguments.add_argument("--panoramas", action="store_true")
    asked = arguments.parse_args()
    measured: dict[str, list[tuple[dict, Viewpoint]]] = {}
    views = panorama_views(asked.media) if asked.panoramas else labelled_photos(asked)
    for name, entry, photo in views:
        if asked.upright:
            frame, around = upright(photo)
            found = {"alone": read_alone(frame), "with the rest": read_within(frame, around)}
        else:
            found = {"held out" if entry["held_out"] else "tuned on": read_alone(photo)}
        for title, seen in found.items():
            print(
                f"{name} {title}: horizon {seen.row:.3f} ± {seen.row_spread:.3f} "
                f"({entry['horizon']:.3f}), height {seen.camera_height:.2f} m "
                f"({entry.get('camera_height', '?')})"
            )
            measured.setdefault(title, []).append((entry, seen))
    for title, pairs in measured.items():
        tell(title, pairs)


if __name__ == "__main__":
    main()
