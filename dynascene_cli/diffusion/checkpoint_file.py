"""What a checkpoint says of itself, read without torch.

A checkpoint is one safetensors file with metadata, or a folder of ``checkpoint.json`` and one
safetensors file a network.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from dynascene_cli.diffusion.configuration import NetworkConfig, parse_config
from dynascene_cli.errors import InputError
from dynascene_cli.storage.text_files import parse_json, read_text

Prediction = Literal["epsilon", "v_prediction", "sample"]

FORMAT = 1
METADATA_KEY = "dynascene"
FOLDER_INFO = "checkpoint.json"
NETWORKS = ("denoiser", "reference_net", "camera_encoder", "image_encoder", "vae")


@dataclass(frozen=True)
class CheckpointInfo:
    """Where a checkpoint comes from.

    ``stage`` is ``base`` for assembled weights, ``random`` for none, else the stage of training
    that ended with it after ``steps`` steps on ``data``. ``base`` maps the files that it began
    with to their SHA-256. ``schedulers`` are those that it was trained for. ``prediction`` is what
    the network gives at a step: the noise, the picture without it (``sample``), or
    √ᾱ·noise − √(1 − ᾱ)·sample (``v_prediction``); under ``zero_terminal_snr`` nothing of the
    picture is left at the last timestep. ``frames`` is how long the clips of training were.

    Raises:
        InputError: noise is predicted where there is nothing else: that tells nothing.
    """

    config: NetworkConfig
    stage: str
    steps: int = 0
    data: str = ""
    licence: str = ""
    base: dict[str, str] = field(default_factory=dict)
    schedulers: tuple[str, ...] = ("ddim",)
    prediction: Prediction = "epsilon"
    zero_terminal_snr: bool = False
    frames: int = 24

    def __post_init__(self) -> None:
        if self.prediction not in get_args(Prediction):
            raise InputError(
                f"a network that predicts {self.prediction!r} is not known",
                " or ".join(get_args(Prediction)),
            )
        if self.zero_terminal_snr and self.prediction == "epsilon":
            raise InputError(
                "under zero_terminal_snr the noise of the last timestep tells nothing of a picture",
                "train it with v_prediction or sample",
            )

    def to_json(self) -> str:
        """The JSON text that ``parse_info`` reads."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)

    @property
    def networks(self) -> tuple[str, ...]:
        """The names of the networks that such a checkpoint holds."""
        held = {
            "reference_net": self.config.reference_net,
            "camera_encoder": self.config.camera,
            "vae": self.config.latent == "vae",
        }
        return tuple(name for name in NETWORKS if held.get(name, True))


def parse_info(text: str, where: Path) -> CheckpointInfo:
    """What ``checkpoint.json`` or a file's metadata says.

    Raises:
        InputError: the text is not that of a checkpoint, or of a later version's.
    """
    try:
        values = parse_json(text, str(where))
        _check_version(values.pop("format"), where)
        values.pop("files", None)
        values["config"] = parse_config(values["config"])
        values["schedulers"] = tuple(values.get("schedulers", ("ddim",)))
        return CheckpointInfo(**values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{where} is not described as a checkpoint is ({error})",
            "a checkpoint is what `dynascene models assemble` or `dynascene train` wrote",
        ) from error


def _check_version(version: object, where: Path) -> None:
    if version != FORMAT:
        raise InputError(
            f"{where} is of checkpoint format {version}; this version reads {FORMAT}",
            "install a version of dynascene that is as new as the checkpoint",
        )


def read_info(path: Path) -> CheckpointInfo:
    """What a checkpoint says of itself; its files are found to be there and whole.

    Raises:
        InputError: the path is no checkpoint, or one of its files is missing, cut short, or a link
            that leads out of its folder.
    """
    if path.is_dir():
        described = path / FOLDER_INFO
        if not described.is_file():
            raise InputError(
                f"{path} is no checkpoint: it has no {FOLDER_INFO}", "give its folder or file"
            )
        _check_inside(described, path)
        info = parse_info(read_text(described, "JSON text"), described)
        for name in info.networks:
            _check_inside(path / f"{name}.safetensors", path)
            safetensors_header(path / f"{name}.safetensors")
        return info
    metadata = safetensors_header(path).get("__metadata__", {})
    if METADATA_KEY not in metadata:
        raise InputError(
            f"{path} is no checkpoint of this program: its metadata does not say {METADATA_KEY!r}",
            "dynascene models assemble makes one from base weights",
        )
    return parse_info(metadata[METADATA_KEY], path)


def _check_inside(file: Path, folder: Path) -> None:
    if not file.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{file} is a link that leads out of its folder", "put the file there")


def safetensors_header(path: Path) -> dict[str, Any]:
    """The header of a safetensors file: entries with dtype, shape and data_offsets by name.

    Raises:
        InputError: there is no such file, it is of another kind, or it is cut short.
    """
    if not path.is_file():
        raise InputError(f"{path} is no file", "give the path of a checkpoint")
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        text = stream.read(length) if length < size else b""
    try:
        header = json.loads(text)
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key[:2] != "__"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path} is no safetensors file, or was cut short", "get it again, or give another"
        ) from error
    whole = 8 + length + max(ends, default=0)
    if size < whole:
        raise InputError(
            f"{path} was cut short: it has {size} of {whole} bytes",
            "get it again: dynascene models pull continues a download",
        )
    return dict(header)
