from pathlib import Path

import torch
from tiny_runs import examples, tiny_network, tiny_settings

from dynascene_cli.diffusion.image_processor import to_signed_tensor
from dynascene_cli.training.batches import encode_example, join_batches, load_batch, save_batch
from dynascene_cli.training.examples import ExampleDraws


def test_an_example_is_encoded_as_sampling_encodes(tmp_path: Path) -> None:
    settings = tiny_settings()
    network = tiny_network(settings, "video")
    example = ExampleDraws(settings, "video", network.config).draw(0)
    batch = encode_example(network, example)
    for frame in range(2):
        latent = network.encode(to_signed_tensor(example.target[frame]))
        torch.testing.assert_close(batch.target[:, :, frame], latent)
        person = network.encode(to_signed_tensor(example.foreground[frame]))
        torch.testing.assert_close(batch.foreground[:, :, frame], person)
    torch.testing.assert_close(batch.reference, network.encode(to_signed_tensor(example.scene)))
    assert batch.generate_mask.shape == (1, 1, 2, 8, 8)
    assert batch.scene.shape == (1, 16)
    assert encode_example(network, example, embed=False).scene.shape == (1, 3, 16, 16)
    assert batch.views is not None and batch.scene_view is not None
    torch.testing.assert_close(batch.views.extrinsics[0, 0], torch.eye(4)[:3])
    assert batch.scene_view.frames == 1

    path = tmp_path / "0.safetensors"
    save_batch(batch, path)
    kept = load_batch(path)
    assert kept.clips == batch.clips and kept.kind == batch.kind
    for name, tensor in batch.tensors().items():
        assert torch.equal(kept.tensors()[name], tensor)


def test_tasks_of_images_show_one_frame_and_no_camera(tmp_path: Path) -> None:
    settings = tiny_settings()
    network = tiny_network(settings, "image")
    one, two = (batch for _, batch in examples(network, settings, "image"))
    assert one.kind == ((12, 1, 8, 8), False)
    both = join_batches([one, two])
    assert len(both) == 2 and both.clips == one.clips + two.clips and both.views is None
    assert torch.equal(both.target[1:], two.target)
    save_batch(one, tmp_path / "one.safetensors")
    assert load_batch(tmp_path / "one.safetensors").views is None
