"""The drawn pictures are what their script draws, and show the rooms that import-linter holds."""

import runpy
import tomllib

from pages import TOP

IMAGES = TOP / "docs" / "images"
SCRIPT = runpy.run_path(str(IMAGES / "house.py"))


def test_the_pictures_are_as_the_script_draws_them():
    for name in ("house", "render"):
        assert (IMAGES / f"{name}.svg").read_text() == SCRIPT[name]().svg()


def test_the_rooms_are_those_of_the_import_contract():
    settings = tomllib.loads((TOP / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [layer.split(" | ") for layer in settings["contracts"][0]["layers"]]
    drawn = [list(rooms) for rooms in SCRIPT["LEVELS"][:-1]]
    drawn += [[name] for name in SCRIPT["LEVELS"][-1][0].split(" · ")]
    assert [["app"], *drawn] == layers
