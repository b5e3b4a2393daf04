"""Precision and recall of the steps of ``dataset build`` on fifty made videos.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_build_steps.py [MOST_OF_EACH_KIND]

The man who ships with the package is cut out by the bundled matte and laid over turned views of the
photos that ship, over noise, or over nothing that a camera could have filmed. Of each video it is
known at which step it must fall out, if at any; where it is cut, both parts must be kept.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from dynascene_cli.app import main as dynascene
from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.dataset.filmed.records import STEPS, BuiltSource, read_built
from dynascene_cli.matting.bundled import BundledMattingModel
from dynascene_cli.video import open_clip, open_sink, read_frames, read_photo, resize_to_cover

WIDTH, HEIGHT, FRAMES, RATE = 272, 480, 36, 12
FOCAL = 400.0
LENIENT = ("--min-side", "240", "--person-share", "0.02,0.8")
KINDS = {
    "good": ("", 12),
    "small": ("resolution", 4),
    "cut": ("cuts", 5),
    "nobody": ("people", 4),
    "two": ("people", 4),
    "tiny": ("people", 3),
    "still": ("motion", 5),
    "vanishing": ("matte", 6),
    "noise": ("camera", 4),
    "torn": ("camera", 3),
}
"""Kinds of videos: the step at which they must fall (a cut one must be cut), and how many."""

View = Callable[[int], np.ndarray]


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else max(count for _, count in KINDS.values())
    person = cut_out()
    with tempfile.TemporaryDirectory() as place:
        raw, folder = Path(place) / "raw", Path(place) / "set"
        raw.mkdir()
        for kind, (_, count) in KINDS.items():
            for number in range(min(count, most)):
                write(raw / f"{kind}-{number}.mp4", person, kind, number)
        dynascene(["dataset", "build", str(raw), "-o", str(folder), *LENIENT, "--quiet"])
        report(read_built(folder))


def cut_out() -> list[tuple[np.ndarray, np.ndarray]]:
    """Frames of the man, who walks to and fro, and his alphas in 0..1."""
    frames = [*read_frames(open_clip(MEDIA / "gym.mp4"), 0, 20)]
    frames = [resize_to_cover(frame, WIDTH, HEIGHT) for frame in frames]
    model = BundledMattingModel()
    state = model.initial_state(np.full(4, np.nan))
    made = []
    for frame in frames:
        step, state = model.step(frame, state)
        made.append((frame, step.alpha[..., None] / 255))
    return made


def write(path: Path, person: list[tuple[np.ndarray, np.ndarray]], kind: str, number: int) -> None:
    view = background(kind, number)
    share = 0.5 if kind == "small" else 1.0
    size = round(WIDTH * share), round(HEIGHT * share)
    with open_sink(path, width=size[0], height=size[1], frame_rate=Fraction(RATE)) as sink:
        for index in range(FRAMES):
            last = len(person) - 1
            frame, alpha = person[0 if kind == "still" else last - abs(last - index)]
            picture = view(index).astype(float)
            for at in places(kind, number, index):
                colours, cover = (cv2.warpAffine(each, at, (WIDTH, HEIGHT))
                                  for each in (frame * alpha, alpha))  # fmt: skip
                picture = picture * (1 - cover[..., None]) + colours
            sink.write(resize_to_cover(np.round(picture).astype(np.uint8), *size))


def places(kind: str, number: int, index: int) -> Iterator[np.ndarray]:
    """Where the man stands: similarities of the picture."""
    if kind == "nobody" or (kind == "vanishing" and 7 <= index < 11):
        return
    scale = {"two": 0.9, "tiny": 0.2}.get(kind, 1.2 + 0.05 * (number % 4))
    for side in (-65, 65) if kind == "two" else (4 * (number % 4),):
        yield np.array([[scale, 0, side + WIDTH * (1 - scale) / 2],
                        [0, scale, HEIGHT * (1 - scale) * 0.6]])  # fmt: skip


def background(kind: str, number: int) -> View:
    photo = read_photo(MEDIA / "picos.jpg").pixels
    large = resize_to_cover(photo, 1600, 1200)
    moves = ((0.5, 0), (-0.5, 0), (0.35, 0.2), (-0.3, -0.25), (0.2, 0), (0, 0.3))
    turn = np.array(moves[number % len(moves)])
    if kind == "still":
        return lambda index: turned(large, turn * 0)
    if kind == "noise":
        return lambda index: noise(100 * number + index)
    if kind == "torn":
        return lambda index: torn(large, index, number)
    if kind == "cut":
        return lambda index: turned(
            large if index < FRAMES // 2 else 255 - large, turn * (index / FRAMES - 0.5)
        )
    return lambda index: turned(large, turn * (index / FRAMES - 0.5))


def turned(photo: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """The photo, infinitely far away, seen by a camera turned by yaw and pitch in radians."""
    rotation, _ = cv2.Rodrigues(np.array([angles[1], angles[0], 0.0]))
    to_frame = [[FOCAL, 0, WIDTH / 2], [0, FOCAL, HEIGHT / 2], [0, 0, 1]]
    from_photo = [[1, 0, -photo.shape[1] / 2], [0, 1, -photo.shape[0] / 2], [0, 0, FOCAL * 1.5]]
    return cv2.warpPerspective(
        photo, np.array(to_frame) @ rotation @ np.array(from_photo), (WIDTH, HEIGHT),
        flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT,
    )  # fmt: skip


def noise(seed: int) -> np.ndarray:
    """Grey stains that no frame shares with another."""
    drawn = np.random.default_rng(seed).normal(0, 1, (HEIGHT // 8, WIDTH // 8))
    grey = np.clip(
        128 + 40 * cv2.resize(drawn, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), 0, 255
    )
    return np.repeat(grey[..., None], 3, axis=2)


def torn(photo: np.ndarray, index: int, number: int) -> np.ndarray:
    """Six bands of the photo that slide over each other, each its own way."""
    rng = np.random.default_rng(number)
    bands = []
    for top in range(0, HEIGHT, HEIGHT // 6):
        speed, start = rng.uniform(-14, 14), int(rng.integers(500, 900))
        phase = start + round(speed * index + 30 * np.sin(index * rng.uniform(0.5, 1.5)))
        bands.append(photo[300 + top : 300 + top + HEIGHT // 6, phase : phase + WIDTH])
    return np.concatenate(bands)


def report(built: list[BuiltSource]) -> None:
    right = dict.fromkeys(STEPS, 0)
    told, true = dict(right), dict(right)
    for source in built:
        kind = source.record.path.rpartition("/")[2].partition("-")[0]
        step, _ = KINDS[kind]
        fell = {clip.fell for clip in source.clips if clip.fell}
        fell |= {"resolution"} if source.record.small else set()
        for cut in source.record.cuts:
            told["cuts"] += 1
            right["cuts"] += kind == "cut" and cut == FRAMES // 2
        for each in fell:
            told[each] += 1
            right[each] += each == step
        if step:
            true[step] += 1
        if fell != ({step} - {"", "cuts"}):
            print(f"{source.record.name}: fell at {sorted(fell) or 'none'}, not {step or 'none'}",
                  [clip.reason for clip in source.clips])  # fmt: skip
    print("| step | videos that must fall | fell | precision | recall |\n|---|---|---|---|---|")
    for step in STEPS:
        counts = f"{true[step]} | {told[step]}"
        right_of = f"{right[step]} of"
        print(f"| {step} | {counts} | {right_of} {told[step]} | {right_of} {true[step]} |")


if __name__ == "__main__":
    main()
