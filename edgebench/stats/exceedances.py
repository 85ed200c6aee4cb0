"""Exceedances: how much of a correlation is left when all that counts is which side of a quantile a value lies on.

Model: two values depend on each other as two normal ones do (a Gaussian copula; their own distributions may be any),
with correlation r. Then whether one is above its q-quantile and whether the other is correlate by
(Φ₂(h, h; r) − p²) / (p·(1 − p)), p = 1 − q, h = Φ⁻¹(q): of r = .5, .33 is left at the median and .12 at p99.
Source: Plackett's identity ∂Φ₂/∂r = φ₂ (R. L. Plackett, Biometrika 1954), integrated by Gauss and Legendre's rule.
Why: correlations among a handful of exceedances are noise; among all values they are not.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def normal_scores(values: Array) -> Array:
    """Each value's place among all, as a standard normal number; equal values share the middle place."""
    _, member, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(special.ndtri(middle[member] / len(values)))


def correlation(r: Array, q: float) -> Array:
    """Correlation of the two exceedances of the q-quantile when the values' own is ``r`` (each in −1…1)."""
    h = float(special.ndtri(q))
    at = r[:, None] * (1 + _NODES) / 2
    density = np.exp(-h * h / (1 + at)) / (2 * math.pi * np.sqrt(1 - at**2))
    return np.asarray((density * _WEIGHTS).sum(axis=1) * r / 2 / (q * (1 - q)))
