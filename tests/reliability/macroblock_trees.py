"""Encode the same planes again and again, with x264's macroblock trees and without.

    python tests/reliability/macroblock_trees.py [RUNS]

Prints a line a size and setting: how many different files came of the runs, and the first one's
digest. ``asm=avx2`` holds x264 back from AVX-512, and needs a processor that has AVX2.
"""

import hashlib
import io
import sys
from fractions import Fraction

import av

from dynascene_cli.commands.demo import MEDIA

FRAMES = 60
SIZES = ((480, 270), (480, 272), (512, 272), (960, 272))
"""30, 30, 32 and 60 macroblocks wide; AVX-512 takes eight at once."""

SETTINGS = ("mbtree=1", "mbtree=1:asm=avx2", "mbtree=0", "mbtree=0:asm=avx2")


def frames_of(width: int, height: int) -> list[av.VideoFrame]:
    with av.open(str(MEDIA / "gym.mp4")) as clip:
        decoded = [frame for frame, _ in zip(clip.decode(video=0), range(FRAMES), strict=False)]
    return [frame.reformat(width, height, "yuv420p") for frame in decoded]


def encoded(frames: list[av.VideoFrame], setting: str) -> bytes:
    file = io.BytesIO()
    options = {"preset": "veryfast", "crf": "18", "x264-params": setting}
    with av.open(file, "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=24, options=options)
        stream.width, stream.height = frames[0].width, frames[0].height
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 4
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 8
    for width, height in SIZES:
        frames = frames_of(width, height)
        for setting in SETTINGS:
            made = [hashlib.sha256(encoded(frames, setting)).hexdigest() for _ in range(runs)]
            print(f"{width}x{height} {setting:20} {len(set(made))} of {runs}  {made[0][:8]}")


if __name__ == "__main__":
    main()
