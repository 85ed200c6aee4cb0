"""The truth server: every mode does what it says, and its ledger is what went over a plain socket."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.run import truth_modes as modes
from edgebench.run.reference import Reference, request_bytes
from edgebench.run.truth import Entry, NoTruth, TruthServer
from edgebench.targets import replies
from edgebench.targets.exchange import Exchange
from edgebench.targets.wire import Intake

MS = 1_000_000


def steps_of(model: str, prompt: str = "hello", **options: bool) -> list[modes.Step]:
    given = {"streamed": True, "usage": True, "chat": True, **options}
    return list(modes.steps(modes.mode_of(model), prompt, **given))


def understood(steps: list[modes.Step], api: replies.Api = "chat") -> replies.Reply:
    """What a client makes of the bytes."""
    exchange = Exchange()
    intake = Intake(exchange)
    for _, data, _ in steps:
        intake.feed(data, 1, 1, True)
    assert exchange.complete
    return replies.read(exchange, api, streamed=True)


def kinds(steps: list[modes.Step]) -> list[str]:
    return [kind for _, _, marks in steps for kind, _ in marks]


# -------------------------------------------------------------------------------------------------------------- modes


def test_a_fixed_stream_is_evenly_spaced() -> None:
    """Head and role delta at once, the first token after first_ms, one more each gap_ms."""
    steps = steps_of("fixed?chunks=3&first_ms=50&gap_ms=10")
    assert [at // MS for at, _, _ in steps] == [0, 50, 60, 70, 70]
    assert kinds(steps) == ["head", "role", "content", "content", "content", "usage", "done"]


def test_the_same_request_gets_the_same_schedule() -> None:
    """Waits are drawn from a seed made of the request; another prompt has others."""
    assert steps_of("lognormal") == steps_of("lognormal")
    assert [at for at, _, _ in steps_of("lognormal")] != [at for at, _, _ in steps_of("lognormal", "other")]


def test_the_role_delta_comes_early() -> None:
    """500 ms before the first token, in a write of its own."""
    at = {marks[0][0]: at for at, _, marks in reversed(steps_of("role-early?chunks=2"))}
    assert at["content"] - at["role"] == 500 * MS


def test_one_wait_in_a_hundred_is_slow() -> None:
    """Bimodal: 1 % of the waits are slow_ms."""
    waits = [wait for name in "abcdef" for wait in modes._waits(modes.mode_of("bimodal?chunks=1000"), name)]
    assert 0.005 < sum(wait == 100 * MS for wait in waits) / len(waits) < 0.02


def test_a_stream_stalls_once_in_its_first_half() -> None:
    """One wait is longer by stall_ms, neither the first nor one near the end."""
    waits = list(modes._waits(modes.mode_of("stall?stall_share=1&stall_ms=1000&chunks=16"), "x"))
    assert next(place for place, wait in enumerate(waits) if wait > 1000 * MS) in range(1, 8)
    assert sum(wait > 1000 * MS for wait in waits) == 1
    assert not any(wait > 1000 * MS for wait in modes._waits(modes.mode_of("stall?stall_share=0"), "x"))


def test_events_come_several_in_a_write_or_one_in_several() -> None:
    """Coalesced: four events of content a write. Split: an event counts when its last part is written."""
    joined = steps_of("coalesced?chunks=8")
    assert [len(marks) for _, _, marks in joined] == [2, 4, 4, 2]
    torn = steps_of("split?chunks=2&split=3&gap_ms=10&split_ms=1")
    assert [len(marks) for _, _, marks in torn] == [2, 0, 0, 1, 0, 0, 1, 2]
    assert understood(torn).content == modes.text_of(modes.mode_of("split?chunks=2"))


def test_reasoning_pings_errors_and_usage() -> None:
    """Reasoning before content; comments between events; an error object instead of an event; no usage at all."""
    assert kinds(steps_of("reasoning?reasoning=2&chunks=1"))[2:5] == ["reasoning", "reasoning", "content"]
    assert kinds(steps_of("pings?chunks=4")).count("ping") == 2
    failed = understood(steps_of("error-in-stream?error_at=3"))
    assert failed.failure is not None
    assert failed.failure.kind == "stream_error"
    assert len(failed.pieces) == 2
    assert understood(steps_of("no-usage")).usage is None
    assert understood(steps_of("fixed", usage=False)).usage is None


def test_tokens_are_counted_by_event_and_in_all() -> None:
    """k tokens an event; usage says their sum."""
    steps = steps_of("k-tokens?k=4&chunks=5")
    assert [tokens for _, _, marks in steps for kind, tokens in marks if kind == "content"] == [4] * 5
    usage = understood(steps).usage
    assert usage is not None
    assert usage.output_tokens == 20


@settings(max_examples=60, deadline=None)
@given(
    chunks=st.integers(1, 12),
    k=st.integers(1, 5),
    coalesce=st.integers(1, 4),
    split=st.integers(1, 4),
    reasoning=st.integers(0, 3),
    pings=st.integers(0, 3),
    size=st.sampled_from([0, 300]),
    chat=st.booleans(),
)
def test_whatever_the_shape_the_text_is_whole(
    chunks: int, k: int, coalesce: int, split: int, reasoning: int, pings: int, size: int, chat: bool
) -> None:
    """A client of either protocol reads the text the mode promises, and one mark for every event with text."""
    shape = f"chunks={chunks}&k={k}&coalesce={coalesce}&split={split}&ping_every={pings}&chunk_bytes={size}"
    model = f"fixed?{shape}&reasoning={reasoning if chat else 0}"
    steps = steps_of(model, chat=chat)
    reply = understood(steps, "chat" if chat else "completions")
    assert reply.content == modes.text_of(modes.mode_of(model))
    assert reply.failure is None
    assert len(reply.pieces) == kinds(steps).count("content") + kinds(steps).count("reasoning")
    assert [at for at, _, _ in steps if at < 0] == []


@pytest.mark.parametrize("model", ["nonsense", "fixed?no=1", "fixed?chunks=many"])
def test_a_mode_that_is_none_is_refused(model: str) -> None:
    """Unknown modes, unknown parameters, values that are no numbers."""
    with pytest.raises(ValueError):
        modes.mode_of(model)


def test_a_prompt_is_known_by_its_last_user_message() -> None:
    """Its first 80 characters; whatever is no chat gives an empty one."""
    messages = [{"role": "user", "content": "first"}, {"role": "assistant", "content": "x"}]
    assert modes.prompt_of({"messages": [*messages, {"role": "user", "content": "y" * 100}]}) == "y" * 80
    assert modes.prompt_of({"prompt": "plain"}) == "plain"
    assert modes.prompt_of([1]) == ""


# ------------------------------------------------------------------------------------------------------------- server


@asynccontextmanager
async def socket_to(server: TruthServer) -> AsyncIterator[Callable[[bytes], Awaitable[tuple[bytes, int]]]]:
    """A plain connection: sends bytes, returns one whole answer and when its last byte was read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)

    async def ask(data: bytes) -> tuple[bytes, int]:
        writer.write(data)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"Content-Length" in head:
            length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
            return head + await reader.readexactly(length), time.monotonic_ns()
        return head + await reader.readuntil(b"\r\n0\r\n\r\n"), time.monotonic_ns()

    try:
        yield ask
    finally:
        writer.close()
        await writer.wait_closed()


def test_the_ledger_says_what_a_plain_socket_saw() -> None:
    """Two requests on one connection: in order, between being sent and being read, each known by its prompt."""

    async def scene() -> tuple[list[Entry], list[tuple[int, int]]]:
        async with TruthServer() as server, socket_to(server) as ask:
            spans = []
            for prompt in ("one", "two"):
                sent_ns = time.monotonic_ns()
                data, read_ns = await ask(request_bytes("fixed?chunks=3&first_ms=5&gap_ms=2", prompt))
                assert data.count(b'"content":') == 3
                spans.append((sent_ns, read_ns))
            found = await server.ledger()
            assert await server.ledger() == []
            return found, spans

    ledger, spans = asyncio.run(scene())
    assert [entry.prompt for entry in ledger] == ["one", "two"]
    for entry, (sent_ns, read_ns) in zip(ledger, spans, strict=True):
        stamps = [write.at_ns for write in entry.writes]
        assert [write.kind for write in entry.writes][-1] == "done"
        assert sent_ns <= entry.received_ns <= stamps[0]
        assert stamps == sorted(stamps)
        assert stamps[-1] <= read_ns
        assert entry.stamps("content")[0] - entry.received_ns >= 5 * MS


def test_the_reference_client_hears_every_event() -> None:
    """One stamp for each event with text, never before it was written."""

    async def scene() -> tuple[Any, Entry]:
        async with TruthServer() as server, Reference(server.port) as reference:
            heard = await reference.ask("reasoning?reasoning=2&chunks=3&gap_ms=2&first_ms=2", "q")
            return heard, (await server.ledger())[0]

    heard, entry = asyncio.run(scene())
    written = entry.stamps("reasoning", "content")
    assert len(written) == len(heard.user_ns) == 5
    assert all(ours >= theirs for ours, theirs in zip(heard.user_ns, written, strict=True))


def test_a_refused_prompt_is_let_in_the_second_time() -> None:
    """429 with Retry-After once for each prompt; both attempts are in the ledger."""

    async def scene() -> tuple[bytes, bytes, list[Entry]]:
        async with TruthServer() as server, socket_to(server) as ask:
            request = request_bytes("rate-limited?retry_after_s=3&first_ms=1&gap_ms=1&chunks=1", "again")
            return (await ask(request))[0], (await ask(request))[0], await server.ledger()

    first, second, ledger = asyncio.run(scene())
    assert first.startswith(b"HTTP/1.1 429")
    assert b"Retry-After: 3\r\n" in first
    assert second.startswith(b"HTTP/1.1 200")
    assert [entry.prompt for entry in ledger] == ["again", "again"]


def test_documents_and_mistakes() -> None:
    """A plain answer is one JSON document; a wrong mode is 400, a wrong path 404; the connection stays."""

    async def scene() -> list[bytes]:
        async with TruthServer() as server, socket_to(server) as ask:
            plain = await ask(request_bytes("plain?think_ms=1", "p"))
            wrong = await ask(request_bytes("nonsense", "p"))
            lost = await ask(b"GET /nowhere HTTP/1.1\r\n\r\n")
            return [plain[0], wrong[0], lost[0], (await ask(b"GET /health HTTP/1.1\r\n\r\n"))[0]]

    plain, wrong, lost, health = asyncio.run(scene())
    answer = json.loads(plain.partition(b"\r\n\r\n")[2])
    assert answer["choices"][0]["message"]["content"] == modes.text_of(modes.mode_of("plain"))
    assert wrong.startswith(b"HTTP/1.1 400")
    assert lost.startswith(b"HTTP/1.1 404")
    assert b'"pid"' in health


def test_a_frozen_server_answers_nobody() -> None:
    """From the request of that number on, for that long, whatever else is asked."""

    async def scene() -> float:
        async with TruthServer() as server, socket_to(server) as ask, socket_to(server) as other:
            freezing = request_bytes("frozen?freeze_after=1&freeze_ms=300&think_ms=0", "f")
            began = time.monotonic()
            asked = asyncio.ensure_future(ask(freezing))
            await asyncio.sleep(0.05)
            await other(request_bytes("plain?think_ms=0", "o"))
            took = time.monotonic() - began
            await asked
            return took

    assert asyncio.run(scene()) >= 0.29


def test_who_left_is_in_the_ledger_with_what_was_written() -> None:
    """An answer that was cut by the client is finished, and shorter."""

    async def scene() -> list[Entry]:
        async with TruthServer() as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(request_bytes("fixed?chunks=100&first_ms=1&gap_ms=20", "gone"))
            await reader.readuntil(b'"content":')
            assert await server.ledger() == []  # under way
            writer.transport.abort()
            for _ in range(100):
                if found := await server.ledger():
                    return found
                await asyncio.sleep(0.02)
            return []

    (entry,) = asyncio.run(scene())
    assert 1 <= len(entry.stamps("content")) < 100


def test_it_is_gone_when_it_is_left_and_says_so() -> None:
    """Leaving the block ends the process; asking for its ledger afterwards is one sentence."""

    async def scene() -> tuple[int, TruthServer]:
        async with TruthServer() as server:
            return server.pid, server

    pid, server = asyncio.run(scene())
    assert not psutil.pid_exists(pid)
    with pytest.raises(NoTruth, match="gone"):
        asyncio.run(server.ledger())


PARENT = """
import asyncio, os, sys
from edgebench.run.truth import TruthServer
async def main():
    async with TruthServer() as server:
        print(server.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a matter of POSIX")
def test_it_dies_with_its_parent() -> None:
    """kill -9 of whoever started it leaves no orphan."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    pytest.fail("the truth server outlived its parent")


def test_its_process_stays_light() -> None:
    """Nothing but the standard library and our own nouns is loaded beside the stamps."""
    script = "import sys, edgebench.run.truth_server; print([m for m in sys.modules if m in sys.argv[1:]])"
    heavy = ("numpy", "pydantic", "openai", "httpx2", "psutil", "sqlalchemy", "yaml", "click")
    found = subprocess.run([sys.executable, "-c", script, *heavy], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
