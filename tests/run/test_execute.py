"""A plan is carried out on targets whose behaviour is known."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edgebench.contracts import Store
from edgebench.errors import UsageError
from edgebench.records import Budget, Plan, PriceSpec, ScenarioSpec, TargetSpec, WorkloadSpec
from edgebench.run.execute import execute
from edgebench.store import open_store

ITEMS = 24


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "runs.db") as opened:
        yield opened


def plan(targets: dict[str, dict[str, Any]], **fields: Any) -> Plan:
    return Plan(
        question="Does it run?",
        workload=WorkloadSpec(builtin="support-triage", items=ITEMS),
        targets={
            name: TargetSpec(kind="fake", options={"latency_ms": 1.0, **options}) for name, options in targets.items()
        },
        **fields,
    )


def test_every_arm_answers_every_item_once_and_is_scored(store: Store) -> None:
    """Identical work for all: the same items, one record each, a score for each answer."""
    run = store.load(execute(plan({"a": {}, "b": {"accuracy": 0.5}}), store=store).run_id)
    by_arm: dict[str, Counter[str]] = {}
    trials = {trial.id: trial for trial in run.trials}
    for record in run.records:
        by_arm.setdefault(trials[record.trial_id].target, Counter())[record.item_digest] += 1
    assert set(by_arm) == {"a", "b"}
    assert by_arm["a"] == by_arm["b"] == Counter(item.digest for item in run.workload.items)
    labels = [score for score in run.scores if score.scorer == "label"]
    assert len(labels) == 2 * ITEMS
    right = [score.value for score in labels if trials[score.record_id.rpartition("/")[0]].target == "a"]
    assert right == [1.0] * ITEMS
    wrong = {score.record_id for score in labels if score.value == 0.0}
    assert {score.record_id for score in run.scores if score.scorer == "mode"} == wrong != set()


def test_stamps_are_in_order_and_the_first_request_of_a_start_is_cold(store: Store) -> None:
    """due ≤ sent ≤ first ≤ done on one clock; each trial has one cold request, its first."""
    run = store.load(execute(plan({"a": {"chunks": 3}}), store=store).run_id)
    for record in run.records:
        (call,) = record.calls
        assert record.due_ns <= call.sent_ns <= call.first_ns <= call.done_ns == record.done_ns  # type: ignore[operator]
        assert len(call.chunk_ns) == 3
        assert record.cold == (record.index == 0)


def test_several_users_do_the_same_work(store: Store) -> None:
    """A closed loop of three users issues every request once."""
    run = store.load(execute(plan({"a": {}}, scenario=ScenarioSpec(users=3)), store=store).run_id)
    assert len({record.id for record in run.records}) == ITEMS
    assert run.trials[0].scenario == "closed(3)"


def test_failures_are_records_and_retries_are_calls(store: Store) -> None:
    """Every request has exactly one record, failed or not; each attempt is a Call with its own number."""
    targets = {"bad": {"failure_rate": 1.0, "failure": "malformed"}}
    run = store.load(execute(plan(targets), store=store).run_id)
    assert len(run.records) == ITEMS
    assert {record.failure.kind for record in run.records if record.failure} == {"malformed"}
    assert all(record.answer is None and record.done_ns is None for record in run.records)
    for record in run.records:
        assert [call.attempt for call in record.calls] == list(range(len(record.calls)))
        assert all(call.failure is not None for call in record.calls)


def test_a_target_that_cannot_load_leaves_a_record_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    """One record says load_failed; the rest of that arm is counted with the reason; the other arm is whole."""
    broken = plan({"good": {}})
    targets = {**broken.targets, "broken": TargetSpec(kind="onnxruntime", file="not-a-model.onnx")}
    (tmp_path / "not-a-model.onnx").write_bytes(b"this is no model")
    (tmp_path / "tokenizer.json").write_text("{}")
    full = Plan(question="?", workload=broken.workload, targets=targets, folder=str(tmp_path))
    finished = execute(full, store=store)
    run = store.load(finished.run_id)
    kinds = Counter(record.failure.kind for record in run.records if record.failure)
    assert kinds == {"load_failed": 1}
    assert finished.not_issued == {"load_failed": ITEMS - 1}
    assert finished.issued == ITEMS + 1
    assert len(run.records) == ITEMS + 1
    assert finished.why == "complete"


#: Ten dollars per 1,000 input tokens; a fake request has 50: half a dollar each.
PRICE = PriceSpec(input_per_million=Decimal(10_000), output_per_million=Decimal(0), source="made up")


def costly(usd: float) -> Plan:
    priced = plan({"a": {}})
    targets = {"a": replace(priced.targets["a"], price=PRICE)}
    return replace(priced, targets=targets, budget=Budget(usd=usd))


def test_a_dollar_budget_stops_the_run_and_the_rest_is_counted(store: Store) -> None:
    """What was planned and never issued is counted with its reason."""
    finished = execute(costly(4.99), store=store)
    assert (finished.why, finished.issued) == ("budget: dollars", 10)
    assert finished.not_issued == {"budget: dollars": ITEMS - 10}


def test_a_stopped_experiment_goes_on_and_a_finished_one_begins_anew(store: Store) -> None:
    """The same plan with a bigger budget goes on, repeats nothing, and counts what was spent before."""
    first = execute(costly(2.99), store=store)
    again = execute(costly(5.99), store=store)
    assert (again.run_id, again.resumed, again.issued) == (first.run_id, True, 6)
    last = execute(costly(1000), store=store)
    assert (last.run_id, last.why, last.issued) == (first.run_id, "complete", ITEMS - 12)
    run = store.load(last.run_id)
    assert len(run.segments) == 3
    assert len({record.id for record in run.records}) == len(run.records) == ITEMS
    assert execute(costly(1000), store=store).run_id != first.run_id


def test_a_dollar_budget_needs_prices(store: Store) -> None:
    """A hosted target whose price nobody knows is refused before anything is sent."""
    unknown = TargetSpec(kind="openai", model="nobody-knows-this", base_url="https://api.example.org/v1")
    with pytest.raises(UsageError, match=r"budget\.usd: what 'a' spends cannot be counted"):
        execute(replace(costly(1), targets={"a": unknown}), store=store)


CHILD = """
import json, sys
from pathlib import Path
from edgebench.records import Plan, TargetSpec, WorkloadSpec
from edgebench.run.execute import execute
from edgebench.store import open_store
plan = Plan(question="?", workload=WorkloadSpec(builtin="support-triage", items=24),
            targets={n: TargetSpec(kind="fake", options={"latency_ms": 15.0}) for n in "ab"})
with open_store(Path(sys.argv[1])) as store:
    done = lambda count, total, arm: print(count, flush=True)
    finished = execute(plan, store=store, progress=done)
    print(json.dumps([finished.run_id, finished.why, finished.issued]))
sys.exit(130 if finished.why == "interrupted" else 0)
"""


#: After the eighth answer the file may not grow by one page more.
FILL_THE_DISK = """
    from sqlalchemy import event
    def full(count, total, arm):
        print(count, flush=True)
        if count == 8:
            pages = "PRAGMA max_page_count=1"  # SQLite takes the present size when asked for less
            event.listen(store._engine, "begin", lambda connection: connection.exec_driver_sql(pages))
"""


def child(path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)


def test_killed_at_any_moment_it_resumes_without_repeating_or_losing(tmp_path: Path) -> None:
    """kill -9 three times; at most the request under way is lost each time, and the end result is whole."""
    path, seen = tmp_path / "runs.db", 0
    for patience in (5, 9, 14):
        with child(path) as process:
            assert process.stdout
            for _ in range(patience):
                seen = max(seen, int(process.stdout.readline() or 0))
            process.kill()
        with open_store(path) as store:
            (row,) = store.runs()
            assert row["records"] >= seen - 1
    with child(path) as process:
        assert process.stdout
        assert json.loads(process.stdout.read().splitlines()[-1])[1] == "complete"
    assert process.returncode == 0
    with open_store(path) as store:
        run = store.load(store.resolve("last"))
    assert len(run.records) == len({record.id for record in run.records}) == 2 * ITEMS
    assert len(run.segments) == 4
    assert [segment.ended_why for segment in run.segments] == [None, None, None, "complete"]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for children")
def test_ctrl_c_stops_cleanly(tmp_path: Path) -> None:
    """The first interrupt ends the segment in words; everything answered so far is kept."""
    path = tmp_path / "runs.db"
    with child(path) as process:
        assert process.stdout
        for _ in range(6):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGINT)
        last = json.loads(process.stdout.read().splitlines()[-1])
    assert process.returncode == 130
    assert last[1] == "interrupted"
    with open_store(path) as store:
        run = store.load(last[0])
    assert run.segments[0].ended_why == "interrupted"
    assert len(run.records) == last[2] < 2 * ITEMS
    assert sum(run.segments[0].not_issued.values()) == 2 * ITEMS - last[2]


def test_two_runs_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    """Two processes carry out the same plan into the same store: two whole runs, not one shared."""
    path = tmp_path / "runs.db"
    open_store(path).close()
    with child(path) as one:
        assert one.stdout
        one.stdout.readline()
        with child(path) as two:
            assert two.stdout
            results = [json.loads(p.stdout.read().splitlines()[-1]) for p in (one, two) if p.stdout]
    assert results[0][0] != results[1][0]
    with open_store(path) as store:
        for run_id, why, issued in results:
            assert (why, issued) == ("complete", 2 * ITEMS)
            assert len(store.load(run_id).records) == 2 * ITEMS


def test_nothing_is_timed_while_something_can_still_be_mended(store: Store) -> None:
    """A missing model file is said before any run is begun."""
    bad = Plan(
        question="?",
        workload=WorkloadSpec(builtin="support-triage", items=4),
        targets={"a": TargetSpec(kind="llama.cpp", file="nowhere.gguf")},
    )
    with pytest.raises(UsageError, match=r"no file nowhere\.gguf"):
        execute(bad, store=store)
    assert store.runs() == []


def test_a_full_disk_ends_the_run_in_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    """The store says what is wrong; what was acknowledged before is still there, and the run can be resumed."""
    path = tmp_path / "runs.db"
    script = CHILD.replace("    done = lambda", FILL_THE_DISK + "    done = lambda").replace(
        "progress=done", "progress=full"
    )
    out = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60)
    assert out.returncode != 0
    assert "StoreError" in out.stderr.splitlines()[-1]
    counted = [int(line) for line in out.stdout.split()]
    with open_store(path) as store:
        (row,) = store.runs()
    assert row["records"] == max(counted, default=0)


@pytest.mark.parametrize("texts", ["redact", "hash"])
def test_answers_are_scored_even_where_their_texts_are_not_kept(store: Store, texts: str) -> None:
    """Scores are made of what was heard; the store holds neither the messages nor wrong free answers."""
    said: list[str] = []
    run = store.load(execute(plan({"a": {"accuracy": 0.7}}, texts=texts), store=store, say=said.append).run_id)
    assert any("in our own test set" in line for line in said) == (texts == "redact")
    values = [score.value for score in run.scores if score.scorer == "label"]
    assert len(values) == ITEMS
    assert None not in values
    if texts == "hash":
        assert all(item.text.startswith("sha256:") for item in run.workload.items)
