"""The certificate: its rules, its sections against a real truth server, and what a run keeps of it."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgebench import plugins
from edgebench.errors import MissingExtra
from edgebench.records import Plan, TargetSpec, WorkloadSpec
from edgebench.run import certify as certifying
from edgebench.run.certifying import loads, protocol, scoring, stamps
from edgebench.run.certifying.scoring import Check, check
from edgebench.run.certifying.subject import Subject
from edgebench.run.execute import execute
from edgebench.run.truth import TruthServer
from edgebench.store import open_store
from edgebench.targets.openai_compatible import target

# -------------------------------------------------------------------------------------------------------------- rules


def test_a_figure_passes_within_its_limit_or_near_the_reference() -> None:
    """Beyond the limit it is excused only by a reference it is above by no more than the limit; the note says so."""
    assert check("a", 0.2, 0.25, n=9).passed
    assert not check("a", 0.3, 0.25, n=9).passed
    excused = check("a", 1.2, 0.25, n=9, reference=1.0)
    assert excused.passed
    assert "the machine's own noise" in excused.note
    assert not check("a", 1.2, 0.25, n=9, reference=0.9).passed
    assert check("a", 0.2, 0.25, n=9, reference=5.0).note == ""


def test_no_data_is_no_pass() -> None:
    """Nothing scored is absent and failed, never zero and fine."""
    for value, n in ((math.nan, 5), (0.0, 0)):
        found = check("a", value, 1.0, n=n, reference=math.nan)
        assert (found.value, found.passed, found.reference) == (None, False, None)


def test_what_may_be_off_is_one_percent_or_one_millisecond() -> None:
    """The larger of the two."""
    assert scoring.slack(np.array([20.0]), 0.5) == 1.0
    assert scoring.slack(np.array([500.0]), 0.5) == 5.0
    assert scoring.off(np.array([1.0, 3.0]), np.array([2.0, 5.0]), 0.5) == 1.5


def section(*outcomes: float) -> Callable[[], Awaitable[Sequence[Check]]]:
    """A section that shows these values of one figure, one after the other."""
    waiting = iter(outcomes)

    async def examine() -> Sequence[Check]:
        return [check("figure", next(waiting), 1.0, n=3)]

    return examine


def test_what_fails_is_examined_once_more() -> None:
    """A jolt passes the second time, with a note of the first; a fault fails twice; what passes is asked once."""
    once, jolted, faulty = (
        asyncio.run(certifying._examined("x", section(*values), lambda line: None))[0]
        for values in ((0.5,), (5.0, 0.5), (5.0, 6.0, 0.5))
    )
    assert (once.passed, once.note) == (True, "")
    assert jolted.passed
    assert "the first showed 5 ms" in jolted.note
    assert not faulty.passed


def test_frozen_latencies_by_calculation() -> None:
    """As a queue simulated step by step: whoever comes while it stands still waits for its end."""
    count, rate, freeze, think = 160, 40.0, 1000.0, 5.0
    free = 0.0
    simulated = []
    for number in range(count):
        at = number * 1000 / rate
        if number == count // 4 - 1:
            free = at + freeze
        simulated.append(max(at, free) + think - at)
    assert np.allclose(loads.expected(count, rate, freeze, think), simulated)


# ----------------------------------------------------------------------------------------------------------- sections


def examined(*sections: Callable[[Subject, TruthServer], Awaitable[Sequence[Check]]]) -> dict[str, Check]:
    """The checks of these sections, of our own client against a real truth server."""

    async def scene() -> dict[str, Check]:
        async with TruthServer() as server, Subject(server, target) as subject:
            return {one.name: one for section in sections for one in await section(subject, server)}

    return asyncio.run(scene())


def test_stamps_are_scored_for_every_event() -> None:
    """Every event of every stream has an error, none is lost. How small they are is not asked of a busy machine."""
    found = examined(lambda one, server: stamps.stamp_errors(one, server, streams=2, turns=2, chunks=6))
    assert found["chunk-error-p50"].n == 2 * 2 * 6
    assert found["e2e-error-p99"].n == 4
    assert found["gap-p99-off"].n == 2 * 2 * 5
    assert found["streams-lost"].value == 0
    assert all(one.reference is not None for one in found.values() if one.unit == "ms")


def test_packets_of_every_shape_lose_nothing() -> None:
    """Joined, torn, with comments, 64 KiB an event, 200 KiB prompts: text and events are whole."""
    found = examined(protocol.shapes)
    spoilt = {name: one.value for name, one in found.items() if name.endswith("-spoilt")}
    assert len(spoilt) == 5
    assert set(spoilt.values()) == {0.0}
    assert found["big-chunks-chunk-error-p99"].n == 4 * 8


def test_what_servers_say_beside_the_text_is_understood() -> None:
    """Missing usage stays absent, 429 waits as told and is a Call, an error in a stream keeps what came before it."""
    found = examined(protocol.no_usage, protocol.refusals, protocol.errors_in_streams, protocol.reasoning)
    for name in ("no-usage-invented", "rate-limited-calls-wrong", "rate-limited-too-soon", "stream-error-lost"):
        assert (found[name].value, found[name].passed) == (0.0, True), name
    assert found["reasoning-content-ttft-error"].n == 8


def test_an_open_loop_is_driven_and_a_frozen_server_seen() -> None:
    """All planned requests are sent and scored; p99 holds most of the time the server stood still."""

    async def scene() -> tuple[list[Check], list[Check]]:
        async with TruthServer() as server, Subject(server, target) as subject:
            lag = await loads.punctual(subject, server, "plain", rate=50, seconds=0.6)
            return lag, await loads.frozen(subject, freeze_ms=400, rate=40, seconds=1.5)

    lag, (frozen,) = asyncio.run(scene())
    assert [one.n for one in lag] == [30, 30]
    assert frozen.value is not None
    assert frozen.value < 50


# -------------------------------------------------------------------------------------------------- the start of a run


def skipped(*, wanted: bool = True) -> str:
    found = asyncio.run(certifying.certificate_of_a_start(wanted=wanted, say=lambda line: None))
    return str(found["skipped"])


def test_a_certificate_that_is_not_made_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off, not asked for, no client of hosted APIs, no server: a reason, never a crash."""
    assert skipped() == "EDGEBENCH_CERTIFY=off"
    monkeypatch.delenv("EDGEBENCH_CERTIFY")
    assert "--no-certify" in skipped(wanted=False)
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        assert "did not start" in skipped()

    def missing(module: str) -> object:
        raise MissingExtra(f"the Python package {module!r} is not installed")

    monkeypatch.setattr(plugins, "need", missing)
    assert "not installed" in skipped()


def plan() -> Plan:
    fake = TargetSpec(kind="fake", options={"latency_ms": 0.5, "accuracy": 1.0})
    return Plan(
        question="Does it certify?",
        workload=WorkloadSpec(builtin="support-triage", items=3),
        targets={"a": fake},
        objectives=("accuracy", "p50_ms"),
        blocks=1,
    )


def test_every_start_keeps_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short one before the first trial, stored with the segment; none where nothing is left to ask."""
    monkeypatch.delenv("EDGEBENCH_CERTIFY")
    said: list[str] = []
    with open_store(tmp_path / "store.db") as store:
        run = store.load(execute(plan(), store=store, say=said.append).run_id)
        assert store.load(execute(plan(), store=store, fresh=True, certify=False).run_id).segments[0].certificate == {
            "skipped": "it was not asked for (--no-certify)"
        }
    certificate = run.segments[0].certificate
    assert certificate["mode"] == "short"
    assert certificate["stamps"] in ("kernel", "user")
    names = [one["name"] for one in certificate["checks"]]
    assert len(names) == len(set(names))
    assert {"chunk-error-p99", "ttft-error-p99", "e2e-error-p99", "role-early-ttft-error"} <= set(names)
    fields = {"name", "value", "unit", "limit", "passed", "judged", "n", "reference", "note"}
    assert all(set(one) == fields for one in certificate["checks"])
    failed = [one for one in certificate["checks"] if one["judged"] and one["passed"] is False]
    assert certificate["passed"] is not bool(failed)
    assert any("certifying the instrument" in line for line in said)
