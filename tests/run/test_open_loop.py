"""Open loops and stop rules through the whole of a run; and how records are kept beside the clock."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from edgebench.contracts import Store
from edgebench.errors import StoreError
from edgebench.load.arrivals import poisson
from edgebench.records import (
    Budget,
    Estimate,
    Plan,
    PriceSpec,
    Record,
    Run,
    ScenarioSpec,
    StopSpec,
    TargetSpec,
    WorkloadSpec,
)
from edgebench.run.enough import enough, half_width
from edgebench.run.execute import execute
from edgebench.run.keeping import AT_MOST, EACH_NS, MARGIN_NS, Keeper, keeping
from edgebench.store import open_store
from tests import builders
from tests.servers import Server, document

ITEMS = 24
MS = 1_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "runs.db") as opened:
        yield opened


def plan(targets: dict[str, dict[str, Any]], **fields: Any) -> Plan:
    made = {name: TargetSpec(kind="fake", options={"latency_ms": 1.0, **given}) for name, given in targets.items()}
    return Plan("Does it run?", WorkloadSpec(builtin="support-triage", items=ITEMS), made, **fields)


def dues(run: Run) -> dict[tuple[str, int], list[int]]:
    """(arm, block) → due stamps of the requests after the cold one, from the first of them."""
    out: dict[tuple[str, int], list[int]] = {}
    for trial in run.trials:
        stamps = [one.due_ns for one in sorted(run.records, key=lambda one: one.index) if one.trial_id == trial.id][1:]
        out[trial.arm, trial.block] = [stamp - stamps[0] for stamp in stamps]
    return out


def test_the_arms_of_a_block_meet_the_same_arrivals(store: Store) -> None:
    """One schedule for each block, from the plan's seed, shared by the arms; another block has another."""
    spec = ScenarioSpec("poisson", rate=300.0)
    run = store.load(execute(plan({"a": {}, "b": {}}, blocks=2, scenario=spec), store=store).run_id)
    assert {trial.scenario for trial in run.trials} == {"poisson(300/s)"}
    found = dues(run)
    for block in (0, 1):
        assert found["a · zero-shot", block] == found["b · zero-shot", block]
        rng = np.random.default_rng(np.random.SeedSequence([1, 0, block]))
        planned = poisson(300.0, ITEMS // 2 - 1, rng)
        assert found["a · zero-shot", block] == (planned - planned[0]).tolist()
    assert found["a · zero-shot", 0] != found["a · zero-shot", 1]


def test_every_request_of_an_open_loop_has_one_record_and_leaves_no_earlier_than_due(store: Store) -> None:
    """Though it is made ready before; the target is slow, and the next ones do not wait for it."""
    fields: dict[str, Any] = {"blocks": 1, "scenario": ScenarioSpec("constant", rate=200.0)}
    run = store.load(execute(plan({"a": {"latency_ms": 60.0, "spread": 0.0}}, **fields), store=store).run_id)
    assert sorted(Counter(one.id for one in run.records).values()) == [1] * ITEMS
    assert all(one.sent_ns is not None and one.sent_ns >= one.due_ns for one in run.records)
    found = dues(run)["a · zero-shot", 0]
    assert found == [5 * MS * k for k in range(ITEMS - 1)]


def test_over_the_wire_nothing_is_received_before_it_is_due(store: Store) -> None:
    """The client makes the request ahead of time and the wire holds it; the server's own stamps say so."""
    reply = document({
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "refund"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    })  # fmt: skip
    with Server([reply]) as server:
        spec = TargetSpec(kind="openai", model="m", base_url=server.base_url, options={"stream": False})
        scenario = ScenarioSpec("gamma", rate=150.0, cv=2.0)
        workload = WorkloadSpec(builtin="support-triage", items=ITEMS)
        run = store.load(execute(Plan("?", workload, {"api": spec}, scenario=scenario, blocks=1), store=store).run_id)
        received = sorted(one.at_ns for one in server.ledger.requests)
    assert len(run.records) == len(received) == ITEMS
    assert not any(one.failure for one in run.records)
    due = sorted(one.due_ns for one in run.records)
    assert all(at_ns >= due_ns for at_ns, due_ns in zip(received, due, strict=True))
    assert all(call.sent_ns is not None and call.sent_ns >= call.due_ns for one in run.records for call in one.calls)


def test_a_resumed_open_loop_sends_what_is_left(store: Store) -> None:
    """A run that its budget ended goes on with a schedule for the rest; each request is issued once."""
    price = PriceSpec(input_per_million=Decimal(10_000), output_per_million=Decimal(0), source="made up")
    whole = plan({"a": {}}, blocks=1, scenario=ScenarioSpec("trace", trace="office-day", rate=50.0))
    whole = replace(whole, targets={"a": replace(whole.targets["a"], price=price)})  # half a dollar a request
    first = execute(replace(whole, budget=Budget(usd=4.99)), store=store)
    assert first.why == "budget: dollars"
    assert 0 < first.issued < ITEMS
    second = execute(whole, store=store)
    assert second.resumed
    assert second.run_id == first.run_id
    assert first.issued + second.issued == ITEMS
    assert len(store.load(first.run_id).records) == ITEMS


def test_a_trace_too_short_is_said_to_be_replayed(store: Store, tmp_path: Path) -> None:
    """In one line before the run; and its blocks go on where the one before stopped."""
    (tmp_path / "t.csv").write_text("0\n0.01\n0.03\n0.06\n")
    said: list[str] = []
    made = plan({"a": {}}, blocks=2, folder=str(tmp_path), scenario=ScenarioSpec("trace", trace="t.csv"))
    run = store.load(execute(made, store=store, say=said.append).run_id)
    assert f"has 4 arrivals, {ITEMS} are needed: it is replayed 6.0 times" in said[0]
    assert run.trials[0].scenario == "trace(t)"
    assert [gap // MS for gap in np.diff(dues(run)["a · zero-shot", 0])[:4]] == [10, 20, 30, 20]


# --------------------------------------------------------------------------------------------------- enough


def test_a_run_ends_after_the_pass_that_was_enough_and_the_rest_is_counted(store: Store) -> None:
    """11 steady requests a block and pass, two blocks: the second pass makes 44 ≥ 30; four passes are not issued."""
    made = plan({"a": {}, "b": {}}, blocks=2, repeats=6, stop=StopSpec(requests=30))
    finished = execute(made, store=store)
    assert finished.why == "complete"
    assert finished.issued == 2 * 2 * ITEMS
    assert finished.not_issued == {"enough: 44 requests for every arm": 4 * 2 * ITEMS}
    assert execute(made, store=store).run_id != finished.run_id  # it is complete: nothing is left to resume


def test_every_condition_must_hold_for_every_arm() -> None:
    """The count, the time and the width; and the arm that is worst decides."""
    run = builders.run({"steady": builders.Arm(spread=0.01), "wild": builders.Arm(spread=1.5)}, items=200)
    both, one = ("steady · zero-shot", "wild · zero-shot"), ("steady · zero-shot",)
    assert enough(run, StopSpec(requests=196), both) == "enough: 196 requests for every arm"
    assert enough(run, StopSpec(requests=197), both) is None
    assert enough(run, StopSpec(seconds=5), both) is not None
    assert enough(run, StopSpec(seconds=5000), both) is None
    assert enough(run, StopSpec(within=0.05, metric="p50_ms"), one) is not None
    assert enough(run, StopSpec(within=0.05, metric="p50_ms"), both) is None
    assert enough(run, StopSpec(requests=10, seconds=5000), both) is None
    assert enough(run, StopSpec(requests=10), ()) is None


def test_no_interval_is_never_narrow_enough() -> None:
    """An absent number, or one without bounds, does not end a run; a certain zero may."""
    assert half_width(Estimate.absent("nothing")) == float("inf")
    assert half_width(Estimate(5.0, low=4.0)) == float("inf")
    assert half_width(Estimate(0.0, 0.0, 1.0)) == float("inf")
    assert half_width(Estimate(0.0, 0.0, 0.0)) == 0.0
    assert half_width(Estimate(10.0, 9.0, 12.0)) == pytest.approx(0.15)


# --------------------------------------------------------------------------------------------------- keeping


class Shelf:
    """A store that remembers who handed over what."""

    def __init__(self, *, full_at: int | None = None) -> None:
        self.batches: list[list[Record]] = []
        self.threads: set[int] = set()
        self._full_at = full_at

    def append(self, run_id: str, records: Iterable[Record]) -> None:
        if self._full_at is not None and len(self.batches) >= self._full_at:
            raise StoreError("the disk is full")
        self.batches.append(list(records))
        self.threads.add(threading.get_ident())

    @property
    def ids(self) -> list[str]:
        return [record.id for batch in self.batches for record in batch]


def record(number: int) -> Record:
    return Record(f"t/{number}", "t", "s", "d", number, 0, None, None, ())


async def test_alone_a_record_is_kept_before_anything_else_happens() -> None:
    """With one user, nothing is asked before the last answer is safe."""
    shelf, told = Shelf(), list[Record]()
    async with keeping(cast(Store, shelf), "r", told.append) as keeper:
        for number in range(3):
            await keeper.keep(record(number), beside_others=False)
            assert len(shelf.batches) == len(told) == number + 1


async def test_beside_others_records_are_kept_together_by_another_thread() -> None:
    """Each once, in order, a full batch without waiting; and all of them when the trial ends."""
    shelf, told = Shelf(), list[Record]()
    async with keeping(cast(Store, shelf), "r", told.append) as keeper:
        for number in range(AT_MOST + 50):
            await keeper.keep(record(number), beside_others=True)
            await asyncio.sleep(0)
        assert len(shelf.ids) < AT_MOST + 50
    assert shelf.ids == [f"t/{number}" for number in range(AT_MOST + 50)]
    assert told == [one for batch in shelf.batches for one in batch]
    assert len(shelf.batches) <= 3
    assert shelf.threads - {threading.get_ident()}


async def test_records_are_kept_when_the_trial_is_cancelled() -> None:
    """Ctrl-C in the middle of waiting for the disk loses nothing that was answered."""
    shelf = Shelf()

    async def trial() -> None:
        async with keeping(cast(Store, shelf), "r", lambda one: None) as keeper:
            for number in range(10):
                await keeper.keep(record(number), beside_others=True)
            await keeper.flush()
            await keeper.keep(record(10), beside_others=True)
            await asyncio.sleep(60)

    task = asyncio.create_task(trial())
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert shelf.ids == [f"t/{number}" for number in range(11)]


async def test_records_wait_for_room_and_go_in_batches_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is handed over while something is about to be due; then as many as fit before the next is."""
    monkeypatch.setattr("edgebench.run.keeping.EVERY_S", 0.01)
    room_ns, shelf = [0], Shelf()
    async with keeping(cast(Store, shelf), "r", lambda one: None, lambda: room_ns[0]) as keeper:
        for number in range(12):
            await keeper.keep(record(number), beside_others=True)
        await asyncio.sleep(0.05)
        assert shelf.batches == []
        room_ns[0] = MARGIN_NS + 5 * EACH_NS
        async with asyncio.timeout(10):
            while len(shelf.ids) < 12:  # noqa: ASYNC110  the thread tells nobody
                await asyncio.sleep(0.005)
    assert [len(batch) for batch in shelf.batches] == [5, 5, 2]
    assert shelf.ids == [f"t/{number}" for number in range(12)]


async def test_without_any_room_records_are_kept_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """A schedule without gaps must not keep answers from the disk for ever; and the end of a trial does not wait."""
    monkeypatch.setattr("edgebench.run.keeping.EVERY_S", 0.01)
    monkeypatch.setattr("edgebench.run.keeping.PATIENCE_NS", 20_000_000)
    shelf = Shelf()
    async with keeping(cast(Store, shelf), "r", lambda one: None, lambda: -1) as keeper:
        for number in range(3):
            await keeper.keep(record(number), beside_others=True)
        async with asyncio.timeout(10):
            while not shelf.ids:  # noqa: ASYNC110  the thread tells nobody
                await asyncio.sleep(0.005)
        assert len(shelf.ids) == 3
        monkeypatch.setattr("edgebench.run.keeping.PATIENCE_NS", 3600 * 1_000_000_000)
        await keeper.keep(record(3), beside_others=True)
        await asyncio.sleep(0.05)
        assert len(shelf.ids) == 3
    assert len(shelf.ids) == 4


async def test_a_store_that_does_not_keep_ends_the_trial() -> None:
    """What the thread could not write is raised where the next record is kept, not swallowed."""
    keeper = Keeper(cast(Store, Shelf(full_at=0)), "r", lambda one: None)
    await keeper.keep(record(0), beside_others=True)
    with pytest.raises(StoreError, match="disk is full"):
        await keeper.flush()
