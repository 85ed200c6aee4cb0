"""A fake does what it was told: its latency, accuracy and failures are known beforehand."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import pytest

from edgebench.errors import TargetError, UsageError
from edgebench.records import Chunk, Message, Parts, Request, TargetSpec
from edgebench.targets import fake
from edgebench.targets.fake import Fake, SupportsReferences
from edgebench.workloads import understand

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


# ------------------------------------------------------------------------------------------------- known per prompting


def asking(*said: str, digest: str = "d0", **fields: Any) -> Request:
    messages = tuple(Message("user", one) for one in said)
    return Request(messages, digest, "choice", LABELS, item_digest=digest, **fields)


async def answered(target: Fake, *requests: Request) -> list[tuple[str, Chunk]]:
    """The text and the last chunk of each."""
    async with target:
        heard = [await ask(target, one) for one in requests]
    return [("".join(chunk.text for chunk in chunks), chunks[-1]) for chunks in heard]


async def test_the_first_rule_that_fits_says_how_a_request_is_answered() -> None:
    """By words in any message, by words in the last, by whether it is a draw; what a rule leaves out stays."""
    when = [
        {"contains": "STEP by step", "last": "reply", "text": "third"},
        {"contains": "step by step", "text": "Well. Answer: {answer}", "output_tokens": 120, "input_tokens": 80},
        {"sampled": True, "output_tokens": 7},
    ]
    target = made(when=when, output_tokens=3, text="<{answer}>")
    heard = await answered(
        target,
        asking("x"),
        asking("Think step by step."),
        asking("x", temperature=0.7),
        asking("Step by step.", "Now the reply."),
        asking("reply", "step by step"),
    )
    assert [text for text, _ in heard] == ["<a>", "Well. Answer: a", "<a>", "third", "Well. Answer: a"]
    used = [chunk.completion.usage for _, chunk in heard if chunk.completion and chunk.completion.usage]
    assert [(one.input_tokens, one.output_tokens) for one in used] == [(50, 3), (80, 120), (50, 7), (50, 3), (80, 120)]


async def test_tokens_are_as_many_as_were_asked_for() -> None:
    """Shared out over the chunks to the last one, whatever their number; as many as chunks when nothing is said."""
    for chunks, tokens in ((3, 10), (4, 2), (1, 0), (2, None)):
        async with made(chunks=chunks, output_tokens=tokens) as target:
            heard = await ask(target, request())
        wanted = chunks if tokens is None else tokens
        assert sum(chunk.tokens or 0 for chunk in heard) == wanted
        assert heard[-1].completion is not None and heard[-1].completion.usage is not None
        assert heard[-1].completion.usage.output_tokens == wanted


async def test_draws_with_one_seed_are_alike_and_those_with_others_are_independent() -> None:
    """As of an engine: a prompting that forgot to vary the seed would be found out."""
    target = made(accuracy=0.5)
    same = await answered(target, *[asking("x", temperature=1.0, seed=7)] * 20)
    assert len({text for text, _ in same}) == 1
    many = await answered(target, *[asking("x", temperature=1.0, seed=seed) for seed in range(400)])
    right = sum(text == "a" for text, _ in many)
    assert abs(right / 400 - 0.5) < 3 * (0.25 / 400) ** 0.5


async def test_wrong_answers_can_be_the_same_each_time() -> None:
    """Fixed: one wrong answer an item, so that a vote is between two; varied: any of them."""
    for wrong, kinds in (("fixed", 1), ("varied", 2)):
        heard = await answered(made(accuracy=0.0, wrong=wrong), *[asking("x", seed=seed) for seed in range(50)])
        assert len({text for text, _ in heard}) == kinds and "a" not in {text for text, _ in heard}
    items = [asking("x", digest=digest) for digest in REFERENCES]
    assert len({text for text, _ in await answered(made(accuracy=0.0, wrong="fixed"), *items)}) == 3


@pytest.mark.parametrize(
    ("output", "reference"), [("number", "18"), ("number", "2.5"), ("json", '{"a": 1}'), ("text", "x")]
)
async def test_a_wrong_answer_does_not_hold_the_right_one(output: str, reference: str) -> None:
    """`not 18` would be read as 18, and `not {…}` as the object."""
    for wrong in ("fixed", "varied"):
        target = made(accuracy=0.0, wrong=wrong)
        target.know({"d0": reference})
        ((text, _),) = await answered(target, Request((), "d0", output, item_digest="d0"))  # type: ignore[arg-type]
        read = {"number": understand.number, "json": understand.json_object, "text": str}[output]
        assert read(text) != read(reference)  # type: ignore[operator]


def test_a_rule_with_a_mistake_in_it_is_said() -> None:
    """An unknown word in a rule is a usage error like any other option."""
    with pytest.raises(UsageError, match="when"):
        made(when=[{"contain": "x"}])
