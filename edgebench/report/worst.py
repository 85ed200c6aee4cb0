"""Worst slices: where an arm is worse than in the rest of its items, every slice judged with all the others."""

from __future__ import annotations

from collections.abc import Sequence

from edgebench.records import WorstSlice
from edgebench.report import formatting, tables
from edgebench.report.cells import Studied, arm_entry, change_cell, points, sizes
from edgebench.report.formatting import ABSENT
from edgebench.report.tables import Column, Table, number_cell, table

FIRST, MOST = 8, 40


def ranked(given: Studied) -> list[WorstSlice]:
    """Every slice that was judged, of base cells and field corners: those told apart first, then by p."""

    def order(one: WorstSlice) -> tuple[bool, float, float, str, str]:
        p = 1.0 if one.p_value is None else one.p_value
        return not one.found, p, one.difference.value or 0.0, one.arm, one.value

    return sorted(given.study.slices, key=order)


def finding(given: Studied) -> str:
    """The slice that is worst by most among those told apart; or that none is."""
    found = given.study.slices
    apart = [one for one in found if one.found]
    if not found:
        return "No slice is large enough to be judged"
    if not apart:
        n = sizes(one.accuracy for one in found)
        return f"No slice is shown to be worse than the rest of its target, of {len(found):,} judged together, {n} each"
    one = min(apart, key=lambda each: (each.difference.value or 0.0, each.arm, each.value))
    others = {1: "", 2: "; one more slice is worse too"}
    more = others.get(len(apart), f"; {len(apart) - 1} more slices are worse too")
    right = formatting.show(one.accuracy, "fraction")
    below = f"{right} right, {points(one.difference)} below the rest, n = {one.n:,}"
    return f"{given.named(one.arm)} is weakest where {_where(one)}: {below}{more}"


def _where(one: WorstSlice) -> str:
    return f"{one.tag} is {formatting.shorten(one.value, 40)}"


def worst_table(given: Studied) -> Table | None:
    """The first slices; the rest unfolds."""
    return _table("worst-slices", "The worst slices", ranked(given)[:FIRST], given)


def rest_table(given: Studied) -> Table | None:
    return _table("more-slices", "Every other slice", ranked(given)[FIRST:MOST], given)


def _table(id: str, caption: str, found: Sequence[WorstSlice], given: Studied) -> Table | None:
    columns = [
        Column("target", numeric=False),
        Column("slice", numeric=False),
        Column("n"),
        Column("right", "interval that holds for all slices of the target at once"),
        Column("the rest", "items of the target outside of the slice"),
        Column("Δ right, points", "slice − rest"),
        Column(
            "p", "how likely chance alone brings such a difference; Holm's correction over all slices of all targets"
        ),
        Column("worse?", numeric=False),
    ]
    lines = [
        [
            arm_entry(given, one.arm),
            tables.Cell(f"{one.tag} = {formatting.shorten(one.value, 60)}"),
            tables.Cell(f"{one.n:,}", sort=float(one.n)),
            number_cell(one.accuracy, "accuracy"),
            number_cell(one.rest, "accuracy"),
            change_cell(one.difference, "fraction"),
            tables.Cell(ABSENT, why="no test for this slice") if one.p_value is None else tables.p_cell(one.p_value),
            tables.Cell("▼ worse", tone="bad") if one.found else tables.Cell("not shown", tone="faded"),
        ]
        for one in found
    ]
    return table(id, caption, columns, lines) if lines else None
