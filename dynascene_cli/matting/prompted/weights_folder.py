"""Networks of transformers read from a folder in its layout: config.json, model.safetensors."""

from pathlib import Path
from typing import Any

import torch
import transformers

from dynascene_cli.errors import InputError


def device() -> torch.device:
    """The graphics card where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def read_network(kind: Any, folder: Path, name: str) -> Any:
    """A network of a transformers class, with every weight read from its folder.

    Raises:
        InputError: the folder holds another network, or less than it needs.
    """
    transformers.utils.logging.disable_progress_bar()
    hint = f"dynascene models add {name} FOLDER with config.json and model.safetensors of {name}"
    try:
        network, report = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{folder} cannot be read as {name}: {reason[:200]}", hint) from error
    absent = sorted({*report["missing_keys"], *report["mismatched_keys"]}, key=str)
    if absent:
        raise InputError(
            f"{folder} is not {name}: {len(absent)} of its weights are missing, as {absent[0]}",
            hint,
        )
    return network.to(device()).eval()
