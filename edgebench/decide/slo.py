"""SLO verdicts: met, missed or undecided, never guessed.

A limit on a quantile of time is judged by counting: p95 ≤ 100 ms means that at most 5 % of requests take longer, so
the requests that did (or failed, or had no first token) are put to an exact binomial test, wrong in at most 5 % each
way. Requests that come in clusters, that remember the one before, or whose blocks differ count for fewer
(``stats.blocks``). That needs no estimate of the quantile: 59 requests can meet a p95, 299 a p99. Other metrics are
judged by their interval, and memory, which has none, by its largest value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgebench.decide.wording import name, percent, said, span
from edgebench.metrics.observed import QUANTILES, Observed, is_quantile_of_time
from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import SLO, Estimate, Run, SLOVerdict, Summary
from edgebench.stats import clusters, rates

LEVEL = 0.90  # two-sided, of a test that is wrong in at most 5 % each way


@dataclass(frozen=True)
class Times:
    """Times a limit is held against, failures as infinite, and what they share."""

    seen: Observed

    @property
    def values(self) -> Floats:
        return self.seen.above

    def test(self, limit: float, allowed: float) -> tuple[rates.Verdict, int]:
        """The verdict on "at most ``allowed`` of them exceed the limit", and how many did."""
        beyond = self.values > limit
        k, n = int(beyond.sum()), len(beyond)
        if not n:
            return "undecided", 0
        again = n / clusters.effective_n(self.seen.member, self._likeness(beyond))
        spread = replace(self.seen.spread, within=again)
        worth = spread.effective_n(n, LEVEL) / n
        return rates.exceedances(k * worth, n * worth, allowed), k

    def _likeness(self, beyond: Flags) -> Floats:
        """What tells how alike repeated items are: being beyond, or the order of the times where none or all are."""
        if beyond.any() and not beyond.all():
            return beyond.astype(float)
        return np.argsort(np.argsort(self.values)).astype(float)


def times(arm: ArmColumns, metric: str) -> Times:
    """The steady-state times of a metric; a failed request is slower than any limit."""
    column, q = QUANTILES[metric]
    values = getattr(arm, column)
    of = arm.gap_record if column == "gaps_ms" else np.arange(len(arm.records))
    if column not in ("gaps_ms", "send_lag_ms"):
        values = np.where(arm.failed, np.inf, values)
    keep = arm.steady[of] & ~np.isnan(values)
    at = of[keep]
    kept = values[keep]
    return Times(Observed(metric, arm.cluster[at], kept, np.ones(len(kept)), q, arm.start[at], arm.order[at]))


def verdicts(run: Run, summary: Summary, table: Mapping[str, ArmColumns]) -> tuple[SLOVerdict, ...]:
    """Every SLO of the plan for every arm."""
    return tuple(
        verdict(slo, table[arm.arm], arm.estimates[slo.metric]) for slo in run.plan.slos for arm in summary.arms
    )


def verdict(slo: SLO, arm: ArmColumns, estimate: Estimate) -> SLOVerdict:
    """One SLO for one arm; with both a floor and a ceiling, the worse of the two verdicts."""
    found: list[tuple[rates.Verdict, str]] = []
    if slo.max is not None and is_quantile_of_time(slo.metric):
        found.append(_by_counting(slo.metric, slo.max, arm))
    elif slo.max is not None:
        found.append(_by_interval(slo.metric, slo.max, estimate, at_most=True))
    if slo.min is not None:
        found.append(_by_interval(slo.metric, slo.min, estimate, at_most=False))
    order = ("missed", "undecided", "met")
    word, why = min(found, key=lambda one: order.index(one[0])) if found else ("undecided", "the SLO has no limit")
    return SLOVerdict(slo, arm.arm, word, why)


def _by_counting(metric: str, limit: float, arm: ArmColumns) -> tuple[rates.Verdict, str]:
    q = QUANTILES[metric][1]
    found = times(arm, metric)
    word, k = found.test(limit, 1 - q)
    n = len(found.values)
    if not n:
        return "undecided", "no request to judge by"
    failed = int(np.isinf(found.values).sum())
    lost = f" ({failed} of them failed)" if failed else ""
    why = f"{k} of {n} took longer than {said(metric, limit)}{lost}; {percent(1 - q)} may"
    if word == "undecided":
        needed = rates.needed_without_exceedance(1 - q)
        if k:
            why += "; that could be chance either way"
        elif n < needed:
            why += f"; too few to tell (none in {needed} would do)"
        else:
            why += "; its blocks differ or its requests remember each other, so they count for fewer: too few to tell"
    return word, why


def _by_interval(metric: str, limit: float, estimate: Estimate, *, at_most: bool) -> tuple[rates.Verdict, str]:
    if estimate.value is None:
        return "undecided", f"no value: {estimate.why_absent}"
    low = estimate.value if estimate.low is None else estimate.low
    high = estimate.value if estimate.high is None else estimate.high
    shown = said(metric, estimate.value)
    if estimate.low is not None or estimate.high is not None:
        shown += f" {span(metric, low, high)}"
    sign = "≤" if at_most else "≥"
    why = f"{name(metric)} {shown}, wanted {sign} {said(metric, limit)}"
    if (high <= limit) if at_most else (low >= limit):
        return "met", why
    return ("missed", why) if ((low > limit) if at_most else (high < limit)) else ("undecided", why)


def limit(slo: SLO) -> str:
    """A limit in words: ``latency p95 ≤ 100 ms``."""
    limits = [f"≤ {said(slo.metric, slo.max)}"] if slo.max is not None else []
    limits += [f"≥ {said(slo.metric, slo.min)}"] if slo.min is not None else []
    return f"{name(slo.metric)} {' and '.join(limits)}"


def slacks(arm: ArmColumns, metric: str) -> tuple[float | None, float | None]:
    """(the tightest limit this arm is shown to meet, the limit below which it is shown to miss).

    Both are times of its own. None for the first: it is shown to meet none. For the second None: it is shown to miss
    none; infinity: too many of its requests failed for any.
    """
    found, q = times(arm, metric), QUANTILES[metric][1]
    limits: Sequence[float] = np.unique(found.values[np.isfinite(found.values)]).tolist()
    meets = _first(limits, lambda limit: found.test(limit, 1 - q)[0] == "met")
    fails = _first(limits, lambda limit: found.test(limit, 1 - q)[0] != "missed")
    return (
        limits[meets] if meets < len(limits) else None,
        None if fails == 0 else limits[fails] if fails < len(limits) else math.inf,
    )


def _first(limits: Sequence[float], holds: object) -> int:
    """The first place from which ``holds`` is true (it is so for all later ones)."""
    low, high = 0, len(limits)
    while low < high:
        middle = (low + high) // 2
        if holds(limits[middle]):  # type: ignore[operator]
            high = middle
        else:
            low = middle + 1
    return low
