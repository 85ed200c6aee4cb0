"""One line of a benchmark's table: what was measured, how often, how much it varied, what it should be."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    what: str
    value: float
    unit: str
    n: int
    spread: str = ""  # "min … max" or another measure, in words
    goal: str = ""
    reached: bool | None = None


def of(
    what: str, values: Sequence[float], unit: str, *, at_most: float | None = None, at_least: float | None = None
) -> Result:
    """The median of some repetitions, with their range, against a goal."""
    median = statistics.median(values)
    goal = f"≤ {at_most:g}" if at_most is not None else f"≥ {at_least:g}" if at_least is not None else ""
    reached = None
    if at_most is not None:
        reached = median <= at_most
    elif at_least is not None:
        reached = median >= at_least
    return Result(what, median, unit, len(values), f"{min(values):.4g} … {max(values):.4g}", goal, reached)


def markdown(results: Sequence[Result]) -> str:
    """A table of results."""
    lines = ["| what | median | range | n | goal | |", "|---|---:|---|---:|---|---|"]
    marks = {True: "reached", False: "**missed**", None: ""}
    lines += [
        f"| {r.what} | {r.value:.4g} {r.unit} | {r.spread} | {r.n} | {r.goal} | {marks[r.reached]} |" for r in results
    ]
    return "\n".join(lines)
