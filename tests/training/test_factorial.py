"""Every input is used: on clips learned by heart, flipping one moves the output to that truth.

It proves use, not generalisation: two places × two opposite pans × nobody, a grey person and a red
one, and the four clips without a person from a picture of which a part is hidden.
"""

from copy import deepcopy
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from factorial_clips import FRAMES, GREY, HEIGHT, RED, WIDTH, panning_clip
from numpy.typing import NDArray
from tiny_runs import tiny_network, tiny_settings, tiny_trainer

from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.network import Network
from dynascene_cli.evaluation.held_out_shots import make_shot
from dynascene_cli.training.batches import Batch, encode_example, join_batches
from dynascene_cli.training.denoise_batch import decode_pictures, picture_from_noise
from dynascene_cli.training.loop import examples_per_step
from dynascene_cli.training.settings import TrainingSettings
from dynascene_cli.training.task_inputs import TaskInputs
from dynascene_cli.training.tasks import task_inputs

STEPS = 110
WEANING = 110
"""Steps in which the learned network loses its rays, in the first half, and goes on without."""

STRIDE = 4
PEOPLE = {"nobody": None, "grey": GREY, "red": RED}
CELLS = list(product((0, 1), (1, -1), PEOPLE))
PLACES = list(product((0, 1), (1, -1)))


def factorial_settings(**changes: object) -> TrainingSettings:
    return tiny_settings(
        size=[WIDTH, HEIGHT],
        frames=FRAMES,
        batch_size=8,
        warm_up=10,
        schedule="cosine",
        learning_rate=2e-3,
        betas=[0.9, 0.99],
        weight_decay=0.01,
        ema=0.0,
        conditioning_dropout=0.0,
        last_timestep_share=[0.7, 0.7],
        hole_fill="mean",
        illumination=0.0,
        network={
            "channels": [32, 48],
            "image_embedding": 32,
            "clip_width": 16,
            "clip_layers": 1,
            "clip_heads": 2,
        },
        **{"steps": STEPS, **changes},
    )


@pytest.fixture(scope="module")
def clips() -> list[TaskInputs]:
    settings = factorial_settings()
    inputs = [
        make_shot(panning_clip(place, pan, PEOPLE[person]), STRIDE, "none").inputs
        for place, pan, person in CELLS
    ]
    return inputs + [
        task_inputs(
            "video_outpainting",
            panning_clip(place, pan, None),
            np.random.default_rng(5),
            settings,
            STRIDE,
        )
        for place, pan in PLACES
    ]


def learn(network: Network, settings: TrainingSettings, batches: list[Batch]) -> None:
    """Go through the clips in a random order that is the same each time."""
    trainer = tiny_trainer(network, settings, "single")
    rng = np.random.default_rng(0)
    rounds = -(-settings.steps * settings.batch_size // len(batches))
    order = np.concatenate([rng.permutation(len(batches)) for _ in range(rounds)])
    for step in range(settings.steps):
        numbers = examples_per_step(settings, step)
        trainer.step(step, [(number, batches[order[number]]) for number in numbers])
    network.eval()


@pytest.fixture(scope="module")
def learned(clips) -> tuple[Network, Batch, NDArray[np.uint8], NDArray[np.uint8]]:
    """A network that knows the clips by heart; all of them, their truth, and its answers."""
    settings = factorial_settings()
    network = tiny_network(settings, "single")
    batches = [encode_example(network, example, embed=False) for example in clips]
    learn(network, settings, batches)
    everything = join_batches(batches)
    truth = np.stack([example.target for example in clips])
    return network, everything, truth, answers(network, everything)


@pytest.fixture(scope="module")
def weaned(clips, learned) -> tuple[Network, Batch, NDArray[np.uint8], NDArray[np.uint8]]:
    """That network after the rays in reference attention were taken away: the paper's kind."""
    network, everything, truth, _ = learned
    settings = factorial_settings(steps=WEANING, reference_anneal=[0, WEANING // 2])
    rayless = deepcopy(network)
    batches = [encode_example(rayless, example, embed=False) for example in clips]
    learn(rayless, settings, batches)
    plain = Network(replace(network.config, reference_geometry="none")).eval()
    plain.load_state_dict(
        {name: value for name, value in rayless.state_dict().items() if "geometry" not in name}
    )
    return plain, everything, truth, answers(plain, everything)


@torch.no_grad()
def answers(network: Network, batch: Batch) -> NDArray[np.uint8]:
    """Pictures (N, F, H, W, 3) in one step."""
    conditioning = network.condition(
        network.image_embedding(batch.scene),
        batch.reference,
        batch.views,
        batch.scene_view,
        (batch.target.shape[-2], batch.target.shape[-1]),
    )
    noise = torch.randn(batch.target.shape[1:], generator=torch.Generator().manual_seed(0))
    info = CheckpointInfo(network.config, stage="single", prediction="v_prediction")
    noises = noise.expand(batch.target.shape)
    latents = picture_from_noise(network, info, batch, conditioning, noises)
    return np.stack([decode_pictures(network, clip) for clip in latents])


def psnr(made: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    return float(10 * np.log10(255**2 / np.mean((made.astype(float) - truth) ** 2)))


def flipped(batch: Batch, partners: list[int], *parts: str) -> Batch:
    """The batch, some parts of each clip taken from its partner."""
    taken = {}
    for part in parts:
        value = getattr(batch, part)
        taken[part] = (
            Views(value.intrinsics[partners], value.extrinsics[partners])
            if isinstance(value, Views)
            else value[partners]
        )
    return replace(batch, **taken)


def partners_of(**swap: dict[object, object]) -> list[int]:
    """For every clip the one that differs from it in one thing; the last four are outpainted."""

    def other(name: str, value: object) -> object:
        return swap.get(name, {}).get(value, value)

    def partner(place: int, pan: int, person: str) -> int:
        cell = other("place", place), other("pan", pan), other("person", person)
        return CELLS.index(cell)

    outpainted = [
        len(CELLS) + PLACES.index((other("place", place), other("pan", pan)))
        for place, pan in PLACES
    ]
    return [partner(*cell) for cell in CELLS] + outpainted


def distances(learned, partners: list[int], *parts: str) -> tuple[float, float]:
    """Mean PSNR of what is made with parts flipped: to the clips' truth, and to the partners'.

    Where the two truths are the same, nothing is measured.
    """
    network, batch, truth, _ = learned
    made = answers(network, flipped(batch, partners, *parts))
    moved = [i for i, partner in enumerate(partners) if partner != i]
    differ = {i: (truth[i] != truth[partners[i]]).any(axis=-1) for i in moved}
    own = [psnr(made[i][differ[i]], truth[i][differ[i]]) for i in moved]
    others = [psnr(made[i][differ[i]], truth[partners[i]][differ[i]]) for i in moved]
    return float(np.mean(own)), float(np.mean(others))


def test_the_clips_are_learned(learned) -> None:
    _, _, truth, made = learned
    fits = [psnr(a, b) for a, b in zip(made, truth, strict=True)]
    copies = [psnr(np.repeat(clip[:1], FRAMES, axis=0), clip) for clip in truth]
    assert np.mean(fits) > 20
    assert np.mean(copies) < 14


def test_flipping_the_scene_moves_to_its_truth(learned) -> None:
    swap = partners_of(place={0: 1, 1: 0})
    own, other = distances(learned, swap, "reference", "scene")
    assert other > 19
    assert other > own + 6


def test_flipping_the_camera_moves_to_its_truth(learned) -> None:
    swap = partners_of(pan={1: -1, -1: 1})
    # The outpainted clips' scene picture is another frame, which has another camera.
    swap[len(CELLS) :] = range(len(CELLS), len(swap))
    own, other = distances(learned, swap, "views")
    assert other > 19
    assert other > own + 6


def test_weaned_of_its_rays_flipping_the_camera_still_moves_to_its_truth(weaned) -> None:
    """By the paper's own path alone: the cameras in the motion modules."""
    swap = partners_of(pan={1: -1, -1: 1})
    swap[len(CELLS) :] = range(len(CELLS), len(swap))
    own, other = distances(weaned, swap, "views")
    assert other > 19
    assert other > own + 6


def test_flipping_the_persons_picture_moves_to_its_truth(learned) -> None:
    swap = partners_of(person={"grey": "red", "red": "grey"})
    own, other = distances(learned, swap, "foreground")
    assert other > 16
    assert other > own + 6


def test_flipping_the_mask_moves_to_its_truth(learned) -> None:
    """The grey person is painted in the colour that fills the picture around a person."""
    swap = partners_of(person={"grey": "nobody", "nobody": "grey"})
    own, other = distances(learned, swap, "generate_mask")
    assert other > 16
    assert other > own + 3


def test_what_the_scene_picture_hides_is_painted_in(learned) -> None:
    """The same hole in both places: what is painted in it follows what is left of the picture."""
    _, _, truth, made = learned
    for number in range(len(CELLS), len(truth)):
        elsewhere = len(CELLS) + (number - len(CELLS) + 2) % 4
        assert psnr(made[number], truth[number]) > 19
        assert psnr(made[number], truth[number]) > psnr(made[number], truth[elsewhere]) + 6
