"""Built-in jobs: a sheet and its rows, which a plan can overrule."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebench.errors import DataError
from edgebench.records import Seeds, WorkloadSpec
from edgebench.workloads import builtin, load


def test_every_shipped_job_loads_whole():
    """Whatever is shipped can be measured: labels, examples, provenance and all."""
    assert "support-triage" in builtin.names()
    for job in builtin.shelf():
        loaded = load(WorkloadSpec(builtin=job.name), folder=Path("nowhere"), seeds=Seeds())
        assert loaded.name == job.name and loaded.items and loaded.pool
        assert set(loaded.task.choices) == set(job.labels) == {example.reference for example in loaded.pool}
        assert loaded.task.instruction == job.instruction and loaded.source["provenance"] == job.provenance


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
        with pytest.raises(DataError, match="broken sheet"):
            builtin.read("x", tmp_path)
