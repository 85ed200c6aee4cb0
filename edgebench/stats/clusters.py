"""Clusters: what observations that come in groups are worth as independent ones.

Model: observations of one cluster (the same item asked again, questions about one document) share a part of their
variance, the intra-class correlation ρ. Then n observations in clusters of mean size m carry about
n / (1 + (m − 1)·ρ) independent ones (L. Kish, Survey Sampling, 1965, §8.2), m weighted by size where sizes differ.
ρ is estimated by one-way analysis of variance, and never taken below 0: a lucky negative would narrow an interval.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]


def intraclass(values: Array, clusters: Index) -> float:
    """ANOVA estimate of ρ in 0…1; 1 when nothing varies or no cluster repeats (nothing can be learnt: be careful)."""
    _, member = np.unique(clusters, return_inverse=True)
    sizes = np.bincount(member).astype(float)
    n, groups = len(values), len(sizes)
    if groups < 2 or n == groups:
        return 1.0
    means = np.bincount(member, values) / sizes
    within = float(((values - means[member]) ** 2).sum()) / (n - groups)
    between = float((sizes * (means - values.mean()) ** 2).sum()) / (groups - 1)
    size = (n - float((sizes**2).sum()) / n) / (groups - 1)
    spread = between + (size - 1) * within
    return 1.0 if spread <= 0 else min(1.0, max(0.0, (between - within) / spread))


def effective_n(clusters: Index, *signals: Array) -> float:
    """How many independent observations these are worth, judged by the signal that repeats itself most."""
    sizes = np.unique(clusters, return_counts=True)[1].astype(float)
    n = float(sizes.sum())
    if len(sizes) == n:
        return n
    mean_size = float((sizes**2).sum()) / n  # of the cluster an observation finds itself in
    rho = max(intraclass(signal, clusters) for signal in signals)
    return max(n / (1 + (mean_size - 1) * rho), 1.0)
