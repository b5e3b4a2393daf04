"""CPU-milliseconds a frame and peak memory of the composite, by size, placement and effect."""

import resource
import time
from collections.abc import Callable

import cv2
import numpy as np

from dynascene_cli.compositing.composite import Composite, CompositeSettings, Compositor
from dynascene_cli.compositing.look import Look

FRAMES = 20
ALL_EFFECTS = Look(plate_gains=(1.1, 1.05, 1.0), plate_blur=0.6, grain=1.5)


def person(width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured frame and the alpha of a figure that covers about 15 % of it."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 255, (height // 8, width // 8, 3), np.uint8)
    frame = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    alpha = np.zeros((height, width), np.uint8)
    middle = width // 2
    unit = height / 20
    for x, y, half_width, half_height in (
        (0, 3, 1.3, 1.7),
        (0, 8, 3.4, 4.2),
        (-1.6, 14.5, 1.3, 4.5),
        (1.6, 14.5, 1.3, 4.5),
    ):
        at = (round(middle + x * unit), round(y * unit))
        axes = (round(half_width * unit), round(half_height * unit))
        cv2.ellipse(alpha, at, axes, 0, 0, 360, 255, -1)
    return frame, cv2.GaussianBlur(alpha, (0, 0), height / 400)


def cpu_ms(work: Callable[[int], object]) -> float:
    work(0)
    start = time.process_time()
    for index in range(FRAMES):
        work(index)
    return 1000 * (time.process_time() - start) / FRAMES


def print_times(width: int, height: int) -> None:
    frame, alpha = person(width, height)
    # Two arrays in turn: a plate that stays the same array is treated only once.
    plates = [np.ascontiguousarray(frame[::-1]) for _ in range(2)]
    contact, tall = np.array([width / 2, height * 0.95]), height * 0.9
    moved = np.array([[0.93, 0.0, 0.033 * width], [0.0, 0.93, 0.05 * height]])
    off = CompositeSettings("off", shadow=False, light_wrap=False, plate_blur=False, grain=False)
    print(f"{width}x{height}, person {100 * (alpha > 127).mean():.0f} % of the picture")
    for name, similarity, look, settings in (
        ("nothing on, person in place", np.eye(2, 3), Look(), off),
        ("nothing on, person moved and scaled", moved, Look(), off),
        ("shadow and wrap, in place", np.eye(2, 3), Look(), CompositeSettings()),
        ("shadow and wrap, moved and scaled", moved, Look(), CompositeSettings()),
        ("every effect, moved and scaled", moved, ALL_EFFECTS, CompositeSettings()),
    ):
        compositor = Compositor(look, settings, width, height)

        def one_frame(
            index: int, compositor: Compositor = compositor, similarity: np.ndarray = similarity
        ) -> Composite:
            return compositor.frame(
                index, frame, alpha, plates[index % 2], similarity, contact, tall
            )

        print(f"  {cpu_ms(one_frame):6.1f} ms  {name}")


if __name__ == "__main__":
    print_times(768, 432)
    print_times(1920, 1080)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
