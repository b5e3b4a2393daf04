"""How near the guessed horizon and camera height come to those labelled by eye or known exactly.

    python tests/benchmarks/bench_viewpoint.py MEDIA [FOLDER]

MEDIA holds the scenes and panoramas that the package may not ship; FOLDER the extracted packages
(`dpkg -x`) that the other photos come from. What is missing is left out and counted.
"""

import json
import math
import sys
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.scene import find_known_things, guess_geometry, scene_labels
from dynascene_cli.video import read_photo, resize_to_cover

WIDTH, HEIGHT = 768, 432
VIEWPOINTS = Path(__file__).parents[1] / "scene" / "viewpoints.json"


def panorama_view(path: Path, yaw: float, pitch: float) -> np.ndarray:
    """A view of an equirectangular picture, pitched up, its focal length 0.75 widths."""
    panorama = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    panorama = cv2.resize(panorama, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    x, y = np.meshgrid(np.arange(WIDTH) - WIDTH / 2 + 0.5, np.arange(HEIGHT) - HEIGHT / 2 + 0.5)
    focal, c, s = 0.75 * WIDTH, math.cos(pitch), math.sin(pitch)
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


def main() -> None:
    media = Path(sys.argv[1])
    packages = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    rows: dict[bool, list[float]] = {False: [], True: []}
    heights: dict[bool, list[float]] = {False: [], True: []}
    for name, entry in json.loads(VIEWPOINTS.read_text("utf-8"))["photos"].items():
        photo = picture(name, entry, media, packages)
        if photo is None:
            print(f"{name}: not here")
            continue
        labels = scene_labels(photo)
        seen = guess_geometry(
            photo, labels=labels, things=find_known_things(photo, labels)
        ).viewpoint
        print(
            f"{name}: horizon {seen.row:.3f} ± {seen.row_spread:.3f} ({entry['horizon']:.3f}), "
            f"height {seen.camera_height:.2f} m ({entry.get('camera_height', '?')})"
        )
        rows[entry["held_out"]].append(abs(seen.row - entry["horizon"]))
        if "camera_height" in entry:
            heights[entry["held_out"]].append(abs(seen.camera_height / entry["camera_height"] - 1))
    for held_out, name in ((False, "tuned on"), (True, "held out")):
        near = sum(error <= 0.05 for error in rows[held_out])
        right = sum(error <= 0.25 for error in heights[held_out])
        print(
            f"{name}: horizon within 0.05 on {near} of {len(rows[held_out])}, "
            f"height within 25 % on {right} of {len(heights[held_out])}"
        )


if __name__ == "__main__":
    main()
