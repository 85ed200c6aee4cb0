"""Decisions are made on the base cells alone: others change no front, no SLO, no advice; the verdict is on all."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgebench.decide.base_part import base_part
from edgebench.decide.compare import compare
from edgebench.decide.conclude import conclude, frontier
from edgebench.metrics.summary import about_all, summarise
from edgebench.metrics.table import columns, judge_columns
from edgebench.records import SLO, JudgeSpec, Reading, Run
from tests import builders, cells
from tests.cells import CHAT, TYPOS, Made

TARGETS = {"small": Made(0.7, {TYPOS: -0.2, "es": -0.2}, sure=0.0), "big": Made(0.85, median_ms=150, sure=0.0)}


@pytest.fixture(scope="module")
def whole() -> Run:
    return cells.run(
        TARGETS, items=80, perturbations=(TYPOS, CHAT), languages=("es",), prompting=("raw", "few-shot"),
        judges={"j": JudgeSpec("big")}, slos=(SLO("accuracy", min=0.6),),
    )  # fmt: skip


def only_base(run: Run) -> Run:
    """The run as it would have been with base cells alone: made by hand, not by ``base_part``."""
    kept = [one for one in run.trials if one.perturbation == "none" and not one.language and not one.judges]
    ids = {one.id for one in kept}
    records = tuple(one for one in run.records if one.trial_id in ids)
    answered = {one.id for one in records}
    return replace(
        run,
        trials=tuple(kept),
        records=records,
        scores=tuple(one for one in run.scores if one.record_id in answered and not one.scorer.startswith("judge:")),
        workload=replace(run.workload, items=tuple(i for i in run.workload.items if i.tags["language"] == "en")),
    )


def test_a_run_of_base_cells_is_its_own_base_part() -> None:
    """The same object: an old run is concluded as ever."""
    run = builders.run({"a": builders.Arm(), "b": builders.Arm()}, items=20)
    assert base_part(run) is run
    summary, table = summarise(run, draws=50), columns(run)
    assert about_all(summary, run, table) == summary == conclude(run, draws=50).summary


def test_cells_and_judges_change_no_decision(whole: Run) -> None:
    """Front, SLOs, comparisons, advice, cascades, capacity, costs: to the last bit those of the base cells alone."""
    one, other = conclude(whole, draws=200), conclude(only_base(whole), draws=200)
    for name in ("front", "slos", "comparisons", "advice", "monthly", "cascades", "capacities", "changes", "material"):
        assert getattr(one, name) == getattr(other, name), name
    assert one.summary.arms == other.summary.arms and one.summary.items == 80
    assert frontier(whole, draws=200) == one.front
    assert one.study is not None and len(one.study.cells) == 12


def test_what_failed_elsewhere_is_said_and_what_was_not_issued_counted(whole: Run) -> None:
    """A warning for each target, whatever the base cells did; INVALID by readings of any trial."""
    noisy = [trial for trial in whole.trials if trial.perturbation == TYPOS and trial.target == "small"]
    lost = {record.id for record in whole.records if record.trial_id == noisy[0].id}
    records = tuple(replace(one, answer=None, done_ns=None) if one.id in lost else one for one in whole.records[:-3])
    seconds = {"other_cpu_seconds": 0.6, "machine_cpu_seconds": 1.0}
    busy = tuple(Reading(noisy[0].id, "host", key, value, "s", "steady", 0) for key, value in seconds.items())
    found = conclude(replace(whole, records=records, readings=busy), draws=50).summary
    assert f"small: {len(lost)} of 270 requests of its other cells failed" in found.warnings
    assert found.verdict == "INVALID" and "other processes used 60%" in found.reasons[0]
    assert sum(found.not_issued.values()) == 3
    assert not any("not every arm has met the same items" in line for line in found.warnings)


def test_judges_are_no_arms_and_any_two_cells_can_be_compared(whole: Run) -> None:
    """``compare`` takes cells by their names; a language is paired by its cases."""
    assert not any(name.startswith("judge:") for name in columns(whole))
    assert set(judge_columns(whole)) == {f"judge:j · {name}" for name in columns(whole) if name.startswith("small")}
    noisy = compare(whole, "small · raw", f"small · raw · {TYPOS}", draws=100)
    assert noisy.difference.n == 80 and (noisy.difference.value or 0) < 0
    spoken = compare(whole, "small · raw", "small · raw · es", draws=100)
    assert spoken.difference.n == 30


def test_nothing_measured_is_studied_without_a_fault(whole: Run) -> None:
    """No records, no scores, no references: absent numbers with their reasons."""
    unlabelled = tuple(replace(item, reference=None) for item in whole.workload.items)
    for run in (
        replace(whole, records=(), scores=()),
        replace(whole, scores=()),
        replace(whole, scores=(), workload=replace(whole.workload, items=unlabelled)),
        replace(whole, trials=(), records=(), scores=()),
        replace(whole, trials=tuple(one for one in whole.trials if not one.base)),
    ):  # fmt: skip
        known = {trial.id for trial in run.trials}
        run = replace(run, records=tuple(one for one in run.records if one.trial_id in known))
        found = conclude(run, draws=50).study
        assert found is not None
        for gap in found.gaps:
            if run.scores == ():
                assert gap.differences["accuracy"].difference.why_absent
