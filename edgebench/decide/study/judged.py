"""What judges said: one note for each judge and cell (or pair of cells), before anybody has held it against people.

The raw verdicts of a judged answer are scores of its record: ``judge:NAME/1``, or ``judge:NAME vs B/ab/1`` of a pair
shown in that order. What judging takes and costs is in the judge's own trials, and never counted with the answers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from edgebench.decide.resampled import Resampled
from edgebench.metrics.beside import JUDGE
from edgebench.metrics.observed import Observed
from edgebench.metrics.quality import rate
from edgebench.metrics.summary import cost
from edgebench.metrics.table import ArmColumns, judge_columns
from edgebench.records import Estimate, JudgeNote, Run, Score
from edgebench.stats import bootstrap, clusters, quantiles

VERSUS = " vs "
UNREADABLE = "unreadable"
FIRST = {"ab": "a", "ba": "b"}  # order → the label of what stood first
MS = 1e6

Verdicts = Mapping[str, Sequence[tuple[str, Score]]]  # record → (suffix, raw verdict)


def judged(resampled: Resampled) -> tuple[JudgeNote, ...]:
    """A note for each judge's trials, in the order in which it judged."""
    run = resampled.run
    scores: dict[str, list[Score]] = {}
    for score in run.scores:
        if score.scorer.startswith(JUDGE):
            scores.setdefault(score.scorer.partition("/")[0], []).append(score)
    return tuple(_note(resampled, judge, scores) for judge in judge_columns(run).values())


def _note(resampled: Resampled, judge: ArmColumns, scores: Mapping[str, Sequence[Score]]) -> JudgeNote:
    name = judge.trials[0].judge
    arm, _, against = judge.trials[0].judges.partition(VERSUS)
    scorer = f"{JUDGE}{name}{VERSUS}{against}" if against else f"{JUDGE}{name}"
    of = resampled.table.get(arm)
    clusters_of = {} if of is None else dict(zip((one.id for one in of.records), of.cluster.tolist(), strict=True))
    mine = [score for score in scores.get(scorer, ()) if score.record_id in clusters_of]
    means = {score.record_id: score.value for score in mine if score.scorer == scorer and score.value is not None}
    raw: dict[str, list[tuple[str, Score]]] = {}
    for score in mine:
        if score.scorer != scorer:
            raw.setdefault(score.record_id, []).append((score.scorer.partition("/")[2], score))
    unreadable = sum(said.label == UNREADABLE for each in raw.values() for _, said in each)
    note = f"{unreadable} verdicts could not be read" if unreadable else None
    weights = resampled.weights
    return JudgeNote(
        judge=name,
        arm=arm,
        against=against or None,
        n=len(means),
        mean=_share(means, clusters_of, weights, "no verdict could be read", note),
        consistency=_consistency(raw, clusters_of, weights),
        position=_position(raw, clusters_of, weights) if against else None,
        p50_ms=_median(judge),
        usd_per_1k=cost(judge, weights),
        failures=sum(call.failure is not None for record in judge.records for call in record.calls),
    )


def _share(
    values: Mapping[str, float | bool],
    clusters_of: Mapping[str, int],
    weights: bootstrap.Counts,
    why: str,
    note: str | None = None,
) -> Estimate:
    """The mean of one value an answer, as a rate."""
    if not values:
        return Estimate.absent(why)
    member = np.array([clusters_of[record] for record in values], dtype=np.int64)
    found = np.array(list(values.values()), dtype=float)
    return rate(Observed("accuracy", member, found, np.ones(len(found))), weights, note)


def _consistency(raw: Verdicts, clusters_of: Mapping[str, int], weights: bootstrap.Counts) -> Estimate:
    """Of answers judged twice or more, and readably: the share on which all verdicts are the same."""
    agreed = {
        record: len({(said.value, said.label) for _, said in verdicts}) == 1
        for record, verdicts in raw.items()
        if len(verdicts) > 1 and any(said.label != UNREADABLE for _, said in verdicts)
    }
    return _share(agreed, clusters_of, weights, "no answer was judged twice")


def _position(raw: Verdicts, clusters_of: Mapping[str, int], weights: bootstrap.Counts) -> Estimate:
    """Share of readable verdicts for what stood first, a tie being half; 50 % is no preference."""
    first: dict[str, float] = {}
    for record, verdicts in raw.items():
        said = [
            0.5 if one.label == "tie" else float(one.label == FIRST.get(suffix.partition("/")[0]))
            for suffix, one in verdicts
            if one.label != UNREADABLE
        ]
        if said:
            first[record] = sum(said) / len(said)
    return _share(first, clusters_of, weights, "no verdict could be read")


def _median(judge: ArmColumns) -> Estimate:
    """Median time of one verdict."""
    took = [
        ((call.done_ns - call.due_ns) / MS, int(cluster))
        for record, cluster in zip(judge.records, judge.cluster, strict=True)
        for call in record.calls
        if call.failure is None and call.done_ns is not None
    ]
    if not took:
        return Estimate.absent("no verdict was given")
    times, member = np.array([one for one, _ in took]), np.array([one for _, one in took], dtype=np.int64)
    ordered = np.sort(times)
    low, high = quantiles.interval(ordered, 0.5, effective=clusters.effective_n(member, times))
    return Estimate(quantiles.point(ordered, 0.5), low, high, len(ordered), "order statistics, of single verdicts")


def notes(run: Run) -> Iterator[str]:
    """What must be said of judges in general, where there are any."""
    if any(trial.judges for trial in run.trials):
        yield "verdicts of judges are raw: nobody has held them against people's yet"
