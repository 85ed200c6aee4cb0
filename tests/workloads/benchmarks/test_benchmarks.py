"""Benchmarks as workloads: what each asks, what is shown beside it, and where it says it comes from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebench.errors import DataError
from edgebench.records import Example, ExamplesSpec, ScorerSpec, Seeds, Workload, WorkloadSpec
from edgebench.workloads import benchmarks, load, prompting
from edgebench.workloads.scorers import build
from tests.workloads.benchmarks import published


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small form of every benchmark, where the environment says they are."""
    for name, write in published.ALL.items():
        write(tmp_path / "data" / name)
    monkeypatch.setenv("EDGEBENCH_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def loaded(benchmark: str, **spec: object) -> Workload:
    return load(WorkloadSpec(benchmark=benchmark, **spec), folder=Path("nowhere"), seeds=Seeds())  # type: ignore[arg-type]


def refusal(name: str, **spec: object) -> DataError:
    with pytest.raises(DataError) as caught:
        loaded(name, **spec)
    return caught.value


# --------------------------------------------------------------------------------------------------- what each asks


def test_mmlu_asks_by_letter_with_examples_of_the_subject(data):
    """Subject from the file's name as tag and group; the dev questions are the pool."""
    job = loaded("mmlu", items=10)
    assert job.scorers == (ScorerSpec("choice-letter"),) and job.task.output == "choice" and not job.task.choices
    assert {item.tags["subject"] for item in job.items} == set(published.SUBJECTS)
    assert all(item.tags["group"] == item.tags["subject"] and item.reference == "B" for item in job.items)
    assert len(job.items[0].choices) == 4 and job.items[0].choices[2].startswith("perhaps, ")
    assert sorted({example.group for example in job.pool}) == list(published.SUBJECTS) and len(job.pool) == 10
    assert job.source["subset"]["stratify"] == "subject" and job.source["subjects"] == 2


def test_mmlu_keeps_two_options_that_are_alike(data):
    """A question is asked as it is published, with two options that say the same."""
    file = data / "mmlu" / "test" / "tea_making_test.csv"
    file.write_text(file.read_text() + "Which is it?,milk,milk,lemon,none,D\n")
    assert ("milk", "milk", "lemon", "none") in [item.choices for item in loaded("mmlu").items]


def test_gsm8k_takes_its_examples_from_what_is_not_measured(data):
    """The number is the reference, the solution without calculator notes the way; eight are held back."""
    job = loaded("gsm8k", items=10)
    assert job.task.output == "number" and job.scorers == (ScorerSpec("number"),)
    assert job.items[0].reference == f"{int(job.items[0].text.split()[2]) + 2:,}"
    assert len(job.pool) == 20 and not {e.input for e in job.pool} & {i.text for i in job.items}
    assert all("<<" not in e.worked and "####" not in e.worked and "She has" in e.worked for e in job.pool)
    assert job.source["subset"] | {"seed": 0, "method": ""} == {
        "asked": 10, "items": 10, "method": "", "stratify": "steps", "seed": 0, "strata": 3, "held_back": 8,
    }  # fmt: skip
    every = loaded("gsm8k")
    assert (len(every.items), len(every.pool)) == (22, 8)
    assert every.source["subset"]["asked"] == 30


def test_mgsm_asks_the_same_problems_in_every_language(data):
    """Language cells pair by the line of the file; no problem that is measured is shown in any language."""
    job = loaded("mgsm", items=10, languages=("es", "sw"))
    assert len(job.items) == 30 and job.source["languages"] == ["en", "es", "sw"]
    clusters = {code: {i.cluster for i in job.items if i.tags["language"] == code} for code in ("en", "es", "sw")}
    assert clusters["en"] == clusters["es"] == clusters["sw"] and len(clusters["en"]) == 10
    assert len(job.pool) == 60 and {example.group for example in job.pool} == {"en", "es", "sw"}
    numbers = {item.reference for item in job.items}
    assert not numbers & {example.reference for example in job.pool}
    assert loaded("mgsm", language="sw", items=5).items[0].text.startswith("Ana ana")


def test_mgsm_shows_the_ways_of_gsm8k_where_that_lies_beside(data):
    """The worked solutions are English ones of the same problems; without them the set-up asks for no examples."""
    job = loaded("mgsm", items=10, languages=("es",))
    assert "EN-CoT" in job.source["lab"]["name"]
    assert all(f"{int(e.reference.replace(',', '')) - 2}+2" in e.worked for e in job.pool)
    (data / "gsm8k" / "test.jsonl").unlink()
    alone = loaded("mgsm", items=10)
    assert alone.source["lab"]["prompting"] == "chain-of-thought" and not any(e.worked for e in alone.pool)


def test_humaneval_carries_its_tests_as_the_reference(data):
    """The function's beginning is asked, as a person would say it; the reference is what the scorer runs."""
    job = loaded("humaneval")
    first = job.items[0]
    assert first.text.startswith("Complete this Python function:\n\ndef add_0(x: int)") and first.id == "HumanEval/0"
    assert set(first.reference) == {"test", "entry_point", "prompt"} and job.scorers == (ScorerSpec("code"),)
    assert job.task.max_tokens == 512 and job.pool == () and len(job.items) == 12


def test_hellaswag_asks_for_one_of_four_endings(data):
    """The label counts from 0 and becomes a letter; the activity is the tag a subset is stratified by."""
    job = loaded("hellaswag", items=8)
    for item in job.items:
        number = int(item.id.removeprefix("hellaswag-")) - 1  # the row
        assert item.reference == "ABCD"[number % 4] and item.text == f"Somebody begins, {number}. then"
    activities = [item.tags["activity"] for item in job.items]
    assert sorted(activities) == ["Baking bread"] * 4 + ["Mending a tyre"] * 4
    assert "likelihood" in job.source["how"] and job.source["lab"]["prompting"] == "by-likelihood"


def test_banking77_sorts_into_its_intents(data):
    """Labels as they are written; a message of the test is not shown though it is in the training part."""
    job = loaded("banking77", items=6)
    assert job.task.choices == ("Fees", "card_lost", "top_up") and job.task.descriptions["card_lost"] == "card lost"
    assert [item.reference for item in job.items].count("Fees") == 2 and job.scorers == (ScorerSpec("label"),)
    assert len(loaded("banking77").pool) == 30


# --------------------------------------------------------------------------------------------------- two forms


@pytest.mark.parametrize("name", published.ALL)
def test_each_has_a_raw_and_a_lab_form(data, name):
    """Raw sends the item's words and what cannot be left out; lab is the set-up the source names, and can be built."""
    job = loaded(name, items=6)
    raw = prompting.build("raw")(job, np.random.default_rng(1))
    sent = raw.request(job.items[0])
    assert [message.role for message in sent.messages] == ["user"]
    assert sent.messages[0].content.startswith(job.items[0].text)
    lab = prompting.build("lab")(job, np.random.default_rng(1))
    assert lab.name == "lab" and job.source["lab"]["name"]
    named = benchmarks.about(name).lab
    if named.shown:
        assert len(lab.task.examples) in (named.shown, named.shown * 2, named.shown * 3)  # of each group or label


@pytest.mark.parametrize("name", published.ALL)
@pytest.mark.parametrize("items", [5, None])
def test_nothing_measured_is_among_the_examples(data, name, items):
    """No example asks what an item asks."""
    job = loaded(name, items=items)
    asked = {item.text for item in job.items}
    assert not [example for example in job.pool if example.input in asked]
    assert all(isinstance(example, Example) for example in job.pool)


@pytest.mark.parametrize("name", sorted(set(published.ALL) - {"humaneval"}))
def test_the_reference_itself_is_judged_right(data, name):
    """The scorer of a benchmark takes its own references for right answers."""
    job = loaded(name)
    judge = build(job.scorers[0])
    assert {judge(item, job.task, str(item.reference)).value for item in job.items} == {1.0}


@pytest.mark.parametrize("name", published.ALL)
def test_a_subset_is_the_same_each_time(data, name):
    """Equal items, equal pool; another seed, other items."""
    one, two = loaded(name, items=5), loaded(name, items=5)
    assert one == two and one.digest == two.digest
    other = load(WorkloadSpec(benchmark=name, items=5), folder=Path(), seeds=Seeds(subset=2))
    assert other.digest != one.digest


@pytest.mark.parametrize("name", published.ALL)
def test_the_source_says_who_made_it_and_what_was_read(data, name):
    """Title, citation, licence, the files' digest; never where they lie."""
    source = loaded(name, items=5).source
    made = benchmarks.about(name)
    assert (source["benchmark"], source["citation"], source["licence"]) == (name, made.citation, made.licence)
    assert len(source["sha256"]) == 64 and source["files"] >= 1 and source["population"] >= 12
    assert str(data) not in str(source)


# --------------------------------------------------------------------------------------------------- the plan's words


def test_a_plan_says_more_than_the_benchmark(data):
    """Instruction, room, scorers, strata and name of a plan go above the benchmark's own."""
    job = loaded(
        "gsm8k", items=5, instruction="Reckon.", max_tokens=9, scorers=("number",), stratify="none", name="sums"
    )
    assert (job.task.instruction, job.task.max_tokens, job.name) == ("Reckon.", 9, "sums")
    assert job.source["subset"]["method"] == "uniform"


def test_the_folder_may_be_named_in_the_plan(data, monkeypatch):
    """``file`` is the benchmark's own folder, from the plan's folder on."""
    monkeypatch.delenv("EDGEBENCH_DATA")
    spec = WorkloadSpec(benchmark="humaneval", file="humaneval")
    assert len(load(spec, folder=data, seeds=Seeds()).items) == 12


def test_what_is_missing_is_named(data, monkeypatch):
    """A name, a folder, a file, a language that is not there, each with what to type."""
    assert "did you mean 'gsm8k'" in (refusal("GSM8").hint or "")
    with pytest.raises(DataError, match="no benchmark"):
        benchmarks.about("glue")
    assert benchmarks.names() == ("banking77", "gsm8k", "hellaswag", "humaneval", "mgsm", "mmlu")
    (data / "hellaswag" / "hellaswag_val.jsonl").unlink()
    error = refusal("hellaswag")
    assert "hellaswag_val.jsonl" in str(error) and "Zellers" in (error.hint or "")
    error = refusal("mgsm", languages=("sv",))
    assert "'sv'" in str(error) and "sw" in (error.hint or "")
    assert "already" in str(refusal("mgsm", languages=("en",)))
    assert "en alone" in str(refusal("gsm8k", languages=("es",))) and "en alone" in str(refusal("mmlu", language="es"))
    assert "no folder" in str(refusal("mmlu", file="elsewhere"))
    monkeypatch.delenv("EDGEBENCH_DATA")
    error = refusal("mmlu")
    assert "where the files of mmlu are" in str(error) and "export EDGEBENCH_DATA" in (error.hint or "")


@pytest.mark.parametrize(
    "spec",
    [{"labels": {"a": "", "b": ""}}, {"schema": {}}, {"examples": ExamplesSpec("x.csv")}, {"builtin": "support-triage"},
     {"items": 0}, {"items": 5, "stratify": "colour"}],
)  # fmt: skip
def test_what_a_benchmark_does_not_take_is_refused(data, spec):
    """Labels, schema and examples are its own; a plan names one thing to ask."""
    assert str(refusal("banking77", **spec))


def test_repeats_are_dropped_and_contradictions_kept_together(data):
    """An exact repeat is left out and counted; the same question with another answer shares a cluster."""
    file = data / "banking77" / "test.csv"
    file.write_text(file.read_text() + '"test Fees 3, please ",Fees\n"test Fees 4, please",top_up\n')
    job = loaded("banking77")
    assert len(job.items) == 31 and job.source["duplicates_dropped"] == 1
    alike = [item for item in job.items if item.text == "test Fees 4, please"]
    assert len(alike) == 2 and alike[0].cluster == alike[1].cluster is not None
    kept = loaded("banking77", duplicates="keep")
    assert len(kept.items) == 32 and kept.source["duplicates_dropped"] == 0
