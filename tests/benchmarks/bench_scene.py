"""CPU-seconds and peak memory of building a scene at 1080p, imports included.

Run twice: the first run may compile the numba kernels.
"""

import resource
import time
from pathlib import Path

import numpy as np

PHOTO = Path(__file__).parents[2] / "dynascene_cli" / "demo_media" / "picos.jpg"


def main() -> None:
    start = time.process_time()
    from dynascene_cli.scene import build_scene, guess_geometry, scene_labels
    from dynascene_cli.shot import Margins
    from dynascene_cli.video import read_photo, resize_to_cover

    imported = time.process_time()
    photo = resize_to_cover(read_photo(PHOTO).pixels, 1920, 1080)
    read = time.process_time()
    labels = scene_labels(photo)
    labelled = time.process_time()
    guess = guess_geometry(photo, labels=labels)
    guessed = time.process_time()
    margins = Margins(left=672, top=216, right=672, bottom=216)
    build_scene(photo, guess, margins)
    built = time.process_time()
    rows = np.linspace(1.0, 0.05, 1080)[:, None].repeat(1920, axis=1)
    build_scene(photo, guess, margins, depth=1 / rows)
    with_depth = time.process_time()
    print(f"import {imported - start:.2f} CPU-s, read {read - imported:.2f}")
    print(f"labels {labelled - read:.2f} CPU-s, guess {guessed - labelled:.2f}")
    print(f"build {built - guessed:.2f} CPU-s")
    print(f"build with a depth map {with_depth - built:.2f} CPU-s")
    print(f"scene in all {built - read + imported - start:.2f} CPU-s (at most 12)")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
