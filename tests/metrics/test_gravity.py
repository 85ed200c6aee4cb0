"""How grave a wrong answer is: by item, by confusion, by kind; and never by a guess."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.metrics.confusions import confusions
from edgebench.metrics.gravity import ANY, references, scale
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import ArmColumns, columns
from edgebench.records import Estimate, Item, Run, Score, ScorerSpec, StakesSpec
from tests import cells
from tests.cells import LABELS, Made


def run_of(pairs: dict[str, int] | None = None, *, stakes: bool = True, accuracy: float = 0.7) -> Run:
    run = cells.run({"a": Made(accuracy)}, items=100, seed=2, stakes=stakes)
    return replace(run, plan=replace(run.plan, stakes=StakesSpec(pairs=pairs or {})))


def arm_of(run: Run) -> ArmColumns:
    return next(iter(columns(run).values()))


def harm_of(run: Run) -> tuple[Estimate, Estimate]:
    found = summarise(run, draws=200).arms[0].estimates
    return found["harm_per_1k"], found["severe_rate"]


def test_harm_is_the_weight_of_wrong_answers_by_hand() -> None:
    """Σ weight by stakes of what is wrong, per 1,000 requests; severe are those of stakes 4."""
    run = run_of()
    stakes = {item.digest: item.stakes or 0 for item in run.workload.items}
    right = {score.record_id: score.value for score in run.scores if score.scorer == "label"}
    wrong = [stakes[record.item_digest] for record in run.records if not right[record.id]]
    harm, severe = harm_of(run)
    weights = {1: 1, 2: 3, 3: 10, 4: 30}
    assert harm.value == pytest.approx(1000 * sum(weights[level] for level in wrong) / 100)
    assert severe.value == pytest.approx(wrong.count(4) / 100) and severe.method == "Wilson"
    assert harm.provenance == "declared" and harm.low is not None and harm.low < harm.value < (harm.high or 0)


def test_a_pair_stands_above_the_item_and_the_exact_one_above_a_wildcard() -> None:
    """refund → login is of stakes 4, refund → anything else of 2, other references as their items say."""
    run = run_of({"refund -> login": 4, "refund -> *": 2})
    arm = arm_of(run)
    stakes = {item.digest: item.stakes for item in run.workload.items}
    refs = {item.digest: item.reference for item in run.workload.items}
    wrong = np.flatnonzero(arm.value < 1)
    assert {arm.understood[k] for k in wrong if refs[arm.records[k].item_digest] == "refund"} >= {"login", "billing"}
    for place in wrong.tolist():
        digest, answer = arm.records[place].item_digest, arm.understood[place]
        expected = stakes[digest] if refs[digest] != "refund" else 4 if answer == "login" else 2
        assert arm.gravity.level[place] == expected


def test_where_another_answer_is_right_only_wildcards_hold_and_nothing_is_taken_for_anything() -> None:
    """The item's reference is not what was right there: stakes that hang on it are unknown, and so are confusions."""
    run = cells.run({"a": Made(0.5)}, items=100, perturbations=("other-values", "lower-case"), seed=2)
    run = replace(run, plan=replace(run.plan, stakes=StakesSpec(pairs={"refund -> login": 4, "* -> billing": 3})))
    plain, turned, lower = (columns(run)[f"a · raw{noise}"] for noise in ("", " · other-values", " · lower-case"))
    assert (plain.redirected, turned.redirected, lower.redirected) == (False, True, False)
    assert turned.gravity.unknown.all() and not plain.gravity.unknown.any() and not lower.gravity.unknown.any()
    stakes = {item.digest: item.stakes for item in run.workload.items}
    for place in np.flatnonzero(turned.value < 1).tolist():
        own = stakes[turned.records[place].item_digest]
        assert turned.gravity.level[place] == (3 if turned.understood[place] == "billing" else own)
    assert list(confusions(run, turned)) == [] and list(confusions(run, plain)) and list(confusions(run, lower))


def test_a_lost_answer_fits_wildcards_alone() -> None:
    """A request without an answer is a wrong answer without a name."""
    run = cells.run({"a": Made(0.9, failure_rate=0.3)}, items=60, seed=3)
    run = replace(run, plan=replace(run.plan, stakes=StakesSpec(pairs={"refund -> login": 4, "login -> *": 4})))
    arm = arm_of(run)
    refs = {item.digest: (item.reference, item.stakes) for item in run.workload.items}
    for place in np.flatnonzero(arm.failed).tolist():
        reference, own = refs[arm.records[place].item_digest]
        assert arm.gravity.level[place] == (4 if reference == "login" else own)


def test_a_kind_of_the_taxonomy_with_stakes_stands_above_both() -> None:
    """What the user's own taxonomy calls grave is grave, whatever the item says."""
    run = run_of({"* -> *": 1})
    kinds = [{"name": "promised money", "stakes": 4, "when": {}}, {"name": "idle", "when": {"mode": "empty"}}]
    wrong = [score.record_id for score in run.scores if score.scorer == "label" and not score.value][:3]
    scores = (*run.scores, *(Score(one, "taxonomy", "1", None, "promised money") for one in wrong))
    workload = replace(run.workload, scorers=(*run.workload.scorers, ScorerSpec("taxonomy", {"kinds": kinds})))
    arm = arm_of(replace(run, scores=scores, workload=workload))
    levels = {record.id: int(level) for record, level in zip(arm.records, arm.gravity.level, strict=True)}
    assert [levels[one] for one in wrong] == [4, 4, 4] and set(levels.values()) == {1, 4}


def test_items_without_stakes_make_harm_absent_and_not_small() -> None:
    """Nobody declared any, or not for all: absent with the reason; pairs that cover all bring it back."""
    harm, severe = harm_of(run_of(stakes=False))
    assert harm.value is None and severe.value is None
    assert harm.why_absent is not None and harm.why_absent.startswith("nobody declared what is at stake")
    run = run_of()
    items = tuple(replace(item, stakes=None if k < 7 else item.stakes) for k, item in enumerate(run.workload.items))
    harm, _ = harm_of(replace(run, workload=replace(run.workload, items=items)))
    assert harm.value is None and "not declared for 7 of 100 requests" in (harm.why_absent or "")
    harm, severe = harm_of(run_of({"* -> *": 2}, stakes=False))
    assert harm.value is not None and severe.why_absent == "nothing that was asked has stakes 4"


def test_pairs_of_every_label_cover_what_is_a_label() -> None:
    """All confusions named: an arm whose wrong answers are labels has harm, one that says something else has not."""
    pairs = {f"{one} -> {other}": 3 for one in LABELS for other in LABELS if one != other}
    tidy = cells.run({"a": Made(0.7, off_format=0.0)}, items=60, stakes=False)
    loose = cells.run({"a": Made(0.7, off_format=0.5)}, items=60, stakes=False)
    known, unknown = (
        harm_of(replace(one, plan=replace(one.plan, stakes=StakesSpec(pairs=pairs)))) for one in (tidy, loose)
    )
    assert known[0].value is not None and unknown[0].value is None


def test_an_arm_that_is_all_right_has_a_harm_of_0_with_an_upper_bound() -> None:
    """No mistake seen is not none made: the bound is what Wilson leaves open at each weight."""
    harm, severe = harm_of(run_of(accuracy=1.0))
    assert harm.value == 0 and harm.low == 0 and harm.high is not None and harm.high > 500
    assert severe.value == 0 and severe.high is not None and severe.high > 0.03


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.tuples(st.sampled_from([*LABELS, ANY]), st.sampled_from([*LABELS, ANY])), st.integers(1, 4), max_size=8
    ),
    st.sampled_from(LABELS),
    st.one_of(st.none(), st.sampled_from([*LABELS, "not a label"])),
)
def test_the_most_exact_pair_holds(pairs: dict[tuple[str, str], int], reference: str, answer: str | None) -> None:
    """Whatever pairs a plan has: both named, else the reference's wildcard, else the answer's, else both wild."""
    found = scale(StakesSpec(pairs={f"{a} -> {b}": level for (a, b), level in pairs.items()}))
    order = [(reference, answer), (reference, ANY), (ANY, answer), (ANY, ANY)]
    expected = next((pairs[one] for one in order if one[1] is not None and one in pairs), None)
    assert found.of_pair((reference,), answer) == expected


def test_references_are_texts() -> None:
    """Several acceptable ones, numbers and objects are compared as the texts they would be."""
    assert references(Item("i", "x", ["a ", "b"])) == ("a", "b")
    assert references(Item("i", "x", {"b": 1, "a": 2})) == ('{"a": 2, "b": 1}',)
    assert references(Item("i", "x")) == ()
