"""Prompts of SANA-WM as ready embeddings."""

from pathlib import Path

import torch
from diffusers import SanaWMPipeline
from diffusers.pipelines.sana_wm.pipeline_sana_wm import DEFAULT_CHI_PROMPT
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from dynascene_cli.diffusion.kept_prompts import (
    EncodedPrompt,
    absent_prompt_error,
    keep_prompt,
    prompt_file,
    read_prompt,
)
from dynascene_cli.diffusion.sana import SanaPrompts
from dynascene_cli.diffusion.video_checkpoint import TEXT_ENCODER, TOKENIZER, VideoCheckpoint
from dynascene_cli.errors import reading


def ready_sana_prompts(checkpoint: VideoCheckpoint, name: str, text: str) -> SanaPrompts:
    """The embeddings of a prompt and of none, made where they are not yet.

    Raises:
        InputError: the text encoder cannot be read.
        MissingError: an embedding is not there, and neither is a text encoder.
    """
    found = read_prompt(_file(checkpoint, text))
    if found is None:
        if not checkpoint.encodes_text:
            raise absent_prompt_error(name)
        encode_sana_prompt(checkpoint, text)
        found = read_prompt(_file(checkpoint, text))
        assert found is not None
    return SanaPrompts(**found)


def encode_sana_prompt(checkpoint: VideoCheckpoint, text: str) -> EncodedPrompt:
    """Make and keep the embeddings of a text and of none, on the CPU in bfloat16.

    Raises:
        InputError: the text encoder cannot be read.
        MissingError: there is none.
    """
    folder = checkpoint.folder
    checkpoint.require_text_encoder()
    with reading(folder / TEXT_ENCODER, "a text encoder", "fetch or copy the folder again"):
        logging.disable_progress_bar()
        pipeline = SanaWMPipeline(
            tokenizer=AutoTokenizer.from_pretrained(folder / TOKENIZER, local_files_only=True),
            text_encoder=AutoModelForCausalLM.from_pretrained(
                folder / TEXT_ENCODER, dtype=torch.bfloat16, local_files_only=True
            ).eval(),
            vae=None,
            transformer=None,
            scheduler=None,
        )
    with torch.no_grad():
        wanted, wanted_mask, unwanted, unwanted_mask = pipeline.encode_prompt(
            " ".join(text.split()), device=torch.device("cpu"), chi_prompt=DEFAULT_CHI_PROMPT
        )
    file = _file(checkpoint, text)
    embedding = {
        "wanted": wanted,
        "wanted_mask": wanted_mask,
        "unwanted": unwanted,
        "unwanted_mask": unwanted_mask,
    }
    keep_prompt(file, text, embedding)
    return EncodedPrompt(text, file, int(wanted_mask.sum()))


def _file(checkpoint: VideoCheckpoint, text: str) -> Path:
    width = int(checkpoint.config("transformer")["caption_channels"])
    return prompt_file("sana-wm", width, text)
