"""A target against itself: the plan, and whether a difference is seen where there is none."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from edgebench.decide.against_itself import advise, compared, demand_sameness, differences, twins
from edgebench.decide.conclude import conclude
from edgebench.errors import GateFailed, GateUndecided, UsageError
from edgebench.plan import against_itself, unfold
from edgebench.plan.checks import _bad_name
from edgebench.records import Comparison, Estimate, Plan, Run, TargetSpec, WorkloadSpec
from edgebench.run.execute import execute
from edgebench.store import open_store
from tests import builders

PLAN = Plan(
    question="Which?",
    workload=WorkloadSpec(builtin="support-triage", items=40),
    targets={"a": TargetSpec(kind="fake", options={"accuracy": 0.7}), "b": TargetSpec(kind="fake")},
    device="laptop",
)


def test_the_plan_becomes_one_target_twice() -> None:
    """The same spec under two names; workload, blocks, device and prices stay; the others are gone."""
    twice = against_itself(PLAN, "a")
    assert list(twice.targets) == ["a", "a again"]
    assert twice.targets["a"] == twice.targets["a again"] == PLAN.targets["a"]
    assert twice.objectives == ("accuracy", "p50_ms", "p95_ms")
    kept = ("workload", "blocks", "device", "prices", "prompting", "scenario", "seeds", "budget")
    assert all(getattr(twice, name) == getattr(PLAN, name) for name in kept)
    assert "none? (a against itself)" in twice.question
    assert twins(twice) == ("a", "a again")


@pytest.mark.parametrize("name", ["x" * 80, "x" * 75, "long name " * 8 + "end"])
def test_the_second_name_is_one_a_plan_may_hold(name: str) -> None:
    """However long the first."""
    (_, twin) = against_itself(replace(PLAN, targets={name[:80]: PLAN.targets["a"]}), name[:80]).targets
    assert _bad_name(twin) is None
    assert twin.endswith(" again")


def test_an_unknown_target_is_refused_with_the_nearest() -> None:
    """The hint names what the plan has."""
    with pytest.raises(UsageError, match="no target 'c'") as caught:
        against_itself(PLAN, "c")
    assert caught.value.hint
    assert "a, b" in caught.value.hint


def test_both_meet_the_same_items_in_the_same_blocks() -> None:
    """Complete blocks: each item once an arm, in the same order, the arms' own order drawn for each block."""
    job = builders.workload(40)
    trials = unfold(against_itself(PLAN, "a"), job)
    by_block: dict[int, list[tuple[str, ...]]] = {}
    for trial in trials:
        by_block.setdefault(trial.block, []).append(trial.item_digests)
    assert len(by_block) == 4
    assert all(len(two) == 2 and two[0] == two[1] for two in by_block.values())


def two(median_ms: float = 50.0, accuracy: float = 0.8, *, items: int = 120, seed: int = 1) -> Run:
    """A run of "a" against itself in which the second arm may be made to differ."""
    same = builders.Arm(median_ms=50.0, spread=0.1)
    other = builders.Arm(median_ms=median_ms, accuracy=accuracy, spread=0.1)
    return builders.run({"a": same, "a again": other}, items=items, seed=seed)


def test_no_difference_is_said_plainly() -> None:
    """In the place of a recommendation; nothing is recommended."""
    conclusion = conclude(two())
    assert conclusion.advice.arm is None
    assert conclusion.advice.headline == "No difference was found between a and itself, as it should be"
    assert {one.metric for one in conclusion.comparisons} == {"accuracy", "p50_ms", "p95_ms"}
    demand_sameness(conclusion.comparisons)


def test_a_difference_is_found_where_the_machine_makes_one() -> None:
    """The second arm a tenth slower, of a spread of a tenth: found, named, exit code 3."""
    conclusion = conclude(two(median_ms=55.0))
    assert "A difference was found" in conclusion.advice.headline
    assert "latency p50" in conclusion.advice.headline
    with pytest.raises(GateFailed, match="latency p50"):
        demand_sameness(conclusion.comparisons)


def test_differences_are_rarely_found_where_there_are_none() -> None:
    """40 made-up runs of the same arm twice: at most 5 % and two standard errors (4 of 40)."""
    found = Counter(bool(differences(conclude(two(seed=seed, items=100), draws=400).comparisons)) for seed in range(40))
    assert found[True] <= 4


def test_too_few_answers_are_undecided() -> None:
    """Nothing compared is no sameness: exit code 4, and the headline says so."""
    absent = Comparison("a", "a again", "p50_ms", Estimate.absent("no request was answered"), None, "")
    with pytest.raises(GateUndecided):
        demand_sameness([absent])
    summary = conclude(two()).summary
    assert "Nothing could be compared" in advise(summary, ("a", "a again"), [absent]).headline


def test_p_values_are_corrected_over_all_that_is_compared() -> None:
    """Holm over three: the smallest p is taken three times."""
    from edgebench.decide.compare import between
    from edgebench.decide.resampled import resample
    from edgebench.metrics.summary import summarise

    run = two(median_ms=51.5)
    resampled = resample(run, summarise(run))
    raw = [between(resampled, "a · zero-shot", "a again · zero-shot", one.metric).p_value or 1.0
           for one in compared(resampled, ("a", "a again"))]  # fmt: skip
    adjusted = [one.p_value or 1.0 for one in compared(resampled, ("a", "a again"))]
    assert min(adjusted) == pytest.approx(min(1.0, 3 * min(raw)))
    assert all(one >= two_ for one, two_ in zip(adjusted, raw, strict=True))


def test_other_plans_are_concluded_as_before() -> None:
    """Two names with one spec are no A/A unless the second says so."""
    assert twins(PLAN) is None
    assert twins(replace(PLAN, targets={"a": PLAN.targets["a"], "b": PLAN.targets["a"]})) is None
    assert conclude(builders.run({"a": builders.Arm(), "b": builders.Arm()})).advice.arm is not None


def test_it_runs_and_answers_of_a_target_of_fixed_answers_never_differ(tmp_path: Path) -> None:
    """For real: the same answers from both arms, so that accuracy cannot differ."""
    with open_store(tmp_path / "runs.db") as store:
        run = store.load(execute(against_itself(PLAN, "a"), store=store, certify=False).run_id)
    accuracy = next(one for one in conclude(run, draws=400).comparisons if one.metric == "accuracy")
    assert (accuracy.difference.value, accuracy.p_value) == (0.0, 1.0)
