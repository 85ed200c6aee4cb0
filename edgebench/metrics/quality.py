"""Quality: the share of requests answered right, overall and by slice. A failure is not right.

One record an item and values of 0 or 1: Wilson. Graded values, items that repeat, or clusters: bootstrap over
clusters. Where fewer than ``FEW`` clusters hold a wrong (or a right) answer the bootstrap is too narrow (88 % at
p = .95, 50 clusters); there it is Wilson with the number of clusters as n: wide, but it covers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgebench.metrics.observed import Observed, observe
from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import Estimate, Run
from edgebench.stats import bootstrap, rates

FEW = 10


def accuracy(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> Estimate:
    """The arm's accuracy with its interval."""
    observed = observe(arm, "accuracy")
    assert observed is not None  # noqa: S101 - accuracy is made of requests
    if observed.n == 0:
        return Estimate.absent(_why(run, arm))
    unjudged = int(np.isnan(arm.value).sum())
    note = f"{unjudged} of {len(arm.records)} answers not judged" if unjudged else None
    return rate(observed, weights, note)


def _why(run: Run, arm: ArmColumns) -> str:
    if not arm.records:
        return "no requests"
    if all(item.reference is None for item in run.workload.items):
        return "no references: nobody said what is right"
    return "answers not scored yet: edgebench score"


def rate(observed: Observed, weights: bootstrap.Counts, note: str | None = None, *, level: float = 0.95) -> Estimate:
    """A mean of values in 0…1 with its interval."""
    values, n = observed.above, observed.n
    sizes = np.bincount(observed.member)
    groups = int((sizes > 0).sum())
    whole = bool(np.isin(values, (0.0, 1.0)).all())
    point = float(values.mean())
    if whole and groups == n:
        worth = observed.effective_n(level)
        if worth < n:
            low, high = rates.wilson(point * worth, worth, level)
            return Estimate(point, low, high, n, f"Wilson, worth {worth:.0f} independent ones", level, note=note)
        low, high = rates.wilson(round(float(values.sum())), n, level)
        return Estimate(point, low, high, n, "Wilson", level, note=note)
    sums = np.bincount(observed.member, values)
    wrong, right = int((sums < sizes)[sizes > 0].sum()), int((sums > 0)[sizes > 0].sum())
    stretch = observed.spread.stretch(level)
    enough = min(wrong, right) >= FEW
    drawn = bootstrap.interval(observed.draws(weights), groups, level, point=point, stretch=stretch) if enough else None
    if drawn is None:
        worth = groups / stretch**2
        low, high = rates.wilson(min(point * worth, worth), worth, level)
        return Estimate(point, low, high, n, f"Wilson on {groups} clusters", level, note=note)
    drawn = max(0.0, drawn[0]), min(1.0, drawn[1])
    return Estimate(point, *drawn, n, f"bootstrap over {groups} clusters", level, note=note)


def share(arm: ArmColumns, of: Flags, hit: Floats, weights: bootstrap.Counts, *, level: float = 0.95) -> Estimate:
    """The mean of ``hit`` (0…1, one entry a record) over the records ``of`` an arm, as a rate; absent without any."""
    if not of.any():
        return Estimate.absent("no judged answer")
    values = hit[of].astype(float)
    return rate(Observed("accuracy", arm.cluster[of], values, np.ones(len(values))), weights, level=level)


def slices(run: Run, arm: ArmColumns, weights: bootstrap.Counts) -> Mapping[str, Mapping[str, Estimate]]:
    """Accuracy by tag and its value, stakes included; values nobody was judged on are absent."""
    tags = {item.digest: dict(item.tags) for item in run.workload.items}
    for item in run.workload.items:
        if item.stakes is not None:
            tags[item.digest].setdefault("stakes", str(item.stakes))
    names = sorted({name for tagged in tags.values() for name in tagged})
    out: dict[str, dict[str, Estimate]] = {}
    for name in names:
        labels = np.array([tags.get(record.item_digest, {}).get(name, "") for record in arm.records], dtype=object)
        for value in sorted({label for label in labels if label}):
            out.setdefault(name, {})[value] = _slice(arm, np.asarray(labels == value, dtype=bool), weights)
    return out


def _slice(arm: ArmColumns, chosen: Flags, weights: bootstrap.Counts) -> Estimate:
    keep = chosen & np.isfinite(arm.value)
    if not keep.any():
        return Estimate.absent("no judged answer in this slice")
    values = arm.value[keep]
    return rate(Observed("accuracy", arm.cluster[keep], values, np.ones(len(values))), weights)
