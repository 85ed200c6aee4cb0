"""The host: what machine this is, and how much of it others used while we measured.

Of other processes only their share of the CPU is recorded, never names or arguments.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from edgebench.meters.memory import tree
from edgebench.records import Reading


class Host:
    """CPU seconds used outside our own process tree, and those the machine had, from ready ("load") to the last answer.

    The kernel counts CPU time in ticks of 10 ms: a share is only worth reading over the sum of many trials.
    """

    name = "host"

    def __init__(self) -> None:
        self._before: tuple[int, float, float] | None = None

    def mark(self, phase: str, pids: Sequence[int], *, trial_id: str) -> list[Reading]:
        if phase not in ("load", "steady"):
            return []
        at, busy, ours = time.monotonic_ns(), _busy_seconds(), _tree_seconds((os.getpid(), *pids))
        before, self._before = self._before, (at, busy, ours)
        if before is None or phase == "load" or at == before[0]:
            return []
        machine = (at - before[0]) / 1e9 * (psutil.cpu_count() or 1)
        others = max(0.0, (busy - before[1]) - max(0.0, ours - before[2]))
        return [
            Reading(trial_id, self.name, "other_cpu_seconds", others, "s", phase, at),
            Reading(trial_id, self.name, "machine_cpu_seconds", machine, "s", phase, at),
        ]


def _busy_seconds() -> float:
    """CPU seconds all processes used since boot; steal (another guest's use) counts as used by others."""
    times = psutil.cpu_times()
    parts = ("user", "nice", "system", "irq", "softirq", "steal")
    return float(sum(getattr(times, part, 0.0) for part in parts))


def _tree_seconds(pids: Sequence[int]) -> float:
    """CPU seconds of these processes and their descendants, those already reaped included."""
    total = 0.0
    for pid in tree(pids):
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
        total += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return total


@cache
def fingerprint() -> Mapping[str, Any]:
    """What this machine is: enough to compare runs, nothing that names its owner."""
    facts: dict[str, Any] = {
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "machine": platform.machine(),
        "system": platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "board": _text("/proc/device-tree/model"),
        "governor": _text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "virtual": _virtual(),
    }
    frequency = psutil.cpu_freq() if hasattr(psutil, "cpu_freq") else None
    facts["cpu_max_mhz"] = frequency.max if frequency and frequency.max else None
    return {key: value for key, value in facts.items() if value is not None}


def device_name() -> str:
    """The machine in a few words, the device part of a target's identity."""
    facts = fingerprint()
    gib = facts["memory_bytes"] / 2**30
    return f"{facts.get('board') or facts['cpu']} · {facts['cores']} cores · {gib:.0f} GiB"


def _cpu_name() -> str:
    if sys.platform == "linux":
        for line in (_text("/proc/cpuinfo") or "").splitlines():
            key, _, value = line.partition(":")
            if key.strip() in ("model name", "Model") and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def _virtual() -> bool | None:
    """Whether the kernel says it runs as a guest; absent where it does not say."""
    flags = next((line for line in (_text("/proc/cpuinfo") or "").splitlines() if line.startswith("flags")), None)
    return None if flags is None else "hypervisor" in flags.split()


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip("\x00\n ") or None
    except OSError:
        return None
