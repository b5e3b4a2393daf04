"""Plates without a network: what any learning must beat.

Each is made from what the network is given: the photo and the cameras' motion from it.
"""

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from dynascene_cli import geometry as maths
from dynascene_cli.errors import StageError
from dynascene_cli.evaluation.metrics import Pictures
from dynascene_cli.geometry import Floats
from dynascene_cli.projection import ProjectionRenderer, effective_path, needed_margins
from dynascene_cli.scene import GeometryGuess, build_scene, guess_geometry, relief_depth
from dynascene_cli.shot import CameraPath, Image, Margins, SceneGeometry

NEAREST = 0.1
"""Of the unit of depth, in front of the photo's camera: what is nearer is not looked up."""

ENLARGED = 4
AMOUNTS = (1.0, 0.5, 0.0)
WIDEST = 3
"""Sides of the photo to which the canvas may reach past it: pans go far at this focal length."""


def static_copy(photo: Image, path: CameraPath) -> Pictures:
    """The photo in every frame."""
    return np.repeat(photo[None], path.frame_count, axis=0)


def mean_colour(photo: Image, path: CameraPath) -> Pictures:
    """The photo's mean colour everywhere."""
    flat = np.broadcast_to(np.round(photo.mean(axis=(0, 1))).astype(np.uint8), photo.shape)
    return static_copy(flat, path)


def homography(photo: Image, path: CameraPath) -> Pictures:
    """The photo turned and zoomed as if all of it were infinitely far away.

    K₀R₀RᵢᵀKᵢ⁻¹ (Hartley & Zisserman, section 13.4). Past the photo's border its rim goes on.
    """
    return fixed_depth(photo, path, 0.0)


def fixed_depth(photo: Image, path: CameraPath, inverse_depth: float) -> Pictures:
    """The photo as if every frame saw everything 1 / ``inverse_depth`` away from its camera.

    The unit is that of the path's translations; the photo's camera is that of its first frame.
    """
    points = sight_lines(path) + inverse_depth * maths.centre(path.extrinsics)[:, None, None]
    return np.stack([_sample_photo(photo, path, world) for world in points])


def sight_lines(path: CameraPath) -> Floats:
    """Unit directions (F, H, W, 3) in the world of what every pixel sees."""
    x, y = np.meshgrid(np.arange(path.width) + 0.5, np.arange(path.height) + 0.5)
    lines = maths.rays(path.intrinsics[:, None, None], np.stack([x, y], axis=-1)[None])
    lines = np.einsum("fji,fhwj->fhwi", path.extrinsics[:, :, :3], lines)
    return np.asarray(lines / np.linalg.norm(lines, axis=-1, keepdims=True))


def _sample_photo(photo: Image, path: CameraPath, points: Floats) -> Image:
    """The photo's colours where its camera sees world points (H, W, 3)."""
    camera = maths.transform(path.extrinsics[0], points)
    image = camera @ path.intrinsics[0].T
    pixels = (image[..., :2] / np.maximum(image[..., 2:], NEAREST) - 0.5).astype(np.float32)
    x, y = np.ascontiguousarray(pixels[..., 0]), np.ascontiguousarray(pixels[..., 1])
    found = cv2.remap(photo, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found, np.uint8)


def projection(photo: Image, path: CameraPath) -> Pictures:
    """The product's weightless renderer, which guesses the place's geometry from the photo.

    The photo is enlarged ``ENLARGED`` times first, since neither horizon nor lines can be found in
    a few dozen pixels, and the plate is made small again. The true focal length is given, and the
    path's unit is taken for the median depth of the relief that is guessed. Past the photo it
    paints, as a render does; where a frame sees past the widest canvas even so, the move is made
    smaller, as a render's is, and where turning on the spot does, the plate is the homography's.
    """
    width, height = path.width * ENLARGED, path.height * ENLARGED
    large = np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    guess = guess_geometry(large, focal=float(path.intrinsics[0, 0, 0]) / path.width)
    near = relief_depth(guess)
    median = float(np.median(near if guess.sky.all() else near[~guess.sky]))
    for amount in AMOUNTS:
        shot = effective_path(_to_metres(path, guess.geometry, median * amount), guess.geometry)
        try:
            plates = list(_paint_plates(large, guess, shot))
        except StageError:
            continue
        break
    else:
        return homography(photo, path)
    size = path.width, path.height
    small = [cv2.resize(plate, size, interpolation=cv2.INTER_AREA) for plate in plates]
    return np.stack(small).astype(np.uint8)


def _to_metres(path: CameraPath, geometry: SceneGeometry, unit: float) -> CameraPath:
    """The path in the world of a guessed place, whose pictures are larger."""
    zoom = path.intrinsics[:, 0, 0] / path.intrinsics[0, 0, 0]
    intrinsics = np.repeat(geometry.intrinsics[None], path.frame_count, axis=0)
    intrinsics[:, [0, 1], [0, 1]] *= zoom[:, None]
    moved = maths.pose(path.extrinsics[..., :3], path.extrinsics[..., 3] * unit)
    return replace(
        path,
        intrinsics=intrinsics,
        extrinsics=maths.compose(moved, geometry.extrinsics),
        width=geometry.width,
        height=geometry.height,
        unit="metres",
    )


def _paint_plates(photo: Image, guess: GeometryGuess, path: CameraPath) -> Iterator[Image]:
    """The plates of a path, the photo painted on as far as it sees."""
    height, width = photo.shape[:2]
    side, above = WIDEST * width, WIDEST * height
    widest = Margins(side, above, side, above)
    plan = needed_margins(relief_depth(guess, widest), widest, guess.geometry, path)
    renderer = ProjectionRenderer(build_scene(photo, guess, plan.margins), path)
    return map(renderer.frame, range(path.frame_count))
