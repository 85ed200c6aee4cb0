"""A certificate that cannot fail is worth nothing: each known way of stamping wrongly is put in, and is found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Self

import pytest

from edgebench.contracts import Target
from edgebench.metrics.table import _speeds
from edgebench.records import Call, Chunk, Identity, Parts, Request, Task
from edgebench.run.certifying import protocol, stamps
from edgebench.run.certifying.scoring import Check
from edgebench.run.certifying.subject import Subject
from edgebench.run.truth import TruthServer
from edgebench.targets.openai_compatible import target

MS = 1_000_000
Fault = Callable[[list[Chunk]], list[Chunk]]


class Faulty:
    """Our own target with something wrong about its chunks."""

    def __init__(self, parts: Parts, fault: Fault) -> None:
        self._inner: Target = target(parts)
        self._fault = fault
        self.name = self._inner.name

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._inner.__aexit__(*exc)

    async def prepare(self, task: Task) -> None:
        await self._inner.prepare(task)

    async def answer(self, request: Request) -> AsyncIterator[Chunk]:
        for chunk in self._fault([chunk async for chunk in self._inner.answer(request)]):
            yield chunk

    def identity(self) -> Identity:
        return self._inner.identity()

    def pids(self) -> tuple[int, ...]:
        return ()

    def load_ns(self) -> int | None:
        return None

    def resident_before_load(self) -> int | None:
        return None


def examined(
    fault: Fault | None, section: Callable[[Subject, TruthServer], Awaitable[Sequence[Check]]]
) -> dict[str, Check]:
    async def scene() -> dict[str, Check]:
        make = target if fault is None else lambda parts: Faulty(parts, fault)
        async with TruthServer() as server, Subject(server, make) as subject:
            return {one.name: one for one in await section(subject, server)}

    return asyncio.run(scene())


async def errors(subject: Subject, server: TruthServer) -> Sequence[Check]:
    return await stamps.stamp_errors(subject, server, streams=2, turns=1, chunks=10)


def late(chunks: list[Chunk]) -> list[Chunk]:
    """Stamped 50 ms after they came, as by a client that is busy."""
    return [replace(chunk, at_ns=chunk.at_ns + 50 * MS) for chunk in chunks]


def test_late_stamps_fail_it() -> None:
    """Chunk, TTFT and E2E errors all fail; the gaps, which are right, do not show it."""
    found = examined(late, errors)
    for name in ("chunk-error-p50", "ttft-error-p50", "e2e-error-p50"):
        assert found[name].passed is False, name
        assert found[name].value == pytest.approx(50, abs=20)


def test_joined_chunks_fail_it() -> None:
    """Chunks stamped when the last of a pair came: an error of a gap in every second one."""

    def paired(chunks: list[Chunk]) -> list[Chunk]:
        return [replace(chunk, at_ns=chunks[min(place | 1, len(chunks) - 1)].at_ns)
                for place, chunk in enumerate(chunks)]  # fmt: skip

    found = examined(paired, errors)
    assert found["chunk-error-p99"].passed is False
    assert (found["chunk-error-p99"].value or 0) > 5


def test_a_lost_chunk_fails_it() -> None:
    """An answer with an event fewer than was written is lost, and nothing of it is scored."""
    found = examined(lambda chunks: [*chunks[:3], *chunks[4:]], errors)
    assert (found["streams-lost"].value, found["streams-lost"].passed) == (2.0, False)
    assert found["chunk-error-p50"].value is None


def test_counting_the_role_delta_fails_it() -> None:
    """A first token that is taken for 500 ms earlier, as by a client that counts every delta."""

    async def early(subject: Subject, server: TruthServer) -> Sequence[Check]:
        return await protocol.role_early(subject, server, requests=2)

    name = "role-early-ttft-error"
    wrong = examined(lambda found: [replace(found[0], at_ns=found[0].at_ns - 500 * MS), *found[1:]], early)[name]
    assert wrong.passed is False
    assert wrong.value == pytest.approx(500, abs=150)
    assert (examined(None, early)[name].value or 0) < 100


def test_a_wrong_count_of_the_first_tokens_fails_it() -> None:
    """TPOT by a first chunk that is taken for half of all tokens is twice as long as it was."""

    async def many(subject: Subject, server: TruthServer) -> Sequence[Check]:
        return await protocol.k_tokens(subject, server, requests=2)

    found = examined(lambda chunks: [replace(chunks[0], tokens=82), *chunks[1:]], many)["k-tokens-tpot-off"]
    assert found.passed is False
    assert found.value == pytest.approx(100, abs=20)


def test_the_first_of_many_tokens_is_not_taken_for_one() -> None:
    """With four tokens an event and only their sum told, the first chunk holds four, and TPOT counts the others."""

    async def scene() -> Call:
        async with TruthServer() as server, Subject(server, target) as subject:
            (asked,) = await subject.ask("k-tokens?k=4&chunks=40&gap_ms=2", ["q"], streams=1)
            return asked.call

    call = asyncio.run(scene())
    assert call.usage is not None
    assert (call.usage.output_tokens, sum(call.chunk_tokens)) == (160, 160)
    after_ms = ((call.done_ns or 0) - (call.first_ns or 0)) / MS
    tpot = _speeds(call)[0]
    assert tpot == pytest.approx(after_ms / 156, rel=0.01)
    assert tpot != pytest.approx(after_ms / 159, rel=0.01)


def test_a_stamp_is_right_while_our_loop_is_busy() -> None:
    """With the kernel's stamps, what comes while this process is occupied keeps the moment it came."""
    import time

    async def scene() -> tuple[str | None, list[int], list[int]]:
        async with TruthServer() as server, Subject(server, target) as subject:
            mode = "fixed?chunks=1&first_ms=60"
            await subject.open(mode)
            asking = asyncio.ensure_future(subject.ask(mode, ["busy"], streams=1))
            await asyncio.sleep(0.03)
            time.sleep(0.15)  # noqa: ASYNC251  the loop is occupied when the chunk comes
            (asked,) = await asking
            (entry,) = await server.ledger()
            return asked.call.stamp, list(asked.call.chunk_ns), list(entry.stamps("content"))

    stamp, ours, theirs = asyncio.run(scene())
    if stamp != "kernel":
        pytest.skip("this system gives no kernel stamps")
    assert abs(ours[0] - theirs[0]) < 80 * MS  # by a stamp of our own: some 120 ms
