"""What answers are worth by the plan's utilities: expected loss and expected value per 1,000 requests, with intervals.

Both are means over requests (``stakes.py`` has the formulas) and have the bootstrap interval of every other mean. Loss
is a few dear mistakes among many right answers, though: where fewer than ``dear.FEW`` wrong (or right) answers carry
it, in Kish's sense, the interval is put together from those of the stakes classes (``dear``).

"Is 1 % accuracy worth 500 ms?" is ``exchange``: what a point of accuracy brings over what a second of waiting costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.metrics import dear, stakes
from edgebench.metrics.observed import Observed, observe
from edgebench.metrics.quality import accuracy
from edgebench.metrics.table import ArmColumns, Floats
from edgebench.records import Estimate, Item, Run, Utilities
from edgebench.stats import bootstrap

WHY = "the plan declares no utilities (utilities: {right_usd: …, wrong_usd: …, second_usd: …})"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a point of accuracy (one answer in a hundred right instead of wrong) is worth."""

    usd_per_point: float  # per 1,000 requests
    ms_per_point: float | None  # of waiting on every request, that cost as much; None: waiting costs nothing


def exchange(utilities: Utilities, items: Sequence[Item] = ()) -> Exchange | None:
    """The price of a point in dollars and in milliseconds, at the mean stakes of ``items``.

    None where ``wrong_usd`` goes by stakes and nobody declared those of the items.
    """
    wrong = stakes.wrong_usd(utilities, [item.stakes for item in items] or [None])
    known = wrong[np.isfinite(wrong)]
    if not len(known):
        return None
    gain = utilities.right_usd + float(known.mean())
    waiting = 0.01 * gain / utilities.second_usd * 1000 if utilities.second_usd > 0 else None
    return Exchange(stakes.THOUSAND * 0.01 * gain, waiting)


def estimates(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> dict[str, Estimate]:
    """``loss_per_1k`` and ``value_per_1k``."""
    return {name: _estimate(run, arm, name, weights) for name in ("loss_per_1k", "value_per_1k")}


def _estimate(run: Run, arm: ArmColumns, metric: str, weights: bootstrap.Counts) -> Estimate:
    why = _why_absent(run, arm, metric, weights)
    observed = observe(arm, metric)
    point = None if observed is None else observed.point()
    if why is not None or observed is None or point is None:
        return Estimate.absent(why or "no answer was judged")
    low, high, method = interval(arm, observed, weights)
    unjudged = int(np.isnan(arm.value).sum())
    note = f"{unjudged} of {len(arm.records)} answers not judged" if unjudged else None
    return Estimate(point, low, high, observed.n, method, provenance="declared", note=note)


def _why_absent(run: Run, arm: ArmColumns, metric: str, weights: bootstrap.Counts) -> str | None:
    if arm.utilities is None:
        return WHY
    if (right := accuracy(run, arm, weights)).value is None:
        return right.why_absent
    if undeclared := int(np.isnan(arm.wrong_usd).sum()):
        return (
            f"what a wrong answer costs is declared by stakes, and not for {undeclared} of {len(arm.records)} requests"
        )
    if metric == "value_per_1k" and not np.isfinite(arm.usd).any():
        return f"what its requests cost is not known: {arm.charges.cost.why_absent or 'no request was priced whole'}"
    if metric == "value_per_1k" and not np.isfinite(arm.worth).any():
        return "how long its requests waited is not known"
    return None


def interval(arm: ArmColumns, observed: Observed, weights: bootstrap.Counts) -> tuple[float | None, float | None, str]:
    """(low, high, method) of the arm's expected loss or value; every judged answer has its stakes declared."""
    low, high = observed.interval(weights)
    judged = np.isfinite(arm.value)
    gain = arm.wrong_usd + (arm.utilities.right_usd if arm.utilities and observed.metric == "value_per_1k" else 0.0)
    value = arm.value[judged]
    carried = min(dear.kish(gain[judged] * (1 - value)), dear.kish(gain[judged] * value))
    if low is not None and high is not None and (carried >= dear.FEW or not gain[judged].any()):
        return low, high, f"bootstrap over {observed.clusters} items or clusters"
    worth = observed.clusters / observed.n / observed.spread.stretch() ** 2
    below, above = _recovered(gain[judged] * stakes.THOUSAND, value, observed, worth)
    point = observed.point() or 0.0
    return point - below, point + above, dear.METHOD


def _recovered(gains: Floats, value: Floats, observed: Observed, worth: float) -> tuple[float, float]:
    """How far the interval reaches below and above; a right answer saves its gain where it does not bring it."""
    ways = [dear.Way(float(each), gains == each, 1 - value) for each in np.unique(gains)]
    sign = 1.0 if observed.metric == "loss_per_1k" else -1.0
    return dear.recovered(ways, observed.above - sign * gains * (1 - value), worth, sign=sign)
