"""Networks run by onnxruntime on the CPU, quietly and without spinning threads."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dynascene_cli.errors import InputError

THREADS = 1
"""Fixed, so that results do not depend on the machine; networks this small gain nothing by two."""

FloatArray = NDArray[np.float32]


class OnnxNetwork:
    """An ONNX file, ready to run.

    Raises:
        InputError: the file is no network that onnxruntime can read.
    """

    def __init__(self, path: Path) -> None:
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
            self._session: Any = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise InputError(
                f"{path} cannot be read as an ONNX network",
                "dynascene models verify tells which weights are damaged",
            ) from error

    def inputs(self) -> dict[str, tuple[list[Any], type[np.generic]]]:
        """What the network is fed: by name, the shape and the number type.

        Sides that are free are no whole numbers there.
        """
        half = "tensor(float16)"
        return {
            node.name: (node.shape, np.float16 if node.type == half else np.float32)
            for node in self._session.get_inputs()
        }

    def outputs(self) -> dict[str, list[Any]]:
        """What the network gives: by name, the shape."""
        return {node.name: node.shape for node in self._session.get_outputs()}

    def run(self, outputs: list[str], feed: dict[str, NDArray[Any]]) -> list[FloatArray]:
        """The named outputs for the fed inputs."""
        tensors: list[FloatArray] = self._session.run(outputs, feed)
        return tensors
