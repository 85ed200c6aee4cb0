"""Other quantisations of a GGUF, made with llama.cpp's own quantiser in a process of its own.

The quantiser aborts its process on a file it dislikes; ours must survive that.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from edgebench import plugins
from edgebench.artifacts.keeping import demand_room, disk_errors
from edgebench.artifacts.sources import child_environment
from edgebench.errors import ModelError

#: what llama.cpp can make without an importance matrix, smallest first
TYPES = (
    "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "IQ4_XS", "IQ4_NL", "Q4_0", "Q4_K_S", "Q4_K_M", "Q4_1",
    "Q5_0", "Q5_K_S", "Q5_K_M", "Q5_1", "Q6_K", "Q8_0", "BF16", "F16",
)  # fmt: skip
CHILD = "import sys; from edgebench.artifacts.quantize import in_child; in_child(*sys.argv[1:])"


def quantize(source: Path, kind: str, out: Path) -> None:
    """Write ``source`` (a GGUF) quantised as ``kind`` to ``out``; nothing is there unless it is whole.

    A source that is quantised already is quantised again: its quality can only fall.

    Raises
    ------
    ModelError: unknown type, not a GGUF, disk full, or the quantiser failed.
    """
    if kind not in TYPES:
        raise ModelError(f"llama.cpp cannot make {kind!r} here", hint=f"known: {', '.join(TYPES)}")
    _demand_gguf(source)
    plugins.need("llama_cpp")
    with disk_errors(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
    demand_room(out.parent, source.stat().st_size)
    part = out.with_name(f".{out.name}.part")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(source), kind, str(part)],
        env=child_environment(os.environ),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0 or not part.is_file():
        part.unlink(missing_ok=True)
        raise ModelError(f"{source.name} could not be quantised to {kind}: {_reason(done)}")
    part.replace(out)


def in_child(source: str, kind: str, out: str) -> None:
    """Runs in the child: one call of llama.cpp."""
    llama_cpp = plugins.need("llama_cpp")
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = getattr(llama_cpp, f"LLAMA_FTYPE_MOSTLY_{kind}")
    params.allow_requantize = True
    sys.exit(llama_cpp.llama_model_quantize(source.encode(), out.encode(), params))


def _demand_gguf(source: Path) -> None:
    try:
        with source.open("rb") as stream:
            magic = stream.read(4)
    except OSError as exc:
        raise ModelError(f"{source}: cannot be read: {exc.strerror}") from exc
    if magic != b"GGUF":
        raise ModelError(f"{source}: is not a GGUF file")


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode < 0:
        return f"the quantiser was stopped by {signal.Signals(-done.returncode).name}"
    lines = [line.strip() for line in done.stderr.splitlines() if "fail" in line.lower() or "error" in line.lower()]
    return lines[-1] if lines else f"the quantiser ended with {done.returncode}"
