"""Worst slices: those by tag or stakes on which an arm is worse than on the rest, judged all at once.

Every value of every tag that is met on ten items or more, and not on all, is held against the other items of its arm.
Of many slices some look bad by chance: intervals hold for all slices of an arm at once (Šidák), and p-values are
corrected by Holm over all slices of all arms looked at, so that the chance of even one false finding is at most 5 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgebench.metrics.observed import Observed, generator
from edgebench.metrics.quality import rate
from edgebench.metrics.table import ArmColumns, Flags, Floats, Index
from edgebench.records import Estimate, Run, WorstSlice
from edgebench.stats import bootstrap, multiple, simultaneous, two_samples

LEAST = 10  # items of a slice, and of the rest
ALPHA = 0.05


@dataclass(frozen=True)
class _Slice:
    tag: str
    value: str
    of: Flags  # records


def worst(run: Run, arms: Sequence[ArmColumns], weights: bootstrap.Counts) -> tuple[WorstSlice, ...]:
    """Slices that are worse than the rest of their arm: those found to be so first, then by how much."""
    tags = _tags(run)
    looked_at = [(arm, found) for arm in arms if (found := list(_slices(arm, tags)))]
    p_values = [_p_values(run, arm, found) for arm, found in looked_at]
    adjusted = iter(multiple.holm([p for each in p_values for p in each.tolist()]))
    out: list[WorstSlice] = []
    for arm, found in looked_at:
        level = simultaneous.sidak(len(found))
        for one in found:
            p_value = next(adjusted)
            row = _judged(arm, one, level, weights)
            if row.difference.value is not None and row.difference.value < 0:
                out.append(replace(row, p_value=p_value, found=p_value < ALPHA))
    return tuple(sorted(out, key=lambda one: (not one.found, one.difference.value or 0.0, one.arm, one.tag, one.value)))


def _tags(run: Run) -> Mapping[str, Mapping[str, str]]:
    """Item digest → tag → value, stakes among them."""
    tags = {item.digest: {name: str(value) for name, value in item.tags.items()} for item in run.workload.items}
    for item in run.workload.items:
        if item.stakes is not None:
            tags[item.digest].setdefault("stakes", str(item.stakes))
    return tags


def _slices(arm: ArmColumns, tags: Mapping[str, Mapping[str, str]]) -> Iterator[_Slice]:
    judged = np.isfinite(arm.value)
    mine = [tags.get(record.item_digest, {}) for record in arm.records]
    for name in sorted({name for each in mine for name in each}):
        given = np.array([each.get(name, "") for each in mine], dtype=object)
        for value in sorted({one for one in given.tolist() if one}):
            of = np.asarray(given == value, dtype=bool) & judged
            rest = judged & ~of
            if min(_units(arm, of), _units(arm, rest)) >= LEAST:
                yield _Slice(name, value, of)


def _units(arm: ArmColumns, of: Flags) -> int:
    return len(np.unique(arm.cluster[of]))


def _judged(arm: ArmColumns, one: _Slice, level: float, weights: bootstrap.Counts) -> WorstSlice:
    rest = np.isfinite(arm.value) & ~one.of
    inside, outside, other = (_rate(arm, of, weights, at) for of, at in ((one.of, level), (rest, level), (rest, 0.95)))
    points, bounds = [], []
    for found in (inside, outside):
        points.append(found.value or 0.0)
        bounds.append((found.low if found.low is not None else 0.0, found.high if found.high is not None else 1.0))
    low, high = two_samples.difference(points[0], points[1], bounds[0], bounds[1])
    difference = Estimate(
        points[0] - points[1],
        low,
        high,
        int(one.of.sum()),
        "Newcombe, simultaneous over the slices of the arm (Šidák)",
        level,
    )
    return WorstSlice(arm.arm, one.tag, one.value, int(one.of.sum()), inside, other, difference, None, False)


def _rate(arm: ArmColumns, of: Flags, weights: bootstrap.Counts, level: float) -> Estimate:
    values = arm.value[of]
    return rate(Observed("accuracy", arm.cluster[of], values, np.ones(len(values))), weights, level=level)


def _p_values(run: Run, arm: ArmColumns, found: Sequence[_Slice]) -> Floats:
    """Exact where each item has one right or wrong answer; else by random slices of the items' means."""
    judged = np.isfinite(arm.value)
    values, member = arm.value[judged], arm.cluster[judged]
    slices = np.stack([one.of[judged] for one in found])
    if np.isin(values, (0.0, 1.0)).all() and len(np.unique(member)) == len(values):
        right = (slices * values).sum(axis=1).astype(np.int64)
        return two_samples.fisher_mid_p(right, slices.sum(axis=1), int(values.sum()), len(values))
    means, of_slices = _by_unit(values, member, slices)
    return two_samples.permuted_p(means, of_slices, generator(run, f"slices of {arm.arm}"))


def _by_unit(values: Floats, member: Index, slices: Flags) -> tuple[Floats, Flags]:
    """Means by cluster; a cluster belongs to a slice when most of it does."""
    _, unit = np.unique(member, return_inverse=True)
    sizes = np.bincount(unit)
    inside = np.stack([np.bincount(unit, one.astype(float)) / sizes for one in slices])
    return np.bincount(unit, values) / sizes, inside > 0.5
