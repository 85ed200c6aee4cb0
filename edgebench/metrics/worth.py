"""What answers are worth by the plan's utilities: expected loss and expected value per 1,000 requests, with intervals.

Both are means over requests (``stakes.py`` has the formulas) and have the bootstrap interval of every other mean. Loss
is a few dear mistakes among many right answers, though: where fewer than ``FEW`` wrong (or right) answers carry it, in
Kish's sense (Σ|x|)² / Σx², the bootstrap knows too little of the mistakes that were not seen. There each stakes class
has Wilson's interval of its accuracy, and they are put together by the method of variance estimates recovery (G. Zou
and A. Donner, Stat. Med. 2008): wide, never of no width, and it covers.

"Is 1 % accuracy worth 500 ms?" is ``exchange``: what a point of accuracy brings over what a second of waiting costs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebench.metrics import stakes
from edgebench.metrics.observed import Observed, observe
from edgebench.metrics.quality import FEW, accuracy
from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import Estimate, Item, Run, Utilities
from edgebench.stats import bootstrap, rates

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
    carried = min(_kish(gain[judged] * (1 - value)), _kish(gain[judged] * value))
    if low is not None and high is not None and (carried >= FEW or not gain[judged].any()):
        return low, high, f"bootstrap over {observed.clusters} items or clusters"
    worth = observed.clusters / observed.n / observed.spread.stretch() ** 2
    below, above = _recovered(arm, judged, gain, observed, worth)
    point = observed.point() or 0.0
    return point - below, point + above, "Wilson by stakes, combined (Zou and Donner)"


def _kish(values: Floats) -> float:
    """How many of equal size these are worth."""
    return float(values.sum() ** 2 / (values**2).sum()) if values.any() else 0.0


def _recovered(arm: ArmColumns, judged: Flags, gain: Floats, observed: Observed, worth: float) -> tuple[float, float]:
    """How far the interval reaches below and above: each class by its Wilson interval, what is left by its variance.

    ``worth``: independent records that one record is worth.
    """
    gains, value, n = gain[judged] * stakes.THOUSAND, arm.value[judged], int(judged.sum())
    sign = -1.0 if observed.metric == "loss_per_1k" else 1.0
    rest = observed.above - sign * gains * value
    below = above = 0.0
    for each in np.unique(gains):
        of = gains == each
        share, right = float(of.mean()), float(value[of].mean())
        low, high = rates.wilson(right * of.sum() * worth, float(of.sum()) * worth)
        down, up = (each * share * (right - low), each * share * (high - right))
        below, above = below + (down if sign > 0 else up) ** 2, above + (up if sign > 0 else down) ** 2
        rest[of] += sign * each * right
    between = rates.z(0.95) ** 2 * float(rest.var()) / max(1.0, n * worth)
    return math.sqrt(below + between), math.sqrt(above + between)
