"""Latency and speed: quantiles over the answered requests of the steady state, with distribution-free intervals.

Failed requests have no latency. They are left out here and said so, since the slowest may be among them; in the
verdict on an SLO each of them counts as too slow. A quantile the number of requests cannot support is absent, with
the time it would take to support it, and keeps its one-sided lower bound. Intervals are
two-level: items asked again, neighbours in time and blocks that differ (``stats.blocks``) make requests worth fewer.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgebench.metrics.observed import QUANTILES, Observed, observe
from edgebench.metrics.sample_size import duration
from edgebench.metrics.table import ArmColumns
from edgebench.records import Estimate, Run
from edgebench.stats import bootstrap, quantiles

_WHY_NONE = {
    "gaps_ms": "answers come in one piece: there are no gaps",
    "ttft_ms": "no first chunk was stamped",
    "tpot_ms": "needs token counts and answers of more than one chunk",
    "decode_tok_s": "needs token counts and answers of more than one chunk",
    "prefill_tok_s": "the engine does not say how long it read the prompt",
}


def estimates(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> Mapping[str, Estimate]:
    """Every metric of time and speed."""
    out = {metric: quantile(arm, metric) for metric in QUANTILES}
    out["gap_max_ms"] = _longest(arm)
    out["cold_first_ms"] = _cold(arm)
    out["load_s"] = _load(run, arm)
    out["throughput_rps"] = _throughput(arm, weights)
    return out


def quantile(arm: ArmColumns, metric: str) -> Estimate:
    """One quantile with its order-statistic interval; absent where n cannot support it."""
    observed = observe(arm, metric)
    assert observed is not None and observed.q is not None  # noqa: S101 - the metric is one of QUANTILES
    column, q = QUANTILES[metric]
    if observed.n == 0:
        return Estimate.absent(_nothing(arm, column))
    ordered, effective = np.sort(observed.above), observed.spread.independent_n(observed.n)
    low, high = observed.order_interval(ordered)
    note = _note(arm, column)
    if low is None or high is None:
        bound = quantiles.lower_bound(ordered, q, effective=effective)
        return Estimate.absent(_unsupported(arm, observed, effective), n=observed.n, low=bound)
    worth = observed.effective_n()
    spread = "" if worth == observed.n else f", worth {worth:.0f} independent ones"
    return Estimate(quantiles.point(ordered, q), low, high, observed.n, f"order statistics{spread}", note=note)


def _nothing(arm: ArmColumns, column: str) -> str:
    if not arm.records:
        return "no requests"
    return "no answered request" if not arm.answered else _WHY_NONE.get(column, "not stamped")


def _note(arm: ArmColumns, column: str) -> str | None:
    words = []
    if arm.only_cold:
        words.append("cold requests only: too few for a steady state")
    if arm.failed.any() and column != "send_lag_ms":
        words.append(f"{int(arm.failed.sum())} failed requests left out, the slowest perhaps among them")
    return "; ".join(words) or None


def _unsupported(arm: ArmColumns, observed: Observed, effective: float) -> str:
    """ "n/a (250 of 368)", and how long the rest would take."""
    needed = quantiles.needed_n(observed.q or 0.5)
    repeats = effective < observed.n
    have = int(effective) if repeats else observed.n
    each_s = float(arm.busy_s[arm.busy_s > 0].mean()) if (arm.busy_s > 0).any() else 0.0
    words = f"n/a ({have} of {needed}{' independent ones' if repeats else ''})"
    if not each_s:
        return words
    return f"{words}: {needed - have} more take about {duration((needed - have) * each_s)}"


def _longest(arm: ArmColumns) -> Estimate:
    steady = arm.gaps_ms[arm.steady[arm.gap_record]]
    if not len(steady):
        return Estimate.absent(_nothing(arm, "gaps_ms"))
    return Estimate(float(steady.max()), n=len(steady), method=f"the longest of {len(steady)} gaps")


def _cold(arm: ArmColumns) -> Estimate:
    cold = np.sort(arm.latency_ms[arm.cold & np.isfinite(arm.latency_ms)])
    return _median(cold, "cold starts", "no answered first request")


def _load(run: Run, arm: ArmColumns) -> Estimate:
    mine = {trial.id for trial in arm.trials}
    found = [one.value / 1e9 for one in run.readings if one.quantity == "load_ns" and one.trial_id in mine]
    return _median(np.sort(np.array(found, dtype=float)), "loads", "nothing to load, or not said")


def _median(ordered: np.ndarray[tuple[int], np.dtype[np.float64]], what: str, why: str) -> Estimate:
    if not len(ordered):
        return Estimate.absent(why)
    low, high = quantiles.interval(ordered, 0.5)
    note = None if low is not None else f"between {ordered[0]:.3g} and {ordered[-1]:.3g}; too few for an interval"
    return Estimate(
        quantiles.point(ordered, 0.5), low, high, len(ordered), f"median of {len(ordered)} {what}", note=note
    )


def _throughput(arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    observed = observe(arm, "throughput_rps")
    point = observed.point() if observed else None
    if observed is None or not point:
        return Estimate.absent("no answered request")
    low, high = observed.interval(weights)
    return Estimate(point, low, high, observed.n, "answered / busy seconds, bootstrap over items")
