"""FSDP: what learns is divided among processes, and is whole only while a step is computed.

The optimiser's memory, the average, and between steps weights and gradients are each process's own
part (Zhao et al. 2023, PyTorch FSDP). The network is one unit: its parameters are also read outside
their blocks' forwards, as where keys of the scene are kept, so that no block could be a unit of its
own. Frozen weights are whole everywhere, always.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed import get_world_size
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor


def shard(network: nn.Module, device: torch.device) -> None:
    """Leave each process its part of the parameters that learn, which are new objects then."""
    frozen = {value for value in network.parameters() if not value.requires_grad}
    mesh = init_device_mesh(device.type, (get_world_size(),))
    unit = fully_shard(network, mesh=mesh, reshard_after_forward=False, ignored_params=frozen)
    # Examples without the scene leave ReferenceNet out.
    unit.set_reduce_scatter_unused_params(True)


def is_sharded(network: nn.Module) -> bool:
    """Whether each process has a part of what learns."""
    return isinstance(network, FSDPModule)


def await_gradients(network: nn.Module, last: bool) -> None:
    """Say whether the next backward is a step's last, after which gradients and weights part.

    Processes may have different numbers of them in a step.
    """
    if isinstance(network, FSDPModule):
        network.set_requires_gradient_sync(last)
        network.set_reshard_after_backward(last)


@contextmanager
def gather_weights(network: nn.Module) -> Iterator[None]:
    """Inside it the parameters are whole in every process; all enter it together."""
    if not isinstance(network, FSDPModule):
        yield
        return
    network.unshard()
    try:
        yield
    finally:
        network.reshard()


def gather(value: Tensor, kept: bool = True) -> Tensor:
    """All of a tensor, in main memory if it was divided; all processes ask for it together.

    What is not ``kept`` in this process is nothing there.
    """
    if not isinstance(value, DTensor):
        return value.detach()
    full = value.full_tensor().detach()
    return full.cpu() if kept else full.new_empty(0)


def shard_like(value: Tensor, like: Tensor) -> Tensor:
    """A whole tensor, the same in every process, divided as another of its shape is, if it is."""
    if not isinstance(like, DTensor) or value.shape != like.shape:
        return value
    return distribute_tensor(value.to(like.device), like.device_mesh, like.placements)
