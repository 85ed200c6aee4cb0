"""What wrong answers weigh: counts by stakes, error rate, severe errors and harm side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from edgebench.records import Harm
from edgebench.report import formatting
from edgebench.report.cells import (
    Studied,
    arm_entry,
    share_cell,
)
from edgebench.report.failure_modes import MOST_UNFOLDED, counts, shown_arms, staked, wrong
from edgebench.report.marks import Bar, Figure, Mark, axis, rows
from edgebench.report.tables import Column, Table, number_cell, table

GRAVEST_FIRST = ("4", "3", "2", "1", "?")
STRENGTHS = {"1": 0.1, "2": 0.25, "3": 0.45, "4": 0.85, "?": 0.0}


def figure(given: Studied, first: str | None) -> Figure | None:
    """Wrong answers by stakes, stacked, a row for each arm; None where no item has stakes."""
    found = {arm: counts(given)[arm] for arm in shown_arms(given, first)}
    found = {arm: modes for arm, modes in found.items() if staked(modes)}
    if not found:
        return None
    harm = {one.arm: one for one in given.study.harm}
    bars: list[Mark] = []
    for row, (arm, modes) in enumerate(found.items()):
        sums: Counter[str] = Counter()
        for one in modes:
            sums.update(one.by_stakes)
        start = 0.0
        for stakes in GRAVEST_FIRST:  # from the line on which bars are compared
            if n := sums[stakes]:
                words = f"stakes {stakes}" if stakes != "?" else "no stakes"
                hover = f"{given.named(arm)} · {words}: {n:,} wrong or lost"
                text = f"stakes {stakes}: {n:,}" if stakes != "?" else f"?: {n:,}"
                bars.append(Bar(row, start, start + n, given.arms[arm].colour, STRENGTHS[stakes], text, hover))
                start += n
    longest = max(wrong(modes) for modes in found.values())
    return Figure(
        id="harm-by-stakes",
        title=finding(given),
        subtitle="Wrong or lost answers by stakes, from 4 (severe, darkest) to 1 (a moment is lost); at the right the "
        "share that is wrong. Harm points add them up: each counts as much as the plan says its stakes weigh.",
        summary="Stacked bars. " + "; ".join(mark.hover for mark in bars if isinstance(mark, Bar)),
        x=axis("← better · wrong or lost answers", [float(longest)], "count"),
        y=rows(given.named(arm) for arm in found),
        marks=tuple(bars),
        right=tuple(_error(harm.get(arm)) for arm in found),
    )


def _error(one: Harm | None) -> str:
    return formatting.quantity(one.error_rate.value, "fraction", 2) if one and one.error_rate.value is not None else ""


def harms(given: Studied) -> list[Harm]:
    """Harm of the arms decisions are made on."""
    return [one for one in given.study.harm if one.arm in given.arms]


def weights(given: Studied) -> Table | None:
    """Error rate, severe errors and harm side by side; the same arm need not be the best in all of them."""
    return _weights("harm", "What wrong answers weigh", harms(given), given)


def elsewhere(given: Studied) -> Table | None:
    """The same of every other cell."""
    others = [one for one in given.study.harm if one.arm not in given.arms]
    return _weights("harm-elsewhere", "What wrong answers weigh in every other cell", others[:MOST_UNFOLDED], given)


def _weights(id: str, caption: str, found: Sequence[Harm], given: Studied) -> Table | None:
    if not any(item.value is not None for one in found for item in (one.error_rate, one.loss_per_1k)):
        return None
    columns = [
        Column("target", numeric=False),
        Column("wrong", "share of requests that were not answered right"),
        Column("severe errors", "share of requests answered wrong at stakes 4; a failure is wrong"),
        Column("harm per 1,000", "Σ the plan's weight of a wrong answer by its stakes, per 1,000 requests"),
    ]
    lines = [
        [
            arm_entry(given, one.arm, f"n = {one.error_rate.n:,}"),
            share_cell(one.error_rate),
            share_cell(one.severe_rate),
            number_cell(one.loss_per_1k, "harm_per_1k"),
        ]
        for one in found
    ]
    return table(id, caption, columns, lines)


def finding(given: Studied) -> str:
    """Whether the arm that errs least is the one whose errors weigh least."""
    wrong = [one for one in harms(given) if one.error_rate.value is not None]
    weighed = [one for one in wrong if one.loss_per_1k.value is not None]
    if not weighed:
        whys = list(dict.fromkeys(one.loss_per_1k.why_absent for one in harms(given) if one.loss_per_1k.why_absent))
        return f"What wrong answers weigh cannot be said: {whys[0]}" if whys else "What wrong answers weigh"
    rarest = min(weighed, key=lambda one: (one.error_rate.value or 0.0, one.arm))
    least = min(weighed, key=lambda one: (one.loss_per_1k.value or 0.0, one.arm))
    harm = formatting.show(least.loss_per_1k, "")
    said = f"{harm} harm points per 1,000 requests, n = {least.loss_per_1k.n:,}"
    name = given.named(least.arm)
    if len(weighed) == 1:
        return f"Wrong answers of {name} weigh {said}"
    other = rarest
    if rarest.arm == least.arm:
        other = min((one for one in weighed if one is not least), key=lambda one: one.loss_per_1k.value or 0.0)
    apart = (least.loss_per_1k.high or 0.0) < (other.loss_per_1k.low or 0.0)
    if not apart:
        hedge = f"that may be chance: the interval of {given.named(other.arm)} overlaps"
        return f"Least harm is seen at {name}, {said}; {hedge}"
    if rarest.arm == least.arm:
        return f"{name} errs least often, and its errors weigh least: {said}"
    return f"{given.named(rarest.arm)} errs least often, but {name} does the least harm: {said}"
