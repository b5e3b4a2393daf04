"""What is directed on the page, as the options of ``render``."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from dynascene_cli.errors import InputError
from dynascene_cli.pipeline.request import DEFAULT_PERSON_HEIGHT, Click, RenderRequest, Shadow
from dynascene_cli.shot import Relight
from dynascene_cli.storage.text_files import read_json

Pair = tuple[float, float]

_RANGES = {
    "move_strength": (-10.0, 10.0),
    "horizon": (-2.0, 3.0),
    "camera_height": (0.05, 500.0),
    "person_height": (0.3, 3.0),
}
MOST_CLICKS = 32
SCENE_FIELDS = ("horizon", "camera_height")
"""What is handed to ``render`` in a scene.json."""
_SHADOWS = get_args(Shadow)
_RELIGHTS = get_args(Relight)


@dataclass(frozen=True)
class ShotSettings:
    """The options of ``render`` that the page sets; None leaves one to the program.

    ``position`` is a fraction of the picture, ``horizon`` one of its height, ``sun`` azimuth and
    elevation in degrees; ``camera_height`` and ``person_height`` are metres; ``clicks`` are the
    things pointed at for the matte.
    """

    camera: str = "static"
    move_strength: float = 1.0
    position: Pair | None = None
    horizon: float | None = None
    camera_height: float | None = None
    person_height: float = DEFAULT_PERSON_HEIGHT
    shadow: Shadow = "auto"
    sun: Pair | None = None
    relight: Literal["off", "scene", "person"] | None = None
    clicks: tuple[Click, ...] = ()

    @property
    def words(self) -> list[str]:
        """The options on the command line of ``render``, but for what scene.json holds."""
        words = ["--camera", self.camera]
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in ("camera", "clicks", *SCENE_FIELDS) or value == field.default:
                continue
            text = ",".join(_short(part) for part in value) if isinstance(value, tuple) else value
            shown = _short(text) if isinstance(text, float) else str(text)
            words.append(f"--{field.name.replace('_', '-')}={shown}")
        for click in self.clicks:
            sign = "" if click.adds else "-"
            words.append(f"--click={sign}{click.time},{click.x},{click.y}")
        return words

    @property
    def scene_edits(self) -> dict[str, float]:
        """What is corrected of the photo's geometry, named as scene.json's edits are."""
        values = {name: getattr(self, name) for name in SCENE_FIELDS}
        return {name: value for name, value in values.items() if value is not None}

    def as_json(self) -> dict[str, Any]:
        """The settings for the page."""
        return asdict(self)

    def applied_to(self, request: RenderRequest) -> RenderRequest:
        """The request with these settings."""
        scene = replace(
            request.scene, horizon=self.horizon, camera_height=self.camera_height, preview=None
        )
        return replace(
            request,
            scene=scene,
            camera=self.camera,
            move_strength=self.move_strength,
            position=self.position,
            person_height=self.person_height,
            shadow=self.shadow,
            sun=self.sun,
            relight=self.relight,
        )


def settings_from(document: object) -> ShotSettings:
    """The settings in a JSON object; what it leaves out has its default.

    Raises:
        InputError: a key is unknown, or a value is none that the option takes.
    """
    if not isinstance(document, Mapping):
        raise InputError("the settings are no JSON object", "reload the page")
    names = {field.name: field.default for field in fields(ShotSettings)}
    for key in document:
        if key not in names:
            raise InputError(f"unknown setting {key!r}", f"one of {', '.join(names)}")
    values = {key: _checked(key, value) for key, value in document.items()}
    return ShotSettings(**values)


def _checked(key: str, value: Any) -> Any:
    if key == "clicks":
        if not isinstance(value, list) or len(value) > MOST_CLICKS:
            raise InputError(f"clicks is {value!r}"[:200], f"a list of at most {MOST_CLICKS}")
        return tuple(_click(each) for each in value)
    if value is None and key in ("position", "horizon", "camera_height", "sun", "relight"):
        return None
    if key in _RANGES:
        least, most = _RANGES[key]
        return _number(key, value, least, most)
    if key in ("position", "sun"):
        pair = value if isinstance(value, list | tuple) and len(value) == 2 else (None, None)
        limits = ((-1.0, 2.0),) * 2 if key == "position" else ((-360.0, 720.0), (1.0, 90.0))
        both = zip(pair, limits, strict=True)
        return tuple(_number(key, part, *limit) for part, limit in both)
    choices = {"shadow": _SHADOWS, "relight": _RELIGHTS}.get(key)
    is_text = isinstance(value, str) and value.strip() and value.isprintable()
    if not is_text or (choices and value not in choices):
        raise InputError(f"{key} is {value!r}"[:200], f"one of {', '.join(choices or ('a text',))}")
    return value


def _click(value: Any) -> Click:
    if not isinstance(value, Mapping) or {*value} != {"time", "x", "y", "adds"}:
        raise InputError(f"a click is {value!r}"[:200], "an object of time, x, y and adds")
    if not isinstance(value["adds"], bool):
        raise InputError(f"adds of a click is {value['adds']!r}"[:200], "true or false")
    time = _number("time of a click", value["time"], 0, 99999)
    x, y = (_number(f"{key} of a click", value[key], 0, 0.9999) for key in "xy")
    return Click(time, x, y, value["adds"])


def _number(key: str, value: Any, least: float, most: float) -> float:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_one or not least <= value <= most:
        raise InputError(f"{key} is {value!r}"[:200], f"a number from {least:g} to {most:g}")
    return round(float(value), 4)


def _short(value: float) -> str:
    return f"{value:g}"


def kept_settings(path: Path) -> ShotSettings:
    """The settings that an earlier session left in a file; the defaults where there are none."""
    if not path.exists():
        return ShotSettings()
    try:
        return settings_from(read_json(path))
    except InputError:
        return ShotSettings()
