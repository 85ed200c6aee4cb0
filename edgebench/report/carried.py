"""Capacity on the page: how the time of an answer grows with the rate of requests, and the highest rate carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebench.records import METRICS, SLO, Capacity, Conclusion, Estimate, LoadPoint
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.marks import Area, Curve, Dot, Figure, Level, Mark, axis
from edgebench.report.tables import Cell, Column, Table, arm_cell, number_cell, table

Looks = Mapping[str, Look]
DRAWN = 8  # arms; the table has all
QUANTILES = ("p95_ms", "p99_ms", "p50_ms")
MODELS = {"first-in-first-out": "others wait", "processor-sharing": "all slower", "no queue": "no queue"}


def ordered(conclusion: Conclusion) -> Sequence[Capacity]:
    """The recommended arm first, then by the rate carried; arms without an answer last."""
    chosen = conclusion.advice.arm

    def order(one: Capacity) -> tuple[bool, bool, float]:
        return one.arm != chosen, one.highest_rps.value is None, -(one.highest_rps.value or 0.0)

    return sorted(conclusion.capacities, key=order)


def limit(conclusion: Conclusion) -> SLO | None:
    """The limit on time the chart is about: the first one asked for."""
    for one in conclusion.capacities:
        for slo in one.slos:
            if slo.metric in QUANTILES and slo.max is not None:
                return slo
    return None


def finding(conclusion: Conclusion, looks: Looks) -> str:
    """What one unit of the first arm carries, with its interval; or why nobody can say."""
    for one in ordered(conclusion):
        if one.highest_rps.value is not None:
            return f"{_short(one.arm, looks)} carries {rate(one.highest_rps)} requests a second{_within(one)}"
    whys = list(dict.fromkeys(one.why or one.highest_rps.why_absent or "" for one in conclusion.capacities))
    return f"No highest rate can be told: {whys[0]}" if whys and whys[0] else "No highest rate can be told"


def rate(item: Estimate) -> str:
    """Requests a second with interval: ``12 [10–13]``."""
    return str(formatting.show(item, ""))


def _within(one: Capacity) -> str:
    said = [
        f"{_quantile(slo.metric)} ≤ {formatting.quantity(slo.max, 'ms')}" for slo in one.slos if slo.max is not None
    ]
    return f" with {' and '.join(said)}" if said else ""


def _quantile(metric: str) -> str:
    return METRICS[metric].label.removeprefix("latency ")


def _short(arm: str, looks: Looks) -> str:
    return looks[arm].short if arm in looks else arm


# --------------------------------------------------------------------------------------------------- the chart


def figure(conclusion: Conclusion, looks: Looks) -> Figure | None:
    """A quantile of the latency by the rate of requests; None where no arm has two points."""
    slo = limit(conclusion)
    metric = slo.metric if slo else QUANTILES[0]
    drawn = [(one, points) for one in ordered(conclusion) if len(points := _points(one, metric)) > 1][:DRAWN]
    if not drawn:
        return None
    curves: list[Mark] = []
    for one, points in drawn:
        curves += _curve(one, points, metric, looks)
    levels: list[Mark] = []
    if slo is not None and slo.max is not None:
        label = f"SLO {METRICS[metric].label} ≤ {formatting.quantity(slo.max, 'ms')}"
        levels.append(Level(slo.max, label))
    dots = [dot for one, points in drawn if (dot := _highest(one, points, metric, looks)) is not None]
    xs = [x for one, points in drawn for x in (point.rate for point in points)]
    xs += [end for dot in dots for end in (dot.x_low, dot.x_high) if end is not None]
    lines = [mark for mark in curves if isinstance(mark, Curve)]
    ys = [y for line in lines for y in line.ys] + [mark.y for mark in levels if isinstance(mark, Level)]
    ys += [y for mark in curves if isinstance(mark, Area) for y in (*mark.low, *mark.high)]
    label = METRICS[metric].label
    left = len(conclusion.capacities) - len(drawn)
    return Figure(
        id="capacity",
        title=finding(conclusion, looks),
        subtitle=f"{label[:1].upper()}{label[1:]} by requests a second, waiting counted, simulated from the measured "
        "times of single requests; one device, or one account. The mark is the highest rate within the limits. Bands "
        "and bars are 95 % intervals; down and to the right is better.",
        summary=f"Line chart of {len(drawn)} targets. " + "; ".join(line.hover for line in lines),
        x=axis("requests a second · better →", xs, "1/s"),
        y=axis(f"{label} · better ↓", ys, "ms"),
        marks=(*levels, *curves, *dots),
        note=_note(conclusion, left),
    )


def _note(conclusion: Conclusion, left: int) -> str:
    """What the answers rest on, each reason once, and how many lines were left out."""
    said = [f"{left} more {'is' if left == 1 else 'are'} in the table."] if left else []
    whys = dict.fromkeys(one.why for one in ordered(conclusion) if one.why and one.highest_rps.value is not None)
    return " ".join([*said, *(f"{why[:1].upper()}{why[1:].rstrip('.')}." for why in list(whys)[:3])])


def _points(one: Capacity, metric: str) -> Sequence[LoadPoint]:
    return [point for point in one.points if getattr(point, metric).value is not None]


def _curve(one: Capacity, points: Sequence[LoadPoint], metric: str, looks: Looks) -> list[Mark]:
    look = looks[one.arm]
    times: list[Estimate] = [getattr(point, metric) for point in points]
    xs, ys = tuple(point.rate for point in points), tuple(time.value or 0.0 for time in times)
    first, last = (
        f"{formatting.show(time, 'ms')} at {formatting.number(x)} a second"
        for time, x in ((times[0], xs[0]), (times[-1], xs[-1]))
    )
    low = tuple(y if time.low is None else time.low for time, y in zip(times, ys, strict=True))
    high = tuple(y if time.high is None else time.high for time, y in zip(times, ys, strict=True))
    words = f"{look.short}: {METRICS[metric].label} {first}, {last}"
    return [Area(xs, low, high, look.colour), Curve(xs, ys, look.colour, look.short, words, dash=look.dash)]


def _highest(one: Capacity, points: Sequence[LoadPoint], metric: str, looks: Looks) -> Dot | None:
    """The highest rate within the limits, on its curve."""
    look, found = looks[one.arm], one.highest_rps
    if found.value is None:
        return None
    after = next((k for k, point in enumerate(points) if point.rate >= found.value), len(points) - 1)
    before = max(0, after - 1)
    (x0, y0), (x1, y1) = ((points[k].rate, getattr(points[k], metric).value or 0.0) for k in (before, after))
    share = (found.value - x0) / (x1 - x0) if x1 > x0 else 0.0
    y = y0 + (y1 - y0) * min(1.0, max(0.0, share))
    words = f"{look.short}: highest rate {rate(found)} requests a second"
    return Dot(found.value, y, look.colour, look.shape, "", words, found.low, found.high, hollow=look.hollow)


# --------------------------------------------------------------------------------------------------- the tables


def highest_table(conclusion: Conclusion, looks: Looks) -> Table | None:
    """What one unit of every arm carries."""
    rows = [
        [
            arm_cell(one.arm, looks, looks[one.arm].place if one.arm in looks else ""),
            _rate_cell(one),
            _busy_cell(one),
            Cell(
                "any number" if one.model == "no queue" else f"{one.slots:,}",
                MODELS.get(one.model, one.model),
                sort=float(one.slots),
                hint=one.model,
            ),
        ]
        for one in ordered(conclusion)
    ]
    columns = [
        Column("target", numeric=False),
        Column("highest rate", "requests a second within the limits, of one device or account"),
        Column("busy then", "utilisation at that rate"),
        Column("at once", "requests it works on at the same time, and what becomes of one more"),
    ]
    return table("capacity-highest", "The highest rate within the limits", columns, rows) if rows else None


def _rate_cell(one: Capacity) -> Cell:
    shown = formatting.show(one.highest_rps, "1/s")
    word = "" if shown.word == "measured" else shown.word
    return Cell(shown.value, shown.interval, word, sort=one.highest_rps.value, why=_why(one) if shown.absent else "")


def _why(one: Capacity) -> str:
    return one.highest_rps.why_absent or one.why or "not known"


def _busy_cell(one: Capacity) -> Cell:
    highest = one.highest_rps.value
    known = [point for point in one.points if highest is not None and 0 < point.rate <= highest * (1 + 1e-9)]
    if highest is None or not known or one.model == "no queue":
        return Cell(ABSENT, why="it has no queue" if one.model == "no queue" else _why(one))
    busy = known[-1].utilisation / known[-1].rate * highest  # utilisation is the rate times what one request takes
    return Cell(formatting.quantity(busy, "fraction", 2), sort=busy)


def points_table(conclusion: Conclusion, looks: Looks) -> Table:
    """The curves as numbers."""
    columns = [
        Column("target", numeric=False),
        Column("rate", "requests a second"),
        Column("busy", "utilisation"),
        *(Column(METRICS[metric].label) for metric in ("p50_ms", "p95_ms", "p99_ms")),
        Column("limits", numeric=False),
    ]
    rows = [
        [
            arm_cell(one.arm, looks),
            Cell(formatting.number(point.rate), sort=point.rate),
            Cell(formatting.quantity(point.utilisation, "fraction", 2), sort=point.utilisation),
            *(number_cell(getattr(point, metric), metric) for metric in ("p50_ms", "p95_ms", "p99_ms")),
            Cell(point.met, tone={"met": "good", "missed": "bad", "undecided": "open"}[point.met]),
        ]
        for one in ordered(conclusion)[:DRAWN]
        for point in one.points
    ]
    return table("capacity-table", "Latency by requests a second", columns, rows)
