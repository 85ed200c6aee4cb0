"""Rates: how sure a share of k in n is, and whether it is above or below a limit.

Model: k successes in n independent trials of one probability p.
Interval: Wilson's score interval (E. B. Wilson, JASA 1927): all p that a score test at this level keeps. Over p from
.5 to .95 at n = 250 it covers 95 ± 1 % on average; it is never empty, nor outside 0…1, nor of no width at k = 0 or n.
Test: exact binomial tails, one-sided each way. ``n`` may be an effective sample size and ``k`` a part of it, so both
may be fractions: the tails are regularised incomplete beta functions, which need no whole numbers.
"""

from __future__ import annotations

import math
from typing import Literal

from scipy import special

Verdict = Literal["met", "missed", "undecided"]


def z(level: float) -> float:
    """Two-sided normal quantile: 1.96 for .95."""
    return float(special.ndtri(0.5 + level / 2))


def wilson(k: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a rate: (low, high), both in 0…1."""
    if n <= 0 or not 0 <= k <= n:
        raise ValueError(f"a rate needs 0 <= k <= n and n > 0, not k={k}, n={n}")
    p, q = k / n, z(level) ** 2
    centre = (p + q / (2 * n)) / (1 + q / n)
    half = math.sqrt(q) / (1 + q / n) * math.sqrt(p * (1 - p) / n + q / (4 * n * n))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return low, high


def at_most(k: float, n: float, p: float) -> float:
    """P(X ≤ k) for X binomial(n, p)."""
    return 1.0 if k >= n else float(special.betainc(n - k, k + 1, 1 - p))


def at_least(k: float, n: float, p: float) -> float:
    """P(X ≥ k) for X binomial(n, p)."""
    return 1.0 if k <= 0 else float(special.betainc(k, n - k + 1, p))


def exceedances(k: float, n: float, allowed: float, alpha: float = 0.05) -> Verdict:
    """Is the share of exceedances within ``allowed``? An exact test each way, each wrong in at most ``alpha``.

    ``met``: as few as k would be rare (≤ alpha) if the true share were at the limit. ``missed``: as many as k would.
    """
    if n <= 0:
        return "undecided"
    if at_most(k, n, allowed) <= alpha:
        return "met"
    return "missed" if at_least(k, n, allowed) <= alpha else "undecided"


def needed_without_exceedance(allowed: float, alpha: float = 0.05) -> int:
    """Trials, none of them exceeding, from which a limit can be called met: 59 for 5 %, 299 for 1 %."""
    return math.ceil(math.log(alpha) / math.log1p(-allowed))
