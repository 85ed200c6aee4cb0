"""Choosing a threshold without fooling oneself: every answer is judged at one that was chosen without it.

A threshold tuned and reported on the same answers looks better than it will be: by a point of accuracy at 250 items,
where a cloud call is worth ten. Cross-fitting (V. Chernozhukov et al., Econometrics J. 2018, there for other ends)
deals the items into folds, chooses on all but one and judges that one; the mean over several random deals takes away
the luck of one. The threshold handed out is the one chosen on all answers, a little better than those chosen on fewer:
by .3 points with two folds, .1 with five (the case above, 1,500 worlds), so five it is.

Chosen is the threshold of the highest mean worth, where the plan has utilities. Without them: of those as right as the
best within ``TOLERANCE`` (as in the advice on single arms), the one that defers least. In both cases only thresholds
within the plan's SLOs are looked at, where there are any such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edgebench.metrics.table import Flags, Floats, Index
from edgebench.records import SLO

SPLITS = 4  # random deals …
FOLDS = 5  # … of so many folds
TOLERANCE = 0.02  # of accuracy


@dataclass(frozen=True)
class Limit:
    """An SLO on something of every answer: its mean, or its quantile."""

    slo: SLO
    values: Floats  # (t, n)
    q: float | None = None

    def holds(self, training: Flags) -> Flags:
        """Of training sets (r, n) and thresholds: shape (r, t). Nothing observed: nothing missed."""
        found = means(self.values, training) if self.q is None else self._quantiles(training, self.q)
        low = -np.inf if self.slo.min is None else self.slo.min
        high = np.inf if self.slo.max is None else self.slo.max
        return np.isnan(found) | ((found >= low) & (found <= high))

    @cached_property
    def _orders(self) -> list[Index]:
        """Places of the known values of each threshold, ascending by value."""
        known = np.isfinite(self.values).sum(axis=1).tolist()
        order = np.argsort(self.values, axis=1, kind="stable")
        return [row[:count] for row, count in zip(order, known, strict=True)]

    def _quantiles(self, of: Flags, q: float) -> Floats:
        """Inverse empirical distribution, as everywhere: shape (r, t)."""
        out = np.full((len(of), len(self.values)), np.nan)
        for place, (row, order) in enumerate(zip(self.values, self._orders, strict=True)):
            if not len(order):
                continue
            upto = np.cumsum(of[:, order], axis=1, dtype=np.int32)
            rank = np.maximum(np.ceil(upto[:, -1] * q - 1e-9), 1)
            at = np.minimum((upto < rank[:, None]).sum(axis=1), len(order) - 1)
            out[:, place] = np.where(upto[:, -1] > 0, row[order[at]], np.nan)
        return out


@dataclass(frozen=True)
class Aim:
    """What a threshold is chosen for. Thresholds ascend: the first defers least."""

    value: Floats  # (t, n); NaN: not judged
    worth: Floats | None = None  # (t, n)
    limits: Sequence[Limit] = ()

    def choose(self, training: Flags) -> Index:
        """The threshold chosen on each training set: shapes (r, n) → (r,)."""
        allowed = self.allowed(training)
        allowed |= ~allowed.any(axis=1, keepdims=True)
        score = np.where(allowed, means(self.value if self.worth is None else self.worth, training), -np.inf)
        slack = TOLERANCE if self.worth is None else 0.0
        good = score >= score.max(axis=1, keepdims=True) - slack - 1e-12
        return np.asarray(good.argmax(axis=1), dtype=np.int64)

    def allowed(self, training: Flags) -> Flags:
        """Which thresholds are within every limit on each training set: shape (r, t)."""
        out = np.ones((len(training), len(self.value)), dtype=bool)
        for limit in self.limits:
            out &= limit.holds(training)
        return out

    def chosen(self) -> int:
        """The threshold chosen on all answers."""
        return int(self.choose(np.ones((1, self.value.shape[1]), dtype=bool))[0])


def crossfit(aim: Aim, member: Index, rng: np.random.Generator, *, splits: int = SPLITS, folds: int = FOLDS) -> Index:
    """At which threshold each answer is judged in each split: shape (splits, n). Folds are of clusters."""
    clusters, cluster = np.unique(member, return_inverse=True)
    dealt = rng.permuted(np.tile(np.arange(len(clusters)) % folds, (splits, 1)), axis=1)[:, cluster]
    training = np.concatenate([dealt != fold for fold in range(folds)])
    chosen = aim.choose(training).reshape(folds, splits)  # by fold left out and split
    return np.asarray(chosen[dealt, np.arange(splits)[:, None]])


def means(values: Floats, of: Flags) -> Floats:
    """Mean of ``values`` (t, n) in each set (r, n): shape (r, t); NaN where a set holds none."""
    known = np.isfinite(values)
    counted = of.astype(float) @ known.T.astype(float)
    total = of.astype(float) @ np.where(known, values, 0.0).T
    out: Floats = np.full(total.shape, np.nan)
    np.divide(total, counted, out=out, where=counted > 0)
    return out
