"""Errors, confidence, CPU-seconds and memory of camera estimation on clips of known camera.

    python tests/benchmarks/bench_estimation.py [NAME ...] [--h264] [--faulty]
    python tests/benchmarks/bench_estimation.py --random 100
    python tests/benchmarks/bench_estimation.py --panoramas FOLDER
    python tests/benchmarks/bench_estimation.py --seconds 60

ATE is in % of the path after a similarity, RPE in degrees a frame pair (RMS), the focal length's
error in %. ``--faulty`` gives mattes eroded by 6 px, 5 % of them empty. ``--random`` counts the
shots that are called high though ATE > 1 % or RPE > 0.1°. ``--seconds`` plays a clip to and fro
for so long and tells the peak memory.
"""

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "camera"))
from filmed_clips import CLIPS, FilmedClip, faulty, filmed_clip, panorama_clip, random_clip
from path_errors import ate_percent, focal_percent, rpe_degrees

from dynascene_cli.camera.estimation.estimate import ClipFacts, Estimate, FeatureTracks
from dynascene_cli.camera.estimation.solver import estimate_from_tracks
from dynascene_cli.camera.estimation.tracking import track_features
from dynascene_cli.errors import DynasceneError
from dynascene_cli.shot import CameraPath, Image
from dynascene_cli.video import open_clip, read_frames

HEADER = (
    f"{'clip':26s} {'ATE %':>7s} {'RPE °':>7s} {'focal %':>7s}  {'called':9s}"
    f"{'inliers':>8s} {'median':>7s} {'points':>7s} {'life':>5s}  CPU-s a frame: tracking, solving"
)


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def solved(
    name: str, truth: CameraPath, frames: Iterable[Image], alphas: Iterable[Image]
) -> tuple[Estimate | None, float, float]:
    """Estimate, print a line, and return the estimate, its ATE and its RPE."""
    start = time.process_time()
    try:
        tracks = track_features(frames, alphas)
        tracked = time.process_time()
        clip = ClipFacts(truth.frame_rate, (truth.width, truth.height))
        estimate = estimate_from_tracks(tracks, clip)
    except DynasceneError as error:
        print(f"{name:26s} refused: {error.message}", flush=True)
        return None, 0.0, 0.0
    done = time.process_time()
    ate, rpe = ate_percent(estimate.path, truth), rpe_degrees(estimate.path, truth)
    focal = f"{focal_percent(estimate.path, truth):7.2f}{' ' if estimate.focal_observable else '*'}"
    count = truth.frame_count
    print(
        f"{name:26s} {ate:7.3f} {rpe:7.4f} {focal} {estimate.confidence:9s}"
        f"{estimate.inliers:8.3f} {estimate.median_px:7.3f} {median_points(tracks):7.0f}"
        f" {len(tracks.track) / max(tracks.track_count, 1):5.1f}"
        f"  {(tracked - start) / count:.3f}, {(done - tracked) / count:.3f}",
        flush=True,
    )
    return estimate, ate, rpe


def median_points(tracks: FeatureTracks) -> float:
    return float(np.median(np.bincount(tracks.frame, minlength=tracks.frame_count)))


def named(names: list[str], h264: bool, bad_mattes: bool) -> None:
    print(HEADER)
    for name in names:
        clip = filmed_clip(name, **({"jpeg": None} if h264 else {}))
        frames = coded(clip) if h264 else list(clip.frames())
        alphas = list(faulty(clip.alphas()) if bad_mattes else clip.alphas())
        solved(name, clip.path, iter(frames), iter(alphas))
    print("* the focal length was not called observable")


def coded(clip: FilmedClip) -> list[Image]:
    with tempfile.TemporaryDirectory() as folder:
        movie, _ = clip.record(Path(folder))
        return list(read_frames(open_clip(movie)))


def at_random(count: int, first: int) -> None:
    print(HEADER)
    wrong, called = [], {"high": 0, "low": 0, "rotation": 0, "static": 0, "refused": 0}
    for seed in range(first, first + count):
        clip = random_clip(seed)
        frames, alphas = list(clip.frames()), list(clip.alphas())
        estimate, ate, rpe = solved(
            f"random {seed} {clip.stage} {clip.share:.2f}", clip.path, iter(frames), iter(alphas)
        )
        called[estimate.confidence if estimate else "refused"] += 1
        if estimate and estimate.confidence == "high" and (ate > 1 or rpe > 0.1):
            wrong.append(seed)
    print(called, f"high but wrong: {len(wrong)}", wrong)


def panoramas(folder: Path) -> None:
    import cv2

    print(HEADER)
    for file in sorted(folder.glob("*.jpg")):
        picture = np.ascontiguousarray(cv2.imread(str(file))[..., ::-1])
        path, frame = panorama_clip(picture)
        nobody = np.zeros((path.height, path.width), np.uint8)
        frames = [frame(i) for i in range(path.frame_count)]
        solved(file.stem[:26], path, iter(frames), (nobody for _ in frames))


def lasting(seconds: float) -> None:
    clip = filmed_clip("handheld", frames=90)
    frames, alphas = list(clip.frames()), list(clip.alphas())
    held = peak_mib()
    steps = np.arange(round(30 * seconds)) % (2 * len(frames) - 2)
    order = np.where(steps < len(frames), steps, 2 * len(frames) - 2 - steps)
    path = clip.path
    truth = CameraPath(
        path.intrinsics[order], path.extrinsics[order], path.width, path.height, Fraction(30),
        "metres",
    )  # fmt: skip
    print(HEADER)
    solved(
        f"handheld, {seconds:.0f} s", truth, (frames[i] for i in order), (alphas[i] for i in order)
    )
    print(f"peak memory {peak_mib():.0f} MiB, of it {held:.0f} MiB before it began")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CLIPS))
    parser.add_argument("--h264", action="store_true")
    parser.add_argument("--faulty", action="store_true")
    parser.add_argument("--random", type=int, default=0, metavar="N")
    parser.add_argument("--first", type=int, default=0, metavar="SEED")
    parser.add_argument("--panoramas", type=Path)
    parser.add_argument("--seconds", type=float, default=0.0)
    options = parser.parse_args()
    if options.random:
        at_random(options.random, options.first)
    elif options.panoramas:
        panoramas(options.panoramas)
    elif options.seconds:
        lasting(options.seconds)
    else:
        named(options.names or list(CLIPS), options.h264, options.faulty)
