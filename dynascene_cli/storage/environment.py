"""What other libraries are told before they are loaded: tell nobody, and where to keep things.

What the user has set stays. These are read when a library is imported, so they are set first.
"""

import os
from pathlib import Path

import platformdirs

SILENT = {
    # onnxruntime writes an identity and events under the user's cache, to be sent to Microsoft.
    "ORT_DISABLE_TELEMETRY": "1",
    # huggingface_hub, and with it diffusers and transformers.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # Ray would send what its cluster is made of.
    "RAY_USAGE_STATS_ENABLED": "0",
}


def cache_folder() -> Path:
    """Where this program keeps what it can make again on any machine, for this user."""
    return Path(platformdirs.user_cache_dir("dynascene"))


def prepare() -> None:
    """Set what is not set yet in the environment of this process and those that it starts."""
    kept = cache_folder()
    folders = {
        "NUMBA_CACHE_DIR": kept / "numba",
        "MPLCONFIGDIR": kept / "matplotlib",
        "TORCHINDUCTOR_CACHE_DIR": kept / "torch",
        "TRITON_CACHE_DIR": kept / "triton",
    }
    for name, value in {**SILENT, **folders}.items():
        os.environ.setdefault(name, str(value))
