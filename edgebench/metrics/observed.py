"""What a metric is computed from: the observations of one arm, and how they become one number.

The same observations give the point estimate, the bootstrap draws, and the exceedances of an SLO, so the summary,
the front and the verdicts can never disagree about what was measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from edgebench.metrics.energy import joules
from edgebench.metrics.table import ArmColumns, Flags, Floats, Index
from edgebench.records import METRICS, Run
from edgebench.stats import bootstrap, clusters, quantiles

#: metric → (column, quantile): over the answered requests of the steady state
QUANTILES: Mapping[str, tuple[str, float]] = {
    "p50_ms": ("latency_ms", 0.50),
    "p90_ms": ("latency_ms", 0.90),
    "p95_ms": ("latency_ms", 0.95),
    "p99_ms": ("latency_ms", 0.99),
    "ttft_p50_ms": ("ttft_ms", 0.50),
    "ttft_p95_ms": ("ttft_ms", 0.95),
    "service_p50_ms": ("service_ms", 0.50),
    "service_p95_ms": ("service_ms", 0.95),
    "send_lag_p99_ms": ("send_lag_ms", 0.99),
    "gap_p50_ms": ("gaps_ms", 0.50),
    "gap_p95_ms": ("gaps_ms", 0.95),
    "tpot_p50_ms": ("tpot_ms", 0.50),
    "prefill_tok_s": ("prefill_tok_s", 0.50),
    "decode_tok_s": ("decode_tok_s", 0.50),
}
#: metrics that are a ratio of sums over requests
RATIOS = ("accuracy", "failure_rate", "usd_per_1k", "joules_per_request", "throughput_rps")


@dataclass(frozen=True)
class Observed:
    """Observations of one metric in one arm: Σ above / Σ below, or the q-quantile of ``above``."""

    metric: str
    member: Index  # cluster of each observation
    above: Floats
    below: Floats
    q: float | None = None

    @property
    def n(self) -> int:
        return len(self.above)

    def point(self) -> float | None:
        """The metric's value; None without observations."""
        if self.q is not None:
            return quantiles.point(np.sort(self.above), self.q) if self.n else None
        return float(self.above.sum() / self.below.sum()) if self.n and self.below.sum() else None

    def draws(self, weights: bootstrap.Counts) -> Floats:
        """The metric in each bootstrap draw; NaN where a draw holds no observation."""
        if self.q is not None:
            return bootstrap.quantiles(weights, self.member, self.above, self.q)
        return bootstrap.ratios(weights, self.member, self.above, self.below)

    def effective_n(self) -> float:
        """How many independent observations a quantile stands on; n itself where no cluster repeats."""
        if self.q is None or len(np.unique(self.member)) == self.n:
            return float(self.n)
        ranks = np.argsort(np.argsort(self.above)).astype(float)
        beyond = (self.above > quantiles.point(np.sort(self.above), self.q)).astype(float)
        return clusters.effective_n(self.member, ranks, beyond if beyond.any() else ranks)

    def within(self, common: Flags) -> Observed:
        """Only the observations of the clusters flagged."""
        keep = common[self.member]
        return Observed(self.metric, self.member[keep], self.above[keep], self.below[keep], self.q)


def observe(arm: ArmColumns, metric: str) -> Observed | None:
    """The observations of a metric; None for one that is not made of requests (memory, load)."""
    if metric in QUANTILES:
        column, q = QUANTILES[metric]
        values, member, steady = getattr(arm, column), arm.cluster, arm.steady
        if column == "gaps_ms":
            member, steady = member[arm.gap_record], steady[arm.gap_record]
        return _of(metric, member, values, np.ones(len(values)), steady & np.isfinite(values), q)
    if metric not in RATIOS:
        return None
    above, below = _ratio(arm, metric)
    return _of(metric, arm.cluster, above, below, np.isfinite(above), None)


def _ratio(arm: ArmColumns, metric: str) -> tuple[Floats, Floats]:
    ones = np.ones(len(arm.records))
    if metric == "throughput_rps":
        return (~arm.failed).astype(float), arm.busy_s
    if metric == "accuracy":
        return arm.value, ones
    if metric == "failure_rate":
        return arm.failed.astype(float), ones
    if metric == "joules_per_request":
        return joules(arm), ones
    return (arm.usd * 1000 if arm.charges.cost.why_absent is None else np.full(len(ones), np.nan)), ones


def _of(metric: str, member: Index, above: Floats, below: Floats, keep: Flags, q: float | None) -> Observed:
    return Observed(metric, member[keep], above[keep], below[keep], q)


def generator(run: Run, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for each purpose, from the plan's bootstrap seed."""
    return np.random.default_rng(np.random.SeedSequence([run.plan.seeds.bootstrap, zlib.crc32(purpose.encode())]))


def is_quantile_of_time(metric: str) -> bool:
    """Whether a limit on this metric is judged by counting the requests beyond it."""
    return metric in QUANTILES and METRICS[metric].unit == "ms"
