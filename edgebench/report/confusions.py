"""What is taken for what, and whether errors repeat."""

from __future__ import annotations

from collections.abc import Sequence

from edgebench.records import Confusion
from edgebench.report import formatting, tables
from edgebench.report.cells import (
    Studied,
    arm_entry,
    share_cell,
)
from edgebench.report.tables import Column, Table, table

MOST_CONFUSIONS, MOST_UNFOLDED = 8, 60
AGAIN = "↻"


def commonest(given: Studied) -> tuple[Table | None, Table | None]:
    """The commonest confusions of the arms decisions are made on, and a longer list with every cell's."""
    mine = [one for one in given.study.confusions if one.arm in given.arms]
    first = sorted(mine, key=_rank)[:MOST_CONFUSIONS]
    rest = sorted(given.study.confusions, key=_rank)[:MOST_UNFOLDED]
    more = _confusions("every-confusion", "Every confusion", rest, given) if len(rest) > len(first) else None
    return _confusions("confusions", "The commonest confusions", first, given), more


def _rank(one: Confusion) -> tuple[int, int, str, str, str]:
    return -one.n, -one.systematic, one.arm, one.reference, one.answer


def _confusions(id: str, caption: str, found: Sequence[Confusion], given: Studied) -> Table | None:
    columns = [
        Column("right answer → answered", numeric=False),
        Column("target", numeric=False),
        Column("times"),
        Column("items", "different items it happened to"),
        Column("every time", "items on which it happened in every repeat", numeric=False),
        Column("stakes", "the gravest of them, 1 to 4"),
    ]
    lines = [
        [
            tables.Cell(
                f"{formatting.shorten(one.reference, 48)} → {formatting.shorten(one.answer, 48) or '(nothing)'}"
            ),
            arm_entry(given, one.arm),
            tables.Cell(f"{one.n:,}", sort=float(one.n)),
            tables.Cell(f"{one.items:,}", sort=float(one.items)),
            tables.Cell(f"{AGAIN} {one.systematic:,}" if one.systematic else "—", sort=float(one.systematic)),
            tables.Cell(f"{one.stakes}" if one.stakes is not None else "—", sort=float(one.stakes or 0)),
        ]
        for one in found
    ]
    return table(id, caption, columns, lines) if lines else None


def finding(given: Studied) -> str:
    """The commonest confusion of any arm."""
    mine = [one for one in given.study.confusions if one.arm in given.arms]
    if not mine:
        return "No wrong label was given"
    one = min(mine, key=_rank)
    reference, answer = (formatting.shorten(text, 40) for text in (one.reference, one.answer))
    again = f"; {one.systematic:,} of them in every repeat" if one.systematic else ""
    on = f"{one.n:,} times on {one.items:,} item{'s' * (one.items > 1)}"
    return f"The commonest confusion: “{reference}” taken for “{answer}” by {given.named(one.arm)}, {on}{again}"


def repeatability(given: Studied) -> Table | None:
    """Items wrong in every repeat with the same answer, against items wrong now and then."""
    mine = [one for one in given.study.repeatability if one.arm in given.arms]
    if not any(one.systematic.value is not None for one in mine):
        return None
    columns = [
        Column("target", numeric=False),
        Column("repeats"),
        Column("always wrong alike", "share of items wrong in every repeat, with the same answer"),
        Column("wrong now and then", "share of items wrong in some repeats, or wrong in different ways"),
    ]
    lines = [
        [
            arm_entry(given, one.arm, f"n = {one.systematic.n:,}" if one.systematic.value is not None else ""),
            tables.Cell(f"{one.repeats:,}", sort=float(one.repeats)),
            share_cell(one.systematic),
            share_cell(one.random),
        ]
        for one in mine
    ]
    return table("repeatability", "Errors that repeat, and errors that do not", columns, lines)


def repeatability_finding(given: Studied) -> str:
    """Whether most errors repeat, of the arm whose errors repeat most."""
    known = [one for one in given.study.repeatability if one.arm in given.arms and one.systematic.value is not None]
    if not known:
        return "Whether errors repeat cannot be said"
    one = max(known, key=lambda each: (each.systematic.value or 0.0, each.arm))
    always, sometimes = (formatting.show(item, "fraction") for item in (one.systematic, one.random))
    name, n = given.named(one.arm), f"n = {one.systematic.n:,}"
    return f"{name} gets {always} of the items wrong alike in every repeat, and {sometimes} now and then, {n}"


def unrepeated(given: Studied) -> str:
    """Why systematic and random errors cannot be told apart, where none can."""
    whys = [one.why_absent for one in given.study.repeatability if one.why_absent]
    return whys[0] if whys and repeatability(given) is None else ""
