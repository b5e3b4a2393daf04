"""CPU-seconds, memory and errors of the matters.

    python tests/benchmarks/bench_matting.py [CLIP] [--rvm FILE --photo FILE] [--frames N]

Prints CPU-milliseconds a 1080p frame of ``bundled``, decoding included. With Robust Video
Matting's weights and a photo it also makes a clip whose matte is known (the person of CLIP, cut
out, over the panning photo) and prints how far ``bundled`` and ``rvm`` are from it: MAD × 1e3 and
dtSSD (Lin et al. 2021). The truth is rvm's own matte at twice its usual size, which favours rvm.
"""

import argparse
import os
import resource
import tempfile
import time
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.matting import make_matter
from dynascene_cli.matting.cropped import CroppedMatter
from dynascene_cli.matting.robust_video import RobustVideoNetwork
from dynascene_cli.video import open_clip, read_frames

DEMO = Path(__file__).resolve().parents[2] / "dynascene_cli" / "demo_media" / "gym.mp4"
UNKNOWN = np.full(4, np.nan)


def decoded(path, count):
    yield from islice(read_frames(open_clip(path)), count)


def mattes(matter, frames):
    state = matter.initial_state(UNKNOWN)
    for frame in frames:
        matte, state = matter.step(frame, state)
        yield matte.alpha


def speed(path, count):
    """CPU-milliseconds a frame, decoding included."""
    matter = make_matter("bundled")
    for _ in mattes(matter, decoded(path, 2)):
        pass
    started = time.process_time()
    total = pixels = 0
    for alpha in mattes(matter, decoded(path, count)):
        total, pixels = total + 1, alpha.size
    spent = (time.process_time() - started) / total * 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"bundled: {spent:.0f} CPU-ms a frame of {pixels / 1e6:.1f} Mpx; peak {peak:.0f} MiB")


def errors(path, rvm_file, photo_file, count):
    with tempfile.TemporaryDirectory() as folder:
        os.environ[weights.FOLDER_VARIABLE] = folder
        weights.add("rvm", rvm_file)
        network = RobustVideoNetwork(rvm_file)
        network.long_side = 1024
        fine = CroppedMatter(network)
        frames = list(decoded(path, count))
        truth = list(mattes(fine, frames))
        height, width = truth[0].shape
        photo = cv2.cvtColor(cv2.imread(str(photo_file)), cv2.COLOR_BGR2RGB)
        scale = 1.15 * max(width / photo.shape[1], height / photo.shape[0])
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        room = photo.shape[1] - width
        made = []
        for index, (frame, alpha) in enumerate(zip(frames, truth, strict=True)):
            x = round(room * index / max(1, count - 1))
            share = alpha[..., None].astype(np.float32) / 255
            place = photo[:height, x : x + width]
            made.append((frame * share + place * (1 - share) + 0.5).astype(np.uint8))
        for name in ("bundled", "rvm"):
            found = np.stack(list(mattes(make_matter(name), made))).astype(np.float32) / 255
            known = np.stack(truth).astype(np.float32) / 255
            mad = np.abs(found - known).mean() * 1e3
            steps = np.diff(found, axis=0) - np.diff(known, axis=0)
            print(f"{name}: MAD {mad:.2f}, dtSSD {100 * np.sqrt(np.square(steps).mean()):.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", type=Path, default=DEMO)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--rvm", type=Path)
    parser.add_argument("--photo", type=Path)
    options = parser.parse_args()
    speed(options.clip, options.frames)
    if options.rvm and options.photo:
        errors(options.clip, options.rvm, options.photo, options.frames)
