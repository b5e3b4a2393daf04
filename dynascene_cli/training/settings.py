"""The settings of a training run: read from TOML, changed on the command line, written out."""

import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_type_hints

from dynascene_cli.diffusion.configuration import NetworkConfig
from dynascene_cli.errors import InputError, suggest
from dynascene_cli.storage.presets import presets_folder
from dynascene_cli.storage.text_files import read_toml
from dynascene_cli.training.schema import (
    Count,
    CountOrNone,
    CountRange,
    Decay,
    NotNegative,
    Positive,
    Share,
    ShareRange,
    StepRange,
    describe_kind,
    is_of_kind,
    toml_value,
)

Stage = Literal["image", "video", "single"]

STAGE_TASKS: dict[Stage, tuple[str, ...]] = {
    "image": ("outpainting", "image_variation", "image_generation"),
    "video": ("video_variation", "video_generation"),
    "single": ("video_outpainting", "video_variation", "video_generation"),
}
"""Which tasks a stage trains. The paper's are stage I, ``image``, and stage II, ``video``;
``single`` trains all weights at once on clips, with outpainting as a task of clips too."""

RANDOM = "random:"

SOURCES = ("synthetic", "manifest", "realestate")
"""Where clips come from."""


@dataclass(frozen=True)
class TrainingSettings:
    """Everything that decides a run but its stage; where the paper is silent, the default says so.

    Weights. ``base``: the checkpoint that training starts from, by its name or path, or
    ``random:PRESET`` for a network preset with random weights; ``network``: fields of the network
    that are set otherwise than there. ``lora_rank``: 0 trains the weights of the stage themselves,
    above 0 low-rank additions to them, whose strength is ``lora_alpha`` / ``lora_rank``.
    ``train_image_encoder``: the image encoder learns too; off in the paper. ``reference_anneal``:
    from the first to the second of these steps the cameras in reference attention fade out, and
    the checkpoint is a network without them (``reference_geometry`` none); [0, 0] keeps them.

    Data. Each example comes from synthetic shots, manifests or RealEstate10K folders, drawn by
    their shares of those that are there and can serve the task: RealEstate10K shows no person and
    serves variation and outpainting; filmed clips of people serve them only where the place without
    the person is known (``plates``). ``sources``: by task, the shares of ``synthetic``,
    ``manifest`` and ``realestate`` where they differ from those. ``synthetic_split``: the pool of
    textures and moves; ``synthetic_clips``: how many different shots there are, 0 = without end;
    ``synthetic_person``: the share of them with a person; ``synthetic_textures``: a folder of
    photos to paint them with, besides what is painted by formulas. Clips of a source are equally
    likely. ``bad_clips``: so many clips that cannot be read are left out and named, in a process;
    one more ends the run. ``size``: width and height of the pictures; ``frames`` of a clip (the
    paper's 24); ``fps``: the rate of synthetic shots; ``frame_stride``: of a filmed clip every k-th
    frame is taken, k drawn from this range as far as the clip is long enough (unstated in the
    paper; a render shows the network every frame up to 30 a second).

    Tasks. ``tasks``: shares of the stage's tasks by name, 1 where not named, 0 = off.
    ``outpainting_mask``: how much of the scene picture outpainting hides (the paper's 20–50 %).
    ``hole_dilation``: by how many pixels of a 768 × 432 picture the person's hole in the scene
    picture is widened (unstated; 16 is two latents); ``hole_fill``: black as in the paper's figure
    14, or the mean colour of what is left; ``hole_share``: of clips whose place without the person
    is known, how often its picture has the hole nevertheless, as filmed ones always have.
    ``scene_is_first``: how often the scene picture of a clip is its first frame, else a random one;
    the paper's camera path is told the cameras from the first frame on, and nothing of where a
    scene picture was taken from.
    ``image_cameras``: tasks of images show the cameras too; the paper has none in stage I.
    ``illumination``: how often the light of the scene picture is changed, in the tasks that
    ``illumination_tasks`` names: a third, since the paper calls it one of three tasks. Its ranges,
    unstated, are ± around no change: ``exposure`` in stops, ``contrast`` as a relative slope,
    ``colour_temperature`` in mireds, ``light_gradient`` in stops from edge to edge and
    ``local_light`` in stops at a lamp's or shadow's middle.

    Optimisation. ``batch_size`` per process, ``gradient_accumulation`` batches a step, ``steps``
    of the optimiser, ``learning_rate`` after ``warm_up`` steps, then by ``schedule`` (``cosine``
    falls to 0 at the end). ``fused``: Adam and AdamW as one kernel. ``gradient_clip``: the largest
    norm, 0 = any. ``ema``: decay of the average that is saved beside the weights, 0 = off.

    Noise. ``prediction``: what the network's output is; ``offset_noise``: the strength of noise
    that is constant over a picture (Guttenberg 2023); ``zero_terminal_snr``: the last timestep is
    pure noise (Lin et al. 2024). ``timesteps``: ``uniform``, or ``power``, where u ~ U(0, 1) is
    t/T = u^(1/``timestep_power``), later timesteps more often for powers above 1.
    ``last_timestep_share``: how often the last timestep is taken instead, from the run's start to
    its end. ``weighting``: of the loss by timestep; ``min_snr`` caps the signal-to-noise ratio at
    ``min_snr_gamma`` (Hang et al. 2023). ``conditioning_dropout``: how often scene and embedding
    are left out, for guidance.

    Machine. ``precision``: ``no`` is float32; ``compile``: torch compiles the denoiser's layers;
    ``workers``: processes that make examples, 0 = the training process itself; ``threads`` of
    torch, 0 = its own choice; ``cache_draws``: so many encoded examples are kept on disk and
    repeated, 0 = none; ``keep_latents``: latents of frames and people are kept on disk, where the
    same ones come again.

    Run. ``checkpoint_every`` steps the full state is saved; the last ``keep_last`` are kept, and
    every one whose step ``keep_every`` divides (0 = none). ``validate_every`` steps (0 = never),
    ``validation_clips`` are sampled in ``validation_steps`` from ``validation_seed``: of
    ``validation_manifests``; else held-out synthetic shots where synthetic ones are trained on, and
    otherwise of the clips that are. ``log_every`` steps the loss is told.

    Raises:
        InputError: two settings contradict each other.
    """

    base: str = "dynascene:base"
    network: dict[str, Any] = field(default_factory=dict)
    lora_rank: CountOrNone = 0
    lora_alpha: Positive = 16.0
    train_image_encoder: bool = False
    reference_anneal: StepRange = (0, 0)

    synthetic_share: NotNegative = 0.0
    synthetic_split: Literal["train", "held-out"] = "train"
    synthetic_clips: CountOrNone = 0
    synthetic_person: Share = 1.0
    synthetic_textures: str = ""
    manifests: tuple[str, ...] = ()
    manifest_share: NotNegative = 1.0
    realestate: tuple[str, ...] = ()
    realestate_share: NotNegative = 1.0
    bad_clips: CountOrNone = 0
    sources: dict[str, dict[str, NotNegative]] = field(default_factory=dict)
    size: tuple[Count, Count] = (768, 432)
    frames: Count = 24
    fps: Positive = 8.0
    frame_stride: CountRange = (1, 3)

    tasks: dict[str, NotNegative] = field(default_factory=dict)
    outpainting_mask: ShareRange = (0.2, 0.5)
    hole_dilation: NotNegative = 16.0
    hole_fill: Literal["black", "mean"] = "black"
    hole_share: Share = 0.5
    scene_is_first: Share = 0.0
    image_cameras: bool = False
    illumination: Share = 1 / 3
    illumination_tasks: tuple[str, ...] = ("video_variation", "video_generation")
    exposure: NotNegative = 1.2
    contrast: Share = 0.3
    colour_temperature: NotNegative = 80.0
    light_gradient: NotNegative = 1.0
    local_light: NotNegative = 1.0

    batch_size: Count = 1
    gradient_accumulation: Count = 1
    steps: Count = 50_000
    learning_rate: Positive = 1e-5
    warm_up: CountOrNone = 500
    schedule: Literal["constant", "cosine"] = "constant"
    optimizer: Literal["adam", "adamw", "adam8bit"] = "adam"
    fused: bool = False
    betas: tuple[Decay, Decay] = (0.9, 0.999)
    weight_decay: NotNegative = 0.0
    gradient_clip: NotNegative = 1.0
    ema: Decay = 0.0

    prediction: Literal["epsilon", "v_prediction", "sample"] = "epsilon"
    offset_noise: NotNegative = 0.0
    zero_terminal_snr: bool = False
    timesteps: Literal["uniform", "power"] = "uniform"
    timestep_power: Positive = 2.0
    last_timestep_share: tuple[Share, Share] = (0.0, 0.0)
    weighting: Literal["none", "min_snr"] = "none"
    min_snr_gamma: Positive = 5.0
    conditioning_dropout: Share = 0.1

    seed: CountOrNone = 0
    precision: Literal["no", "fp16", "bf16"] = "no"
    gradient_checkpointing: bool = False
    compile: bool = False
    workers: CountOrNone = 0
    threads: CountOrNone = 0
    cache_draws: CountOrNone = 0
    keep_latents: bool = False

    checkpoint_every: Count = 1000
    keep_last: Count = 2
    keep_every: CountOrNone = 0
    validate_every: CountOrNone = 1000
    validation_clips: Count = 4
    validation_steps: Count = 25
    validation_seed: CountOrNone = 0
    validation_manifests: tuple[str, ...] = ()
    log_every: Count = 10

    def __post_init__(self) -> None:
        tasks = sorted({task for tasks in STAGE_TASKS.values() for task in tasks})
        named = {
            "tasks": tuple(self.tasks),
            "illumination_tasks": self.illumination_tasks,
            "sources": tuple(self.sources),
        }
        for name in (source for given in self.sources.values() for source in given):
            if name not in SOURCES:
                raise InputError(f"sources: no source is called {name!r}", suggest(name, SOURCES))
        for key, names in named.items():
            for name in names:
                if name not in tasks:
                    raise InputError(f"{key}: no task is called {name!r}", suggest(name, tasks))
        network_fields = [each.name for each in fields(NetworkConfig)]
        for name in self.network:
            if name not in network_fields:
                hint = suggest(name, network_fields)
                raise InputError(f"network: a network has no field {name!r}", hint)
        if not self.synthetic_share and not self.manifests and not self.realestate:
            raise InputError(
                "there is nothing to train on",
                'set manifests = ["clips.jsonl"], realestate = ["folder"] or synthetic_share = 1',
            )
        if self.keep_latents and self.synthetic_share and not self.synthetic_clips:
            raise InputError(
                "keep_latents: synthetic shots without end never come again, and fill the disk",
                "set synthetic_clips, or synthetic_share = 0",
            )
        if self.prediction == "epsilon" and self.zero_terminal_snr:
            raise InputError(
                "zero_terminal_snr needs another prediction: pure noise says nothing in epsilon",
                'prediction = "v_prediction" or "sample"',
            )
        if self.reference_anneal[1] > self.steps:
            raise InputError(
                f"reference_anneal ends at step {self.reference_anneal[1]}, and there are "
                f"{self.steps}: the checkpoint would be neither with nor without the cameras",
                f"let it end before steps, as [0, {self.steps * 2 // 3}]",
            )
        if self.warm_up >= self.steps:
            raise InputError(
                f"warm_up = {self.warm_up} is not below steps = {self.steps}",
                f"a tenth of the steps: --set warm_up={self.steps // 10}",
            )

    def source_share(self, task: str, source: str) -> float:
        """The share of a source of clips in a task; 0 where the task takes none of it."""
        if task in self.sources:
            return self.sources[task].get(source, 0.0)
        return float(getattr(self, f"{source}_share"))

    @property
    def random_preset(self) -> str | None:
        """The network preset whose random weights training starts from; None: a checkpoint's."""
        return self.base.removeprefix(RANDOM) if self.base.startswith(RANDOM) else None


def read_settings(name_or_path: str, changes: Sequence[str] = ()) -> TrainingSettings:
    """Settings of a preset by its name, or of a TOML file, with ``KEY=VALUE`` changes applied.

    A key of a table is written ``TABLE.KEY``. Paths of manifests and RealEstate10K folders in a
    file are relative to it, those in changes to the current folder; all become absolute.

    Raises:
        InputError: the file, a key or a value is wrong; the message names it.
    """
    path = _settings_file(name_or_path)
    values = read_toml(path)
    _make_absolute(values, path.absolute().parent)
    _check_values(values, str(path))
    for change in changes:
        _apply(values, change)
    _make_absolute(values, Path.cwd())
    return parse_settings(values, "--set")


def parse_settings(values: dict[str, Any], source: str = "settings") -> TrainingSettings:
    """Settings with these values, as TOML holds them; others keep their default.

    Raises:
        InputError: a key is unknown or a value not of its kind; ``source`` begins the message.
    """
    return TrainingSettings(**_check_values(values, source))


def settings_text(settings: TrainingSettings) -> str:
    """All settings as the TOML text that reads back to them."""
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in asdict(settings).items())


def shares(settings: TrainingSettings, stage: Stage) -> dict[str, float]:
    """The stage's tasks with their shares, which sum to 1; those that are off are left out.

    Raises:
        InputError: all are off.
    """
    wanted = {task: settings.tasks.get(task, 1.0) for task in STAGE_TASKS[stage]}
    total = sum(wanted.values())
    if not total:
        raise InputError(
            f"tasks: all of stage {stage} are off", f"give one of {', '.join(wanted)} a share"
        )
    return {task: share / total for task, share in wanted.items() if share}


def _settings_file(name_or_path: str) -> Path:
    shipped = presets_folder() / "train"
    if (shipped / f"{name_or_path}.toml").is_file():
        return shipped / f"{name_or_path}.toml"
    if not Path(name_or_path).is_file():
        names = ", ".join(sorted(path.stem for path in shipped.glob("*.toml")))
        raise InputError(f"{name_or_path}: no such settings", f"a TOML file, or one of {names}")
    return Path(name_or_path)


def _check_values(values: dict[str, Any], source: str) -> dict[str, Any]:
    """The values as the settings hold them, once each is of its key's kind."""
    hints = get_type_hints(TrainingSettings, include_extras=True)
    known: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            raise InputError(f"{source}: there is no setting {key!r}", suggest(key, hints))
        known[key] = tuple(value) if isinstance(value, list) else value
        if not is_of_kind(known[key], hints[key]):
            raise InputError(
                f"{source}: {key} = {toml_value(value)} is not right",
                f"{key} is {describe_kind(hints[key])}",
            )
    return known


def _make_absolute(values: dict[str, Any], folder: Path) -> None:
    for key in ("manifests", "realestate", "validation_manifests"):
        paths = values.get(key)
        if isinstance(paths, list) and all(isinstance(path, str) for path in paths):
            values[key] = [str(folder / path) for path in paths]
    if textures := values.get("synthetic_textures"):
        values["synthetic_textures"] = str(folder / str(textures))


def _apply(values: dict[str, Any], change: str) -> None:
    """Set one ``KEY=VALUE`` or ``TABLE.KEY=VALUE``; a value that is no TOML is a text."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise InputError(f"{change!r} is not a setting", "KEY=VALUE")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    table, dot, inner = key.partition(".")
    if not dot:
        values[key] = value
    elif isinstance(values.setdefault(table, {}), dict):
        values[table] = {**values[table], inner: value}
    else:
        raise InputError(f"{change!r}: {table} is not a table", f"{table}=VALUE")
