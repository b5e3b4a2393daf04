"""One clip on disk: lossless films, the scene as PNG, the camera as JSON, depths as NPZ."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from dynascene_cli.camera.formats import write_camera
from dynascene_cli.dataset.clip import TrainingClip
from dynascene_cli.shot import Image
from dynascene_cli.storage.atomic import publish_folder
from dynascene_cli.video import write_image

Line = dict[str, str | int | float]
"""A line of a manifest; its paths are relative to the manifest."""


def write_clip(clip: TrainingClip, folder: Path) -> None:
    """Write a clip into a new folder, which appears whole or not at all.

    Raises:
        StageError: the disk is full.
    """
    with publish_folder(folder) as temporary:
        _write_parts(clip, temporary)


def _write_parts(clip: TrainingClip, folder: Path) -> None:
    rate = clip.camera.frame_rate
    write_film(folder / "clip.mkv", clip.frames, rate)
    if clip.alphas.any():
        write_film(folder / "matte.mkv", clip.alphas, rate)
    if clip.scene is not None:
        write_image(folder / "scene.png", clip.scene)
    if clip.plates is not None:
        write_film(folder / "plates.mkv", clip.plates, rate)
    if clip.depths is not None:
        np.savez_compressed(folder / "depths.npz", depths=clip.depths)
    write_camera(folder / "camera.json", clip.camera, name=clip.name)


def clip_line(folder: Path, root: Path, name: str, frames: int, fps: float) -> Line:
    """The manifest's line of a folder that write_clip made; the manifest lies in ``root``."""
    files = {
        "clip": "clip.mkv",
        "matte": "matte.mkv",
        "scene": "scene.png",
        "plates": "plates.mkv",
        "depths": "depths.npz",
        "camera": "camera.json",
    }
    line: Line = {"name": name}
    for key, file in files.items():
        if (folder / file).exists():
            line[key] = (folder / file).relative_to(root).as_posix()
    return line | {"frames": frames, "fps": fps, "median_depth": 1.0}


def write_film(path: Path, images: Iterable[Image], rate: Fraction) -> None:
    """Write grey (H, W) or RGB (H, W, 3) frames as FFV1, which keeps every value."""
    with av.open(f"file:{path}", "w", options={"fflags": "+bitexact"}) as container:
        stream = None
        for image in images:
            given, coded = ("gray", "gray") if image.ndim == 2 else ("rgb24", "bgr0")
            if stream is None:
                stream = container.add_stream("ffv1", rate=rate, options={"level": "3", "g": "1"})
                stream.height, stream.width = image.shape[:2]
                stream.pix_fmt = coded
                stream.codec_context.thread_count = 1
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), given)
            container.mux(stream.encode(frame.reformat(format=coded)))
        if stream is not None:
            container.mux(stream.encode(None))
