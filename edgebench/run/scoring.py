"""Answers become Scores, after the clock has stopped; and again whenever a scorer has a new version.

Beside the workload's own scorers every wrong answer gets its failure mode (``mode``), and every verdict of a judge
becomes a score of the answer it judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from edgebench.contracts import Perturbation, Scorer, Store
from edgebench.records import Item, Judgement, Record, Run, Score, Trial, Workload
from edgebench.run.judging import judge_scores
from edgebench.store.redaction import is_hashed
from edgebench.workloads.perturbations import as_asked, chain
from edgebench.workloads.scorers import Taxonomy, build, mode_of, mode_version
from edgebench.workloads.scorers.modes import MODE

NOT_KEPT = "the answer's text was not kept"
NOT_TOLD = "the message was not kept, and what is right of its changed form only it would tell"


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
    scoring = _Scoring(run, judges)
    trials = {trial.id: trial for trial in run.trials}
    for record in run.records:
        if record.answer is not None and not trials[record.trial_id].judges:
            text = heard.get(record.id, record.answer.text)
            yield from scoring.of(record, scoring.asked(record, trials[record.trial_id]), text)


class _Scoring:
    """The scorers of a run, and what is known already."""

    def __init__(self, run: Run, judges: Sequence[Scorer]) -> None:
        self._task, self._judges, self._seed = run.workload.task, judges, run.plan.seeds.perturbations
        self._items = {item.digest: item for item in run.workload.items}
        self._noises: dict[str, Perturbation] = {}
        self._known = {(score.record_id, score.scorer, score.version): score for score in run.scores}
        self._moded = {score.record_id for score in run.scores if score.scorer == MODE and score.label is not None}

    def asked(self, record: Record, trial: Trial) -> Item | None:
        """The item as the target met it: a quote is held against the text it was taken from. None: nobody knows."""
        item = self._items[record.item_digest]
        if not trial.perturbations:
            return item
        noise = self._noises.setdefault(trial.perturbation, chain(trial.perturbations))
        return as_asked(item, noise, self._seed)

    def of(self, record: Record, item: Item | None, text: str) -> Iterator[Score]:
        """The scores one answer lacks. What the first scorer says decides in which way a wrong one is wrong."""
        first: Judgement | None = None
        for judge in self._judges:
            sorts = isinstance(judge, Taxonomy) and first is not None
            version = f"{judge.version}, {mode_version(self._judges[0])}" if sorts else judge.version
            there = self._known.get((record.id, judge.name, version))
            if there is not None:
                said = Judgement(there.value, there.label, there.explanation)
            elif is_hashed(text):  # unknown is not wrong
                said = Judgement(None, None, NOT_KEPT)
            elif item is None:
                said = Judgement(None, None, NOT_TOLD)
            elif isinstance(judge, Taxonomy) and first is not None:
                said = judge.sort(item, self._task, text, first, _ended(record))
            else:
                said = judge(item, self._task, text)
            if there is None:
                yield Score(record.id, judge.name, version, said.value, said.label, said.explanation)
            first = first or said
        if first is not None and item is not None and not is_hashed(text):
            yield from self._mode(record, item, text, first)

    def _mode(self, record: Record, item: Item, text: str, first: Judgement) -> Iterator[Score]:
        """What is right has no failure mode; one that a former scorer gave it is taken back."""
        version = mode_version(self._judges[0])
        if (record.id, MODE, version) not in self._known:
            label, words = mode_of(item, self._task, text, first, _ended(record))
            if label is not None or record.id in self._moded:
                yield Score(record.id, MODE, version, None, label, words or None)


def _ended(record: Record) -> str | None:
    """How the call that was served ended: "stop", "length", …"""
    return record.served.finish_reason if record.served else None
