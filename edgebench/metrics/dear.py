"""Means that a few dear mistakes carry: an interval that knows of the mistakes that were not seen.

A bootstrap draws from the mistakes there are. Where few of them carry a mean (in Kish's sense, (Σ|x|)² / Σx²), or a
dear one has not happened yet, it is too narrow. Here each way to be wrong has Wilson's interval of how often it happens
among the requests to which it can happen, and they are put together by the method of variance estimates recovery
(G. Zou and A. Donner, Stat. Med. 2008): wide, never of no width, and it covers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgebench.stats import rates

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEW = 10  # mistakes that carry a mean; below it the bootstrap knows too little
METHOD = "Wilson by stakes, combined (Zou and Donner)"


@dataclass(frozen=True)
class Way:
    """One way to be wrong."""

    size: float  # what it costs
    may: Flags  # requests to which it can happen
    amount: Floats  # 0…1: how far it has


def kish(values: Floats) -> float:
    """How many of equal size these are worth."""
    return float(values.sum() ** 2 / (values**2).sum()) if values.any() else 0.0


def seen_enough(ways: Sequence[Way]) -> bool:
    """Whether each way has happened often enough, and often enough not, for a bootstrap to know of it."""
    return all(
        min(float(way.amount[way.may].sum()), float((1 - way.amount)[way.may].sum())) >= FEW
        for way in ways
        if way.size > 0 and way.may.any()
    )


def recovered(
    ways: Sequence[Way], rest: Floats, worth: float, *, sign: float = 1.0, level: float = 0.95
) -> tuple[float, float]:
    """How far the interval of a mean reaches below and above: of ``rest`` + ``sign`` · Σ size · amount.

    ``worth``: independent requests that one request is worth. What requests share in what can happen to them (few of
    high stakes) counts by its variance.
    """
    n, below, above, expected = len(rest), 0.0, 0.0, rest.copy()
    for way in ways:
        chances = float(way.may.sum())
        if not chances:
            continue
        often = min(1.0, float(way.amount[way.may].sum()) / chances)
        low, high = rates.wilson(often * chances * worth, chances * worth, level)
        down, up = (way.size * chances / n * (often - low), way.size * chances / n * (high - often))
        below, above = below + (down if sign > 0 else up) ** 2, above + (up if sign > 0 else down) ** 2
        expected[way.may] += sign * way.size * often
    between = rates.z(level) ** 2 * float(expected.var()) / max(1.0, n * worth)
    return math.sqrt(below + between), math.sqrt(above + between)
