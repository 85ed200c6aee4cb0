"""The runs of one rate judged together: every SLO by its exact verdict, and whether the target kept up at all. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgebench.decide.slo import verdict
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import ArmColumns, Floats, columns
from edgebench.metrics.verdict import invalid
from edgebench.records import SLO, Run
from edgebench.run.sweep import Point, Verdict
from edgebench.stats import quantiles

DRAWS = 200  # bootstrap draws: the verdicts on times are counted, not drawn
BEHIND = 0.10  # share of the arrivals of a point's second half that may be left unanswered at its end
FEW_BEHIND = 10  # requests; fewer are a matter of chance
ORDER: tuple[Verdict, ...] = ("missed", "undecided", "met")


@dataclass(frozen=True, slots=True)
class Taken:
    """One run at one rate."""

    run: Run
    certain: str | None  # why it ended early, certain to miss an SLO, if it did
    invalid: str | None  # why it cannot be trusted, if it cannot


def taken(run: Run, certain: str | None = None) -> Taken:
    """A run with its own verdict on itself."""
    return Taken(run, certain, next(invalid(run, columns(run)), None))


def judged(rate: float, runs: Sequence[Taken], slos: Sequence[SLO]) -> Point:
    """What all runs at one rate say together. A run that is INVALID is left out; where every one is, so is the point.

    A point is met only when every SLO is, and never when requests came faster than they ended.
    """
    valid = [one for one in runs if one.invalid is None]
    whole = pooled([one.run for one in valid or runs[-1:]])
    table = columns(whole)
    summary = summarise(whole, draws=DRAWS, table=table)
    found, arm = summary.arms[0], table[summary.arms[0].arm]
    each = tuple(
        (slo.metric, one.verdict, one.why) for slo in slos for one in [verdict(slo, arm, found.estimates[slo.metric])]
    )
    word: Verdict
    word, why = min(((word, why) for _, word, why in each), key=lambda pair: ORDER.index(pair[0]))
    certain = next((one.certain for one in valid if one.certain), None)
    behind = fell_behind([one.run for one in valid])
    if not valid:
        word, why = "invalid", runs[-1].invalid or ""
    elif word != "missed" and (certain or behind):
        word, why = "missed", certain or behind or ""
    return Point(
        rate=rate,
        verdict=word,
        why=why,
        n=int(arm.steady.sum()),
        delivered=delivered(whole),
        estimates={name: found.estimates[name] for name in ("p50_ms", "p95_ms", *(slo.metric for slo in slos))},
        lag_p99_ms=_p99(arm),
        slos=each,
        runs=tuple(one.run.id for one in runs),
    )


def pooled(runs: Sequence[Run]) -> Run:
    """Runs of the same plan as one, each of them a block of its own. Names of trials and records are made distinct."""
    if len(runs) == 1:
        return runs[0]
    renamed = [_renamed(run, place) for place, run in enumerate(runs)]
    return replace(
        renamed[0],
        trials=tuple(trial for run in renamed for trial in run.trials),
        segments=tuple(segment for run in renamed for segment in run.segments),
        records=tuple(record for run in renamed for record in run.records),
        readings=tuple(reading for run in renamed for reading in run.readings),
        scores=tuple(score for run in renamed for score in run.scores),
    )


def _renamed(run: Run, block: int) -> Run:
    def new(name: str) -> str:
        return f"{block}:{name}"

    return replace(
        run,
        trials=tuple(replace(one, id=new(one.id), block=block, order=block) for one in run.trials),
        records=tuple(replace(one, id=new(one.id), trial_id=new(one.trial_id)) for one in run.records),
        readings=tuple(replace(one, trial_id=new(one.trial_id)) for one in run.readings),
        scores=tuple(replace(one, record_id=new(one.record_id)) for one in run.scores),
    )


def _p99(arm: ArmColumns) -> float | None:
    lags = arm.client_lag_ms[arm.steady & np.isfinite(arm.client_lag_ms)]
    return quantiles.point(np.sort(lags), 0.99) if len(lags) else None


def _edges(run: Run) -> tuple[Floats, Floats]:
    """When each request after the cold one was due and when it ended (answered or failed), in seconds, by due."""
    rows = [
        (one.due_ns / 1e9, (one.done_ns or max(call.end_ns or one.due_ns for call in one.calls)) / 1e9)
        for one in run.records
        if not one.cold and one.calls
    ]
    due, end = np.array(sorted(rows), dtype=float).reshape(len(rows), 2).T
    return due, end


def delivered(run: Run) -> float | None:
    """Requests ended a second, from the first one due to the last one ended; over several trials, in each of them."""
    seconds, ended = 0.0, 0
    for trial in run.trials:
        due, end = _edges(replace(run, records=tuple(one for one in run.records if one.trial_id == trial.id)))
        if len(due) > 1:
            seconds, ended = seconds + float(end.max() - due[0]), ended + len(due)
    return ended / seconds if seconds > 0 else None


def fell_behind(runs: Sequence[Run]) -> str | None:
    """Why a target is in overload although no SLO says so yet: in the second half fewer requests ended than came.

    A short point may end before its queue has grown to the limit; at a rate it can bear, as many end as come.
    """
    arrived = left = 0
    for run in runs:
        due, end = _edges(run)
        if len(due) < 2:
            continue
        middle, last = (due[0] + due[-1]) / 2, due[-1]
        arrived += int(((due > middle) & (due <= last)).sum())
        left += int(((due > middle) & (due <= last)).sum()) - int(((end > middle) & (end <= last)).sum())
    if left <= max(FEW_BEHIND, BEHIND * arrived):
        return None
    return (
        f"of {arrived} requests that came in the second half {left} more came than ended: the queue grows without end"
    )
