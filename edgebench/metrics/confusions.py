"""Which wrong answer is given where, and whether the same mistake comes again: systematic and random errors.

With two or more answers to an item, an error is *systematic* when all of them are wrong in the same way, and *random*
when the item is answered right at other times, or wrong in other ways. One answer cannot tell the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgebench.metrics.gravity import references
from edgebench.metrics.modes import wrong
from edgebench.metrics.observed import Observed
from edgebench.metrics.quality import rate
from edgebench.metrics.table import ArmColumns, Flags
from edgebench.metrics.understood import understood
from edgebench.records import Confusion, Estimate, Item, Repeatability, Run
from edgebench.stats import bootstrap

ONCE = "every item was asked once: with repeats: 2 or more the same mistake made twice can be told from a slip"


def confusions(run: Run, arm: ArmColumns) -> Iterator[Confusion]:
    """Each reference answered by each wrong label, the commonest first; nothing where answers are no labels.

    Nor where another answer than the reference was right: a record does not say which.
    """
    if arm.redirected:
        return
    named = {item.digest: one for item in run.workload.items if (one := _label(run, item)) is not None}
    labels = {*run.workload.task.choices, *named.values()}
    places: dict[tuple[str, str], list[int]] = {}
    for place in np.flatnonzero(wrong(arm)).tolist():
        reference, answer = named.get(arm.records[place].item_digest), arm.understood[place]
        if reference is not None and answer is not None and (answer in labels or _is_letter(answer)):
            places.setdefault((reference, answer), []).append(place)
    judged = _judged_times(arm)
    for (reference, answer), at in sorted(places.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        items, times = np.unique(arm.item[at], return_counts=True)
        again = [item for item, n in zip(items.tolist(), times.tolist(), strict=True) if n == judged[item] > 1]
        gravest = int(arm.gravity.level[at].max())
        yield Confusion(arm.arm, reference, answer, len(at), len(items), len(again), gravest or None)


def _label(run: Run, item: Item) -> str | None:
    """The reference as the label (or the letter) it is."""
    right, choices = references(item), run.workload.task.choices
    if not right or (item.choices and item.choices != choices):
        return right[0] if right and _is_letter(right[0]) else None
    return right[0] if choices and right[0] in choices else None


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text.isalpha()


def _judged_times(arm: ArmColumns) -> Mapping[int, int]:
    items, times = np.unique(arm.item[np.isfinite(arm.value)], return_counts=True)
    return dict(zip(items.tolist(), times.tolist(), strict=True))


def repeatability(arms: Sequence[ArmColumns], weights: bootstrap.Counts) -> tuple[Repeatability, ...]:
    """Of every arm that was asked again; where none was, of every arm that there is nothing to tell."""
    found = [_repeatability(arm, weights) for arm in arms]
    again = tuple(one for one in found if one.why_absent is None)
    return again or tuple(found)


def _repeatability(arm: ArmColumns, weights: bootstrap.Counts) -> Repeatability:
    times = _judged_times(arm)
    repeats = max(times.values(), default=0)
    if repeats < 2:
        why = ONCE if repeats else "no answer was judged"
        return Repeatability(arm.arm, repeats, Estimate.absent(why), Estimate.absent(why), why)
    said, bad = understood(arm), wrong(arm)
    by_item: dict[int, list[int]] = {}
    for place in np.flatnonzero(np.isfinite(arm.value)).tolist():
        by_item.setdefault(int(arm.item[place]), []).append(place)
    asked = {item: at for item, at in by_item.items() if len(at) > 1}
    same = np.array(
        [bool(bad[at].all()) and len({said[place] for place in at}) == 1 for at in asked.values()], dtype=bool
    )
    some = np.array([bool(bad[at].any()) for at in asked.values()], dtype=bool)
    member = np.array([arm.cluster[at[0]] for at in asked.values()], dtype=np.int64)
    return Repeatability(arm.arm, repeats, _share(same, member, weights), _share(some & ~same, member, weights))


def _share(of: Flags, member: np.ndarray[tuple[int], np.dtype[np.int64]], weights: bootstrap.Counts) -> Estimate:
    return rate(Observed("accuracy", member, of.astype(float), np.ones(len(of))), weights)
