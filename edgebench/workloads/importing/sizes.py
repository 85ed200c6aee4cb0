"""What differences an evaluation set of this size can show, before anything is measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from edgebench.stats import quantiles, sample_size

DISCORDANT = (0.05, 0.10, 0.20, 0.30, 0.50)  # share of items that one arm gets right and the other wrong
SPREADS = (0.3, 1.0)  # standard deviation / mean of latencies
SHARES = (0.50, 0.95)


@dataclass(frozen=True)
class Accuracy:
    """The smallest paired difference of two shares right, if so many items are judged differently."""

    discordant: float
    points: float | None  # None: not even the largest possible one is shown


@dataclass(frozen=True)
class Latency:
    """The smallest ratio of two arms' latency quantiles, at one request an item and this spread."""

    q: float
    cv: float
    ratio: float | None


@dataclass(frozen=True)
class Detectable:
    """Of ``items`` at 5 % significance (two-sided) and 90 % power."""

    items: int
    accuracy: tuple[Accuracy, ...]
    latency: tuple[Latency, ...]
    p99_needs: int  # requests from which a p99 has an upper bound


def detectable(items: int) -> Detectable:
    """The table; the formulas and their sources are those of :mod:`edgebench.stats.sample_size`."""
    return Detectable(
        items,
        tuple(Accuracy(share, sample_size.smallest_difference(items, share)) for share in DISCORDANT),
        tuple(Latency(q, cv, ratio(items, q, cv)) for q in SHARES for cv in SPREADS),
        quantiles.needed_n(0.99),
    )


def ratio(items: int, q: float, cv: float) -> float | None:
    """The smallest ratio of two q-quantiles that ``items`` independent requests to each arm show.

    For log-normal latencies: a quantile of x has the standard error s·√(q(1 − q)/n), s the sparsity; on the logarithm
    that is s/x·√(…), twice the variance for two arms. None where n is too small for the quantile to have an interval.
    """
    if items < quantiles.needed_n(q):
        return None
    value = math.exp(math.sqrt(math.log1p(cv * cv)) * float(special.ndtri(q)))
    error = sample_size.normal_sparsity(cv, q) / value * math.sqrt(2 * q * (1 - q) / items)
    found = float(special.ndtri(0.5 + sample_size.LEVEL / 2)) + float(special.ndtri(sample_size.POWER))
    return math.exp(found * error)
