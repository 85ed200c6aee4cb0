"""How ``edgebench capacity`` speaks: points, the highest rate, the day, the money, and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebench.cli.options import console, grid, text

if TYPE_CHECKING:
    from edgebench.cli.capacity import Even
    from edgebench.decide.curves import Curve
    from edgebench.records import Capacity, DayPlan, LoadPoint, Run
    from edgebench.run.concurrency import Rates
    from edgebench.run.validate import Validation

MARKS = {"met": "✓ met", "missed": "✗ missed", "undecided": "? undecided"}
MOST_ALONE = 10  # points of one arm; of several, those asked for and the highest


@dataclass(frozen=True, slots=True)
class Told:
    """All that is said."""

    run: Run
    capacities: tuple[Capacity, ...]
    asked: tuple[float, ...]
    plans: tuple[DayPlan, ...]
    breakevens: tuple[Even, ...]
    daily: float | None
    curve: Curve | None
    rates: Rates | None
    validation: Validation | None
    nobody: str
    invalid: str | None  # why the run that is replayed cannot be trusted

    def as_json(self) -> dict[str, Any]:
        return {
            "run": self.run.id,
            "capacities": self.capacities,
            "a_day": self.daily,
            "curve": self.curve,
            "day": self.plans,
            "breakevens": self.breakevens,
            "rates": self.rates,
            "validation": self.validation
            and {
                "point": self.validation,
                "errors": {one.name: one.error for one in self.validation.quantiles},
                "covered": {one.name: one.covered for one in self.validation.quantiles},
            },
            "said": list(sentences(self)),
        }


def print_all(told: Told) -> None:
    """Print everything to stdout."""
    out = console()
    if told.rates is not None:
        out.print(_rates(told.rates))
    if told.validation is not None:
        out.print(_validation(told.validation))
    out.print(_points(told))
    out.print(_highest(told.capacities))
    if told.plans:
        out.print(_day(told.plans))
    for line in sentences(told):
        out.print(text(line))


# --------------------------------------------------------------------------------------------------- tables


def _points(told: Told) -> Any:
    numeric = ("rate/s", "load", "p50", "p95", "p99")
    table = grid("arm", *numeric, "SLOs", right=numeric)
    for found in told.capacities:
        for point in _shown(told, found):
            table.add_row(text(found.arm), *_cells(point), MARKS[point.met])
    return table


def _shown(told: Told, found: Capacity) -> Sequence[LoadPoint]:
    """All points of an arm alone; of several, those at the rates asked for and at the highest one."""
    if len(told.capacities) == 1:
        return found.points[:MOST_ALONE]
    wanted = [*told.asked, *([found.highest_rps.value] if found.highest_rps.value else [])]
    return [point for point in found.points if point.rate in wanted]


def _cells(point: LoadPoint) -> list[str]:
    from edgebench.report.formatting import estimate, number, share

    times = [str(estimate(each, name)) for name, each in zip(_NAMES, _times(point), strict=True)]
    return [number(point.rate), share(point.utilisation, 1.0), *times]


_NAMES = ("p50_ms", "p95_ms", "p99_ms")


def _times(point: LoadPoint) -> tuple[Any, Any, Any]:
    return point.p50_ms, point.p95_ms, point.p99_ms


def _highest(found: Sequence[Capacity]) -> Any:
    from edgebench.report.formatting import show

    table = grid("arm", "highest rate", "queue", "slots", right=("highest rate", "slots"))
    for one in found:
        slots = "—" if one.model == "no queue" else str(one.slots)
        table.add_row(text(one.arm), str(show(one.highest_rps, "/s")), one.model, slots)
    return table


def _day(plans: Sequence[DayPlan]) -> Any:
    from edgebench.report.formatting import ABSENT, share, show

    numeric = ("devices", "busy", "to the cloud", "$ a month")
    table = grid("carried by", *numeric, "", right=numeric)
    for plan in plans:
        table.add_row(
            text(plan.name),
            ABSENT if plan.devices is None else f"{plan.devices:,}",
            ABSENT if plan.utilisation is None else share(plan.utilisation, 1.0),
            ABSENT if plan.overflow is None else share(plan.overflow, 1.0),
            str(show(plan.usd_a_month, "$")),
            "" if plan.usd_a_month.value is None else plan.usd_a_month.provenance,
        )
    return table


def _rates(rates: Rates) -> Any:
    from edgebench.report.formatting import show

    table = grid("users at once", "work done together", "run", right=("users at once", "work done together"))
    for k, speed, run in zip(rates.users, rates.speeds, rates.runs, strict=True):
        table.add_row(str(k), str(show(speed, "×")), text(run))
    return table


def _validation(found: Validation) -> Any:
    from edgebench.report.formatting import ABSENT, quantity

    numeric = ("measured", "predicted", "error", "with its own times", "fresh arrivals, 90 %")
    table = grid("latency", *numeric, "", right=numeric)
    for one in found.quantiles:
        values = [
            ABSENT if value is None else quantity(value, "ms") for value in (one.measured, one.predicted, one.own)
        ]
        error = ABSENT if one.error is None else f"{100 * one.error:+.1f} %".replace("-", "−")
        between = f"{quantity(one.low, 'ms')} – {quantity(one.high, 'ms')}"
        table.add_row(one.name, *values[:2], error, values[2], between, "holds it" if one.covered else "misses it")
    return table


# --------------------------------------------------------------------------------------------------- sentences


def sentences(told: Told) -> Iterator[str]:
    """What the tables mean, and what they rest on."""
    if told.validation is not None:
        yield from _of_validation(told.validation)
    if told.invalid:
        yield f"✗ the run replayed is INVALID, and so is what follows from it: {told.invalid}"
    if told.nobody:
        yield told.nobody
    for found in told.capacities:
        yield from _of_capacity(found)
    absent = [
        why for one in told.capacities for point in one.points for each in _times(point) if (why := each.why_absent)
    ]
    yield from dict.fromkeys(f"—: {why}" for why in absent if why.startswith("too few"))
    if told.plans and told.curve is not None and told.daily is not None:
        yield from _of_day(told, told.curve, told.daily)


def _of_capacity(found: Capacity) -> Iterator[str]:
    from edgebench.decide.wording import said

    limits = " and ".join(f"{slo.metric} ≤ {said(slo.metric, slo.max or 0.0)}" for slo in found.slos) or "no SLO"
    if found.highest_rps.value is None:
        yield f"{found.arm} ({limits}): {found.highest_rps.why_absent}"
    elif found.highest_rps.note:
        yield f"{found.arm} ({limits}): {found.highest_rps.note}"
    if found.highest_rps.value is None and found.highest_rps.why_absent == found.why:
        return
    yield f"{found.arm}: {found.why}; held against {limits}"


def _of_day(told: Told, curve: Curve, daily: float) -> Iterator[str]:
    from edgebench.decide.wording import dollars, number, percent

    peak = daily * curve.peak
    yield (
        f"{number(daily)} requests a day by the curve {curve.name} ({curve.kind}, {curve.date or 'no date'}): "
        f"{number(peak)}/s in the busiest hour, {number(daily / 86_400)}/s on average"
    )
    carried = [plan for plan in told.plans if plan.devices is not None and plan.usd_a_month.value is not None]
    if carried:
        best = min(carried, key=lambda plan: plan.usd_a_month.value or 0.0)
        yield f"cheapest within the SLOs: {best.name}, {dollars(best.usd_a_month.value or 0.0)} a month: {best.why}"
    for why, names in _by_reason((plan.why, plan.name) for plan in told.plans if plan.devices is None):
        yield f"not {'; '.join(names)}: {why}"
    for even in told.breakevens:
        if even.a_day is not None:
            yield f"{even.device} is cheaper than {even.hosted} from {number(even.a_day)} requests a day on"
    for hosted, devices in _by_reason((even.hosted, even.device) for even in told.breakevens if even.a_day is None):
        yield f"at no volume carried within the SLOs is any of these cheaper than {hosted}: {'; '.join(devices)}"
    if any(plan.utilisation for plan in carried):
        busy = ", ".join(f"{plan.name} {percent(plan.utilisation or 0.0)}" for plan in carried if plan.devices)
        yield f"busy over the day, which is the duty cycle its cost is spread over: {busy}"


def _by_reason(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, list[str]]]:
    """What is said of several, said once: in the order in which it was first said."""
    out: dict[str, list[str]] = {}
    for why, name in pairs:
        out.setdefault(why, []).append(name)
    return out.items()


def _of_validation(found: Validation) -> Iterator[str]:
    from edgebench.decide.wording import number, percent

    yield (
        f"{found.n} requests at {number(found.rate)}/s, load {number(found.load)}; predicted with the times of "
        f"{found.calibrated} calibrated ones ({percent(found.matched)} of the items were among them, "
        f"{found.handovers} came back to back)"
    )
    if found.slower.value is not None:
        ends = [number(end) if end is not None else "—" for end in (found.slower.low, found.slower.high)]
        times = f"{number(found.slower.value)} [{ends[0]}–{ends[1]}] times"
        yield (
            f"under load the same items took {times} what they took in the calibration; a queue makes more of that the "
            "nearer it is to its limit"
        )
