"""Schedules: when each request of an open loop is due, worked out before anything is sent.

Model: gaps between arrivals are independent draws (constant, exponential, gamma), or the arrivals are a Poisson
process whose rate changes evenly (ramp), or they are those of a file (trace). Every schedule comes from one generator
in one place: workers that each draw their own gaps, or share a seed, give something that only looks like Poisson.
Nothing is rescaled afterwards to hit a total: that would take the randomness out of the count.

Offsets are nanoseconds from the start of the schedule, as int64 arrays of shape (count,), never decreasing.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgebench import catalog
from edgebench.errors import DataError, UsageError
from edgebench.records import ScenarioSpec

Offsets = NDArray[np.int64]
Seconds = NDArray[np.float64]

NS = 1_000_000_000
LONGEST_S = 1e9  # some thirty years: beyond it nanoseconds do not fit, and nobody waits


def constant(rate: float, count: int) -> Offsets:
    """Evenly spaced, ``rate`` a second, the first at 0."""
    return _ns(np.arange(count) / rate)


def poisson(rate: float, count: int, rng: np.random.Generator) -> Offsets:
    """A Poisson process: exponential gaps of mean 1 / rate, the first one before the first arrival."""
    return _ns(np.cumsum(rng.exponential(1 / rate, count)))


def gamma(rate: float, cv: float, count: int, rng: np.random.Generator) -> Offsets:
    """Gamma gaps of mean 1 / rate and coefficient of variation ``cv``: 1 is Poisson, above 1 there are bursts."""
    shape = 1 / cv**2
    return _ns(np.cumsum(rng.gamma(shape, 1 / (rate * shape), count)))


def ramp(rate: float, to_rate: float, count: int, rng: np.random.Generator) -> Offsets:
    """A Poisson process whose rate goes evenly from ``rate`` to ``to_rate`` over the time ``count`` arrivals take.

    Inversion (Çinlar 1975): arrivals S of a process of rate 1, put through the inverse of
    Λ(t) = rate·t + (to_rate − rate)·t² / 2T with T = 2·count / (rate + to_rate). Those after T come at ``to_rate``.
    """
    units = np.cumsum(rng.exponential(1.0, count))
    inside = np.minimum(units, count)
    slope = (to_rate - rate) * (to_rate + rate) / (2 * max(count, 1))
    # the root of a quadratic in the form that does not cancel when the slope is small
    at = 2 * inside / (rate + np.sqrt(np.maximum(rate**2 + 2 * slope * inside, 0.0)))
    return _ns(np.asarray(at + (units - inside) / to_rate))


def trace(seconds: Seconds, count: int, *, speed: float = 1.0, rate: float | None = None, first: int = 0) -> Offsets:
    """``count`` arrivals of a trace from its arrival number ``first`` on, end to end again when it is over.

    ``speed``: replayed that many times faster; ``rate``: replayed so that the whole trace has this mean rate instead.
    From one pass to the next there is one mean gap. The wait before arrival ``first`` is kept as the first offset.

    Raises
    ------
    DataError: one arrival, or all at one moment, which says nothing about a rate.
    """
    if len(seconds) < 2 or seconds[-1] <= seconds[0]:
        raise DataError("a trace needs two arrivals at different moments", hint="kind: all-at-once sends all at once")
    gap_s = (seconds[-1] - seconds[0]) / (len(seconds) - 1)
    factor = 1 / speed if rate is None else 1 / (rate * gap_s)
    passes, places = np.divmod(np.arange(first, first + count), len(seconds))
    lap_s = seconds[-1] - seconds[0] + gap_s
    at = seconds[places] + passes * lap_s
    before = 0.0 if first == 0 else seconds[(first - 1) % len(seconds)] + (first - 1) // len(seconds) * lap_s
    return _ns((at - before) * factor)


def schedule(
    spec: ScenarioSpec, count: int, rng: np.random.Generator, *, folder: Path = Path(), first: int = 0
) -> Offsets:
    """The schedule a spec asks for. ``first``: arrivals of a trace that were used before.

    Raises
    ------
    UsageError: no open loop, or one whose rate or trace is missing. DataError: a trace that cannot be read.
    """
    kind = "poisson" if spec.kind == "server" else spec.kind
    if kind == "trace":
        seconds = read_trace(trace_file(spec.trace or "", folder))
        return trace(seconds, count, speed=spec.speed, rate=spec.rate, first=first)
    if spec.rate is None or (kind == "ramp" and spec.to_rate is None):
        raise UsageError(f"the scenario {spec.kind!r} has no rate", hint="rate: requests a second")
    if kind == "constant":
        return constant(spec.rate, count)
    if kind == "poisson":
        return poisson(spec.rate, count, rng)
    if kind == "gamma":
        return gamma(spec.rate, spec.cv, count, rng)
    if kind == "ramp":
        return ramp(spec.rate, spec.to_rate or 0.0, count, rng)
    raise UsageError(f"the scenario {spec.kind!r} has no schedule: it waits for answers")


def seconds_of(spec: ScenarioSpec, count: int, folder: Path = Path()) -> float | None:
    """How long the schedule of ``count`` arrivals is expected to last; None for loops that wait for answers."""
    if spec.kind == "trace":
        return float(schedule(spec, count + 1, np.random.default_rng(0), folder=folder)[-1]) / NS
    if spec.rate is None or spec.kind not in ("constant", "poisson", "server", "gamma", "ramp"):
        return None
    return count / ((spec.rate + (spec.to_rate or 0.0)) / 2 if spec.kind == "ramp" else spec.rate)


def repeated(spec: ScenarioSpec, count: int, folder: Path = Path()) -> str | None:
    """A line that says so when a trace has fewer arrivals than are needed."""
    if spec.kind != "trace":
        return None
    arrivals = len(read_trace(trace_file(spec.trace or "", folder)))
    if count <= arrivals:
        return None
    times = f"{count / arrivals:.1f} times"
    return f"the trace {spec.trace} has {arrivals} arrivals, {count} are needed: it is replayed {times}"


def _ns(seconds: Seconds) -> Offsets:
    if len(seconds) and not seconds[-1] <= LONGEST_S:
        raise DataError("the schedule is longer than thirty years", hint="a higher rate or speed")
    return np.rint(seconds * NS).astype(np.int64)


# --------------------------------------------------------------------------------------------------- trace files


def trace_file(name: str, folder: Path) -> Path:
    """A file, relative to ``folder``, or the trace of that name on the shelf.

    Raises
    ------
    UsageError: there is neither.
    """
    file = folder / name
    return file if file.is_file() else catalog.path("traces", name, ".csv")


def read_trace(file: Path) -> Seconds:
    """Offsets in seconds, one a line, never decreasing; the first line may be a header, empty lines say nothing.

    Raises
    ------
    DataError: with ``file:line`` where it is not that.
    """
    out: list[float] = []
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            for row in reader:
                place = f"{file.name}:{reader.line_num}"
                if any(cell.strip() for cell in row) and not _is_header(row, reader.line_num):
                    out.append(_offset(row, out[-1] if out else 0.0, place))
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise DataError(f"{file.name}: cannot be read as text: {exc}") from exc
    if not out:
        raise DataError(f"{file.name}: holds no arrivals", hint="one offset in seconds on each line")
    return np.array(out)


def _is_header(row: list[str], line: int) -> bool:
    return line == 1 and len(row) == 1 and any(character.isalpha() for character in row[0]) and _float(row[0]) is None


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _offset(row: list[str], before: float, place: str) -> float:
    if len(row) != 1:
        raise DataError(f"{place}: {len(row)} columns, where a trace has one", hint="offsets in seconds, one a line")
    value = _float(row[0])
    if value is None or not math.isfinite(value):
        raise DataError(f"{place}: {row[0].strip()[:40]!r} is no number of seconds")
    if value < 0 or value > LONGEST_S:
        raise DataError(f"{place}: {value:g} s is {'before the start' if value < 0 else 'more than thirty years'}")
    if value < before:
        raise DataError(f"{place}: {value:g} s comes before {before:g} s", hint="sort the offsets")
    return value
