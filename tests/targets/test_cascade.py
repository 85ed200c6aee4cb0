"""The live cascade: its parts are fakes whose every answer, confidence and latency is known beforehand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from edgebench.contracts import MOMENT
from edgebench.errors import TargetError, UsageError
from edgebench.records import Answer, Call, Chunk, Completion, Message, Parts, Record, Request, TargetSpec, Task
from edgebench.run.asking import Asking
from edgebench.targets import cascade, fake
from tests import builders

ITEM = builders.workload(3).items[0]
ASK = Request((Message("user", ITEM.text),), ITEM.text, "choice", builders.LABELS, item_digest=ITEM.digest, timeout_s=5)


def part(name: str, *, retries: int = 0, timeout_s: float = 5.0, **options: Any) -> tuple[fake.Fake, TargetSpec]:
    """A fake that is right (and then 0.9 sure) unless told otherwise."""
    spec = TargetSpec(kind="fake", retries=retries, timeout_s=timeout_s, options={"latency_ms": 2.0, **options})
    made = fake.target(Parts(name, spec, device="here"))
    made.know({ITEM.digest: str(ITEM.reference)})
    return made, spec


def hybrid(edge: tuple[Any, TargetSpec], cloud: tuple[Any, TargetSpec], **options: Any) -> cascade.Cascade:
    spec = TargetSpec(kind="cascade", options={"edge": "edge", "cloud": "cloud", **options})
    made = cascade.target(Parts("hybrid", spec))
    made.compose({"edge": edge, "cloud": cloud})
    return made


UNSURE = {"accuracy": 0.0}  # and then it is 0.6 sure


async def asked(target: cascade.Cascade, *, timeout_s: float = 5.0) -> tuple[Answer | TargetError, Asking, int]:
    """The answer or failure of one request as the run room keeps it, its asking, and when it was due."""
    due_ns = time.monotonic_ns()
    asking = Asking(target, due_ns=due_ns, retries=2, timeout_s=timeout_s)
    try:
        answer: Answer | TargetError = await asking(ASK)
    except TargetError as error:
        answer = error
    return answer, asking, due_ns


async def once(target: cascade.Cascade, **given: float) -> tuple[Answer | TargetError, list[Call], float]:
    """The same, with the latency in ms."""
    async with target:
        await target.prepare(Task(choices=builders.LABELS))
        answer, asking, due_ns = await asked(target, **given)
    return answer, asking.calls, ((asking.done_ns or 0) - due_ns) / 1e6


def told(calls: list[Call]) -> list[tuple[str, str | None, str | None]]:
    return [(call.role, call.target, call.failure.kind if call.failure else None) for call in calls]


async def test_a_sure_edge_is_served_and_the_cloud_never_hears_of_it() -> None:
    answer, calls, _ = await once(hybrid(part("edge"), part("cloud"), threshold=0.8))
    assert isinstance(answer, Answer) and answer.text == ITEM.reference
    assert told(calls) == [("answer", "edge", None)]


async def test_an_unsure_edge_defers_and_both_exchanges_are_calls() -> None:
    """Each with its own stamps and tokens; the deferred one is due when the edge's answer was known."""
    target = hybrid(part("edge", latency_ms=20, **UNSURE), part("cloud", latency_ms=30, chunks=3), threshold=0.8)
    answer, calls, latency_ms = await once(target)
    assert isinstance(answer, Answer) and (answer.text, answer.confidence) == (ITEM.reference, 0.9)
    assert told(calls) == [("answer", "edge", None), ("defer", "cloud", None)]
    edge, cloud = calls
    assert edge.done_ns is not None and cloud.sent_ns is not None and edge.done_ns <= cloud.due_ns <= cloud.sent_ns
    assert [call.usage.output_tokens for call in calls if call.usage] == [1, 3]
    assert edge.text != ITEM.reference and len(cloud.chunk_ns) == 3
    assert (
        edge.wall_s is not None
        and cloud.wall_s is not None
        and cloud.wall_s - edge.wall_s == pytest.approx(0.02, abs=0.02)
    )
    assert latency_ms >= 50


async def test_the_threshold_decides_between_the_two() -> None:
    """0.6 sure: served at a threshold of 0.6, deferred just above it."""
    for threshold, calls in ((0.6, 1), (0.6001, 2)):
        assert len((await once(hybrid(part("edge", **UNSURE), part("cloud"), threshold=threshold)))[1]) == calls


async def test_what_the_edge_fails_to_answer_is_the_clouds() -> None:
    edge = part("edge", failure_rate=1.0, failure="server_error", retries=3)
    answer, calls, _ = await once(hybrid(edge, part("cloud"), threshold=0.1))
    assert isinstance(answer, Answer) and answer.text == ITEM.reference
    assert told(calls) == [("answer", "edge", "server_error"), ("defer", "cloud", None)]


async def test_where_both_fail_the_record_fails_as_the_cloud_did() -> None:
    target = hybrid(
        part("edge", failure_rate=1.0, failure="malformed"),
        part("cloud", failure_rate=1.0, failure="refused"),
        threshold=0,
    )
    answer, calls, _ = await once(target)
    assert isinstance(answer, TargetError) and answer.kind == "refused"
    assert told(calls) == [("answer", "edge", "malformed"), ("defer", "cloud", "refused")]


async def test_an_unsure_answer_is_better_than_none() -> None:
    """The cloud fails in passing: the edge's answer is served when that is known, and the call says so."""
    cloud = part("cloud", failure_rate=1.0, failure="server_error", latency_ms=30)
    answer, calls, latency_ms = await once(hybrid(part("edge", **UNSURE), cloud, threshold=0.8))
    assert isinstance(answer, Answer) and answer.confidence == 0.6
    assert told(calls) == [("answer", "edge", None), ("defer", "cloud", "server_error")]
    assert calls[0].notices == (cascade.CLOUD_FAILED,)
    assert latency_ms >= 32


async def test_a_cloud_that_will_never_answer_ends_the_trial() -> None:
    """A refused key is no passing failure: a cascade without a cloud is not what was to be measured."""
    cloud = part("cloud", failure_rate=1.0, failure="unauthorized", fatal=True)
    async with hybrid(part("edge", **UNSURE), cloud, threshold=0.8) as target:
        answer, asking, _ = await asked(target)
    assert isinstance(answer, TargetError) and answer.kind == "unauthorized"
    assert asking.fatal is not None


class Flaky:
    """A cloud that fails as often as it was told, in a way that another try may mend."""

    name = "cloud"

    def __init__(self, failures: int) -> None:
        self._left = failures
        self._inner, _ = part("cloud")

    async def __aenter__(self) -> Flaky:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def prepare(self, task: Task) -> None:
        await self._inner.prepare(task)

    async def answer(self, request: Request) -> AsyncIterator[Chunk]:
        if self._left:
            self._left -= 1
            raise TargetError("rate_limited", "later", retryable=True, retry_after_s=0.02)
        async for chunk in self._inner.answer(request):
            yield chunk


@pytest.mark.parametrize(("failures", "kinds"), [(1, ["rate_limited", None]), (3, ["rate_limited"] * 3)])
async def test_the_cloud_is_asked_again_as_its_own_retries_say(failures: int, kinds: list[str | None]) -> None:
    """Each try is a call of the role retry; the edge is not asked again, whatever the cascade's own retries."""
    cloud = (Flaky(failures), TargetSpec(kind="fake", retries=2))
    answer, calls, _ = await once(hybrid(part("edge", **UNSURE), cloud, threshold=0.8))
    assert [call.failure.kind if call.failure else None for call in calls[1:]] == kinds
    assert [(call.role, call.attempt) for call in calls][:3] == [("answer", 0), ("defer", 0), ("retry", 1)]
    assert isinstance(answer, Answer) and answer.confidence == (0.9 if failures == 1 else 0.6)


async def test_a_hedge_asks_both_at_once_and_serves_whoever_may_be_first() -> None:
    """Both are paid for; the record is done when the first answer that may be served is there."""
    target = hybrid(part("edge", latency_ms=20), part("cloud", latency_ms=90), policy="hedged", threshold=0.8)
    _, calls, latency_ms = await once(target)
    assert told(calls) == [("answer", "edge", None), ("defer", "cloud", None)]
    assert all(call.usage for call in calls) and 20 <= latency_ms < 90
    assert calls[0].due_ns == calls[1].due_ns
    target = hybrid(part("edge", latency_ms=90), part("cloud", latency_ms=20), policy="hedged", threshold=0.8)
    _, calls, latency_ms = await once(target)
    assert 20 <= latency_ms < 90 and (calls[0].done_ns or 0) > (calls[1].done_ns or 0)


async def test_a_record_knows_which_of_its_calls_was_served() -> None:
    """The edge's answer is seen when it is known to be sure, not when its first chunk came."""
    target = hybrid(part("edge", latency_ms=30, chunks=3), part("cloud", latency_ms=90), policy="hedged", threshold=0.8)
    async with target:
        await target.prepare(Task(choices=builders.LABELS))
        _, asking, due_ns = await asked(target)
    record = Record("t/0", "t", "s", ITEM.digest, 0, due_ns, due_ns, asking.done_ns, tuple(asking.calls))
    assert record.served is not None and record.served.target == "edge"
    assert record.first_ns == record.done_ns


async def test_a_hedge_waits_for_its_edge_as_long_as_it_was_told() -> None:
    for latency_ms, roles in ((5, ["answer"]), (150, ["answer", "defer"])):
        edge = part("edge", latency_ms=latency_ms)
        target = hybrid(edge, part("cloud"), policy="hedged", threshold=0.5, hedge_after_s=0.06)
        _, calls, took_ms = await once(target)
        assert [call.role for call in calls] == roles
        assert took_ms < 150
    assert calls[1].due_ns - calls[0].due_ns >= 60e6


async def test_a_busy_edge_overflows_into_the_cloud() -> None:
    """With one request under way at the edge, the others go to the cloud instead, and to nobody else."""
    target = hybrid(part("edge", latency_ms=60), part("cloud"), policy="overflow")
    async with target:
        await target.prepare(Task(choices=builders.LABELS))
        found = await asyncio.gather(*(asked(target) for _ in range(3)))
        _, later, _ = await asked(target)
    assert [told(asking.calls) for _, asking, _ in found] == [
        [("answer", "edge", None)],
        [("defer", "cloud", None)],
        [("defer", "cloud", None)],
    ]
    assert told(later.calls) == [("answer", "edge", None)]


async def test_an_edge_that_never_says_how_sure_it_is_always_defers_and_is_noticed() -> None:
    edge = part("edge", confidence=False)
    _, calls, _ = await once(hybrid(edge, part("cloud"), threshold=0.0))
    assert [call.role for call in calls] == ["answer", "defer"]
    assert calls[0].notices == (cascade.NO_CONFIDENCE,)


async def test_a_part_that_hangs_leaves_no_time_and_no_cloud_is_asked() -> None:
    """The whole has its time limit; an edge with a shorter one of its own leaves the rest to the cloud."""
    slow = {"latency_ms": 60_000.0}
    answer, calls, _ = await once(hybrid(part("edge", **slow), part("cloud"), threshold=0.5), timeout_s=0.1)
    assert isinstance(answer, TargetError) and (answer.kind, told(calls)) == (
        "timeout",
        [("answer", "edge", "timeout")],
    )
    answer, calls, _ = await once(hybrid(part("edge", timeout_s=0.1, **slow), part("cloud"), threshold=0.5))
    assert isinstance(answer, Answer)
    assert told(calls) == [("answer", "edge", "timeout"), ("defer", "cloud", None)]


async def test_a_cloud_has_what_the_edge_left_of_the_time() -> None:
    """And is asked with the same time limit every time: what a target prepares for it once, it keeps."""
    limits = []

    class Slow(Witness):
        async def answer(self, request: Request) -> AsyncIterator[Chunk]:
            limits.append(request.timeout_s)
            await asyncio.sleep(60)
            yield Chunk("late", at_ns=time.monotonic_ns(), completion=Completion())

    target: Any = hybrid(
        part("edge", latency_ms=100, **UNSURE), (Slow("cloud", 1), TargetSpec(kind="x", timeout_s=30)), threshold=0.9
    )
    began = time.monotonic()
    for _ in range(2):
        answer, calls, _ = await once(target, timeout_s=0.3)
        assert isinstance(answer, Answer) and answer.confidence == 0.6
        assert told(calls) == [("answer", "edge", None), ("defer", "cloud", "timeout")]
    assert limits == [0.3, 0.3]
    assert time.monotonic() - began < 2 * (0.3 + cascade.LATE_S) + 0.5


class Witness:
    """A part that makes requests ready itself, and notes what its moments did."""

    makes_ready = True

    def __init__(self, name: str, confidence: float) -> None:
        self.name, self._confidence = name, confidence
        self.left_ns = 0

    async def __aenter__(self) -> Witness:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def prepare(self, task: Task) -> None:
        return None

    async def answer(self, request: Request) -> AsyncIterator[Chunk]:
        moment = MOMENT.get()
        assert moment is not None
        await moment.come()
        self.left_ns = time.monotonic_ns()
        await moment.calm()
        yield Chunk("refund", at_ns=time.monotonic_ns(), completion=Completion(confidence=self._confidence))


class Later:
    """A moment 50 ms ahead, around which there is calm only long after."""

    def __init__(self) -> None:
        self.due_ns = time.monotonic_ns() + 50_000_000

    async def ready(self) -> None:
        return None

    async def come(self) -> None:
        await asyncio.sleep(max(0, self.due_ns - time.monotonic_ns()) / 1e9)

    async def calm(self) -> None:
        await asyncio.sleep(0.1)


async def test_in_an_open_loop_the_edge_leaves_when_due_and_the_deferred_request_at_once() -> None:
    """What the edge said is read without waiting for calm: a cloud may have to be asked."""
    edge, cloud, moment = Witness("edge", 0.1), Witness("cloud", 0.9), Later()
    target: Any = hybrid((edge, TargetSpec(kind="x")), (cloud, TargetSpec(kind="x")), threshold=0.5)
    token = MOMENT.set(moment)
    try:
        async with target:
            asking = Asking(target, due_ns=moment.due_ns, retries=0, timeout_s=5)
            await asking(ASK)
    finally:
        MOMENT.reset(token)
    assert 0 <= edge.left_ns - moment.due_ns < 40e6
    assert 0 <= cloud.left_ns - edge.left_ns < 60e6


async def test_patience_begins_when_the_request_is_due() -> None:
    """Made ready 50 ms early, with 20 ms of patience: an edge that answers as soon as it is due is not too late."""
    edge, cloud, moment = Witness("edge", 0.9), Witness("cloud", 0.9), Later()
    options = {"policy": "hedged", "threshold": 0.5, "hedge_after_s": 0.02}
    target: Any = hybrid((edge, TargetSpec(kind="x")), (cloud, TargetSpec(kind="x")), **options)
    token = MOMENT.set(moment)
    try:
        async with target:
            asking = Asking(target, due_ns=moment.due_ns, retries=0, timeout_s=5)
            await asking(ASK)
    finally:
        MOMENT.reset(token)
    assert [call.target for call in asking.calls] == ["edge"]


async def test_whoever_stops_listening_leaves_nothing_running() -> None:
    target = hybrid(part("edge", latency_ms=5_000), part("cloud", latency_ms=5_000), policy="hedged", threshold=0.5)
    async with target:
        await target.prepare(Task(choices=builders.LABELS))
        before = len(asyncio.all_tasks())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), aclosing(target.answer(ASK)) as stream:
                async for _ in stream:
                    pass
        assert len(asyncio.all_tasks()) == before


def test_what_it_is_says_what_it_is_made_of() -> None:
    """A cascade is hosted where its cloud is, a stand-in where either part is one."""
    edge, cloud = part("edge"), part("cloud")
    made = hybrid(edge, cloud, threshold=0.8).identity()
    assert (made.kind, made.placement, made.model) == ("cascade", "stand-in", "fake → fake")
    assert {"edge": "edge", "cloud": "cloud", "threshold": 0.8}.items() <= made.details.items()
    for places, placement in (
        (("device", "hosted"), "hosted"),
        (("device", "device"), "device"),
        (("device", "stand-in"), "stand-in"),
    ):
        parts = []
        for name, place in zip(("edge", "cloud"), places, strict=True):
            spec = TargetSpec(kind="fake", placement=place)  # type: ignore[arg-type]
            parts.append((fake.target(Parts(name, spec)), spec))
        assert hybrid(parts[0], parts[1], threshold=0.8).identity().placement == placement


def test_an_unknown_option_is_one_sentence() -> None:
    spec = TargetSpec(kind="cascade", options={"edge": "a", "cloud": "b", "treshold": 0.5})
    with pytest.raises(UsageError, match="treshold"):
        cascade.target(Parts("hybrid", spec))


async def test_one_part_that_cannot_open_closes_the_other() -> None:
    class Broken(Witness):
        async def __aenter__(self) -> Broken:
            raise TargetError("load_failed", "no such model", fatal=True)

    closed = []

    class Noted(Witness):
        async def __aexit__(self, *exc: object) -> None:
            closed.append(self.name)

    target: Any = hybrid(
        (Noted("edge", 1), TargetSpec(kind="x")), (Broken("cloud", 1), TargetSpec(kind="x")), threshold=0.5
    )
    with pytest.raises(TargetError, match="no such model"):
        async with target:
            pass
    assert closed == ["edge"]


def test_the_fake_says_what_it_always_said_unless_told_otherwise() -> None:
    """Noise in its confidence changes neither its answers nor their latencies."""
    request = replace(ASK, timeout_s=1)

    async def said(**options: Any) -> list[tuple[str, float | None]]:
        made, _ = part("edge", latency_ms=0.0, seed=4, accuracy=0.5, **options)
        await made.prepare(Task(choices=builders.LABELS))
        out = []
        for _ in range(12):
            (chunk,) = [chunk async for chunk in made.answer(request)]
            assert chunk.completion is not None
            out.append((chunk.text, chunk.completion.confidence))
        return out

    plain, noisy = asyncio.run(said()), asyncio.run(said(confidence_noise=0.1))
    assert [text for text, _ in plain] == [text for text, _ in noisy]
    assert {sure for _, sure in plain} == {0.9, 0.6}
    assert len({sure for _, sure in noisy}) > 5
