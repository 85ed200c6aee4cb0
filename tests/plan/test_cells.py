"""The design: one factor at a time around a base cell, two corners, each cell once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from edgebench.errors import DataError
from edgebench.plan import PlanErrors, arms, base_cell, load_plan, own_items, unfold
from edgebench.records import JudgeSpec, Plan, Seeds, TargetSpec, VarySpec, WorkloadSpec
from edgebench.workloads import load

FEW_SHOT = {"few-shot": {"k": 2}}


def plan(**fields: object) -> Plan:
    known: dict[str, object] = {
        "question": "How far do the lab's numbers carry?",
        "workload": WorkloadSpec(builtin="support-triage", items=24, languages=("es", "sw")),
        "targets": {"a": TargetSpec(kind="fake"), "b": TargetSpec(kind="fake", prompting=("raw", FEW_SHOT))},
        "prompting": ("raw", "zero-shot", FEW_SHOT),
        "vary": VarySpec(perturbations=("no-punctuation", {"keyboard-typos": {"rate": 0.1}})),
    }
    return Plan(**{**known, **fields})  # type: ignore[arg-type]


def names(made: Plan, target: str) -> list[str]:
    return [arm.name.removeprefix(f"{target} · ") for arm in arms(made) if arm.target == target]


def test_one_factor_at_a_time_and_two_corners() -> None:
    """Each prompting, perturbation and language once beside the base; the lab corner is the last prompting."""
    assert names(plan(), "a") == [
        "raw", "zero-shot", "few-shot(2)",
        "raw · no-punctuation", "raw · keyboard-typos(0.1)",
        "raw · es", "raw · sw",
        "raw · no-punctuation + keyboard-typos(0.1)",
    ]  # fmt: skip
    corners = {arm.corner: arm.name for arm in arms(plan()) if arm.corner and arm.target == "a"}
    assert corners == {"lab": "a · few-shot(2)", "field": "a · raw · no-punctuation + keyboard-typos(0.1)"}


def test_a_target_with_promptings_of_its_own_has_its_own_base_and_lab() -> None:
    """The first of a target's own list is its base, the last its lab corner, whatever the plan's lab is."""
    made = plan(vary=VarySpec(perturbations=("lower-case",), lab="zero-shot"))
    assert names(made, "b")[:2] == ["raw", "few-shot(2)"]
    lab = {arm.target: arm.name for arm in arms(made) if arm.corner == "lab"}
    assert lab == {"a": "a · zero-shot", "b": "b · few-shot(2)"}


def test_a_field_corner_that_is_a_cell_already_is_run_once() -> None:
    """With one perturbation the noisy corner is that cell."""
    made = plan(vary=VarySpec(perturbations=("lower-case",)))
    assert Counter(names(made, "a"))["raw · lower-case"] == 1
    assert {arm.name for arm in arms(made) if arm.corner == "field"} == {"a · raw · lower-case", "b · raw · lower-case"}


def test_the_full_factorial_has_every_combination() -> None:
    """3 promptings × 3 noises × 3 languages, and the two corners beside."""
    vary = VarySpec(perturbations=("no-punctuation", "lower-case"), full=True)
    assert len(names(plan(vary=vary), "a")) == 3 * 3 * 3 + 1  # the lab corner is one of them


def test_without_vary_a_plan_is_what_it_was() -> None:
    """No corners, no cells: the arms are targets under promptings."""
    made = plan(vary=None, workload=WorkloadSpec(builtin="support-triage", items=24))
    assert names(made, "a") == ["raw", "zero-shot", "few-shot(2)"]
    assert all(trial.base for trial in unfold(made, load(made.workload, folder=Path(), seeds=Seeds())))


def test_trials_meet_the_items_of_their_language_and_say_what_was_done_to_them() -> None:
    """Base trials ask English items, language trials their parallel ones; every cell meets its items once."""
    made = plan()
    job = load(made.workload, folder=Path(), seeds=Seeds())
    tongue = {item.digest: item.tags["language"] for item in job.items}
    met: dict[str, list[str]] = {}
    for trial in unfold(made, job):
        assert {tongue[digest] for digest in trial.item_digests} == {trial.language or "en"}
        assert (trial.perturbation == "none") == (trial.perturbations == ())
        met.setdefault(trial.arm, []).extend(trial.item_digests)
    assert {len(set(digests)) for digests in met.values()} == {24}
    assert all(len(set(digests)) == len(digests) for digests in met.values())
    by_cluster = {
        language: {i.cluster for i in job.items if i.tags["language"] == language} for language in ("en", "es", "sw")
    }
    assert by_cluster["en"] == by_cluster["es"] == by_cluster["sw"]


def test_adding_a_cell_keeps_the_trials_that_were_there() -> None:
    """A trial is identified by what it is, not by its place: a plan that grew finds the old ones again."""
    old, new = plan(prompting=("raw",)), plan(prompting=("raw", "zero-shot"))
    job = load(old.workload, folder=Path(), seeds=Seeds())
    before = {trial.id: trial.item_digests for trial in unfold(old, job)}
    after = {trial.id: trial.item_digests for trial in unfold(new, job)}
    assert before.items() <= after.items()


def test_the_base_cell_of_a_target_is_all_that_is_left_of_it() -> None:
    """What sweeps and capacities measure: one target, its first prompting, no noise, no other language, no judge."""
    made = plan(judges={"j": JudgeSpec("a")})
    alone = base_cell(made, "b")
    assert [arm.name for arm in arms(alone)] == ["b · raw"] and not alone.judges
    job = own_items(made, load(made.workload, folder=Path(), seeds=Seeds()))
    assert {item.tags["language"] for item in job.items} == {"en"}


def test_judges_come_last_and_never_judge_themselves() -> None:
    """A trial for every cell of every other target; pairwise, one for every two base cells."""
    made = plan(judges={"strict": JudgeSpec("a", items=5), "rank": JudgeSpec("a", mode="pairwise", itself=True)})
    trials = unfold(made, load(made.workload, folder=Path(), seeds=Seeds()))
    judging = [trial for trial in trials if trial.judges]
    assert trials[-len(judging) :] == tuple(judging)
    strict = [trial for trial in judging if trial.arm.startswith("judge:strict")]
    assert {trial.judges.partition(" · ")[0] for trial in strict} == {"b"}
    assert {len(trial.item_digests) for trial in strict} == {5}
    assert [trial.judges for trial in judging if "rank" in trial.arm] == ["a · raw vs b · raw"]


def test_a_language_without_items_is_said() -> None:
    """A workload that holds no item of a language the plan asks for is refused."""
    made = plan()
    job = load(replace(made.workload, languages=("es",)), folder=Path(), seeds=Seeds())
    with pytest.raises(DataError, match="'sw'"):
        unfold(made, job)


GOOD = """\
question: Which?
workload: {builtin: support-triage, items: 24}
targets: {a: {kind: fake}, b: {kind: fake}}
"""


@pytest.mark.parametrize(
    ("more", "place", "words", "hint"),
    [
        ("vary: {perturbations: [keybord-typos]}", "vary.perturbations[0]", "no perturbation", "keyboard-typos"),
        ("vary: {perturbations: [lower-case, lower-case]}", "vary.perturbations[1]", "named twice", ""),
        ("vary: {perturbations: [{keyboard-typos: {rat: 0.1}}]}", "rat", "unknown option", "rate"),
        ("vary: {perturbation: [lower-case]}", "vary.perturbation", "unknown key", "perturbations"),
        ("vary: {lab: zero-shot}", "vary.lab", "no field", "perturbations"),
        ("vary: {perturbations: [other-values], lab: raw}", "vary.lab", "no field", "perturbations"),
        (
            "vary: {perturbations: [other-values]}\ntexts: hash",
            "vary.perturbations[0]",
            "changes what is right",
            "keep",
        ),
        ("vary: {field: [lower-case, no-evidence]}\ntexts: redact", "vary.field[1]", "keeps none", "texts: keep"),
        ("judges: {x: {target: c}}", "judges.x.target", "no target", "known"),
        ("judges: {x: {target: a, mode: pairwise}}", "judges.x", "fewer than two", "itself"),
        ("judges: {x: {target: a, repeats: 0}}", "judges.x.repeats", "at least 1", ""),
        ("judges: {x: {target: a, rubric: no.yaml}}", "judges.x.rubric", "no file", ""),
        ("stakes: {pairs: {refund: 4}}", "refund", "a pair is", "->"),
        ("stakes: {pairs: {a -> b: 5}}", "a -> b", "1 to 4", ""),
        ('stakes: {weights: {"1": 1, "2": 2, "3": -3, "4": 4}}', "weights", "0 or more", ""),
        ('stakes: {weights: {"1": 1}}', "stakes.weights", "2, 3, 4", "weights"),
        ("confident: 1.5", "confident", "at most 1", ""),
    ],
)
def test_mistakes_are_sentences_with_their_place(tmp_path: Path, more: str, place: str, words: str, hint: str) -> None:
    """What is wrong, where, and what to type next."""
    file = tmp_path / "plan.yaml"
    file.write_text(GOOD + more + "\n", encoding="utf-8")
    with pytest.raises(PlanErrors) as caught:
        load_plan(file)
    first = caught.value.errors[0]
    assert place in str(first) and words in str(first), str(first)
    assert hint in (first.hint or ""), first.hint
    assert first.line is not None


RUBRIC = "name: r\ncriteria:\n  - {name: a, weight: 0.5}\n  - {name: b, weight: %s}\n"


def test_a_scorer_is_read_from_its_file_before_anything_is_asked(tmp_path: Path) -> None:
    """A rubric whose weights do not sum is refused with its own line; one that does is taken."""
    file = tmp_path / "plan.yaml"
    file.write_text(GOOD.replace("items: 24", "items: 24, scorers: [{rubric: {file: r.yaml}}]"), encoding="utf-8")
    (tmp_path / "r.yaml").write_text(RUBRIC % "0.6", encoding="utf-8")
    with pytest.raises(PlanErrors) as caught:
        load_plan(file)
    assert "r.yaml:3:" in str(caught.value) and "sum to 1.1" in str(caught.value)
    (tmp_path / "r.yaml").write_text(RUBRIC % "0.5", encoding="utf-8")
    job = load(load_plan(file).workload, folder=tmp_path, seeds=Seeds())
    assert [one["name"] for one in job.scorers[0].options["criteria"]] == ["a", "b"]
