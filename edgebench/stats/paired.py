"""Paired differences: two arms on the same items.

Model: each item gives a pair of 0/1 answers; only the pairs that disagree carry the difference. Treating the arms as
unpaired would give intervals 1.2 to 3 times too wide; comparing two intervals for overlap is no test of a difference.
Interval: Wald after adding one to each discordant cell and two to n
(D. G. Bonett & R. M. Price, J. Educ. Behav. Stat. 2012): 94–98 % at n = 250, and at one-sided tables.
Interval of the ratio p_b / p_a: two Wilson intervals whose level is such that together they have the one asked for
(D. G. Bonett & R. M. Price, Stat. Med. 2006).
Test: McNemar's, with the mid-p correction (M. W. Fagerland et al., BMC Med. Res. Methodol. 2013).
"""

from __future__ import annotations

import math

from scipy import special

from edgebench.stats.rates import at_most, z


def bonett_price(only_b: float, only_a: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of p_b − p_a from n pairs of which ``only_b`` were right in b alone and ``only_a`` in a alone.

    The counts may be fractions: those of an effective number of pairs.
    """
    if n <= 0 or only_a < 0 or only_b < 0 or only_a + only_b > n + 1e-9:
        raise ValueError(f"{only_b} + {only_a} discordant pairs of {n} is not possible")
    plus, minus = (only_b + 1) / (n + 2), (only_a + 1) / (n + 2)
    centre = plus - minus
    half = z(level) * math.sqrt((plus + minus - centre**2) / (n + 2))
    return max(-1.0, centre - half), min(1.0, centre + half)


def ratio(both: float, only_b: float, only_a: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of p_b / p_a from pairs that were right in both, in b alone, in a alone; (0, ∞) where a never was."""
    in_a, in_b, n = both + only_a, both + only_b, both + only_a + only_b
    if in_a <= 0:
        return 0.0, math.inf
    rare_a, rare_b = (1 - (count + 1) / (n + 2) for count in (in_a, in_b))
    together = math.sqrt((only_a + only_b + 2) / ((in_a + 1) * (in_b + 1)))
    wide = z(level) * together / (math.sqrt(rare_a / (in_a + 1)) + math.sqrt(rare_b / (in_b + 1)))
    of_a, of_b = (_score(count, n, wide) for count in (in_a, in_b))
    return of_b[0] / of_a[1], of_b[1] / of_a[0]


def _score(k: float, n: float, wide: float) -> tuple[float, float]:
    """Wilson's interval at ``wide`` standard errors."""
    centre, half = 2 * k + wide**2, wide * math.sqrt(wide**2 + 4 * k * (1 - k / n))
    return max(0.0, centre - half) / (2 * (n + wide**2)), (centre + half) / (2 * (n + wide**2))


def mcnemar_mid_p(only_b: float, only_a: float) -> float:
    """Two-sided mid-p of "no difference": 1 when nothing disagrees. Fractions are allowed, as above."""
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    upto = at_most(k, n, 0.5)
    exactly = upto - (float(special.betainc(n - k + 1, k, 0.5)) if k > 0 else 0.0)
    return min(1.0, 2 * upto - exactly)
