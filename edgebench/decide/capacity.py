"""Capacity: how many requests a second one unit carries within the SLOs, by replaying its measured times.

The highest rate is searched by halving: at each rate the same requests come at the same moments, only closer together
(common random numbers), so that what a rate misses a higher one misses too. Its interval comes from windows, each with
items drawn anew and arrivals of its own. Two things are refused: a quantile that so few records cannot support
(p99 needs 368, ``stats.quantiles``), and loads above .95, where what is seen depends on how long one looks.
A closed loop's latency is never called capacity: it is what the replay starts from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgebench.decide.replay import (
    WARM_UP,
    Assumed,
    Drawn,
    Times,
    Unit,
    load_s_of,
    quantiles_of,
    served,
    times_of,
    unit_of,
)
from edgebench.decide.resampled import Resampled
from edgebench.decide.wording import name as named
from edgebench.decide.wording import number, percent, said
from edgebench.metrics.observed import QUANTILES, generator, is_quantile_of_time
from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import SLO, Capacity, Estimate, LoadPoint, Placement, Provenance
from edgebench.stats import clusters, queues
from edgebench.stats.quantiles import needed_n

Met = Literal["met", "missed", "undecided"]
LEVEL = 0.90  # two-sided, of windows
LOADS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)  # at which points are shown, beside the rates asked for
MOST_POINTS = 10
TIMES_UNLOADED = 3.0  # the limit where nobody gave one: p95 at most so many times its own without a queue
SHOWN = {"p50_ms": 0.50, "p95_ms": 0.95, "p99_ms": 0.99}


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is simulated: so many windows of so many requests, once for the value and once for its interval."""

    windows: int = 60
    window: int = 4_000
    steps: int = 12  # of halving: the highest rate is known to a part in 2^steps

    @classmethod
    def light(cls) -> Effort:
        """For a conclusion that is to be had at once."""
        return cls(windows=30, window=1_000, steps=9)

    @classmethod
    def slow(cls) -> Effort:
        """For a queue that is simulated event by event."""
        return cls(windows=20, window=1_000, steps=8)


def by_load(slo: SLO) -> bool:
    """Whether a limit is one that a rate of requests could miss, and that a replay can tell: on latency or TTFT."""
    timed = is_quantile_of_time(slo.metric) and QUANTILES[slo.metric][0] in ("latency_ms", "ttft_ms")
    return slo.max is not None and (timed or slo.metric == "failure_rate")


def capacities(resampled: Resampled) -> tuple[Capacity, ...]:
    """The capacity of every arm with records, under the plan's SLOs on time; a quick look, the verb takes a longer."""
    slos = tuple(slo for slo in resampled.run.plan.slos if by_load(slo))
    rng = generator(resampled.run, "capacity")
    return tuple(
        capacity(arm, slos, rng=rng, effort=Effort.light()) for arm in resampled.table.values() if len(arm.records)
    )


def capacity(
    arm: ArmColumns,
    slos: Sequence[SLO],
    *,
    rng: np.random.Generator,
    unit: Unit | None = None,
    rates: Sequence[float] = (),
    effort: Effort | None = None,
) -> Capacity:
    """What one unit of an arm carries within ``slos`` (none: p95 ≤ 3 × its own unloaded), and points up to there.

    ``rates``: requests a second at which points are wanted. Only SLOs for which ``by_load`` is true are judged.
    """
    unit, times = unit or unit_of(arm), times_of(arm)
    slos = tuple(slo for slo in slos if by_load(slo))
    if why := _unfit(arm, times):
        return Capacity(arm.arm, unit.model, unit.server.slots, slos, (), Estimate.absent(why, n=times.n), why)
    stated = ""
    if not slos:
        slos = (_usual(times),)
        stated = f"no SLO on time was given: p95 ≤ {TIMES_UNLOADED:g} × its own without a queue; "
    effort = effort or (Effort() if unit.plain else Effort.slow())
    simulation = Simulation(unit, times, slos, rng, effort, arm.identity.placement)
    highest = simulation.highest()
    points = tuple(simulation.point(rate) for rate in _grid(unit, times, highest, rates))
    return Capacity(arm.arm, unit.model, unit.server.slots, slos, points, highest, f"{stated}{simulation.why()}")


def _unfit(arm: ArmColumns, times: Times) -> str:
    """Why nothing can be replayed; empty where it can."""
    if arm.identity.kind == "cascade":
        return "a cascade is two targets: see the capacity of each, and `capacity --daily` for the two together"
    if not np.isfinite(times.latency_s).any():
        return "no request was answered"
    return "" if times.mean_hold_s > 0 else "its requests took no time"


def _usual(times: Times) -> SLO:
    (p95,) = quantiles_of(times.latency_s[np.isfinite(times.latency_s)], (0.95,))
    return SLO("p95_ms", max=TIMES_UNLOADED * float(p95) * 1000)


def _grid(unit: Unit, times: Times, highest: Estimate, rates: Sequence[float]) -> list[float]:
    """Rates of the points, rising: those asked for, the highest, and others between."""
    per_request = unit.load(1.0, times)
    wanted = list(dict.fromkeys(rates))[:MOST_POINTS]
    more = [highest.value] if highest.value else []
    more += [load / per_request for load in LOADS] if per_request > 0 else []
    apart: list[float] = []
    for rate in wanted + more:
        if not any(math.isclose(rate, other, rel_tol=1e-6) for other in apart):
            apart.append(rate)
    return sorted(apart[:MOST_POINTS])


class Simulation:
    """One unit's queue under rates; every rate meets the same drawn requests."""

    def __init__(
        self,
        unit: Unit,
        times: Times,
        slos: Sequence[SLO],
        rng: np.random.Generator,
        effort: Effort,
        placement: Placement = "device",
    ) -> None:
        self.unit, self.times, self.slos, self.effort = unit, times, tuple(slos), effort
        self._provenance: Provenance = "stand-in" if placement == "stand-in" else "estimated"
        size = effort.windows, math.ceil(effort.window / (1 - WARM_UP))
        self._windows, self._plain = (Drawn.of(times, rng, *size, anew=anew) for anew in (True, False))

    def highest(self) -> Estimate:
        """The highest rate within the SLOs, requests a second; absent with the reason where there is none."""
        if why := unsupported(self.times, self.slos):
            return Estimate.absent(why, n=self.times.n)
        top = self.unit.highest(self.times)
        if math.isinf(top):
            return Estimate.absent("no rate is known that limits it", n=self.times.n)
        value = self._value(top)
        if value <= 0:
            return Estimate.absent(self._too_slow(), n=self.times.n)
        low, high = np.quantile(self._search(), [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).tolist()
        note = None
        if value >= top:
            note = f"kept up to load {queues.UNSTABLE:g}; beyond it a queue is unstable and nothing is claimed"
        ends = min(low, value), max(high, value)
        return Estimate(value, *ends, self.times.n, self._method(), LEVEL, self._provenance, note=note)

    def _value(self, top: float) -> float:
        """The highest rate at which all windows together keep the SLOs; 0 where even the lowest misses."""
        low, high = 0.0, top
        for step in range(self.effort.steps + 1):
            rate = high if step == 0 else (low + high) / 2
            seen = self._served(self._plain, np.full(self.effort.windows, rate))
            if self._kept(*(each.reshape(1, -1) for each in seen))[0]:
                low = rate
            else:
                high = rate
        return low

    def _search(self) -> Floats:
        """The highest rate of each window; 0 where even the lowest misses."""
        drawn = self._windows
        sizes = zip(drawn.hold_s.mean(axis=1).tolist(), drawn.tokens.mean(axis=1).tolist(), strict=True)
        per_request = np.array([self.unit.load_of(1.0, hold_s, tokens) for hold_s, tokens in sizes])
        low, high = np.zeros(len(per_request)), queues.UNSTABLE / np.maximum(per_request, 1e-12)
        for step in range(self.effort.steps + 1):
            rates = high if step == 0 else (low + high) / 2
            kept = self._kept(*self._served(drawn, rates))
            low, high = np.where(kept, rates, low), np.where(kept, high, rates)
        return low

    def _served(self, drawn: Drawn, rates: Floats) -> tuple[Floats, Floats]:
        """(latency, TTFT) of every window after its warm-up; a rate for each window."""
        last, first = served(self.unit, drawn, drawn.moments / rates[:, None])
        begin = math.floor(WARM_UP * last.shape[-1])
        return last[:, begin:], first[:, begin:]

    def _kept(self, last: Floats, first: Floats) -> Flags:
        """Which windows kept every SLO."""
        kept = np.ones(len(last), dtype=bool)
        for slo in self.slos:
            if slo.metric == "failure_rate":
                kept &= np.isinf(last).mean(axis=1) <= (slo.max or 0.0)
                continue
            column, q = QUANTILES[slo.metric]
            (found,) = quantiles_of(last if column == "latency_ms" else first, (q,))
            kept &= found * 1000 <= (slo.max or 0.0)
        return kept

    def point(self, rate: float) -> LoadPoint:
        """What would be at one rate."""
        load = self.unit.load(rate, self.times)
        if load > queues.UNSTABLE * (1 + 1e-9):
            unstable = Estimate.absent(f"unstable: load {number(load)}, above {queues.UNSTABLE:g}", n=self.times.n)
            return LoadPoint(rate, load, unstable, unstable, unstable, "missed" if load >= 1 else "undecided")
        windows = self._served(self._windows, np.full(self.effort.windows, rate))
        plain = self._served(self._plain, np.full(self.effort.windows, rate))
        values = quantiles_of(plain[0].ravel(), tuple(SHOWN.values())) * 1000
        spread = quantiles_of(windows[0], tuple(SHOWN.values())) * 1000
        found = [
            self._quantile(q, float(value), row) for q, value, row in zip(SHOWN.values(), values, spread, strict=True)
        ]
        return LoadPoint(rate, load, found[0], found[1], found[2], self._met(float(self._kept(*windows).mean())))

    def _met(self, share: float) -> Met:
        """The verdict by the share of windows that kept the SLOs."""
        tail = (1 - LEVEL) / 2
        if unsupported(self.times, self.slos) or tail < share < 1 - tail:
            return "undecided"
        return "met" if share >= 1 - tail else "missed"

    def _quantile(self, q: float, value: float, windows: Floats) -> Estimate:
        if why := too_few(self.times, q):
            return Estimate.absent(why, n=self.times.n)
        low, high = quantiles_of(windows, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
        if math.isinf(value):
            return Estimate.absent("so many requests are never answered", n=self.times.n, low=_finite(low))
        above = _finite(high)
        ends = min(float(low), value), None if above is None else max(above, value)
        return Estimate(value, *ends, self.times.n, self._method(), LEVEL, self._provenance)

    # ---------------------------------------------------------------------------------------------------- in words

    def _too_slow(self) -> str:
        """What the target lacks of an SLO it misses even without a queue."""
        lacks = []
        for slo in self.slos:
            alone = self.alone(slo)
            if slo.max is not None and alone > slo.max:
                over = (
                    f"{percent(alone / slo.max - 1)} too much" if slo.max and math.isfinite(alone) else "too often none"
                )
                lacks.append(
                    f"{named(slo.metric)} is {said(slo.metric, alone)}, wanted ≤ {said(slo.metric, slo.max)} ({over})"
                )
        return f"even without a queue: {'; '.join(lacks)}" if lacks else "the limit is missed at any rate"

    def alone(self, slo: SLO) -> float:
        """The metric of an SLO without any queue."""
        if slo.metric == "failure_rate":
            return float(np.isinf(self.times.latency_s).mean())
        column, q = QUANTILES[slo.metric]
        values = self.times.latency_s if column == "latency_ms" else self.times.first_s
        return float(quantiles_of(values, (q,))[0]) * 1000

    def _method(self) -> str:
        effort = self.effort
        return (
            f"replay of {self.times.n} measured service times under Poisson arrivals; interval: {percent(LEVEL)} of "
            f"{effort.windows} windows of {effort.window:,} requests, items and arrivals drawn anew"
        )

    def why(self) -> str:
        """What the numbers rest on."""
        took = number(1000 * self.times.mean_hold_s)
        lost = int(np.isinf(self.times.latency_s).sum())
        failed = f"; {lost} of {self.times.n} failed and count as missed" if lost else ""
        return f"{self.unit.why}; {self.times.n} requests, {took} ms each on average{failed}"


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def too_few(times: Times, q: float) -> str:
    """Why so few records cannot support a quantile of what they are replayed into; empty where they can."""
    needed, worth = needed_n(q), clusters.effective_n(times.member, times.hold_s)
    if worth >= needed:
        return ""
    again = f", worth {worth:.0f} for their items repeat" if worth < times.n - 1 else ""
    return f"too few records: a p{100 * q:g} needs {needed} service times, there are {times.n}{again}"


def unsupported(times: Times, slos: Sequence[SLO]) -> str:
    """Why an SLO cannot be judged by so few records; empty where all can."""
    qs = [QUANTILES[slo.metric][1] for slo in slos if slo.metric in QUANTILES]
    return next((why for q in qs if (why := too_few(times, q))), "")


def lacking(arm: ArmColumns, slos: Sequence[SLO]) -> Mapping[SLO, tuple[float, float]]:
    """SLOs that the arm misses even alone: (its own value, the limit). What a sentence about the closest is made of."""
    times = times_of(arm)
    if not np.isfinite(times.latency_s).any():
        return {}
    simulation = Simulation(unit_of(arm), times, slos, np.random.default_rng(0), Effort(1, 10, 1))
    found = {slo: simulation.alone(slo) for slo in slos if by_load(slo) and slo.max is not None}
    return {slo: (alone, slo.max or 0.0) for slo, alone in found.items() if alone > (slo.max or 0.0)}


def assumed_unit(arm: ArmColumns, given: Assumed, load_s: float | None) -> Unit:
    """The unit of an arm with what is said of it; ``load_s``: median model load."""
    return unit_of(arm, given, load_s=load_s_of(arm, load_s))
