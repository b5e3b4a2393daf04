import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_networks import awake, inputs, moving_views, seeded, tiny

from dynascene_cli.diffusion.camera_rays import Views
from dynascene_cli.diffusion.checkpoint import random_network, save_checkpoint
from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.person_input import foreground_frame
from dynascene_cli.diffusion.pipeline import DynascenePipeline, EncodedShot
from dynascene_cli.diffusion.sampling import (
    denoise,
    initial_state,
    make_sampler,
    predict_clean,
    signal_shares,
)
from dynascene_cli.diffusion.sampling_settings import (
    ResolvedSampling,
    SamplingSettings,
    checkpoint_facts,
    resolve_sampling,
)
from dynascene_cli.diffusion.sampling_state import SamplingState, load_state, save_state
from dynascene_cli.errors import InputError, MissingError

SAMPLERS = ("ddim", "dpm++", "lcm")
SHAPE = (1, 4, 2, 4, 6)


def of(info_fields=None, **fields) -> ResolvedSampling:
    info = CheckpointInfo(tiny(), stage="video", **(info_fields or {}))
    return resolve_sampling(SamplingSettings(**fields), info, (768, 432))


def encoded(seed: int = 1) -> EncodedShot:
    given = inputs(seed=seed)
    return EncodedShot(
        given.embedding,
        given.reference,
        given.generate_mask,
        given.foreground,
        given.views,
        given.scene_view,
    )


def pointing_at(target: torch.Tensor, zero_terminal_snr: bool = False, prediction="epsilon"):
    """What an ideal network would predict of latents that hide ``target`` at a timestep."""
    kept = signal_shares(zero_terminal_snr)

    def predict(latents, timestep):
        signal, hidden = kept[timestep].sqrt(), (1 - kept[timestep]).sqrt()
        noise = (latents - signal * target) / hidden
        return {
            "epsilon": noise,
            "sample": target,
            "v_prediction": signal * noise - hidden * target,
        }[prediction]

    return predict


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("steps", [1, 4, 50])
def test_an_ideal_network_leads_to_its_target(sampler, steps):
    target = torch.linspace(-1, 1, 192).reshape(SHAPE)
    scheduler = make_sampler(sampler, steps)
    state = initial_state(scheduler, SHAPE, seed=0)
    made = denoise(pointing_at(target), scheduler, state)
    assert torch.allclose(made, target, atol=0.02)


def swayed(target: torch.Tensor, prediction: str):
    """A network that believes what it is shown as much as its ``target``."""

    def predict(latents, timestep):
        believed = 0.5 * target + 0.5 * torch.tanh(latents)
        return pointing_at(believed, prediction=prediction)(latents, timestep)

    return predict


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
@pytest.mark.parametrize("guided", [False, True])
def test_what_is_predicted_makes_no_difference(sampler, prediction, guided):
    target = torch.linspace(-1, 1, 192).reshape(SHAPE)
    made = []
    for each in ("epsilon", prediction):
        scheduler = make_sampler(sampler, 6, prediction)
        scheduler.register_to_config(prediction_type=each)
        guide = -target if guided else None
        state = initial_state(scheduler, SHAPE, seed=0, guide=guide, strength=0.7)
        made.append(denoise(swayed(target, each), scheduler, state))
    assert (made[0] - target).abs().max() > 0.1
    assert torch.allclose(*made, atol=1e-3)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
@pytest.mark.parametrize("steps", [1, 5, 50])
def test_sampling_begins_where_nothing_is_left_of_the_picture(sampler, prediction, steps):
    target = torch.linspace(-1, 1, 192).reshape(SHAPE)
    scheduler = make_sampler(sampler, steps, prediction, zero_terminal_snr=True)
    assert scheduler.timesteps[0] == 999
    assert signal_shares(True)[999] == 0
    assert torch.allclose(scheduler.alphas_cumprod, signal_shares(True), atol=1e-6)
    state = initial_state(scheduler, SHAPE, seed=0)
    made = denoise(pointing_at(target, True, prediction), scheduler, state)
    assert made.isfinite().all()
    assert torch.allclose(made, target, atol=0.02)
    scheduler = make_sampler(sampler, steps, prediction, zero_terminal_snr=True)
    guided = initial_state(scheduler, SHAPE, 0, guide=target, strength=0.4)
    again = denoise(pointing_at(target, True, prediction), scheduler, guided)
    assert torch.allclose(again, target, atol=0.02)


def test_noise_alone_tells_nothing_of_a_picture():
    with pytest.raises(InputError, match="the noise of the last timestep tells nothing"):
        CheckpointInfo(tiny(), stage="video", zero_terminal_snr=True)
    with pytest.raises(InputError, match="predicts 'noise'"):
        CheckpointInfo(tiny(), stage="video", prediction="noise")


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_state_continues_to_the_same_result(sampler, tmp_path):
    target = torch.linspace(-1, 1, 192).reshape(SHAPE)
    path = tmp_path / "state.safetensors"

    def predict(latents, timestep):
        return torch.tanh(latents * 0.7 + target) + timestep / 2000

    states = []
    start = initial_state(make_sampler(sampler, 6), SHAPE, seed=3)
    whole = denoise(predict, make_sampler(sampler, 6), start, states.append)
    assert [state.step for state in states] == [1, 2, 3, 4, 5, 6]
    for state in states:
        save_state(state, {"of": "this"}, path)
        read = load_state({"of": "this"}, path)
        assert torch.equal(denoise(predict, make_sampler(sampler, 6), read), whole)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_state_of_something_else_is_not_taken(tmp_path):
    path = tmp_path / "state.safetensors"
    assert load_state({"steps": 4}, path) is None
    save_state(SamplingState(1, torch.ones(2), torch.ones(2)), {"steps": 4}, path)
    assert load_state({"steps": 5}, path) is None
    assert load_state({"steps": 4}, path).step == 1
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(InputError, match="is damaged"):
        load_state({"steps": 4}, path)


def test_a_guide_leaves_the_last_steps_to_run():
    guide = torch.linspace(-1, 1, 192).reshape(SHAPE)
    for strength, step in ((1.0, 0), (0.6, 20), (0.02, 49), (0.001, 49)):
        assert initial_state(make_sampler("ddim", 50), SHAPE, 0, guide, strength).step == step
    nearly = initial_state(make_sampler("ddim", 50), SHAPE, 0, guide, 0.02)
    assert (nearly.latents - guide).abs().mean() < 0.05
    far = initial_state(make_sampler("ddim", 50), SHAPE, 0, guide, 1.0)
    assert (far.latents - guide).abs().mean() > 0.5


def test_a_seed_is_noise_of_its_own():
    scheduler = make_sampler("ddim", 4)
    first, again, other = (initial_state(scheduler, SHAPE, seed).latents for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other, atol=0.1)


def test_guidance_goes_from_the_scene_dropped_through_the_scene():
    network = awake(seeded(tiny()))
    pipeline = DynascenePipeline(network, make_sampler("ddim", 1))
    shot = encoded()
    made = {
        guidance: pipeline.sample(shot, replace(of(steps=1), guidance=guidance))
        for guidance in (1.0, 2.0, 3.0)
    }
    # One step of DDIM is linear in the predicted noise.
    once, twice = made[2.0] - made[1.0], made[3.0] - made[2.0]
    assert once.abs().max() > 1e-3
    assert torch.allclose(once, twice, atol=1e-4)
    start = pipeline.start(shot, of(steps=1))
    with torch.no_grad():
        dropped = network.denoise(
            start.latents,
            shot.generate_mask,
            shot.foreground,
            int(pipeline.scheduler.timesteps[0]),
            network.condition(
                torch.zeros_like(shot.embedding), None, shot.views, shot.scene_view, (8, 16)
            ),
        )
    unguided = denoise(lambda latents, t: dropped, pipeline.scheduler, start)
    assert torch.allclose(made[1.0] - unguided, once, atol=1e-4)


def test_what_is_left_open_is_decided_by_the_checkpoint():
    assert of() == ResolvedSampling("ddim", 50, 1.0, (768, 432), 0, 24, 8, 0.6)
    fast = {"schedulers": ("lcm", "ddim")}
    assert (of(fast).sampler, of(fast).steps) == ("lcm", 8)
    assert (of(fast, sampler="ddim").sampler, of(fast, sampler="ddim").steps) == ("ddim", 50)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"sampler": "lcm"}, "not trained for the sampler lcm"),
        ({"steps": 0}, "0 steps"),
        ({"guidance": 0.5}, "guidance is 0.5"),
        ({"strength": 0.0}, "strength is 0.0"),
        ({"size": (100, 64)}, "100x64 cannot be sampled"),
        ({"window": 33}, "a window is 33 frames"),
        ({"window": 8, "overlap": 8}, "overlap by 8"),
    ],
)
def test_wrong_settings_are_told(fields, told):
    with pytest.raises(InputError, match=told):
        of(**fields)


def test_missing_checkpoints_name_the_commands(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNASCENE_WEIGHTS", str(tmp_path))
    with pytest.raises(MissingError) as raised:
        checkpoint_facts("dynascene")
    for command in ("models add", "models assemble", "dynascene train"):
        assert command in raised.value.hint


def drawn_foreground(count: int, size=(128, 64)):
    width, height = size
    alpha = np.zeros((height, width), np.uint8)
    alpha[20:, 40:70] = 255
    frame = np.full((height, width, 3), 150, np.uint8)
    return [foreground_frame(frame, alpha, np.eye(2, 3), size, 8) for _ in range(count)]


def test_a_call_gives_the_frames_of_a_shot():
    pipeline = DynascenePipeline(awake(seeded(tiny())), make_sampler("ddim", 2))
    views = moving_views(1, 3, 8, 16)
    scene_view = Views(views.intrinsics[:, :1], views.extrinsics[:, :1])
    photo = np.random.default_rng(0).integers(0, 256, (90, 200, 3), dtype=np.uint8)
    foreground, settings = drawn_foreground(3), of(steps=2)
    frames = list(pipeline(photo, foreground, views, scene_view, settings))
    assert [(frame.shape, frame.dtype.name) for frame in frames] == [((64, 128, 3), "uint8")] * 3
    guide = [photo, photo, photo]
    guided = pipeline(photo, foreground, views, scene_view, settings, guide=guide)
    assert not any(map(np.array_equal, guided, frames))
    with pytest.raises(InputError, match="2 frames of 1 sizes for 3 cameras"):
        pipeline(photo, drawn_foreground(2), views, scene_view, settings)
    with pytest.raises(InputError, match="3 frames of 2 sizes"):
        mixed = drawn_foreground(2) + drawn_foreground(1, (128, 72))
        pipeline(photo, mixed, views, scene_view, settings)
    with pytest.raises(InputError, match="the guide has 2 frames for 3"):
        pipeline(photo, foreground, views, scene_view, settings, guide=guide[:2])


def test_camera_features_computed_anew_are_the_same(monkeypatch):
    network = awake(seeded(tiny(reference_geometry="ray_bias")))
    pipeline = DynascenePipeline(network, make_sampler("ddim", 2))
    settings = of(steps=2, window=1, overlap=0)
    kept = pipeline.sample(encoded(), settings)
    monkeypatch.setattr("dynascene_cli.diffusion.pipeline.KEPT_CAMERA_BYTES", 0)
    assert torch.equal(pipeline.sample(encoded(), settings), kept)


def test_settings_are_checked_without_torch():
    program = (
        "import sys\n"
        "from dynascene_cli.diffusion.sampling_settings import *\n"
        "info, digest = checkpoint_facts('tests-tiny')\n"
        "chosen = resolve_sampling(SamplingSettings(), info, (768, 432))\n"
        "print(fingerprint(chosen, digest, False))\n"
        "print([name for name in ('torch', 'diffusers', 'transformers') if name in sys.modules])\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.splitlines()[-1] == "[]", run.stderr
    assert "'steps': 50" in run.stdout


def test_a_checkpoints_fingerprint_is_of_its_content(tmp_path):
    network, info = random_network(seed=5)
    other, _ = random_network(seed=6)
    for name in ("folder", "one.safetensors"):
        save_checkpoint(network, info, tmp_path / name)
        first = checkpoint_facts(str(tmp_path / name))
        save_checkpoint(network, info, tmp_path / name)
        assert checkpoint_facts(str(tmp_path / name)) == first
        save_checkpoint(other, info, tmp_path / name)
        assert checkpoint_facts(str(tmp_path / name)) != first


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("prediction", ["v_prediction", "sample"])
@pytest.mark.parametrize("zero_terminal_snr", [False, True])
@pytest.mark.parametrize("steps", [1, 8])
def test_few_steps_begin_at_the_last_timestep(sampler, prediction, zero_terminal_snr, steps):
    scheduler = make_sampler(sampler, steps, prediction, zero_terminal_snr)
    assert scheduler.timesteps[0] == 999
    assert len(scheduler.timesteps) == steps


def test_noise_is_predicted_at_the_timesteps_of_animatediff():
    assert make_sampler("ddim", 8).timesteps.tolist() == [876, 751, 626, 501, 376, 251, 126, 1]


@pytest.mark.parametrize("zero_terminal_snr", [False, True])
def test_one_step_of_a_network_that_predicts_v_is_its_picture(zero_terminal_snr):
    network = awake(seeded(tiny()))
    scheduler = make_sampler("ddim", 1, "v_prediction", zero_terminal_snr)
    pipeline, shot = DynascenePipeline(network, scheduler), encoded()
    start = pipeline.start(shot, of(steps=1)).latents
    with torch.no_grad():
        velocity = network.denoise(
            start,
            shot.generate_mask,
            shot.foreground,
            999,
            network.condition(shot.embedding, shot.reference, shot.views, shot.scene_view, (8, 16)),
        )
    share = signal_shares(zero_terminal_snr)[999]
    picture = share.sqrt() * start - (1 - share).sqrt() * velocity
    assert torch.allclose(pipeline.sample(shot, of(steps=1)), picture, atol=1e-5)


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
def test_what_a_step_expects_is_the_picture_that_hides_in_it(prediction):
    target = torch.linspace(-1, 1, 192).reshape(SHAPE)
    scheduler = make_sampler("ddim", 4, prediction)
    latents = torch.randn(SHAPE, generator=torch.Generator().manual_seed(1))
    for timestep in (900, 500, 20):
        predicted = pointing_at(target, prediction=prediction)(latents, timestep)
        found = predict_clean(scheduler, predicted, latents, timestep)
        assert torch.allclose(found, target, atol=1e-4)
