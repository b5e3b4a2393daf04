"""COLMAP's binary files: cameras.bin, images.bin, points3D.bin; little-endian."""

import struct
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.colmap_records import (
    MODELS,
    UNREAD_MODELS,
    Camera,
    PinholeModel,
    Records,
)
from dynascene_cli.errors import InputError

PARAMETER_COUNTS = UNREAD_MODELS | {
    model.number: (name, len(model.parameters)) for name, model in MODELS.items()
}
OBSERVATION_BYTES = 24
TRACK_BYTES = 8


class _Stream:
    """Reads values off a file's bytes, in order."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path.read_bytes()
        self.position = 0

    def take(self, layout: str) -> tuple[float, ...]:
        """The next values, as struct names their types."""
        try:
            values = struct.unpack_from(f"<{layout}", self.data, self.position)
        except struct.error as error:
            raise self.broken("it ends too early") from error
        self.position += struct.calcsize(f"<{layout}")
        return values

    def count(self, least_bytes: int) -> int:
        """The next count of records, each of at least so many bytes."""
        value = int(self.take("Q")[0])
        if value * least_bytes > len(self.data) - self.position:
            raise self.broken(f"it ends before its {value} records")
        return value

    def name(self) -> str:
        """The next text, up to its zero byte."""
        end = self.data.find(b"\0", self.position)
        if end < 0:
            raise self.broken("it ends within a name")
        text = self.data[self.position : end]
        self.position = end + 1
        return text.decode("utf-8", errors="replace")

    def skip(self, byte_count: int) -> None:
        """Leave out the next bytes."""
        self.position += byte_count
        if self.position > len(self.data):
            raise self.broken("it ends too early")

    def broken(self, what: str) -> InputError:
        """What is wrong with the file."""
        return InputError(f"{self.path}: not whole: {what}", "export the model again")


def read_records(folder: Path) -> Records:
    """The records of the binary model in a folder.

    Raises:
        InputError: a file is not whole.
    """
    cameras = _cameras(_Stream(folder / "cameras.bin"))
    stream = _Stream(folder / "images.bin")
    names, camera_ids, poses = [], [], []
    for _ in range(stream.count(least_bytes=73)):
        _, *pose, camera = stream.take("I7dI")
        poses.append(pose)
        camera_ids.append(int(camera))
        names.append(stream.name())
        stream.skip(stream.count(OBSERVATION_BYTES) * OBSERVATION_BYTES)
    values = np.array(poses, dtype=float).reshape(-1, 7)
    rows: list[tuple[float, ...]] = []
    path = folder / "points3D.bin"
    if path.is_file():
        stream = _Stream(path)
        for _ in range(stream.count(least_bytes=51)):
            _, x, y, z, _, _, _, error = stream.take("Q3d3Bd")
            length = stream.count(TRACK_BYTES)
            stream.skip(length * TRACK_BYTES)
            rows.append((x, y, z, error, length))
    points = np.array(rows, dtype=float).reshape(-1, 5)
    return Records(
        cameras=cameras,
        names=names,
        camera_ids=camera_ids,
        quaternions=values[:, :4],
        translations=values[:, 4:],
        points=points[:, :3],
        errors=points[:, 3],
        track_lengths=points[:, 4].astype(np.int64),
    )


def _cameras(stream: _Stream) -> dict[int, Camera]:
    cameras = {}
    for _ in range(stream.count(least_bytes=24)):
        identity, number, width, height = (int(value) for value in stream.take("iiQQ"))
        if number not in PARAMETER_COUNTS:
            raise stream.broken(f"a camera of unknown model {number}")
        model, parameter_count = PARAMETER_COUNTS[number]
        cameras[identity] = Camera(model, width, height, stream.take(f"{parameter_count}d"))
    return cameras


def file_contents(model: PinholeModel) -> dict[str, bytes]:
    """The files by name, as colmap_text.file_contents; there is no place for the comment."""
    cameras = [struct.pack("<Q", len(model.parameters))]
    for number, (size, values) in enumerate(
        zip(model.sizes, model.parameters, strict=True), start=1
    ):
        cameras.append(struct.pack("<iiQQ4d", number, MODELS["PINHOLE"].number, *size, *values))
    images = [struct.pack("<Q", len(model.names))]
    for number, (quaternion, translation, camera, name) in enumerate(model.images, start=1):
        images.append(struct.pack("<I7dI", number, *quaternion, *translation, camera + 1))
        images.append(name.encode() + b"\0" + struct.pack("<Q", 0))
    dots = [struct.pack("<Q", len(model.points))]
    for number, xyz in enumerate(model.points, start=1):
        dots.append(struct.pack("<Q3d3BdQ", number, *xyz, 128, 128, 128, -1.0, 0))
    return {
        "cameras.bin": b"".join(cameras),
        "images.bin": b"".join(images),
        "points3D.bin": b"".join(dots),
    }
