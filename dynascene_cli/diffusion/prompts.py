"""Prompts as ready embeddings: made once, so that no render loads an encoder of 11 GB."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoTokenizer, UMT5EncoderModel
from transformers.utils import logging

from dynascene_cli.diffusion.kept_prompts import (
    EncodedPrompt,
    absent_prompt_error,
    keep_prompt,
    prompt_file,
    read_prompt,
)
from dynascene_cli.diffusion.vace import Prompts
from dynascene_cli.diffusion.vace_settings import NEGATIVE_PROMPT
from dynascene_cli.diffusion.video_checkpoint import TEXT_ENCODER, TOKENIZER, VideoCheckpoint
from dynascene_cli.errors import InputError, reading

MOST_TOKENS = 512
"""Longer prompts are cut; shorter ones are filled up with zeros."""


def ready_prompts(checkpoint: VideoCheckpoint, name: str, text: str) -> Prompts:
    """The embeddings of a prompt and of what is never asked for, made where they are not yet.

    Raises:
        InputError: the text encoder cannot be read.
        MissingError: an embedding is not there, and neither is a text encoder.
    """
    texts = (text, NEGATIVE_PROMPT)
    if any(read_prompt(_file(checkpoint, each)) is None for each in texts):
        if not checkpoint.encodes_text:
            raise absent_prompt_error(name)
        encode_prompts(checkpoint, texts)
    embeddings = (read_prompt(_file(checkpoint, each)) for each in texts)
    wanted, unwanted = (_pad(each["embedding"]) for each in embeddings if each is not None)
    return Prompts(wanted, unwanted)


def encode_prompts(checkpoint: VideoCheckpoint, texts: tuple[str, ...]) -> list[EncodedPrompt]:
    """Make and keep the embeddings of texts, on the CPU in bfloat16.

    Raises:
        InputError: the text encoder cannot be read.
        MissingError: there is none.
    """
    folder = checkpoint.folder
    checkpoint.require_text_encoder()
    with reading(folder / TEXT_ENCODER, "a text encoder", "fetch or copy the folder again"):
        tokenizer = AutoTokenizer.from_pretrained(folder / TOKENIZER, local_files_only=True)
        logging.disable_progress_bar()
        encoder = UMT5EncoderModel.from_pretrained(
            folder / TEXT_ENCODER, dtype=torch.bfloat16, local_files_only=True
        ).eval()
    if encoder.config.d_model != text_width(checkpoint):
        raise InputError(
            f"{folder}: the text encoder's embeddings are {encoder.config.d_model} wide, and the "
            f"transformer takes {text_width(checkpoint)}",
            "fetch or copy the folder again",
        )
    made = []
    for text in texts:
        tokens = tokenizer(
            " ".join(text.split()), max_length=MOST_TOKENS, truncation=True, return_tensors="pt"
        )
        with torch.no_grad():
            embedded = encoder(tokens.input_ids, tokens.attention_mask).last_hidden_state
        file = _file(checkpoint, text)
        keep_prompt(file, text, {"embedding": embedded})
        made.append(EncodedPrompt(text, file, embedded.shape[1]))
    return made


def text_width(checkpoint: VideoCheckpoint) -> int:
    """How many numbers the embedding of a token is."""
    return int(checkpoint.config(checkpoint.transformers[0])["text_dim"])


def _file(checkpoint: VideoCheckpoint, text: str) -> Path:
    """All of Wan's models have one text encoder."""
    return prompt_file("wan", text_width(checkpoint), text)


def _pad(embedding: Tensor) -> Tensor:
    return functional.pad(embedding, (0, 0, 0, MOST_TOKENS - embedding.shape[1]))
