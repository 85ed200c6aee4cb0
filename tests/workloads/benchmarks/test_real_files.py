"""The benchmarks as they are published: a hundred stratified items of each, raw and lab, and what the files hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebench.records import Seeds, Workload, WorkloadSpec
from edgebench.workloads import load, prompting
from edgebench.workloads.scorers import build

LANGUAGES = ("es", "sw", "bn")


@pytest.fixture(scope="module")
def hundred(data_dir: Path) -> dict[str, Workload]:
    """A hundred items of each benchmark that is there, MGSM in four languages."""
    there = [name for name in ("banking77", "gsm8k", "humaneval", "mgsm", "mmlu") if (data_dir / name).is_dir()]
    return {
        name: load(
            WorkloadSpec(benchmark=name, file=name, items=100, languages=LANGUAGES if name == "mgsm" else ()),
            folder=data_dir,
            seeds=Seeds(),
        )
        for name in there
    }


def test_a_hundred_items_of_each_stratified(hundred):
    """Every subject, intent, number of steps and language in its share; nothing measured is shown."""
    for name, job in hundred.items():
        assert len(job.items) == (400 if name == "mgsm" else 100)
        cells = {e.input.split("\n\nA) ")[0] for e in job.pool}
        assert not [item for item in job.items if item.text in cells and not item.choices]
    subjects = [item.tags["subject"] for item in hundred["mmlu"].items]
    assert {subject: subjects.count(subject) for subject in set(subjects)} == {
        "abstract_algebra": 14, "business_ethics": 14, "college_biology": 20, "global_facts": 14,
        "high_school_computer_science": 14, "world_religions": 24,
    }  # fmt: skip
    intents = [item.reference for item in hundred["banking77"].items]
    assert {intents.count(intent) for intent in hundred["banking77"].task.choices} == {1, 2}
    languages = [item.tags["language"] for item in hundred["mgsm"].items]
    assert {languages.count(code) for code in ("en", *LANGUAGES)} == {100}


def test_both_forms_of_each_can_be_asked(hundred):
    """Raw is one turn with the item's own words; lab shows what the literature shows, to every item."""
    for job in hundred.values():
        raw = prompting.build("raw")(job, np.random.default_rng(1))
        lab = prompting.build("lab")(job, np.random.default_rng(1))
        asking = getattr(lab.inner, "asking", lab.inner)
        for item in job.items:
            assert raw.request(item).messages[0].content.startswith(item.text)
            sent = asking.request(item).messages
            shown = sum(message.role == "assistant" for message in sent)
            assert shown == {"mmlu": 5, "gsm8k": 8, "mgsm": 6, "banking77": 12, "humaneval": 0}[job.name]
            assert not [message for message in sent[:-1] if message.content.startswith(item.text)]


def test_mmlu_shows_an_item_only_questions_of_its_subject(hundred):
    """The five examples are the dev questions of the item's own subject."""
    job = hundred["mmlu"]
    lab = prompting.build("lab")(job, np.random.default_rng(1))
    groups = {example.input: example.group for example in job.pool}
    for item in job.items:
        shown = [message.content for message in lab.inner.request(item).messages if message.role == "user"][:-1]
        assert {groups[text] for text in shown} == {item.tags["subject"]} and len(shown) == 5


def test_mgsm_in_every_language_has_the_same_answers(hundred):
    """Items of one cluster have one answer; every example shows the way in English."""
    answers: dict[str, set[str]] = {}
    for item in hundred["mgsm"].items:
        answers.setdefault(str(item.cluster), set()).add(item.reference)
    assert len(answers) == 100 and {len(each) for each in answers.values()} == {1}
    assert all(example.worked for example in hundred["mgsm"].pool)


def test_every_worked_solution_of_gsm8k_scores_itself(data_dir: Path):
    """1,319 solutions: what the scorer reads from one is its reference."""
    job = load(WorkloadSpec(benchmark="gsm8k", file="gsm8k"), folder=data_dir, seeds=Seeds())
    judge = build(job.scorers[0])
    assert (len(job.items), len(job.pool)) == (1311, 8)
    assert all(judge(item, job.task, f"So it is\n#### {item.reference}").value == 1 for item in job.items)
    for example in job.pool:
        assert "<<" not in example.worked and "####" not in example.worked and example.worked


@pytest.mark.parametrize(
    ("name", "items", "pool"), [("mmlu", 715, 30), ("banking77", 3079, 9997), ("humaneval", 164, 0)]
)
def test_the_whole_of_each_is_read(data_dir: Path, name: str, items: int, pool: int):
    """As many items as were published (of Banking77 one row says what another says)."""
    job = load(WorkloadSpec(benchmark=name, file=name), folder=data_dir, seeds=Seeds())
    assert (len(job.items), len(job.pool), job.source["population"]) == (items, pool, items)
