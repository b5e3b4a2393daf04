"""CPU-seconds of synthetic clips at several sizes, and what of it is what.

OMP_NUM_THREADS=1 python tests/benchmarks/bench_dataset.py [clips]
"""

import resource
import sys
import time

from dynascene_cli.dataset.synthetic.clip import SyntheticSettings, synthetic_clip
from dynascene_cli.dataset.synthetic.textures import texture_pool


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    started = time.process_time()
    texture_pool("train")
    print(f"pool of textures: {time.process_time() - started:.2f} s")
    started = time.process_time()
    synthetic_clip(0)
    print(f"first clip, with kernels compiled or read: {time.process_time() - started:.2f} s")
    for size, frames, share in (((64, 36), 8, 1), ((320, 180), 8, 10), ((768, 432), 24, 100)):
        settings = SyntheticSettings(size=size, frames=frames)
        started = time.process_time()
        clips = max(count // share, 1)
        for seed in range(clips):
            synthetic_clip(seed, settings)
        each = (time.process_time() - started) / clips
        print(f"{size[0]}x{size[1]}, {frames} frames: {1 / each:.2f} clips a CPU-second")
    print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
