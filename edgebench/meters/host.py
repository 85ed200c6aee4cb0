"""The host: what machine this is, and how much of it others used while we measured.

Of other processes only their share of the CPU is recorded, never names or arguments.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from edgebench.meters import clocks, throttling
from edgebench.meters.memory import tree
from edgebench.records import Reading

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class _Edge:
    """What the machine's counters say at the edge of a trial."""

    at_ns: int
    busy_s: float
    stolen_s: float | None
    ours_s: float
    moment: clocks.Moment
    throttle: throttling.Throttle
    pressure: Mapping[str, int]


class Host:
    """What else happened to the machine, from ready ("load") to the last answer ("steady").

    CPU seconds used outside our own process tree, CPU seconds stolen by other guests of a virtual machine, sleep, a
    wall clock that was set, throttling, and pressure (PSI). What the system does not tell is not there.
    The kernel counts CPU time in ticks of 10 ms: a share is only worth reading over the sum of many trials.

    ``proc``, ``sys_root``: where the kernel's files are. ``time_from``: the clocks to read.
    """

    name = "host"

    def __init__(
        self, *, proc: Path = PROC, sys_root: Path = Path("/sys"), time_from: clocks.Clocks | None = None
    ) -> None:
        self._proc, self._sys = proc, sys_root
        self._clocks = time_from or clocks.system()
        self._before: _Edge | None = None

    def mark(self, phase: str, pids: Sequence[int], *, trial_id: str) -> list[Reading]:
        if phase not in ("load", "steady"):
            return []
        before, edge = self._before, self._edge(pids)
        self._before = edge
        found: dict[str, tuple[float, str]] = {}
        mhz = _clock_mhz(self._sys)
        if mhz is not None:
            found["cpu_mhz"] = mhz, "MHz"
        if before is not None and phase == "steady" and edge.at_ns > before.at_ns:
            found |= _between(before, edge)
        return [
            Reading(trial_id, self.name, quantity, float(value), unit, phase, edge.at_ns)
            for quantity, (value, unit) in found.items()
        ]

    def _edge(self, pids: Sequence[int]) -> _Edge:
        busy, stolen = _cpu_seconds(self._proc)
        return _Edge(
            at_ns=time.monotonic_ns(),
            busy_s=busy,
            stolen_s=stolen,
            ours_s=_tree_seconds((os.getpid(), *pids)),
            moment=clocks.read(self._clocks),
            throttle=throttling.look(self._sys),
            pressure=_pressure(self._proc),
        )


def _between(before: _Edge, after: _Edge) -> dict[str, tuple[float, str]]:
    """quantity → (value, unit)"""
    others = max(0.0, (after.busy_s - before.busy_s) - max(0.0, after.ours_s - before.ours_s))
    machine = (after.at_ns - before.at_ns) / 1e9 * (psutil.cpu_count() or 1)
    found: dict[str, tuple[float, str]] = {
        "other_cpu_seconds": (others, "s"),
        "machine_cpu_seconds": (machine, "s"),
        "wall_step_ns": (clocks.wall_step_ns(before.moment, after.moment), "ns"),
    }
    if before.stolen_s is not None and after.stolen_s is not None:
        found["steal_cpu_seconds"] = max(0.0, after.stolen_s - before.stolen_s), "s"
    slept = clocks.slept_ns(before.moment, after.moment)
    if slept is not None:
        found["slept_ns"] = slept, "ns"
    for name, count in throttling.new(before.throttle, after.throttle).items():
        found[name] = count, ""
    for resource in before.pressure.keys() & after.pressure.keys():
        found[f"psi_{resource}_some_us"] = after.pressure[resource] - before.pressure[resource], "us"
    return found


def _cpu_seconds(proc: Path) -> tuple[float, float | None]:
    """CPU seconds all processes used since boot, and those stolen from this machine (None where nobody counts them)."""
    lines = (_text(str(proc / "stat")) or "").splitlines()
    if not lines or not lines[0].startswith("cpu "):
        times = psutil.cpu_times()
        return float(sum(getattr(times, part, 0.0) for part in ("user", "nice", "system", "irq", "softirq"))), None
    ticks = dict(zip(_TICKS, map(int, lines[0].split()[1:]), strict=False))
    hertz = os.sysconf("SC_CLK_TCK")
    busy = sum(ticks.get(part, 0) for part in ("user", "nice", "system", "irq", "softirq"))
    return busy / hertz, ticks["steal"] / hertz if "steal" in ticks else None


_TICKS = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


def _pressure(proc: Path) -> Mapping[str, int]:
    """resource → microseconds in which some process waited for it, since boot; empty where the kernel has no PSI."""
    found = {}
    for resource in ("cpu", "memory", "io"):
        for line in (_text(str(proc / "pressure" / resource)) or "").splitlines():
            if line.startswith("some ") and (total := line.rpartition("total=")[2]).isdigit():
                found[resource] = int(total)
    return found


def _clock_mhz(sys_root: Path) -> float | None:
    """Mean frequency of the processors at this moment; None where the system does not say."""
    texts = [_text(str(file)) for file in sys_root.glob("devices/system/cpu/cpu*/cpufreq/scaling_cur_freq")]
    khz = [int(text) for text in texts if text and text.isdigit()]
    return sum(khz) / len(khz) / 1e3 if khz else None


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
