from dataclasses import replace

import numpy as np
import pytest
import torch
from damages import cut, emptied, flipped, replaced
from safetensors.torch import load_file
from tiny_networks import awake
from tiny_shots import PLATE_SIZE, still, tiny_shot

from dynascene_cli.diffusion.checkpoint import random_network, save_checkpoint
from dynascene_cli.diffusion.image_processor import resize_image, to_signed_tensor
from dynascene_cli.diffusion.out_of_memory import out_of_memory_as_error
from dynascene_cli.diffusion.renderer import DiffusionRenderer
from dynascene_cli.diffusion.sampled_plate import Reporter, Work
from dynascene_cli.diffusion.sampling_settings import STATE_FILE, SamplingSettings
from dynascene_cli.errors import InputError, MissingError, StageError

SMALL = SamplingSettings(steps=7, size=(88, 72))
BRIEF = replace(SMALL, steps=2)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """Random weights on disk: a folder for DDIM, a file for the samplers of few steps."""
    folder = tmp_path_factory.mktemp("checkpoints")
    network, info = random_network(seed=5)
    save_checkpoint(network, info, folder / "usual")
    fast = replace(info, stage="video", schedulers=("lcm", "dpm++"))
    save_checkpoint(network, fast, folder / "fast.safetensors")
    return folder


@pytest.fixture(scope="module")
def shot(tmp_path_factory):
    return tiny_shot(tmp_path_factory.mktemp("shot"))


def frames_of(shot, checkpoint, folder, settings=SMALL, guide=None, **others):
    folder.mkdir(exist_ok=True)
    work = Work(folder, **others)
    renderer = DiffusionRenderer(shot, str(checkpoint), work, settings, guide=guide)
    return list(renderer.frames())


def same(one, other):
    return len(one) == len(other) and all(map(np.array_equal, one, other))


def test_a_seed_gives_the_same_bytes_and_another_seed_does_not(shot, checkpoints, tmp_path):
    first = frames_of(shot, checkpoints / "usual", tmp_path / "a", BRIEF)
    assert len(first) == 5
    assert {(frame.shape, frame.dtype) for frame in first} == {((96, 160, 3), np.dtype("uint8"))}
    assert same(first, frames_of(shot, checkpoints / "usual", tmp_path / "b", BRIEF))
    other = frames_of(shot, checkpoints / "usual", tmp_path / "c", replace(BRIEF, seed=1))
    assert not any(map(np.array_equal, first, other))


def test_a_frame_alone_is_the_same_as_among_others(shot, checkpoints, tmp_path):
    renderer = DiffusionRenderer(shot, str(checkpoints / "usual"), Work(tmp_path), BRIEF)
    alone = renderer.frame(3)
    assert renderer.frame_count == 5
    assert same(list(renderer.frames(2, 4)), [renderer.frame(2), alone])


@pytest.mark.parametrize(
    ("checkpoint", "sampler"), [("usual", "ddim"), ("fast.safetensors", "lcm")]
)
def test_a_killed_render_continues_to_the_same_result(
    shot, checkpoints, tmp_path, checkpoint, sampler
):
    settings = replace(SMALL, sampler=sampler, size=(72, 64), window=4, overlap=1)
    whole = frames_of(shot, checkpoints / checkpoint, tmp_path / "whole", settings)

    def killed(done, total):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        frames_of(
            shot, checkpoints / checkpoint, tmp_path / "killed", settings, reporter=Reporter(killed)
        )
    steps = []
    reporter = Reporter(lambda done, total: steps.append((done, total)))
    again = frames_of(
        shot, checkpoints / checkpoint, tmp_path / "killed", settings, reporter=reporter
    )
    assert steps == [(6, 7), (7, 7)]
    assert same(again, whole)
    assert [file.name for file in (tmp_path / "killed").iterdir()] == [STATE_FILE]


def test_a_mini_network_samples_its_own_size_in_its_own_windows(tmp_path):
    network, info = random_network("mini", seed=5)
    for prediction in ("v_prediction", "sample"):
        info = replace(info, prediction=prediction, zero_terminal_snr=True, frames=3)
        save_checkpoint(network, info, tmp_path / "mini.safetensors")
        shot = tiny_shot(tmp_path / prediction)
        settings = SamplingSettings(steps=2)
        checkpoint = str(tmp_path / "mini.safetensors")
        guide = DrawnPlate() if prediction == "sample" else None
        renderer = DiffusionRenderer(shot, checkpoint, Work(tmp_path), settings, guide=guide)
        assert renderer.settings.size == (60, 36)
        assert (renderer.settings.window, renderer.settings.overlap) == (3, 1)
        frames = list(renderer.frames())
        assert {frame.shape for frame in frames} == {(96, 160, 3)}
        assert np.std(frames[0]) > 1


def test_the_networks_copy_of_the_person_is_covered(shot, checkpoints, tmp_path):
    plain = frames_of(shot, checkpoints / "usual", tmp_path / "plain", BRIEF)
    work = Work(tmp_path / "covered")
    work.folder.mkdir()
    covered = DiffusionRenderer(
        shot, str(checkpoints / "usual"), work, BRIEF, behind=DrawnPlate()
    ).frame(0)
    changed = (covered != plain[0]).any(axis=-1)
    # The figure is 27 pixels wide and 72 high around (68, 54), and a latent 15 wide.
    assert changed[30:80, 58:78].mean() > 0.95
    assert not changed[:, 125:].any() and not changed[:, :8].any()


def test_what_was_sampled_is_only_decoded(shot, checkpoints, tmp_path):
    whole = frames_of(shot, checkpoints / "usual", tmp_path, BRIEF)
    steps = []
    reporter = Reporter(lambda done, total: steps.append(done))
    again = frames_of(shot, checkpoints / "usual", tmp_path, BRIEF, reporter=reporter)
    assert steps == []
    assert same(again, whole)


@pytest.mark.parametrize("damage", [flipped, cut, emptied, replaced])
def test_a_damaged_state_is_told_of_and_made_again(shot, checkpoints, tmp_path, damage):
    whole = frames_of(shot, checkpoints / "usual", tmp_path, BRIEF)
    state = tmp_path / STATE_FILE
    content = state.read_bytes()
    state.write_bytes(damage(content))
    warnings = []
    reporter = Reporter(lambda done, total: None, warn=warnings.append)
    again = frames_of(shot, checkpoints / "usual", tmp_path, BRIEF, reporter=reporter)
    assert f"{state} is damaged: it is made again" in warnings
    assert same(again, whole)
    assert state.read_bytes() == content


def test_other_settings_start_anew_in_the_same_folder(shot, checkpoints, tmp_path):
    first = frames_of(shot, checkpoints / "usual", tmp_path, BRIEF)
    other = frames_of(shot, checkpoints / "usual", tmp_path, replace(BRIEF, guidance=3.0))
    assert not any(map(np.array_equal, first, other))


@pytest.mark.parametrize("size", [(72, 64), (64, 136)])
def test_sizes_that_halve_unevenly(shot, checkpoints, tmp_path, size):
    settings = SamplingSettings(steps=1, size=size)
    (frame, *_) = frames_of(shot, checkpoints / "usual", tmp_path, settings)
    assert frame.shape == (96, 160, 3)


def test_one_image_and_one_pose_give_a_still(checkpoints, tmp_path):
    shot = tiny_shot(tmp_path / "shot", frames=1)
    assert shot.clip.kind == "image"
    (frame,) = frames_of(shot, checkpoints / "usual", tmp_path / "plate", BRIEF)
    assert frame.shape == (96, 160, 3)


def test_above_thirty_frames_a_second_some_follow_the_camera(checkpoints, tmp_path):
    shot = tiny_shot(tmp_path / "shot", frames=6, rate=60)
    said = []
    renderer = DiffusionRenderer(
        shot, str(checkpoints / "usual"), Work(tmp_path, Reporter(say=said.append)), BRIEF
    )
    made = list(renderer.frames())
    assert said == ["4 of 6 frames are sampled; those between follow the camera"]
    assert np.array_equal(made[3], renderer.frame(3))
    between = made[0].astype(float), made[2].astype(float)
    inside = slice(10, -10), slice(20, -20)
    assert np.abs(made[1] - sum(between) / 2)[inside].mean() < np.abs(
        between[0] - between[1]
    )[inside].mean()  # fmt: skip


def test_the_camera_the_person_and_the_scene_are_seen(shot, checkpoints, tmp_path):
    """What starts at zero would hide the camera."""
    network, info = random_network(seed=5)
    save_checkpoint(awake(network), info, tmp_path / "awake")
    one_step = replace(SMALL, steps=1)
    whole = frames_of(shot, tmp_path / "awake", tmp_path / "a", one_step)
    scene = replace(shot.scene, photo=255 - shot.scene.photo)
    aside = shot.placement.clip_to_frame + np.array([0.0, 0.0, 24.0])
    moved = replace(shot.placement, clip_to_frame=aside)
    changed = still(shot), replace(shot, scene=scene), replace(shot, placement=moved)
    for index, other in enumerate(changed):
        made = frames_of(other, tmp_path / "awake", tmp_path / f"b{index}", one_step)
        assert not same(whole, made)


class DrawnPlate:
    """A guide of stripes that move."""

    def frame(self, index):
        x = np.arange(PLATE_SIZE[0])
        stripes = np.where((x + 5 * index) // 20 % 2, 230, 20).astype(np.uint8)
        return np.broadcast_to(stripes[:, None], (*PLATE_SIZE[::-1], 3)).copy()


def test_a_guide_is_where_sampling_starts(shot, checkpoints, tmp_path):
    settings = replace(SMALL, strength=0.02, steps=50)
    steps = []
    frames_of(
        shot,
        checkpoints / "usual",
        tmp_path / "guided",
        settings,
        guide=DrawnPlate(),
        reporter=Reporter(lambda done, total: steps.append((done, total))),
    )
    assert steps == [(50, 50)]
    network, _ = random_network(seed=5)
    frames_of(shot, checkpoints / "usual", tmp_path / "unguided", BRIEF)
    made, unguided = (
        load_file(tmp_path / folder / STATE_FILE)["latents"] for folder in ("guided", "unguided")
    )
    for index in range(made.shape[2]):
        with torch.no_grad():
            start = network.encode(
                to_signed_tensor(resize_image(DrawnPlate().frame(index), *SMALL.size))
            )
        assert (made[:, :, index] - start).abs().mean() < 0.06
        assert (unguided[:, :, index] - start).abs().mean() > 0.5


def test_without_a_gpu_the_time_is_told(shot, checkpoints, tmp_path):
    warned = []
    frames_of(
        shot,
        checkpoints / "usual",
        tmp_path,
        BRIEF,
        device="cpu",
        reporter=Reporter(warn=warned.append),
    )
    (message,) = warned
    assert message.startswith("without a GPU, sampling 5 frames of 88x72 in 2 steps takes about ")
    assert "--renderer projection" in message


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told(shot, checkpoints, tmp_path):
    usual = str(checkpoints / "usual")
    with pytest.raises(MissingError, match="finds no GPU"):
        DiffusionRenderer(shot, usual, Work(tmp_path, device="cuda"))
    with pytest.raises(InputError, match="knows no device 'abacus'"):
        DiffusionRenderer(shot, usual, Work(tmp_path, device="abacus"))


def test_out_of_memory_names_what_takes_half(shot, checkpoints, tmp_path):
    burden = DiffusionRenderer(shot, "tests-tiny", Work(tmp_path)).burden
    told = "24 frames of 744x448 together do not fit"
    with pytest.raises(StageError, match=told) as raised, out_of_memory_as_error(burden):
        torch.empty(1 << 47, dtype=torch.uint8)
    assert "--sample-size 528x320" in raised.value.hint
    assert "--window 12" in raised.value.hint
    with pytest.raises(RuntimeError, match="another"), out_of_memory_as_error(burden):
        raise RuntimeError("another")


def test_parts_that_do_not_belong_together_are_told(shot, checkpoints, tmp_path):
    short = replace(shot.path, extrinsics=shot.path.extrinsics[:4])
    with pytest.raises(InputError, match="the camera 4, the placement 5"):
        DiffusionRenderer(replace(shot, path=short), "tests-tiny", Work(tmp_path))


def test_checkpoints_that_cannot_be_used_are_told(shot, checkpoints, tmp_path, monkeypatch):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingError) as raised:
        DiffusionRenderer(shot, "dynascene", Work(tmp_path))
    for command in ("models add", "models assemble", "dynascene train"):
        assert command in raised.value.hint
    with pytest.raises(InputError, match="not trained for the sampler lcm"):
        wrong = replace(SMALL, sampler="lcm")
        DiffusionRenderer(shot, str(checkpoints / "usual"), Work(tmp_path), wrong)
    network, info = random_network()
    other = replace(info, config=replace(info.config, camera_blocks=2))
    save_checkpoint(network, other, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="weights of another architecture"):
        DiffusionRenderer(shot, str(tmp_path / "other.safetensors"), Work(tmp_path), SMALL).frame(0)
