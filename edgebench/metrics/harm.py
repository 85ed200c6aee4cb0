"""Harm: what an arm's wrong answers weigh by their stakes, per 1,000 requests; and how many of them are severe.

Both are means over requests: of weight · (1 − value), and of (1 − value) at stakes 4. The weights are the plan's
(``stakes.weights``), and declared; the stakes are the item's or those of the confusion (``gravity``). An item whose
stakes nobody declared makes harm absent: it is not taken to be harmless, nor to be of stakes 1.
The interval of harm is that of ``dear`` unless every grade of mistake has been seen ten times, and not ten times.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebench.metrics import dear, stakes
from edgebench.metrics.gravity import ANY, LEVELS, SEVERE, scale
from edgebench.metrics.observed import Observed, observe
from edgebench.metrics.quality import accuracy, rate
from edgebench.metrics.table import ArmColumns, Flags
from edgebench.records import Estimate, Run
from edgebench.stats import bootstrap

HINT = "stakes: 1 to 4 for each item, or  stakes: {pairs: {'reference -> answer': 4}}  in the plan"


def estimates(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> dict[str, Estimate]:
    """``harm_per_1k`` and ``severe_rate``."""
    if (why := _why_absent(run, arm, weights)) is not None:
        return dict.fromkeys(("harm_per_1k", "severe_rate"), Estimate.absent(why))
    return {"harm_per_1k": _harm(arm, weights), "severe_rate": _severe(arm, weights)}


def _why_absent(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> str | None:
    right = accuracy(run, arm, weights)
    if right.value is None:
        return right.why_absent
    judged = np.isfinite(arm.value)
    if not (unknown := int((arm.gravity.unknown & judged).sum())):
        return None
    if not run.plan.stakes.pairs and all(item.stakes is None for item in run.workload.items):
        return f"nobody declared what is at stake ({HINT})"
    if arm.redirected and any(reference != ANY for reference, _ in scale(run.plan.stakes).pairs):
        return (
            "stakes are declared for pairs of a reference and an answer, and another answer than the reference is right"
        )
    return f"what is at stake is not declared for {unknown} of {int(judged.sum())} requests ({HINT})"


def _harm(arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    observed = observe(arm, "harm_per_1k")
    point = None if observed is None else observed.point()
    if observed is None or point is None:
        return Estimate.absent("no answer was judged")
    low, high, method = interval(arm, observed, weights)
    return Estimate(point, low, high, observed.n, method, provenance="declared")


def _severe(arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    observed = observe(arm, "severe_rate")
    if observed is None or not observed.n:
        return Estimate.absent(f"nothing that was asked has stakes {SEVERE}")
    return rate(observed, weights)


def interval(arm: ArmColumns, observed: Observed, weights: bootstrap.Counts) -> tuple[float | None, float | None, str]:
    """(low, high, method) of the arm's harm."""
    found = ways(arm, np.isfinite(arm.value))
    if dear.seen_enough(found):
        low, high = observed.interval(weights)
        if low is not None and high is not None:
            return low, high, f"bootstrap over {observed.clusters} items or clusters"
    worth = observed.clusters / observed.n / observed.spread.stretch() ** 2
    below, above = dear.recovered(found, np.zeros(observed.n), worth)
    point = observed.point() or 0.0
    return max(0.0, point - below), point + above, dear.METHOD


def ways(arm: ArmColumns, of: Flags, among: Flags | None = None) -> Sequence[dear.Way]:
    """The grades of mistakes among the records ``of`` an arm; ``among``: only these mistakes count."""
    value, level, may = arm.value[of], arm.gravity.level[of], arm.gravity.may[of]
    wrong = 1 - value if among is None else (1 - value) * among[of]
    return [
        dear.Way(float(weight) * stakes.THOUSAND, may[:, grade - 1], np.where(level == grade, wrong, 0.0))
        for grade, weight in zip(LEVELS, arm.gravity.weights, strict=True)
    ]
