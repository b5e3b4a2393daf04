"""The story of a place: a photo read, its geometry guessed or given, its scene cached."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError
from dynascene_cli.geometry import SENSOR_WIDTH_MM
from dynascene_cli.pipeline.framed_photo import FramedPhoto, frame_photo
from dynascene_cli.pipeline.request import SceneRequest
from dynascene_cli.pipeline.run import Run
from dynascene_cli.reports.scene_preview import scene_preview
from dynascene_cli.scene import (
    GeometryGuess,
    Surroundings,
    align_depth,
    build_scene,
    find_depth_network,
    frame_focal_35mm,
    free_ground,
    guess_geometry,
    network_depth,
    read_guess_file,
    read_scene_edits,
    read_scene_file,
    write_guess_file,
    write_scene_json,
)
from dynascene_cli.shot import Cards, Image, Layer, Margins, Scene, SceneGeometry
from dynascene_cli.storage.array_files import open_arrays
from dynascene_cli.storage.fingerprints import file_fingerprint
from dynascene_cli.storage.project import Project, stage_key
from dynascene_cli.video import (
    CoverWindow,
    cover_window,
    eight_bits,
    encode_image,
    read_depth,
    read_picture,
    write_image,
)

NO_DEPTH = "none"
STAGE_VERSION = 21
GUESS_FILE = "place.npz"
EDITS = "scene/scene.json"
"""Where a project keeps what was guessed of its photo, for the user to edit."""

MIDDLE = (0.5, 0.5)


@dataclass(frozen=True, eq=False)
class Place:
    """A photo as it fills the frame, and what was read off it.

    ``people`` (H, W) is true where somebody already stands in the photo, and ``removed`` where
    they are painted over, shadows and all; ``depth`` is the depth map, whole or of the frame;
    ``depends_on`` is all that a scene built from this depends on. ``camera_height_given`` says that
    a flag or an edit fixed the camera's height; ``key`` is the cache key of what was read off the
    photo. ``window`` is where the frame lies in the whole photo, of ``photo_size`` (width,
    height), ``surroundings`` what that shows around it. ``warnings`` are for the user.
    """

    photo: Image
    photo_size: tuple[int, int]
    window: CoverWindow
    surroundings: Surroundings
    guess: GeometryGuess
    people: NDArray[np.bool_] | None
    depth: NDArray[np.float32] | None
    camera_height_given: bool
    key: str
    depends_on: dict[str, Any]
    warnings: tuple[str, ...]
    removed: NDArray[np.bool_] | None = None

    @property
    def height_is_seen(self) -> bool:
        """Whether the photo shows from how high up it was taken."""
        return self.guess.sources["camera_height"] not in ("prior", "given")

    def without(self, removed: NDArray[np.bool_]) -> "Place":
        """The place with what a mask (H, W) shows painted over."""
        digest = hashlib.sha256(np.packbits(removed).tobytes()).hexdigest()
        return replace(self, removed=removed, depends_on={**self.depends_on, "removed": digest})


def check_scene_request(request: SceneRequest) -> None:
    """Make sure that the files of a place can be read, before any work is done.

    Raises:
        InputError: the depth map or the given scene.json cannot be read.
    """
    if request.scene_json is not None:
        read_scene_file(request.scene_json, file_fingerprint(request.photo))
    depth = request.depth
    if depth is not None and depth != NO_DEPTH and not depth.startswith("model:"):
        read_depth(Path(depth))


def read_place(run: Run, request: SceneRequest, size: tuple[int, int]) -> Place:
    """The photo at the frame's ``size`` (width, height) and its geometry.

    Flags win over edits in scene.json, the project's or the one that was given, and those over the
    guess; a run that forces guesses anew.

    Raises:
        InputError: the photo, the depth map, scene.json or a flag is wrong.
        MissingError: a depth model was asked for and is not installed.
    """
    project, console = run.project, run.console
    fingerprint = file_fingerprint(request.photo)
    crop = request.crop or MIDDLE
    framed = frame_photo(request.photo, fingerprint, size, crop)
    picture = framed.picture
    edits = scene_edits(project, request, fingerprint)
    flags = {
        "horizon": request.horizon,
        "camera_height": request.camera_height,
        "focal": request.focal_mm and request.focal_mm / SENSOR_WIDTH_MM,
        "roll_deg": request.roll,
    }
    given = {**edits, **{name: value for name, value in flags.items() if value is not None}}
    depends_on = {"photo": fingerprint, "size": size, "crop": crop, "given": given}
    key = stage_key("place", STAGE_VERSION, depends_on)
    kept = project.folder / "scene" / key / GUESS_FILE
    if not run.force and project.holds(kept):
        guess, people = read_guess_file(kept)
    else:
        guess, people = _look_at(framed, given)
    if request.preview is not None:
        write_image(request.preview, scene_preview(picture, guess.geometry, _tints(picture, guess)))
        console.info(f"scene preview: {request.preview}")
    depth = _depth(request, framed)
    contradicts = None
    if depth is not None and request.depth is None:
        _, contradicts = align_depth(depth, guess)
    warnings = (*framed.photo.warnings, *guess.geometry.warnings)
    if contradicts is not None:
        depth = None
        warnings += (f"{contradicts}: the photo's depth network is not used",)
    return Place(
        photo=picture,
        photo_size=framed.photo_size,
        window=framed.window,
        surroundings=framed.surroundings,
        guess=guess,
        people=people,
        depth=depth,
        camera_height_given="camera_height" in given,
        key=key,
        depends_on={**depends_on, "depth": _depth_fingerprint(request)},
        warnings=warnings,
    )


def scene_edits(project: Project, request: SceneRequest, photo_sha256: str) -> dict[str, float]:
    """What was edited of what is read off the photo, as keyword arguments of `guess_geometry`.

    Raises:
        InputError: the scene.json cannot be read, or the given one is another photo's.
    """
    if request.scene_json is not None:
        return read_scene_file(request.scene_json, photo_sha256)
    return read_scene_edits(project.folder / EDITS, photo_sha256)


def _look_at(
    framed: FramedPhoto, given: dict[str, float]
) -> tuple[GeometryGuess, NDArray[np.bool_]]:
    """What a photo tells of its geometry, and where (H, W) people stand in it."""
    height, width = framed.picture.shape[:2]
    focal_35mm = framed.photo.focal_35mm
    guess = guess_geometry(
        framed.picture,
        **given,
        focal_35mm=focal_35mm and frame_focal_35mm(focal_35mm, framed.photo_size, (width, height)),
        labels=framed.content.labels,
        things=framed.content.things,
        evidence=framed.content.evidence,
        middle=framed.content.middle,
    )
    return guess, framed.people


def _tints(photo: Image, guess: GeometryGuess) -> dict[tuple[int, int, int], NDArray[np.bool_]]:
    """What the preview paints of what is in the photo, by colour."""
    labels, free = guess.labels, free_ground(photo, guess)
    if labels is None or free is None:
        return {}
    kinds = {"sky": (110, 170, 255), "water": (0, 60, 220), "person": (255, 220, 0)}
    return {
        (0, 200, 60): free,
        (210, 60, 160): labels.mask("structure", "vehicle", "furniture"),
        **{colour: labels.mask(kind) for kind, colour in kinds.items()},
    }


def keep_place(project: Project, place: Place) -> None:
    """Keep what was read off the photo in the project."""
    kept = project.stage_folder("scene", place.key) / GUESS_FILE
    if not project.holds(kept):
        with project.publish(kept) as temporary:
            write_guess_file(temporary, place.guess, place.people)
        project.mark_done("scene", place.key, place.depends_on)


def describe_place(project: Project, place: Place) -> None:
    """Tell what was guessed of the photo in scene.json, whose edits stay."""
    write_scene_json(project.users_file(EDITS), place.guess, place.depends_on["photo"])


def _depth(request: SceneRequest, framed: FramedPhoto) -> NDArray[np.float32] | None:
    if request.depth == NO_DEPTH:
        return None
    if request.depth is None:
        return framed.predicted_depth
    if request.depth.startswith("model:"):
        return network_depth(framed.picture, request.depth.removeprefix("model:"))
    depth = read_depth(Path(request.depth))
    height, width = depth.shape
    photo_width, photo_height = framed.photo_size
    if abs(width / height - photo_width / photo_height) > 0.02 * width / height:
        raise InputError(
            f"{request.depth}: its shape {width}x{height} is not the photo's, "
            f"{photo_width}x{photo_height}",
            "give the depth of the whole photo",
        )
    height, width = framed.picture.shape[:2]
    return _covering(depth, width, height, request.crop or MIDDLE)


def _covering(
    depth: NDArray[np.float32], width: int, height: int, centre: tuple[float, float]
) -> NDArray[np.float32]:
    """The depth map cropped as the photo is, without mixing near and far across edges."""
    window = cover_window((depth.shape[1], depth.shape[0]), (width, height), centre)
    x = (np.arange(width) + 0.5 + window.left) / window.scale
    y = (np.arange(height) + 0.5 + window.top) / window.scale
    columns = np.clip(x.astype(int), 0, depth.shape[1] - 1)
    rows = np.clip(y.astype(int), 0, depth.shape[0] - 1)
    return np.asarray(depth[np.ix_(rows, columns)])


def _depth_source(request: SceneRequest) -> str | None:
    """The depth that is asked for, else the network that is installed, None where there is none."""
    if request.depth == NO_DEPTH:
        return None
    return request.depth or find_depth_network()


def _depth_fingerprint(request: SceneRequest) -> str | None:
    source = _depth_source(request)
    if source is None or request.depth is None or source.startswith("model:"):
        return source
    return file_fingerprint(Path(source))


def scene_dependencies(
    place: Place, geometry: SceneGeometry, margins: Margins, seed: int
) -> dict[str, Any]:
    """All that the built scene depends on."""
    return {
        **place.depends_on,
        "camera_height": geometry.camera_height,
        "margins": asdict(margins),
        "seed": seed,
    }


def scene_key(depends_on: dict[str, Any]) -> str:
    """The cache key of a scene."""
    return stage_key("scene", STAGE_VERSION, depends_on)


def make_scene(place: Place, geometry: SceneGeometry, margins: Margins, seed: int) -> Scene:
    """The scene of a place on a canvas with margins."""
    return build_scene(
        place.photo,
        replace(place.guess, geometry=geometry),
        margins,
        around=place.surroundings,
        remove=place.removed,
        depth=place.depth,
        seed=seed,
    )


def cached_scene(
    project: Project, place: Place, geometry: SceneGeometry, margins: Margins, seed: int
) -> Scene:
    """The scene of a place on a canvas with margins: from the project, or built and kept there."""
    depends_on = scene_dependencies(place, geometry, margins, seed)
    key = scene_key(depends_on)
    folder = project.stage_folder("scene", key)
    if not project.is_whole("scene", key):
        _write_scene(project, folder, make_scene(place, geometry, margins, seed))
        project.mark_done("scene", key, depends_on)
    return _read_scene(folder, geometry, margins)


def _write_scene(project: Project, folder: Path, scene: Scene) -> None:
    images = {"photo.png": scene.photo}
    images |= {
        f"layer_{number}.png": eight_bits(layer.image) for number, layer in enumerate(scene.layers)
    }
    for name, image in images.items():
        with project.publish(folder / name) as temporary:
            temporary.write_bytes(encode_image(image, temporary))
    for number, layer in enumerate(scene.layers):
        with project.publish(folder / f"layer_{number}_depth.npy") as temporary:
            np.save(temporary, layer.depth)
        if layer.cards is not None:
            with project.publish(folder / f"layer_{number}_cards.npz") as temporary:
                np.savez_compressed(temporary, **asdict(layer.cards))
    state = {
        "cuts": [layer.cut for layer in scene.layers],
        "median_depth": scene.median_depth,
        "warnings": scene.warnings,
    }
    project.publish_text(folder / "layers.json", json.dumps(state, indent=1))


def _read_cards(path: Path) -> Cards | None:
    if not path.is_file():
        return None
    with open_arrays(path) as arrays:
        return Cards(arrays["index"], arrays["planes"])


def _read_scene(folder: Path, geometry: SceneGeometry, margins: Margins) -> Scene:
    state = json.loads((folder / "layers.json").read_text(encoding="utf-8"))
    layers = tuple(
        Layer(
            read_picture(folder / f"layer_{number}.png")[0],
            np.load(folder / f"layer_{number}_depth.npy"),
            cut,
            _read_cards(folder / f"layer_{number}_cards.npz"),
        )
        for number, cut in enumerate(state["cuts"])
    )
    return Scene(
        photo=read_picture(folder / "photo.png")[0],
        geometry=geometry,
        margins=margins,
        layers=layers,
        median_depth=state["median_depth"],
        warnings=tuple(state["warnings"]),
    )
