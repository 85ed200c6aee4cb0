"""Kinds of failure: every wrong or lost answer has one, and the stakes it carries.

What a person said by hand stands above the user's own taxonomy, that above the rules (``records.MODES``); a lost answer
keeps the kind in which it was lost. Right and wrong are the first scorer's: an answer that is right has no kind.
``CONFIDENT`` is counted beside the others, of the same answers: it is no part of their sum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgebench.metrics import dear, harm
from edgebench.metrics.beside import HAND, MODE, TAXONOMY, scores_by
from edgebench.metrics.gravity import LEVELS, WHOLE
from edgebench.metrics.quality import share
from edgebench.metrics.table import ArmColumns, Flags, Floats
from edgebench.records import Estimate, ModeCount, Run, Score
from edgebench.stats import bootstrap

Source = Literal["rule", "taxonomy", "hand", "failure"]
CONFIDENT = "confidently_wrong"
UNKNOWN = "wrong"
EXAMPLES = 3


@dataclass(frozen=True)
class Labels:
    """Who said what kind an answer is of: record → its score."""

    rule: Mapping[str, Score]
    taxonomy: Mapping[str, Score]
    hand: Mapping[str, Score]


def labels(run: Run) -> Labels:
    """The kinds that rules, the taxonomy and people gave."""
    return Labels(scores_by(run, names=(MODE,)), scores_by(run, names=(TAXONOMY,)), scores_by(run, beginning=HAND))


def wrong(arm: ArmColumns) -> Flags:
    """Answers that were judged and are not wholly right; lost ones among them."""
    return np.isfinite(arm.value) & (arm.value < WHOLE)


def kinds(arm: ArmColumns, known: Labels) -> Sequence[tuple[str, Source] | None]:
    """One entry per record; None where it is right, or nobody judged it."""
    out: list[tuple[str, Source] | None] = []
    for record, lost, bad in zip(arm.records, arm.failed, wrong(arm), strict=True):
        if lost:
            out.append((record.failure.kind if record.failure else "empty", "failure"))
        else:
            out.append(_kind(record.id, known) if bad else None)
    return out


def _kind(record_id: str, known: Labels) -> tuple[str, Source]:
    by: tuple[tuple[Source, Mapping[str, Score]], ...] = (
        ("hand", known.hand), ("taxonomy", known.taxonomy), ("rule", known.rule),
    )  # fmt: skip
    for source, scores in by:
        score = scores.get(record_id)
        if score is not None and score.label:
            return score.label, source
    return UNKNOWN, "rule"


def confidences(arm: ArmColumns) -> Floats:
    """How sure each answer is said to be; NaN where it is not said, or there is none."""
    said = [None if record.answer is None else record.answer.confidence for record in arm.records]
    sure = np.array([np.nan if one is None else one for one in said], dtype=float)
    return np.where(arm.failed, np.nan, sure)


def counts(run: Run, arm: ArmColumns, known: Labels, weights: bootstrap.Counts) -> Iterator[ModeCount]:
    """Every kind that occurs in an arm, the commonest first; then those confidently wrong, of whatever kind."""
    found = kinds(arm, known)
    times = Counter(one for one in found if one is not None)
    for (mode, source), _ in sorted(times.items(), key=lambda pair: (-pair[1], pair[0])):
        of = np.array([one == (mode, source) for one in found], dtype=bool)
        yield _count(arm, mode, source, of, weights)
    sure = wrong(arm) & (confidences(arm) >= run.plan.confident)
    if sure.any():
        yield _count(arm, CONFIDENT, "rule", sure, weights)


def _count(arm: ArmColumns, mode: str, source: Source, of: Flags, weights: bootstrap.Counts) -> ModeCount:
    levels = arm.gravity.level[of]
    by_stakes = {str(level): int((levels == level).sum()) for level in LEVELS if (levels == level).any()}
    if unknown := int((levels == 0).sum()):
        by_stakes["?"] = unknown
    gravest = np.flatnonzero(of)[np.argsort(-levels, kind="stable")][:EXAMPLES]
    return ModeCount(
        arm=arm.arm,
        mode=mode,
        source=source,
        n=int(of.sum()),
        share=share(arm, np.isfinite(arm.value) | arm.failed, of.astype(float), weights),
        by_stakes=by_stakes,
        loss_per_1k=_loss(arm, of),
        examples=tuple(arm.records[place].id for place in gravest.tolist()),
    )


def _loss(arm: ArmColumns, of: Flags) -> Estimate:
    """The part of the arm's harm that answers of this kind carry."""
    weighed = np.isfinite(arm.harm)
    n = int(weighed.sum())
    if not n:
        return Estimate.absent("what is at stake is not declared")
    ways = harm.ways(arm, weighed, of)
    point = float(sum(way.size * way.amount.sum() for way in ways)) / n
    below, above = dear.recovered(ways, np.zeros(n), len(np.unique(arm.cluster[weighed])) / n)
    return Estimate(point, max(0.0, point - below), point + above, n, dear.METHOD, provenance="declared")


# ------------------------------------------------------------------------------------------------------- what is odd


def remarks(run: Run, arms: Sequence[ArmColumns], known: Labels) -> Iterator[str]:
    """What a reader of the kinds should know: a taxonomy that matches nothing, or twice; people who disagree."""
    records = {record.id: right for arm in arms for record, right in zip(arm.records, arm.value, strict=True)}
    matched = Counter(score.label for score in known.taxonomy.values() if score.label)
    if idle := [kind for kind in _declared(run) if kind not in matched]:
        yield f"the taxonomy's {_named(idle)} matched no wrong answer"
    twice = [score for score in known.taxonomy.values() if score.label and "also:" in (score.explanation or "")]
    if twice:
        which = f"the first one counts (such as {twice[0].record_id})"
        yield f"{len(twice)} answers match two kinds of the taxonomy; {which}"
    against = [one for one, score in known.hand.items() if score.label and records.get(one, 0.0) >= 1]
    if against:
        yield (
            f"{len(against)} answers that the scorer holds to be right have a kind of failure by hand; they count as "
            f"right (such as {against[0]})"
        )
    unruled = sum(1 for arm in arms for kind in kinds(arm, known) if kind == (UNKNOWN, "rule"))
    if unruled and not known.rule:
        yield "kinds of wrong answers are not told apart yet: edgebench score"


def _declared(run: Run) -> Sequence[str]:
    """Names of the kinds of the user's taxonomy."""
    for spec in run.workload.scorers:
        if spec.name == TAXONOMY:
            given = spec.options.get("kinds") or ()
            return [str(one.get("name")) if isinstance(one, Mapping) else str(one) for one in given]
    return ()


def _named(kinds: Sequence[str]) -> str:
    words = ", ".join(repr(kind) for kind in kinds[:4]) + (f" and {len(kinds) - 4} more" if len(kinds) > 4 else "")
    return f"{'kind' if len(kinds) == 1 else 'kinds'} {words}"
