"""USD cameras as UsdGeomCamera describes them, in text (.usda) or in binary (.usdc) by usd-core.

Y up, the camera looks along -z, matrices multiply row vectors. Focal length and apertures are in
tenths of a unit, which a unit of a centimetre makes millimetres; the apertures' offsets shift the
lens. Time codes are the frames' numbers.
https://openusd.org/release/api/class_usd_geom_camera.html
"""

import math
import re
from pathlib import Path

import numpy as np

from dynascene_cli.camera.formats.blender import Z_UP
from dynascene_cli.camera.formats.conventions import (
    FLIP_Y_Z,
    UNIT_NAMES,
    Known,
    Warn,
    camera_path,
    camera_to_world,
    describe_conventions,
    frame_rate,
    lenses,
    read_note,
    world_to_camera,
)
from dynascene_cli.camera.formats.files import digits, publish
from dynascene_cli.camera.formats.ground import ground_square
from dynascene_cli.camera.formats.usd_binary import is_binary, read_as_text, write_binary
from dynascene_cli.camera.formats.usd_text import Prim, cameras_in, layer_of
from dynascene_cli.camera.formats.usd_transform import world_transforms
from dynascene_cli.errors import InputError
from dynascene_cli.geometry import SENSOR_WIDTH_MM, Floats
from dynascene_cli.shot import CameraPath, GroundContact
from dynascene_cli.storage.text_files import read_text

DEFAULTS = {"focalLength": 50.0, "horizontalAperture": 20.955, "verticalAperture": 15.2908}
"""What UsdGeomCamera takes for what is not said."""

PINHOLE = {
    "projection": "perspective",
    "cameraProjectionType": "pinhole",
    "omni:lensdistortion:model": "pinhole",
}
"""Attributes that name a camera's model, and the one that is read."""

MOST_FRAMES = 200_000

UNITS = 100
"""Units of a layer that one of the path's is: centimetres of a metre."""

HEADER = """\
#usda 1.0
(
    customLayerData = {{
        string dynascene = "{note}"
    }}
    defaultPrim = "{name}"
    doc = \"\"\"Camera. Axes: x right, y up, the camera looks along -z; row vectors.
Time codes are frames, counted from {first}. Focal length and apertures in mm, for a sensor
{sensor:g} mm wide. {units} units are one {unit}.\"\"\"
    endTimeCode = {last}
    framesPerSecond = {rate}
    metersPerUnit = 0.01
    startTimeCode = {first}
    timeCodesPerSecond = {rate}
    upAxis = "Y"
)

def Camera "{name}"
{{
    float2 clippingRange = (1, 10000000)
    token projection = "perspective"
"""


GROUND = """\
def Mesh "ground"
{{
    int[] faceVertexCounts = [4]
    int[] faceVertexIndices = [0, 1, 2, 3]
    point3f[] points = [{corners}]
}}

def Xform "feet"
{{
    double3 xformOp:translate.timeSamples = {{
{feet}    }}
    uniform token[] xformOpOrder = ["xformOp:translate"]
}}
"""


def write(
    path: Path,
    camera: CameraPath,
    name: str,
    warn: Warn,
    contact: GroundContact | None = None,
    points: Floats | None = None,
) -> None:
    """Write a camera as a USD layer: a Camera prim, the ground's square and a point at the feet.

    ``points`` (P, 3) of the place become a Points prim.

    ``.usdc`` is binary; ``.usd`` may be either, and is text, which needs nothing.

    Raises:
        InputError: the folder is missing or cannot be written to.
        MissingError: the layer is to be binary, and usd-core is not installed.
    """
    K = camera.intrinsics
    width, height = camera.width, camera.height
    focal = K[:, 0, 0] * SENSOR_WIDTH_MM / width
    aperture = np.full(len(K), SENSOR_WIDTH_MM)
    vertical = focal * height / K[:, 1, 1]
    attributes = {
        "focalLength": focal,
        "horizontalAperture": aperture,
        "horizontalApertureOffset": (width / 2 - K[:, 0, 2]) * aperture / width,
        "verticalAperture": vertical,
        "verticalApertureOffset": (K[:, 1, 2] - height / 2) * vertical / height,
    }
    prim = re.sub(r"\W", "_", name, flags=re.ASCII)
    prim = f"_{prim}" if prim[:1].isdigit() else prim or "camera"
    head = HEADER.format(
        note=describe_conventions(camera),
        name=prim,
        first=camera.first_frame,
        last=camera.first_frame + len(K) - 1,
        rate=repr(float(camera.frame_rate)).removesuffix(".0"),
        sensor=SENSOR_WIDTH_MM,
        units=UNITS,
        unit=UNIT_NAMES[camera.unit],
    )
    lines = [_attribute(key, values, camera.first_frame) for key, values in attributes.items()]
    matrices = np.swapaxes(camera_to_world(camera, FLIP_Y_Z, FLIP_Y_Z), 1, 2) + 0.0
    matrices[:, 3, :3] *= UNITS
    samples = [
        f"        {index + camera.first_frame}: ( "
        + ", ".join(_tuple(row) for row in rows)
        + " ),\n"
        for index, rows in enumerate(matrices)
    ]
    text = (
        f"{head}{''.join(lines)}"
        f"    matrix4d xformOp:transform.timeSamples = {{\n{''.join(samples)}    }}\n"
        '    uniform token[] xformOpOrder = ["xformOp:transform"]\n}\n'
        f"{'' if contact is None else _ground_text(contact, camera.first_frame)}"
        f"{'' if points is None else _points_text(points)}"
    )
    (write_binary if path.suffix.lower() == ".usdc" else publish)(path, text)


def _ground_text(contact: GroundContact, first: int) -> str:
    corners = np.array(ground_square(contact)) @ FLIP_Y_Z * UNITS
    feet = contact.feet @ FLIP_Y_Z * UNITS
    return "\n" + GROUND.format(
        corners=", ".join(_tuple(corner) for corner in corners),
        feet="".join(
            f"        {index + first}: {_tuple(point)},\n" for index, point in enumerate(feet)
        ),
    )


def _points_text(points: Floats) -> str:
    corners = ", ".join(_tuple(point) for point in points @ FLIP_Y_Z * UNITS)
    return f'\ndef Points "points"\n{{\n    point3f[] points = [{corners}]\n}}\n'


def _tuple(values: Floats) -> str:
    return f"({digits(values).replace(' ', ', ')})"


def _attribute(name: str, values: Floats, first: int) -> str:
    """One line for a value that stays, a line a frame for one that changes."""
    if np.all(values == values[0]):
        return f"    float {name} = {digits(values[:1])}\n"
    samples = "".join(
        f"        {index + first}: {digits([value])},\n" for index, value in enumerate(values)
    )
    return f"    float {name}.timeSamples = {{\n{samples}    }}\n"


def read(path: Path, known: Known, warn: Warn) -> CameraPath:
    """The first camera in a USD layer, frame by frame; between samples it is interpolated.

    A gate of another shape than the picture is taken to be fitted to the picture's width.

    Raises:
        InputError: it is no layer or has no perspective camera; a transform is none that is
            known, or shears; the size is not known.
        MissingError: it is binary, and usd-core is not installed.
    """
    binary = path.is_file() and is_binary(path)
    layer = layer_of(path, read_as_text(path) if binary else read_text(path, "USD text"))
    known = known.complete(read_note(layer.text("dynascene") or ""))
    written_here = layer.text("dynascene") is not None
    width, height = known.needed_size(path)
    cameras = cameras_in(layer)
    if not cameras:
        raise InputError(f"{path}: no camera in it", 'a layer has def Camera "name" { ... }')
    prim = cameras[0]
    if len(cameras) > 1:
        warn(f"{path}: {len(cameras)} cameras: {prim.name}, the first one, is read")
    for key, pinhole in PINHOLE.items():
        if prim.text(key) not in (None, pinhole):
            raise InputError(f"{path}: {prim.name}'s {key} is {prim.text(key)}", f"use {pinhole}")
    codes_per_second = layer.number("timeCodesPerSecond") or layer.number("framesPerSecond") or 24.0
    per_second = layer.number("framesPerSecond") or codes_per_second
    codes = _time_codes(path, prim, layer, codes_per_second / per_second)

    def values(name: str) -> Floats:
        samples = prim.numbers(name)
        if samples is None:
            return np.full(len(codes), DEFAULTS.get(name, 0.0))
        return np.interp(codes, samples.times, samples.values[:, 0])

    focal, aperture, vertical = (values(name) for name in DEFAULTS)
    if not (np.all(aperture > 0) and np.all(vertical > 0)):
        raise InputError(f"{path}: an aperture is not above 0", "apertures are in millimetres")
    fx = focal * width / aperture
    fy = focal * height / vertical if written_here else fx
    cx = width / 2 - values("horizontalApertureOffset") * width / aperture
    cy = height / 2 + values("verticalApertureOffset") * fy / np.where(focal > 0, focal, 1)
    metres = layer.number("metersPerUnit")
    in_metres = written_here or known.unit in (None, "metres")
    scale = (0.01 if metres is None else metres) if in_metres else 1.0
    z_up = (layer.text("upAxis") or "Y").upper() == "Z"
    matrices = world_transforms(path, prim, codes)
    sizes = np.cbrt(np.linalg.det(matrices[:, :3, :3]))
    matrices[:, :3, :3] /= np.where(sizes > 0, sizes, 1)[:, None, None]
    extrinsics = world_to_camera(matrices, Z_UP if z_up else FLIP_Y_Z, FLIP_Y_Z)
    extrinsics[:, :, 3] *= scale
    rate = Known(frame_rate=frame_rate(per_second))
    known = known.complete(rate)
    return camera_path(path, lenses(fx, fy, cx, cy), extrinsics, known, "metres", float(codes[0]))


def _time_codes(path: Path, prim: Prim, layer: Prim, step: float) -> Floats:
    """The frames' time codes: the layer's range, else that of the samples; one without either.

    Raises:
        InputError: the range holds no sensible number of frames.
    """
    changing = [
        samples.times
        for one in prim.lineage
        for name in one.attributes
        if name.endswith(".timeSamples")
        and (samples := one.numbers(name.removesuffix(".timeSamples"))) is not None
    ]
    times = np.concatenate([*changing, np.zeros(0)])
    first, last = layer.number("startTimeCode"), layer.number("endTimeCode")
    if first is None or last is None or last < first:
        if not len(times):
            return np.zeros(1)
        first, last = float(times.min()), float(times.max())
    if not (step > 0 and 0 <= (last - first) / step < MOST_FRAMES):
        raise InputError(
            f"{path}: time codes from {first:g} to {last:g}", "set the layer's start and end"
        )
    count = math.floor((last - first) / step + 1e-6) + 1
    return np.linspace(first, first + step * (count - 1), count)
