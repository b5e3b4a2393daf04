"""CPU-seconds, memory and errors of the matters.

    python tests/benchmarks/bench_matting.py [CLIP] [--rvm FILE [--photo FILE]] [--frames N]
        [--start N] [--crop X0,Y0,X1,Y1] [--height PX] [--quality default|best]

Prints CPU-milliseconds a frame of the stage with ``bundled``, decoding included, and the flicker of
what it makes: how much of the person's area changes a frame where the picture, carried along by
optical flow, does not. With
Robust Video Matting's weights it prints rvm's beside it. ``--crop`` takes a part of every frame,
in fractions, and ``--height`` the size it is brought to. With Robust Video
Matting's weights and a photo it also makes a clip whose matte is known (the person of CLIP, cut
out, over the panning photo) and prints how far ``bundled`` and ``rvm`` are from it: MAD × 1e3 and
dtSSD (Lin et al. 2021). The truth is rvm's own matte at twice its usual size, which favours rvm.
"""

import argparse
import os
import resource
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli import weights
from dynascene_cli.console import Console
from dynascene_cli.matting import make_matting_model
from dynascene_cli.matting.cropped_network import CroppedMattingModel
from dynascene_cli.matting.robust_video import RobustVideoNetwork
from dynascene_cli.pipeline.matte import cached_matte, open_request_clip
from dynascene_cli.pipeline.request import MatteRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.storage.project import Project
from dynascene_cli.video import open_clip, open_sink, read_frames

DEMO = Path(__file__).resolve().parents[2] / "dynascene_cli" / "demo_media" / "gym.mp4"
UNKNOWN = np.full(4, np.nan)


CHANGED_LEVELS = 12
FLICKER_SIDE = 480


def _clip(path):
    return open_clip(path, fps=24 if Path(path).is_dir() else None)


def decoded(options, count):
    """The clip's frames as asked for: a part of each, at the height asked for."""
    x0, y0, x1, y1 = options.crop
    first = options.start
    for frame in islice(read_frames(_clip(options.clip)), first, first + count):
        height, width = frame.shape[:2]
        part = frame[round(y0 * height) : round(y1 * height), round(x0 * width) : round(x1 * width)]
        if options.height:
            size = (round(part.shape[1] * options.height / part.shape[0]), options.height)
            shrinks = size[1] < part.shape[0]
            part = cv2.resize(
                part, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
            )
        yield np.ascontiguousarray(part)


def flicker(frames, alphas):
    """Share of the person's area (per cent a frame) that changes though the picture does not."""
    scale = min(1, FLICKER_SIDE / max(frames[0].shape))
    size = (round(frames[0].shape[1] * scale), round(frames[0].shape[0] * scale))
    grey = [
        cv2.cvtColor(cv2.resize(f, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        for f in frames
    ]
    alphas = [cv2.resize(a, size, interpolation=cv2.INTER_AREA) for a in alphas]
    rows, columns = np.mgrid[: size[1], : size[0]].astype(np.float32)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    changed = []
    for i in range(1, len(frames)):
        motion = flow.calc(grey[i], grey[i - 1], None)
        x, y = columns + motion[..., 0], rows + motion[..., 1]
        before = cv2.remap(grey[i - 1], x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        alike = np.abs(before.astype(int) - grey[i]) < CHANGED_LEVELS
        # Who rises into the picture was not seen in the frame before.
        alike &= (x > 0) & (x < size[0] - 1) & (y > 0) & (y < size[1] - 1)
        past = cv2.remap(alphas[i - 1], x, y, cv2.INTER_LINEAR) / 255
        present = alphas[i] / 255
        area = max(int(((past > 0.5) | (present > 0.5)).sum()), 1)
        changed.append((np.abs(past - present) * alike).sum() / area)
    return 100 * np.array(changed)


def mattes(matter, frames):
    state = matter.initial_state(UNKNOWN)
    for frame in frames:
        matte, state = matter.step(frame, state)
        yield matte.alpha


def speed(options, name, folder):
    """CPU-milliseconds a frame of the stage, decoding and all, and the flicker of what it makes."""
    clip = folder / "clip.mp4"
    if not clip.exists():
        write_part(options, clip)
    request = MatteRequest(str(clip), matting_model=name, matting_quality=options.quality)
    for end in ("warm", name):
        project = Project(folder / end)
        trim = replace(request, end=0.1 if end == "warm" else None)
        opened = open_request_clip(trim)
        started = time.process_time()
        with project.locked():
            made = cached_matte(Run(project, Console(quiet=True)), trim, opened)
        spent = (time.process_time() - started) / opened.frame_count * 1e3
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = opened.width * opened.height / 1e6
    print(f"{name}: {spent:.0f} CPU-ms a frame of {size:.1f} Mpx; peak {peak:.0f} MiB")
    alphas = [np.array(alpha) for alpha in made.matte.alpha.frames()]
    changes = flicker(list(read_frames(opened)), alphas)
    print(f"{name}: flicker {changes.mean():.2f} %, at most {changes.max():.1f} %", flush=True)


def write_part(options, path):
    """The part of the clip that is asked for as a clip of its own."""
    first, *others = decoded(options, options.frames)
    size = {"width": first.shape[1], "height": first.shape[0]}
    rate = _clip(options.clip).frame_rate
    with open_sink(path, frame_rate=rate, **size) as sink:
        for frame in (first, *others):
            sink.write(frame)


def errors(options):
    network = RobustVideoNetwork(options.rvm)
    network.long_side = 1024
    frames = list(decoded(options, options.frames))
    truth = list(mattes(CroppedMattingModel(network), frames))
    height, width = truth[0].shape
    photo = cv2.cvtColor(cv2.imread(str(options.photo)), cv2.COLOR_BGR2RGB)
    scale = 1.15 * max(width / photo.shape[1], height / photo.shape[0])
    photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    room = photo.shape[1] - width
    made = []
    for index, (frame, alpha) in enumerate(zip(frames, truth, strict=True)):
        x = round(room * index / max(1, len(frames) - 1))
        share = alpha[..., None].astype(np.float32) / 255
        place = photo[:height, x : x + width]
        made.append((frame * share + place * (1 - share) + 0.5).astype(np.uint8))
    known = np.stack(truth).astype(np.float32) / 255
    for name in ("bundled", "rvm"):
        matter = make_matting_model(name, options.quality)
        found = np.stack(list(mattes(matter, made))).astype(np.float32) / 255
        mad = np.abs(found - known).mean() * 1e3
        steps = np.diff(found, axis=0) - np.diff(known, axis=0)
        print(f"{name}: MAD {mad:.2f}, dtSSD {100 * np.sqrt(np.square(steps).mean()):.2f}")


def fractions(text):
    return tuple(float(part) for part in text.split(","))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", nargs="?", default=str(DEMO))
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--crop", type=fractions, default=(0, 0, 1, 1))
    parser.add_argument("--height", type=int)
    parser.add_argument("--quality", choices=("default", "best"), default="default")
    parser.add_argument("--rvm", type=Path)
    parser.add_argument("--photo", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[weights.FOLDER_VARIABLE] = folder
        if options.rvm:
            weights.add("rvm", options.rvm)
        for name in ("bundled", "rvm") if options.rvm else ("bundled",):
            speed(options, name, Path(folder))
        if options.rvm and options.photo:
            errors(options)
