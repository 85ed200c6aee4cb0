"""A plan that grew asks only what is new; the same plan again is measured again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench.contracts import Store
from edgebench.records import JudgeSpec, Plan, TargetSpec, VarySpec, WorkloadSpec
from edgebench.run.execute import Finished, execute
from edgebench.store import open_store

ITEMS = 12


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "runs.db") as opened:
        yield opened


def plan(**fields: Any) -> Plan:
    known: dict[str, Any] = {
        "question": "Does it grow?",
        "workload": WorkloadSpec(builtin="support-triage", items=ITEMS),
        "targets": {"a": TargetSpec(kind="fake", options={"latency_ms": 1.0})},
        "prompting": ("raw",),
    }
    return Plan(**{**known, **fields})


def carried(store: Store, made: Plan, **options: Any) -> Finished:
    return execute(made, store=store, certify=False, **options)


@pytest.mark.parametrize(
    ("more", "new"),
    [
        ({"prompting": ("raw", "zero-shot")}, ITEMS),
        ({"vary": VarySpec(perturbations=("lower-case",))}, ITEMS),
        ({"targets": {"a": plan().targets["a"], "b": TargetSpec(kind="fake")}}, ITEMS),
        ({"judges": {"j": JudgeSpec("a", itself=True)}}, ITEMS),
        ({"workload": WorkloadSpec(builtin="support-triage", items=ITEMS, scorers=("label", "text"))}, 0),
    ],
    ids=["a prompting", "a perturbation", "a target", "a judge", "a scorer"],
)
def test_adding_runs_only_what_is_new(store: Store, more: dict[str, Any], new: int) -> None:
    """The old answers are in the new run as they were, scored by every scorer; the old run stays as it is."""
    first = store.load(carried(store, plan()).run_id)
    finished = carried(store, plan(**more))
    run = store.load(finished.run_id)
    assert finished.run_id != first.id and finished.issued == new
    kept = {record.id: record for record in run.records}
    assert all(kept[record.id] == record for record in first.records)
    assert "taken over from run" in run.notes[0] and first.id in run.notes[0]
    assert {segment.id for segment in first.segments} < {segment.id for segment in run.segments} or new == 0
    asked = [spec.name for spec in run.workload.scorers]
    assert all(
        {(r.id, name) for name in asked for r in first.records} <= {(s.record_id, s.scorer) for s in run.scores}
        for _ in [0]
    )
    assert store.load(first.id) == first


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"question": "Another question?"},
        {"blocks": 2, "prompting": ("raw", "zero-shot")},
        {"seeds": replace(plan().seeds, order=7), "prompting": ("raw", "zero-shot")},
        {"targets": {"a": TargetSpec(kind="fake", options={"latency_ms": 2.0})}, "prompting": ("raw", "zero-shot")},
        {"texts": "hash", "prompting": ("raw", "zero-shot")},
    ],
    ids=["the same", "another question", "other blocks", "another order", "another target", "other texts"],
)
def test_what_was_measured_otherwise_is_measured_again(store: Store, other: dict[str, Any]) -> None:
    """The same plan, or one whose old cells would be asked in another way, takes nothing over."""
    carried(store, plan())
    made = plan(**other)
    finished = carried(store, made)
    assert finished.issued == ITEMS * len(made.prompting)
    assert store.load(finished.run_id).notes == ()


def test_new_asks_all_of_it(store: Store) -> None:
    """``--new`` takes nothing over."""
    carried(store, plan())
    assert carried(store, plan(prompting=("raw", "zero-shot")), fresh=True).issued == 2 * ITEMS
