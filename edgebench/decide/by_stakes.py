"""The paired difference of harm, and of severe errors, between two arms: what few dear mistakes allow to be said.

A bootstrap of harm knows nothing of the mistakes that were not seen: where neither arm has made one of stakes 4 it
would say that they cannot differ there. So each grade of mistake has Bonett and Price's interval of its paired
difference, over the items to which it can happen, and the grades are put together by the method of variance estimates
recovery (``dear`` has the source). The p-value is the smallest level whose interval leaves 0 out.
An item asked several times counts once, by its mean, and items of one cluster as what they share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.metrics import stakes
from edgebench.metrics.gravity import LEVELS, SEVERE
from edgebench.metrics.observed import Observed
from edgebench.metrics.observed import difference as spread_of_difference
from edgebench.metrics.table import ArmColumns, Floats, Index
from edgebench.records import Comparison, Estimate
from edgebench.stats import paired, rates

METRICS_OF_STAKES = ("harm_per_1k", "severe_rate")
HALVINGS = 40


@dataclass(frozen=True)
class _Grade:
    """The paired differences of one grade of mistake; counts may be fractions."""

    size: float
    more: float  # in b alone
    less: float  # in a alone
    chances: float  # items to which it can happen


def difference(resampled: Resampled, a: str, b: str, metric: str, seen: tuple[Observed, Observed]) -> Comparison:
    """b − a in ``harm_per_1k`` or ``severe_rate``, on the items both have answers to."""
    one, two = resampled.table[a], resampled.table[b]
    by = _key(one, two)
    units = np.intersect1d(by[0][np.isfinite(one.value)], by[1][np.isfinite(two.value)])
    if not len(units):
        return Comparison(a, b, metric, Estimate.absent("no item was met by both"), None, "")
    mistakes = [_mistakes(arm, what, units) for arm, what in zip((one, two), by, strict=True)]
    may = mistakes[0][1] | mistakes[1][1]
    apart = mistakes[1][0] - mistakes[0][0]
    sizes = one.gravity.weights * stakes.THOUSAND if metric == "harm_per_1k" else np.array(LEVELS) == SEVERE
    everyone = np.ones(len(units), dtype=bool)
    grades = [
        _Grade(
            float(size),
            float(np.maximum(apart[:, place], 0).sum()),
            float(np.maximum(-apart[:, place], 0).sum()),
            float((may[:, place] if metric == "harm_per_1k" else everyone).sum()),
        )
        for place, size in enumerate(sizes)
        if size > 0
    ]
    point = float((apart * sizes).sum()) / len(units)
    inflation = _inflation(seen, one, by[0], units)
    mixture = _mixture(apart, may, sizes) if metric == "harm_per_1k" else np.zeros(len(units))
    low, high = _interval(grades, point, len(units), inflation, mixture, 0.95)
    worth = f", worth {len(units) / inflation:.0f} independent items" if inflation > 1 else ""
    method = f"Bonett–Price by stakes, paired, combined{worth}"
    p_value = _p_value(grades, point, len(units), inflation, mixture)
    found = Estimate(point, low, high, len(units), method)
    return Comparison(a, b, metric, found, p_value, method, _ratio(seen, metric))


def _key(one: ArmColumns, two: ArmColumns) -> tuple[Index, Index]:
    """What the records of both are paired by: their items; their clusters where they asked others (other languages)."""
    return (one.item, two.item) if len(np.intersect1d(one.item, two.item)) else (one.cluster, two.cluster)


def _mistakes(
    arm: ArmColumns, met: Index, units: Index
) -> tuple[Floats, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]:
    """(how wrong each unit was at each stakes, which stakes it could have been wrong at): shapes (units, 4)."""
    of = np.isin(met, units) & np.isfinite(arm.value)
    at = np.searchsorted(units, met[of])
    times = np.bincount(at, minlength=len(units)).astype(float)
    wrong, level = 1 - arm.value[of], arm.gravity.level[of]
    amounts = [np.bincount(at, np.where(level == grade, wrong, 0.0), minlength=len(units)) / times for grade in LEVELS]
    may = [np.bincount(at, arm.gravity.may[of][:, grade - 1], minlength=len(units)) > 0 for grade in LEVELS]
    return np.stack(amounts, axis=1), np.stack(may, axis=1)


def _inflation(seen: tuple[Observed, Observed], arm: ArmColumns, met: Index, units: Index) -> float:
    """Items that one independent item is worth: what blocks and clusters take away."""
    errors = [float(one.above.std()) / math.sqrt(max(1, one.n)) for one in seen]
    stretch = spread_of_difference(*seen, (errors[0], errors[1])).stretch()
    clusters = len(np.unique(arm.cluster[np.isin(met, units)]))
    return max(1.0, stretch**2) * len(units) / clusters


def _mixture(apart: Floats, may: np.ndarray[tuple[int, int], np.dtype[np.bool_]], sizes: Floats) -> Floats:
    """What each item would bring by its stakes alone: how much the mix of items makes of the difference."""
    chances = may.sum(axis=0)
    mean = np.divide(apart.sum(axis=0), chances, out=np.zeros(len(sizes)), where=chances > 0)
    return np.asarray((may * mean * sizes).sum(axis=1))


def _interval(
    grades: list[_Grade], point: float, n: int, inflation: float, mixture: Floats, level: float
) -> tuple[float, float]:
    below = above = rates.z(level) ** 2 * float(mixture.var()) / max(1.0, n / inflation)
    for grade in grades:
        if not grade.chances:
            continue
        chances = grade.chances / inflation
        low, high = paired.bonett_price(grade.more / inflation, grade.less / inflation, chances, level)
        middle, share = (grade.more - grade.less) / grade.chances, grade.size * grade.chances / n
        below += (share * max(0.0, middle - low)) ** 2
        above += (share * max(0.0, high - middle)) ** 2
    return point - math.sqrt(below), point + math.sqrt(above)


def _p_value(grades: list[_Grade], point: float, n: int, inflation: float, mixture: Floats) -> float:
    least, most = -30.0, 0.0  # of its logarithm
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        low, high = _interval(grades, point, n, inflation, mixture, 1 - math.exp(middle))
        least, most = (least, middle) if low > 0 or high < 0 else (middle, most)
    return math.exp(most)


def _ratio(seen: tuple[Observed, Observed], metric: str) -> Estimate | None:
    """b / a as it was seen; few dear mistakes give no interval of it."""
    one, two = (observed.point() for observed in seen)
    if metric == "severe_rate" or not one or two is None:
        return None
    return Estimate(
        two / one, n=seen[0].n, method="ratio of two means", note="too few mistakes carry it for an interval"
    )
