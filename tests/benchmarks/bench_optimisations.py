"""What sampling by a network that has learned loses to each optimisation, on held-out shots.

    python tests/benchmarks/bench_optimisations.py [CHECKPOINT] [SHOTS] [STEPS]

Means in dB over the shots' backgrounds: PSNR to the pictures that the same noise gives without the
optimisation, and to the truth, after so many steps of DDIM.
"""

import sys
from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch

from dynascene_cli.diffusion.apply_optimisations import DTYPES
from dynascene_cli.diffusion.checkpoint import open_checkpoint
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.network import Network
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.diffusion.pipeline import DynascenePipeline, EncodedShot
from dynascene_cli.diffusion.sampling import make_sampler
from dynascene_cli.diffusion.sampling_settings import SamplingSettings, resolve_sampling
from dynascene_cli.evaluation.held_out_shots import HeldOutShot, held_out_shots
from dynascene_cli.evaluation.metrics import Pictures, psnr, squared_error
from dynascene_cli.training.batches import encode_example

SIZE, FRAMES = (64, 36), 8
CHOICES = {
    "nothing given up": SamplingOptimizations(),
    "--precision bfloat16": SamplingOptimizations(precision="bfloat16"),
    "--reuse-deep 2": SamplingOptimizations(reuse_deep=2),
    "--reuse-deep 3": SamplingOptimizations(reuse_deep=3),
    "--reuse-deep 5": SamplingOptimizations(reuse_deep=5),
}


@torch.no_grad()
def encoded_shot(network: Network, shot: HeldOutShot) -> EncodedShot:
    """What the network is shown of a held-out shot."""
    batch = encode_example(network, shot.inputs)
    assert batch.views is not None and batch.scene_view is not None
    return EncodedShot(
        embedding=batch.scene,
        reference=batch.reference,
        generate_mask=batch.generate_mask,
        foreground=batch.foreground,
        views=batch.views,
        scene_view=batch.scene_view,
    )


def pictures(
    network: Network,
    info: CheckpointInfo,
    shots: Sequence[EncodedShot],
    steps: int,
    optimisations: SamplingOptimizations,
) -> list[Pictures]:
    """The frames (F, H, W, 3) of each shot, from the same noise whatever the optimisations."""
    settings = SamplingSettings(steps=steps, size=SIZE, window=FRAMES, optimisations=optimisations)
    copied = deepcopy(network).to(DTYPES[optimisations.precision or "float32"])
    sampler = make_sampler("ddim", steps, info.prediction, info.zero_terminal_snr)
    pipeline = DynascenePipeline(copied, sampler).optimise(optimisations, torch.device("cpu"))
    chosen = resolve_sampling(settings, info, SIZE)
    return [np.stack(list(pipeline.decode(pipeline.sample(shot, chosen)))) for shot in shots]


def mean_psnr(
    made: Sequence[Pictures], wanted: Sequence[Pictures], shots: Sequence[HeldOutShot]
) -> float:
    """Over the backgrounds of the shots."""
    errors = [
        squared_error(mine, theirs, shot.background)
        for mine, theirs, shot in zip(made, wanted, shots, strict=True)
    ]
    return float(np.mean(psnr(errors)))


def main(name: str = "mini", count: int = 8, steps: int = 25) -> None:
    network, info = open_checkpoint(name)
    shots = list(held_out_shots(count, SIZE, FRAMES, network.config.latent_stride))
    shown = [encoded_shot(network, shot) for shot in shots]
    truth = [shot.inputs.target for shot in shots]
    exact: list[Pictures] = []
    for told, optimisations in CHOICES.items():
        made = pictures(network, info, shown, steps, optimisations)
        exact = exact or made
        to_exact = "" if made is exact else f"{mean_psnr(made, exact, shots):.1f} dB to that, "
        print(f"{told}: {to_exact}{mean_psnr(made, truth, shots):.2f} dB to the truth", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:2], *(int(number) for number in sys.argv[2:]))
