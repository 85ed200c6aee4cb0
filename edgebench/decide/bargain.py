"""The bargain: at what price of a wrong answer a dearer, more accurate arm pays for itself.

Where no utilities are declared the rule does not know what a wrong answer costs. Extra dollars over extra right answers
is then the price at which the two arms cost the same, all told; its interval is that of the same ratio in every draw.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.records import StakeOfChange

QUANTITY = "price of a wrong answer"


def accuracy_and_cost(resampled: Resampled, name: str) -> tuple[float, float] | None:
    """An arm's share of right answers and its dollars a request, where both are known."""
    right, usd = resampled.point(name, "accuracy"), resampled.point(name, "usd_per_1k")
    return None if right is None or usd is None else (right, usd / 1000)


def others(resampled: Resampled, name: str) -> Mapping[str, tuple[float, float]]:
    """The same of all other arms."""
    return {one: both for one in resampled.arms if one != name and (both := accuracy_and_cost(resampled, one))}


def more_accurate(resampled: Resampled, name: str, missing: Set[str]) -> str | None:
    """The most accurate of the arms that are more so; one that keeps the SLOs, where there is one."""
    mine, rivals = accuracy_and_cost(resampled, name), others(resampled, name)
    better = [] if mine is None else [one for one, (right, _) in rivals.items() if right > mine[0]]
    return max(better, key=lambda one: (one not in missing, rivals[one][0]), default=None)


def bargain(resampled: Resampled, name: str, missing: Set[str]) -> StakeOfChange:
    """The price of a wrong answer above which the more accurate arm is the better bargain; None where nothing is."""
    utilities, wrong = resampled.table[name].utilities, resampled.table[name].wrong_usd
    now = None if utilities is None or not np.isfinite(wrong).any() else float(np.nanmean(wrong))
    other = more_accurate(resampled, name, missing)
    mine, theirs = (None if one is None else accuracy_and_cost(resampled, one) for one in (name, other))
    if other is None or mine is None or theirs is None or theirs[1] <= mine[1]:
        return StakeOfChange(QUANTITY, now, None, None, None, None, "$")
    gains = resampled.draws(other, "accuracy") - resampled.draws(name, "accuracy")
    costs = (resampled.draws(other, "usd_per_1k") - resampled.draws(name, "usd_per_1k")) / 1000
    worth, low, high = costs[gains > 0] / gains[gains > 0], None, None
    if len(worth) >= 0.975 * len(gains):
        low, high = (float(end) for end in np.quantile(worth, [0.025, 0.975]))
    return StakeOfChange(QUANTITY, now, (theirs[1] - mine[1]) / (theirs[0] - mine[0]), low, high, other, "$")
