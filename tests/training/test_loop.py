import copy
from dataclasses import replace

import pytest
import torch
from tiny_runs import examples, tiny_network, tiny_settings, tiny_trainer

from dynascene_cli.diffusion.network import Network
from dynascene_cli.errors import StageError
from dynascene_cli.training.loop import examples_per_step, learning_rate, reference_share
from dynascene_cli.training.settings import TrainingSettings

STAGES = ("image", "video", "single")


def weights_of(network: Network) -> dict[str, torch.Tensor]:
    return copy.deepcopy(dict(network.state_dict()))


@pytest.mark.parametrize("stage", STAGES)
def test_all_that_should_learn_does_within_three_steps(stage) -> None:
    settings = tiny_settings(conditioning_dropout=0.0, train_image_encoder=stage != "video")
    network = tiny_network(settings, stage)
    learned = {name for name, value in network.named_parameters() if value.requires_grad}
    before = weights_of(network)
    trainer = tiny_trainer(network, settings, stage)
    for step in range(3):
        trainer.step(step, examples(network, settings, stage, range(2 * step, 2 * step + 2)))
    changed = {
        name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == learned


def test_one_large_batch_learns_as_small_ones_do() -> None:
    whole = tiny_settings(batch_size=4, optimizer="adam", ema=0)
    parts = replace(whole, batch_size=1, gradient_accumulation=4)
    found = [losses(settings, 2) for settings in (whole, parts)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_gradient_checkpointing_changes_memory_alone() -> None:
    settings = tiny_settings(conditioning_dropout=0.0)
    plain, saving = (tiny_network(settings, "single") for _ in range(2))
    saving.enable_gradient_checkpointing()
    for network in (plain, saving):
        trainer = tiny_trainer(network, settings, "single")
        trainer.step(0, examples(network, settings, "single"))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(saving.state_dict()[name], value, msg=name)


def losses(settings: TrainingSettings, steps: int) -> list[float]:
    network = tiny_network(settings, "video")
    trainer = tiny_trainer(network, settings, "video")
    found = []
    for step in range(steps):
        numbers = examples_per_step(settings, step)
        found.append(trainer.step(step, examples(network, settings, "video", numbers)).loss)
    return found


def test_a_loss_that_is_not_finite_stops_and_names_the_clip() -> None:
    settings = tiny_settings()
    network = tiny_network(settings, "video")
    trainer = tiny_trainer(network, settings, "video")
    good, bad = examples(network, settings, "video")
    bad[1].target[0, 0, 0, 0, 0] = torch.nan
    before = weights_of(network)
    with pytest.raises(StageError) as stopped:
        trainer.step(0, [good, bad])
    assert bad[1].clips[0] in stopped.value.message
    assert good[1].clips[0] not in stopped.value.message
    assert "step 1" in stopped.value.message
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])


def test_examples_are_shared_out_without_gap_or_overlap() -> None:
    settings = tiny_settings(batch_size=3, gradient_accumulation=2)
    seen = [
        number
        for step in range(2)
        for process in range(4)
        for number in examples_per_step(settings, step, 4, process)
    ]
    assert seen == list(range(48))


def test_the_cameras_in_reference_attention_fade_out_in_a_line() -> None:
    settings = tiny_settings(reference_anneal=[2, 4])
    assert [reference_share(settings, step) for step in range(6)] == [1, 1, 1, 0.5, 0, 0]
    at_once = tiny_settings(reference_anneal=[3, 3])
    assert [reference_share(at_once, step) for step in range(5)] == [1, 1, 1, 0, 0]
    assert reference_share(tiny_settings(), 100_000) == 1


def test_the_rate_warms_up_and_falls_along_a_cosine() -> None:
    settings = tiny_settings(steps=110, warm_up=10, schedule="cosine", learning_rate=1.0)
    rates = [learning_rate(settings, step) for step in range(110)]
    assert rates[:10] == pytest.approx([0.1 * (k + 1) for k in range(10)])
    assert rates[10] == pytest.approx(1) and rates[60] == pytest.approx(0.5)
    assert rates[109] == pytest.approx(0, abs=1e-3)
    assert learning_rate(replace(settings, schedule="constant"), 109) == 1
