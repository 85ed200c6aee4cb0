"""Cost by duty cycle: what 1,000 requests cost on a machine that is busy so much of the time, beside the APIs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebench.decide.duty import DUTIES, ByDuty, by_duty_cycle
from edgebench.records import ArmSummary, Conclusion, Estimate
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.marks import Area, Axis, Curve, Figure, log_axis
from edgebench.report.tables import Cell, Column, Table, arm_cell, number_cell, table

Looks = Mapping[str, Look]
DRAWN = 8  # lines of a kind; the table has all
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


def figure(conclusion: Conclusion, looks: Looks) -> Figure | None:
    """Dollars per 1,000 by duty cycle, both logarithmic; None where no arm has a cost that depends on it."""
    owned, billed = _kinds(conclusion)
    if not owned:
        return None
    curves = [_curve(one, looks[one.arm]) for one in owned[:DRAWN]]
    levels = [_level(arm, looks[arm.arm]) for arm in billed[:DRAWN]]
    areas = [_area(one, looks[one.arm]) for one in owned[:DRAWN]]
    ys = [y for line in (*curves, *levels) for y in line.ys] + [y for area in areas for y in (*area.low, *area.high)]
    left = max(0, len(owned) - DRAWN) + max(0, len(billed) - DRAWN)
    return Figure(
        id="cost-duty",
        title=finding(conclusion, looks),
        subtitle="Dollars per 1,000 requests by duty cycle (the share of time a machine is busy), both logarithmic. "
        "What it costs to own or to rent is spread over less work the more it idles; a level line is paid by the "
        "request. Bands are 95 % intervals. Lower is better.",
        summary=f"Line chart of {len(curves) + len(levels)} targets. "
        + "; ".join(line.hover for line in (*curves, *levels)),
        x=Axis("share of the time it is busy", "log", 0.009, 1.25, tuple((at, _percent(at)) for at in TICKS)),
        y=log_axis("cost per 1,000 requests · better ↓", [y for y in ys if y > 0], "$"),
        marks=(*areas, *levels, *curves),
        note=f"{left} more are in the table." if left else "",
    )


def _kinds(conclusion: Conclusion) -> tuple[Sequence[ByDuty], Sequence[ArmSummary]]:
    """(machines whose cost depends on how busy they are, arms paid by the request), the recommended one first."""
    owned = by_duty_cycle(conclusion)
    fixed = {one.arm for one in owned}
    billed = [arm for arm in conclusion.summary.arms if arm.arm not in fixed and _usd(arm) > 0]
    chosen = conclusion.advice.arm
    return (
        sorted(owned, key=lambda one: (one.arm != chosen, one.at[0].value or 0.0)),
        sorted(billed, key=lambda arm: (arm.arm != chosen, _usd(arm))),
    )


def _usd(arm: ArmSummary) -> float:
    return arm.estimates["usd_per_1k"].value or 0.0


def equal(one: ByDuty, usd_per_1k: float) -> float | None:
    """The duty cycle from which a machine costs no more than this; None: not even when it is always busy.

    Its cost is a + b / U: what a busy second costs, and what having the machine costs.
    """
    (u, first), (v, second) = ((duty, each.value or 0.0) for duty, each in (one.curve[0], one.curve[-1]))
    fixed = (first - second) / (1 / u - 1 / v)
    running = second - fixed / v
    if usd_per_1k <= running or fixed / (usd_per_1k - running) > 1:
        return None
    return fixed / (usd_per_1k - running)


def finding(conclusion: Conclusion, looks: Looks) -> str:
    """How far idling moves the cost of the first machine, and where it meets the cheapest API."""
    owned, billed = _kinds(conclusion)
    if not owned:
        return "No target has a cost that depends on how busy its machine is"
    one = owned[0]
    seldom, half = (str(formatting.estimate(one.at[place], "usd_per_1k")) for place in (0, -1))
    said = (
        f"{looks[one.arm].short} costs {seldom} per 1,000 requests on a machine busy {_percent(DUTIES[0])} of the "
        f"time, {half} at {_percent(DUTIES[-1])}"
    )
    if not billed:
        return said
    other = min(billed, key=_usd)
    stand_in = ", a stand-in" if other.identity.placement == "stand-in" else ""
    rival = f"{looks[other.arm].short} ({formatting.estimate(other.estimates['usd_per_1k'], 'usd_per_1k')}{stand_in})"
    meets = equal(one, _usd(other))
    if meets is None:
        return f"{said}; {rival} costs less at any"
    sooner = " or sooner" if meets < DUTIES[0] else ""
    return f"{said}; from {_percent(max(meets, DUTIES[0]))}{sooner} it costs less than {rival}"


def _curve(one: ByDuty, look: Look) -> Curve:
    ends = [f"{formatting.estimate(each, 'usd_per_1k')} at {_percent(duty)} busy" for duty, each in _told(one)]
    xs, ys = tuple(duty for duty, _ in one.curve), tuple(each.value or 0.0 for _, each in one.curve)
    return Curve(xs, ys, look.colour, look.short, f"{look.short}: {', '.join(ends)}", dash=look.dash)


def _told(one: ByDuty) -> Sequence[tuple[float, Estimate]]:
    return list(zip(DUTIES, one.at, strict=True))


def _area(one: ByDuty, look: Look) -> Area:
    known = [(duty, each.value or 0.0, each.low, each.high) for duty, each in one.curve]
    return Area(
        tuple(duty for duty, *_ in known),
        tuple(value if low is None else low for _, value, low, _ in known),
        tuple(value if high is None else high for _, value, _, high in known),
        look.colour,
    )


def _level(arm: ArmSummary, look: Look) -> Curve:
    words = f"{look.short}: {formatting.estimate(arm.estimates['usd_per_1k'], 'usd_per_1k')} at any"
    return Curve((0.01, 1.0), (_usd(arm), _usd(arm)), look.colour, look.short, words, dash="5 4")


def costs_table(conclusion: Conclusion, looks: Looks) -> Table:
    """Every machine at three duty cycles and at its own, and where it meets the cheapest API; the APIs below."""
    owned, billed = _kinds(conclusion)
    cheapest = min(billed, key=_usd) if billed else None
    prices = {arm.arm: arm.estimates["usd_per_1k"] for arm in conclusion.summary.arms}
    other = any(min(abs(one.now / duty - 1) for duty in DUTIES) > 1e-6 for one in owned)  # else it is one of these
    columns = [
        Column("target", numeric=False),
        *(Column(f"{_percent(share)} busy") for share in DUTIES),
        *([Column("as planned", "at the duty cycle of the plan or its device profile")] if other else []),
        *(
            [Column(f"as {looks[cheapest.arm].short} from", "the duty cycle at which both cost the same")]
            if cheapest
            else []
        ),
    ]
    rows = [
        [
            arm_cell(one.arm, looks, f"{_percent(one.now)} busy as planned"),
            *(number_cell(each, "usd_per_1k") for each in one.at),
            *([number_cell(prices[one.arm], "usd_per_1k")] if other else []),
            *([_equal_cell(one, _usd(cheapest))] if cheapest else []),
        ]
        for one in owned
    ]
    for arm in billed:
        price = number_cell(prices[arm.arm], "usd_per_1k")
        never = Cell(ABSENT, why="it is paid by the request, busy or not")
        rows.append([arm_cell(arm.arm, looks, looks[arm.arm].place), *(price for _ in columns[1:-1]), never])
    return table("cost-duty-table", "Dollars per 1,000 requests by duty cycle", columns, rows)


def _equal_cell(one: ByDuty, usd_per_1k: float) -> Cell:
    meets = equal(one, usd_per_1k)
    if meets is None:
        return Cell(ABSENT, why="not even a machine that is always busy")
    return Cell(_percent(meets), sort=meets)


def _percent(share: float) -> str:
    return formatting.quantity(share, "fraction", 2)
