"""Agreement of two raters on an ordered scale: exact, within one level, and quadratic weighted kappa.

Model: rater a and rater b (a model and the reference, or two people) give each item a level 0, 1, 2, …; items, or
clusters of items, are a sample of the traffic.
Shares: Wilson's interval, at as many trials as the clustered items are worth (see ``clusters``).
Kappa: Cohen's with disagreement weights (i − j)² (J. Cohen, Psychol. Bull. 1968),

    κ = 1 − Σ w_ij p_ij / Σ w_ij p_i. p_.j = 1 − mean (a − b)² / (var a + var b + (mean a − mean b)²),

variances with divisor n. The right side is Lin's concordance coefficient of the levels (L. I.-K. Lin, Biometrics 1989;
J. L. Fleiss and J. Cohen, Educ. Psychol. Meas. 1973), a smooth function of five means: its interval is the delta
method's by influence values summed within clusters, on Fisher's z scale as Lin advises, with Student's t. Levels that
nobody gives change nothing. Where both raters give one and the same level to every item there is no kappa: nothing
could be agreed about.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

from edgebench.stats.bootstrap import Counts
from edgebench.stats.clusters import effective_n
from edgebench.stats.rates import wilson

Array = NDArray[np.float64]
Index = NDArray[np.int64]
Interval = tuple[float, float, float]  # value, low, high


def exact(a: Index, b: Index, member: Index | None = None, level: float = 0.95) -> Interval:
    """Share of items on which both give the same level. ``member``: the cluster of each item; None: each is its own."""
    return within(a, b, 0, member, level)


def adjacent(a: Index, b: Index, member: Index | None = None, level: float = 0.95) -> Interval:
    """Share of items on which the two are at most one level apart: ±1 agreement."""
    return within(a, b, 1, member, level)


def within(a: Index, b: Index, apart: int, member: Index | None = None, level: float = 0.95) -> Interval:
    """Share of items on which the two are at most so many levels apart.

    Raises
    ------
    ValueError: no items, or not as many of one as of the other.
    """
    _same_length(a, b)
    agree = (np.abs(_whole(a) - _whole(b)) <= apart).astype(float)
    share = float(agree.mean())
    worth = float(len(agree)) if member is None else effective_n(member, agree)
    low, high = wilson(min(share * worth, worth), worth, level)
    return share, low, high


def kappa(a: Index, b: Index, member: Index | None = None, level: float = 0.95) -> Interval | None:
    """Quadratic weighted kappa with its interval; None where both give one and the same level throughout.

    The interval is the whole −1…1 where fewer than three clusters say anything of its width.

    Raises
    ------
    ValueError: no items, or not as many of one as of the other.
    """
    _same_length(a, b)
    x, y = _whole(a).astype(float), _whole(b).astype(float)
    apart, spread = float(((x - y) ** 2).mean()), _spread(x, y)
    if spread <= 0:
        return None
    value = 1 - apart / spread
    cluster = np.arange(len(x)) if member is None else np.unique(member, return_inverse=True)[1]
    groups = int(cluster.max()) + 1
    if groups < 3:
        return value, -1.0, 1.0
    # influence of one item on κ = 1 − D/V: the derivative of D/V along its deviation from the means
    pulls = -((x - y) ** 2 - apart) / spread + apart / spread**2 * (_deviation(x, y) - spread)
    sums = np.bincount(cluster, pulls, minlength=groups)
    error = math.sqrt(float((sums**2).sum()) * groups / (groups - 1)) / len(x)
    if not abs(value) < 1 - 1e-12:
        return value, *_without_variance(value, groups, level)
    half = float(special.stdtrit(groups - 1, 0.5 + level / 2)) * error / (1 - value**2)
    centre = math.atanh(value)
    return value, math.tanh(centre - half), math.tanh(centre + half)


def kappas(weights: Counts, member: Index, a: Index, b: Index) -> Array:
    """The kappa in each draw of a bootstrap over clusters (see ``bootstrap.cluster_draws``); NaN where there is none.

    ``weights``: shape (draws, clusters); ``member[i]`` is the cluster of item i. Draws shared with other statistics
    keep them paired.
    """
    _same_length(a, b)
    x, y = _whole(a).astype(float), _whole(b).astype(float)
    columns = (np.ones(len(x)), x, y, x * x, y * y, x * y)
    sums = np.stack([np.bincount(member, each, minlength=weights.shape[1]) for each in columns], axis=1)
    n, sx, sy, sxx, syy, sxy = (weights @ sums).T
    apart, spread = sxx - 2 * sxy + syy, sxx + syy - 2 * sx * sy / np.where(n > 0, n, 1)
    out: Array = np.full(len(weights), np.nan)
    np.divide(apart, spread, out=out, where=(n > 0) & (spread > 1e-9))
    return 1 - out


def _spread(x: Array, y: Array) -> float:
    """Mean of (x_i − y_j)² over all pairs of items: the disagreement of raters who know nothing of each other."""
    return float(x.var() + y.var() + (x.mean() - y.mean()) ** 2)


def _deviation(x: Array, y: Array) -> Array:
    """Each item's part in :func:`_spread`, to the first order: its derivative at the means, plus its mean."""
    gap = float(x.mean() - y.mean())
    deviation: Array = (x - x.mean()) ** 2 + (y - y.mean()) ** 2 + gap**2 + 2 * gap * (x - y - gap)
    return deviation


def _without_variance(value: float, groups: int, level: float) -> tuple[float, float]:
    """Where all agree (or all that can disagree do): as sure as a share of so many clusters, mapped onto −1…1."""
    low, high = wilson(groups * (value + 1) / 2, groups, level)
    return 2 * low - 1, 2 * high - 1


def _whole(levels: Index) -> Index:
    return np.asarray(levels, dtype=np.int64)


def _same_length(a: Index, b: Index) -> None:
    if len(a) != len(b) or not len(a):
        raise ValueError(f"agreement needs as many levels of one as of the other, not {len(a)} and {len(b)}")
