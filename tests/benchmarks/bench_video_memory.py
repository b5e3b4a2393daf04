"""Memory and arithmetic of the public video models at full size; nothing is loaded or computed.

Makes the tables of docs/vace.md and docs/sana-wm.md:

    python tests/benchmarks/bench_video_memory.py vace-1.3b vace-14b sana-wm
"""

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
from diffusers import AutoencoderKLLTX2Video, AutoencoderKLWan, SanaWMTransformer3DModel
from diffusers.models import WanVACETransformer3DModel

from dynascene_cli.diffusion.memory_plan import MemoryPlan
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.diffusion.sana_memory import sana_memory_plan
from dynascene_cli.diffusion.sana_settings import SanaSettings, resolve_sana
from dynascene_cli.diffusion.vace_memory import vace_memory_plan
from dynascene_cli.diffusion.vace_settings import VaceSettings, resolve_vace
from dynascene_cli.diffusion.video_checkpoint import VideoCheckpoint

OFFLOAD = SamplingOptimizations(offload=True)

WAN = {
    "vace-1.3b": {"heads": 12, "ffn": 8960, "layers": 30, "every": 2},
    "vace-14b": {"heads": 40, "ffn": 13824, "layers": 40, "every": 5},
}


def save_configs(name: str, folder: Path) -> VideoCheckpoint:
    """A checkpoint's folder with the configurations of its parts and without weights."""
    with torch.device("meta"):
        if name == "sana-wm":
            transformer, vae = SanaWMTransformer3DModel(), AutoencoderKLLTX2Video()
        else:
            sizes = WAN[name]
            transformer = WanVACETransformer3DModel(
                num_attention_heads=sizes["heads"],
                attention_head_dim=128,
                in_channels=16,
                out_channels=16,
                ffn_dim=sizes["ffn"],
                num_layers=sizes["layers"],
                vace_layers=list(range(0, sizes["layers"], sizes["every"])),
                vace_in_channels=96,
            )
            vae = AutoencoderKLWan()
    transformer.save_config(folder / "transformer")
    vae.save_config(folder / "vae")
    return VideoCheckpoint(folder, name, ("transformer", "vae"), None, "")


def plan(checkpoint: VideoCheckpoint, frames: int) -> tuple[MemoryPlan, MemoryPlan]:
    """As it is, and offloaded."""
    if checkpoint.pipeline == "sana-wm":
        sana = resolve_sana(SanaSettings(), (1280, 704))
        return tuple(
            sana_memory_plan(checkpoint, each, frames)
            for each in (sana, replace(sana, optimisations=OFFLOAD))
        )
    vace = resolve_vace(VaceSettings(), (832, 480))
    return tuple(
        vace_memory_plan(checkpoint, each, frames)
        for each in (vace, replace(vace, optimisations=OFFLOAD))
    )


def main(names: list[str]) -> None:
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = save_configs(name, Path(folder))
            for frames in (24, 81):
                began = time.process_time()
                usual, offloaded = plan(checkpoint, frames)
                gpu = next(each for each in usual.devices if each.device == "cuda")
                less = next(each for each in offloaded.devices if each.device == "cuda")
                parts = (gpu.weights, gpu.activations, gpu.preparing, gpu.decoding, gpu.peak)
                print(
                    name,
                    f"{frames} frames {usual.size} window {usual.window}:",
                    *(f"{count / 1e9:.2f}" for count in parts),
                    f"offloaded {less.peak / 1e9:.2f} GB, {usual.step_tflop:.1f} TFLOP",
                    f"({time.process_time() - began:.0f} CPU-s)",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1:])
