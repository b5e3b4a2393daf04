"""What memory sampling takes, told before it begins."""

from dataclasses import replace
from functools import cache

import torch
from tiny_networks import tiny

from dynascene_cli.diffusion.checkpoint_file import CheckpointInfo
from dynascene_cli.diffusion.configuration import preset
from dynascene_cli.diffusion.live_bytes import LiveBytes
from dynascene_cli.diffusion.memory_plan import memory_plan
from dynascene_cli.diffusion.optimisations import SamplingOptimizations
from dynascene_cli.diffusion.sampling_settings import SamplingSettings, resolve_sampling


@cache
def plan(config=None, frames=4, size=(128, 64), **fields):
    config = config or tiny()
    settings = SamplingSettings(size=size, **fields)
    chosen = resolve_sampling(settings, CheckpointInfo(config, stage="video"), (768, 432))
    made = memory_plan(config, chosen, frames)
    return made, {each.device: each for each in made.devices}


def test_what_lives_at_a_time_is_counted():
    with torch.device("meta"), LiveBytes() as live:
        first = torch.empty(1000, dtype=torch.float32)
        second = first + 1
        first[:10].mul_(2)
        assert live.now == 8000
        del first
        third = second.view(10, 100).half()
        assert live.now == 6000
        del second, third
    assert (live.now, live.peak) == (0, 8000)


def test_full_size_weights_are_those_of_the_checkpoint():
    """And on the CPU the peak is what was measured at this size, 11.8 GB."""
    _, devices = plan(preset("dynascene"), frames=8, size=(256, 144))
    assert abs(devices["cpu"].weights / 4e6 - 2722.8) < 1
    assert devices["cuda"].weights * 2 == devices["cpu"].weights
    assert abs(devices["cpu"].peak / 11.8e9 - 1) < 0.05


def test_less_is_said_of_what_takes_less():
    made, devices = plan()
    cpu, cuda = devices["cpu"], devices["cuda"]
    assert (cpu.precision, cuda.precision) == ("float32", "float16")
    assert cuda.activations < cpu.activations
    assert cpu.free > 0
    for device, chosen in devices.items():
        options = made.options[device]
        assert options["as it is"] == chosen.peak
        assert "--window 2" in options
        assert all(peak < chosen.peak for name, peak in options.items() if name != "as it is")
    assert "--offload" in made.options["cuda"]
    assert "--precision bfloat16" in made.options["cpu"]


def test_a_longer_window_and_a_larger_picture_take_more():
    _, small = plan()
    _, longer = plan(frames=8)
    _, larger = plan(size=(256, 128))
    _, half = plan(frames=8, window=4, overlap=0)
    assert longer["cpu"].activations > 1.8 * small["cpu"].activations
    assert larger["cpu"].activations > 3.5 * small["cpu"].activations
    assert half["cpu"].activations == small["cpu"].activations
    assert half["cpu"].camera == longer["cpu"].camera == 2 * small["cpu"].camera


def test_optimisations_are_in_the_plan():
    _, exact = plan()
    for fields, device, part in (
        ({"offload": True}, "cuda", "weights"),
        ({"precision": "bfloat16"}, "cpu", "activations"),
        ({"vae_tile": 64}, "cpu", "decoding"),
    ):
        _, less = plan(optimisations=SamplingOptimizations(**fields))
        assert getattr(less[device], part) < getattr(exact[device], part)
    _, guided = plan(guidance=2.0)
    assert guided["cpu"].conditioning > exact["cpu"].conditioning


def test_the_text_names_what_does_not_fit():
    made, _ = plan()
    tight = replace(made, devices=tuple(replace(each, free=1) for each in made.devices))
    assert "does not fit" in tight.as_text()
    assert "does not fit" not in made.as_text()
    assert made.as_text().startswith("4 frames of 128x64 in windows of 4\n")


def test_the_command_plans_and_makes_nothing(dynascene, drawn_clip, photo, tmp_path):
    words = ("render", drawn_clip[0], "--scene", photo, "--checkpoint", "tests-tiny")
    run = dynascene(*words, "--memory-plan", "--sample-size", "128x64", "--json")
    assert run.code == 0, run.err
    assert run.json["size"] == [128, 64]
    assert (run.json["frames"], run.json["window"]) == (70, 24)
    assert run.json["devices"]["cpu"]["peak"] == run.json["options"]["cpu"]["as it is"]
    assert not list(tmp_path.iterdir())
    text = dynascene(*words, "--memory-plan", "--window", 12)
    assert "in windows of 12" in text.out
    absent = dynascene("render", drawn_clip[0], "--scene", photo, "--memory-plan")
    assert absent.code == 3
    assert "models assemble" in absent.err
    projected = dynascene(*words[:4], "--renderer", "projection", "--memory-plan")
    assert projected.code == 1
    assert "no sampling options" in projected.err
