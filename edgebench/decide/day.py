"""A day's traffic: how many devices carry it within the SLOs, how busy they are, and what a month of it costs.

Every hour has its rate, by the curve; within an hour requests come at random (Poisson), and n devices get an n-th of
them each, which is Poisson again. The busiest hour decides how many are needed. Devices are owned all day::

    dollars a month = 30.4375 · (devices · fixed dollars a day + requests a day · dollars a request)

with the fixed dollars (purchase, upkeep, idle energy) and the dollars a request of ``monthly``: what a device costs is
spread over the requests of this very day, so its duty cycle is the one the day implies. An API has no fixed dollars.

- Cascade: every request is answered on a device, and the deferred share by the API too: its dollars, and its latency.
- Overflow: a request that would have to wait longer than the SLO leaves room for goes to the API instead. The fleet is
  the cheapest at which every hour keeps the SLOs: sized for the base load, with the API for what is above it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgebench.decide import monthly
from edgebench.decide.capacity import Effort, Simulation, by_load, lacking, unsupported
from edgebench.decide.curves import HOUR_S, HOURS, Curve
from edgebench.decide.replay import ANY_NUMBER, Drawn, Times, Unit, quantiles_of, times_of, unit_of
from edgebench.decide.wording import dollars, number, percent, said
from edgebench.metrics.observed import QUANTILES
from edgebench.metrics.table import ArmColumns, Floats
from edgebench.records import SLO, Capacity, CascadePoint, Conclusion, DayPlan, Estimate, Provenance, Running
from edgebench.stats import queues, sharing

FLEETS = 12  # sizes of an overflowing fleet that are tried
WINDOW = 3_000  # requests of an hour that are simulated to see how many overflow
MIXED = 4_000  # requests of which a cascade's times are made


@dataclass(frozen=True)
class Carrier:
    """One arm that may carry the day, or a part of it."""

    columns: ArmColumns
    capacity: Capacity
    unit: Unit
    times: Times
    running: Running | None  # None: nobody knows what it costs
    why_unpriced: str
    spread: tuple[float, float]  # its dollars a request at the ends of their interval, as shares of the value

    @property
    def arm(self) -> str:
        return self.columns.arm

    @property
    def placement(self) -> str:
        return self.columns.identity.placement

    @property
    def is_unit(self) -> bool:
        """Whether more of it is had by adding another one: a device, a rented machine."""
        return self.unit.model != "no queue"


def carriers(
    conclusion: Conclusion,
    table: Mapping[str, ArmColumns],
    capacities: Sequence[Capacity],
    units: Mapping[str, Unit] | None = None,
) -> tuple[Carrier, ...]:
    """Arms with a capacity (that may be absent), and what each costs; ``units``: where they are not as measured."""
    running = {one.arm: one for one in conclusion.monthly.running}
    prices = {arm.arm: arm.estimates["usd_per_1k"] for arm in conclusion.summary.arms}
    out = []
    for found in capacities:
        arm, price = table[found.arm], prices[found.arm]
        spread = (1.0, 1.0)
        if price.value and price.low is not None and price.high is not None:
            spread = (price.low / price.value, price.high / price.value)
        unit = (units or {}).get(found.arm) or unit_of(arm)
        why = conclusion.monthly.missing.get(found.arm, "no price")
        out.append(Carrier(arm, found, unit, times_of(arm), running.get(found.arm), why, spread))
    return tuple(out)


def day_plans(
    conclusion: Conclusion, among: Sequence[Carrier], a_day: float, curve: Curve, *, rng: np.random.Generator
) -> tuple[DayPlan, ...]:
    """Each arm alone, then every cascade that has a best point, then devices with the cheapest API for the overflow."""
    by_name = {one.arm: one for one in among}
    plans = [_alone(one, a_day, curve) for one in among if one.columns.identity.kind != "cascade"]
    for found in conclusion.cascades:
        edge, cloud = by_name.get(found.edge), by_name.get(found.cloud)
        if found.policy == "sequential" and found.best is not None and edge and cloud:
            plans.append(_cascade(edge, cloud, found.best, a_day, curve, rng))
    cheapest = cheapest_api(among)
    devices = [one for one in among if one.is_unit and one.placement == "device" and one.running]
    return (*plans, *(_overflow(one, cheapest, a_day, curve, rng) for one in devices if cheapest))


def cheapest_api(among: Sequence[Carrier]) -> Carrier | None:
    """Of those paid by the request that keep the SLOs as measured (or of all, where none does)."""
    apis = [
        one for one in among if not one.is_unit and one.running is not None and one.columns.identity.kind != "cascade"
    ]
    keeping = [one for one in apis if not lacking(one.columns, one.capacity.slos)]
    return min(keeping or apis, key=lambda one: _running(one).usd_a_request, default=None)


def breakeven_a_day(device: Carrier, api: Carrier, curve: Curve) -> float | None:
    """Requests a day from which the device costs less than the API; None where no volume does.

    One device has a fixed price a day, and the next one is bought when the busiest hour is beyond the first: if it has
    not paid by then, no number of them does. Just above each further purchase the API may be cheaper for a while.
    """
    if device.running is None or api.running is None or not device.capacity.highest_rps.value:
        return None
    saved = api.running.usd_a_request - device.running.usd_a_request
    volume = device.running.fixed_usd_a_day / saved if saved > 0 else math.inf
    return volume if volume * curve.peak <= device.capacity.highest_rps.value else None


# --------------------------------------------------------------------------------------------------- one arm


def _alone(one: Carrier, a_day: float, curve: Curve) -> DayPlan:
    peak = a_day * curve.peak
    if not one.is_unit:
        return _hosted(one, a_day, peak)
    highest = one.capacity.highest_rps
    if highest.value is None:
        absent = Estimate.absent("it cannot carry a day within the SLOs", n=one.times.n)
        return DayPlan(one.arm, one.placement, a_day, peak, None, None, 0.0, absent, highest.why_absent or "")
    devices = needed(peak, highest.value)
    most, least = (needed(peak, end or highest.value) for end in (highest.low, highest.high))
    told = f"{number(peak)}/s in the busiest hour, {number(highest.value)}/s each within the SLOs"
    if most > least:
        told += f"; between {least} and {most} of them by the interval of that"
    usd = _usd(one, None, a_day, 0.0, devices, (least, most))
    busy = one.unit.load(a_day / (HOURS * HOUR_S) / devices, one.times)
    return DayPlan(
        one.arm, one.placement, a_day, peak, devices, busy, 0.0, usd, f"{told}; {_bill(one, devices, a_day)}"
    )


def needed(peak_rps: float, highest_rps: float) -> int:
    """Units for the busiest hour: at least one, none more than the rate demands."""
    return max(1, math.ceil(peak_rps / highest_rps * (1 - 1e-12))) if highest_rps > 0 else ANY_NUMBER


def _hosted(one: Carrier, a_day: float, peak: float) -> DayPlan:
    rented = monthly.devices(one.running, a_day) if one.running else 0  # machines paid by the hour, busy or not
    usd = _usd(one, None, a_day, 0.0, rented, (rented, rented))
    why = "latency as measured, at any rate"
    if few := unsupported(one.times, one.capacity.slos):
        return DayPlan(one.arm, one.placement, a_day, peak, None, None, None, usd, few)
    carried = not (missed := lacking(one.columns, one.capacity.slos))
    if missed:
        why = "misses as measured: " + "; ".join(
            f"{slo.metric} {said(slo.metric, value)}, wanted ≤ {said(slo.metric, limit)}"
            for slo, (value, limit) in missed.items()
        )
    highest = one.capacity.highest_rps.value
    if highest is not None and peak > highest:
        carried, why = False, f"{number(peak)}/s in the busiest hour, its limits allow {number(highest)}/s"
    why = f"{why}; {_bill(one, rented, a_day)}"
    return DayPlan(one.arm, one.placement, a_day, peak, rented if carried else None, None, None, usd, why)


def _bill(one: Carrier, devices: int, a_day: float) -> str:
    """The parts from which the month is added up."""
    running = one.running
    if running is None:
        return f"no price: {one.why_unpriced}"
    parts = [f"{number(a_day)} × {dollars(running.usd_a_request)}"]
    if devices:
        parts.insert(0, f"{devices} × {dollars(running.fixed_usd_a_day)} a day")
    return f"a month is {monthly.MONTH_DAYS:g} × ({' + '.join(parts)})"


def _running(one: Carrier) -> Running:
    if one.running is None:
        raise ValueError(f"{one.arm} has no price: it was to be left out")
    return one.running


def _usd(
    edge: Carrier, cloud: Carrier | None, a_day: float, sent: float, devices: int, between: tuple[int, int],
    kept: float = 1.0,
) -> Estimate:  # fmt: skip
    """Dollars a month. ``kept``: share answered by the edge; ``sent``: share that the cloud is asked."""
    for one in (edge, cloud):
        if one is not None and one.running is None:
            return Estimate.absent(one.why_unpriced, n=one.times.n)

    def total(count: int, end: int | None) -> float:
        edges = _running(edge).usd_a_request * (1.0 if end is None else edge.spread[end])
        clouds = _running(cloud).usd_a_request * (1.0 if end is None else cloud.spread[end]) if cloud else 0.0
        return monthly.MONTH_DAYS * (count * _running(edge).fixed_usd_a_day + a_day * (kept * edges + sent * clouds))

    provenance: Provenance = "estimated" if cloud else _running(edge).provenance
    if "stand-in" in (edge.placement, cloud.placement if cloud else ""):
        provenance = "stand-in"
    low, high = total(between[0], 0), total(between[1], 1)
    return Estimate(
        total(devices, None), low, high, edge.times.n, "devices × fixed + requests × dollars each", 0.95, provenance
    )


# --------------------------------------------------------------------------------------------------- two together


def _cascade(
    edge: Carrier, cloud: Carrier, best: CascadePoint, a_day: float, curve: Curve, rng: np.random.Generator
) -> DayPlan:
    """Edge first: its queue, and for the deferred share the cloud's latency after it."""
    name, peak, deferred = f"{edge.arm} → {cloud.arm} (cascade)", a_day * curve.peak, best.deferred.value or 0.0
    if why := _cannot(edge, cloud):
        absent = Estimate.absent("it cannot carry a day within the SLOs", n=edge.times.n)
        return DayPlan(name, "hybrid", a_day, peak, None, None, deferred, absent, why)
    mixed = _mixed(edge.times, cloud.times, deferred, rng)
    highest = Simulation(edge.unit, mixed, edge.capacity.slos, rng, Effort.light()).highest()
    if highest.value is None:
        absent = Estimate.absent("it cannot carry a day within the SLOs", n=mixed.n)
        return DayPlan(name, "hybrid", a_day, peak, None, None, deferred, absent, highest.why_absent or "")
    devices = needed(peak, highest.value)
    most, least = (needed(peak, end or highest.value) for end in (highest.low, highest.high))
    usd = _usd(edge, cloud, a_day, deferred, devices, (least, most))
    busy = edge.unit.load(a_day / (HOURS * HOUR_S) / devices, edge.times)
    why = f"{percent(deferred)} deferred, whichever they are; {number(highest.value)}/s each within the SLOs"
    return DayPlan(name, "hybrid", a_day, peak, devices, busy, deferred, usd, why)


def _mixed(edge: Times, cloud: Times, deferred: float, rng: np.random.Generator) -> Times:
    """Times of requests of which a share asks the cloud after the edge."""
    one, two = rng.integers(0, edge.n, MIXED), rng.integers(0, cloud.n, MIXED)
    asks = rng.random(MIXED) < deferred
    both = edge.at(one)
    after = edge.hold_s[one]
    return replace(
        both,
        latency_s=np.where(asks, after + cloud.latency_s[two], both.latency_s),
        first_s=np.where(asks, after + cloud.first_s[two], both.first_s),
        member=np.arange(MIXED),
    )


def _overflow(edge: Carrier, cloud: Carrier, a_day: float, curve: Curve, rng: np.random.Generator) -> DayPlan:
    """The cheapest fleet at which every hour keeps the SLOs, the cloud taking what would wait too long."""
    name, peak = f"{edge.arm} → {cloud.arm} (overflow)", a_day * curve.peak
    waiting_s = room(edge)
    absent = Estimate.absent("it cannot carry a day within the SLOs", n=edge.times.n)
    if waiting_s is None or (why := _cannot(edge, cloud)):
        why = "no SLO on latency" if waiting_s is None else why
        return DayPlan(name, "hybrid", a_day, peak, None, None, None, absent, why)
    full = needed(peak, edge.capacity.highest_rps.value or 0.0)
    found: list[tuple[float, int, float, Estimate]] = []
    for devices in sorted({round(size) for size in np.linspace(1, full, min(full, FLEETS)).tolist()}):
        share = _overflowing(edge, cloud, curve.rates(a_day), devices, waiting_s, rng)
        if share is not None:
            usd = _usd(edge, cloud, a_day, share, devices, (devices, devices), 1 - share)
            found.append((usd.value if usd.value is not None else math.inf, devices, share, usd))
    if not found:
        return DayPlan(name, "hybrid", a_day, peak, None, None, None, absent, "no fleet keeps the SLOs in every hour")
    _, devices, share, usd = min(found, key=lambda one: one[:2])
    busy = edge.unit.load((1 - share) * a_day / (HOURS * HOUR_S) / devices, edge.times)
    why = (
        f"{percent(share)} would wait longer than {said('p95_ms', 1000 * waiting_s)} and go to the cloud; "
        f"{full} devices would carry all"
    )
    return DayPlan(name, "hybrid", a_day, peak, devices, busy, share, usd, why)


def _cannot(edge: Carrier, cloud: Carrier) -> str:
    """Why two together cannot be shown to keep the SLOs; empty where they can be simulated."""
    if edge.capacity.highest_rps.value is None:
        return f"{edge.arm} alone: {edge.capacity.highest_rps.why_absent}"
    return unsupported(cloud.times, edge.capacity.slos)


def room(edge: Carrier) -> float | None:
    """Seconds a request may wait at a device and still keep the SLOs; None where no SLO is on latency."""
    left: list[float] = []
    for slo in edge.capacity.slos:
        if slo.max is None or slo.metric not in QUANTILES or not by_load(slo):
            continue
        column, q = QUANTILES[slo.metric]
        own = edge.times.latency_s if column == "latency_ms" else edge.times.first_s
        left.append(slo.max / 1000 - float(quantiles_of(own, (q,))[0]))
    return min(left, default=None)


def _overflowing(
    edge: Carrier, cloud: Carrier, rates: Sequence[float], devices: int, waiting_s: float, rng: np.random.Generator
) -> float | None:
    """Share of the day that goes to the cloud; None where an hour misses an SLO."""
    sent = 0.0
    seen: dict[float, float] = {}
    for rate in rates:
        if rate not in seen:
            for share, last, first in _hour(edge, cloud, rate / devices, waiting_s, rng):
                if not all(_keeps(slo, last, first) for slo in edge.capacity.slos):
                    return None
                seen[rate] = share
        sent += rate * seen.get(rate, 0.0)
    return sent / sum(rates)


def _hour(
    edge: Carrier, cloud: Carrier, rate: float, waiting_s: float, rng: np.random.Generator
) -> Iterator[tuple[float, Floats, Floats]]:
    """(share sent to the cloud, latencies, times to first token) at one device of the fleet; nothing at rate 0."""
    if rate <= 0:
        return
    drawn = Drawn.of(edge.times, rng, 1, WINDOW, anew=False).row(0)
    arrivals = drawn.moments / rate
    if edge.unit.plain:
        waited = queues.fifo(arrivals, drawn.hold_s, edge.unit.server.slots, most_waiting=waiting_s) - arrivals
        last, first = waited + drawn.latency_s, waited + drawn.first_s
    else:
        clients = replace(edge.unit.clients, most_waiting=waiting_s)
        found = sharing.shared(arrivals, drawn.hold_s, edge.unit.server, clients, tokens=drawn.tokens)
        last = first = found.latency
    away = np.isnan(last)
    places = rng.integers(0, cloud.times.n, len(last))
    yield (
        float(away.mean()),
        np.where(away, cloud.times.latency_s[places], last),
        np.where(away, cloud.times.first_s[places], first),
    )


def _keeps(slo: SLO, last: Floats, first: Floats) -> bool:
    if slo.metric == "failure_rate":
        return float(np.isinf(last).mean()) <= (slo.max or 0.0)
    column, q = QUANTILES[slo.metric]
    (found,) = quantiles_of(last if column == "latency_ms" else first, (q,))
    return float(found) * 1000 <= (slo.max or 0.0)
