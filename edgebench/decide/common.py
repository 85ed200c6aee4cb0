"""The common part of runs that asked different items: what may be compared, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edgebench.errors import UsageError
from edgebench.records import Run


def common_items(runs: Sequence[Run]) -> frozenset[str]:
    """Digests of the items that all runs were to ask."""
    return frozenset.intersection(*(frozenset(item.digest for item in run.workload.items) for run in runs))


def same_items(runs: Sequence[Run]) -> bool:
    return len({run.workload.digest for run in runs}) == 1


def common_part(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Every run as if it had asked the common items alone; each record keeps its own stamps.

    Raises
    ------
    UsageError: there is no such item.
    """
    shared = common_items(runs)
    if not shared:
        names = " and ".join(run.id for run in runs)
        raise UsageError(f"runs {names} have no item in common", hint="an item is its input, reference and choices")
    return tuple(_only(run, shared) for run in runs)


def _only(run: Run, items: frozenset[str]) -> Run:
    records = tuple(record for record in run.records if record.item_digest in items)
    kept = {record.id for record in records}
    trials = tuple(
        replace(trial, item_digests=tuple(digest for digest in trial.item_digests if digest in items))
        for trial in run.trials
    )
    workload = replace(run.workload, items=tuple(item for item in run.workload.items if item.digest in items))
    scores = tuple(score for score in run.scores if score.record_id in kept)
    return replace(run, workload=workload, trials=trials, records=records, scores=scores)
