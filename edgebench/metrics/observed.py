"""What a metric is computed from: the observations of one arm, and how they become one number.

The same observations give the point estimate, the bootstrap draws, and the exceedances of an SLO, so the summary,
the front and the verdicts can never disagree about what was measured.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgebench.metrics.table import ArmColumns, Flags, Floats, Index
from edgebench.records import METRICS, Run
from edgebench.stats import blocks, bootstrap, clusters, exceedances, quantiles
from edgebench.stats.autocorrelation import Series
from edgebench.stats.blocks import Spread

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
RATIOS = (
    "accuracy", "failure_rate", "usd_per_1k", "joules_per_request", "throughput_rps", "loss_per_1k", "value_per_1k",
    "harm_per_1k", "severe_rate",
)  # fmt: skip
LEAST = 0.05  # of the variance of independent differences: below it, draws of the items are not to be trusted
#: what an answer is worth does not depend on when it was given, unless blocks say so plainly
TIMELESS = ("accuracy", "loss_per_1k", "harm_per_1k", "severe_rate")


@dataclass(frozen=True)
class Observed:
    """Observations of one metric in one arm: Σ above / Σ below, or the q-quantile of ``above``."""

    metric: str
    member: Index  # cluster of each observation
    above: Floats
    below: Floats
    q: float | None = None
    block: Index | None = None  # start of the target it was made in, numbered alike in all arms; None: not known
    order: Index | None = None  # its request's place in that start

    @property
    def n(self) -> int:
        return len(self.above)

    @property
    def clusters(self) -> int:
        return len(np.unique(self.member))

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

    def interval(self, weights: bootstrap.Counts) -> tuple[float | None, float | None]:
        """Of a ratio: from its bootstrap draws, widened for what neighbours in time and blocks share."""
        found, point = bootstrap.interval(self.draws(weights), self.clusters), self.point()
        if found is None or point is None:
            return None, None
        stretch = self.spread.stretch()
        low, high = (point + stretch * (bound - point) for bound in found)
        return (max(low, 0.0) if found[0] >= 0 else low), high

    def order_interval(self, ordered: Floats) -> tuple[float | None, float | None]:
        """Of a quantile, from its values in ascending order: blocks widen it, but never take a bound away."""
        worth = self.spread.independent_n(self.n)
        return quantiles.interval(ordered, self.q or 0.5, effective=worth, widened=self.spread.widened())

    def effective_n(self, level: float = 0.95) -> float:
        """How many independent observations an interval of this level stands on; n itself where nothing is shared."""
        return self.spread.effective_n(self.n, level)

    @cached_property
    def spread(self) -> Spread:
        """What its observations share: items asked again, neighbours in time, blocks."""
        scores, beyond = self.pulls
        own = float((scores**2).sum())
        within = self.n / clusters.effective_n(self.member, *self._signals()) if self.n else 1.0
        if self.block is None or self.order is None or own <= 0:
            return Spread(within)
        series = Series.of(scores, self.block, self.order)
        found = blocks.spread(
            series,
            q=None if beyond is None else self.q,
            exceeding=None if beyond is None else Series.of(beyond, self.block, self.order),
            certain=blocks.PLAINLY if self.metric in TIMELESS else blocks.ALONE,
            together=_together(scores, self.block, self.member, series.variance),
        )
        units = series.variance / own  # a request's several observations vary more together than one by one
        return Spread(within, found.near * units, found.blocks * units, found.groups)

    @cached_property
    def pulls(self) -> tuple[Floats, Floats | None]:
        """How far each observation pulls the metric, of mean 0 and unit variance; and for a quantile, its exceedances.

        For a quantile the first are normal scores: the best witnesses of a block that was slower as a whole. Where a
        request has several observations (gaps) their exceedances stand alone: added up, those are no handful.
        """
        if self.q is None:
            return _unit(self.above - (self.point() or 0.0) * self.below), None
        beyond = _unit((self.above > (self.point() or 0.0)).astype(float)) if self.n else self.above
        if QUANTILES.get(self.metric, ("", 0.0))[0] == "gaps_ms":
            return beyond, None
        return _unit(exceedances.normal_scores(self.above)), beyond

    def _signals(self) -> tuple[Floats, ...]:
        """What is looked at for the likeness of repeated items."""
        if self.q is None or self.clusters == self.n:
            return (self.pulls[0],)
        ranks = np.argsort(np.argsort(self.above)).astype(float)
        beyond = (self.above > (self.point() or 0.0)).astype(float)
        return (ranks, beyond) if beyond.any() else (ranks,)

    def within(self, common: Flags) -> Observed:
        """Only the observations of the clusters flagged."""
        keep = common[self.member]
        return replace(
            self,
            member=self.member[keep],
            above=self.above[keep],
            below=self.below[keep],
            block=None if self.block is None else self.block[keep],
            order=None if self.order is None else self.order[keep],
        )


def _unit(values: Floats) -> Floats:
    centred = values - values.mean() if len(values) else values
    size = float(np.sqrt((centred**2).mean())) if len(values) else 0.0
    return np.asarray(centred / size if size > 0 else centred)


def _together(values: Floats, block: Index, member: Index, own: float) -> float:
    """What clusters inside a block add to the variance of independent places, as a share of it."""
    _, cell = np.unique(block * (int(member.max()) + 1) + member, return_inverse=True)
    return max(0.0, float((np.bincount(cell, values) ** 2).sum()) / own - 1) if own > 0 else 0.0


def difference(one: Observed, two: Observed, errors: tuple[float, float]) -> Spread:
    """What the paired differences ``two − one`` share beside their items; ``errors``: the arms' standard errors.

    In units of the variance that draws of the items show.
    """
    if one.block is None or one.order is None or two.block is None or two.order is None or not (one.n and two.n):
        return Spread()
    block, order = np.concatenate([one.block, two.block]), np.concatenate([one.order, two.order])
    member = np.concatenate([one.member, two.member])
    signed = -errors[0] / np.sqrt(one.n), errors[1] / np.sqrt(two.n)
    scores = np.concatenate([signed[0] * one.pulls[0], signed[1] * two.pulls[0]])
    series, beyond = Series.of(scores, block, order), None
    if one.pulls[1] is not None and two.pulls[1] is not None:
        beyond = Series.of(np.concatenate([signed[0] * one.pulls[1], signed[1] * two.pulls[1]]), block, order)
    if series.variance <= 0:
        return Spread()
    within = float((np.bincount(member, scores) ** 2).sum()) / series.variance
    found = blocks.spread(
        series,
        q=None if beyond is None else one.q,
        exceeding=beyond,
        certain=blocks.PLAINLY if one.metric in TIMELESS else blocks.PAIRED,
        together=_together(scores, block, member, series.variance),
    )
    return replace(found, within=max(within, LEAST))


def observe(arm: ArmColumns, metric: str) -> Observed | None:
    """The observations of a metric; None for one that is not made of requests (memory, load)."""
    if metric in QUANTILES:
        column, _ = QUANTILES[metric]
        values = getattr(arm, column)
        of = arm.gap_record if column == "gaps_ms" else np.arange(len(arm.records))
        return _of(arm, metric, values, np.ones(len(values)), of, arm.steady[of] & np.isfinite(values))
    if metric not in RATIOS:
        return None
    above, below = _ratio(arm, metric)
    return _of(arm, metric, above, below, np.arange(len(arm.records)), np.isfinite(above))


def _ratio(arm: ArmColumns, metric: str) -> tuple[Floats, Floats]:
    ones = np.ones(len(arm.records))
    if metric == "throughput_rps":
        return (~arm.failed).astype(float), arm.busy_s
    if metric == "accuracy":
        return arm.value, ones
    if metric == "failure_rate":
        return arm.failed.astype(float), ones
    if metric == "joules_per_request":
        return arm.joules, ones
    if metric == "loss_per_1k":
        return arm.loss, ones
    if metric == "value_per_1k":
        return arm.worth, ones
    if metric == "harm_per_1k":
        return arm.harm, ones
    if metric == "severe_rate":
        return arm.severe, ones
    return (arm.usd * 1000 if arm.charges.cost.why_absent is None else np.full(len(ones), np.nan)), ones


def _of(arm: ArmColumns, metric: str, above: Floats, below: Floats, of: Index, keep: Flags) -> Observed:
    """``of``: whose each observation is, as a place among the records."""
    at = of[keep]
    q = QUANTILES[metric][1] if metric in QUANTILES else None
    return Observed(metric, arm.cluster[at], above[keep], below[keep], q, arm.start[at], arm.order[at])


def generator(run: Run, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for each purpose, from the plan's bootstrap seed."""
    return np.random.default_rng(np.random.SeedSequence([run.plan.seeds.bootstrap, zlib.crc32(purpose.encode())]))


def is_quantile_of_time(metric: str) -> bool:
    """Whether a limit on this metric is judged by counting the requests beyond it."""
    return metric in QUANTILES and METRICS[metric].unit == "ms"
