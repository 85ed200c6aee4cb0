"""Whether the order of targets changes between the lab and the field corner, and how surely that can be said.

Items are drawn anew for all targets and both corners at once; each draw is one order in the lab and one in the field.
The share of draws in which they differ is the probability that the true orders do, all accuracies being equally
likely beforehand. Where two targets are alike, that is a half and not a finding.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.decide.study.design import Design
from edgebench.metrics.observed import generator
from edgebench.metrics.table import Floats
from edgebench.records import RankFlip

TIE = 1e-6  # of a share: what breaks ties by the toss of a coin


def rank_flip(resampled: Resampled, design: Design) -> RankFlip:
    """The orders in both corners; ``why_absent`` where fewer than two targets have both."""
    both: list[tuple[str, str, str]] = []
    for target in design.targets:
        lab, field = design.corner(target, "lab"), design.corner(target, "field")
        if lab is None or field is None:
            continue
        if resampled.point(lab.arm, "accuracy") is not None and resampled.point(field.arm, "accuracy") is not None:
            both.append((target, lab.arm, field.arm))
    if len(both) < 2:
        corners = any(place.corners for place in design.places.values())
        why = (
            "fewer than two targets were judged in the lab and in the field"
            if corners
            else "no lab and no field corner"
        )
        return RankFlip((), (), None, None, why_absent=why)
    names = [target for target, _, _ in both]
    rng = generator(resampled.run, "rank")
    in_lab, in_field = (np.stack([_drawn(resampled, row[corner], rng) for row in both], axis=1) for corner in (1, 2))
    points = [[resampled.point(row[corner], "accuracy") or 0.0 for row in both] for corner in (1, 2)]
    orders = [sorted(range(len(names)), key=lambda place: (-accuracies[place], place)) for accuracies in points]
    return RankFlip(
        in_lab=tuple(names[place] for place in orders[0]),
        in_field=tuple(names[place] for place in orders[1]),
        best_changes=changes_of_best(in_lab, in_field),
        any_changes=changes_of_order(in_lab, in_field),
        pairs={
            f"{names[a]} > {names[b]}": float((in_field[:, b] > in_field[:, a]).mean())
            for a, b in combinations(orders[0], 2)
        },
    )


def _drawn(resampled: Resampled, arm: str, rng: np.random.Generator) -> Floats:
    drawn = np.nan_to_num(resampled.draws(arm, "accuracy"), nan=0.0)
    return drawn + TIE * rng.random(len(drawn))


def changes_of_best(lab: Floats, field: Floats) -> float:
    """Share of draws in which the best is another one; both of shape (draws, targets), without ties."""
    return float((lab.argmax(axis=1) != field.argmax(axis=1)).mean())


def changes_of_order(lab: Floats, field: Floats) -> float:
    """Share of draws in which any two change places."""
    orders = [np.argsort(accuracies, axis=1) for accuracies in (lab, field)]
    return float((orders[0] != orders[1]).any(axis=1).mean())
