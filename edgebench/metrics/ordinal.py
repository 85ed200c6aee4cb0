"""Agreement on an ordered scale: how often an answer gives the reference's level, or one beside it; and the kappa.

The levels are those of the scorer "ordinal", or the task's labels in their order; what was understood of an answer is
that scorer's label. Answers in which it understood no level are left out here, and said; in the accuracy they are
wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edgebench.metrics.beside import scores_by
from edgebench.metrics.gravity import references
from edgebench.metrics.table import ArmColumns
from edgebench.records import Estimate, Item, Ordinal, Run, Score
from edgebench.stats import agreement

SCORER = "ordinal"


def ordinal(run: Run, arms: Sequence[ArmColumns]) -> tuple[Ordinal, ...]:
    """One entry for each arm with ordinal scores; none without that scorer."""
    scores, levels = scores_by(run, names=(SCORER,)), _levels(run)
    items = {item.digest: item for item in run.workload.items}
    found = [_of_arm(arm, scores, levels, items) for arm in arms] if scores and len(levels) > 1 else []
    return tuple(one for one in found if one is not None)


def _levels(run: Run) -> tuple[str, ...]:
    """The scale, from the lowest level to the highest."""
    spec = next((one for one in run.workload.scorers if one.name == SCORER), None)
    given = (spec.options.get("levels") if spec else None) or run.workload.task.choices
    return tuple(str(level).strip() for level in given)


def _of_arm(
    arm: ArmColumns, scores: Mapping[str, Score], levels: tuple[str, ...], items: Mapping[str, Item]
) -> Ordinal | None:
    if arm.redirected and any(record.id in scores for record in arm.records):
        absent = Estimate.absent("another level than the reference's is right here")
        return Ordinal(arm=arm.arm, scorer=SCORER, n=0, exact=absent, adjacent=absent, kappa=absent)
    pairs: list[tuple[int, int, int]] = []
    unread = 0
    for record, cluster in zip(arm.records, arm.cluster.tolist(), strict=True):
        score, item = scores.get(record.id), items.get(record.item_digest)
        if score is None or score.value is None or item is None:
            continue
        wanted = [place for one in references(item) if (place := level_of(one, levels)) is not None]
        said = level_of(score.label or "", levels)
        if said is None:
            unread += 1
        elif wanted:
            pairs.append((said, min(wanted, key=lambda place: abs(place - said)), cluster))
    if not pairs:
        return None
    said_, wanted_, member = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    note = f"{unread} answers gave no level" if unread else None
    n = len(pairs)
    kappa = agreement.kappa(said_, wanted_, member)
    return Ordinal(
        arm=arm.arm,
        scorer=SCORER,
        n=n,
        exact=_shown(agreement.exact(said_, wanted_, member), n, "Wilson", note),
        adjacent=_shown(agreement.adjacent(said_, wanted_, member), n, "Wilson", note),
        kappa=Estimate.absent("one and the same level throughout: nothing could be agreed about", n=n)
        if kappa is None
        else _shown(kappa, n, "quadratic weighted, delta method on Fisher's z", note),
    )


def level_of(text: str, levels: Sequence[str]) -> int | None:
    """The place of a level on the scale, as it is written or as the number it is; None: it is none of them."""
    plain = text.strip().casefold()
    written = [level.casefold() for level in levels]
    if plain in written:
        return written.index(plain)
    number = _number(plain)
    same = [place for place, level in enumerate(written) if number is not None and _number(level) == number]
    return same[0] if len(same) == 1 else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _shown(found: agreement.Interval, n: int, method: str, note: str | None) -> Estimate:
    value, low, high = found
    return Estimate(value, low, high, n, method, note=note)
