"""The options of sampling a background with a diffusion network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from dynascene_cli.commands.option_values import parse_picture_size

if TYPE_CHECKING:
    from dynascene_cli.pipeline.request import SamplingRequest


@dataclass(frozen=True)
class NetworkOptions:
    """Painting the background with a diffusion network."""

    PANEL: ClassVar[str] = "Sampling with a network"

    renderer: Annotated[
        Literal["auto", "projection", "dynascene", "vace", "sana-wm"],
        typer.Option(
            "--renderer",
            help="What paints the background: projection (geometry, no weights), vace (projection, "
            "and Wan-VACE fills in what it does not show), sana-wm (SANA-WM takes its first frame "
            "along the camera path), the dynascene network, or auto: the network whose checkpoint "
            "is given, else the dynascene network or vace where its weights and a GPU are "
            "there, else projection.",
        ),
    ] = "auto"
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", help="Weights of the network: a name or a path."),
    ] = None
    sampler: Annotated[
        Literal["ddim", "dpm++", "lcm"] | None,
        typer.Option("--sampler", help="Sampling method [default: the checkpoint's first]."),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Number of sampling steps [default: the sampler's usual]."),
    ] = None
    guidance: Annotated[
        float | None,
        typer.Option(
            "--guidance",
            help="Guidance scale: above 1 follows the photo (with vace and sana-wm, the prompt) "
            "more closely, in twice the time [default: 1; 5 for vace and sana-wm].",
        ),
    ] = None
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            help="What the picture shows, for vace and sana-wm [default: a real place].",
        ),
    ] = None
    repaint: Annotated[
        Literal["unseen", "background"] | None,
        typer.Option(
            "--repaint",
            help="What vace generates: what the photo does not show and a rim round the person, "
            "or the whole background [default: unseen].",
        ),
    ] = None
    conditioning_scale: Annotated[
        float | None,
        typer.Option(
            "--conditioning-scale",
            help="How strictly vace follows the projected background: above 0, up to 2 "
            "[default: 1].",
        ),
    ] = None
    translation_scale: Annotated[
        float | None,
        typer.Option(
            "--translation-scale",
            help="How many units of sana-wm the scene's median depth is; its authors do not "
            "state the unit [default: 1].",
        ),
    ] = None
    no_reinsert: Annotated[
        bool,
        typer.Option("--no-reinsert", help="Do not put the person back at every step of sana-wm."),
    ] = False
    sample_size: Annotated[
        str | None,
        typer.Option(
            "--sample-size",
            metavar="WxH",
            help="Size at which the network samples, in pixels [default: near its training size].",
        ),
    ] = None
    window: Annotated[
        int | None,
        typer.Option(
            "--window",
            help="Number of frames that are denoised together [default: the checkpoint's].",
        ),
    ] = None
    guide: Annotated[
        Literal["projection"] | None,
        typer.Option("--guide", help="Start sampling from the projected background."),
    ] = None
    guide_strength: Annotated[
        float,
        typer.Option(
            "--guide-strength",
            help="How much of the guide is repainted: above 0, up to 1 for all of it.",
        ),
    ] = 0.6
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"] | None,
        typer.Option(
            "--precision",
            help="Number format of the weights [default: on a GPU float16, or bfloat16 for vace "
            "and sana-wm; else float32].",
        ),
    ] = None
    reuse_deep: Annotated[
        int,
        typer.Option(
            "--reuse-deep",
            metavar="K",
            help="Compute the whole network only every K-th step: faster, less exact.",
        ),
    ] = 1
    vae_tile: Annotated[
        int | None,
        typer.Option(
            "--vae-tile", metavar="PIXELS", help="Decode in tiles of this size, to save memory."
        ),
    ] = None
    channels_last: Annotated[
        bool,
        typer.Option(
            "--channels-last", help="Store convolutions channels-last; faster on some GPUs."
        ),
    ] = False
    compiled: Annotated[
        bool,
        typer.Option("--compile", help="Compile the network: minutes at the start, then faster."),
    ] = False
    offload: Annotated[
        bool,
        typer.Option(
            "--offload", help="Keep the weights in main memory, for GPUs of 8 GB; slower."
        ),
    ] = False
    preview_every: Annotated[
        int,
        typer.Option(
            "--preview-every",
            metavar="N",
            help="Write a contact sheet every N steps; 0 writes none.",
            min=0,
        ),
    ] = 0
    memory_plan: Annotated[
        bool,
        typer.Option(
            "--memory-plan",
            help="Print how much memory sampling would take, and stop.",
        ),
    ] = False

    def request(self) -> "SamplingRequest":
        """What these options ask of sampling."""
        from dynascene_cli.diffusion.optimisations import SamplingOptimizations
        from dynascene_cli.pipeline.request import SamplingRequest

        size = self.sample_size
        return SamplingRequest(
            checkpoint=self.checkpoint,
            sampler=self.sampler,
            steps=self.steps,
            guidance=self.guidance,
            prompt=self.prompt,
            repaint=self.repaint,
            conditioning_scale=self.conditioning_scale,
            translation_scale=self.translation_scale,
            no_reinsert=self.no_reinsert,
            size=None if size is None else parse_picture_size(size, "--sample-size"),
            window=self.window,
            guided=self.guide is not None,
            strength=self.guide_strength,
            optimisations=SamplingOptimizations(
                precision=self.precision,
                reuse_deep=self.reuse_deep,
                vae_tile=self.vae_tile,
                channels_last=self.channels_last,
                compiled=self.compiled,
                offload=self.offload,
            ),
            preview_every=self.preview_every,
        )
