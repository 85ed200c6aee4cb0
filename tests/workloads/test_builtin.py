"""Built-in jobs: a sheet and its rows, which a plan can overrule."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebench.errors import DataError
from edgebench.records import Seeds, WorkloadSpec
from edgebench.workloads import builtin, load


@pytest.mark.parametrize("name", builtin.names())
def test_every_shipped_job_loads_whole(name: str) -> None:
    """Whatever is shipped can be measured: labels or answers of another kind, examples, provenance and all."""
    job = builtin.read(name)
    loaded = load(WorkloadSpec(builtin=name), folder=Path("nowhere"), seeds=Seeds())
    assert loaded.name == job.name == name and loaded.items and loaded.pool
    assert loaded.task.output == job.output
    assert loaded.task.instruction == job.instruction and loaded.source["provenance"] == job.provenance
    shown = [example.reference for example in loaded.pool]
    if job.output == "choice":
        assert set(loaded.task.choices) == set(job.labels) == set(shown) != set()
    else:
        assert not loaded.task.choices and not job.labels
    if job.output == "json":
        assert job.schema is not None
        fields, needed = set(job.schema["properties"]), set(job.schema["required"])
        assert loaded.task.schema == job.schema
        assert all(isinstance(item.reference, dict) and item.reference for item in loaded.items)
        assert all(isinstance(answer, dict) and needed <= set(answer) <= fields for answer in shown)
    if job.output == "text":
        assert all(item.reference for item in loaded.items)
        assert all(isinstance(answer, str) and answer.strip() for answer in shown)


def test_jobs_of_labels_of_objects_and_of_text_are_shipped() -> None:
    """The test above holds for each kind of answer."""
    kinds = {job.name: job.output for job in builtin.shelf()}
    assert kinds["support-triage"] == "choice" and {"choice", "json", "text"} <= set(kinds.values())


def test_a_plan_overrules_the_sheet():
    """Items, words and scorers of the plan go above the sheet's; the labels stay."""
    spec = WorkloadSpec(builtin="support-triage", items=24, instruction="Sort.", scorers=("text",), max_tokens=5)
    job = load(spec, folder=Path("nowhere"), seeds=Seeds())
    assert (len(job.items), job.task.instruction, job.task.max_tokens) == (24, "Sort.", 5)
    assert [scorer.name for scorer in job.scorers] == ["text"]
    assert {item.reference for item in job.items} == set(job.task.choices)
    assert all(item.tags and item.stakes for item in job.items)


def test_an_unknown_job_and_a_broken_sheet(tmp_path: Path):
    """The nearest name is given; a sheet without its keys is refused."""
    with pytest.raises(DataError) as caught:
        builtin.read("support-triaj")
    assert "support-triage" in str(caught.value.hint)
    for sheet in ("name: x\n", "- 1\n"):
        (tmp_path / "x.yaml").write_text(sheet, encoding="utf-8")
        (tmp_path / "x.jsonl").write_text("", encoding="utf-8")
        with pytest.raises(DataError, match="broken sheet"):
            builtin.read("x", tmp_path)
