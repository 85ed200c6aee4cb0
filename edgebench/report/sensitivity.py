"""Prompt sensitivity: how far accuracy goes apart over several wordings of one instruction."""

from __future__ import annotations

from edgebench.report import formatting, tables
from edgebench.report.cells import (
    Studied,
    change_cell,
    points,
    share_cell,
)
from edgebench.report.tables import Column, Table, number_cell, table


def spreads(given: Studied) -> Table | None:
    """How far accuracy goes apart over several wordings of one instruction."""
    columns = [
        Column("target", numeric=False),
        Column("prompting", numeric=False),
        Column("wordings"),
        Column("lowest"),
        Column("highest"),
        Column("spread, points", "highest − lowest"),
        Column("answers changed", "share of items whose answer is not the same under every wording"),
    ]
    rows = [
        [
            tables.Cell(one.target, look=given.targets.get(one.target)),
            tables.Cell(one.prompting),
            tables.Cell(f"{one.wordings:,}", sort=float(one.wordings)),
            number_cell(one.lowest, "accuracy"),
            number_cell(one.highest, "accuracy"),
            change_cell(one.spread, "fraction"),
            share_cell(one.flipped),
        ]
        for one in given.study.sensitivity
    ]
    return table("sensitivity", "Other wordings of the same instruction", columns, rows) if rows else None


def finding(given: Studied) -> str:
    found = [one for one in given.study.sensitivity if one.spread.value is not None]
    if not found:
        return "How much the wording of the instruction matters cannot be said"
    most = max(found, key=lambda one: one.spread.value or 0.0)
    lowest, highest = (formatting.show(item, "fraction") for item in (most.lowest, most.highest))
    return (
        f"The same instruction worded in {most.wordings} ways leaves {given.short(most.target)} between {lowest} and "
        f"{highest} right: {points(most.spread)} apart, n = {most.spread.n:,}"
    )
