"""What would change the answer: how far one assumption must move for another arm to be recommended."""

from __future__ import annotations

from collections.abc import Mapping

from edgebench.records import Conclusion, Estimate, StakeOfChange
from edgebench.report import formatting
from edgebench.report.formatting import ABSENT
from edgebench.report.looks import Look
from edgebench.report.tables import Cell, Column, Table, table

Looks = Mapping[str, Look]
BUSY = "of the time busy"  # a duty cycle's unit


def changes_table(conclusion: Conclusion, looks: Looks) -> Table | None:
    """Every assumption that can change the answer: what it is now, where the answer flips and to whom."""
    columns = [
        Column("if this moves", numeric=False),
        Column("from", "as it is in this run"),
        Column("to", "where the recommendation changes, with 95 % interval where it can be had"),
        Column("the answer is", numeric=False),
    ]
    rows = [
        [Cell(one.quantity), _now(one), _flip(one), _answer(one, looks)]
        for one in conclusion.changes
        if one.flips_at is not None
    ]
    return table("changes", "What would change the answer", columns, rows) if rows else None


def firm(conclusion: Conclusion) -> str:
    """The assumptions no value of which changes the answer, in one line; empty without any."""
    names = [one.quantity for one in conclusion.changes if one.flips_at is None]
    return f"No value of these changes it: {', '.join(names)}." if names else ""


def sentence(one: StakeOfChange, looks: Looks) -> str:
    """The same in words."""
    now = "" if one.now is None else f" (now {_amount(one.now, one.unit)})"
    if one.flips_at is None:
        return f"no {one.quantity} changes the answer{now}"
    return f"{one.quantity} {_way(one)}{_amount(one.flips_at, one.unit)}{_interval(one)}{now}: {_to(one, looks)}"


def _now(one: StakeOfChange) -> Cell:
    return Cell(_amount(one.now, one.unit), sort=one.now, why="" if one.now is not None else "nobody said")


def _flip(one: StakeOfChange) -> Cell:
    return Cell(f"{_way(one)}{_amount(one.flips_at, one.unit)}", _interval(one).strip(), sort=one.flips_at)


def _interval(one: StakeOfChange) -> str:
    low, high = one.low, one.high
    if (low is None and high is None) or low == high:
        return ""
    unit, _ = _unit(one.unit)
    return f" {formatting.show(Estimate(one.flips_at, low, high), unit).interval}"


def _answer(one: StakeOfChange, looks: Looks) -> Cell:
    return Cell(_to(one, looks), look=looks.get(one.to or ""))


def _to(one: StakeOfChange, looks: Looks) -> str:
    if one.to is None:
        return "no target may be recommended"
    return looks[one.to].short if one.to in looks else one.to


def _way(one: StakeOfChange) -> str:
    """``above `` or ``below ``, where it is known where the assumption stands."""
    if one.now is None or one.flips_at is None:
        return ""
    return "above " if one.flips_at > one.now else "below "


def _amount(value: float | None, unit: str) -> str:
    if value is None:
        return ABSENT
    known, rest = _unit(unit)
    return f"{formatting.show(Estimate(value), known)}{rest}"


def _unit(unit: str) -> tuple[str, str]:
    """What the formatter knows of a unit, and the words after it: ``("$", " per 1,000")``."""
    if unit.startswith("$"):
        return "$", unit[1:]
    return ("fraction", " busy") if unit == BUSY else (unit, "")
