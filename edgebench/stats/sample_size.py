"""Sample size: how many requests it takes to see a difference, before or after measuring.

Quantiles. Model: the q-quantile of n independent values has standard error s·√(q(1 − q)/n), s = 1/f(x_q) the sparsity
(how far apart values lie there). Two arms on the same n items, whose exceedances correlate by r, differ with variance
2·(1 − r)·s²·q(1 − q)/n; a difference δ is found at level α with the power asked when it is z_α/2 + z_power of its
standard errors (E. L. Lehmann, Elements of Large-Sample Theory, §3.3). Sparsity: the difference quotient of the
empirical quantile function over the bandwidth of P. Hall & S. J. Sheather (J. R. Stat. Soc. B 1988).
Shares. Model: n pairs of right-or-wrong answers of which a share d disagrees; McNemar's test finds a difference δ when
δ·√n = z_α/2·√d + z_power·√(d − δ²) (R. J. Connor, Biometrics 1987).
Neither knows of blocks: where those differ, more requests help less than more blocks.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
POWER = 0.90
LEVEL = 0.95
UNMEASURED = 0.5  # share of pairs that disagree between two arms that are right half the time, and by chance alike


def bandwidth(n: int, q: float, level: float = LEVEL) -> float:
    """Hall and Sheather's, as a share of the sample to either side of the quantile."""
    x = float(special.ndtri(q))
    density = math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return float(n ** (-1 / 3) * _z(level) ** (2 / 3) * (1.5 * density**2 / (2 * x * x + 1)) ** (1 / 3))


def sparsity(ordered: Array, q: float) -> float:
    """1 / density at the q-quantile, from ascending values (n ≥ 2)."""
    reach = bandwidth(len(ordered), q)
    low, high = max(0.0, q - reach), min(1.0, q + reach)
    found = np.quantile(ordered, [low, high])
    return float((found[1] - found[0]) / (high - low))


def normal_sparsity(cv: float, q: float) -> float:
    """The same of a log-normal time of median 1, declared by its standard deviation / mean."""
    sigma, x = math.sqrt(math.log1p(cv * cv)), float(special.ndtri(q))
    return math.exp(sigma * x) * sigma * math.sqrt(2 * math.pi) * math.exp(x * x / 2)


def for_quantile(
    sparsity: float, q: float, difference: float, *, correlation: float = 0.0, shared: float = 1.0, power: float = POWER
) -> int:
    """Requests an arm to find ``difference`` (in the sparsity's units) between two arms of this spread at 5 %.

    ``correlation``: of their exceedances on the same items; ``shared``: how many requests are worth one independent.
    """
    if difference <= 0 or sparsity < 0:
        raise ValueError("a difference is above 0 and a sparsity not below it")
    variance = 2 * (1 - min(max(correlation, 0.0), 0.99)) * sparsity**2 * q * (1 - q) * max(1.0, shared)
    return max(2, math.ceil(variance * ((_z(LEVEL) + float(special.ndtri(power))) / difference) ** 2))


def smallest_difference(pairs: int, discordant: float = UNMEASURED, *, power: float = POWER) -> float | None:
    """The smallest difference of two shares that ``pairs`` answers to the same items show; None: not even the largest.

    ``discordant``: share of pairs of which one is right and one wrong.
    """
    if pairs <= 0 or not 0 < discordant <= 1:
        return None
    a, b = _z(LEVEL), float(special.ndtri(power))
    # δ²·n − 2·δ·√n·a·√d + a²·d = b²·(d − δ²), solved for the larger δ
    square, linear, rest = pairs + b * b, -2 * math.sqrt(pairs * discordant) * a, (a * a - b * b) * discordant
    inside = linear**2 - 4 * square * rest
    if inside < 0:  # of one or two pairs
        return None
    found = (-linear + math.sqrt(inside)) / (2 * square)
    return found if found <= discordant else None


def _z(level: float) -> float:
    return float(special.ndtri(0.5 + level / 2))
