"""``edgebench doctor``: what is here, and what to type for what is missing."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from edgebench import catalog
from edgebench.cli.options import as_json, console, emit, grid, store_place, text
from edgebench.errors import UsageError

SO_TIMESTAMPNS = 35  # Linux's number; Python's socket module does not name it


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked for."""

    what: str
    state: str  # "ok", "missing", "note"
    found: str
    hint: str | None = None


#: extra → (package that stands for it, what it is for)
EXTRAS = {
    "llama": (("llama-cpp-python",), "GGUF models on this machine"),
    "onnx": (("onnxruntime", "tokenizers"), "ONNX models on this machine"),
    "hosted": (("openai", "httpx2", "httptools", "genai-prices"), "hosted APIs and their prices"),
    "server": (("uvicorn", "fastapi", "starlette-context"), "the demo's loopback stand-in"),
    "hub": (("huggingface-hub",), "pulling from the hub"),
    "report": (("jinja2", "plotly"), "the page"),
}


@click.command("doctor", short_help="Say what is here and what to type for what is missing.")
@as_json
def command(as_json: bool) -> None:
    """Look at this machine and say what is here, and what to type for what is missing."""
    findings = [finding for look in LOOKS for finding in look()]
    if as_json:
        emit(findings)
        return
    table = grid("", "what", "found")
    for finding in findings:
        table.add_row({"ok": "✓", "missing": "✗", "note": "·"}[finding.state], finding.what, text(finding.found))
    out = console()
    out.print(table)
    todo = [finding for finding in findings if finding.hint]
    if todo:
        out.print("\nwhat to type:", style="bold")
    for finding in todo:
        out.print(text(f"  {finding.hint}    ({finding.what})"), soft_wrap=True)
    if not any(finding.state == "missing" for finding in findings):
        out.print("all is here:  edgebench demo")


def _python() -> Iterator[Finding]:
    fine = sys.version_info >= (3, 11)
    yield Finding(
        "Python", "ok" if fine else "missing", f"{platform.python_version()} on {platform.platform(terse=True)}"
    )
    yield Finding("EdgeBench", "ok", version("edgebench"))


def _extras() -> Iterator[Finding]:
    for extra, (packages, purpose) in EXTRAS.items():
        found = {package: _version(package) for package in packages}
        missing = [package for package, number in found.items() if number is None]
        words = ", ".join(f"{package} {number}" for package, number in found.items() if number)
        if missing:
            words = f"{', '.join(missing)} not installed" + (f" (here: {words})" if words else "")
            yield Finding(f"{purpose} [{extra}]", "missing", words, f"pip install 'edgebench[{extra}]'")
        else:
            yield Finding(f"{purpose} [{extra}]", "ok", words)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _compiler() -> Iterator[Finding]:
    found = next((path for name in ("c++", "g++", "clang++") if (path := shutil.which(name))), None)
    if found:
        yield Finding("C++ compiler", "ok", found)
    elif _version("llama-cpp-python"):
        yield Finding("C++ compiler", "note", "none, and none is needed: llama-cpp-python is built already")
    else:
        hint = "sudo apt install build-essential cmake" if sys.platform == "linux" else "install a C++ compiler"
        yield Finding("C++ compiler", "missing", "none; llama-cpp-python is built from source", hint)


def _machine() -> Iterator[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    enough = memory.available >= 1.5 * 2**30
    words = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GiB free"
    yield Finding("memory", "ok" if enough else "note", words if enough else f"{words}; the demo wants 1.5")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = psutil.cpu_percent(interval=0.2)
    quiet = busy < 20
    yield Finding("processors", "ok" if quiet else "note", f"{usable} usable, {busy:.0f} % busy now"
                  + ("" if quiet else ": other work spoils measurements"))  # fmt: skip


def _places() -> Iterator[Finding]:
    cache = catalog.cache()
    free = shutil.disk_usage(_existing(cache)).free
    writable = os.access(_existing(cache), os.W_OK)
    words = f"{cache}: {free / 2**30:.1f} GiB free"
    if not writable:
        yield Finding(
            "model cache", "missing", f"{cache} cannot be written", "export EDGEBENCH_CACHE=/a/folder/of/yours"
        )
    elif free < 2**30:
        yield Finding("model cache", "missing", words, "export EDGEBENCH_CACHE=/a/larger/disk")
    else:
        yield Finding("model cache", "ok", words)
    store = Path(store_place(None))
    yield Finding("store", "ok" if store.exists() else "note", str(store) if store.exists() else f"{store}: none yet")


def _existing(path: Path) -> Path:
    """The nearest folder above that is there."""
    while not path.exists():
        path = path.parent
    return path


def _models() -> Iterator[Finding]:
    from edgebench.artifacts import all_cards, located
    from edgebench.errors import ModelError

    for name in ("minilm-l6-int8", "smollm2-135m-q4_1"):
        try:
            here = located(all_cards()[name]) is not None
        except ModelError as exc:
            yield Finding(f"model {name}", "missing", str(exc), exc.hint)
        else:
            found = "here and verified" if here else "not pulled yet; the demo does it"
            yield Finding(
                f"model {name}", "ok" if here else "note", found, None if here else f"edgebench models pull {name}"
            )


def _kernel() -> Iterator[Finding]:
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            stamps = sys.platform == "linux"
        except OSError:
            stamps = False
    yield Finding("kernel stamps of arrivals", "ok" if stamps else "note",
                  "SO_TIMESTAMPNS" if stamps else "none: Python stamps them, some 0.2 ms later")  # fmt: skip
    resets = os.access("/proc/self/clear_refs", os.W_OK)
    yield Finding("peak memory per phase", "ok" if resets else "note",
                  "clear_refs" if resets else "none: the peak is that of the whole process life")  # fmt: skip
    parts = Path("/proc/self/smaps_rollup").is_file()
    yield Finding("anonymous and file memory", "ok" if parts else "note",
                  "smaps_rollup" if parts else "none: only the resident total is measured")  # fmt: skip


def _watching() -> Iterator[Finding]:
    """What a run is judged by beside its own requests, and what confines a target."""
    from edgebench.meters import clocks, throttling

    boot = clocks.system().passed_ns is not None
    yield Finding("sleep seen by a boot-time clock", "ok" if boot else "note",
                  "two clocks" if boot else "none: a run over which the laptop slept is not noticed")  # fmt: skip
    seen = throttling.look(Path("/sys"))
    counters = [words for words, at in (("thermal events", seen.count), ("firmware bits", seen.bits)) if at is not None]
    yield Finding("throttling counters", "ok" if counters else "note",
                  " and ".join(counters) or "none: a device that slows itself down is not noticed")  # fmt: skip
    pressure = os.access("/proc/pressure/cpu", os.R_OK)
    yield Finding("pressure (PSI)", "ok" if pressure else "note",
                  "/proc/pressure" if pressure else "none: waiting for CPU or memory is not recorded")  # fmt: skip
    yield _limits()


def _limits() -> Finding:
    """Whether a memory limit can be had: by making a control group and removing it again."""
    from edgebench.targets import confine

    what = "memory limits (control groups)"
    try:
        confine.demand("64MiB")
    except UsageError as exc:
        return Finding(what, "note", f"no --memory-limit and no `edgebench fit`: {exc}")
    return Finding(what, "ok", "a group was made and removed")


def _keys() -> Iterator[Finding]:
    names = sorted(name for name in os.environ if name.endswith("_API_KEY") and os.environ[name].strip())
    if names:
        yield Finding("API keys", "ok", ", ".join(names))
    else:
        yield Finding(
            "API keys", "note", "none set: the demo's hosted seat is a loopback stand-in", "export OPENAI_API_KEY=…"
        )


LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python, _extras, _compiler, _machine, _places, _models, _kernel, _watching, _keys,
)  # fmt: skip
