import torch
from safetensors.torch import load_file
from tiny_runs import examples, tiny_network, tiny_settings, tiny_trainer

from dynascene_cli.diffusion.network import Network
from dynascene_cli.training.lora import add_adapters, merge_weights, save_adapters
from dynascene_cli.training.trainable import train_only


def test_what_adapters_learn_is_the_same_merged(tmp_path) -> None:
    settings = tiny_settings(
        train_image_encoder=False, conditioning_dropout=0.0, lora_rank=2, lora_alpha=4.0
    )
    network = tiny_network(settings, "single")
    with torch.no_grad():
        # In a network that was trained nothing stands at the zero that it started from.
        for value in network.parameters():
            if value.dim() > 1 and not value.any():
                value.normal_(std=0.1, generator=torch.Generator().manual_seed(0))
    plain = {name: value.clone() for name, value in network.state_dict().items()}
    (_, batch), _ = examples(network, settings, "single")
    noise = torch.randn(batch.target.shape, generator=torch.Generator().manual_seed(0))

    def answer(asked: Network) -> torch.Tensor:
        given = (batch.generate_mask, batch.foreground, 500, batch.scene, batch.reference)
        with torch.no_grad():
            return asked.eval()(noise, *given, batch.views, batch.scene_view)

    before = answer(network)
    add_adapters(network, train_only(network, "single"), settings)
    torch.testing.assert_close(answer(network), before)
    learned = {name for name, value in network.named_parameters() if value.requires_grad}
    assert learned and all(".lora_" in name for name in learned)

    trainer = tiny_trainer(network, settings, "single")
    for step in range(2):
        trainer.step(step, examples(network, settings, "single"))
    after = answer(network)
    assert not torch.allclose(after, before, atol=1e-4)

    merged = merge_weights(network)
    assert merged.keys() == plain.keys()
    changed = {name for name in plain if not torch.equal(merged[name], plain[name])}
    assert changed == {name.split(".lora_")[0] + ".weight" for name in learned}
    unmerged = Network(network.config)
    unmerged.load_state_dict(merged)
    torch.testing.assert_close(answer(unmerged), after, atol=1e-5, rtol=1e-5)

    save_adapters(network, tmp_path / "adapters.safetensors")
    kept = load_file(tmp_path / "adapters.safetensors")
    assert len(kept) == len(learned) and sum(map(torch.numel, kept.values())) < 100_000


def test_adapters_begin_by_the_seed() -> None:
    def begun(seed: int) -> dict[str, torch.Tensor]:
        settings = tiny_settings(lora_rank=2, seed=seed)
        network = tiny_network(settings, "single")
        add_adapters(network, train_only(network, "single"), settings)
        return {name: value for name, value in network.state_dict().items() if ".lora_A" in name}

    first, again, other = begun(0), begun(0), begun(1)
    assert first and all(torch.equal(first[name], again[name]) for name in first)
    assert not any(torch.equal(first[name], other[name]) for name in first)
