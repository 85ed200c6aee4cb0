"""The bootstrap over clusters, paired: every arm sees the same resampled items.

Model: items (or clusters of items) are a sample of the traffic; repetitions within them are not new information.
Each draw takes as many clusters as there are, with replacement, and keeps how often each was taken. Statistics of all
arms and all metrics are recomputed with those counts as weights, so whatever the arms share cancels in differences.
Interval: percentile, with the tails moved out by Student's t and √(G/(G−1)) (T. Hesterberg, Am. Stat. 2015, §3):
the plain percentile interval of G clusters is too narrow. What the draws of items do not know of (neighbours in time,
blocks) is put in by stretching them about the point; a p-value is the smallest level whose interval leaves 0 out.
Not for extreme quantiles of few values: a bootstrap p99 of 250 covers 88 %, hence ``quantiles`` there.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Counts = NDArray[np.int32]
_CELLS = 4_000_000  # weights expanded at once, so that long columns do not fill the memory


def cluster_draws(clusters: int, draws: int, rng: np.random.Generator) -> Counts:
    """How often each cluster was taken in each draw: shape (draws, clusters), every row summing to ``clusters``."""
    taken = rng.integers(0, clusters, size=(draws, clusters), dtype=np.int64)
    cells = taken + np.arange(draws, dtype=np.int64)[:, None] * clusters
    return np.bincount(cells.ravel(), minlength=draws * clusters).reshape(draws, clusters).astype(np.int32)


def ratios(weights: Counts, member: Index, above: Array, below: Array) -> Array:
    """Σ above / Σ below in each draw; NaN where the draw holds nothing. ``member[i]`` is the cluster of value i."""
    sums = [np.bincount(member, values, minlength=weights.shape[1]) for values in (above, below)]
    top, bottom = (weights @ np.stack(sums, axis=1)).T  # in one product: the counts are made floats once
    out: Array = np.full(len(top), np.nan)
    np.divide(top, bottom, out=out, where=bottom != 0)
    return out


def means(weights: Counts, member: Index, values: Array) -> Array:
    """Mean of ``values`` in each draw; NaN where the draw holds none of them."""
    return ratios(weights, member, values, np.ones(len(values)))


def quantiles(weights: Counts, member: Index, values: Array, q: float) -> Array:
    """The q-quantile (inverse empirical distribution) in each draw; NaN where the draw holds none of the values."""
    out = np.full(len(weights), np.nan)
    if not len(values):
        return out
    order = np.argsort(values, kind="stable")
    ordered, column = values[order], member[order]
    step = max(1, _CELLS // len(values))
    for start in range(0, len(weights), step):
        upto = np.cumsum(weights[start : start + step, column], axis=1, dtype=np.int32)
        total = upto[:, -1]
        rank = np.maximum(np.ceil(total * q - 1e-9), 1).astype(np.int32)
        place = np.minimum((upto < rank[:, None]).sum(axis=1), len(ordered) - 1)
        out[start : start + step] = np.where(total > 0, ordered[place], np.nan)
    return out


def interval(
    drawn: Array, clusters: int, level: float = 0.95, *, point: float | None = None, stretch: float = 1.0
) -> tuple[float, float] | None:
    """Expanded percentile interval of a statistic from its draws; None when there is nothing to judge by.

    ``stretch``: distances from ``point`` are taken this many times, for what the draws of items do not know of.
    """
    drawn = np.sort(drawn[np.isfinite(drawn)])
    if clusters < 2 or not len(drawn):
        return None
    low, high = _between(drawn, clusters, level)
    return (low, high) if point is None else (point + stretch * (low - point), point + stretch * (high - point))


def _between(ordered: Array, clusters: int, level: float) -> tuple[float, float]:
    t = float(special.stdtrit(clusters - 1, 0.5 + level / 2))
    tail = float(special.ndtr(-t * math.sqrt(clusters / (clusters - 1))))
    return _at(ordered, tail), _at(ordered, 1 - tail)


def _at(ordered: Array, share: float) -> float:
    """Linear between the two nearest draws."""
    place = share * (len(ordered) - 1)
    below = min(int(place), len(ordered) - 1)
    above = min(below + 1, len(ordered) - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


def p_value(
    differences: Array, clusters: int, point: float, stretch: Callable[[float], float] = lambda level: 1.0
) -> float:
    """The smallest level at which the interval of a difference leaves 0 out: below .05 exactly where the 95 % one does.

    ``stretch`` gives the factor at each level. Never below 2 / (draws + 1); 1 where there is nothing to judge by.
    """
    drawn = np.sort(differences[np.isfinite(differences)])
    if clusters < 2 or not len(drawn):
        return 1.0
    least, most = np.log(2 / (len(drawn) + 1)), 0.0
    for _ in range(30):
        middle = (least + most) / 2
        level = 1 - float(np.exp(middle))
        low, high = (point + stretch(level) * (bound - point) for bound in _between(drawn, clusters, level))
        least, most = (least, middle) if low > 0 or high < 0 else (middle, most)
    return float(np.exp(most))
