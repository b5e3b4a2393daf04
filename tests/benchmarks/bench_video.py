"""CPU-milliseconds a 1080p frame of reading, writing and caching video, and the peak memory.

Run: python tests/benchmarks/bench_video.py [PHOTO]; the photo fills the frame and moves slowly.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from dynascene_cli.video import (
    open_clip,
    open_sink,
    read_chunk,
    read_frames,
    read_photo,
    resize_to_cover,
    write_chunk,
)

WIDTH, HEIGHT, COUNT = 1920, 1080, 48
RATE = Fraction(24)


def main() -> None:
    frames = moving_frames(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    mattes = [soft_disc(index) for index in range(COUNT)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip_path, plate, matte = folder / "clip.mp4", folder / "plate.npy", folder / "matte.mov"
        report("encode .mp4 (H.264)", lambda: encode(clip_path, frames))
        clip = open_clip(clip_path)
        report("decode .mp4 to RGB", lambda: drain(read_frames(clip)))
        report("transcode .mp4, YUV throughout", lambda: transcode(clip_path, folder / "t.mp4"))
        report("decode + encode through RGB", lambda: encode(folder / "t.mp4", read_frames(clip)))
        report("write RGB chunk", lambda: write_chunk(plate, frames, RATE))
        report("read RGB chunk", lambda: drain(read_chunk(plate)))
        report("write matte chunk", lambda: write_chunk(matte, mattes, RATE))
        report("read matte chunk", lambda: drain(read_chunk(matte)))
        report("encode .mov (ProRes 422 HQ)", lambda: encode(folder / "a.mov", frames))
        for file in sorted(folder.iterdir()):
            print(f"{file.name:10s} {file.stat().st_size / COUNT / 1e6:6.2f} MB a frame")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def report(name: str, work: Callable[[], object]) -> None:
    started = time.process_time()
    work()
    print(f"{name:32s} {(time.process_time() - started) / COUNT * 1000:6.1f} CPU-ms a frame")


def moving_frames(path: Path | None) -> list[np.ndarray]:
    if path is None:
        noise = np.random.default_rng(0).integers(0, 256, (68, 120, 3), np.uint8)
        photo = cv2.resize(noise, (WIDTH + 80, HEIGHT + 80), interpolation=cv2.INTER_CUBIC)
    else:
        photo = resize_to_cover(read_photo(path).pixels, WIDTH + 80, HEIGHT + 80)
    frames = []
    for index in range(COUNT):
        zoom = 1 + 0.0004 * index
        warp = np.array([[zoom, 0, -5 - 0.7 * index], [0, zoom, -7 - 0.3 * index]])
        frames.append(cv2.warpAffine(photo, warp, (WIDTH, HEIGHT)))
    return frames


def soft_disc(index: int) -> np.ndarray:
    matte = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(matte, (700 + 5 * index, 540), 300, 255, -1)
    return cv2.GaussianBlur(matte, (0, 0), 3)


def encode(path: Path, frames: object) -> None:
    with open_sink(path, width=WIDTH, height=HEIGHT, frame_rate=RATE) as sink:
        for frame in frames:
            sink.write(frame)


def transcode(source: Path, target: Path) -> None:
    options = {"preset": "veryfast", "crf": "18"}
    with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
        picture = reader.streams.video[0]
        picture.thread_type = "AUTO"
        stream = writer.add_stream("libx264", rate=RATE, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in reader.decode(picture):
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode(None))


def drain(frames: object) -> None:
    for _ in frames:
        pass


if __name__ == "__main__":
    main()
