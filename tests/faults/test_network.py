"""The other end goes away: every request that met it is a record with its reason, and the rest goes on."""

from __future__ import annotations

import gc
import socket
from collections import Counter
from pathlib import Path

import psutil
import pytest

from edgebench.errors import TargetError
from edgebench.records import Record, Run, TargetSpec
from edgebench.run.asking import Asking
from edgebench.targets.exchange import Exchange
from tests.faults.relay import Relay
from tests.faults.scenes import carried_out, endpoint, plan, truth_process

LOCAL = TargetSpec(kind="fake", options={"latency_ms": 1.0})


def of(run: Run, target: str) -> list[Record]:
    """A target's records in the order they were sent."""
    mine = {trial.id for trial in run.trials if trial.target == target}
    return sorted((record for record in run.records if record.trial_id in mine), key=lambda record: record.due_ns)


def kinds(records: list[Record]) -> Counter[str]:
    return Counter(record.failure.kind for record in records if record.failure)


def test_a_server_that_dies_mid_run_costs_its_own_arm_only(tmp_path: Path) -> None:
    """Answers before are kept, each request after is a failure of its own, the other arm is whole."""
    with truth_process() as (server, port):

        def killing(done: int, total: int, arm: str) -> None:
            if arm.startswith("cloud") and done >= 5:
                server.kill()

        targets = {"cloud": endpoint(port, timeout_s=5), "local": LOCAL}
        finished, run = carried_out(plan(tmp_path, targets, blocks=2), tmp_path, killing)
    cloud, local = of(run, "cloud"), of(run, "local")
    assert finished.why == "complete" and finished.not_issued == {}
    assert len(cloud) == len(local) == 20
    assert not kinds(local)
    answered = [record.failure is None for record in cloud]
    assert answered[0] and not answered[-1]
    assert answered == sorted(answered, reverse=True)  # none comes back
    assert set(kinds(cloud)) <= {"refused", "cut_off"}
    assert all(record.calls and record.calls[-1].failure for record in cloud if record.failure)


def test_a_cut_network_that_is_waited_out_is_in_the_latency(tmp_path: Path) -> None:
    """With time enough nothing fails: one request took as long as the cut, and says so."""
    with truth_process() as (_, port), Relay(port) as relay:

        def cutting(done: int, total: int, arm: str) -> None:
            if done == 8:
                relay.cut(1.0)

        _, run = carried_out(plan(tmp_path, {"cloud": endpoint(relay.port, timeout_s=20)}), tmp_path, cutting)
    records = of(run, "cloud")
    assert len(records) == 20 and not kinds(records)
    waited = [record.done_ns - record.due_ns > 0.8e9 for record in records if record.done_ns]
    assert waited.count(True) == 1 and waited[8]


def test_a_cut_network_with_little_patience_is_timeouts_and_then_answers_again(tmp_path: Path) -> None:
    """What was asked during the cut failed and is recorded; the same target answers when the cable is mended."""
    with truth_process() as (_, port), Relay(port) as relay:

        def cutting(done: int, total: int, arm: str) -> None:
            if done == 6:
                relay.cut(1.5)

        target = endpoint(relay.port, timeout_s=0.5)
        finished, run = carried_out(plan(tmp_path, {"cloud": target}), tmp_path, cutting)
    records = of(run, "cloud")
    assert finished.why == "complete" and len(records) == 20
    assert set(kinds(records)) == {"timeout"} and 1 <= kinds(records)["timeout"] <= 4
    assert records[-1].failure is None
    lost = next(record for record in records if record.failure)
    assert lost.calls[-1].end_ns is not None and lost.calls[-1].end_ns - lost.due_ns > 0.4e9


@pytest.mark.parametrize("model", ["fixed?chunks=4&first_ms=1&gap_ms=1", "fixed?chunks=4&first_ms=1&error_at=2"])
def test_no_request_leaves_anything_for_the_collector(tmp_path: Path, model: str) -> None:
    """It is off while requests are timed: what an answer or a failure was made of is gone when its record is made."""
    left: list[int] = []

    def looking(done: int, total: int, arm: str) -> None:
        if done == 20:
            left.append(sum(type(each) in (Exchange, Asking, TargetError) for each in gc.get_objects()))

    with truth_process() as (_, port):
        carried_out(plan(tmp_path, {"cloud": endpoint(port, model)}, items=24), tmp_path, looking)
    assert len(left) == 1 and left[0] <= 4  # those of the request just made


def test_a_thousand_connection_errors_in_a_row_are_all_recorded_in_flat_memory(tmp_path: Path) -> None:
    """Nobody listens: a thousand records say so, and the process is no larger after than near the beginning."""
    process, resident = psutil.Process(), dict[int, int]()

    def weighing(done: int, total: int, arm: str) -> None:
        if done in (200, 1000):
            resident[done] = process.memory_info().rss

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listening
        port = int(nobody.getsockname()[1])
        blueprint = plan(tmp_path, {"cloud": endpoint(port)}, items=1000)
        finished, run = carried_out(blueprint, tmp_path, weighing)
    assert finished.why == "complete"
    assert kinds(list(run.records)) == {"refused": 1000}
    assert len({record.id for record in run.records}) == 1000
    # a kept traceback was 17 KB a failure: 13 MiB here
    assert resident[1000] - resident[200] < 4 * 2**20
