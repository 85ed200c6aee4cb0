"""One line of a benchmark's table: what was measured, how often, how much it varied, what it should be."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    what: str
    value: float | None  # None: not measured, and ``note`` says why
    unit: str
    n: int
    spread: str = ""  # "min … max" or another measure, in words
    goal: str = ""
    reached: bool | None = None
    note: str = ""  # stands under the table


def of(
    what: str,
    values: Sequence[float],
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Result:
    """The median of some repetitions, with their range, against a goal."""
    median = statistics.median(values)
    goal = f"≤ {at_most:.4g}" if at_most is not None else f"≥ {at_least:.4g}" if at_least is not None else ""
    reached = None
    if at_most is not None:
        reached = median <= at_most
    elif at_least is not None:
        reached = median >= at_least
    return Result(what, median, unit, len(values), f"{min(values):.4g} … {max(values):.4g}", goal, reached, note)


def absent(what: str, why: str) -> Result:
    """A row whose number could not be had."""
    return Result(what, None, "", 0, note=why)


def markdown(results: Sequence[Result]) -> str:
    """A table of results, and under it what there is to know about single rows."""
    lines = ["| what | median | range | n | goal | |", "|---|---:|---|---:|---|---|"]
    marks = {True: "reached", False: "**missed**", None: ""}
    lines += [
        f"| {r.what} | {_figure(r)} | {r.spread} | {r.n or ''} | {r.goal} | {marks[r.reached]} |" for r in results
    ]
    notes = [f"- {r.what}: {r.note}" for r in results if r.note]
    return "\n".join([*lines, "", *notes]) if notes else "\n".join(lines)


def _figure(result: Result) -> str:
    return "absent" if result.value is None else f"{result.value:.4g} {result.unit}"
