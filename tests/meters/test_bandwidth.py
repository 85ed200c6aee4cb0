"""The memory probe: within its time, plausible, and absent rather than wrong."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from edgebench.meters import bandwidth

MIB = 2**20


def test_the_probe_keeps_to_its_budget() -> None:
    """Half a second asked for is half a second taken, plus at most one slow pass on a busy machine."""
    began = time.perf_counter()
    found = bandwidth.probe(budget_s=0.5, array_bytes=32 * MIB)
    assert time.perf_counter() - began < 1.0
    assert found.seconds == pytest.approx(time.perf_counter() - began, abs=0.1)
    assert bandwidth.BUDGET_S <= 2


def test_what_it_measures_is_plausible_and_counts_both_directions_of_a_copy() -> None:
    """Between an old board and a server; and not faster than the very copy, timed by hand, could be true."""
    found = bandwidth.probe(budget_s=0.6, array_bytes=64 * MIB)
    assert found.best_copy is not None and found.best_read is not None
    assert 0.3 < found.best_read < 2000 and 0.3 < found.best_copy < 2000
    assert set(found.copy_gb_s) == set(found.read_gb_s) and 1 in found.copy_gb_s
    source, sink = np.ones(16 * MIB, dtype=np.int32), np.ones(16 * MIB, dtype=np.int32)
    times = []
    for _ in range(12):
        began = time.perf_counter()
        np.copyto(sink, source)
        times.append(time.perf_counter() - began)
    by_hand = 2 * source.nbytes / min(times) / 1e9
    assert 0.4 < found.copy_gb_s[1] / by_hand < 2.5  # a factor of two would pass only on a machine that is very busy


class _Clock:
    """A clock of our own: every look at it takes as long as we say."""

    def __init__(self, step_s: float) -> None:
        self.now, self.step = 0.0, step_s

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_a_machine_too_slow_for_its_time_has_no_bandwidth() -> None:
    """No pass fits: absent with the reason, not zero and not a guess."""
    found = bandwidth.probe(budget_s=0.5, array_bytes=MIB, clock=_Clock(1.0))
    assert (found.best_copy, found.best_read, found.passes) == (None, None, 0)
    assert found.why_absent is not None and "0.5 s" in found.why_absent


def test_arrays_that_would_take_the_memory_of_others_are_not_made() -> None:
    """Absent with both numbers."""
    found = bandwidth.probe(array_bytes=2**50)
    assert found.best_copy is None and "MiB are free" in str(found.why_absent)


def _cache(root: Path, cpu: int, index: int, level: int, size: str, shared: str) -> None:
    folder = root / f"devices/system/cpu/cpu{cpu}/cache/index{index}"
    folder.mkdir(parents=True)
    for name, text in (("level", str(level)), ("size", size), ("shared_cpu_list", shared)):
        (folder / name).write_text(f"{text}\n")


def test_the_last_level_is_counted_once_for_each_instance(tmp_path: Path) -> None:
    """Two clusters of two cores with 2 MiB each: 4 MiB, however many processors see them; no /sys: unknown."""
    for cpu in range(4):
        _cache(tmp_path, cpu, 0, 1, "64K", str(cpu))
        _cache(tmp_path, cpu, 2, 2, "2048K", "0-1" if cpu < 2 else "2-3")
    assert bandwidth.last_level_cache(tmp_path) == 4 * MIB
    assert bandwidth.last_level_cache(tmp_path / "none") is None
