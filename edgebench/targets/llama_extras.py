"""Llama.cpp's buffers for weights laid out anew, left out where they would crash it.

On processors with AMX (Sapphire Rapids and later) llama.cpp lays quantised weights out for its tile instructions. Up to
the versions of late 2026 it loads a tile configuration from unset memory, and the process dies of a general protection
fault, on some machines at the first request (ggml-org/llama.cpp issue 20824, pull request 26954). Without those buffers
the same processors use AVX-512. Elsewhere nothing changes.
"""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")


@cache
def has_amx(cpuinfo: Path = CPUINFO) -> bool:
    """Whether this processor says that it has AMX tiles; False where it cannot be asked (it is a Linux file)."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return "amx_tile" in flags.split()


def without_faulty_buffers(parameters: Any) -> Any:
    """``llama_model_params`` that will not crash on this processor."""
    if has_amx() and hasattr(parameters, "use_extra_bufts"):
        parameters.use_extra_bufts = False
    return parameters


def serve() -> None:
    """``llama_cpp.server`` as its own ``-m`` would start it, with parameters that will not crash."""
    from edgebench.plugins import need

    api = need("llama_cpp.llama_cpp")
    defaults = api.llama_model_default_params
    api.llama_model_default_params = lambda: without_faulty_buffers(defaults())
    runpy.run_module("llama_cpp.server", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    serve()
