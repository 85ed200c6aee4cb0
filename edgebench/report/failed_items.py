"""Examples of wrong answers: what was asked, what was said, what would have been right, what kind of wrong it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebench.decide import terms
from edgebench.errors import UsageError
from edgebench.metrics.beside import HAND, MODE, TAXONOMY, first_scorer, scores_by
from edgebench.metrics.modes import CONFIDENT
from edgebench.records import Item, ModeCount, Record, Run, Trial, redirects
from edgebench.report.cells import Studied
from edgebench.report.looks import Look
from edgebench.workloads.perturbations import as_asked, chain

MOST, FIRST = 40, 4
UNKNOWN = "another one than the item's: only the changed message would tell, and it is not here"


@dataclass(frozen=True, slots=True)
class Failed:
    """A wrong answer as shown. ``kind`` and ``who`` are numbers for the filter."""

    id: str  # the record's
    item: str
    asked: object  # the words sent, or the item's own input
    reference: object
    answer: str
    word: str  # the kind, in words
    stakes: int | None
    noise: str  # what the message went through, in words
    look: Look | None
    name: str
    kind: str
    who: str


@dataclass(frozen=True, slots=True)
class Examples:
    """Wrong answers with what they can be filtered by."""

    shown: tuple[Failed, ...]
    kinds: tuple[str, ...]  # in words, by number
    targets: tuple[str, ...]


def examples(run: Run, given: Studied) -> Examples:
    """The study's examples, gravest first, each kind and target having its turn; none where texts are not kept."""
    records = {record.id: record for record in run.records}
    items = {item.digest: item for item in run.workload.items}
    trials = {trial.id: trial for trial in run.trials}
    kinds = list(dict.fromkeys(terms.mode(one.mode).words for one in _kinds(given) if one.examples))
    targets = list(given.targets)
    found: dict[str, tuple[tuple[int, int], Failed]] = {}
    for one in _kinds(given):
        for turn, record_id in enumerate(one.examples):
            record = records.get(record_id)
            item = items.get(record.item_digest) if record else None
            if record is not None and item is not None and record_id not in found:
                trial = trials.get(record.trial_id)
                arm, right = (trial.arm, _right(run, trial, item)) if trial else (one.arm, item.reference)
                made = _failed(given, one, record, replace(item, reference=right), arm, kinds, targets)
                found[record_id] = (turn, -(item.stakes or 0)), made
    ranked = [made for _, made in sorted(found.values(), key=lambda pair: pair[0])][:MOST]
    return Examples(tuple(_apart(ranked)), tuple(kinds), tuple(targets))


def _right(run: Run, trial: Trial, item: Item) -> object:
    """What was right where the trial put the item: the reference, or what its perturbation made of it."""
    if not redirects(trial.perturbation):
        return item.reference
    try:
        form = as_asked(item, chain(trial.perturbations), run.plan.seeds.perturbations)
    except UsageError:  # a plug-in that was there for the run and is not here
        form = None
    return UNKNOWN if form is None else form.reference


def _apart(ranked: Sequence[Failed]) -> list[Failed]:
    """Gravest first; of equally grave ones those whose message has not been shown yet."""
    times: Counter[str] = Counter()
    seen = []
    for made in sorted(ranked, key=lambda made: -(made.stakes or 0)):
        seen.append((-(made.stakes or 0), times[made.item], made))
        times[made.item] += 1
    return [made for _, _, made in sorted(seen, key=lambda entry: entry[:2])]


def _kinds(given: Studied) -> list[ModeCount]:
    """Every kind, but for the one that is said beside the others, of the same answers."""
    return [one for one in given.study.modes if one.mode != CONFIDENT]


def _failed(
    given: Studied, one: ModeCount, record: Record, item: Item, arm: str, kinds: list[str], targets: list[str]
) -> Failed:
    cell = given.cells.get(arm)
    target = cell.target if cell else arm.partition(" · ")[0]
    word = terms.mode(one.mode).words
    return Failed(
        id=record.id,
        item=item.id,
        asked=_asked(record) or item.input,
        reference=item.reference,
        answer=(record.answer.text if record.answer else "").strip(),
        word=word,
        stakes=item.stakes,
        noise=given.asked(cell) if cell else "",
        look=given.looks.get(arm),
        name=arm if arm in given.arms else f"{target} · {cell.prompting}" if cell else arm,
        kind=str(kinds.index(word)),
        who=str(targets.index(target)) if target in targets else "",
    )


def _asked(record: Record) -> str:
    """The user's words as they were sent, which a perturbation may have changed."""
    return next((call.request.text for call in record.calls if call.request is not None), "")


def of_record(run: Run) -> Mapping[str, str]:
    """Record id → the kind of its wrong answer: as a person labelled it, else as a taxonomy or the rules have it.

    A lost answer's kind is its failure; what is held to be right has none.
    """
    first = first_scorer(run)
    right = {one.record_id for one in run.scores if one.scorer == first and (one.value or 0.0) >= 1}
    told: dict[str, str] = {}
    for by in (scores_by(run, names=(MODE,)), scores_by(run, names=(TAXONOMY,)), scores_by(run, beginning=HAND)):
        told |= {record_id: score.label for record_id, score in by.items() if score.label and record_id not in right}
    return told
