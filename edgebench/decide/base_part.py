"""The base part of a run: the work as it is, in its own language. What decisions are made on.

Cells on perturbed texts or in other languages say what could go wrong (``study``); a judge's verdicts are about answers
and are none. Neither may move a front, an SLO or a recommendation.
"""

from __future__ import annotations

from dataclasses import replace

from edgebench.records import Run


def base_part(run: Run) -> Run:
    """The run as if its base cells were all there is; the same object where they are."""
    kept = tuple(trial for trial in run.trials if trial.base)
    if len(kept) == len(run.trials):
        return run
    trials = {trial.id for trial in kept}
    records = tuple(record for record in run.records if record.trial_id in trials)
    met = {digest for trial in kept for digest in trial.item_digests} | {record.item_digest for record in records}
    answered = {record.id for record in records}
    return replace(
        run,
        workload=replace(run.workload, items=tuple(item for item in run.workload.items if item.digest in met)),
        trials=kept,
        records=records,
        readings=tuple(reading for reading in run.readings if reading.trial_id in trials),
        scores=tuple(score for score in run.scores if score.record_id in answered),
    )
