"""One trial on engines that misbehave in a process of their own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebench.contracts import Store
from edgebench.load.scenarios import Closed
from edgebench.load.stopping import Stopping
from edgebench.meters.memory import Memory
from edgebench.records import Budget, Parts, Plan, Record, Seeds, Segment, TargetSpec, Trial, WorkloadSpec
from edgebench.run.trials import RESTARTS, Outcome, Setting, run_trial
from edgebench.store import open_store
from edgebench.targets.isolated import Isolated
from edgebench.workloads import load, prompting

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")
ITEMS = 6


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "runs.db") as opened:
        yield opened


async def trial_with(store: Store, options: dict[str, Any], *, timeout_s: float = 10.0) -> tuple[Outcome, list[Record]]:
    """Outcome and records of six items on a fake engine in a worker that misbehaves as told."""
    import numpy as np

    plan = Plan("?", WorkloadSpec(builtin="support-triage", items=ITEMS), {"bad": TargetSpec(kind="fake")})
    job = load(plan.workload, folder=Path(), seeds=Seeds())
    trial = Trial("t", "bad · zero-shot", "bad", "zero-shot", 0, 0, 0, tuple(item.digest for item in job.items))
    store.begin("r", plan, job, [trial], created_at="2026-11-21T12:00:00Z")
    store.add_segment("r", Segment("s", 1, "2026-11-21T12:00:00Z", 0))
    outcome = await run_trial(
        trial,
        list(enumerate(job.items)),
        target=lambda: Isolated(
            Parts("bad", TargetSpec(kind="fake", options=options)), "edgebench.targets.fake:FakeEngine"
        ),
        prompting=prompting.build("zero-shot")(job, np.random.default_rng(1)),
        setting=Setting("r", "s", store, (Memory(),), Closed(1), Stopping(Budget()), retries=0, timeout_s=timeout_s),
    )
    return outcome, list(store.load("r").records)


async def test_a_well_behaved_engine_answers_all_and_is_weighed(store: Store) -> None:
    """Six records, and memory readings for each phase."""
    outcome, records = await trial_with(store, {})
    assert outcome == Outcome(None, {})
    assert [record.failure for record in records] == [None] * ITEMS
    if sys.platform == "linux":
        phases = {(one.phase, one.quantity) for one in store.load("r").readings}
        assert {
            ("start", "rss_bytes"),
            ("load", "peak_bytes"),
            ("first", "peak_bytes"),
            ("steady", "anon_bytes"),
        } <= phases


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"on": "answer", "how": "exit", "number": 3}, "crashed"),
        ({"on": "answer", "how": "signal", "number": 9}, "crashed"),
        ({"on": "answer", "how": "raise"}, "crashed"),
    ],
)
async def test_an_engine_that_dies_is_started_again_a_few_times(
    store: Store, options: dict[str, Any], kind: str
) -> None:
    """Each death is a record; after some restarts the rest is counted as never issued, with the reason."""
    outcome, records = await trial_with(store, options)
    assert [record.failure.kind for record in records if record.failure] == [kind] * (1 + RESTARTS)
    assert all(record.calls and record.calls[0].failure for record in records)
    assert outcome == Outcome(None, {"target kept dying": ITEMS - 1 - RESTARTS})


async def test_an_engine_that_hangs_is_killed_and_said_to_hang(store: Store) -> None:
    """Deaf to the time limit: its process is killed; the record says hung."""
    _, records = await trial_with(store, {"on": "answer", "how": "sleep"}, timeout_s=0.3)
    assert {record.failure.kind for record in records if record.failure} == {"hung"}


async def test_an_engine_that_cannot_load_is_given_up(store: Store) -> None:
    """One record with the engine's own sentence; the arm is hopeless, so nobody tries again."""
    outcome, records = await trial_with(store, {"on": "load", "how": "refuse"})
    (record,) = records
    assert record.failure is not None
    assert (record.failure.kind, record.failure.message) == ("load_failed", "this is no model")
    assert outcome == Outcome("load_failed", {"load_failed": ITEMS - 1})
