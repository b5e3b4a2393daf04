"""A shore at the photo's edge goes on beyond it: no sea is mirrored behind the sand."""

import numpy as np

from dynascene_cli.scene import build_scene, guess_geometry
from dynascene_cli.scene.ade20k import NAMES
from dynascene_cli.scene.labels import SceneLabels
from dynascene_cli.scene.outpainting import NEITHER, SHORE, WATER, kinds_aside
from dynascene_cli.scene.patchmatch import ANY_KIND
from dynascene_cli.shot import Image, Margins

HEIGHT, WIDTH, HORIZON, STRIP = 144, 256, 60, 40
SAND, SEA, SKY = (200, 160, 110), (90, 120, 140), (220, 225, 230)
MARGINS = Margins(left=64, right=32, bottom=16)


def beach() -> tuple[Image, SceneLabels]:
    """A narrow strip of sand at the left, with the sea to its right, and what is where."""
    photo = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    classes = np.empty((HEIGHT, WIDTH), np.uint8)
    for part, colour, name in (
        (np.s_[:HORIZON], SKY, "sky"),
        (np.s_[HORIZON:, :STRIP], SAND, "sand"),
        (np.s_[HORIZON:, STRIP:], SEA, "sea"),
    ):
        photo[part], classes[part] = colour, NAMES.index(name)
    noise = np.random.default_rng(0).integers(-8, 9, photo.shape)
    photo = np.clip(photo + noise, 0, 255).astype(np.uint8)
    return photo, SceneLabels(classes, np.ones((36, 64), np.float32))


def test_beside_the_sand_lies_sand_and_beside_the_sea_sea() -> None:
    photo, labels = beach()
    guess = guess_geometry(photo, labels=labels, horizon=HORIZON / HEIGHT)
    scene = build_scene(photo, guess, MARGINS)
    image = scene.layers[0].image.astype(int)
    ground = image[HORIZON + 4 : HEIGHT]
    for aside, own, other in ((ground[:, :60], SAND, SEA), (ground[:, -28:], SEA, SAND)):
        near, far = (np.abs(aside - np.array(colour)).sum(axis=-1) for colour in (own, other))
        assert (near < far).mean() > 0.99


def test_kinds_are_asked_for_beside_the_photo_alone() -> None:
    photo, labels = beach()
    guess = guess_geometry(photo, labels=labels, horizon=HORIZON / HEIGHT)
    hole = np.pad(np.zeros(photo.shape[:2], bool), MARGINS.sides, constant_values=True)
    kinds = kinds_aside(guess, hole, MARGINS)
    assert kinds is not None
    inner = kinds[:HEIGHT, MARGINS.left : -MARGINS.right]
    assert (inner[:HORIZON] == NEITHER).all()
    assert (inner[HORIZON:, :STRIP] == SHORE).all()
    assert (kinds[HORIZON:, : MARGINS.left] == SHORE).all()
    assert (kinds[HORIZON:, -MARGINS.right :] == WATER).all()
    assert (kinds[:HORIZON, : MARGINS.left] == ANY_KIND).all()
    assert (kinds[HEIGHT:, MARGINS.left : -MARGINS.right] == ANY_KIND).all()


def test_a_photo_without_water_is_filled_with_whatever_suits() -> None:
    photo, labels = beach()
    classes = np.where(labels.classes == NAMES.index("sea"), NAMES.index("grass"), labels.classes)
    dry = SceneLabels(classes.astype(np.uint8), labels.certainty)
    guess = guess_geometry(photo, labels=dry, horizon=HORIZON / HEIGHT)
    hole = np.pad(np.zeros(photo.shape[:2], bool), MARGINS.sides, constant_values=True)
    assert kinds_aside(guess, hole, MARGINS) is None
