import json
import pickle
from dataclasses import replace

import pytest
import torch
from published_layouts import (
    camera_ctrl,
    clip,
    inpainting_unet,
    motion_adapter,
    original_animatediff,
    save_base_weights,
    vae,
)
from safetensors.torch import load_file, save_file
from tiny_networks import inputs, tiny
from torch.nn import functional

from dynascene_cli.diffusion import base_weights
from dynascene_cli.diffusion.assembly import Sources, assemble
from dynascene_cli.diffusion.checkpoint import load_checkpoint, open_checkpoint
from dynascene_cli.diffusion.configuration import FULL_SIZE
from dynascene_cli.diffusion.network import Network
from dynascene_cli.errors import InputError


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    save_base_weights(folder, tiny())
    return folder


def sources(base, **changed):
    given = {"inpainting": base / "sd", "clip": base / "clip", "motion": base / "motion"}
    return Sources(**given | changed)


def made(base, tmp_path, config=None, **changed):
    output = tmp_path / "base.safetensors"
    assemble(config or tiny(), sources(base, **changed), output, full_precision=True)
    return load_checkpoint(output)


@pytest.mark.parametrize("middle", [True, False])
def test_full_size_names_and_shapes_are_those_that_are_published(middle):
    config = replace(FULL_SIZE, camera_blocks=2, motion_mid_block=middle)
    with torch.device("meta"):
        wanted = Network(config).state_dict()
        unet = inpainting_unet(config).state_dict()
        adapter = motion_adapter(config, middle)
        given = base_weights.inpainting_unet(unet) | base_weights.reference_net(unet, 4)
        given |= base_weights.inpainting_vae(vae(config).state_dict())
        given |= base_weights.clip_image_encoder(clip(config).state_dict())
        given |= base_weights.motion_modules(original_animatediff(adapter))
        assert given.keys() == given.keys() | base_weights.motion_modules(adapter.state_dict())
        given |= base_weights.camera_ctrl(camera_ctrl(config, "meta"))
    wanted = {
        name: tensor.shape
        for name, tensor in wanted.items()
        if not name.endswith(("pos_embed.pe", "position_ids"))
        and not (middle and "mid_block" in name and ".processor." in name)
    }
    assert {name: tensor.shape for name, tensor in given.items()} == wanted


def test_every_weight_comes_from_its_file(base, tmp_path):
    network, info = made(base, tmp_path)
    state = network.state_dict()
    unet = load_file(base / "sd/unet/diffusion_pytorch_model.safetensors")
    assert all(torch.equal(state[f"denoiser.{name}"], unet[name]) for name in unet)
    assert torch.equal(state["reference_net.conv_in.weight"], unet["conv_in.weight"][:, :4])
    assert torch.equal(state["reference_net.conv_out.bias"], unet["conv_out.bias"])
    of_vae = load_file(base / "sd/vae/diffusion_pytorch_model.safetensors")
    assert all(torch.equal(state[f"vae.{name}"], of_vae[name]) for name in of_vae)
    of_clip = load_file(base / "clip/model.safetensors")
    name = "visual_projection.weight"
    assert torch.equal(state[f"image_encoder.{name}"], of_clip[name])
    motion = load_file(base / "motion/diffusion_pytorch_model.safetensors")
    assert all(torch.equal(state[f"denoiser.{name}"], motion[name]) for name in motion)
    assert info.stage == "base"
    assert sorted(info.base) == ["clip", "inpainting/unet", "inpainting/vae", "motion"]


def test_an_assembled_checkpoint_predicts(base, tmp_path):
    network, _ = made(base, tmp_path, tiny(reference_geometry="tied_rays"))
    with torch.no_grad():
        assert network(**inputs().all()).isfinite().all()


def test_assembling_again_gives_the_same_weights(base, tmp_path):
    first, second = (made(base, tmp_path)[0].state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_both_layouts_of_motion_modules_give_the_same(base, tmp_path):
    adapter = motion_adapter(tiny())
    wanted = base_weights.motion_modules(adapter.state_dict())
    given = base_weights.motion_modules(original_animatediff(adapter))
    assert given.keys() == wanted.keys()
    assert all(torch.equal(given[name], wanted[name]) for name in wanted)


def test_version_3_has_no_middle_block(base, tmp_path):
    network, info = made(base, tmp_path, motion=base / "v3_sd15_mm.ckpt")
    assert not info.config.motion_mid_block
    assert not any("mid_block.motion" in name for name in network.state_dict())


def test_camera_ctrl_keeps_its_function(base, tmp_path):
    """Its merge layer is M·(z + c), and both its layers are loaded exactly."""
    network, info = made(base, tmp_path, camera_ctrl=base / "CameraCtrl.ckpt")
    assert (info.config.camera_blocks, info.config.adaptor_activation) == (2, "none")
    found = torch.load(base / "CameraCtrl.ckpt", weights_only=True)
    layer = "up_blocks.1.motion_modules.0.temporal_transformer.transformer_blocks.0"
    merge = found["attention_processor_state_dict"]
    start = f"{layer}.attention_blocks.0.processor.qkv_merge"
    z, c = torch.randn(6, 2, 32), torch.randn(1, 2, 32, 2, 3)
    attn = network.denoiser.up_blocks[1].motion_modules[0].transformer_blocks[0].attn1
    adaptor = attn.processor
    with torch.no_grad():
        half = adaptor.camera_half([c] * 4).flatten(0, 1)
        given = adaptor.out(adaptor.feature(z) + half)
        camera = c.permute(0, 3, 4, 1, 2).flatten(0, 2)
        wanted = functional.linear(z + camera, merge[f"{start}.weight"], merge[f"{start}.bias"])
        assert torch.allclose(given, wanted, atol=1e-5)
        assert network(**inputs().all()).isfinite().all()
    encoder = network.camera_encoder.levels[2][1].block1.weight
    name = "encoder_down_conv_blocks.2.1.block1.weight"
    assert torch.equal(encoder, found["pose_encoder_state_dict"][name])


def test_the_old_attention_names_of_the_vae_are_read():
    state = vae(tiny()).state_dict()
    new = ("to_q", "to_k", "to_v", "to_out.0")
    old = {}
    for name, tensor in state.items():
        for given, before in zip(new, ("query", "key", "value", "proj_attn"), strict=True):
            name = name.replace(given, before)
        old[name] = tensor
    assert old.keys() != state.keys()
    assert base_weights.inpainting_vae(old).keys() == base_weights.inpainting_vae(state).keys()


@pytest.mark.parametrize("damage", ["missing", "unexpected", "of another shape"])
def test_weights_that_do_not_fit_are_named(base, tmp_path, damage):
    file = base / "motion/diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    name = "down_blocks.0.motion_modules.0.proj_in.weight"
    if damage == "missing":
        del tensors[name]
    elif damage == "unexpected":
        name = name.replace("proj_in", "proj_on")
        tensors[name] = torch.zeros(2)
    else:
        tensors[name] = torch.zeros(2)
    wrong = tmp_path / "wrong.safetensors"
    save_file(tensors, wrong)
    with pytest.raises(InputError) as raised:
        made(base, tmp_path, motion=wrong)
    assert f"{damage}: denoiser.{name}" in raised.value.message
    assert str(wrong) in raised.value.message
    assert not (tmp_path / "base.safetensors").exists()


class RunsCode:
    def __reduce__(self):
        return (print, ("code ran",))


def test_a_pickle_that_runs_code_is_refused(base, tmp_path, capsys):
    wrong = tmp_path / "wrong.ckpt"
    wrong.write_bytes(pickle.dumps({"down_blocks": RunsCode()}, protocol=2))
    with pytest.raises(InputError, match="cannot be read as weights"):
        made(base, tmp_path, motion=wrong)
    torch.save({"down_blocks": RunsCode()}, wrong)
    with pytest.raises(InputError, match="cannot be read as weights"):
        made(base, tmp_path, motion=wrong)
    assert "code ran" not in capsys.readouterr().out


def test_a_file_cut_short_is_told(base, tmp_path):
    for file in (base / "mm_sd_v15_v2.ckpt", base / "clip/model.safetensors"):
        cut = tmp_path / file.name
        cut.write_bytes(file.read_bytes()[:-1000])
        with pytest.raises(InputError, match="cannot be read as weights"):
            base_weights.read_tensors(cut)


def test_what_is_not_there_is_told(base, tmp_path):
    with pytest.raises(InputError, match="sd/unet should hold one file of weights and holds none"):
        made(base, tmp_path, inpainting=tmp_path / "sd")
    with pytest.raises(InputError, match="CameraCtrl's weights lack pose_encoder_state_dict"):
        made(base, tmp_path, camera_ctrl=base / "v3_sd15_mm.ckpt")
    with pytest.raises(InputError, match="needs motion modules"):
        made(base, tmp_path, motion=None)


def test_the_command_assembles_what_can_be_called_by_name(base, dynascene):
    run = dynascene(
        *("models", "assemble", "--preset", "tests-tiny", "--json"),
        *("--inpainting", base / "sd", "--clip", base / "clip"),
        *("--motion", base / "mm_sd_v15_v2.ckpt"),
        *("--set", "reference_geometry=ray_bias", "--set", "reference_gain=0.5"),
    )
    assert run.code == 0, run.err
    assert "CreativeML Open RAIL-M" in run.json["licence"]
    listed = dynascene("models", "list", "--json").json["models"]
    row = next(row for row in listed if row["name"] == "dynascene:base")
    assert (row["state"], row["path"]) == ("added", run.json["output"])
    network, info = open_checkpoint("dynascene:base")
    assert info.config == tiny(reference_geometry="ray_bias", reference_gain=0.5)
    assert next(network.parameters()).dtype == torch.float16
    verified = dynascene("models", "verify", "dynascene:base", "--json")
    assert list(json.loads(verified.out)["verified"]) == ["dynascene:base"]


def test_a_base_that_is_not_here_names_the_command_that_gets_it(dynascene):
    run = dynascene("models", "assemble", "--json")
    assert run.code == 3
    assert run.json["hint"] == "dynascene models pull sd15-inpainting --accept-licence"
