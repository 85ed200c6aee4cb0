"""Gaps: what changes from the base cell to each cell beside it, from lab to field, and from one group to another.

Every difference is paired on the items both cells met; across languages, on the cases both have (``Item.cluster``),
or, where none is shared, between two sets of cases. The performance drop rate is 1 − accuracy(b) / accuracy(a), with
Bonett and Price's interval of a paired ratio, or from joint draws where answers are graded or items repeat. Answers
have *flipped* where the two are understood differently; under noise that leaves the meaning as it is, that is a fault
by itself, and where the meaning is changed (DIR), what is wanted. There an answer has *followed* that was right before
and is right after, among the items whose message is another one.
Cells of one counterfactual perturbation that differ in the group alone are held against each other too, the first the
plan names against each other one: both are messages from somebody, so what is between them is the name.
P-values are corrected by Holm over all gaps of one kind and metric; intervals are each of 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from edgebench.decide import terms
from edgebench.decide.cascading import paired as side_by_side
from edgebench.decide.compare import between, by_draws, common_part, family, right_and_wrong
from edgebench.decide.resampled import Resampled
from edgebench.decide.study.design import CLEAN, Design, Place
from edgebench.decide.wording import percent
from edgebench.metrics.gravity import WHOLE
from edgebench.metrics.observed import Observed
from edgebench.metrics.observed import difference as spread_of_difference
from edgebench.metrics.quality import rate
from edgebench.metrics.understood import understood
from edgebench.records import Cell, CellRole, Comparison, Estimate, Gap, Record, test_type
from edgebench.stats import bootstrap, paired

METRICS = ("accuracy", "p50_ms", "p95_ms", "usd_per_1k")
BESIDE = ("prompting", "perturbation", "language", "corner")  # roles of cells held against the base cell
LAB_TO_FIELD: Literal["lab-to-field"] = "lab-to-field"
GROUPS: Literal["counterfactual"] = "counterfactual"
Factor = CellRole | Literal["lab-to-field", "counterfactual"]


def gaps(resampled: Resampled, design: Design, cells: Mapping[str, Cell]) -> tuple[Gap, ...]:
    """Of each target: base → every cell beside it, in the order of the design; lab → field; group → group."""
    found = [_gap(resampled, cells, *pair) for target in design.targets for pair in _pairs(design, target)]
    return _corrected(found)


def _pairs(design: Design, target: str) -> Iterator[tuple[Place, Place, Factor]]:
    base = design.bases.get(target)
    if base is not None:
        yield from ((base, one, one.role) for one in design.of(target) if one.role in BESIDE)
    lab, field = design.corner(target, "lab"), design.corner(target, "field")
    if lab is not None and field is not None and lab.arm != field.arm:
        yield lab, field, LAB_TO_FIELD
    first: dict[tuple[str, ...], Place] = {}
    for one in design.of(target):
        if (alike := _but_for_the_group(one)) is not None and first.setdefault(alike, one) is not one:
            yield first[alike], one, GROUPS


def _but_for_the_group(place: Place) -> tuple[str, ...] | None:
    """What two cells have in common that differ only in the group of people; None: a cell of no group."""
    if not terms.group(place.perturbation):
        return None
    _, _, others = place.perturbation.partition(", ")
    return terms.bare(place.perturbation), others, place.prompting, place.language


def _gap(resampled: Resampled, cells: Mapping[str, Cell], a: Place, b: Place, factor: Factor) -> Gap:
    bounds = [f"{cells[one.arm].arm}: {cells[one.arm].bound_why}" for one in (a, b) if cells[one.arm].bound is not None]
    words = b.perturbation if factor in ("perturbation", GROUPS) else CLEAN
    kind = None if words == CLEAN else test_type(words)
    return Gap(
        target=a.target,
        factor=factor,
        a=a.arm,
        b=b.arm,
        differences={metric: difference(resampled, a.arm, b.arm, metric) for metric in METRICS},
        drop_rate=drop_rate(resampled, a.arm, b.arm),
        flipped=flipped(resampled, a.arm, b.arm),
        test_type=kind,
        interpretable=not bounds,
        why="; ".join(bounds),
        followed=followed(resampled, a.arm, b.arm) if kind == "DIR" else None,
    )


def difference(resampled: Resampled, a: str, b: str, metric: str) -> Comparison:
    """b − a on what both met; unpaired where two languages share no case."""
    found = between(resampled, a, b, metric)
    first, second = (resampled.observed(name, metric) for name in (a, b))
    if found.difference.value is not None or first is None or second is None or not (first.n and second.n):
        return found
    if not _strangers(resampled, a, b) or any(resampled.point(name, metric) is None for name in (a, b)):
        return found
    drawn = resampled.of_items(a, metric), resampled.of_items(b, metric)
    unpaired = by_draws(a, b, metric, (first, second), drawn, min(first.n, second.n))
    note = "not paired: the two share no case"
    return replace(unpaired, difference=replace(unpaired.difference, note=note), method=f"{unpaired.method}; {note}")


def _strangers(resampled: Resampled, a: str, b: str) -> bool:
    """Whether two cells have nothing in common to be paired by."""
    return not len(np.intersect1d(resampled.table[a].cluster, resampled.table[b].cluster))


# ------------------------------------------------------------------------------------------------------- drop, flips


def drop_rate(resampled: Resampled, a: str, b: str) -> Estimate:
    """1 − accuracy(b) / accuracy(a) on what both met; below 0 where b is better."""
    seen = [resampled.observed(name, "accuracy") for name in (a, b)]
    if seen[0] is None or seen[1] is None or not (seen[0].n and seen[1].n):
        return Estimate.absent("no answer was judged")
    one, two = seen[0], seen[1]
    if not _strangers(resampled, a, b):
        one, two = common_part(one, two, resampled.weights.shape[1])
    points = one.point(), two.point()
    if not points[0] or points[1] is None:
        return Estimate.absent(
            "nothing is right in the cell it is held against" if one.n else "no item was met by both"
        )
    value = 1 - points[1] / points[0]
    if (table := right_and_wrong(one, two)) is not None:
        low, high, method = _drop_by_pairs(table, one, two)
        return Estimate(value, low, high, one.n, method)
    ratio = np.divide(two.draws(resampled.weights), drawn := one.draws(resampled.weights),
                      out=np.full(len(resampled.weights), np.nan), where=drawn > 0)  # fmt: skip
    least, most = bootstrap.interval(1 - ratio, min(one.clusters, two.clusters)) or (None, None)
    return Estimate(value, least, most, min(one.n, two.n), "joint bootstrap")


def _drop_by_pairs(table: tuple[int, int, int], one: Observed, two: Observed) -> tuple[float, float, str]:
    only_b, only_a, _ = table
    both = float(two.above.sum()) - only_b
    errors = [float(each.above.std()) / math.sqrt(each.n) for each in (one, two)]
    inflation = max(1.0, spread_of_difference(one, two, (errors[0], errors[1])).inflation())
    low, high = paired.ratio(both / inflation, only_b / inflation, only_a / inflation)
    return 1 - high, 1 - low, "Bonett–Price, ratio of paired shares"


def flipped(resampled: Resampled, a: str, b: str) -> Estimate:
    """Share of answers that are understood differently in the two cells; lost answers are left out."""
    one, two = resampled.table[a], resampled.table[b]
    same_items = bool(len(np.intersect1d(one.item, two.item)))
    labelled = any(label is not None for label in (*one.understood, *two.understood))
    if not same_items and not labelled and len(one.records) and len(two.records):
        return Estimate.absent("answers in two languages are not compared word for word")
    pairs = side_by_side(one, two, by="item" if same_items else "cluster")
    said = [understood(arm) for arm in (one, two)]
    both = [
        (first, second)
        for first, second in zip(*(rows.tolist() for rows in pairs.at), strict=True)
        if said[0][first] is not None and said[1][second] is not None
    ]
    if not both:
        return Estimate.absent("no item was answered in both")
    changed = np.array([said[0][first] != said[1][second] for first, second in both], dtype=float)
    member = one.cluster[[first for first, _ in both]]
    found = rate(Observed("accuracy", member, changed, np.ones(len(both))), resampled.weights)
    note = None if labelled else "compared word for word"
    if (own := _own_flips(resampled, a)) is not None:
        note = "; ".join(filter(None, (note, f"{percent(own)} differ between two repeats of {a} itself")))
    return replace(found, note=note)


def followed(resampled: Resampled, a: str, b: str) -> Estimate:
    """Share right in ``b`` of the answers right in ``a``, among the items whose words are other ones in ``b``.

    CheckList's 1 − failure rate of a directional test, on those who pass the unchanged form. Items that have nothing to
    change are no test, and left out.
    """
    if resampled.run.plan.texts != "keep":
        return Estimate.absent("the words sent are not kept, so that nobody can tell which items were changed")
    pairs = side_by_side(resampled.table[a], resampled.table[b])
    before, after = pairs.of("value")
    sides = zip((pairs.edge, pairs.cloud), pairs.at, strict=True)
    words = [[_sent(arm.records[row]) for row in rows.tolist()] for arm, rows in sides]
    changed = np.array([None not in both and both[0] != both[1] for both in zip(*words, strict=True)], dtype=bool)
    of = changed & pairs.judged & (before >= WHOLE)
    if not of.any():
        kept = any(None not in both for both in zip(*words, strict=True))
        none = "nothing that was changed was right before" if changed.any() else "no item was changed"
        return Estimate.absent(none if kept else "no request is kept, so that nobody can tell which items were changed")
    right = (after[of] >= WHOLE).astype(float)
    found = rate(Observed("accuracy", pairs.member[of], right, np.ones(len(right))), resampled.weights)
    return replace(found, note=f"of {int(changed.sum())} changed items those right before")


def _sent(record: Record) -> str | None:
    """The user's own words as they were sent; None where no request of the record is kept."""
    return next((call.request.text for call in record.calls if call.request is not None), None)


def _own_flips(resampled: Resampled, name: str) -> float | None:
    """Share of answers that differ between the first two times an item was asked: no perturbation is needed for it."""
    arm = resampled.table[name]
    said = understood(arm)
    by_item: dict[int, list[str]] = {}
    for item, answer in zip(arm.item.tolist(), said, strict=True):
        if answer is not None:
            by_item.setdefault(item, []).append(answer)
    twice = [answers[0] != answers[1] for answers in by_item.values() if len(answers) > 1]
    return float(np.mean(twice)) if twice else None


# ------------------------------------------------------------------------------------------------------- many at once


def _corrected(found: Sequence[Gap]) -> tuple[Gap, ...]:
    """P-values by Holm over all gaps of one factor and metric."""
    out = list(found)
    for factor in dict.fromkeys(one.factor for one in found):
        mine = [place for place, one in enumerate(found) if one.factor == factor]
        for metric in METRICS:
            corrected = family([found[place].differences[metric] for place in mine])
            for place, comparison in zip(mine, corrected, strict=True):
                out[place] = replace(out[place], differences={**out[place].differences, metric: comparison})
    return tuple(out)
