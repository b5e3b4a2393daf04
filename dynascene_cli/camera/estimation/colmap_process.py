"""COLMAP on given tracks, as a program of its own: ``python colmap_process.py FOLDER MAPPER``.

It runs apart because pycolmap and OpenCV in one process abort, and imports nothing of the
package, which would bring OpenCV in. FOLDER holds ``tracks.npz``: ``track``, ``frame``,
``pixels``, ``size``, ``focal``, ``focal_known``. The model is written to FOLDER/MAPPER. MAPPER is
``global`` (GLOMAP, Pan et al. 2024) or ``incremental`` (Schönberger & Frahm 2016).
"""

import os
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
from numpy.typing import NDArray

OFFSETS = (1, 2, 3, 4, 6, 8, 11, 15, 20, 26, 33, 40, 46)
"""Numbers of frames over which two frames are matched: near ones chain, far ones see parallax."""

FEWEST_MATCHES = 20
SEED = 0


def write_database(tracks: dict[str, NDArray[Any]], path: Path) -> None:
    """Write a COLMAP database: one camera, the tracks as keypoints, and verified pairs."""
    width, height = (int(side) for side in tracks["size"])
    database = pycolmap.Database.open(path)
    camera = pycolmap.Camera(
        model="SIMPLE_PINHOLE",
        width=width,
        height=height,
        params=[float(tracks["focal"]), width / 2, height / 2],
    )
    camera.has_prior_focal_length = bool(tracks["focal_known"])
    sensor = pycolmap.sensor_t(pycolmap.SensorType.CAMERA, database.write_camera(camera))
    rig = pycolmap.Rig()
    rig.add_ref_sensor(sensor)
    rig_id = database.write_rig(rig)
    images: dict[int, int] = {}
    seen: dict[int, NDArray[Any]] = {}
    for frame in np.unique(tracks["frame"]).tolist():
        rows = np.flatnonzero(tracks["frame"] == frame)
        image = pycolmap.Image(name=f"{frame:06d}.png", camera_id=sensor.id)
        images[frame] = database.write_image(image)
        holder = pycolmap.Frame()
        holder.rig_id = rig_id
        holder.add_data_id(pycolmap.data_t(sensor, images[frame]))
        database.write_frame(holder)
        database.write_keypoints(images[frame], tracks["pixels"][rows].astype(np.float32))
        seen[frame] = tracks["track"][rows]
    frames = list(images)
    for place, frame in enumerate(frames):
        for offset in OFFSETS:
            if place + offset >= len(frames):
                break
            other = frames[place + offset]
            common = np.intersect1d(seen[frame], seen[other], return_indices=True)
            if len(common[0]) >= FEWEST_MATCHES:
                pairs = np.column_stack(common[1:]).astype(np.uint32)
                database.write_matches(images[frame], images[other], pairs)
    database.close()
    pycolmap.geometric_verification(path)


def global_models(database: Path, folder: Path, focal_known: bool) -> dict[int, Any]:
    """Models by global mapping, after the focal length has been read off the pairs."""
    if not focal_known:
        pycolmap.calibrate_view_graph(database)
    options = pycolmap.GlobalPipelineOptions()
    options.random_seed = SEED
    options.mapper.min_tri_angle_deg = 0.3
    options.mapper.bundle_adjustment.refine_focal_length = not focal_known
    return dict(pycolmap.global_mapping(database, folder, folder, options))


def incremental_models(database: Path, folder: Path, focal_known: bool) -> dict[int, Any]:
    """Models by incremental mapping, its angles lowered to a video's parallax."""
    options = pycolmap.IncrementalPipelineOptions()
    options.random_seed = SEED
    options.extract_colors = False
    options.ba_refine_focal_length = not focal_known
    options.mapper.abs_pose_refine_focal_length = not focal_known
    options.mapper.init_min_tri_angle = 3.0
    options.mapper.init_min_num_inliers = 50
    options.mapper.init_max_forward_motion = 1.0
    options.mapper.filter_min_tri_angle = 0.5
    options.triangulation.min_angle = 0.5
    return dict(pycolmap.incremental_mapping(database, folder, folder, options))


def watch_parent() -> None:
    """End this process when the one that started it is gone: its end of standard input closes."""
    while os.read(0, 1):
        pass
    os._exit(1)


def main() -> int:
    """Solve; 2 when no model came of it."""
    threading.Thread(target=watch_parent, daemon=True).start()
    folder, mapper = Path(sys.argv[1]), sys.argv[2]
    with np.load(folder / "tracks.npz") as stored:
        tracks = dict(stored)
    focal_known = bool(tracks["focal_known"])
    database = folder / f"{mapper}.db"
    pycolmap.set_random_seed(SEED)
    write_database(tracks, database)
    output = folder / mapper
    output.mkdir()
    solve = {"global": global_models, "incremental": incremental_models}[mapper]
    models = solve(database, output, focal_known)
    if not models:
        return 2
    model = max(models.values(), key=lambda model: model.num_reg_images())
    model.write_binary(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
