"""COLMAP's sparse models, in text and binary: a folder of cameras, images and points.

World-to-camera poses in OpenCV axes, pixel centres at +0.5: this package's own. The unit is
arbitrary. https://colmap.github.io/format.html; rigs and frames (COLMAP 3.12) only repeat what
the images say and are neither needed nor written.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.camera.formats import colmap_binary, colmap_text
from dynascene_cli.camera.formats.colmap_records import BENT_PIXELS, MODELS, PinholeModel, Records
from dynascene_cli.camera.formats.conventions import (
    LARGEST_SIDE,
    UNIT_NAMES,
    Known,
    Warn,
    camera_path,
    describe_conventions,
    lenses,
    read_note,
)
from dynascene_cli.camera.formats.ground import ground_points
from dynascene_cli.camera.formats.numbering import fill_skipped_frames, image_name, natural_order
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import (
    Floats,
    pose,
    quaternion_to_rotation,
    rotation_to_quaternion,
)
from dynascene_cli.shot import CameraPath, GroundContact
from dynascene_cli.storage.atomic import publish_together
from dynascene_cli.video.outputs import check_writable

__all__ = [
    "BENT_PIXELS",
    "ColmapModel",
    "check_folder",
    "model_folder",
    "read",
    "read_model",
    "write",
    "write_model",
]

FILES = ("cameras", "images", "points3D")


@dataclass(frozen=True, eq=False)
class ColmapModel:
    """A sparse model: its images in the order of their numbers or names, and its points.

    ``intrinsics`` (F, 3, 3); ``sizes`` (F, 2) width and height; ``extrinsics`` (F, 3, 4);
    ``bent`` (F,) is how far, in pixels, the lens's distortion moves a corner of the picture.
    ``points`` (P, 3); ``errors`` (P,) mean reprojection errors in pixels, -1 where unknown;
    ``track_lengths`` (P,) in how many images each point is seen. ``comment`` heads text files.
    """

    names: tuple[str, ...]
    intrinsics: Floats
    sizes: NDArray[np.int64]
    extrinsics: Floats
    bent: Floats
    points: Floats
    errors: Floats
    track_lengths: NDArray[np.int64]
    comment: str = ""


def model_folder(path: Path) -> Path | None:
    """Where in ``path`` the model lies: there, in ``sparse`` or in ``sparse/0``."""
    for folder in (path, path / "sparse", path / "sparse" / "0", path / "0"):
        if any((folder / f"images{suffix}").is_file() for suffix in (".bin", ".txt")):
            return folder
    return None


def read_model(folder: Path) -> ColmapModel:
    """The sparse model in a folder, binary where both encodings are there.

    Raises:
        InputError: a file is missing or broken, or a camera's model is not one of MODELS.
    """
    found = model_folder(folder)
    if found is None:
        raise InputError(
            f"{folder}: no COLMAP model in it",
            "give the folder of cameras, images and points3D (.txt or .bin)",
        )
    suffix = ".bin" if (found / "images.bin").is_file() else ".txt"
    for name in FILES[:2]:
        if not (found / f"{name}{suffix}").is_file():
            raise InputError(f"{found / name}{suffix}: no such file", "export the model again")
    reading = colmap_binary.read_records if suffix == ".bin" else colmap_text.read_records
    return _model(found, reading(found))


def _model(folder: Path, records: Records) -> ColmapModel:
    """The model of records, its images in order."""
    order = sorted(range(len(records.names)), key=lambda i: natural_order(records.names[i]))
    intrinsics, sizes, bent = [], [], []
    for index in order:
        camera = records.cameras.get(records.camera_ids[index])
        if camera is None:
            raise InputError(
                f"{folder}: image {records.names[index]} names camera "
                f"{records.camera_ids[index]}, which is not in the model",
                "export the model again",
            )
        if camera.model not in MODELS:
            raise InputError(
                f"{folder}: a camera of model {camera.model}",
                f"one of {', '.join(MODELS)}; undistort the model first (colmap image_undistorter)",
            )
        if not (0 < camera.width <= LARGEST_SIDE and 0 < camera.height <= LARGEST_SIDE):
            raise InputError(
                f"{folder}: a camera of {camera.width} x {camera.height} pixels",
                "export the model again",
            )
        lens = MODELS[camera.model].lens(camera.parameters)
        intrinsics.append(lenses(lens.focal_x, lens.focal_y, lens.centre_x, lens.centre_y))
        sizes.append((camera.width, camera.height))
        bent.append(lens.bent_pixels(camera.width, camera.height))
    quaternions = records.quaternions[order]
    lengths = np.linalg.norm(quaternions, axis=-1)
    for index in np.flatnonzero(~(np.abs(lengths - 1) < 1e-3))[:1]:
        raise InputError(
            f"{folder}: image {records.names[order[index]]}: its rotation is not one "
            f"(a quaternion of length {lengths[index]:.3g})",
            "export the model again",
        )
    return ColmapModel(
        names=tuple(records.names[index] for index in order),
        intrinsics=np.array(intrinsics).reshape(-1, 3, 3),
        sizes=np.array(sizes, dtype=np.int64).reshape(-1, 2),
        extrinsics=pose(quaternion_to_rotation(quaternions), records.translations[order]),
        bent=np.array(bent, dtype=float),
        points=records.points,
        errors=records.errors,
        track_lengths=records.track_lengths,
        comment=records.comment,
    )


def write_model(folder: Path, model: ColmapModel, *, binary: bool = False) -> None:
    """Write a model of pinhole cameras, one for each lens; its files appear together.

    Raises:
        InputError: the folder cannot be made, or holds a model in the other encoding.
    """
    lens_rows = np.concatenate([model.intrinsics.reshape(-1, 9), model.sizes], axis=1)
    distinct, camera_of = np.unique(lens_rows, axis=0, return_inverse=True)
    written = PinholeModel(
        sizes=distinct[:, 9:].astype(int),
        parameters=distinct[:, [0, 4, 2, 5]],
        names=model.names,
        quaternions=rotation_to_quaternion(model.extrinsics[:, :, :3]),
        translations=model.extrinsics[:, :, 3],
        camera_of=camera_of.reshape(-1),
        points=model.points,
        comment=model.comment,
    )
    contents = (colmap_binary if binary else colmap_text).file_contents(written)
    check_folder(folder, binary=binary)
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        with publish_together(folder) as temporary:
            for name, content in contents.items():
                (temporary / name).write_bytes(content)
    finally:
        if made and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


def check_folder(folder: Path, *, binary: bool = False) -> None:
    """Make sure that a model can be written to ``folder``.

    Raises:
        InputError: it is a file, the folder that it is to be in is missing or not writable, or
            it holds a model in the other encoding.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file", "name a folder for the COLMAP model")
    check_writable(folder / "cameras.txt" if folder.is_dir() else folder)
    other = ".txt" if binary else ".bin"
    present = next((name for name in FILES if (folder / f"{name}{other}").exists()), None)
    if present is not None:
        raise InputError(
            f"{folder}: holds {present}{other}, a model in the other encoding",
            "write to another folder",
        )


def read(path: Path, known: Known, warn: Warn) -> CameraPath:
    """The camera of a model's images, one picture size for all.

    Images that are missing between the first and the last number are filled in between their
    neighbours, and told.

    Raises:
        InputError: as read_model; there are no images, sizes differ, or the lens bends the
            picture by more than BENT_PIXELS.
    """
    model = read_model(path)
    if not model.names:
        raise InputError(f"{path}: no image is registered", "reconstruct the clip again")
    if len(np.unique(model.sizes, axis=0)) > 1:
        raise InputError(f"{path}: pictures of several sizes", "a camera path has one size")
    bent = int(model.bent.argmax())
    if model.bent[bent] > BENT_PIXELS:
        raise InputError(
            f"{path}: {model.names[bent]}: the lens bends the picture's corners by "
            f"{model.bent[bent]:.1f} pixels",
            "undistort the clip and the model first (colmap image_undistorter)",
        )
    known = known.complete(read_note(model.comment)).with_size(path, *model.sizes[0])
    camera = camera_path(path, model.intrinsics, model.extrinsics, known, "scene_depth")
    return fill_skipped_frames(path, camera, model.names, warn)


def write(
    path: Path,
    camera: CameraPath,
    name: str,
    warn: Warn,
    contact: GroundContact | None = None,
    points: Floats | None = None,
) -> None:
    """Write a camera as a text model; image names end with the frames' numbers.

    Its points are ``points`` (P, 3), else those of the ground, which the comment tells too.

    Raises:
        InputError: as write_model.
    """
    comment = describe_conventions(camera)
    if contact is not None:
        unit = UNIT_NAMES[camera.unit]
        comment += f" Ground: y = {contact.ground:g}; the person is {contact.person_height:g} tall"
        comment += f" (one unit is one {unit})."
    if points is None:
        points = np.zeros((0, 3)) if contact is None else ground_points(contact)
    count, first = camera.frame_count, camera.first_frame
    write_model(
        path,
        ColmapModel(
            names=tuple(image_name(name, first + index) for index in range(count)),
            intrinsics=camera.intrinsics,
            sizes=np.tile([camera.width, camera.height], (count, 1)),
            extrinsics=camera.extrinsics,
            bent=np.zeros(count),
            points=points,
            errors=np.full(len(points), -1.0),
            track_lengths=np.zeros(len(points), dtype=np.int64),
            comment=comment,
        ),
    )
