"""A fake does what it was told: its latency, accuracy and failures are known beforehand."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest

from edgebench.errors import TargetError, UsageError
from edgebench.records import Chunk, Parts, Request, TargetSpec
from edgebench.targets import fake
from edgebench.targets.fake import Fake, SupportsReferences

LABELS = ("a", "b", "c")
REFERENCES = {f"d{k}": LABELS[k % 3] for k in range(300)}


def made(seed: int = 1, **options: Any) -> Fake:
    target = fake.target(Parts("f", TargetSpec("fake", options={"latency_ms": 0, **options}), seed=seed))
    target.know(REFERENCES)
    return target


def request(digest: str = "d0", **fields: Any) -> Request:
    return Request((), digest, "choice", LABELS, item_digest=digest, **fields)


async def ask(target: Fake, asked: Request) -> list[Chunk]:
    async with aclosing(target.answer(asked)) as stream:
        return [chunk async for chunk in stream]


async def answers(target: Fake) -> list[str]:
    async with target:
        return ["".join(chunk.text for chunk in await ask(target, request(digest))) for digest in REFERENCES]


async def test_accuracy_is_as_asked_and_the_same_each_time() -> None:
    """300 items at 0.7: right within three standard errors, the same items each time, others with another seed."""
    first, again, other = await answers(made(accuracy=0.7)), await answers(made(accuracy=0.7)), None
    right = sum(answer == reference for answer, reference in zip(first, REFERENCES.values(), strict=True))
    assert abs(right / 300 - 0.7) < 3 * (0.7 * 0.3 / 300) ** 0.5
    assert first == again
    other = await answers(made(seed=2, accuracy=0.7))
    assert first != other
    assert set(first) <= set(LABELS)


async def test_chunks_come_when_they_are_due() -> None:
    """The first after `first_ms`, the last after `latency_ms`, none early; together they are the answer."""
    target = made(latency_ms=60, first_ms=20, chunks=3)
    target.know({"d0": "a long word"})
    async with target:
        started = time.monotonic_ns()
        chunks = await ask(target, request())
    offsets = [(chunk.at_ns - started) / 1e6 for chunk in chunks]
    for offset, due in zip(offsets, (20, 40, 60), strict=True):
        assert due - 1 <= offset < due + 200
    assert "".join(chunk.text for chunk in chunks) == "a long word"


async def test_failures_are_as_many_and_as_named() -> None:
    """The rate within three standard errors; the kind is the one asked for; a repeated request draws anew."""
    target = made(failure_rate=0.3, failure="server_error")
    kinds = []
    async with target:
        for digest in REFERENCES:
            try:
                await ask(target, request(digest))
            except TargetError as exc:
                kinds.append(exc.kind)
        assert set(kinds) == {"server_error"}
        assert abs(len(kinds) / 300 - 0.3) < 3 * (0.3 * 0.7 / 300) ** 0.5
        outcomes = [await asyncio.gather(ask(target, request("d5")), return_exceptions=True) for _ in range(40)]
    assert len({type(outcome[0]) for outcome in outcomes}) == 2


async def test_a_timeout_takes_the_time_limit_and_a_cut_off_some_text() -> None:
    """Failures happen as they do: late, or in the middle."""
    late = made(failure_rate=1.0, failure="timeout")
    started = time.monotonic()
    async with late:
        with pytest.raises(TargetError) as caught:
            await ask(late, request(timeout_s=0.1))
    assert caught.value.kind == "timeout"
    assert 0.09 < time.monotonic() - started < 1
    cut, heard = made(failure_rate=1.0, failure="cut_off", chunks=4), ""
    cut.know({"d0": "abcdefgh"})
    async with cut:
        with pytest.raises(TargetError, match="asked for") as caught:
            async for chunk in cut.answer(request()):
                heard += chunk.text
    assert (caught.value.kind, heard) == ("cut_off", "abcdef")


async def test_a_fatal_failure_ends_the_fake() -> None:
    """After it every request is a crash, until it is opened again."""
    target = made(failure_rate=1.0, failure="crashed", fatal=True)
    async with target:
        for _ in range(2):
            with pytest.raises(TargetError) as caught:
                await ask(target, request())
            assert caught.value.fatal


def test_it_can_be_told_the_right_answers() -> None:
    """The run room finds out by the protocol; a failure kind nobody knows is a usage error."""
    assert isinstance(made(), SupportsReferences)
    with pytest.raises(UsageError, match="no failure kind"):
        made(failure="bad luck")
