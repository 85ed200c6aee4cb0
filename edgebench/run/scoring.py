"""Answers become Scores, after the clock has stopped; and again whenever a scorer has a new version.

Beside the workload's own scorers every wrong answer gets its failure mode (``mode``), and every verdict of a judge
becomes a score of the answer it judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edgebench.contracts import Scorer, Store
from edgebench.records import Item, Judgement, Record, Run, Score, Task, Workload
from edgebench.run.judging import judge_scores
from edgebench.store.redaction import is_hashed
from edgebench.workloads.scorers import Taxonomy, build, mode_of, mode_version
from edgebench.workloads.scorers.modes import MODE

NOT_KEPT = "the answer's text was not kept"


def scorers(workload: Workload) -> list[Scorer]:
    """The workload's scorers, built from their names and options."""
    return [build(spec) for spec in workload.scorers]


def score_run(store: Store, run_id: str, *, heard: Mapping[str, str] | None = None) -> int:
    """Score every answered record that lacks a score of the present version; return how many scores were added.

    ``heard``: record id → the answer as it was given, for runs whose stored texts are redacted or hashed.
    """
    return score(store, store.load(run_id), heard or {})


def score(store: Store, run: Run, heard: Mapping[str, str]) -> int:
    """The same of a run that is already read."""
    fresh = [*judgements(run, scorers(run.workload), heard), *judge_scores(run)]
    store.add_scores(run.id, fresh)
    return len(fresh)


def judgements(run: Run, judges: list[Scorer], heard: Mapping[str, str]) -> Iterator[Score]:
    """The scores a run lacks: one for each answered record, scorer and version. Failures and verdicts have none."""
    items = {item.digest: item for item in run.workload.items}
    known = {(score.record_id, score.scorer, score.version): score for score in run.scores}
    verdicts = {trial.id for trial in run.trials if trial.judges}
    for record in run.records:
        if record.answer is not None and record.trial_id not in verdicts:
            text = heard.get(record.id, record.answer.text)
            yield from _of_record(record, items[record.item_digest], run.workload.task, text, judges, known)


def _of_record(
    record: Record,
    item: Item,
    task: Task,
    text: str,
    judges: Sequence[Scorer],
    known: Mapping[tuple[str, str, str], Score],
) -> Iterator[Score]:
    """The scores one answer lacks. What the first scorer says decides in which way a wrong one is wrong."""
    first: Judgement | None = None
    for judge in judges:
        there = known.get((record.id, judge.name, judge.version))
        if there is not None:
            said = Judgement(there.value, there.label, there.explanation)
        elif is_hashed(text):  # unknown is not wrong
            said = Judgement(None, None, NOT_KEPT)
        elif isinstance(judge, Taxonomy) and first is not None:
            said = judge.sort(item, task, text, first, _ended(record))
        else:
            said = judge(item, task, text)
        if there is None:
            yield Score(record.id, judge.name, judge.version, said.value, said.label, said.explanation)
        first = first or said
    if first is None or is_hashed(text):
        return
    version = mode_version(judges[0])
    if (record.id, MODE, version) not in known:
        label, words = mode_of(item, task, text, first, _ended(record))
        if label is not None:  # what is right has no failure mode
            yield Score(record.id, MODE, version, None, label, words or None)


def _ended(record: Record) -> str | None:
    """How the call that was served ended: "stop", "length", …"""
    return record.served.finish_reason if record.served else None
