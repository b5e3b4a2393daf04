"""CPU-milliseconds a frame of the projection renderer, its parts, and its peak memory."""

import resource
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "projection"))
from ray_casting import Place, move_path

from dynascene_cli.projection.coverage import needed_margins, uncovered_share
from dynascene_cli.projection.rasteriser import screen_vertices, source_map
from dynascene_cli.projection.renderer import ProjectionRenderer
from dynascene_cli.shot import CameraPath, Margins

REPEATS = 24


def cpu_ms(work: Callable[[], object]) -> float:
    """Median CPU-milliseconds, all threads, after one call that compiles and warms up."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return float(np.median(times)) * 1e3


def zoom_out(path: CameraPath, ratio: float) -> CameraPath:
    intrinsics = path.intrinsics.copy()
    intrinsics[1:, :2, :2] /= ratio
    extrinsics = np.repeat(path.extrinsics[:1], len(intrinsics), axis=0)
    return CameraPath(intrinsics, extrinsics, path.width, path.height, Fraction(24), path.unit)


def report(width: int, height: int) -> None:
    place = Place(width, height, roll_deg=1.0)
    margins = Margins(
        round(0.35 * width), round(0.2 * height), round(0.35 * width), round(0.3 * height)
    )
    scene = place.scene(margins)
    print(f"{width}×{height}, canvas {scene.layers[0].image.shape[1::-1]}")
    truck = move_path("truck", place)
    moves = {name: move_path(name, place) for name in ("dolly-in", "truck", "orbit-right")}
    for name, path in {
        **moves,
        "zoom-out": zoom_out(truck, 1.25),
        "far out": zoom_out(truck, 1.4),
    }.items():
        start = time.process_time()
        renderer = ProjectionRenderer(scene, path)
        build = (time.process_time() - start) * 1e3
        frame = cpu_ms(partial(renderer.frame, 1))
        raster = cpu_ms(partial(source_positions, renderer, path))
        mesh = renderer.reliefs[0].mesh
        print(
            f"  {name:12} frame {frame:6.1f} ms   raster alone {raster:6.1f} ms"
            f"   building {build:6.0f} ms   mesh {len(mesh.xs)}×{len(mesh.ys)}"
        )
    path = move_path("orbit-right", place, 48)
    wide = place.depth(margins, shrink=6)
    plan = cpu_ms(partial(needed_margins, wide, margins, place.geometry, path))
    check = cpu_ms(partial(uncovered_share, scene, path))
    print(f"  needed margins {plan / 48:.2f} ms a frame, coverage {check / 48:.2f} ms a frame")
    renderer = ProjectionRenderer(scene, path)
    start, wall = time.process_time(), time.perf_counter()
    for _ in renderer.frames():
        pass
    print(
        f"  streamed on threads {(time.process_time() - start) / 48e-3:.1f} CPU-ms,"
        f" {(time.perf_counter() - wall) / 48e-3:.1f} ms by the clock, a frame"
    )


def source_positions(renderer: ProjectionRenderer, path: CameraPath) -> object:
    mesh = renderer.reliefs[0].mesh
    camera = path.intrinsics[1] @ path.extrinsics[1]
    screen, in_front = screen_vertices(mesh.points, mesh.source, mesh.depth, camera, 2)
    return source_map(screen, in_front, mesh.bent, mesh.flats, path.width, path.height)


if __name__ == "__main__":
    report(768, 432)
    report(1920, 1080)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {peak:.0f} MiB")
