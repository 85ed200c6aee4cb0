"""Prompt sensitivity: how far accuracy moves when the instruction is said in other words.

Cells of one target whose promptings differ in ``wording=`` alone. The best of several looks better than it is, and the
worst worse, so the plain spread is never 0: its interval is that of the largest difference among all pairs of wordings,
each held by the same factor of its standard error in joint draws of the items (max-t; ``stats.simultaneous``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.decide.study.design import Design, Place
from edgebench.metrics.observed import Observed
from edgebench.metrics.quality import rate
from edgebench.metrics.understood import understood
from edgebench.records import Estimate, Sensitivity
from edgebench.stats import simultaneous

WORDING = re.compile(r"(?:, )?\bwording=\d+")


def sensitivity(resampled: Resampled, design: Design) -> tuple[Sensitivity, ...]:
    """One entry for each target and prompting that was worded in two ways or more, on clean items."""
    return tuple(_sensitivity(resampled, *group) for group in _groups(design))


def unworded(prompting: str) -> str:
    """``zero-shot(wording=2)`` → ``zero-shot``; ``few-shot(5, wording=1)`` → ``few-shot(5)``."""
    bare = WORDING.sub("", prompting).replace("(, ", "(")
    return bare.replace("()", "")


def _groups(design: Design) -> Iterator[tuple[str, str, list[Place]]]:
    for target in design.targets:
        clean = [one for one in design.of(target) if one.role in ("base", "prompting")]
        for name in dict.fromkeys(unworded(one.prompting) for one in clean):
            mine = [one for one in clean if unworded(one.prompting) == name]
            if len(mine) > 1:
                yield target, name, mine


def _sensitivity(resampled: Resampled, target: str, name: str, places: Sequence[Place]) -> Sensitivity:
    arms = [place.arm for place in places]
    known = [arm for arm in arms if resampled.point(arm, "accuracy") is not None]
    if len(known) < 2:
        absent = Estimate.absent("fewer than two wordings were judged")
        return Sensitivity(target, name, len(arms), absent, absent, absent, absent)
    found = [resampled.arms[arm].estimates["accuracy"] for arm in known]
    order = sorted(range(len(known)), key=lambda place: found[place].value or 0.0)
    return Sensitivity(
        target,
        name,
        len(arms),
        found[order[0]],
        found[order[-1]],
        _spread(resampled, known),
        _flipped(resampled, known),
    )


def _spread(resampled: Resampled, arms: Sequence[str]) -> Estimate:
    points = np.array([resampled.point(arm, "accuracy") or 0.0 for arm in arms])
    drawn = np.stack([resampled.of_items(arm, "accuracy") for arm in arms], axis=1)
    pairs = list(combinations(range(len(arms)), 2))
    differences = np.stack([drawn[:, b] - drawn[:, a] for a, b in pairs], axis=1)
    apart = np.array([points[b] - points[a] for a, b in pairs])
    n = min(len(np.unique(resampled.table[arm].cluster)) for arm in arms)
    # two wordings that never disagree are not therefore known to agree: Bonett and Price's pair added to each side
    least = math.sqrt(2) / (n + 2)
    errors = np.maximum(np.nanstd(differences, axis=0), least)
    reach = simultaneous.max_t(differences, apart, errors) * errors
    low, high = float(np.maximum(0.0, np.abs(apart) - reach).max()), float((np.abs(apart) + reach).max())
    method = f"largest of {len(pairs)} paired differences, max-t over joint draws of {n} items"
    return Estimate(float(points.max() - points.min()), low, min(1.0, high), n, method)


def _flipped(resampled: Resampled, arms: Sequence[str]) -> Estimate:
    """Share of items with an answer under every wording that is not the same under all."""
    said: list[dict[int, str]] = []
    for name in arms:
        arm = resampled.table[name]
        rows = zip(arm.item.tolist(), understood(arm), strict=True)
        said.append({item: answer for item, answer in reversed(list(rows)) if answer is not None})
    shared = sorted(set.intersection(*(set(each) for each in said)))
    if not shared:
        return Estimate.absent("no item was answered under every wording")
    changed = np.array([len({each[item] for each in said}) > 1 for item in shared], dtype=float)
    first = resampled.table[arms[0]]
    cluster_of = dict(zip(first.item.tolist(), first.cluster.tolist(), strict=True))
    member = np.array([cluster_of[item] for item in shared], dtype=np.int64)
    return rate(Observed("accuracy", member, changed, np.ones(len(shared))), resampled.weights)
