"""Wan-VACE a thousandth of a thousandth of its size, in the folder that its authors lay out."""

from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanVACEPipeline
from diffusers.models import WanVACETransformer3DModel
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

TEXT_WIDTH = 32


def save_tiny_vace(folder: Path, *, experts: int = 1, encodes_text: bool = True) -> Path:
    """Random weights; ``experts`` 2 is Wan 2.2's layout, with a transformer for the last steps."""
    torch.manual_seed(3)
    vae = AutoencoderKLWan(
        base_dim=3,
        z_dim=16,
        dim_mult=[1, 1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
    )
    with torch.no_grad():
        # As it begins, pictures hardly tell in its latents.
        vae.encoder.conv_out.weight *= 30
    transformers = [_transformer() for _ in range(experts)]
    scheduler = UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        num_train_timesteps=1000,
        flow_shift=3.0,
    )
    words = {word: number for number, word in enumerate(["<pad>", "</s>", "<unk>", *"abcdefgh"])}
    letters = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    )
    encoder = UMT5EncoderModel(
        UMT5Config(
            vocab_size=len(words), d_model=TEXT_WIDTH, d_kv=8, d_ff=32, num_layers=1, num_heads=2
        )
    )
    pipeline = WanVACEPipeline(
        tokenizer=tokenizer if encodes_text else None,
        text_encoder=encoder if encodes_text else None,
        vae=vae,
        scheduler=scheduler,
        transformer=transformers[0],
        transformer_2=transformers[1] if experts == 2 else None,
        boundary_ratio=0.875 if experts == 2 else None,
    )
    pipeline.save_pretrained(folder)
    return folder


def _transformer() -> WanVACETransformer3DModel:
    transformer = WanVACETransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=TEXT_WIDTH,
        freq_dim=32,
        ffn_dim=32,
        num_layers=2,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
        rope_max_seq_len=64,
        vace_layers=[0, 1],
        vace_in_channels=96,
    )
    for parameter in transformer.parameters():
        # What begins at zero would hide what lies before it.
        if not parameter.abs().max():
            torch.nn.init.normal_(parameter, std=0.2)
    return transformer
