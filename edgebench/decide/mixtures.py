"""Estimates of what is neither arm's own but made of the paired answers of both, with intervals.

Means (accuracy, shares, dollars) have the joint bootstrap over items of the whole run (the draws of the front), so that
what both share cancels, stretched by what the blocks of either arm show. Quantiles of latency are those of the mixture,
with order statistics, worth as many independent ones as the worse of both arms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from edgebench.decide.cascading import Pairs
from edgebench.decide.resampled import Resampled
from edgebench.metrics.observed import QUANTILES
from edgebench.metrics.table import ArmColumns, Floats
from edgebench.records import Estimate, Provenance
from edgebench.stats import bootstrap, quantiles
from edgebench.stats.blocks import Spread

FEWER = 500  # draws that quantiles are recomputed in: sorting takes its time, and a probability needs no more


@dataclass(frozen=True)
class Mixtures:
    """What can be estimated of pairs. ``values`` are of shape (t, n): systems by pairs; NaN where not known."""

    resampled: Resampled
    pairs: Pairs
    weights: Floats  # the run's joint draws, as numbers that products are quick with

    @property
    def provenance(self) -> Provenance:
        return provenance(self.pairs.edge, self.pairs.cloud)

    @cached_property
    def clusters(self) -> int:
        return len(np.unique(self.pairs.member))

    # ---------------------------------------------------------------------------------------------- means

    def means(self, values: Floats) -> Floats:
        """Over the pairs for which all is known: shape (t,)."""
        known = np.isfinite(values).all(axis=0)
        return values[:, known].mean(axis=1) if known.any() else np.full(len(values), np.nan)

    def draws(self, values: Floats) -> Floats:
        """The same in each of the run's joint draws: shape (draws, t)."""
        known, groups = np.isfinite(values).all(axis=0), self.resampled.weights.shape[1]
        member = self.pairs.member[known]
        sums = [np.bincount(member, row, minlength=groups) for row in values[:, known]]
        sums.append(np.bincount(member, minlength=groups).astype(float))
        drawn = self.weights @ np.stack(sums, axis=1)
        out: Floats = np.full((len(drawn), len(values)), np.nan)
        np.divide(drawn[:, :-1], drawn[:, -1:], out=out, where=drawn[:, -1:] > 0)
        return out

    def shares(self, values: Floats, method: str) -> list[Estimate]:
        """Means of what lies within 0…1."""
        found = self._estimates(values, method, "accuracy", self.provenance)
        return [one if one.high is None else replace(one, high=min(1.0, one.high)) for one in found]

    def dollars(self, usd: Floats) -> list[Estimate]:
        """Per 1,000 requests, from dollars of each."""
        if (why := self.unpriced) is not None:
            return [Estimate.absent(why)] * len(usd)
        given = [arm.charges.provenance for arm in (self.pairs.edge, self.pairs.cloud)]
        order: tuple[Provenance, ...] = ("stand-in", "estimated", "declared")
        said = next((word for word in order if word in given), self.provenance)
        return self._estimates(1000 * usd, "both costs, bootstrap over items", "usd_per_1k", said)

    @cached_property
    def unpriced(self) -> str | None:
        """Why there are no dollars, if there are none."""
        for arm in (self.pairs.edge, self.pairs.cloud):
            if (why := arm.charges.cost.why_absent) is not None:
                return f"{arm.arm}: {why}"
        both = np.isfinite(np.stack(self.pairs.of("usd"))).all(axis=0)
        return None if both.any() else "no pair of answers was priced whole"

    def _estimates(self, values: Floats, method: str, metric: str, said: Provenance) -> list[Estimate]:
        drawn, n = self.draws(values), int(np.isfinite(values).all(axis=0).sum())
        out = []
        for k, value in enumerate(self.means(values).tolist()):
            low, high = self.interval(drawn[:, k], value, metric)
            out.append(Estimate(value, None if low is None else max(0.0, low), high, n, method, provenance=said))
        return out

    def interval(self, drawn: Floats, point: float, metric: str) -> tuple[float | None, float | None]:
        """From draws, stretched by what the blocks of either arm show of the metric."""
        stretch = max((spread.stretch() for spread, _ in self._spreads(metric)), default=1.0)
        found = bootstrap.interval(drawn, self.clusters, point=point, stretch=stretch)
        return (None, None) if found is None else found

    def _spreads(self, metric: str) -> list[tuple[Spread, int]]:
        found = (self.resampled.observed(arm.arm, metric) for arm in (self.pairs.edge, self.pairs.cloud))
        return [(one.spread, one.n) for one in found if one is not None and one.n]

    # ---------------------------------------------------------------------------------------------- quantiles

    def times(self, metric: str, ms: Floats) -> list[Estimate]:
        """A quantile of latencies of the steady state; ``ms`` may hold the same pairs several times, side by side."""
        q, spreads = QUANTILES[metric][1], self._spreads(metric)
        worth = min((spread.independent_n(n) / n for spread, n in spreads), default=1.0)
        widened = max((spread.widened() for spread, _ in spreads), default=1.0)
        repeated = ms.shape[1] // self.pairs.n
        steady = np.tile(self.pairs.steady, repeated)
        ranks: dict[int, tuple[float | None, float | None]] = {}
        out = []
        for row in ms:
            ordered = np.sort(row[steady & np.isfinite(row)])
            size, effective = len(ordered), worth * (len(ordered) // repeated)
            if size and size not in ranks:  # which of them bound a quantile is the same wherever as many were seen
                ranks[size] = quantiles.interval(np.arange(size, dtype=float), q, effective=effective, widened=widened)
            out.append(self._quantile(ordered, q, effective, ranks.get(size, (None, None)), size // repeated))
        return out

    def _quantile(
        self, ordered: Floats, q: float, effective: float, ranks: tuple[float | None, float | None], n: int
    ) -> Estimate:
        low, high = ranks
        if not n:
            return Estimate.absent("no pair was answered in the steady state")
        if low is None or high is None:
            bound = quantiles.lower_bound(ordered, q, effective=effective)
            return Estimate.absent(f"n/a ({int(effective)} of {quantiles.needed_n(q)})", n=n, low=bound)
        ends = float(ordered[int(low)]), float(ordered[int(high)])
        method = "of the mixture, order statistics"
        return Estimate(quantiles.point(ordered, q), *ends, n, method, provenance=self.provenance)

    def quantile_draws(self, ms: Floats) -> Floats:
        """p95 of each row in the first of the draws (p50 where the steady state is too short): shape (FEWER, t)."""
        known = self.pairs.steady & np.isfinite(ms)
        q = 0.95 if int(known.sum(axis=1).min()) >= quantiles.needed_n(0.95) else 0.50
        weights, member = self.resampled.weights[:FEWER], self.pairs.member
        drawn = [bootstrap.quantiles(weights, member[of], row[of], q) for row, of in zip(ms, known, strict=True)]
        return np.stack(drawn, axis=1)

    # ---------------------------------------------------------------------------------------------- memory

    @cached_property
    def memory(self) -> Estimate:
        """A cloud elsewhere takes none of the device's memory; two models on one device are both resident."""
        edge, cloud = (self.resampled.arms[arm.arm] for arm in (self.pairs.edge, self.pairs.cloud))
        mine, theirs = edge.estimates["peak_mib"], cloud.estimates["peak_mib"]
        if cloud.identity.placement != "device":
            return replace(mine, note="the edge's alone: the cloud's is not the device's")
        if mine.value is None or theirs.value is None:
            return mine if mine.value is None else theirs
        if edge.identity.device != cloud.identity.device:
            return replace(max(mine, theirs, key=lambda one: one.value or 0.0), note="the larger one, of two devices")
        return Estimate(
            mine.value + theirs.value,
            None if mine.low is None or theirs.low is None else mine.low + theirs.low,
            None if mine.high is None or theirs.high is None else mine.high + theirs.high,
            min(mine.n, theirs.n),
            "sum of both peaks",
            provenance=mine.provenance,
            note="both are resident on the same device, if perhaps not at their peaks at once",
        )


def provenance(*arms: ArmColumns) -> Provenance:
    return "stand-in" if any(arm.identity.placement == "stand-in" for arm in arms) else "measured"
