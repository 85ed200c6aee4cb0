"""The machine's clocks beside each other: a gap between two of them is a sleep, or a wall clock that was set.

The monotonic clock stands still while a machine sleeps; the boot-time clock does not. Both, and the wall clock, are
slewed alike by time synchronisation, so what is left of a difference is a sleep or a step.
Linux: CLOCK_BOOTTIME and CLOCK_MONOTONIC. macOS: CLOCK_MONOTONIC goes on in sleep and CLOCK_UPTIME_RAW does not.
Windows tells neither apart: sleep is absent there.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

SLEW = 500e-6  # of the time passed: the most that time synchronisation bends a clock
NOISE_NS = 10_000_000  # between reading one clock and the next, on a busy machine

Clock = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where the time is read; tests put in their own."""

    awake_ns: Clock = time.monotonic_ns  # stands still in sleep
    passed_ns: Clock | None = None  # goes on in sleep; None where the system has no such clock
    wall_ns: Clock = time.time_ns


@dataclass(frozen=True, slots=True)
class Moment:
    """All clocks read at once."""

    awake_ns: int
    passed_ns: int | None
    wall_ns: int


def system() -> Clocks:
    """This machine's clocks."""
    if sys.platform == "linux":
        return Clocks(passed_ns=lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME))
    if sys.platform == "darwin":
        return Clocks(
            awake_ns=lambda: time.clock_gettime_ns(time.CLOCK_UPTIME_RAW),
            passed_ns=lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC),
        )
    return Clocks()


def read(clocks: Clocks) -> Moment:
    return Moment(clocks.awake_ns(), None if clocks.passed_ns is None else clocks.passed_ns(), clocks.wall_ns())


def slept_ns(before: Moment, after: Moment) -> int | None:
    """How long the machine slept between two moments."""
    if before.passed_ns is None or after.passed_ns is None:
        return None
    return max(0, (after.passed_ns - before.passed_ns) - (after.awake_ns - before.awake_ns))


def wall_step_ns(before: Moment, after: Moment) -> int:
    """By how much the wall clock was set between two moments; 0 where slewing explains the difference."""
    passed = after.awake_ns - before.awake_ns
    if before.passed_ns is not None and after.passed_ns is not None:
        passed = after.passed_ns - before.passed_ns
    step = (after.wall_ns - before.wall_ns) - passed
    return step if abs(step) > NOISE_NS + SLEW * passed else 0
