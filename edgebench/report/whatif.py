"""Cost a month by volume, as a chart and tables, and where devices and APIs cost the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from edgebench.decide.monthly import MONTH_DAYS, devices, usd_a_month
from edgebench.records import Breakeven, Conclusion, Monthly, Running
from edgebench.report import formatting
from edgebench.report.looks import Look
from edgebench.report.marks import Band, Curve, Figure, Mark, Rule, log_axis
from edgebench.report.tables import Cell, Column, Table, arm_cell, table

Looks = Mapping[str, Look]
LEAST, MOST = 10.0, 1e6  # requests a day the chart and the slider span
VOLUMES = (100, 1_000, 10_000, 100_000)
USUAL = 1_000  # requests a day where nobody said how many
WHOLE_STEPS = 5  # devices added one by one in the drawing; after that a step is too small to see


def figure(conclusion: Conclusion, costs: Monthly, looks: Looks) -> Figure | None:
    """Cost a month by requests a day, both logarithmic; None when no arm has a price above zero."""
    drawn = [one for one in costs.running if usd_a_month(one, LEAST) > 0]
    if not drawn:
        return None
    curves = [_curve(one, looks[one.arm]) for one in drawn]
    return Figure(
        id="cost-volume",
        title=finding(conclusion, costs, looks),
        subtitle="Dollars a month by requests a day, both logarithmic. A device costs its fixed dollars, as often as "
        "devices are needed, plus the energy of each request; a line steps up at one more device. Lower is better.",
        summary=f"Line chart of {len(drawn)} targets. " + "; ".join(curve.hover for curve in curves),
        x=replace(log_axis("requests a day", [LEAST, MOST], "count"), high=2 * MOST),  # room for the last number
        y=log_axis("cost per month · better ↓", [usd for curve in curves for usd in curve.ys], "$"),
        marks=(*_band(costs.breakeven), *curves),
        note=_note(costs, drawn, looks),
    )


def _curve(one: Running, look: Look) -> Curve:
    xs, ys = zip(*_corners(one), strict=True)
    few, many = (_usd(usd_a_month(one, volume)) for volume in (VOLUMES[0], VOLUMES[-1]))
    hover = f"{look.short}: {few} a month at {VOLUMES[0]:,} requests a day, {many} at {VOLUMES[-1]:,}"
    return Curve(xs, ys, look.colour, look.short, hover, dash=look.dash)


def _corners(one: Running) -> Sequence[tuple[float, float]]:
    """Points of a cost line: two for a price a request, a dozen a device for a bend, and both ends of each step."""
    if one.most_a_day is None:
        return [(volume, usd_a_month(one, volume)) for volume in (LEAST, MOST)]
    steps = [one.most_a_day * k for k in range(1, WHOLE_STEPS + 1) if LEAST < one.most_a_day * k < MOST]
    first = steps[0] if steps else MOST
    out = [(volume, usd_a_month(one, volume)) for volume in _between(LEAST, first, 12)]
    for volume in steps:
        after = usd_a_month(one, volume) + one.fixed_usd_a_day * MONTH_DAYS
        out += [(volume, usd_a_month(one, volume)), (volume, after)]
    if len(steps) == WHOLE_STEPS:
        last = max(WHOLE_STEPS + 1, int(MOST / one.most_a_day))
        counts = sorted({round(count) for count in _between(WHOLE_STEPS + 1, last, 12)})
        out += [(one.most_a_day * k, usd_a_month(one, one.most_a_day * k)) for k in counts if one.most_a_day * k < MOST]
    return [*out, (MOST, usd_a_month(one, MOST))] if steps else out


def _between(low: float, high: float, count: int) -> list[float]:
    """So many volumes from one to the other, at equal ratios, both ends exact."""
    inner = [low * (high / low) ** (k / (count - 1)) for k in range(1, count - 1)]
    return [low, *inner, high]


def _band(found: Breakeven | None) -> Sequence[Mark]:
    """The break-even with its interval, where one device can carry it."""
    if found is None or found.value is None or found.value > found.most_a_day or not LEAST <= found.value <= MOST:
        return ()
    low = found.low if found.low is not None else LEAST
    high = found.high if found.high is not None else MOST
    return (
        Band(max(low, LEAST), min(high, MOST), "var(--warn)", f"break-even, 95 % interval: {_volume(found)}"),
        Rule(found.value, f"break-even {formatting.number(found.value)} a day"),
    )


def _volume(found: Breakeven) -> str:
    """``900 [800–1,000] requests a day``; without an interval where it says no more than the number."""
    value = formatting.number(found.value or 0.0)
    low, high = (None if end is None else formatting.number(end) for end in (found.low, found.high))
    if low is None or high is None or low == high == value:
        return f"{value} requests a day"
    return f"{value} [{low}–{high}] requests a day"


def finding(conclusion: Conclusion, costs: Monthly, looks: Looks) -> str:
    """The break-even in words, hedged as the advice hedges it."""
    found = costs.breakeven
    if found is None:
        kinds = {one.most_a_day is None for one in costs.running}
        lacking = "device" if kinds == {True} else "hosted or stand-in"
        return f"There is no break-even to show: no {lacking} target has a price that can be set against another"
    device, hosted_name = looks[found.device].short, _named(conclusion, found.hosted, looks)
    if found.value is None:
        return f"{hosted_name} costs less than the electricity of {device} alone, at any volume"
    if found.value == 0:
        most = formatting.number(found.most_a_day)
        return f"{device} is cheaper than {hosted_name} at any volume, up to the {most} one device can carry"
    if found.value > found.most_a_day:
        doubt = _doubt(found)
        return (
            f"{hosted_name} is cheaper than {device} at any volume one device can carry{doubt}: break-even "
            f"{_volume(found)}, it answers at most {formatting.number(found.most_a_day)}"
        )
    return (
        f"Below {_volume(found)} {hosted_name} is cheaper than {device}; above, {device} is, "
        f"up to the {formatting.number(found.most_a_day)} one device can carry{_doubt(found)}"
    )


def _doubt(found: Breakeven) -> str:
    """A caveat where the interval of the break-even holds the most one device can answer, or has no upper end."""
    if found.low is None or found.low > found.most_a_day:
        return ""
    return " (by point estimates; the interval allows the other)" if (found.high or math.inf) > found.most_a_day else ""


def _named(conclusion: Conclusion, name: str, looks: Looks) -> str:
    arm = next(one for one in conclusion.summary.arms if one.arm == name)
    if arm.identity.placement != "stand-in":
        return looks[name].short
    model = arm.cost.source.get("model", "declared") if arm.cost is not None else "declared"
    return f"{looks[name].short} (a stand-in, priced as {formatting.visible(model)})"


def _note(costs: Monthly, drawn: Sequence[Running], looks: Looks) -> str:
    free = [looks[one.arm].short for one in costs.running if one not in drawn]
    said = ["A month is 30.4 days. Devices are the profile's, used for nothing else, and share their load evenly."]
    if costs.breakeven is not None and not _band(costs.breakeven):
        said.append("No break-even lies in the picture at a volume one device can carry.")
    said += [f"Not drawn, costing nothing: {', '.join(free)}."] if free else []
    missing = "; ".join(f"{looks[arm].short} ({formatting.shorten(why, 140)})" for arm, why in costs.missing.items())
    said += [f"Not drawn, having no price: {missing}."] if missing else []
    return " ".join(said)


def _usd(usd: float) -> str:
    return formatting.quantity(usd, "$")


# ------------------------------------------------------------------------------------------------ tables


def costs_table(conclusion: Conclusion, costs: Monthly, looks: Looks) -> Table:
    """Dollars a month at four volumes, with the devices they need; every arm, priced or not."""
    by_arm = {one.arm: one for one in costs.running}
    columns = [Column("target", numeric=False), *(Column(f"{volume:,} a day") for volume in VOLUMES)]
    rows = []
    for arm in conclusion.summary.arms:
        one = by_arm.get(arm.arm)
        cells = [Cell(formatting.ABSENT, why=costs.missing[arm.arm]) if one is None else _cell(one, v) for v in VOLUMES]
        rows.append([arm_cell(arm.arm, looks, looks[arm.arm].place), *cells])
    return table("cost-volume-table", "Dollars a month at so many requests a day", columns, rows)


def _cell(one: Running, volume: int) -> Cell:
    usd, count = usd_a_month(one, volume), devices(one, volume)
    needed = "" if not count else f"{count:,} device{'s' if count > 1 else ''}"
    return Cell(_usd(usd), needed, "" if one.provenance == "measured" else one.provenance, sort=usd)


def breakevens_table(conclusion: Conclusion, costs: Monthly, looks: Looks) -> Table | None:
    """Where the first device meets every API, and every other device the API it is told against first."""
    first = costs.breakeven
    if first is None or len(costs.breakevens) < 2:
        return None
    shown = [one for one in costs.breakevens if one.device == first.device or one.hosted == first.hosted]
    columns = [
        Column("device", numeric=False),
        Column("against", numeric=False),
        Column("costs the same at", "requests a day, with 95 % interval"),
        Column("one carries", "requests a day, never resting"),
        Column("a day without requests", "purchase over its life, upkeep, idle energy"),
    ]
    rows = [
        [
            arm_cell(one.device, looks),
            Cell(_named(conclusion, one.hosted, looks), look=looks.get(one.hosted)),
            _meeting(one),
            Cell(formatting.number(one.most_a_day), sort=one.most_a_day),
            Cell(_usd(one.fixed_usd_a_day), sort=one.fixed_usd_a_day),
        ]
        for one in sorted(shown, key=lambda one: (one.device != first.device, one.value is None, one.value or 0.0))
    ]
    return table("breakevens", "Where a device and an API cost the same", columns, rows)


def _meeting(one: Breakeven) -> Cell:
    if one.value is None:
        return Cell(formatting.ABSENT, why="the API costs less than the electricity alone, at any volume")
    ends = ["…" if end is None else formatting.number(end) for end in (one.low, one.high)]
    beyond = "more than one carries" if one.value > one.most_a_day else ""
    return Cell(formatting.number(one.value), f"[{ends[0]}–{ends[1]}]", beyond, sort=one.value)


def month(conclusion: Conclusion, looks: Looks, volume: int = USUAL) -> str:
    """What a month costs at a volume: the recommended arm, and the cheapest of the others."""
    by_arm = {one.arm: one for one in conclusion.monthly.running}
    chosen = by_arm.get(conclusion.advice.arm or "")
    others = sorted((one for one in by_arm.values() if one is not chosen), key=lambda one: usd_a_month(one, volume))
    told = [_month(conclusion, one, volume, looks) for one in ([chosen] if chosen else []) + others[:1]]
    return f"at {volume:,} requests a day: {'; '.join(told)}" if told else ""


def _month(conclusion: Conclusion, one: Running, volume: int, looks: Looks) -> str:
    count = devices(one, volume)
    needed = f" on {count:,} device{'s' if count > 1 else ''}" if count else ""
    return f"{_named(conclusion, one.arm, looks)} {_usd(usd_a_month(one, volume))} a month{needed}"
