"""Intervals that hold all at once.

Šidák (JASA 1967): m intervals, each of level L^(1/m), hold together with at least L where their errors are normal,
whatever their correlation; a little narrower than Bonferroni's. Max-t, where joint draws are at hand: the factor of the
standard errors within which the largest of all deviations stays with probability L. It knows the correlation:
differences of arms on the same items need less than Šidák's.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]


def sidak(count: int, level: float = 0.95) -> float:
    """The level of each of ``count`` intervals that together have ``level``."""
    return float(level ** (1 / max(1, count)))


def max_t(drawn: Array, points: Array, errors: Array, level: float = 0.95) -> float:
    """Standard errors that hold all of several deviations; never below that of a single one.

    ``drawn``: shape (draws, several). ``errors``: a standard error of each, above 0.
    """
    largest = np.abs((drawn - points) / errors).max(axis=1)
    finite = largest[np.isfinite(largest)]
    single = float(special.ndtri(0.5 + level / 2))
    return max(single, float(np.quantile(finite, level))) if len(finite) else single
