"""Two samples of different items: a slice against the rest.

Model: k₁ of m right in the one, k₂ of n in the other, independently.
Interval of the difference of rates: Newcombe's (Stat. Med. 1998, method 10), which puts two Wilson intervals together.
Test: Fisher's, with the mid-p correction (H. O. Lancaster, JASA 1961); two-sided by doubling the smaller tail. A score
test of a slice of ten at 95 % right takes three wrong for one in two thousand; it is one in eighty.
Graded values, or units that are means of several: the same question asked of random slices of the same size.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]

Interval = tuple[float, float]


def difference(one: float, other: float, of_one: Interval, of_other: Interval) -> Interval:
    """Interval of ``one`` − ``other`` from the intervals of both."""
    apart = one - other
    below = math.hypot(one - of_one[0], of_other[1] - other)
    above = math.hypot(of_one[1] - one, other - of_other[0])
    return max(-1.0, apart - below), min(1.0, apart + above)


def fisher_mid_p(right: Index, sizes: Index, all_right: int, everyone: int) -> Array:
    """Two-sided mid-p that so many right (in slices of ``sizes``) are chance, ``all_right`` of ``everyone`` are."""
    from scipy import stats

    tables = stats.hypergeom(everyone, all_right, sizes)
    exactly = tables.pmf(right)
    below = tables.cdf(right) - exactly / 2
    return np.asarray(np.minimum(1.0, 2 * np.minimum(below, 1 - below)))


def permuted_p(values: Array, slices: NDArray[np.bool_], rng: np.random.Generator, draws: int = 9_999) -> Array:
    """Two-sided p of each slice's mean, held against random slices of its size. ``slices``: shape (slices, units)."""
    sizes = slices.sum(axis=1)
    order = rng.permuted(np.tile(values, (draws, 1)), axis=1)
    sums = np.cumsum(order, axis=1)
    out = np.ones(len(slices))
    for place, (of, size) in enumerate(zip(slices, sizes, strict=True)):
        if not 0 < size < len(values):
            continue
        seen, drawn = float(values[of].sum()), sums[:, size - 1]
        tails = [float((drawn <= seen + 1e-9).sum()), float((drawn >= seen - 1e-9).sum())]
        out[place] = min(1.0, 2 * (1 + min(tails)) / (draws + 1))
    return out
