"""The memory meter: the kernel's own high-water mark, and what of it is backed by files.

Sensed from outside, at the edges of phases and never while a request is in flight, so it costs the target nothing.

On Linux ``VmHWM`` of ``/proc/PID/status`` is the peak resident set; writing ``5`` to ``/proc/PID/clear_refs``
resets it, so that each phase has its own peak. ``smaps_rollup`` splits the proportional set into anonymous
(the process's own), file-backed (a mapped model: the kernel may drop and re-read it) and shared pages.
A process under a memory limit of ours adds what its control group counted.
Elsewhere psutil gives the resident set, on Windows also the peak; the rest is absent.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from edgebench.meters import confined
from edgebench.records import Reading

KIB = 1024
QUANTITIES = ("peak_bytes", "rss_bytes", "anon_bytes", "file_bytes", "shared_bytes")
COUNTS = ("limit_hits", "refaults")


class Memory:
    """Sums over the target's process trees; the peak of a tree is the sum of its processes' peaks (an upper bound)."""

    name = "memory"

    def __init__(self) -> None:
        self._counted: Mapping[Path, Mapping[str, int]] = {}  # group → its counts when last looked at

    def mark(self, phase: str, pids: Sequence[int], *, trial_id: str) -> list[Reading]:
        """Readings in bytes of the phase that ends now; the high-water mark is reset for the next one."""
        at, family = time.monotonic_ns(), tree(pids)
        sensed = [one for pid in family if (one := _sense(pid))]  # one that has just ended holds nothing
        readings = [
            Reading(trial_id, self.name, quantity, float(sum(one[quantity] for one in sensed)), "B", phase, at)
            for quantity in QUANTITIES
            if sensed and all(quantity in one for one in sensed)
        ]
        readings += self._confined(phase, family, trial_id, at)
        for pid in family:
            _reset_peak(pid)
        return readings

    def _confined(self, phase: str, family: Sequence[int], trial_id: str, at: int) -> list[Reading]:
        """What the control group counted: counts are of this phase, the charged peak is since its start."""
        group = confined.group_of(family)
        if group is None:
            return []
        found = dict(confined.counters(group))
        before, self._counted = self._counted.get(group, {}), {group: found}
        out = {name: value - before.get(name, 0) for name, value in found.items() if name in COUNTS}
        if "charged_peak_bytes" in found:
            out["charged_peak_bytes"] = found["charged_peak_bytes"]
        units = {"charged_peak_bytes": "B"}
        return [
            Reading(trial_id, self.name, name, float(value), units.get(name, ""), phase, at)
            for name, value in out.items()
        ]


def tree(pids: Iterable[int]) -> list[int]:
    """The living processes among ``pids`` with all their descendants."""
    found: dict[int, None] = {}
    for pid in pids:
        try:
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                found[process.pid] = None
        except psutil.NoSuchProcess:
            continue
    return list(found)


def _sense(pid: int) -> Mapping[str, int]:
    if sys.platform == "linux":
        return _sense_linux(pid)
    try:
        info = psutil.Process(pid).memory_info()
    except psutil.Error:
        return {}
    peak = getattr(info, "peak_wset", None)  # Windows
    return {"rss_bytes": info.rss, **({} if peak is None else {"peak_bytes": peak})}


def _sense_linux(pid: int) -> Mapping[str, int]:
    status = _fields(Path(f"/proc/{pid}/status"))
    rollup = _fields(Path(f"/proc/{pid}/smaps_rollup"))
    names = {"peak_bytes": (status, "VmHWM"), "rss_bytes": (status, "VmRSS")}
    split = {
        "anon_bytes": (rollup, "Pss_Anon"),
        "file_bytes": (rollup, "Pss_File"),
        "shared_bytes": (rollup, "Pss_Shmem"),
    }
    return {quantity: where[key] * KIB for quantity, (where, key) in {**names, **split}.items() if key in where}


def _fields(path: Path) -> dict[str, int]:
    """``Name:   123 kB`` lines as a dict of kibibytes; empty when the process is gone or not ours."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {p[0].rstrip(":"): int(p[1]) for p in pairs if len(p) == 3 and p[2] == "kB" and p[1].isdigit()}


def _reset_peak(pid: int) -> None:
    """Start a new high-water mark where the kernel allows it; where not, the peak stays the peak since the start."""
    if sys.platform == "linux":
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return
