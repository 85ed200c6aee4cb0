"""The openai target against a scripted server: what it asks, what it hears, and every way it can fail."""

from __future__ import annotations

import asyncio
import email.utils
import json
import logging
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.contracts import Target
from edgebench.errors import TargetError, UsageError
from edgebench.records import Chunk, Completion, Example, Message, Parts, Placement, Request, TargetSpec, Task
from edgebench.targets import refusals, replies
from edgebench.targets.exchange import Exchange
from edgebench.targets.openai_compatible import OpenAICompatible, target
from tests import servers
from tests.servers import Close, Hang, Received, Reply, Send, Server, Wait

MS = 1_000_000
KEY = "sk-test-0123456789abcdefghij"


def parts(
    base_url: str | None, *, api_key: str | None = KEY, options: dict[str, Any] | None = None, **spec: Any
) -> Parts:
    given = {"kind": "openai", "model": "small-1", "key": "TEST_API_KEY", "base_url": base_url, **spec}
    return Parts(name="cloud", spec=TargetSpec(options=options or {}, **given), api_key=api_key, device="this machine")


@asynccontextmanager
async def opened(server: Server, **options: Any) -> AsyncIterator[Target]:
    async with target(parts(server.base_url, options=options)) as endpoint:
        yield endpoint


def question(text: str = "hello", **fields: Any) -> Request:
    messages = (Message("system", "Be brief."), Message("user", text))
    return Request(**{"messages": messages, "text": text, "timeout_s": 5.0, **fields})


async def ask(endpoint: Target, request: Request | None = None) -> list[Chunk]:
    return [chunk async for chunk in endpoint.answer(request or question())]


async def heard(reply: Reply, request: Request | None = None, **options: Any) -> tuple[list[Chunk], Received]:
    """The chunks of one answer, and the request that brought it."""
    with Server([reply]) as server:
        async with opened(server, **options) as endpoint:
            chunks = await ask(endpoint, request)
    return chunks, server.ledger.requests[0]


async def failed(reply: Reply, request: Request | None = None, **options: Any) -> tuple[TargetError, list[Chunk]]:
    """The failure of one answer, and the chunks that came before it."""
    chunks: list[Chunk] = []
    with Server([reply]) as server:
        async with opened(server, **options) as endpoint:
            with pytest.raises(TargetError) as caught:
                async for chunk in endpoint.answer(request or question()):
                    chunks.append(chunk)  # noqa: PERF401  what came before the failure counts
    return caught.value, chunks


def completion(chunks: Sequence[Chunk]) -> Completion:
    assert all(chunk.completion is None for chunk in chunks[:-1])
    assert chunks[-1].completion is not None
    return chunks[-1].completion


def said(chunks: Sequence[Chunk], channel: str = "content") -> str:
    return "".join(chunk.text for chunk in chunks if chunk.channel == channel)


# ------------------------------------------------------------------------------------------------------------- answers


async def test_a_streamed_answer() -> None:
    """Text, stamps, usage, finish reason and the served model, with the connection's story."""
    chunks, request = await heard(servers.stream(["Hel", "lo"], delay_s=0.02))
    end = completion(chunks)
    assert said(chunks) == "Hello"
    assert end.finish_reason == "stop" and end.served_model == "served-1" and end.connection == "new"
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens, end.usage.cached_tokens) == (7, 3, 2)
    assert end.usage.counted_by == "provider" and end.notices == ()
    assert end.sent_ns is not None and end.end_ns is not None
    assert end.sent_ns < chunks[0].at_ns < chunks[-1].at_ns <= end.end_ns
    assert end.stamp == ("kernel" if sys.platform == "linux" else "user")
    assert request.target == "/v1/chat/completions" and request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["accept-encoding"] == "identity"
    assert request.json == {
        "model": "small-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
        "max_tokens": 64,
        "temperature": 0.0,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_an_answer_in_one_document_is_one_chunk_at_its_last_byte() -> None:
    """Without streaming there is nothing to see before the end."""
    document = servers.chat("Hello")
    raw = document[1]
    assert isinstance(raw, Send)
    reply: Reply = [document[0], Send(raw.data[:20]), Wait(0.03), Send(raw.data[20:], "rest")]
    with Server([reply]) as server:
        async with opened(server, stream=False) as endpoint:
            chunks = await ask(endpoint)
    assert [chunk.text for chunk in chunks] == ["Hello"]
    assert chunks[0].at_ns > server.ledger.stamps("rest")[0] - 0.2 * MS
    assert completion(chunks).usage is not None
    assert "stream" not in server.ledger.requests[0].json


async def test_a_server_that_ignores_the_wish_for_a_stream_is_understood() -> None:
    """One document where events were asked for."""
    chunks, _ = await heard(servers.chat("Hello"))
    assert said(chunks) == "Hello"


async def test_what_is_no_token_is_not_first() -> None:
    """A role delta, a ping and an empty delta come 100 ms early: the first chunk is the first text."""
    early: list[bytes | servers.Step] = [
        Send(servers.ROLE),
        Send(servers.PING),
        Send(servers.delta(content="")),
        Wait(0.1),
    ]
    text = Send(servers.delta(content="Hi"), "text")
    with Server(
        [servers.body([*early, text, servers.PING, servers.finish() + servers.counted() + servers.DONE])]
    ) as server:
        async with opened(server) as endpoint:
            chunks = await ask(endpoint)
    assert [chunk.text for chunk in chunks] == ["Hi"]
    assert chunks[0].at_ns > server.ledger.stamps("text")[0] - 0.2 * MS
    think_ns = completion(chunks).phases["server_think"]
    assert (
        chunks[0].at_ns - (completion(chunks).sent_ns or 0) - think_ns > 80 * MS
    )  # the role delta ended the think phase


async def test_reasoning_tools_and_content_have_channels() -> None:
    """Reasoning under either name counts once, a tool call is its name and arguments."""
    call = [{"index": 0, "function": {"name": "look", "arguments": '{"a"'}}]
    pieces = [
        servers.delta(reasoning_content="Hm", reasoning="Hm"),
        servers.delta(reasoning="m."),
        servers.delta(content="Yes"),
        servers.delta(tool_calls=call),
        servers.finish("tool_calls") + servers.counted() + servers.DONE,
    ]
    chunks, _ = await heard(servers.body(pieces))
    assert [(chunk.channel, chunk.text) for chunk in chunks] == [
        ("reasoning", "Hm"),
        ("reasoning", "m."),
        ("content", "Yes"),
        ("tool", 'look{"a"'),
    ]
    assert completion(chunks).finish_reason == "tool_calls"


async def test_events_of_one_packet_share_a_stamp_and_a_torn_event_waits_for_its_end() -> None:
    """Several events in one packet came at one moment; one event over several packets came with the last."""
    torn = servers.delta(content="torn")
    pieces: list[bytes | servers.Step] = [
        Send(servers.delta(content="a") + servers.delta(content="b")),
        Wait(0.03),
        Send(torn[:-1]),
        Wait(0.03),
        Send(torn[-1:] + servers.finish(), "rest"),
    ]
    with Server([servers.body(pieces, framing="length")]) as server:
        async with opened(server) as endpoint:
            chunks = await ask(endpoint)
    assert chunks[0].at_ns == chunks[1].at_ns
    assert chunks[2].at_ns > server.ledger.stamps("rest")[0] - 0.2 * MS


async def test_stamps_are_true() -> None:
    """Every chunk's stamp lies just after the server's own, taken before its write."""
    texts = [f"w{number} " for number in range(60)]
    with Server([servers.stream(texts, delay_s=0.002)]) as server:
        async with opened(server) as endpoint:
            chunks = await ask(endpoint)
    errors = sorted(chunk.at_ns - at_ns for chunk, at_ns in zip(chunks, server.ledger.stamps("text"), strict=True))
    assert errors[0] > -0.2 * MS
    assert errors[len(errors) // 2] < 2 * MS


async def test_two_answers_at_once_do_not_mix() -> None:
    """Each answer has its own exchange, whatever runs beside it."""

    def echo(request: Received) -> Reply:
        word = request.json["messages"][-1]["content"]
        return servers.stream([f"{word}{number} " for number in range(5)], delay_s=0.005)

    with Server(echo) as server:
        async with opened(server) as endpoint:
            answers = await asyncio.gather(*(ask(endpoint, question(word)) for word in "abcdef"))
    for word, chunks in zip("abcdef", answers, strict=True):
        assert said(chunks) == "".join(f"{word}{number} " for number in range(5))


async def test_missing_usage_is_a_notice_not_a_failure() -> None:
    """The answer is kept, the counts are absent."""
    chunks, _ = await heard(servers.stream(["Hi"], usage=False))
    assert completion(chunks).usage is None and completion(chunks).notices == ("usage_missing",)


async def test_a_finished_answer_needs_no_farewell() -> None:
    """With a finish reason, neither [DONE] nor the end of the framing is missed."""
    chunks, _ = await heard([*servers.stream(["Hi"], done=False)[:-1], Close()])
    assert said(chunks) == "Hi" and completion(chunks).finish_reason == "stop"


# ----------------------------------------------------------------------------------------------------------- questions


async def test_options_and_request_shape_the_body() -> None:
    """The request's own temperature and seed win; extra_body is added as it is; None is not sent."""
    options: dict[str, Any] = {
        "max_tokens_field": "max_completion_tokens",
        "temperature": None,
        "seed": 5,
        "stop": ("\n",),
        "extra_body": {"top_k": 1},
        "include_usage": False,
        "headers": {"X-Team": "bench"},
    }
    _, plain = await heard(servers.stream(["a"]), **options)
    assert plain.json["max_completion_tokens"] == 64 and "max_tokens" not in plain.json
    assert "temperature" not in plain.json and "stream_options" not in plain.json
    assert plain.json["seed"] == 5 and plain.json["stop"] == ["\n"] and plain.json["top_k"] == 1
    assert plain.headers["x-team"] == "bench"
    _, own = await heard(servers.stream(["a"]), question(temperature=0.7, seed=9, max_tokens=3), **options)
    assert own.json["temperature"] == 0.7 and own.json["seed"] == 9 and own.json["max_completion_tokens"] == 3


async def test_the_environment_adds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the client would read from variables for OpenAI does not go to whoever the plan names."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Private: mine\nAuthorization: Bearer mine")
    _, request = await heard(servers.stream(["a"]))
    assert "mine" not in str(request.headers)
    assert request.headers["authorization"] == f"Bearer {KEY}"


async def test_cold_means_a_nonce_first() -> None:
    """With prompt_cache cold every prompt begins differently, so that no cached prefix fits."""
    with Server([servers.stream(["a"])]) as server:
        async with opened(server, prompt_cache="cold") as endpoint:
            await ask(endpoint)
            await ask(endpoint)
    first, second = (request.json["messages"][0]["content"] for request in server.ledger.requests)
    assert first != second and first.endswith("\nBe brief.") and first[:6] != second[:6]


async def test_the_completions_api() -> None:
    """A prompt instead of messages, texts instead of deltas, numbers of its own for log-probabilities."""
    first = {
        "index": 0,
        "text": "Hel",
        "logprobs": {"tokens": ["Hel"], "token_logprobs": [-0.5]},
        "finish_reason": None,
    }
    last = {"index": 0, "text": "lo", "logprobs": {"tokens": ["lo"], "token_logprobs": [-1.5]}, "finish_reason": "stop"}
    reply = servers.body([servers.event({"choices": [first]}), servers.event({"choices": [last]}), servers.DONE])
    chunks, request = await heard(reply, api="completions", logprobs=True)
    assert request.target == "/v1/completions" and request.json["prompt"] == "Be brief.\n\nhello"
    assert request.json["logprobs"] == 1
    assert said(chunks) == "Hello" and completion(chunks).confidence == pytest.approx(0.36787944)


async def test_log_probabilities_become_confidence_and_token_counts() -> None:
    """exp of the mean over the answer's tokens; a chunk knows how many tokens it holds."""
    tokens = [{"token": "Hel", "logprob": -0.1}, {"token": "lo", "logprob": -0.3}]
    choice = {"index": 0, "delta": {"content": "Hello"}, "logprobs": {"content": tokens}, "finish_reason": "stop"}
    reply = servers.body([servers.event({"choices": [choice]}), servers.DONE])
    chunks, request = await heard(reply, logprobs=True, top_logprobs=2)
    assert request.json["logprobs"] is True and request.json["top_logprobs"] == 2
    assert chunks[0].tokens == 2
    assert completion(chunks).confidence == pytest.approx(0.81873075)
    assert completion(chunks).confidence_method == "logprob"


# --------------------------------------------------------------------------------------------------- structured output


async def test_a_choice_in_json_is_unwrapped_into_one_chunk() -> None:
    """The labels are an enumeration; the answer is the label, there when its JSON closes; confidence is the label's."""
    tokens = [('{"', 0.0), ("label", 0.0), ('": "', 0.0), ("log", -0.2), ("in", -0.4), ('"}', 0.0)]
    pieces: list[bytes | servers.Step] = []
    for number, (token, logprob) in enumerate(tokens):
        choice = {
            "index": 0,
            "delta": {"content": token},
            "logprobs": {"content": [{"token": token, "logprob": logprob}]},
        }
        pieces += [Wait(0.005), Send(servers.event({"choices": [choice]}), f"t{number}")]
    request = question(output="choice", choices=("login", "refund"), max_tokens=8)
    with Server([servers.body([*pieces, servers.finish() + servers.DONE])]) as server:
        async with opened(server, structured="json_schema", logprobs=True) as endpoint:
            chunks = await ask(endpoint, request)
    body = server.ledger.requests[0].json
    schema = body["response_format"]["json_schema"]
    assert schema["strict"] is True and schema["schema"]["properties"]["label"]["enum"] == ["login", "refund"]
    assert body["max_tokens"] == 8 + 16  # the wrapper's own tokens
    assert [chunk.text for chunk in chunks] == ["login"] and chunks[0].tokens == 6
    assert chunks[0].at_ns > server.ledger.stamps("t5")[0] - 0.2 * MS
    assert completion(chunks).confidence == pytest.approx(0.74081822)


async def test_a_choice_that_is_not_the_json_asked_for_is_kept_as_it_is() -> None:
    """The scorer decides what it is worth; a notice tells."""
    request = question(output="choice", choices=("login", "refund"))
    chunks, _ = await heard(servers.stream(["login", "!"]), request, structured="json_schema")
    assert said(chunks) == "login!" and "not_json" in completion(chunks).notices


@pytest.mark.parametrize(
    ("structured", "expected"),
    [
        ("none", None),
        ("json_object", {"type": "json_object"}),
        ("json_object+schema", {"type": "json_object", "schema": {"type": "object"}}),
        (
            "json_schema",
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": False}},
        ),
    ],
)
async def test_a_schema_in_every_dialect(structured: str, expected: object) -> None:
    """A JSON answer streams as it is; only how the schema is said differs."""
    request = question(output="json", schema={"type": "object"})
    chunks, received = await heard(servers.stream(['{"a"', ": 1}"]), request, structured=structured)
    assert received.json.get("response_format") == expected
    assert [chunk.text for chunk in chunks] == ['{"a"', ": 1}"]


@given(label=st.text(max_size=20), name=st.text(max_size=8), indent=st.sampled_from([None, 2]), raw=st.booleans())
def test_unwrap_finds_any_label(label: str, name: str, indent: int | None, raw: bool) -> None:
    """Whatever the label holds, quotes and escapes too; its place in the text is where its characters are."""
    text = json.dumps({name: label}, indent=indent, ensure_ascii=not raw)
    value, (start, end) = replies.unwrap(text) or ("", (0, 0))
    assert value == label
    assert json.loads(f'"{text[start:end]}"') == label


@pytest.mark.parametrize("text", ["", "x", "[]", '{"a": 1}', '{"a": "b", "c": "d"}', '{"a": "b"', '"b"'])
def test_unwrap_leaves_the_rest_alone(text: str) -> None:
    """Anything but one string in one object is not ours."""
    assert replies.unwrap(text) is None


# ------------------------------------------------------------------------------------------------------------ failures

ERROR = servers.event({"error": {"message": "the model fell over", "code": 500}})


@pytest.mark.parametrize(
    ("reply", "kind", "retryable", "fatal"),
    [
        (servers.status(401, "Incorrect API key"), "unauthorized", False, True),
        (servers.status(403), "unauthorized", False, True),
        (servers.status(404, "no such model"), "not_found", False, True),
        (servers.body([b"moved"], status=307, headers={"Location": "https://other.test/v1"}), "not_found", False, True),
        (servers.status(429, "slow down"), "rate_limited", True, False),
        (servers.status(429, "pay first", code="insufficient_quota"), "rate_limited", False, True),
        (servers.status(400, "temperature is not supported"), "bad_request", False, False),
        (servers.status(400, "This model's maximum context length is 10 tokens"), "context_overflow", False, False),
        (servers.status(400, "no", code="context_length_exceeded"), "context_overflow", False, False),
        (servers.status(408), "timeout", True, False),
        (servers.status(500, "oops"), "server_error", True, False),
        (servers.body([b"<html>bad gateway</html>"], status=502), "server_error", True, False),
        (servers.status(503), "server_error", True, False),
        (servers.document({}, status=204), "malformed", False, False),
        ([Send(b"HTTP/1.1 101 No\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n")], "malformed", False, False),
        ([Close()], "refused", True, False),
        ([Close(reset=True)], "refused", True, False),
        (servers.stream(["a"], last=[Close()]), "cut_off", True, False),
        (servers.stream(["a"], last=[Close(reset=True)]), "cut_off", True, False),
        (servers.stream(["a"], finish_reason=None), "cut_off", True, False),
        (servers.stream(["a"], finish_reason=None, done=False, usage=False, framing="close"), "cut_off", True, False),
        ([*servers.body([servers.delta(content="abcdef")[:-9]], end=False), Close()], "cut_off", True, False),
        (servers.body([servers.delta(content="a"), ERROR, servers.DONE]), "stream_error", True, False),
        (servers.document({"error": "nothing left"}), "stream_error", True, False),
        (servers.body([b"event: error\ndata: {\"message\": \"no\"}\n\n"]), "stream_error", True, False),
        (servers.body([b"data: {not json\n\n", servers.DONE]), "malformed", False, False),
        (servers.body([b"data: [1]\n\n", servers.DONE]), "malformed", False, False),
        (servers.body([b"\xff\xfe garbage"]), "malformed", False, False),
        (servers.body([b"<html>a web page</html>"]), "malformed", False, False),
        (servers.body([], framing="length"), "malformed", False, False),
        (servers.document({"choices": []}), "malformed", False, False),
        ([Send(b"\x15\x03\x01 not http")], "malformed", False, False),
        (servers.stream([]), "empty", False, False),
        (servers.stream([" ", "\n"]), "empty", False, False),
        (servers.stream([], reasoning=["hm"], finish_reason="length"), "empty", False, False),
        (servers.chat(""), "empty", False, False),
    ],
)  # fmt: skip
async def test_every_failure_has_its_kind(reply: Reply, kind: str, retryable: bool, fatal: bool) -> None:
    """Statuses, broken streams, error objects, garbage, nothing: a kind, whether to retry, whether to give up."""
    failure, chunks = await failed(reply)
    assert (failure.kind, failure.retryable, failure.fatal) == (kind, retryable, fatal)
    assert completion(chunks).sent_ns is not None  # what was seen before it failed is kept
    assert failure.message and len(failure.message) <= refusals.MAX_MESSAGE


async def test_time_is_up() -> None:
    """Silence before the headers, or in the middle: a timeout that says how far it had come, and what came is kept."""
    before, _ = await failed([Hang()], question(timeout_s=0.2))
    during, chunks = await failed(servers.stream(["Hel", "lo"], last=[Hang()]), question(timeout_s=0.2))
    assert (before.kind, during.kind) == ("timeout", "timeout") and before.retryable and during.retryable
    assert "no answer" in before.message and "bytes had come" in during.message
    assert said(chunks) == "Hello"


async def test_a_steady_drip_does_not_outlive_the_time_limit() -> None:
    """The limit is for the whole answer, not for one silence."""
    began = time.monotonic()
    failure, chunks = await failed(servers.stream(["x"] * 100, delay_s=0.05), question(timeout_s=0.3))
    assert failure.kind == "timeout" and time.monotonic() - began < 2.0
    assert 2 <= len(chunks) <= 7


async def test_empty_and_cut_answers_keep_what_they_cost() -> None:
    """An answer with nothing in it was paid for all the same."""
    failure, chunks = await failed(servers.stream([], reasoning=["hm"], finish_reason="length"))
    usage = completion(chunks).usage
    assert failure.kind == "empty" and "reasoning" in failure.message
    assert usage is not None and usage.output_tokens == 3
    assert said(chunks, "reasoning") == "hm"


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "2"}, 2, 2),
        ({"Retry-After": "0.5"}, 0.5, 0.5),
        ({"retry-after-ms": "250"}, 0.25, 0.25),
        ({"Retry-After": email.utils.formatdate(time.time() + 86_400, usegmt=True)}, 80_000, 86_400),
        ({"Retry-After": email.utils.formatdate(time.time() - 3600, usegmt=True)}, 0, 0),
    ],
)
async def test_the_wait_a_server_asks_for(headers: dict[str, str], low: float, high: float) -> None:
    """In seconds, in milliseconds, as a date; a date gone by is no wait."""
    failure, _ = await failed(servers.status(429, headers=headers))
    assert failure.retry_after_s is not None and low <= failure.retry_after_s <= high


@pytest.mark.parametrize("value", ["soon", "nan", "-1", ""])
async def test_a_wait_that_is_none(value: str) -> None:
    """Words that are no time are no wait."""
    assert (await failed(servers.status(429, headers={"Retry-After": value})))[0].retry_after_s is None


async def test_retries_are_ours() -> None:
    """A server error is asked once; the next call finds the server well again, on the kept connection."""
    with Server([servers.status(500), servers.stream(["ok"])]) as server:
        async with opened(server) as endpoint:
            with pytest.raises(TargetError):
                await ask(endpoint)
            assert len(server.ledger.requests) == 1
            chunks = await ask(endpoint)
    assert said(chunks) == "ok" and completion(chunks).connection == "kept-alive"


async def test_a_wrong_path_is_named() -> None:
    """404 says which path was asked, and for which model."""
    failure, _ = await failed(servers.status(404))
    assert "/v1/chat/completions" in failure.message and "small-1" in failure.message


async def test_nobody_at_the_base_url() -> None:
    """A closed port is refused, with its place."""
    with Server([]) as server:
        url = server.base_url
    async with target(parts(url)) as endpoint:
        with pytest.raises(TargetError) as caught:
            await ask(endpoint)
    assert caught.value.kind == "refused" and f":{url.rsplit(':', 1)[1][:-3]}" in caught.value.message


async def test_a_text_that_cannot_be_sent_is_a_bad_request() -> None:
    """Half a surrogate pair has no UTF-8."""
    failure, _ = await failed(servers.stream(["a"]), question("\ud800"))
    assert failure.kind == "bad_request"


async def test_leaving_an_answer_early_leaves_nothing_behind() -> None:
    """A cancelled answer closes its connection; the target goes on."""
    with Server([[Hang()], servers.stream(["ok"])]) as server:
        async with opened(server) as endpoint:
            task = asyncio.create_task(ask(endpoint))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            chunks = await ask(endpoint)
    assert said(chunks) == "ok" and completion(chunks).connection == "new"


# ------------------------------------------------------------------------------------------------------------ the key


@pytest.mark.parametrize("form", ["{key}", "Bearer {key}", "{key}{key}", "x" * 290 + "{key}"])
async def test_the_key_is_in_no_message(form: str, caplog: pytest.LogCaptureFixture) -> None:
    """A server that repeats the key back does not get it into errors, reprs, logs, or their chains."""
    caplog.set_level(logging.DEBUG)
    echo = form.format(key=KEY)
    for reply in (
        servers.status(401, echo),
        servers.body([echo.encode()], status=500),
        servers.body([servers.event({"error": {"message": echo}})]),
        servers.body([b"data: " + echo.encode() + b"\n\n"]),
        servers.body([], status=302, headers={"Location": f"http://x.test/{KEY}"}),
        [Send(echo.encode())],
    ):
        failure, _ = await failed(reply)
        chain: BaseException | None = failure
        while chain is not None:
            assert KEY[:12] not in f"{chain} {chain!r} {chain.args}"
            chain = chain.__cause__ or chain.__context__
    assert KEY[:12] not in caplog.text


async def test_the_key_is_in_no_repr() -> None:
    """Neither the target nor its identity shows it."""
    with Server([servers.stream(["a"])]) as server:
        async with opened(server, headers={"X-Team": "bench"}) as endpoint:
            await ask(endpoint)
            assert KEY not in f"{endpoint!r} {endpoint.identity()!r}"


async def test_a_key_that_is_missing_or_is_none() -> None:
    """Named but not set, or full of blanks and line breaks: unauthorized before anything is sent, never repeated."""
    for key in (None, "  ", "two words", "line\nbreak", "schlüssel"):
        with pytest.raises(TargetError) as caught:
            await target(parts("https://api.test/v1", api_key=key)).__aenter__()
        assert caught.value.kind == "unauthorized" and caught.value.fatal
        assert "TEST_API_KEY" in caught.value.message and (
            key is None or not key.strip() or key not in str(caught.value)
        )


async def test_a_local_server_needs_no_key() -> None:
    """Without a key variable a placeholder is sent."""
    with Server([servers.stream(["a"])]) as server:
        async with target(parts(server.base_url, key=None, api_key=None)) as endpoint:
            assert said(await ask(endpoint)) == "a"
    assert server.ledger.requests[0].headers["authorization"] == "Bearer none"


# ------------------------------------------------------------------------------------------------------ wrong at once


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        ({"model": None}, {}, "no model"),
        ({"base_url": "api.test/v1"}, {}, "no web address"),
        ({"base_url": "ftp://api.test"}, {}, "no web address"),
        ({"base_url": "https://me:secret@api.test"}, {}, "password"),
        ({"base_url": "https://api.test/v1?api_key=secret"}, {}, "password"),
        ({}, {"headers": {"Authorization": "Bearer secret"}}, "does not belong in a plan"),
        ({}, {"headers": {"X-Api-Key": "secret"}}, "does not belong in a plan"),
        ({}, {"headers": {"X-Team": "a\r\nX: b"}}, "plain text"),
        ({}, {"ca_file": "/nowhere.pem"}, "no file"),
        ({}, {"ca_file": __file__}, "no certificates"),
        ({}, {"proxy": "socks5://x"}, "http://host:port"),
        ({}, {"api": "responses"}, "api"),
        ({}, {"temprature": 1}, "temprature"),
        ({}, {"serve": {"engine": "rm"}}, "engine"),
        ({}, {"serve": {}}, "no model file"),
    ],
)
def test_what_cannot_work_is_said_at_once(spec: dict[str, Any], options: dict[str, Any], words: str) -> None:
    """One sentence that names the target and the place, and repeats no secret."""
    with pytest.raises(UsageError) as caught:
        target(parts(**{"base_url": "https://api.test/v1", **spec}, options=options))
    assert words in str(caught.value) and "cloud" in str(caught.value)
    assert "secret" not in f"{caught.value} {caught.value.hint}"


async def test_a_process_to_watch_must_exist() -> None:
    """pid: its memory is this target's; a pid of nobody is found when the target opens."""
    with Server([servers.stream(["a"])]) as server:
        async with target(parts(server.base_url, pid=os.getpid(), placement="device")) as endpoint:
            assert endpoint.pids() == (os.getpid(),)
        with pytest.raises(TargetError) as caught:
            await target(parts(server.base_url, pid=2**22 + 1)).__aenter__()
    assert caught.value.kind == "load_failed" and caught.value.fatal


# ------------------------------------------------------------------------------------------------------------ identity


@pytest.mark.parametrize(
    ("url", "placement", "expected", "device"),
    [
        (None, None, "hosted", "api.openai.com"),
        ("https://api.test/v1", None, "hosted", "api.test"),
        ("http://127.0.0.1:11434/v1", None, "stand-in", "this machine"),
        ("http://localhost:8000/v1", None, "stand-in", "this machine"),
        ("http://127.0.0.1:11434/v1", "device", "device", "this machine"),
    ],
)
def test_where_it_runs(url: str | None, placement: Placement | None, expected: str, device: str) -> None:
    """The plan decides; else loopback stands in for a cloud, and every other host is one."""
    identity = target(parts(url, placement=placement)).identity()
    assert (identity.placement, identity.device, identity.kind, identity.model) == (
        expected,
        device,
        "openai",
        "small-1",
    )


async def test_the_identity_learns_what_served() -> None:
    """The model the server says it used, and its fingerprint, are known after the first answer; all is plain JSON."""
    first = {
        "model": "served-1-2026",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "delta": {"content": "a"}}],
    }
    last = {**first, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    with Server([servers.body([servers.event(first), servers.event(last), servers.DONE])]) as server:
        async with opened(server) as endpoint:
            await ask(endpoint)
            details = endpoint.identity().details
    assert details["served_model"] == "served-1-2026" and details["system_fingerprint"] == "fp_1"
    assert json.loads(json.dumps(details))["api"] == "chat"


def test_the_newer_name_of_the_token_limit_is_for_openai_only() -> None:
    """Its newer models refuse max_tokens; most others know nothing else."""
    for url, name in ((None, "max_completion_tokens"), ("https://api.test/v1", "max_tokens")):
        endpoint = target(parts(url))
        assert isinstance(endpoint, OpenAICompatible)
        assert name in endpoint._body(question())


def test_the_module_needs_no_engine_to_be_imported() -> None:
    """Plans are checked where the client is not installed."""
    code = (
        "import sys; sys.modules.update(openai=None, httpx2=None, httptools=None);"
        "import edgebench.targets.openai_compatible as m; print(m.Options().api)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "chat"


# ---------------------------------------------------------------------------------------------------------- embeddings

PLACES = {"refund": [1.0, 0.0, 0.0], "login": [0.0, 1.0, 0.0], "money back": [0.9, 0.1, 0.0], "odd": [0.0, 0.0, 1.0]}
LABELS = Task(output="choice", choices=("refund", "login"), descriptions={"refund": "money back"})


def embedder(request: Received) -> Reply:
    texts = request.json["input"]
    data = [{"index": index, "embedding": PLACES.get(text, [0.1, 0.2, 0.0])} for index, text in enumerate(texts)]
    return servers.document({"data": data[::-1], "model": "e-1", "usage": {"prompt_tokens": 4, "total_tokens": 4}})


async def test_embeddings_choose_the_nearest_label() -> None:
    """Labels are embedded before the clock, the text within it; one chunk, its confidence the margin."""
    with Server(embedder) as server:
        async with opened(server, api="embeddings", dimensions=3) as endpoint:
            await endpoint.prepare(LABELS)
            assert [request.json["input"] for request in server.ledger.requests] == [["money back", "login"]]
            chunks = await ask(endpoint, question("hi there", output="choice", choices=LABELS.choices))
    end = completion(chunks)
    assert [chunk.text for chunk in chunks] == ["login"]
    assert end.confidence_method == "margin" and end.confidence is not None and 0 < end.confidence <= 1
    assert set(end.scores) == {"refund", "login"} and end.scores["login"] > end.scores["refund"]
    assert end.usage is not None and (end.usage.input_tokens, end.usage.output_tokens) == (4, 0)
    assert end.connection == "kept-alive" and end.served_model == "e-1"
    body = server.ledger.requests[-1].json
    assert body["input"] == ["hi there"] and body["encoding_format"] == "float" and body["dimensions"] == 3


async def test_examples_move_a_label() -> None:
    """Few-shot: a label lies where its examples do."""
    task = Task(output="choice", choices=("refund", "login"), examples=(Example("odd", "refund"),))
    with Server(embedder) as server:
        async with opened(server, api="embeddings") as endpoint:
            await endpoint.prepare(task)
            chunks = await ask(endpoint, question("odd", output="choice", choices=task.choices))
    assert said(chunks) == "refund"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (servers.status(401, f"bad {KEY}"), "unauthorized"),
        (servers.document({"data": []}), "malformed"),
        (servers.document({"data": [{"embedding": ["x"]}] * 2}), "malformed"),
        (servers.document({"data": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]}), "malformed"),
        (servers.document({"data": [{"embedding": [float("nan")]}] * 2}), "malformed"),
        (servers.body([b"nonsense"]), "malformed"),
    ],
)
async def test_embeddings_fail_by_name_too(reply: Reply, kind: str) -> None:
    """The same kinds, already while preparing."""
    with Server([reply]) as server:
        async with opened(server, api="embeddings") as endpoint:
            with pytest.raises(TargetError) as caught:
                await endpoint.prepare(LABELS)
    assert caught.value.kind == kind and KEY not in repr(caught.value)


async def test_embeddings_answer_choices_only() -> None:
    """Without labels there is nothing to be near to."""
    with Server(embedder) as server:
        async with opened(server, api="embeddings") as endpoint:
            await endpoint.prepare(Task())
            with pytest.raises(TargetError) as caught:
                await ask(endpoint)
    assert caught.value.kind == "bad_request" and server.ledger.requests == []


# ------------------------------------------------------------------------------------------------- any bytes at all

LINES = st.sampled_from(
    [b"data: a", b"data:b", b"data", b": ping", b"event: error", b"id: 1", b"", b"\xc3\xbc", b"data: [DONE]"]
)


@given(lines=st.lists(LINES, max_size=20), end=st.sampled_from([b"\n", b"\r\n", b"\r"]))
def test_events_follow_the_standard(lines: list[bytes], end: bytes) -> None:
    """Data lines up to a blank one are one event, whatever ends the lines; its end is after its blank line."""
    body = end.join([*lines, b"", b""])
    found = list(replies.events(body))
    expected: list[bytes] = []
    data: list[bytes] = []
    for line in [*lines, b""]:
        if line == b"":
            expected += [b"\n".join(data)] if data else []
            data = []
        elif line.partition(b":")[0] == b"data":
            data.append(line.partition(b":")[2].removeprefix(b" "))
    assert [event.data for event in found] == expected
    assert all(body[: event.end].endswith(end + end) for event in found)
    assert sorted({event.end for event in found}) == [event.end for event in found]


@given(cuts=st.lists(st.integers(0, 3000), max_size=40))
def test_pieces_do_not_depend_on_packets(cuts: list[int]) -> None:
    """However a stream is cut into reads, its pieces are the same, stamped by the read that completed them."""
    body = b"".join(
        step.data for step in servers.stream(["Hel", "lo", " ü"], framing="length")[1:] if isinstance(step, Send)
    )
    places = sorted({len(body), *(1 + cut % len(body) for cut in cuts)})
    exchange = Exchange(status=200, body=bytearray(body), complete=True)
    exchange.reads = [(10 * place, 10 * place, place) for place in places]
    reply = replies.read(exchange, "chat", streamed=True)
    assert reply.failure is None and reply.content == "Hello ü"
    for piece in reply.pieces:
        at = exchange.at(piece.end)
        assert at >= 10 * piece.end
        assert all(place < piece.end for place in places if 10 * place < at)


NAMES = (
    "choices delta message content text index logprobs token_logprobs tokens logprob usage prompt_tokens error "
    "tool_calls function name arguments reasoning finish_reason model data embedding prompt_tokens_details"
)
WORDS = st.sampled_from(NAMES.split())  # what servers say, put together as none does
JSONISH = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


@given(
    contents=st.lists(st.one_of(JSONISH, st.binary(max_size=30)), max_size=5),
    complete=st.booleans(),
    api=st.sampled_from(["chat", "completions"]),
    streamed=st.booleans(),
)
def test_no_answer_breaks_the_reading(contents: list[Any], complete: bool, api: replies.Api, streamed: bool) -> None:
    """Any JSON, any bytes: a reply with or without a failure of a kind, never another exception."""
    raw = [entry if isinstance(entry, bytes) else json.dumps(entry).encode() for entry in contents]
    body = b"".join(b"data: " + entry + b"\n\n" for entry in raw) if streamed else b"".join(raw)
    exchange = Exchange(status=200, body=bytearray(body), complete=complete, reads=[(1, 1, len(body))] if body else [])
    reply = replies.read(exchange, api, streamed=streamed)
    assert reply.failure is not None or reply.finish_reason is not None or not streamed
    for status in (200, 301, 400, 401, 429, 500):
        exchange.status = status
        assert refusals.refusal(exchange, "/v1", "m", now_s=0.0).message
    with suppress(TargetError):
        replies.embeddings(exchange, 1)


async def test_any_bytes_end_in_a_failure_of_a_kind() -> None:
    """Through sockets and client too: whatever a server sends, only TargetErrors come out."""
    rng = random.Random(7)
    starts = [
        b"",
        b"HTTP/1.1 ",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b'HTTP/1.1 200 OK\r\n\r\ndata: {"choices":',
    ]
    answers: list[Reply] = [
        [Send(rng.choice(starts) + rng.randbytes(rng.randrange(1, 80))), Close()] for _ in range(60)
    ]
    with Server(answers) as server:
        async with opened(server) as endpoint:
            for _ in answers:
                with pytest.raises(TargetError) as caught:
                    await ask(endpoint)
                assert caught.value.kind in {"malformed", "cut_off", "refused", "stream_error"}
