"""Answers become Scores, after the clock has stopped; and again whenever a scorer has a new version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgebench.contracts import Scorer, Store
from edgebench.records import Run, Score, Workload
from edgebench.store.redaction import is_hashed
from edgebench.workloads.scorers import build


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
    fresh = list(judgements(run, scorers(run.workload), heard))
    store.add_scores(run.id, fresh)
    return len(fresh)


def judgements(run: Run, judges: list[Scorer], heard: Mapping[str, str]) -> Iterator[Score]:
    """The scores a run lacks: one for each answered record, scorer and version. Failures have none."""
    items = {item.digest: item for item in run.workload.items}
    known = {(score.record_id, score.scorer, score.version) for score in run.scores}
    for record in run.records:
        if record.answer is None:
            continue
        text = heard.get(record.id, record.answer.text)
        for judge in judges:
            if (record.id, judge.name, judge.version) in known:
                continue
            if is_hashed(text):  # unknown is not wrong
                yield Score(record.id, judge.name, judge.version, None, None, "the answer's text was not kept")
                continue
            said = judge(items[record.item_digest], run.workload.task, text)
            yield Score(record.id, judge.name, judge.version, said.value, said.label, said.explanation)
