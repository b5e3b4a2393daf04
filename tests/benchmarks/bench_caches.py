"""What checksums and fingerprints cost: CPU milliseconds a frame.

python tests/benchmarks/bench_caches.py [FRAMES]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.storage.fingerprints import WatchedInputs, file_fingerprint
from dynascene_cli.storage.project import Project
from dynascene_cli.video import GREY_SUFFIX, chunk_path, read_chunk, rgb_suffix, write_chunk

RATE = Fraction(25)


def spent(work: Callable[[], object], frames: int) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1000 / frames


def chunk_costs(kind: str, image: np.ndarray, frames: int) -> tuple[float, ...]:
    """Milliseconds to write a chunk, to list it, to check it, and to read it."""
    with tempfile.TemporaryDirectory() as name:
        project = Project(Path(name) / "p")
        suffix = GREY_SUFFIX if image.ndim == 2 else rgb_suffix(*image.shape[1::-1])
        bare = chunk_path(Path(name), 0, suffix)
        with project.locked():
            kept = chunk_path(project.stage_folder(kind, "k"), 0, suffix)
            written = spent(lambda: write_chunk(bare, [image] * frames, RATE), frames)

            def listed() -> None:
                with project.publish(kept) as temporary:
                    bare.replace(temporary)

            lists = spent(listed, frames)
        again = Project(project.folder)
        checks = spent(lambda: again.holds(kept), frames)
        return written, lists, checks, spent(lambda: list(read_chunk(kept)), frames)


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 16
    rng = np.random.default_rng(0)
    print(f"{'':20} {'write':>8} {'list':>8} {'check':>8} {'read':>8}   ms a frame")
    for width, height in ((480, 270), (1920, 1080)):
        grain = rng.integers(0, 255, (height, width, 3), dtype=np.uint8)
        alpha = np.zeros((height, width), np.uint8)
        cv2.circle(alpha, (width // 2, height // 2), height // 3, 255, -1, cv2.LINE_AA)
        for kind, image in (("plate", grain), ("matte", alpha)):
            costs = " ".join(f"{each:8.3f}" for each in chunk_costs(kind, image, frames))
            print(f"{f'{kind} {width}x{height}':20} {costs}")
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.mp4"
        clip.write_bytes(rng.bytes(50_000_000))
        first = spent(lambda: file_fingerprint(clip), 50)
        later = spent(lambda: file_fingerprint(clip), 1)
        watched = spent(WatchedInputs([clip]).check, 1)
    print(
        f"fingerprint: {first:.2f} ms a MB, again {later:.3f} ms; a look at inputs {watched:.3f} ms"
    )


if __name__ == "__main__":
    main()
