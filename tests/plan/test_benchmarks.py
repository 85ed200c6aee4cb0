"""Benchmarks in plans: a name that means nothing and files that are not there are found before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebench.plan import PlanErrors, load_plan
from tests.workloads.benchmarks import published

PLAN = """\
question: Which one?
workload: {workload}
targets:
  one: {{kind: fake}}
"""


def mistakes(folder: Path, workload: str) -> list[str]:
    file = folder / "plan.yaml"
    file.write_text(PLAN.format(workload=workload), encoding="utf-8")
    try:
        load_plan(file)
    except PlanErrors as caught:
        return [f"{error}   {error.hint or ''}" for error in caught.errors]
    return []


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEBENCH_DATA", raising=False)


def test_a_benchmark_whose_files_are_there_is_a_plan(tmp_path, monkeypatch):
    """By the environment's folder, and by a folder from the plan's on."""
    published.gsm8k(tmp_path / "data" / "gsm8k")
    assert mistakes(tmp_path, "{benchmark: gsm8k, file: data/gsm8k, items: 10}") == []
    monkeypatch.setenv("EDGEBENCH_DATA", str(tmp_path / "data"))
    assert mistakes(tmp_path, "{benchmark: gsm8k, items: 10}") == []


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        ("{benchmark: gsm9k}", ("no benchmark is called 'gsm9k'", "gsm8k")),
        ("{benchmark: gsm8k}", ("nothing says where the files of gsm8k are", "export EDGEBENCH_DATA=")),
        ("{benchmark: gsm8k, file: here}", ("there is no folder", "test.jsonl")),
        ("{benchmark: gsm8k, file: .}", ("has no file test.jsonl", "Cobbe")),
        ("{benchmark: gsm8k, builtin: support-triage}", ("not both", "")),
        ("{benchmark: gsm8k, file: ., columns: {input: x}}", ("a benchmark has no columns to map", "")),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path, workload, words):
    """Line and key of the plan, what is wrong, and what to type."""
    found = " ".join(mistakes(tmp_path, workload))
    assert all(word in found for word in words) and "plan.yaml:2:" in found
