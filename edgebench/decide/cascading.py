"""A cascade replayed: from two arms' answers to the same items, what every threshold would have done to each of them.

Arrays throughout: ``n`` pairs of answers, ``t`` thresholds. The rule is that of ``routing.py``, which the live target
follows; here it is worked out for all pairs and thresholds at once. What the edge and the cloud would have said and
when is taken as recorded: the cloud's answer to a deferred request comes as long after the deferral as it came after
its own request was due. In a live cascade fewer requests reach the cloud at once, so that is not too good.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from edgebench.metrics import stakes
from edgebench.metrics.table import ArmColumns, Flags, Floats, Index
from edgebench.records import Call
from edgebench.routing import Rule

MOST_POINTS = 40  # of a curve, both ends included


@dataclass(frozen=True)
class Pairs:
    """Two arms' answers to the same items: row i of one belongs to row i of the other."""

    edge: ArmColumns
    cloud: ArmColumns
    at: tuple[Index, Index]  # rows of each arm's columns

    @property
    def n(self) -> int:
        return len(self.at[0])

    def of(self, column: str) -> tuple[Floats, Floats]:
        """A column of both."""
        edge, cloud = self.at
        return getattr(self.edge, column)[edge], getattr(self.cloud, column)[cloud]

    @cached_property
    def member(self) -> Index:
        """The cluster of each pair."""
        return self.edge.cluster[self.at[0]]

    @cached_property
    def failed(self) -> tuple[Flags, Flags]:
        return self.edge.failed[self.at[0]], self.cloud.failed[self.at[1]]

    @cached_property
    def steady(self) -> Flags:
        return self.edge.steady[self.at[0]] & self.cloud.steady[self.at[1]]

    @cached_property
    def judged(self) -> Flags:
        return np.isfinite(self.of("value")[0]) & np.isfinite(self.of("value")[1])

    @cached_property
    def confidence(self) -> Floats:
        """Of the edge's answers; −inf where it does not say, or has failed."""
        said = [self.edge.records[place].answer for place in self.at[0].tolist()]
        sure = np.array([np.nan if one is None or one.confidence is None else one.confidence for one in said])
        return np.where(self.failed[0] | np.isnan(sure), -math.inf, sure)

    def signal(self) -> str:
        """What the edge calls its confidence."""
        calls = (self.edge.records[place].served for place in self.at[0].tolist())
        named = (call.confidence_method for call in calls if isinstance(call, Call) and call.confidence is not None)
        return next((name for name in named if name), "confidence")


def paired(edge: ArmColumns, cloud: ArmColumns, *, by: Literal["item", "cluster"] = "item") -> Pairs:
    """The k-th answer of one to an item (or to a cluster of items: one case in two languages) with the other's k-th."""
    met = [edge.item, cloud.item] if by == "item" else [edge.cluster, cloud.cluster]
    keys = [_occurrences(arm, what) for arm, what in zip((edge, cloud), met, strict=True)]
    most = 1 + max((int(times.max(initial=0)) for times in keys), default=0)
    mine, theirs = (what * most + times for what, times in zip(met, keys, strict=True))
    _, first, second = np.intersect1d(mine, theirs, return_indices=True)
    return Pairs(edge, cloud, (first.astype(np.int64), second.astype(np.int64)))


def _occurrences(arm: ArmColumns, met: Index) -> Index:
    """How often what it met had been met before, by each record."""
    order = np.lexsort((arm.order, arm.start, met))
    ordered = met[order]
    begins = np.concatenate([[True], ordered[1:] != ordered[:-1]]) if len(ordered) else np.zeros(0, dtype=bool)
    places = np.arange(len(ordered))
    out = np.empty(len(ordered), dtype=np.int64)
    out[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return out


def thresholds(confidence: Floats, most: int = MOST_POINTS) -> Floats:
    """−inf (the edge alone), confidences that occur, evenly by rank, and +inf (always deferred); ascending."""
    known = np.sort(confidence[np.isfinite(confidence)])
    if not len(known):
        return np.array([-math.inf, math.inf])
    ranks = np.linspace(0, len(known) - 1, most - 2).round().astype(np.int64)
    return np.concatenate([[-math.inf], np.unique(known[ranks])[1:], [math.inf]])


@dataclass(frozen=True)
class Outcome:
    """What a cascade does to every pair at every threshold: shapes (t, n)."""

    asked: Flags  # the cloud was asked
    by_cloud: Flags  # its answer was served
    failed: Flags
    value: Floats  # 0…1; NaN: not judged
    waited_s: Floats  # until the answer, or until it was known that there is none
    usd: Floats  # of all that was asked; NaN: not priced

    @property
    def latency_ms(self) -> Floats:
        """NaN where there was no answer."""
        return np.where(self.failed, np.nan, self.waited_s * 1000)


def replay(pairs: Pairs, rule: Rule, at: Floats) -> Outcome:
    """The rule carried out at every threshold of ``at`` (in the place of its own); see ``routing.served``."""
    edge_s, cloud_s = pairs.of("waited_s")
    edge_failed, cloud_failed = pairs.failed
    sure = ~edge_failed & (pairs.confidence >= at[:, None])
    late = edge_s > rule.patience_s
    asked = late | ~sure
    with np.errstate(invalid="ignore"):
        cloud_at = np.where(late, rule.patience_s if math.isfinite(rule.patience_s) else 0.0, edge_s) + cloud_s
    by_edge = sure & (~asked | cloud_failed | (edge_s <= cloud_at))
    by_cloud = ~by_edge & ~cloud_failed  # whatever is not served by the edge has been asked of the cloud
    last = np.maximum(edge_s, cloud_at)
    waited_s = np.where(by_edge, edge_s, np.where(by_cloud, cloud_at, last))
    value, usd = pairs.of("value"), pairs.of("usd")
    return Outcome(
        asked=asked,
        by_cloud=by_cloud,
        failed=edge_failed & cloud_failed & np.ones_like(asked),
        value=np.where(by_cloud, value[1], value[0]),
        waited_s=waited_s,
        usd=usd[0] + np.where(asked, usd[1], 0.0),
    )


def worth(pairs: Pairs, outcome: Outcome) -> Floats | None:
    """Dollars per 1,000 requests that each answer is worth by the plan's utilities, shape (t, n); None without them."""
    utilities, wrong = pairs.edge.utilities, pairs.of("wrong_usd")[0]
    if utilities is None or not np.isfinite(wrong).all():
        return None
    found = [
        stakes.worth(utilities, value, wrong, waited, pairs.steady, usd)
        for value, waited, usd in zip(outcome.value, outcome.waited_s, outcome.usd, strict=True)
    ]
    out = np.stack(found)
    return out if np.isfinite(out[:, pairs.judged]).all() else None


def hull(across: Floats, up: Floats) -> Flags:
    """Which points mixing two others cannot beat: the upper left of the convex hull, of means only."""
    out = np.zeros(len(across), dtype=bool)
    best: list[int] = []
    for place in np.lexsort((-up, across)).tolist():
        if best and up[place] <= up[best[-1]]:
            continue
        while len(best) > 1 and _below(across, up, best[-2], best[-1], place):
            best.pop()
        best.append(place)
    out[best] = True
    return out


def _below(across: Floats, up: Floats, a: int, b: int, c: int) -> bool:
    """Whether b lies on or below the line from a to c."""
    return bool((up[b] - up[a]) * (across[c] - across[a]) <= (up[c] - up[a]) * (across[b] - across[a]))
