"""Paired differences: two arms on the same items.

Model: each item gives a pair of 0/1 answers; only the pairs that disagree carry the difference. Treating the arms as
unpaired would give intervals 1.2 to 3 times too wide; comparing two intervals for overlap is no test of a difference.
Interval: Wald after adding one to each discordant cell and two to n
(D. G. Bonett & R. M. Price, J. Educ. Behav. Stat. 2012): 94–98 % at n = 250, and at one-sided tables.
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


def mcnemar_mid_p(only_b: float, only_a: float) -> float:
    """Two-sided mid-p of "no difference": 1 when nothing disagrees. Fractions are allowed, as above."""
    n, k = only_a + only_b, min(only_a, only_b)
    if n == 0:
        return 1.0
    upto = at_most(k, n, 0.5)
    exactly = upto - (float(special.betainc(n - k + 1, k, 0.5)) if k > 0 else 0.0)
    return min(1.0, 2 * upto - exactly)
