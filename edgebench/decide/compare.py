"""Comparisons: the paired difference b − a of two arms on the items both have met.

Right or wrong, one answer an item: Bonett and Price's interval, McNemar's mid-p test. Everything else (graded values,
repeated items, latencies, dollars): both arms recomputed in the same bootstrap draws, and the draws subtracted (or
divided: ``ratio``); harm and severe errors have a way of their own (``by_stakes``). Two intervals that overlap prove
nothing; this does.

Items are met by both arms in the same block, so what a block does to both cancels; what it does to one of them (its own
start, its own heat) does not, and that is estimated from the paired differences themselves (``stats.blocks``) and
widens the interval, as neighbours in time do. An interval leaves out 0 exactly where p < .05; the one exception is
accuracy, whose interval and test are two named methods that can differ at the edge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from edgebench.decide import by_stakes
from edgebench.decide.gates import demand_metric
from edgebench.decide.resampled import Resampled, resample
from edgebench.errors import UsageError, did_you_mean
from edgebench.metrics.observed import Observed
from edgebench.metrics.observed import difference as spread_of_difference
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import Flags, Floats, columns
from edgebench.records import METRICS, Comparison, Estimate, Run
from edgebench.stats import bootstrap, multiple, paired
from edgebench.stats.blocks import Spread

#: From this share of common items on, the odd ones (a cold or a failed request) stay in, so that the difference is that
#: of the two numbers in the table.
MOSTLY = 0.9


def compare(run: Run, a: str, b: str, metric: str = "accuracy", *, draws: int = 2000) -> Comparison:
    """The paired difference b − a of a metric between two arms of a run.

    Raises
    ------
    UsageError: no such arm or metric (with the nearest name).
    """
    demand_metric(metric)
    table = columns(run)
    for name in (a, b):
        if name not in table:
            raise UsageError(f"the run has no arm called {name!r}", hint=did_you_mean(name, table))
    summary = summarise(run, draws=draws, table=table)
    return between(resample(run, summary, draws=draws, table=table), a, b, metric)


def between(resampled: Resampled, a: str, b: str, metric: str) -> Comparison:
    """The same from draws that are already there."""
    for name in (a, b):
        estimate = resampled.arms[name].estimates[metric]
        if estimate.value is None:
            return Comparison(a, b, metric, Estimate.absent(f"{name}: {estimate.why_absent}"), None, "")
    first, second = (resampled.observed(name, metric) for name in (a, b))
    if first is None or second is None:
        return _fixed(resampled, a, b, metric)
    if metric in by_stakes.METRICS_OF_STAKES:
        return by_stakes.difference(resampled, a, b, metric, (first, second))
    one, two = common_part(first, second, resampled.weights.shape[1])
    n = one.clusters
    if not n:
        return Comparison(a, b, metric, Estimate.absent("no item was met by both"), None, "")
    if metric in ("accuracy", "failure_rate") and (table := right_and_wrong(one, two)) is not None:
        return _by_pairs(a, b, metric, table, spread_of_difference(one, two, (_error(one.above), _error(two.above))))
    if n >= MOSTLY * len(np.unique(np.concatenate([first.member, second.member]))):
        drawn = resampled.of_items(a, metric), resampled.of_items(b, metric)
        return by_draws(a, b, metric, (first, second), drawn, n)
    drawn = one.draws(resampled.weights), two.draws(resampled.weights)
    return by_draws(a, b, metric, (one, two), drawn, n)


def common_part(one: Observed, two: Observed, clusters: int) -> tuple[Observed, Observed]:
    """Both, on the clusters both have; ``clusters``: how many there are."""
    common: Flags = np.zeros(clusters, dtype=bool)
    common[np.intersect1d(one.member, two.member)] = True
    return one.within(common), two.within(common)


def right_and_wrong(one: Observed, two: Observed) -> tuple[int, int, int] | None:
    """(right in b alone, right in a alone, pairs); None unless each item has one right-or-wrong answer an arm."""
    if one.n != two.n or not np.isin(np.concatenate([one.above, two.above]), (0.0, 1.0)).all():
        return None
    left, right = np.argsort(one.member), np.argsort(two.member)
    if not np.array_equal(one.member[left], two.member[right]) or len(np.unique(one.member)) != one.n:
        return None
    difference = two.above[right] - one.above[left]
    return int((difference > 0).sum()), int((difference < 0).sum()), one.n


def _by_pairs(a: str, b: str, metric: str, table: tuple[int, int, int], spread: Spread) -> Comparison:
    only_b, only_a, n = table
    inflation = max(1.0, spread.inflation())
    low, high = paired.bonett_price(only_b / inflation, only_a / inflation, n / inflation)
    note = f"{only_b} items went to b alone, {only_a} to a alone" if metric == "accuracy" else None
    worth = f", worth {n / inflation:.0f} independent pairs" if inflation > 1 else ""
    difference = Estimate((only_b - only_a) / n, low, high, n, f"Bonett–Price, paired{worth}", note=note)
    p_value = paired.mcnemar_mid_p(only_b / inflation, only_a / inflation)
    return Comparison(a, b, metric, difference, p_value, f"McNemar, mid-p{worth}")


def by_draws(
    a: str, b: str, metric: str, seen: tuple[Observed, Observed], drawn: tuple[Floats, Floats], n: int
) -> Comparison:
    """The difference of two arms from what was seen of them and the same ``n`` items drawn for both."""
    points = [observed.point() for observed in seen]
    if points[0] is None or points[1] is None:
        return Comparison(a, b, metric, Estimate.absent("no item was met by both"), None, "")
    delta, apart = drawn[1] - drawn[0], points[1] - points[0]
    spread = spread_of_difference(*seen, (_error(drawn[0]), _error(drawn[1])))
    wider = spread.stretch()
    widened = f", {wider:.2g} times wider for what its blocks show" if wider >= 1.05 else ""
    method = f"paired bootstrap over {n} items{widened}"
    low, high = bootstrap.interval(delta, n, point=apart, stretch=wider) or (None, None)
    difference = Estimate(apart, low, high, n, method)
    ratio = None
    if points[0] > 0 and METRICS[metric].unit != "fraction":
        times = np.divide(drawn[1], drawn[0], out=np.full(len(delta), np.nan), where=drawn[0] > 0)
        low, high = _ratio_interval(times, points[1] / points[0], n, wider)
        ratio = Estimate(points[1] / points[0], low, high, n, method)
    p_value = bootstrap.p_value(delta, n, apart, spread.stretch)
    return Comparison(a, b, metric, difference, p_value, method, ratio)


def _error(drawn: Floats) -> float:
    finite = drawn[np.isfinite(drawn)]
    return float(finite.std()) if len(finite) else 0.0


def _ratio_interval(times: Floats, point: float, n: int, wider: float) -> tuple[float | None, float | None]:
    """Widened by factors, not by terms: a ratio never falls below 0."""
    if point <= 0 or not (times[np.isfinite(times)] > 0).all():
        return bootstrap.interval(times, n) or (None, None)
    found = bootstrap.interval(np.log(times), n, point=float(np.log(point)), stretch=wider)
    return (None, None) if found is None else (float(np.exp(found[0])), float(np.exp(found[1])))


def _fixed(resampled: Resampled, a: str, b: str, metric: str) -> Comparison:
    one, two = resampled.point(a, metric) or 0.0, resampled.point(b, metric) or 0.0
    method = "difference of two numbers that have no sampling interval"
    ratio = Estimate(two / one, n=1, method=method) if one > 0 else None
    return Comparison(a, b, metric, Estimate(two - one, n=1, method=method), None, method, ratio)


def all_pairs(resampled: Resampled, metrics: Sequence[str]) -> tuple[Comparison, ...]:
    """Every pair of answering arms on every metric, p-values corrected by Holm within each metric."""
    names = [arm.arm for arm in resampled.summary.arms if arm.answered]
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    return tuple(one for metric in metrics for one in family([between(resampled, a, b, metric) for a, b in pairs]))


def family(found: Sequence[Comparison]) -> list[Comparison]:
    """The same with p-values corrected by Holm over all of them."""
    tested = {place: one.p_value for place, one in enumerate(found) if one.p_value is not None}
    adjusted: Mapping[int, float] = dict(zip(tested, multiple.holm(list(tested.values())), strict=True))
    if len(tested) < 2:
        return list(found)
    return [
        replace(one, p_value=adjusted[place], method=f"{one.method}; Holm over {len(tested)} pairs")
        if place in adjusted
        else one
        for place, one in enumerate(found)
    ]
