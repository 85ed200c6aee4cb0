"""What a run holds beside answers and the scores that judge them: trials of judges, kinds of failure, raw verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebench.records import Run, Score, Trial

MODE, TAXONOMY, HAND, JUDGE = "mode", "taxonomy", "human:", "judge:"


def answering(run: Run) -> list[Trial]:
    """The trials in which targets answer, not those in which they judge."""
    return [trial for trial in run.trials if not trial.judges]


def first_scorer(run: Run) -> str:
    """The scorer whose value says right or wrong: the workload's first one that judged anything; "" without any.

    Where it has none of those names (a run merged from others), the first one found that says right or wrong at all.
    """
    found = dict.fromkeys(score.scorer for score in run.scores)
    asked = [spec.name for spec in run.workload.scorers if spec.name != TAXONOMY]
    others = [name for name in found if name not in (MODE, TAXONOMY) and "/" not in name]
    return next((name for name in asked if name in found), others[0] if others else "")


def scores_by(run: Run, *, names: Sequence[str] = (), beginning: str | None = None) -> Mapping[str, Score]:
    """Record → its score by one of these scorers, or by one whose name begins so; the last one read holds."""
    return {
        score.record_id: score
        for score in run.scores
        if score.scorer in names or (beginning is not None and score.scorer.startswith(beginning))
    }
