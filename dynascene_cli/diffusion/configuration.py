"""The network's one flat configuration, and the named ones."""

import json
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from dynascene_cli.errors import InputError

ReferenceGeometry = Literal["none", "tied_rays", "ray_bias", "prope"]

Latent = Literal["vae", "dct"]

LATENT_CHANNELS: dict[Latent, int] = {"vae": 4, "dct": 12}
LATENT_STRIDES: dict[Latent, int] = {"vae": 8, "dct": 4}


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that decides the network's shape; the defaults are the paper's, at full size.

    ``reference_net``, ``camera`` and ``motion`` are the switches of the paper's ablations.
    ``reference_geometry`` puts the cameras into reference attention, which the paper does not;
    its learned strength starts at ``reference_gain``, and 0 leaves pretrained weights exactly as
    they were. ``camera_blocks`` is how many ResNet and temporal-attention blocks a level of the
    camera encoder has: 1 as the paper draws it, 2 as CameraCtrl has it. ``adaptor_activation``
    lies between the camera adaptor's two linear layers: ``none`` makes them CameraCtrl's one.
    ``motion_frames`` is the longest clip that the motion modules know positions for, and
    ``motion_mid_block`` is true of AnimateDiff v2 and false of v3. ``latent`` is what pictures
    become: ``vae`` is Stable Diffusion's; ``dct`` a fixed transform of small blocks, without
    weights. ``sampled_area`` is how many pixels a picture has that nobody gave a size.

    Raises:
        InputError: the fields contradict each other.
    """

    reference_net: bool = True
    camera: bool = True
    motion: bool = True
    reference_geometry: ReferenceGeometry = "none"
    reference_gain: float = 0.0
    latent: Latent = "vae"
    sampled_area: int = 768 * 432
    camera_blocks: int = 1
    adaptor_activation: Literal["silu", "none"] = "silu"
    motion_frames: int = 32
    motion_mid_block: bool = True
    motion_heads: int = 8
    channels: tuple[int, ...] = (320, 640, 1280, 1280)
    layers_per_block: int = 2
    attention_heads: int = 8
    norm_groups: int = 32
    image_embedding: int = 768
    clip_width: int = 1024
    clip_layers: int = 24
    clip_heads: int = 16
    clip_patch: int = 14
    clip_pixels: int = 224
    vae_channels: tuple[int, ...] = (128, 256, 512, 512)
    vae_layers_per_block: int = 2
    vae_norm_groups: int = 32

    def __post_init__(self) -> None:
        if self.camera and not self.motion:
            raise InputError(
                "camera needs motion: the camera adaptors lie in the motion modules",
                "set motion = true or camera = false",
            )
        if self.reference_geometry != "none" and not self.reference_net:
            raise InputError(
                f"reference_geometry {self.reference_geometry} needs reference_net",
                'set reference_net = true or reference_geometry = "none"',
            )
        if self.camera_blocks not in (1, 2):
            raise InputError(f"camera_blocks is {self.camera_blocks}", "1 or 2")
        if self.latent == "vae" and len(self.vae_channels) != 4:
            raise InputError(f"vae_channels are {self.vae_channels}", "four: latents are 1/8 of it")

    @property
    def levels(self) -> int:
        """How many resolutions the U-Nets work at."""
        return len(self.channels)

    @property
    def latent_channels(self) -> int:
        """How many numbers a latent is."""
        return LATENT_CHANNELS[self.latent]

    @property
    def latent_stride(self) -> int:
        """Pixels of the picture that one latent covers on each side."""
        return LATENT_STRIDES[self.latent]

    @property
    def input_channels(self) -> int:
        """Noise, generate_mask (1), foreground: the order of Stable Diffusion inpainting."""
        return 2 * self.latent_channels + 1

    @property
    def smallest_side(self) -> int:
        """Pixels of which the lowest level of the U-Net is left one row."""
        return self.latent_stride * 2 ** (self.levels - 1)


FULL_SIZE = NetworkConfig()

PRESETS = {
    "dynascene": FULL_SIZE,
    "actanywhere": replace(FULL_SIZE, reference_net=False, camera=False),
    "tests-tiny": NetworkConfig(
        motion_heads=2,
        channels=(16, 32, 32, 32),
        layers_per_block=1,
        attention_heads=2,
        norm_groups=8,
        image_embedding=24,
        clip_width=16,
        clip_layers=2,
        clip_heads=2,
        clip_pixels=28,
        vae_channels=(8, 8, 16, 16),
        vae_layers_per_block=1,
        vae_norm_groups=4,
    ),
    "mini": NetworkConfig(
        reference_geometry="tied_rays",
        reference_gain=1.0,
        latent="dct",
        sampled_area=64 * 36,
        motion_heads=4,
        channels=(48, 64, 96),
        layers_per_block=1,
        attention_heads=4,
        norm_groups=16,
        image_embedding=64,
        clip_width=64,
        clip_layers=2,
        clip_heads=4,
        clip_patch=8,
        clip_pixels=32,
    ),
}
"""``dynascene``: the paper's network. ``actanywhere``: ActAnywhere's design (Pan et al. 2024), the
scene by its CLIP embedding alone and no camera. ``tests-tiny``: the paper's, a thousandth of the
size, for trying the way through. ``mini``: the paper's with cameras in reference attention, small
enough to be trained on a CPU, for tests and teaching."""


def preset(name: str) -> NetworkConfig:
    """The configuration of that name.

    Raises:
        InputError: there is none.
    """
    if name not in PRESETS:
        raise InputError(f"no network is called {name!r}", f"known: {', '.join(PRESETS)}")
    return PRESETS[name]


def parse_config(values: dict[str, Any]) -> NetworkConfig:
    """The configuration with these fields, as JSON or TOML hold them; others keep their default.

    Raises:
        InputError: a field is unknown, or its value is not of its kind; the message names it.
    """
    hints = get_type_hints(NetworkConfig)
    known: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            names = ", ".join(field.name for field in fields(NetworkConfig))
            raise InputError(f"a network has no field {name!r}", f"its fields: {names}")
        known[name] = tuple(value) if isinstance(value, list) else value
        if not _is_of_kind(known[name], hints[name]):
            raise InputError(
                f"{name} = {value!r} is not right", f"it is {_expected_kind(hints[name])}"
            )
    return NetworkConfig(**known)


def preset_with_fields(name: str, settings: list[str]) -> NetworkConfig:
    """A preset with some fields set, each ``FIELD=VALUE`` as on a command line.

    Raises:
        InputError: there is no such preset or field, or a value is not of its field's kind.
    """
    values = asdict(preset(name))
    for setting in settings:
        field_name, equals, text = setting.partition("=")
        if not equals:
            raise InputError(f"{setting!r} is not a setting", "FIELD=VALUE")
        try:
            values[field_name] = json.loads(text)
        except ValueError:
            values[field_name] = text
    return parse_config(values)


def _is_of_kind(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(type(item) is int and item > 0 for item in value)
    if hint is float:
        return type(value) in (int, float)
    return type(value) is hint and (hint is bool or value > 0)


def _expected_kind(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    kinds = {bool: "true or false", int: "a whole number above 0", float: "a number"}
    return kinds.get(hint, "a list of whole numbers above 0")
