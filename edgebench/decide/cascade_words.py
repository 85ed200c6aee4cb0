"""What is to be said of a cascade: whether its signal is any good, and whether it beats its two parts."""

from __future__ import annotations

import math

from edgebench.decide.wording import number, percent, points, said, span
from edgebench.records import Cascade, Estimate

GOOD = 0.7  # an AUROC surely above it is called good
SURE, UNLIKELY = 0.95, 0.05  # as for the front
FEW = 0.01  # share of requests that is nearly none


def judged(low: float, high: float) -> str:
    """What an AUROC's interval says of a confidence."""
    if low > GOOD:
        return "good: it tells right answers from wrong ones"
    if low > 0.5:
        return "weak: better than chance"
    return "misleading: the surer, the more often wrong" if high < 0.5 else "cannot be told from chance"


def verdict(one: Cascade, edge: float, cloud: float, *, within: bool) -> str:
    """One sentence; ``edge``, ``cloud``: accuracies of the parts alone; ``within``: the plan's SLOs hold."""
    best = one.best
    if best is None or best.accuracy.value is None or best.deferred.value is None:
        return ""
    name = f"{one.edge} → {one.cloud}"
    if best.deferred.value < FEW:
        return f"No cascade is needed: {one.edge} alone is about as right ({percent(edge)}) as {name} at any threshold"
    served = f"asks {one.cloud} for {percent(best.deferred.value)} of the requests" + _after(one)
    right = (
        f"{percent(best.accuracy.value)} right{_span('accuracy', best.accuracy)}, where {one.edge} alone is "
        f"{percent(edge)} and {one.cloud} {percent(cloud)}"
    )
    at = f" at confidence ≥ {number(best.threshold)}" if math.isfinite(best.threshold) else ""
    slos = "" if within else "; no threshold keeps the plan's SLOs"
    return f"{_opening(one)}: {name}{at} {served} and is {right}; {_evidence(one)}{slos}"


def _opening(one: Cascade) -> str:
    gain, probability = one.gain, one.on_front or 0.0
    if probability <= UNLIKELY:
        return "Not worth it"
    worth = gain is not None and gain.low is not None and gain.low > 0
    return "Worth it" if worth and probability >= SURE else "Open"


def _after(one: Cascade) -> str:
    if one.hedge_after_s is None:
        return ""
    return " (at once)" if one.hedge_after_s == 0 else f" (after {said('p50_ms', 1000 * one.hedge_after_s)})"


def _evidence(one: Cascade) -> str:
    words = []
    if one.on_front is not None:
        words.append(f"neither part beats it in {percent(one.on_front)} of resamples")
    if one.gain is not None and one.gain.value is not None:
        told = points(one.gain.value)
        if one.gain.low is not None and one.gain.high is not None:
            told += f" ({points(one.gain.low)} to {points(one.gain.high)})"
        words.append(f"{told} against deferring as many at random")
    return ", ".join(words)


def _span(metric: str, estimate: Estimate) -> str:
    return "" if estimate.low is None or estimate.high is None else f" {span(metric, estimate.low, estimate.high)}"
