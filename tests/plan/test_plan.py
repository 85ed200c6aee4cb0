"""Plans: what is read, what is refused and where, and how a plan unfolds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench import catalog
from edgebench.errors import DataError, PlanError
from edgebench.plan import PlanErrors, arms, key_pairs, load_plan, prompting_name, schema, unfold
from edgebench.records import Plan, Seeds, TargetSpec, WorkloadSpec
from edgebench.targets.connection import is_loopback
from edgebench.workloads.prompting import build
from tests import builders
from tests.plan.mistakes import GOOD, MISTAKES


def write(folder: Path, text: str) -> Path:
    file = folder / "plan.yaml"
    file.write_text(text, encoding="utf-8")
    return file


# ------------------------------------------------------------------------------------------------------- what is read


def test_a_good_plan_is_read(tmp_path: Path) -> None:
    """Every value lands where the noun has it, and relative paths start at the plan's folder."""
    plan = load_plan(write(tmp_path, GOOD))
    assert plan.question == "Which is better?"
    assert plan.workload == WorkloadSpec(builtin="support-triage", items=40)
    assert plan.targets["small"].model == "smollm2-135m-q4_1"
    assert plan.slos[0].max == 1000 and plan.objectives == ("accuracy", "p95_ms")
    assert Path(plan.folder) == tmp_path


@pytest.mark.parametrize("name", ["support-triage", "demo", "laptop-vs-api", "api-over-4g", "lab-vs-field"])
def test_every_shipped_plan_is_sound(name: str) -> None:
    """A plan on the shelf is loaded by its name, and its arms are told apart."""
    plan = load_plan(name)
    assert len({arm.name for arm in arms(plan)}) == len(arms(plan)) >= 3


def test_the_busy_hour_is_an_open_loop_on_the_shipped_trace() -> None:
    """Its rate is a variable, its stop rule may end it early, and its trace is found on the shelf."""
    plan = load_plan("busy-hour", set={"rate": "30"})
    assert (plan.scenario.kind, plan.scenario.trace, plan.scenario.rate) == ("trace", "office-day", 30)
    assert plan.stop is not None and plan.repeats > 1
    assert len(arms(plan)) == 2


def test_the_list_of_shipped_plans_is_the_one_tested() -> None:
    """A new plan on the shelf cannot go untested."""
    assert set(catalog.names("plans")) == {
        "support-triage",
        "demo",
        "laptop-vs-api",
        "api-over-4g",
        "banking77",
        "busy-hour",
        "lab-vs-field",
        "public-benchmark",
        "edge-or-cloud",
    }


def test_banking77_wants_its_data_and_finds_it_from_where_one_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without data the plan says what to type; a folder typed with --set is looked for from the working folder."""
    with pytest.raises(PlanError, match="'data' must be given") as caught:
        load_plan("banking77")
    assert caught.value.hint == "--set data=…"
    (tmp_path / "b").mkdir()
    for name in ("test.csv", "train.csv"):
        (tmp_path / "b" / name).write_text("text,category\nhi,x\n")
    monkeypatch.chdir(tmp_path)
    plan = load_plan("banking77", set={"data": "b", "items": "5"})
    assert plan.workload.items == 5
    assert (Path(plan.folder) / str(plan.workload.file)).samefile(tmp_path / "b" / "test.csv")
    assert not Path(str(plan.workload.file)).is_absolute()
    assert "minilm-taught · few-shot(10)" in {arm.name for arm in arms(plan)}


def test_variables_keep_their_type_where_they_are_the_whole_value(tmp_path: Path) -> None:
    """${n} alone is a number; inside text it is text; $${n} is left alone; the environment is never looked at."""
    text = GOOD.replace("items: 40", "items: ${n}").replace("Which is", "${n} of $${n} or $HOME, which is")
    plan = load_plan(write(tmp_path, text + "vars: {n: 7}\n"))
    assert plan.workload.items == 7
    assert plan.question == "7 of ${n} or $HOME, which is better?"
    assert load_plan(write(tmp_path, text + "vars: {n: 7}\n"), set={"n": "9"}).workload.items == 9


def test_an_undeclared_variable_cannot_be_set(tmp_path: Path) -> None:
    """--set of a name the plan does not declare says which it may have meant."""
    with pytest.raises(PlanError, match="no variable 'itmes'") as caught:
        load_plan(write(tmp_path, GOOD + "vars: {items: 4}\n"), set={"itmes": "5"})
    assert caught.value.hint == "did you mean 'items'?"


def test_words_of_yaml_1_1_stay_words(tmp_path: Path) -> None:
    """no, on and 1:30 are text, as labels need them; anchors and << work."""
    text = GOOD.replace("  items: 40", "  labels: {no: off, yes: 1:30}").replace(
        "    kind: fake", "    <<: &f {kind: fake}"
    )
    plan = load_plan(write(tmp_path, text))
    assert plan.workload.labels == {"no": "off", "yes": "1:30"}
    assert plan.targets["quick"].kind == "fake"


def test_the_digest_is_of_the_content(tmp_path: Path) -> None:
    """Comments, order of keys and the folder do not change what experiment it is; a value does."""
    (tmp_path / "other").mkdir()
    lines = GOOD.splitlines(keepends=True)
    moved = load_plan(write(tmp_path / "other", "# a comment\n" + "".join([*lines[1:], lines[0]])))
    assert load_plan(write(tmp_path, GOOD)).digest == moved.digest
    assert load_plan(write(tmp_path, GOOD.replace("40", "41"))).digest != moved.digest


# ---------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "line", "column", "message", "hint"), [m[1:] for m in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_shown_where_it_stands(
    tmp_path: Path, text: str, line: int, column: int, message: str, hint: str
) -> None:
    """Every mistake names file, line, column and source line, says what is wrong, and what to type where it can."""
    file = write(tmp_path, text)
    with pytest.raises(PlanError) as caught:
        load_plan(file)
    error = caught.value
    assert (error.line, error.column) == (line, column), str(error)
    assert message in str(error)
    assert hint in (error.hint or "")
    assert str(error).startswith(f"{file}:{line}:{column}: ")
    assert error.source_line == (text.splitlines()[line - 1] if text else None)
    assert error.exit_code == 2


def test_all_mistakes_are_found_at_once(tmp_path: Path) -> None:
    """The first is raised, the others come along in the order of the file."""
    text = (
        GOOD.replace("items: 40", "items: 0").replace("[accuracy, p95_ms]", "[acuracy]").replace("max: 1000", "min: 1")
    )
    with pytest.raises(PlanErrors) as caught:
        load_plan(write(tmp_path, text))
    assert [error.line for error in caught.value.errors] == [4, 13, 14]


def test_a_missing_file_and_a_missing_name(tmp_path: Path) -> None:
    """No such file, a folder, bytes that are no text: one sentence each."""
    with pytest.raises(PlanError, match="no such file"):
        load_plan(tmp_path / "nothing.yaml")
    with pytest.raises(PlanError, match="is a folder"):
        load_plan(tmp_path)
    with pytest.raises(PlanError, match="no shipped plan") as caught:
        load_plan("suport-triage")
    assert "support-triage" in (caught.value.hint or "")
    (tmp_path / "latin.yaml").write_bytes("question: ça va\n".encode("latin-1"))
    with pytest.raises(PlanError, match=r"latin\.yaml:1:1: is not UTF-8"):
        load_plan(tmp_path / "latin.yaml")


def test_a_billion_laughs_are_not_laughed(tmp_path: Path) -> None:
    """Aliases of aliases stop at a limit instead of filling the memory."""
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 10))
    with pytest.raises(PlanError, match="once aliases are followed"):
        load_plan(write(tmp_path, bomb))


def test_deep_nesting_is_refused(tmp_path: Path) -> None:
    """A thousand brackets are a sentence, not a crash of the interpreter."""
    for depth in (100, 5_000):
        with pytest.raises(PlanError, match="nested too deeply"):
            load_plan(write(tmp_path, f"question: {'[' * depth}{']' * depth}\n"))


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 30))
def test_damaged_plans_never_crash(text: str, start: int, length: int) -> None:
    """Whatever is put into a plan, it is read or refused with a PlanError."""
    from edgebench.plan.document import parse

    try:
        parse(GOOD[:start] + text + GOOD[start + length :], file="x", given={})
    except PlanError as error:
        assert str(error)


def test_keys_and_hosts(tmp_path: Path) -> None:
    """Only keys that would leave are listed, each with its host once."""
    api = "targets:\n  a: {kind: openai, model: m, key: A_API_KEY}\n  b: {kind: openai, model: n, key: A_API_KEY}\n"
    own = "  c: {kind: openai, model: n, key: B_API_KEY, base_url: 'https://x.example:8443/v1'}\n"
    plan = load_plan(write(tmp_path, GOOD.replace("targets:\n", api + own)))
    assert key_pairs(plan) == (("A_API_KEY", "api.openai.com"), ("B_API_KEY", "x.example:8443"))


def test_a_key_may_go_to_this_machine_in_clear(tmp_path: Path) -> None:
    """A local gateway that wants a key over http is no mistake."""
    api = "targets:\n  a: {kind: openai, model: m, key: A_API_KEY, base_url: 'http://127.0.0.1:8000/v1'}\n"
    assert load_plan(write(tmp_path, GOOD.replace("targets:\n", api))).targets["a"].key == "A_API_KEY"


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.0.0.1", True), ("127.9.9.9:80", True), ("::1", True), ("[::1]", True),
     ("localhost.evil.com", False), ("127.0.0.1.evil.com", False), ("192.168.0.7", False), ("10.0.0.1", False)],
)  # fmt: skip
def test_loopback_is_told_by_the_name_alone(host: str, here: bool) -> None:
    """A name that only looks like this machine is not this machine."""
    assert is_loopback(host) is here


def test_the_schema_describes_the_good_plan() -> None:
    """Editors see every key of a plan but ours, and variables are allowed where numbers are."""
    found = schema()
    assert set(found["required"]) == {"question", "workload", "targets"}
    assert "folder" not in found["properties"]
    assert {"type": "string", "pattern": r"\$\{\w+\}"} in found["properties"]["blocks"]["anyOf"]


# ----------------------------------------------------------------------------------------------------- how it unfolds


@pytest.mark.parametrize(
    "spec",
    ["raw", "zero-shot", "few-shot", {"few-shot": {"k": 1}}, {"few-shot": {"k": 1, "shown": 3}},
     {"few-shot": {"k": 1, "shown": None}}, {"zero-shot": {}}],
)  # fmt: skip
def test_promptings_are_named_as_they_name_themselves(spec: object) -> None:
    """An arm's name is known before anything is built."""
    job = builders.workload(6)
    job = replace(job, pool=tuple(replace(job.pool[0], reference=label) for label in builders.LABELS) * 5)
    assert prompting_name(spec) == build(spec)(job, np.random.default_rng(1)).name  # type: ignore[arg-type]


def made(n_targets: int, blocks: int, repeats: list[int], seeds: Seeds | None = None) -> Plan:
    targets = {f"t{k}": TargetSpec(kind="fake", repeats=repeats[k % len(repeats)]) for k in range(n_targets)}
    return Plan(
        "q", WorkloadSpec(builtin="x"), targets, prompting=("raw", "zero-shot"), blocks=blocks, seeds=seeds or Seeds()
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 4), st.integers(1, 9), st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_every_arm_meets_every_item_as_often_as_said(items: int, targets: int, blocks: int, repeats: list[int]) -> None:
    """Complete blocks, no empty trial, ids unique, order counted through; blocks differ by at most one item."""
    job, plan = builders.workload(items), made(targets, blocks, repeats)
    trials = unfold(plan, job)
    for arm in arms(plan):
        seen = Counter(d for trial in trials if trial.arm == arm.name for d in trial.item_digests)
        assert seen == {item.digest: arm.repeats for item in job.items}
    assert len({trial.id for trial in trials}) == len(trials)
    assert [trial.order for trial in trials] == list(range(len(trials)))
    sizes = {len(trial.item_digests) for trial in trials}
    assert min(sizes) >= 1 and max(sizes) - min(sizes) <= 1
    for trial in trials:
        same = [t for t in trials if (t.repetition, t.block) == (trial.repetition, trial.block)]
        assert {t.item_digests for t in same} == {trial.item_digests}


def test_blocks_hold_their_share_of_every_reference() -> None:
    """Stratified: the counts of a label in two blocks differ by at most one."""
    job, plan = builders.workload(50), made(1, 4, [1])
    labels = {item.digest: item.reference for item in job.items}
    blocks = [Counter(labels[d] for d in trial.item_digests) for trial in unfold(plan, job) if "raw" in trial.arm]
    for label in builders.LABELS:
        counts = [block[label] for block in blocks]
        assert max(counts) - min(counts) <= 1


def test_unfolding_is_the_same_everywhere() -> None:
    """Same seed, same trials, in whatever order the items are listed; pinned, so that versions agree too."""
    job, plan = builders.workload(20), made(2, 4, [2])
    trials = unfold(plan, job)
    assert trials == unfold(plan, replace(job, items=job.items[::-1]))
    assert [trial.id for trial in trials[:4]] == ["0.0.2b777474", "0.0.f39ac44e", "0.0.0c2cf5ff", "0.0.320649fc"]


def test_only_the_order_seed_changes_the_order() -> None:
    """Each seed is a dimension of its own; repetitions deal anew; the order of arms varies between blocks."""
    job = builders.workload(20)
    plain = unfold(made(4, 4, [2]), job)
    assert unfold(made(4, 4, [2], Seeds(subset=9, examples=9, sampling=9, bootstrap=9)), job) == plain
    assert unfold(made(4, 4, [2], Seeds(order=2)), job) != plain
    first, second = ({t.item_digests for t in plain if t.repetition == r} for r in (0, 1))
    assert first != second
    assert len({tuple(t.arm for t in plain if (t.repetition, t.block) == (0, b)) for b in range(4)}) > 1


def test_items_that_repeat_are_met_as_often_as_they_stand() -> None:
    """A workload that keeps duplicates keeps them in the trials."""
    job = builders.workload(6)
    job = replace(job, items=job.items + job.items[:2])
    seen = Counter(d for trial in unfold(made(1, 3, [1]), job) if "raw" in trial.arm for d in trial.item_digests)
    assert sorted(seen.values()) == [1, 1, 1, 1, 2, 2]


def test_a_workload_without_items_cannot_unfold() -> None:
    """Nothing to ask is an error, not an empty run."""
    with pytest.raises(DataError, match="no items"):
        unfold(made(1, 4, [1]), replace(builders.workload(1), items=()))
