"""Learn then Test: the lowest threshold above which answers are wrong at most α of the time, with a promise.

Model: answers are independent draws of (score, wrong or not); serving those of at least t, the share of wrong ones
among the served is R(t). For a fixed t, of n served k are wrong, k ~ binomial(n, R(t)), so that P(X ≤ k | n, α) is an
exact p-value of "R(t) > α".
Procedure (A. N. Angelopoulos, S. Bates et al., Learn then Test, 2021): thresholds are tested in a fixed order, from
strict to lax, each at the full level, until the first that cannot be rejected; the last rejected one is promised. The
chance of promising a threshold that is wrong too often is at most δ. A sequence that starts where hardly anything is
served cannot take its first step, so it starts where a fifth is, and at least as many as can be rejected at all;
several starts, each at its share of δ (Bonferroni), go on where one is stopped by bad luck. Thresholds are ranks of
the scores, which tell nothing of who was right.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

STARTS = (1 / 5, 2 / 5, 3 / 5)  # shares served at which the sequences begin
STEPS = 40  # of a sequence


def lowest_threshold(score: Array, wrong: Flags, *, alpha: float, delta: float) -> float | None:
    """The promised threshold: what scores at least this is wrong at most ``alpha`` of the time, but with ``delta``.

    ``score`` may hold −inf (never served). None: no threshold can be promised.
    """
    order = np.argsort(-score, kind="stable")
    ordered, mistakes = score[order], np.cumsum(wrong[order], dtype=np.int64)
    able, n, least = int(np.isfinite(ordered).sum()), len(score), needed(alpha, delta)
    found = [
        threshold
        for share in STARTS
        if (threshold := _walk(ordered[:able], mistakes, max(least, math.ceil(n * share)), alpha, delta / len(STARTS)))
        is not None
    ]
    return min(found, default=None)


def _walk(ordered: Array, mistakes: NDArray[np.int64], start: int, alpha: float, delta: float) -> float | None:
    """The last threshold rejected by a sequence that begins with ``start`` served; ``ordered`` descends."""
    if not 1 <= start <= len(ordered):
        return None
    ranks = np.unique(np.linspace(start, len(ordered), STEPS).astype(np.int64))
    thresholds = np.unique(ordered[ranks - 1])[::-1]
    served = np.searchsorted(-ordered, -thresholds, side="right")  # those that tie with it are served as well
    rejected = special.bdtr(mistakes[served - 1].astype(float), served, alpha) <= delta
    steps = len(rejected) if rejected.all() else int(rejected.argmin())
    return float(thresholds[steps - 1]) if steps else None


def needed(alpha: float, delta: float) -> int:
    """Served answers, none of them wrong, from which on anything can be promised at all."""
    return math.ceil(math.log(delta / len(STARTS)) / math.log1p(-alpha))
