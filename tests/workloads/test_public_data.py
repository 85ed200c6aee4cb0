"""Public test sets as they are published: read without touching them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebench.errors import DataError
from edgebench.records import Columns, ExamplesSpec, Message, ScorerSpec, Seeds, WorkloadSpec
from edgebench.workloads import load, prompting, scorers

BANKING = Columns("text", "category")


def test_banking77_from_its_two_files(data_dir: Path):
    """77 labels, ten examples of each, 250 items; the two rows that differ by a line break only are found."""
    examples = ExamplesSpec("banking77/train.csv")
    spec = WorkloadSpec(file="banking77/test.csv", columns=BANKING, items=250, examples=examples, duplicates="drop")
    job = load(spec, folder=data_dir, seeds=Seeds())
    assert (len(job.items), len(job.task.choices), job.source["population"]) == (250, 77, 3079)
    counts = [sum(item.reference == label for item in job.items) for label in job.task.choices]
    assert set(counts) == {3, 4}
    shown = prompting.build({"few-shot": {"k": 10}})(job, np.random.default_rng(1))
    assert len(shown.task.examples) == 770
    with pytest.raises(DataError, match="row 1466 and row 1446"):
        load(WorkloadSpec(file="banking77/test.csv", columns=BANKING), folder=data_dir, seeds=Seeds())


def test_gsm8k_solutions_are_numbers_that_score_themselves(data_dir: Path):
    """1,319 worked solutions: the number after #### is the reference."""
    spec = WorkloadSpec(file="gsm8k/test.jsonl", columns=Columns("question", "answer"))
    job = load(spec, folder=data_dir, seeds=Seeds())
    assert (len(job.items), job.task.output, job.scorers) == (1319, "number", (ScorerSpec("number"),))
    judge = scorers.number()
    assert all(judge(item, job.task, str(item.reference)).value == 1 for item in job.items)
    assert judge(job.items[0], job.task, "She makes $18 a day.").value == 1


@pytest.mark.parametrize("language", ["bn", "en", "es", "fr", "sw", "zh"])
def test_mgsm_has_no_header_and_no_quoting(data_dir: Path, language: str):
    """250 problems in every language and script."""
    spec = WorkloadSpec(file=f"mgsm/mgsm_{language}.tsv", header=False, columns=Columns("1", "2"))
    job = load(spec, folder=data_dir, seeds=Seeds())
    assert (len(job.items), job.task.output, job.items[0].reference) == (250, "number", "18")


def test_mmlu_questions_are_asked_by_letter(data_dir: Path):
    """Four choice columns, the letter last, five examples from the dev file."""
    spec = WorkloadSpec(
        file="mmlu/test/abstract_algebra_test.csv",
        header=False,
        columns=Columns("1", "6", "2|3|4|5"),
        examples=ExamplesSpec("mmlu/dev/abstract_algebra_dev.csv", header=False),
    )
    job = load(spec, folder=data_dir, seeds=Seeds())
    first = job.items[0]
    assert (len(job.items), len(job.pool), first.choices, first.reference) == (100, 5, ("0", "4", "2", "6"), "B")
    few = prompting.build({"few-shot": {"k": 5}})(job, np.random.default_rng(1))
    shown, *_ = [turn for turn in few.turns if turn.role == "user"]
    assert shown.content.count("\n") >= 4 and "\nD) " in shown.content
    judge = scorers.choice_letter()
    assert [judge(first, job.task, answer).value for answer in ("B", "B) 4", "4", "The answer is C")] == [1, 1, 1, 0]


def test_humaneval_is_read_through_gzip(data_dir: Path):
    """164 tasks, their code to the last space."""
    spec = WorkloadSpec(
        file="humaneval/HumanEval.jsonl.gz", columns=Columns("prompt", "canonical_solution", id="task_id")
    )
    item = load(spec, folder=data_dir, seeds=Seeds()).items[0]
    assert (item.id, str(item.reference)[:8]) == ("HumanEval/0", "    for ")


def test_endings_as_hellaswag_writes_them(tmp_path: Path):
    """A list of endings and an index from 0 become choices and a letter."""
    (tmp_path / "h.jsonl").write_text(
        '{"ctx": "A man", "endings": ["a", "b", "c", "d"], "label": 3}\n'
        '{"ctx": "A dog", "endings": ["e", "f", "g", "h"], "label": 0}\n',
        encoding="utf-8",
    )
    spec = WorkloadSpec(file="h.jsonl", columns=Columns("ctx", "label", "endings"))
    job = load(spec, folder=tmp_path, seeds=Seeds())
    assert [item.reference for item in job.items] == ["D", "A"]
    sent = prompting.raw()(job, np.random.default_rng(1)).request(job.items[1]).messages
    assert sent == (Message("user", "A dog\n\nA) e\nB) f\nC) g\nD) h"),)
