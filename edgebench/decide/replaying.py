"""A cascade of two arms at every threshold: its curve, the threshold one would choose, and how that stands."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgebench.decide.cascading import Outcome, Pairs, hull, replay, thresholds, worth
from edgebench.decide.crossfitting import Aim, Limit, crossfit
from edgebench.decide.mixtures import FEWER, Mixtures
from edgebench.decide.pareto import dominance
from edgebench.metrics.observed import QUANTILES, generator
from edgebench.metrics.table import Floats, Index
from edgebench.records import CascadePoint, Estimate
from edgebench.routing import Rule

TIMES = ("p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True)
class Replay:
    """One pair under one rule."""

    of: Mixtures
    rule: Rule

    @property
    def pairs(self) -> Pairs:
        return self.of.pairs

    @cached_property
    def at(self) -> Floats:
        return thresholds(self.pairs.confidence)

    @cached_property
    def outcome(self) -> Outcome:
        return replay(self.pairs, self.rule, self.at)

    @cached_property
    def value(self) -> Floats:
        """Of every answer, where both arms' were judged; else NaN."""
        return np.where(self.pairs.judged, self.outcome.value, np.nan)

    # ---------------------------------------------------------------------------------------------- choosing

    @cached_property
    def aim(self) -> Aim:
        useful = worth(self.pairs, self.outcome)
        return Aim(self.value, None if useful is None else np.where(self.pairs.judged, useful, np.nan), self._limits())

    def _limits(self) -> tuple[Limit, ...]:
        """The plan's SLOs that speak of what a cascade does."""
        found = self.outcome
        means = {"accuracy": self.value, "usd_per_1k": 1000 * found.usd, "failure_rate": found.failed.astype(float)}
        times = np.where(self.pairs.steady, found.latency_ms, np.nan)
        return tuple(
            Limit(slo, means[slo.metric]) if slo.metric in means else Limit(slo, times, QUANTILES[slo.metric][1])
            for slo in self.of.resampled.run.plan.slos
            if slo.metric in means or QUANTILES.get(slo.metric, ("", 0.0))[0] == "latency_ms"
        )

    @cached_property
    def chosen(self) -> int:
        return self.aim.chosen()

    def within(self) -> bool:
        """Whether the chosen threshold keeps every SLO that was looked at, as far as was seen."""
        everything = np.ones((1, self.pairs.n), dtype=bool)
        return bool(self.aim.allowed(everything)[0, self.chosen])

    @cached_property
    def fitted(self) -> Index:
        """At which threshold each pair is judged, in each split: shape (splits, n)."""
        return crossfit(self.aim, self.pairs.member, generator(self.of.resampled.run, "cascade"))

    def _fitted(self, values: Floats) -> Floats:
        """Of every pair, each split: shape (splits, n)."""
        return values[self.fitted, np.arange(self.pairs.n)]

    def _mean_fitted(self, values: Floats) -> Floats:
        """Of every pair, its mean over the splits: shape (1, n)."""
        return np.asarray(self._fitted(values).mean(axis=0, keepdims=True))

    # ---------------------------------------------------------------------------------------------- what is shown

    def points(self) -> tuple[CascadePoint, ...]:
        """The curve; its hull is of the two means alone, for no mixture of two p99s is a p99."""
        found = self.outcome
        made = self._points(found.asked.astype(float), self.value, found.usd, found.latency_ms, self.at)
        across = self.of.means(found.usd if self.of.unpriced is None else found.asked.astype(float))
        on_hull = hull(across, self.of.means(self.value))
        return tuple(replace(point, on_hull=bool(on)) for point, on in zip(made, on_hull, strict=True))

    def best(self) -> CascadePoint:
        """At the threshold chosen on all pairs, each of them judged at one chosen without it."""
        found = self.outcome
        asked, value, usd = (self._mean_fitted(each) for each in (found.asked.astype(float), self.value, found.usd))
        pooled = self._fitted(found.latency_ms).reshape(1, -1)
        (point,) = self._points(asked, value, usd, pooled, self.at[[self.chosen]])
        return point

    def optimism(self) -> float:
        """Accuracy at the chosen threshold as seen on the answers it was chosen by, above the honest one."""
        return float(self.of.means(self.value)[self.chosen] - self.of.means(self._mean_fitted(self.value))[0])

    def _points(self, asked: Floats, value: Floats, usd: Floats, ms: Floats, at: Floats) -> list[CascadePoint]:
        deferred = self.of.shares(asked, "share of pairs, bootstrap over items")
        accuracy = self.of.shares(value, "replayed, bootstrap over items")
        p50, p95, p99 = (self.of.times(metric, ms) for metric in TIMES)
        dollars = self.of.dollars(usd)
        return [
            CascadePoint(threshold, deferred[k], accuracy[k], p50[k], p95[k], p99[k], dollars[k], self.of.memory)
            for k, threshold in enumerate(at.tolist())
        ]

    # ---------------------------------------------------------------------------------------------- how it stands

    def parts(self) -> tuple[float, float]:
        """Accuracy of the edge alone and of the cloud alone, on the pairs."""
        edge, cloud = (float(value[self.pairs.judged].mean()) for value in self.pairs.of("value"))
        return edge, cloud

    @cached_property
    def _values(self) -> Floats:
        """Values of the best one (cross-fitted), the edge and the cloud, on judged pairs: shape (3, n)."""
        stacked = np.concatenate([self._mean_fitted(self.value), np.stack(self.pairs.of("value"))])
        return np.where(self.pairs.judged, stacked, np.nan)

    def gain(self) -> Estimate:
        """Accuracy above letting the cloud answer as many requests, whichever: what the signal is worth."""
        share = self._mean_fitted(np.where(self.pairs.judged, self.outcome.by_cloud, np.nan))
        stacked = np.concatenate([self._values, share])
        value = float(_above_chance(self.of.means(stacked)))
        low, high = self.of.interval(_above_chance(self.of.draws(stacked).T), value, "accuracy")
        n, method = int(self.pairs.judged.sum()), "joint bootstrap over items"
        return Estimate(value, low, high, n, method, provenance=self.of.provenance)

    def on_front(self) -> float:
        """Share of the draws in which neither part is at least as good in accuracy, latency and cost."""
        times = np.stack([self.outcome.latency_ms[self.chosen], *self.pairs.of("latency_ms")])
        losses = [-self.of.draws(self._values), self.of.quantile_draws(times)]
        if self.of.unpriced is None:
            usd = np.concatenate([self._mean_fitted(self.outcome.usd), np.stack(self.pairs.of("usd"))])
            losses.append(self.of.draws(usd))
        loss = np.nan_to_num(np.stack([each[:FEWER] for each in losses], axis=2), nan=np.inf)
        return float(1 - dominance(loss)[:, 0, :].any(axis=1).mean())


def _above_chance(rows: Floats) -> Floats:
    """From the accuracies of the cascade, the edge and the cloud, and the share that the cloud answers."""
    best, edge, cloud, by_cloud = rows
    return np.asarray(best - (edge + by_cloud * (cloud - edge)))
