"""The section "What if": cost a month by volume as a chart and a table, and the numbers its sliders compute with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from edgebench.decide.monthly import MONTH_DAYS, devices, usd_a_month
from edgebench.records import ArmSummary, Breakeven, Conclusion, Monthly, Running
from edgebench.report import formatting
from edgebench.report.looks import Look
from edgebench.report.marks import Band, Curve, Figure, Mark, Rule, log_axis
from edgebench.report.tables import Cell, Column, Table, arm_cell, table

Looks = Mapping[str, Look]
LEAST, MOST = 10.0, 1e6  # requests a day the chart and the slider span
VOLUMES = (100, 1_000, 10_000, 100_000)
USUAL = 1_000  # where the slider begins
WHOLE_STEPS = 5  # devices added one by one in the drawing; after that a step is too small to see


def figure(conclusion: Conclusion, costs: Monthly, looks: Looks) -> Figure | None:
    """Cost a month by requests a day, both logarithmic; None when no arm has a price above zero."""
    drawn = [one for one in costs.running if usd_a_month(one, LEAST) > 0]
    if not drawn:
        return None
    curves = [_curve(one, looks[one.arm]) for one in drawn]
    return Figure(
        id="cost-volume",
        title=_finding(conclusion, costs, looks),
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


def _finding(conclusion: Conclusion, costs: Monthly, looks: Looks) -> str:
    """The break-even in words, hedged as the advice hedges it."""
    found = costs.breakeven
    if found is None:
        kinds = {one.most_a_day is None for one in costs.running}
        lacking = "device" if kinds == {True} else "hosted or stand-in"
        return f"There is no break-even to show: no {lacking} target has a price that can be set against another"
    device, hosted_name = looks[found.device].short, _named(conclusion, found.hosted, looks)
    if found.value is None:
        return f"{hosted_name} costs less than the electricity of {device} alone, at any volume"
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


# ------------------------------------------------------------------------------------------------ table, sliders


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


def controls(conclusion: Conclusion, costs: Monthly, looks: Looks) -> dict[str, Any]:
    """What the sliders need, as plain JSON: arms in the order of the page, ranges and where the sliders begin.

    ``p95`` in ms and ``right`` as a share; None where there is no such number. A slider without a limit in the plan
    begins where every arm meets it.
    """
    arms = [_arm(arm, costs, looks) for arm in conclusion.summary.arms]
    times = [one["p95"] for one in arms if one["p95"] is not None] or [1.0]
    chosen = next((k for k, arm in enumerate(conclusion.summary.arms) if arm.arm == conclusion.advice.arm), None)
    limit = _limit(conclusion, "p95_ms")
    return {
        "arms": arms,
        "chosen": chosen,
        "month": MONTH_DAYS,
        "volume": [LEAST, MOST, USUAL],
        "p95": [min(times), max(times), max(times) if limit is None else min(max(limit, min(times)), max(times))],
        "right": _limit(conclusion, "accuracy") or 0.0,
    }


def _limit(conclusion: Conclusion, metric: str) -> float | None:
    for one in conclusion.slos:
        if one.slo.metric == metric:
            return one.slo.min if metric == "accuracy" else one.slo.max
    return None


def _arm(arm: ArmSummary, costs: Monthly, looks: Looks) -> dict[str, Any]:
    one = next((found for found in costs.running if found.arm == arm.arm), None)
    standin = " (a stand-in)" if arm.identity.placement == "stand-in" else ""
    return {
        "name": f"{looks[arm.arm].short}{standin}",
        "p95": arm.estimates["p95_ms"].value,
        "right": arm.estimates["accuracy"].value,
        "each": None if one is None else one.usd_a_request,
        "fixed": 0.0 if one is None else one.fixed_usd_a_day,
        "most": None if one is None else one.most_a_day,
    }
