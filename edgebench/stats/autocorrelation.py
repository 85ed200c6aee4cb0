"""Autocorrelation: what observations made one after another are worth as independent ones.

Model: within one start of a target, observations in the order of sending are a stationary series; the series of
different starts are independent of each other but for a block effect, which ``blocks`` deals with. The variance of a
mean is then that of independent observations times 1 + 2·Σ r_k.
Which lags count: Geyer's initial monotone sequence (C. J. Geyer, Stat. Science 1992, §3.3): lags are taken two by two
for as long as a pair's sum is positive, and none counts for more than the pair before it. On independent data that
rule alone always finds a little, so nothing is counted unless the first one, two, four or eight lags together stand out
at 1 % each.
Each series is centred on its own mean, lest a block effect pass for memory; that biases every r_k by −τ/m
(M. H. Quenouille's and F. H. C. Marriott & J. A. Pope's bias, Biometrika 1954), which is put back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Index = NDArray[np.int64]
SHOWS = 2.33  # standard errors: 1 %
_FIRST = (1, 2, 4, 8)  # lags looked at together
_MOST = 200  # lags; what lasts longer is the blocks' business


@dataclass(frozen=True)
class Series:
    """Sums of what was observed at each place of each start, in order: shape (places,), starts one after another."""

    value: Array
    start: Index  # which start of the target, ascending

    @classmethod
    def of(cls, values: Array, start: Index, order: Index) -> Series:
        """Values of the same place (the gaps of one request, the two arms of a pair) are added."""
        span = int(order.max()) + 1 if len(order) else 1
        places, member = np.unique(start * span + order, return_inverse=True)
        return cls(np.bincount(member, values, minlength=len(places)).astype(float), places // span)

    @property
    def variance(self) -> float:
        """Of the sum of all, were places independent: Σ value²."""
        return float((self.value**2).sum())


def lags(series: Series, shows: float = SHOWS) -> Array:
    """r_1 … r_K, as far as memory shows by ``shows`` standard errors; empty where it does not."""
    n, sizes = len(series.start), np.bincount(series.start)
    length = float((sizes**2).sum()) / max(1, n)
    means = np.bincount(series.start, series.value) / np.maximum(sizes, 1)
    centred = series.value - means[series.start]
    own = float((centred**2).sum())
    if n < 8 or own <= 0:
        return np.empty(0)
    most = int(min(_MOST, (length - 2) // 3))
    found: list[float] = []
    while len(found) < most and not _over(found):
        found.append(_lag(centred, series.start, len(found) + 1, own))
    raw = np.array(found)
    return _positive(raw, length) if _stands_out(raw, n, length, shows) else np.empty(0)


def _over(found: list[float]) -> bool:
    """Nothing further can count: the last pair of lags was not positive, and the first lags have been looked at."""
    return len(found) > _FIRST[-1] and len(found) % 2 == 1 and found[-1] + found[-2] <= 0


def _lag(centred: Array, start: Index, lag: int, own: float) -> float:
    same = start[lag:] == start[:-lag]
    pairs = int(same.sum())
    return float((centred[lag:] * centred[:-lag])[same].sum()) / pairs * len(start) / own if pairs else 0.0


def _stands_out(raw: Array, n: int, length: float, shows: float) -> bool:
    together = np.cumsum(raw + 1 / length)
    return any(together[k - 1] * np.sqrt(n / k) > shows for k in _FIRST if k <= len(raw))


def _positive(raw: Array, length: float) -> Array:
    """The initial sequence with its bias put back: lags 2j and 2j + 1 together, positive and never rising."""
    kept, before = [float(raw[0])], 1 + float(raw[0])  # r_0 = 1 goes with r_1
    for first, second in zip(raw[1::2].tolist(), raw[2::2].tolist(), strict=False):
        pair = first + second
        if pair + 2 / length <= 0:
            break
        cut = min(1.0, before / pair) if pair > 0 else 1.0
        kept += [first * cut, second * cut]
        before = pair * cut
    tau = (1 + 2 * sum(kept)) / (1 - (2 * len(kept) + 1) / length)
    return np.asarray(np.clip(np.array(kept) + max(0.0, tau) / length, -0.99, 0.99))


def excess(series: Series, correlations: Array) -> float:
    """2·Σ r_k, each lag weighted by how many pairs the starts hold of it: never below 0."""
    n = len(series.value)
    pairs = [int((series.start[k:] == series.start[:-k]).sum()) for k in range(1, len(correlations) + 1)]
    return max(0.0, 2 * float(np.dot(correlations, pairs)) / n) if n else 0.0
