"""SANA-WM a thousandth of a thousandth of its size, in the folder that its authors lay out."""

from pathlib import Path

import torch
from diffusers import (
    AutoencoderKLLTX2Video,
    FlowMatchEulerDiscreteScheduler,
    SanaWMPipeline,
    SanaWMTransformer3DModel,
)
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import Gemma2Config, Gemma2ForCausalLM, PreTrainedTokenizerFast

TEXT_WIDTH = 8


def save_tiny_sana(folder: Path, *, encodes_text: bool = True) -> Path:
    torch.manual_seed(3)
    vae = AutoencoderKLLTX2Video(
        in_channels=3,
        out_channels=3,
        latent_channels=8,
        block_out_channels=(16, 32, 64, 128),
        decoder_block_out_channels=(16, 32, 64),
        layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 4,
        spatio_temporal_scaling=(True,) * 4,
        decoder_spatio_temporal_scaling=(True,) * 3,
        decoder_inject_noise=(False,) * 4,
        patch_size=4,
        patch_size_t=1,
        timestep_conditioning=False,
        encoder_causal=True,
        decoder_causal=False,
        spatial_compression_ratio=32,
        temporal_compression_ratio=8,
    )
    transformer = SanaWMTransformer3DModel(
        in_channels=8,
        num_layers=2,
        hidden_size=32,
        num_attention_heads=2,
        softmax_every_n=2,
        linear_head_dim=16,
        caption_channels=TEXT_WIDTH,
        mlp_ratio=2.0,
        chunk_plucker_channels=48,
        chunk_plucker_post_attn_blocks=2,
    )
    for parameter in transformer.parameters():
        # What begins at zero would hide what lies before it.
        if not parameter.abs().max():
            torch.nn.init.normal_(parameter, std=0.2)
    words = {word: number for number, word in enumerate(["<pad>", "<eos>", "<bos>", *"abcdefgh"])}
    letters = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letters, pad_token="<pad>", eos_token="<eos>", bos_token="<bos>"
    )
    encoder = Gemma2ForCausalLM(
        Gemma2Config(
            vocab_size=len(words),
            hidden_size=TEXT_WIDTH,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=4,
            max_position_embeddings=4096,
        )
    )
    pipeline = SanaWMPipeline(
        tokenizer=tokenizer if encodes_text else None,
        text_encoder=encoder if encodes_text else None,
        vae=vae,
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=9.95),
    )
    pipeline.save_pretrained(folder)
    return folder
