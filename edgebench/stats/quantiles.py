"""Quantiles with intervals that assume no distribution.

Point estimate: the order statistic of rank ⌈n·q⌉, i.e. the inverse of the empirical distribution function
(Hyndman & Fan's type 1): always a value that was observed, and the same definition as the intervals'.
Interval: the number of observations at or below the true quantile is binomial(n, q), whatever the distribution, so
two order statistics bracket it with at least the level asked (H. A. David & H. N. Nagaraja, Order Statistics, ch. 7).
A bound the n cannot support is None: two-sided at 95 %, p95 has no upper bound below n = 72 and p99 none below 368.
Dependence: where observations come in clusters, ranks are those of an effective n, mapped back onto the sample
(R. S. Woodruff, JASA 1952); see ``clusters.effective_n``.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
_ROUND = 1e-9  # 100 × 0.95 must be rank 95 although floats disagree


def point(ordered: Array, q: float) -> float:
    """The q-quantile of values in ascending order (n ≥ 1)."""
    rank = min(max(math.ceil(len(ordered) * q - _ROUND), 1), len(ordered))
    return float(ordered[rank - 1])


def ranks(n: int, q: float, tail: float) -> tuple[int | None, int | None]:
    """Ranks (1-based) of the order statistics that miss the quantile below and above with at most ``tail`` each."""
    below = special.bdtr(np.arange(n + 1), n, q)  # P(X ≤ k)
    low = int(np.searchsorted(below, tail, side="right"))  # largest r with P(X ≤ r − 1) ≤ tail
    high = int(np.searchsorted(below, 1 - tail, side="left")) + 1  # smallest r with P(X ≤ r − 1) ≥ 1 − tail
    return (low if low >= 1 else None), (high if high <= n else None)


def interval(
    ordered: Array, q: float, level: float = 0.95, effective: float | None = None, widened: float = 1.0
) -> tuple[float | None, float | None]:
    """Two-sided interval of a quantile from ascending values; a bound is None where n cannot support it.

    ``effective``: how many independent observations the n are worth, when that is fewer. ``widened``: (half-width)²
    is this many times theirs, for what blocks add; that takes no bound away, but moves it as far as the values reach.
    """
    return _bounds(ordered, q, (1 - level) / 2, effective, widened)


def lower_bound(ordered: Array, q: float, level: float = 0.95, effective: float | None = None) -> float | None:
    """One-sided: the quantile is at least this, with the level's confidence."""
    return _bounds(ordered, q, 1 - level, effective, 1.0)[0]


def _bounds(
    ordered: Array, q: float, tail: float, effective: float | None, widened: float
) -> tuple[float | None, float | None]:
    n = len(ordered)
    m = _whole(n if effective is None else effective, n)
    low, high = ranks(m, q, tail)
    if widened > 1:
        m = _whole(m / widened, n)
        further = ranks(m, q, tail)
        low = None if low is None else further[0] or 0
        high = None if high is None else further[1] or m
    first = None if low is None else max(1, math.floor(low * n / m))
    last = None if high is None else min(n, math.ceil(high * n / m))
    return (
        None if first is None else float(ordered[first - 1]),
        None if last is None else float(ordered[last - 1]),
    )


def _whole(m: float, n: int) -> int:
    return max(1, min(n, math.floor(m + _ROUND)))


def needed_n(q: float, level: float = 0.95, sides: int = 2) -> int:
    """The smallest n at which the interval of this quantile has both bounds (or, one-sided, its upper one)."""
    tail = (1 - level) / sides
    return max(math.ceil(math.log(tail) / math.log(q)), math.ceil(math.log(tail) / math.log1p(-q)))
