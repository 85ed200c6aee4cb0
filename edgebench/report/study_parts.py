"""Everything of a field study that the page shows, by the names its templates know."""

from __future__ import annotations

from collections.abc import Mapping

from edgebench.records import Conclusion, Run
from edgebench.report import (
    calibrated,
    confusions,
    failed_items,
    failure_modes,
    field,
    harm,
    judged,
    noise_costs,
    robustness,
    scaffolding,
    sensitivity,
    tables,
    worst,
)
from edgebench.report.cells import Studied, varied
from edgebench.report.marks import Figure


def figures(given: Studied | None, first: str | None) -> Mapping[str, Figure]:
    """The charts that become live ones; reliability curves stay small and still."""
    if given is None:
        return {}
    weighed = harm.figure(given, first) if harm.weights(given) else None
    return {one.id: one for one in (field.figure(given), weighed) if one is not None}


def figure_tables(given: Studied | None) -> Mapping[str, tables.Table | None]:
    """The table that each of them is a view of."""
    if given is None:
        return {}
    return {"lab-to-field": field.corners_table(given), "harm-by-stakes": harm.weights(given)}


def parts(run: Run, conclusion: Conclusion, given: Studied | None, *, texts: bool) -> Mapping[str, object]:
    """What the templates of the study are filled with; ``study_told`` False: there is nothing to show."""
    if given is None:
        return {"study_told": False, "verdicts": (), "field_findings": (), "in_all": None, "worst": None}
    first = conclusion.advice.arm
    return {
        "study_told": True,
        **_first_screen(given, first),
        "in_all": _in_all(run, given),
        **_field(given),
        **_robustness(given),
        **_failures(run, given, first, texts=texts),
        **_quality(given, first),
        "study_notes": [_sentence(given, given.told(line)) for line in given.study.notes],
    }


def _first_screen(given: Studied, first: str | None) -> Mapping[str, object]:
    """Whether the lab's numbers hold in the field; nothing of it where only the workload as it is was asked."""
    if not varied(given.study):
        return {"verdicts": (), "field_findings": ()}
    told = field.verdicts(given)
    return {
        "verdicts": told,
        "verdict_margin": f"{100 * field.HOLDS:g}",
        "conditions": field.conditions(given) if told else "",
        "asked_plainly": given.named(first) if first is not None else "",
        "field_findings": field.beside_verdicts(given),
    }


def _sentence(given: Studied, line: str) -> str:
    """With a capital, but where a target's name begins it: that is written as the plan writes it."""
    return line if line.startswith(tuple(given.targets)) else line[:1].upper() + line[1:]


def _in_all(run: Run, given: Studied) -> tuple[int, int] | None:
    """Cells and requests, where there are more than decisions are made on."""
    if not varied(given.study):
        return None
    asked = {trial.id for trial in run.trials if not trial.judges}
    return len(given.study.cells), sum(record.trial_id in asked for record in run.records)


def _field(given: Studied) -> Mapping[str, object]:
    rank = given.study.rank
    return {
        "gaps": scaffolding.changes(given),
        "gaps_finding": scaffolding.finding(given),
        "promptings": scaffolding.words(given),
        "rank": rank,
        "rank_finding": field.rank_finding(rank) if rank else "",
        "rank_lines": field.rank_lines(given, rank) if rank else (),
        "rank_pairs": field.pairs_table(rank) if rank else None,
    }


def _robustness(given: Studied) -> Mapping[str, object]:
    return {
        "grid": robustness.grid(given),
        "grid_finding": robustness.finding(given),
        "grid_n": robustness.asked_of(given),
        "changes": noise_costs.changes_table(given),
        "changes_finding": noise_costs.finding(given),
        "every_change": noise_costs.every_change(given),
        "unprovoked": noise_costs.unprovoked(given),
        "fairness": noise_costs.fairness(given),
        "fairness_groups": noise_costs.between_groups(given),
        "fairness_finding": noise_costs.fairness_finding(given),
        "accessibility": noise_costs.accessibility(given),
        "accessibility_finding": noise_costs.accessibility_finding(given),
        "sensitivity": sensitivity.spreads(given),
        "sensitivity_finding": sensitivity.finding(given),
    }


def _failures(run: Run, given: Studied, first: str | None, *, texts: bool) -> Mapping[str, object]:
    """Confusions and examples hold words of users and targets: without texts they stay away."""
    commonest, more = confusions.commonest(given) if texts else (None, None)
    return {
        "modes": failure_modes.modes_table(given, first),
        "modes_finding": failure_modes.finding(given, first),
        "every_mode": failure_modes.every_mode(given),
        "harm": harm.weights(given),
        "harm_finding": harm.finding(given),
        "harm_elsewhere": harm.elsewhere(given),
        "confusions": commonest,
        "more_confusions": more,
        "confusions_finding": confusions.finding(given),
        "repeatability": confusions.repeatability(given),
        "repeatability_finding": confusions.repeatability_finding(given),
        "unrepeated": confusions.unrepeated(given),
        "failed": failed_items.examples(run, given) if texts else None,
        "first_failed": failed_items.FIRST,
    }


def _quality(given: Studied, first: str | None) -> Mapping[str, object]:
    return {
        "panels": calibrated.panels(given, first),
        "calibration": calibrated.summary_table(given),
        "calibration_finding": calibrated.finding(given, first),
        "bins": calibrated.bins_table(given, first),
        "worst": worst.worst_table(given),
        "worst_finding": worst.finding(given),
        "more_slices": worst.rest_table(given),
        "judges": judged.judges_table(given),
        "more_judged": judged.elsewhere(given),
        "judges_finding": judged.finding(given),
        "unheld": judged.UNHELD,
        "ordinal": judged.ordinal_table(given),
        "ordinal_finding": judged.ordinal_finding(given),
    }
