"""A gate: how much worse b may be than a, held against the whole 95 % interval of the paired difference.

Met: even the worse end of the interval is within the margin (the margin itself counts as met). Missed: even the better
end is beyond it. Undecided, which is never a pass: the interval holds the margin, or there is none. Memory, which has
no interval, is judged by its largest value, as an SLO is. Several gates are one demand: each must be met, so that none
needs a correction for the others; a demand on all of them is only ever harder to meet by chance.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from edgebench.decide.wording import name as named
from edgebench.decide.wording import number, points, said
from edgebench.errors import UsageError, did_you_mean
from edgebench.records import METRICS, Comparison, Estimate

By = Literal["drop", "rise", "ratio"]
Word = Literal["met", "missed", "undecided"]
ROUNDING = 1e-9  # of the margin: what arithmetic leaves is not a difference
_TEXT = re.compile(r"\s*(\w+)[\s:]+(\w+)[\s:]+(\S+?)\s*(%?)\s*")
EXAMPLE = '--gate "accuracy drop 0.02" --gate "p95_ms ratio 1.1"'


@dataclass(frozen=True, slots=True)
class Gate:
    """How much worse b may be than a: by a difference in the metric's own unit, or by a factor."""

    metric: str
    by: By
    most: float

    def __str__(self) -> str:
        return f"{self.metric} {self.by} {self.most:g}"


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate's verdict on one pair of arms."""

    gate: str
    verdict: Word
    why: str
    comparison: Comparison


def read_gate(text: str) -> Gate:
    """``accuracy drop 0.02`` (or ``2%``), ``p95_ms rise 50``, ``p95_ms ratio 1.1``.

    Raises
    ------
    UsageError: no such metric, a word that is none of drop, rise, ratio, no number, or a limit the wrong way round.
    """
    found = _TEXT.fullmatch(text)
    if found is None:
        raise UsageError(f"the gate {text!r} is not METRIC drop|rise|ratio NUMBER", hint=EXAMPLE)
    metric, by, amount, percent = found.groups()
    try:
        most = float(amount) / (100 if percent else 1)
    except ValueError:
        raise UsageError(f"the gate {text!r} ends in {amount!r}, which is no number", hint=EXAMPLE) from None
    return gate(metric, by, most)


def gate(metric: str, by: str, most: float) -> Gate:
    """A gate, checked.

    Raises
    ------
    UsageError: see ``read_gate``.
    """
    demand_metric(metric)
    if by not in get_args(By):
        raise UsageError(f"a gate says drop, rise or ratio, not {by!r}", hint=EXAMPLE)
    if not 0 <= most < math.inf:
        raise UsageError(f"how much worse {metric} may be is a number from 0 on, not {most:g}", hint=EXAMPLE)
    better = METRICS[metric].better
    if (better == "high") != (by == "drop"):
        right = "drop" if better == "high" else "rise or ratio"
        raise UsageError(f"{metric} is better when {better}", hint=f"use {right}: {EXAMPLE}")
    if METRICS[metric].unit == "fraction" and by != "ratio" and most > 1:
        hint = f"{metric} {by} {most / 100:g}   for {most:g} points"
        raise UsageError(f"{metric} is a share between 0 and 1, so it cannot {by} by {most:g}", hint=hint)
    return Gate(metric, by, most)  # type: ignore[arg-type]


def demand_metric(metric: str) -> None:
    """Raises UsageError, with the nearest name, for a name that is no metric."""
    if metric not in METRICS:
        raise UsageError(f"no metric is called {metric!r}", hint=did_you_mean(metric, METRICS))


def judge(one: Gate, comparison: Comparison) -> Judged:
    """The verdict by the whole interval."""
    word, why = _judge(one, comparison)
    return Judged(str(one), word, why, comparison)


def worst(judged: Sequence[Judged]) -> Word | None:
    """Missed before undecided before met; None without a gate."""
    words = {one.verdict for one in judged}
    order: tuple[Word, ...] = ("missed", "undecided", "met")
    return next((word for word in order if word in words), None)


def _judge(one: Gate, comparison: Comparison) -> tuple[Word, str]:
    found = comparison.ratio if one.by == "ratio" else comparison.difference
    if found is None or found.value is None:
        lacking = comparison.difference.why_absent or "it has no ratio, for a's value is 0 or less"
        return "undecided", f"{named(one.metric)}: {lacking}"
    low, high = _worse(found, one.by)
    if low is None or high is None:
        if METRICS[one.metric].unit != "MiB":
            return "undecided", f"{named(one.metric)} has no interval from {found.n} items"
        low = high = found.value
    allowed = one.most * (1 + ROUNDING)
    sure = "" if low == high else " with 95 % confidence"
    more = f"{_amount(one, one.most)} allowed"
    if high <= allowed:
        return "met", f"{_change(one, high)} at most{sure}, {more}"
    if low > allowed:
        return "missed", f"{_change(one, low)} at least{sure}, {more}"
    return (
        "undecided",
        f"between {_change(one, low)} and {_change(one, high)}, {more}; more items would tell (n = {found.n})",
    )


def _worse(found: Estimate, by: By) -> tuple[float | None, float | None]:
    """The interval of how much worse b is."""
    if by != "drop":
        return found.low, found.high
    return (None if found.high is None else -found.high), (None if found.low is None else -found.low)


def _change(one: Gate, worse: float) -> str:
    """``latency p95 rises by 12 ms``: how much worse, or better, in words."""
    if one.by == "ratio":
        return f"{named(one.metric)} × {number(worse)}"
    verb = "rises" if (one.by == "rise") == (worse >= 0) else "drops"
    return f"{named(one.metric)} {verb} by {_amount(one, abs(worse))}"


def _amount(one: Gate, value: float) -> str:
    if one.by == "ratio":
        return f"× {number(value)}"
    if METRICS[one.metric].unit == "fraction":
        return points(value).lstrip("+")
    return said(one.metric, value)
