"""What the kernel knows about memory: how much is left, and whether it killed for it; absent where it is silent.

And how a process of ours ends with whoever started it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def die_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, so that even ``kill -9`` of the parent leaves no orphan."""
    if sys.platform == "linux":
        set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
        ctypes.CDLL(None, use_errno=True).prctl(set_parent_death_signal, int(signal.SIGKILL), 0, 0, 0)


def end_with_input() -> None:
    """End this process when its input does: whoever started it holds the other end. A thread waits for it."""

    def wait() -> None:
        with contextlib.suppress(OSError, ValueError):
            while sys.stdin.buffer.read(4096):
                pass
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def available_bytes() -> int:
    """Memory a new process may take: what the system has left, or less if a control group says so."""
    import psutil  # here, because workers import this module and have no use for it

    limits = [int(psutil.virtual_memory().available)]
    for folder, limit, used in (
        (_cgroup(""), "memory.max", "memory.current"),
        (_cgroup("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        ceiling, taken = _number(folder / limit), _number(folder / used)
        if ceiling is not None and taken is not None:
            # page cache counts as taken but is given back on demand
            limits.append(ceiling - taken + (_field(folder / "memory.stat", "file", "cache") or 0))
    return max(0, min(limits))


def resident_bytes() -> int | None:
    """What this process holds in memory now; None where the kernel does not say."""
    pages = _first(Path("/proc/self/statm"), 1)
    return None if pages is None else pages * os.sysconf("SC_PAGE_SIZE")


def oom_kills() -> Mapping[str, int]:
    """Counts of out-of-memory kills by source: the whole system's, and those of our own control group."""
    counts = {
        "system": _field(Path("/proc/vmstat"), "oom_kill"),
        "cgroup2": _field(_cgroup("") / "memory.events", "oom_kill"),
        "cgroup1": _field(_cgroup("memory") / "memory.oom_control", "oom_kill"),
    }
    return {source: count for source, count in counts.items() if count is not None}


def rose(before: Mapping[str, int], after: Mapping[str, int]) -> bool:
    """Whether any count went up: somebody was killed for memory in between."""
    return any(after.get(source, 0) > count for source, count in before.items())


def _cgroup(controller: str) -> Path:
    """The folder of our own control group for that controller ("" = version 2); may not exist."""
    root = CGROUPS / controller
    try:
        lines = Path(f"/proc/{os.getpid()}/cgroup").read_text(encoding="ascii").splitlines()
    except OSError:
        return root
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers == controller and (root / place.lstrip("/")).is_dir():
            return root / place.lstrip("/")
    return root


def _number(file: Path) -> int | None:
    """The number a file holds; None where there is no such file, or it says "max"."""
    return _first(file, 0)


def _first(file: Path, place: int) -> int | None:
    """The number at that place of a one-line file."""
    try:
        return int(file.read_text(encoding="ascii").split()[place])
    except (OSError, ValueError, IndexError):
        return None


def _field(file: Path, *names: str) -> int | None:
    """The value beside the first of ``names`` in a file of "name value" lines."""
    try:
        lines = file.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = dict(line.split(maxsplit=1) for line in lines if " " in line)
    return next((int(values[name]) for name in names if name in values), None)
