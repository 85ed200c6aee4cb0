"""AUROC: how well a score tells right answers from wrong ones.

Model: right and wrong answers are two independent samples of scores; the area under the ROC curve is the probability
that a right one has the higher score, ties counting half (Mann and Whitney's statistic over its maximum).
Interval: DeLong's variance (E. R. DeLong et al., Biometrics 1988) by placement values, summed within clusters where
answers are not independent (N. A. Obuchowski, Biometrics 1997), on the logit scale, so that it stays within 0…1.
Where no variance is to be seen (the two separate wholly, or all tie): Wilson's interval at as many trials as there are
clusters in the smaller of the two samples, for that is what limits how sure one can be.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from edgebench.stats.rates import wilson, z

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]


def auroc(score: Array, right: Flags, member: Index | None = None, level: float = 0.95) -> tuple[float, float, float]:
    """(value, low, high). ``member``: the cluster of each answer; None: each is its own.

    Raises
    ------
    ValueError: all are right, or all wrong: there is nothing to tell apart.
    """
    positives, negatives = int(right.sum()), int((~right).sum())
    if not positives or not negatives:
        raise ValueError("an AUROC needs right and wrong answers")
    above, below = _placements(score, right)
    value = float(above.mean())
    cluster = np.arange(len(score)) if member is None else np.unique(member, return_inverse=True)[1]
    variance = _variance(value, above, below, right, cluster)
    if variance <= 0 or not 0 < value < 1:
        trials = min(len(np.unique(cluster[of])) for of in (right, ~right))
        return value, *wilson(value * trials, trials, level)
    half = z(level) * math.sqrt(variance) / (value * (1 - value))
    low, high = special.expit(special.logit(value) + np.array([-half, half]))
    return value, float(low), float(high)


def _placements(score: Array, right: Flags) -> tuple[Array, Array]:
    """Of each right answer: the share of wrong ones below it. Of each wrong one: the share of right ones above it."""
    whole = stats.rankdata(score)
    among_right, among_wrong = stats.rankdata(score[right]), stats.rankdata(score[~right])
    above = (whole[right] - among_right) / len(among_wrong)
    below = 1 - (whole[~right] - among_wrong) / len(among_right)
    return np.asarray(above), np.asarray(below)


def _variance(value: float, above: Array, below: Array, right: Flags, cluster: Index) -> float:
    m, n = len(above), len(below)
    count = int(cluster.max()) + 1
    pulls = [
        np.bincount(cluster[of], placed - value, minlength=count) for of, placed in ((right, above), (~right, below))
    ]
    with_right, with_wrong = (len(np.unique(cluster[of])) for of in (right, ~right))
    spread = [
        float((pull**2).sum()) * k / (k - 1) / size**2 if k > 1 else 0.0
        for pull, k, size in ((pulls[0], with_right, m), (pulls[1], with_wrong, n))
    ]
    together = float((pulls[0] * pulls[1]).sum()) * count / max(1, count - 1) / (m * n)
    return spread[0] + spread[1] + 2 * together
