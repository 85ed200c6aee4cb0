"""The common part of two runs: the items both asked, and every trace of the others gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edgebench.decide.common import common_items, common_part, same_items
from edgebench.errors import UsageError
from edgebench.records import Run
from edgebench.store.interchange import merge
from tests import builders
from tests.builders import Arm


def run_of(items: int, run_id: str) -> Run:
    return builders.run({"a": Arm()}, items=items, run_id=run_id)


def test_only_what_both_asked_is_left() -> None:
    """Items, trials, records and scores; stamps untouched; and the parts can be merged."""
    long, short = run_of(60, "long"), run_of(40, "short")
    assert not same_items((long, short)) and len(common_items((long, short))) == 40
    parts = common_part((long, short))
    assert same_items(parts) and merge(parts).workload.digest == short.workload.digest
    assert parts[1].records == short.records
    shared = common_items((long, short))
    assert parts[0].records == tuple(record for record in long.records if record.item_digest in shared)
    assert len(parts[0].records) == sum(len(trial.item_digests) for trial in parts[0].trials) == 40
    assert {score.record_id for score in parts[0].scores} <= {record.id for record in parts[0].records}


def test_runs_without_a_common_item_are_refused() -> None:
    """There is nothing to compare."""
    one = run_of(8, "one")
    other = run_of(8, "other")
    items = tuple(type(item)(id=item.id, input=f"another {item.id}") for item in other.workload.items)
    with pytest.raises(UsageError, match="no item in common"):
        common_part((one, replace(other, workload=replace(other.workload, items=items))))
