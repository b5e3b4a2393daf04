"""Networks run by onnxruntime on the CPU, quietly and without spinning threads."""

import weakref
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError

THREADS = 1
"""Fixed, so that results do not depend on the machine; networks this small gain nothing by two."""

FloatArray = NDArray[np.float32]

_opened: "weakref.WeakSet[OnnxNetwork]" = weakref.WeakSet()


def close_networks() -> None:
    """Give back the memory of all networks; one that runs again is opened again for it."""
    for network in list(_opened):
        network.close()


class OnnxNetwork:
    """An ONNX file, ready to run.

    Raises:
        InputError: the file is no network that onnxruntime can read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session: Any = None
        self._open()

    def _open(self) -> Any:
        # Another thread may close it meanwhile.
        session = self._session
        if session is not None:
            return session
        # Here, because loading it takes a while that a cached matte need not wait.
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # An arena never gives back what one large picture took, and the process goes on.
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(
                str(self._path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise InputError(
                f"{self._path} cannot be read as an ONNX network",
                "dynascene models verify tells which weights are damaged",
            ) from error
        self._session = session
        _opened.add(self)
        return session

    @property
    def is_closed(self) -> bool:
        """Whether it takes no memory now."""
        return self._session is None

    def close(self) -> None:
        """Give back its memory until it runs again."""
        self._session = None

    def inputs(self) -> dict[str, tuple[list[Any], type[np.generic]]]:
        """What the network is fed: by name, the shape and the number type.

        Sides that are free are no whole numbers there.
        """
        half = "tensor(float16)"
        return {
            node.name: (node.shape, np.float16 if node.type == half else np.float32)
            for node in self._open().get_inputs()
        }

    def outputs(self) -> dict[str, list[Any]]:
        """What the network gives: by name, the shape."""
        return {node.name: node.shape for node in self._open().get_outputs()}

    def run(self, outputs: list[str], feed: dict[str, NDArray[Any]]) -> list[FloatArray]:
        """The named outputs for the fed inputs."""
        tensors: list[FloatArray] = self._open().run(outputs, feed)
        return tensors
