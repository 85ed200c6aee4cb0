"""The live cascade and the replay of its two arms in the same run: the same, record by record."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench.decide.cascading import paired, replay
from edgebench.metrics.table import columns
from edgebench.records import Plan, PriceSpec, Record, Run, ScenarioSpec, TargetSpec, WorkloadSpec
from edgebench.routing import Rule
from edgebench.run.execute import execute
from edgebench.store import open_store

ITEMS = 60
THRESHOLD = 0.75
PRICE = PriceSpec(input_per_million=Decimal(1000), output_per_million=Decimal(4000))


def carried_out(folder: Path, policy: dict[str, Any], edge: dict[str, Any], **fields: Any) -> Run:
    """A plan with an edge, a cloud and a cascade of the two, run on fakes of fixed seeds and read back."""
    options = {
        "edge": {"accuracy": 0.7, "latency_ms": 4.0, "spread": 0.5, "confidence_noise": 0.15, "seed": 3, **edge},
        "cloud": {"accuracy": 0.9, "latency_ms": 8.0, "spread": 0.5, "chunks": 2, "seed": 4},
    }
    targets = {name: TargetSpec(kind="fake", price=PRICE, options=given) for name, given in options.items()}
    targets["hybrid"] = TargetSpec(kind="cascade", options={"edge": "edge", "cloud": "cloud", **policy})
    plan = Plan("?", WorkloadSpec(builtin="support-triage", items=ITEMS), targets, **fields)
    with open_store(folder / "runs.db") as store:
        return store.load(execute(plan, store=store, certify=False).run_id)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Sequential, and the edge fails now and then."""
    folder = tmp_path_factory.mktemp("live")
    yield carried_out(folder, {"threshold": THRESHOLD}, {"failure_rate": 0.08, "failure": "server_error"})


def by_item(run: Run, target: str) -> dict[str, Record]:
    arm_of = {trial.id: trial.target for trial in run.trials}
    return {record.item_digest: record for record in run.records if arm_of[record.trial_id] == target}


def compared(run: Run, rule: Rule) -> list[tuple[Record, bool, bool, float, float, float]]:
    """(live record, asked, served by the cloud, value, dollars, ms) of every item, all but the first by replay."""
    table = columns(run)
    pairs = paired(table["edge · zero-shot"], table["cloud · zero-shot"])
    found = replay(pairs, rule, np.array([rule.threshold]))
    live = by_item(run, "hybrid")
    digests = [table["edge · zero-shot"].records[place].item_digest for place in pairs.at[0].tolist()]
    rows = zip(found.asked[0], found.by_cloud[0], found.value[0], found.usd[0], found.latency_ms[0], strict=True)
    return [(live[digest], *row) for digest, row in zip(digests, rows, strict=True)]


def test_the_replay_is_the_live_run_record_by_record(run: Run) -> None:
    """Same answers, same deferrals, same failures of the edge, same tokens, same dollars, for all items."""
    edge, cloud = by_item(run, "edge"), by_item(run, "cloud")
    live = columns(run)["hybrid · zero-shot"]
    usd = dict(zip((record.id for record in live.records), live.usd, strict=True))
    value = dict(zip((record.id for record in live.records), live.value, strict=True))
    rows = compared(run, Rule(threshold=THRESHOLD))
    assert len(rows) == ITEMS and 0.2 < np.mean([asked for _, asked, *_ in rows]) < 0.8
    assert any(record.calls[0].failure for record, *_ in rows)
    for record, asked, by_cloud, worth, dollars, _ in rows:
        parts = [edge[record.item_digest], *([cloud[record.item_digest]] if asked else [])]
        assert [call.target for call in record.calls] == ["edge", "cloud"][: len(parts)]
        assert [call.role for call in record.calls] == ["answer", "defer"][: len(parts)]
        said = parts[-1] if by_cloud else parts[0]
        assert record.answer is not None and said.answer is not None
        assert record.answer == said.answer
        for call, part in zip(record.calls, parts, strict=True):
            assert (call.text, call.confidence, call.usage) == tuple(
                getattr(part.calls[-1], name) for name in ("text", "confidence", "usage")
            )
        assert value[record.id] == worth
        assert usd[record.id] == pytest.approx(dollars, rel=1e-12, nan_ok=True)


def test_its_latencies_are_the_replays_within_what_a_sleep_is_late(run: Run) -> None:
    off = [
        (record.done_ns - record.due_ns) / 1e6 - ms
        for record, *_, ms in compared(run, Rule(threshold=THRESHOLD))
        if record.done_ns is not None
    ]
    assert len(off) == ITEMS
    assert abs(statistics.median(off)) < 2.0


def test_a_stored_record_still_says_who_was_asked(run: Run) -> None:
    """Targets, roles and stamps of each exchange come back from the store; times go forward."""
    for record in by_item(run, "hybrid").values():
        assert record.due_ns <= (record.sent_ns or 0) <= (record.done_ns or 0)
        assert record.served is not None and record.served.done_ns == record.done_ns
        for call in record.calls:
            assert call.target in ("edge", "cloud") and call.sent_ns is not None and call.sent_ns >= call.due_ns
    identity = run.identities["hybrid"]
    assert identity.kind == "cascade" and identity.details["edge"] == "edge"


def test_hedged_from_the_start_is_replayed_alike(tmp_path: Path) -> None:
    """Both asked of every item; whose answer is served may differ only where the two came together."""
    run = carried_out(tmp_path, {"policy": "hedged", "threshold": THRESHOLD}, {"latency_ms": 20.0})
    alike = 0
    for record, asked, by_cloud, *_ in compared(run, Rule("hedged", THRESHOLD)):
        assert asked and {call.target for call in record.calls} == {"edge", "cloud"}
        assert record.served is not None
        alike += (record.served.target == "cloud") == by_cloud
    assert alike >= ITEMS - 4


def test_an_open_loop_overflows_when_the_edge_is_busy(tmp_path: Path) -> None:
    """Requests come faster than the edge answers one at a time: some go to the cloud instead, and only there."""
    scenario = ScenarioSpec(kind="constant", rate=100)
    run = carried_out(tmp_path, {"policy": "overflow"}, {"latency_ms": 25.0, "at_once": 1}, scenario=scenario, blocks=1)
    who = [tuple(call.target for call in record.calls) for record in by_item(run, "hybrid").values()]
    assert set(who) == {("edge",), ("cloud",)}
    assert 0.4 < who.count(("cloud",)) / len(who) < 0.9
    waited = [record.calls[0].phases.get("queue", 0) for record in by_item(run, "hybrid").values()]
    assert max(waited) < 25e6  # nobody queued at the edge
