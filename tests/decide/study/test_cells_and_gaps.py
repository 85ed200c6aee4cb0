"""Cells and gaps: what a cell is, when it cannot be read, and differences that come back from made-up targets."""

from __future__ import annotations

import inspect
from dataclasses import replace

import numpy as np
import pytest

from edgebench import plugins
from edgebench.decide.conclude import conclude
from edgebench.records import Cell, FieldStudy, Gap, Run
from edgebench.records import test_type as kind_of_test
from tests import cells
from tests.cells import CHAT, TYPOS, Made

FEW = {"few-shot": {"k": 5}}


def studied(run: Run) -> FieldStudy:
    found = conclude(run, draws=400).study
    assert found is not None
    return found


@pytest.fixture(scope="module")
def run() -> Run:
    targets = {
        "small": Made(0.6, {"few-shot(5)": 0.15, TYPOS: -0.12, "es": -0.25}, times={"few-shot(5)": 3.0}),
        "guessing": Made(0.2, {"few-shot(5)": 0.2}),
        "perfect": Made(1.0, sure=0.0),
    }
    return cells.run(
        targets, items=250, parallel=60, seed=11, prompting=("raw", FEW), perturbations=(TYPOS, CHAT, "truncated(0.7)"),
        languages=("es",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def study(run: Run) -> FieldStudy:
    return studied(run)


def gap(study: FieldStudy, factor: str, target: str, ending: str = "") -> Gap:
    return next(g for g in study.gaps if g.factor == factor and g.target == target and g.b.endswith(ending))


def cell(study: FieldStudy, arm: str) -> Cell:
    return next(one for one in study.cells if one.arm == arm)


def test_each_cell_says_which_factor_differs_and_which_corner_it_is(study: FieldStudy) -> None:
    """Base, prompting (the lab too), perturbations, language, the field of them all: as the plan has them."""
    field = f"small · raw · {TYPOS} + {CHAT} + truncated(0.7)"
    found = [(one.arm, (one.role, one.corners)) for one in study.cells if one.target == "small"]
    assert found == list({
        "small · raw": ("base", ()),
        "small · few-shot(5)": ("prompting", ("lab",)),
        f"small · raw · {TYPOS}": ("perturbation", ()),
        f"small · raw · {CHAT}": ("perturbation", ()),
        "small · raw · truncated(0.7)": ("perturbation", ()),
        "small · raw · es": ("language", ()),
        field: ("corner", ("field",)),
    }.items())  # fmt: skip
    assert cell(study, field).prompting == "raw" and cell(study, "small · raw · es").language == "es"


def test_calls_and_tokens_count_every_step(study: FieldStudy) -> None:
    """Three calls of five tokens each where a prompting takes three."""
    one, three = cell(study, "small · raw"), cell(study, "small · few-shot(5)")
    assert (one.calls.value, one.output_tokens.value) == (1, 5)
    assert (three.calls.value, three.output_tokens.value) == (3, 15)


def test_gaps_of_made_up_targets_come_back(study: FieldStudy) -> None:
    """+15 points and × 3 the time for few-shot, −12 under typos, −25 in Spanish: inside their intervals."""
    for factor, ending, truth in (("prompting", "", 0.15), ("perturbation", TYPOS, -0.12), ("language", "es", -0.25)):
        found = gap(study, factor, "small", ending).differences["accuracy"].difference
        assert found.low is not None and found.high is not None and found.low <= truth <= found.high, factor
        assert found.n == (60 if factor == "language" else 250)
    ratio = gap(study, "prompting", "small").differences["p50_ms"].ratio
    assert ratio is not None and ratio.value == pytest.approx(3.0, rel=0.1)
    across = gap(study, "lab-to-field", "small")
    assert (across.a, across.differences["accuracy"].difference.low or 0) < ("small · few-shot(5)", 0.0)
    assert (across.differences["accuracy"].difference.value or 0) < -0.15


def test_drop_rates_and_flips_are_their_definitions(run: Run, study: FieldStudy) -> None:
    """1 − accuracy(b) / accuracy(a), and the share of answers that changed, computed from the records by hand."""
    found = gap(study, "perturbation", "small", TYPOS)
    arms = {trial.id: trial.arm for trial in run.trials}
    said: dict[str, dict[str, str]] = {found.a: {}, found.b: {}}
    labels = {score.record_id: score for score in run.scores if score.scorer == "label"}
    right = dict.fromkeys(said, 0.0)
    for record in run.records:
        arm = arms[record.trial_id]
        if arm in said:
            said[arm][record.item_digest] = str(labels[record.id].label)
            right[arm] += labels[record.id].value or 0.0
    changed = np.mean([said[found.b][item] != answer for item, answer in said[found.a].items()])
    assert found.flipped.value == pytest.approx(float(changed)) and found.flipped.method == "Wilson"
    assert found.drop_rate.value == pytest.approx(1 - right[found.b] / right[found.a])
    assert found.drop_rate.low is not None and found.drop_rate.low < (found.drop_rate.value or 0) < (
        found.drop_rate.high or 0
    )
    assert found.test_type == "INV" and found.interpretable


def test_p_values_are_corrected_over_the_gaps_of_a_kind(study: FieldStudy) -> None:
    """Nine perturbation gaps: the text of the method says so, and no p is below nine times its own."""
    mine = [one.differences["accuracy"] for one in study.gaps if one.factor == "perturbation"]
    assert all("Holm over 9 pairs" in one.method for one in mine)


def test_chance_and_perfection_are_named_instead_of_read(study: FieldStudy) -> None:
    """One of five labels right one time in five is at its floor; all right is at its ceiling; both say why."""
    low, high = cell(study, "guessing · raw"), cell(study, "perfect · raw")
    assert low.bound == "floor" and "20 %" in low.bound_why and "5 labels" in low.bound_why
    assert high.bound == "ceiling" and high.bound_why == "all of 250 are right"
    assert cell(study, "small · raw").bound is None
    for target in ("guessing", "perfect"):
        one = gap(study, "perturbation", target, TYPOS)
        assert not one.interpretable and one.why
    assert any(line.startswith("at the floor") for line in study.notes)
    assert any(line.startswith("at the ceiling") for line in study.notes)


def test_an_open_answer_has_no_chance_to_guess() -> None:
    """Without labels only "nothing right" is a floor."""
    run = cells.run({"a": Made(0.08)}, items=100, seed=2)
    task = replace(run.workload.task, choices=(), output="text")
    found = studied(replace(run, workload=replace(run.workload, task=task)))
    assert found.cells[0].bound is None
    none = tuple(replace(one, value=0.0) if one.scorer == "label" else one for one in run.scores)
    found = studied(replace(run, scores=none, workload=replace(run.workload, task=task)))
    assert found.cells[0].bound == "floor" and found.cells[0].bound_why == "nothing is right"


def test_languages_without_a_shared_case_are_compared_unpaired(run: Run) -> None:
    """Items of no cluster: a wider interval, and it says that nothing is paired."""
    loose = tuple(replace(item, cluster=None) for item in run.workload.items)
    found = gap(studied(replace(run, workload=replace(run.workload, items=loose))), "language", "small")
    paired = gap(studied(run), "language", "small")
    one, other = found.differences["accuracy"].difference, paired.differences["accuracy"].difference
    assert one.note == "not paired: the two share no case" and one.low is not None and one.high is not None
    assert other.low is not None and other.high is not None
    assert one.high - one.low > 0.8 * (other.high - other.low) and (one.value or 0) < 0


def test_the_base_cell_is_the_plans_first_prompting_whatever_ran_first(run: Run) -> None:
    """Trials are shuffled; a merged run may not name its promptings at all."""
    backwards = studied(replace(run, trials=tuple(replace(one, order=-one.order) for one in run.trials)))
    assert cell(backwards, "small · raw").role == "base" and backwards.cells == studied(run).cells
    swapped = replace(run, plan=replace(run.plan, prompting=(FEW, "raw")))
    assert cell(studied(swapped), "small · few-shot(5)").role == "base"


def test_repeats_tell_how_many_answers_flip_by_themselves() -> None:
    """With two answers an item, the flips of the base cell alone stand beside those under noise."""
    run = cells.run({"a": Made(0.7)}, items=60, repeats=2, perturbations=(TYPOS,), seed=3)
    found = gap(studied(run), "perturbation", "a").flipped
    assert found.note is not None and "between two repeats of a · raw itself" in found.note


def test_the_type_of_several_perturbations_is_that_which_asks_least() -> None:
    """INV after INV stays INV; with a text that breaks off, the answer may change."""
    assert kind_of_test("keyboard-typos(0.05) + chat-spelling(0.5)") == "INV"
    assert kind_of_test("keyboard-typos(0.05) + truncated(0.7)") == "MFT"


def test_types_by_name_are_those_of_the_perturbations_themselves() -> None:
    """A run keeps names alone, so what ``records.TEST_TYPES`` says of a name must be what the part says."""
    for name in plugins.names("perturbations"):
        factory = plugins.find("perturbations", name)
        needed = [p for p in inspect.signature(factory).parameters.values() if p.default is p.empty]
        if not needed:
            made = factory()
            assert kind_of_test(made.name) == made.test_type, name
