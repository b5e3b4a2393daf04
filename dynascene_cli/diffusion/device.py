"""What the network runs on."""

import torch

from dynascene_cli.errors import InputError, MissingError


def has_gpu() -> bool:
    """Whether torch finds a CUDA GPU on this machine."""
    return torch.cuda.is_available()


def choose_device(asked: str | None) -> torch.device:
    """The device of that name; None takes the GPU where there is one, else the CPU.

    Raises:
        InputError: torch knows no such device.
        MissingError: it is a GPU, and this machine has none that torch finds.
    """
    if asked is None:
        return torch.device("cuda" if has_gpu() else "cpu")
    try:
        device = torch.device(asked)
    except RuntimeError as error:
        raise InputError(f"torch knows no device {asked!r}", "cpu, cuda or cuda:N") from error
    if device.type == "cuda" and not has_gpu():
        raise MissingError(
            "torch finds no GPU on this machine",
            "install torch for your GPU, leave the device out to use the CPU, or use "
            "--renderer projection",
        )
    return device
