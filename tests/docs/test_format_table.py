"""The table of formats in docs/handover.md: each written, read back, and compared.

Run as a script it prints the table: python tests/docs/test_format_table.py
"""

import re
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "camera"))

from camera_paths import known_camera, pixels

from dynascene_cli.camera.formats import read_camera, write_camera
from dynascene_cli.commands.demo import MEDIA
from dynascene_cli.video import (
    alpha_frames,
    open_clip,
    open_sink,
    read_alpha,
    read_frames,
    resize_to_cover,
)
from dynascene_cli.video.colour import deep_rgb_image
from dynascene_cli.video.openexr import exr_planes
from dynascene_cli.video.reading import decode_frames
from dynascene_cli.video.srgb_curve import linear_light

PAGE = Path(__file__).parents[2] / "docs" / "handover.md"
SIZE = (160, 120)
FRAMES = 2

COLOURS = ("mp4", "mov", "webm", "png", "jpg", "exr")
WITH_ALPHA = ("mov", "webm", "png", "exr")
CAMERAS = ("a.json", "a.txt", "model", "transforms.json", "camera_path.json", "a.usda", "a.usdc",
           "a.chan")  # fmt: skip
UNSHIFTED = ("camera_path.json", "a.chan")


def source():
    """A real picture beside a ramp of every level, and an alpha with every level; uint8."""
    frame = resize_to_cover(next(read_frames(open_clip(MEDIA / "gym.mp4"))), *SIZE).copy()
    ramp = np.linspace(0, 255, SIZE[0]).astype(np.uint8)
    frame[:24] = ramp[None, :, None]
    return frame, np.broadcast_to(ramp, (SIZE[1], SIZE[0])).copy()


def write(folder, suffix, *, frame):
    name = f"a.%05d.{suffix}" if suffix in ("png", "jpg", "exr") else f"a.{suffix}"
    alpha = frame.ndim == 3 and frame.shape[2] == 4
    with open_sink(
        folder / name, width=SIZE[0], height=SIZE[1], frame_rate=Fraction(25), alpha=alpha
    ) as sink:
        for _ in range(FRAMES):
            sink.write(frame)
    return open_clip(folder / name, fps=25)


def colour_errors(folder, suffix):
    frame, _ = source()
    read = next(read_frames(write(folder, suffix, frame=frame)))
    return np.abs(read.astype(float) - frame)


def alpha_errors(folder, suffix):
    frame, alpha = source()
    clip = write(folder, suffix, frame=np.dstack([frame, alpha]))
    return np.abs(next(read_alpha(clip)).astype(float) - alpha)


def matte_errors(folder, suffix):
    _, alpha = source()
    clip = write(folder, suffix, frame=alpha)
    read = next(alpha_frames(clip.path, clip).frames())
    return np.abs(read.astype(float) - alpha)


def deep_errors(folder, suffix):
    """Of a ramp of 16 bits, in 8-bit levels: display values, or linear light in EXR."""
    ramp = np.linspace(0, 65535, SIZE[0] * SIZE[1]).astype(np.uint16).reshape(SIZE[::-1])
    clip = write(folder, suffix, frame=np.repeat(ramp[..., None], 4, axis=2))
    if suffix == "exr":
        read = exr_planes(folder / "a.00001.exr")[..., :3]
        return np.abs(read - linear_light(ramp / 65535)[..., None]) * 255
    if suffix == "png":
        import cv2

        read = cv2.imread(str(folder / "a.00001.png"), cv2.IMREAD_UNCHANGED)[..., :3]
    else:
        read = deep_rgb_image(next(iter(decode_frames(clip))).coded, clip.colour)
    return np.abs(read.astype(float) - ramp[..., None]) / 257


def camera_errors(folder, name):
    """Pixels between where points are seen by the camera and by what is read back."""
    camera = known_camera(any_lens=name not in UNSHIFTED)
    write_camera(folder / name, camera)
    size = (camera.width, camera.height)
    size_needed = size if name == "a.chan" else None
    read = read_camera(folder / name, size=size_needed, frame_rate=camera.frame_rate)
    return np.abs(pixels(read) - pixels(camera))


def rows():
    """What is written, how it is measured, and with which words."""
    named = {"mp4": "H.264", "webm": "VP9"}
    for suffix in COLOURS:
        label = named.get(suffix, {"mov": "ProRes 422 HQ"}.get(suffix, "numbered pictures"))
        yield f"`.{suffix}`, colour, {label}", colour_errors, suffix, "levels"
    for suffix in WITH_ALPHA:
        yield f"`.{suffix}`, alpha", alpha_errors, suffix, "levels"
    for suffix in ("png", "exr"):
        yield f"`.{suffix}`, a matte", matte_errors, suffix, "levels"
    yield "`.mov`, colour of 16 bits, ProRes 4444", deep_errors, "mov", "levels"
    yield "`.png`, colour of 16 bits", deep_errors, "png", "levels"
    yield "`.exr`, colour of 16 bits, in linear light", deep_errors, "exr", "levels"
    for name in CAMERAS:
        shown = {"model": "COLMAP folder"}.get(name, f"`{name.replace('a.', '.')}`")
        without = " without lens shift" if name in UNSHIFTED else ""
        yield f"{shown}, a camera{without}", camera_errors, name, "px"


def measured(folder, measure, name):
    errors = measure(folder, name)
    return float(errors.max()), float(errors.mean())


def told(value):
    return f"{value:.3g}" if value >= 1e-6 else "0"


@pytest.mark.parametrize(("label", "measure", "name", "unit"), list(rows()))
def test_the_table_tells_what_is_measured(tmp_path, label, measure, name, unit):
    if name == "a.usdc":
        pytest.importorskip("pxr", reason="needs usd-core")
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| {label} |"))
    largest, mean = (float(text) for text in re.findall(r"\| ([\d.e-]+)", line)[-2:])
    found = measured(tmp_path, measure, name)
    assert f" {unit} |" in line
    # Encoders of other versions differ a little; what is exact stays exact.
    assert found[0] == pytest.approx(largest, rel=0.3, abs=1e-6)
    assert found[1] == pytest.approx(mean, rel=0.3, abs=1e-6)


if __name__ == "__main__":
    print("| written and read back | unit | largest error | mean |\n|---|---|---|---|")
    for label, measure, name, unit in rows():
        with tempfile.TemporaryDirectory() as folder:
            largest, mean = measured(Path(folder), measure, name)
        print(f"| {label} | {unit} | {told(largest)} | {told(mean)} |")
