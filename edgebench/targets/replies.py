"""What an OpenAI-compatible server's bytes say: pure functions of bytes and stamps, run after the clock stopped.

The wire keeps an :class:`Exchange` (bytes, and a stamp for every read). Here the bytes become pieces of an answer,
each tied to the read that brought its last byte, or a :class:`~edgebench.errors.TargetError` of a named kind.
The events are read as plain JSON: the client library's types cost some sixty times the CPU per chunk, would disturb
the other streams of the same process, and do not tell where in the bytes an event ended.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edgebench.errors import TargetError
from edgebench.records import Usage
from edgebench.targets import provider_time
from edgebench.targets.exchange import Exchange
from edgebench.targets.refusals import clean, json_object, words

Channel = Literal["content", "reasoning", "tool"]
Api = Literal["chat", "completions"]


# -------------------------------------------------------------------------------- server-sent events


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event; ``end`` is how many bytes of the body it took to know it whole."""

    data: bytes
    end: int
    name: str = ""


_LINE_END = re.compile(rb"\r\n|\n|\r")


def events(body: bytes | bytearray) -> Iterator[Event]:
    """Events of a ``text/event-stream`` (WHATWG HTML, 9.2), comments and empty ones left out.

    An event that the end of the body cuts short of its blank line is given too: some servers leave the last
    blank line out, and a half one shows itself as JSON that cannot be read.
    """
    raw = bytes(body)
    start = 3 if raw.startswith(b"\xef\xbb\xbf") else 0
    data: list[bytes] = []
    name = ""
    for match in _LINE_END.finditer(raw, start):
        line, start = raw[start : match.start()], match.end()
        if line:
            name = _take(line, data, name)
            continue
        if data:
            yield Event(b"\n".join(data), start, name)
        data, name = [], ""
    if start < len(raw):
        name = _take(raw[start:], data, name)
    if data:
        yield Event(b"\n".join(data), len(raw), name)


def _take(line: bytes, data: list[bytes], name: str) -> str:
    key, _, value = line.partition(b":")
    value = value.removeprefix(b" ")
    if key == b"data":
        data.append(value)
    return value.decode("utf-8", "replace") if key == b"event" else name


# -------------------------------------------------------------------------------- pieces of an answer


@dataclass(frozen=True, slots=True)
class Piece:
    """A non-empty part of the answer, and how many bytes of the body it took to know it."""

    text: str
    channel: Channel
    end: int
    tokens: int | None = None


@dataclass(slots=True)
class Reply:
    """What the body of a 200 says. With ``failure`` set, the pieces are what came before it, not an answer."""

    pieces: list[Piece] = field(default_factory=list)
    usage: Usage | None = None
    finish_reason: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    logprobs: list[tuple[str, float]] = field(default_factory=list)  # (token, log-probability), content only
    failure: TargetError | None = None
    done: bool = False  # the stream said [DONE]

    @property
    def content(self) -> str:
        return "".join(piece.text for piece in self.pieces if piece.channel == "content")


def read(exchange: Exchange, api: Api, *, streamed: bool) -> Reply:
    """Understand the body of a 200: events when a stream was asked for, one JSON document otherwise.

    A server that ignores ``stream: true`` and sends one document is understood as well.
    """
    reply = Reply()
    try:
        if streamed and not exchange.body.lstrip().startswith(b"{"):
            _read_stream(exchange, api, reply)
        else:
            _read_document(exchange, api, reply)
    except TargetError as failure:
        reply.failure = failure
    return reply


def _read_stream(exchange: Exchange, api: Api, reply: Reply) -> None:
    found = False
    for event in events(exchange.body):
        found = True
        if event.data.strip() == b"[DONE]":
            reply.done = True
            break
        try:
            content = json_object(event.data)
        except TargetError:
            if exchange.complete or event.end < len(exchange.body):
                raise
            break  # the connection ended inside this event: cut off, not malformed
        _refuse_error(content, event.name)
        _take_choice(content, api, event.end, reply)
    _refuse_unfinished(exchange, reply, found)


def _refuse_unfinished(exchange: Exchange, reply: Reply, found: bool) -> None:
    """A finish reason ends an answer. ``[DONE]`` alone does not: some servers say it when they cut one short."""
    if reply.finish_reason is not None:
        return
    if not found and exchange.complete:
        kind = clean(exchange.header("content-type") or "no content type")
        raise TargetError("malformed", f"the answer holds no events ({kind}): does base_url point at an API?")
    said = "it said [DONE]" if reply.done else f"{len(reply.pieces)} chunks had come"
    raise TargetError("cut_off", f"the stream ended without a finish reason ({said})", retryable=True)


def _read_document(exchange: Exchange, api: Api, reply: Reply) -> None:
    content = document(exchange)
    _take_choice(content, api, len(exchange.body), reply, whole=True)
    if not isinstance(content.get("choices"), list) or not content["choices"]:
        raise TargetError("malformed", "the answer has no choices")


def document(exchange: Exchange) -> dict[str, Any]:
    """The body as one JSON object, an error object in it raised."""
    try:
        content = json_object(bytes(exchange.body))
    except TargetError:
        if exchange.complete:
            raise
        raise TargetError("cut_off", "the connection ended in the middle of the answer", retryable=True) from None
    _refuse_error(content, "")
    return content


def _refuse_error(content: Mapping[str, Any], event_name: str) -> None:
    error = content.get("error")
    if error or event_name == "error" or content.get("object") == "error":
        raise TargetError("stream_error", f"the server reported: {words(content)}", retryable=True)


def _take_choice(content: Mapping[str, Any], api: Api, end: int, reply: Reply, *, whole: bool = False) -> None:
    reply.usage = usage(content.get("usage")) or reply.usage
    reply.model = _text(content.get("model")) or reply.model
    reply.fingerprint = _text(content.get("system_fingerprint")) or reply.fingerprint
    choices = content.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict) or choice.get("index") not in (0, None):
            continue
        heard = logprobs(choice.get("logprobs"), api)
        reply.logprobs += heard
        for text, channel in _texts(choice, api, whole):
            tokens = len(heard) if heard and channel == "content" else None
            reply.pieces.append(Piece(text, channel, end, tokens))
        reply.finish_reason = _text(choice.get("finish_reason")) or reply.finish_reason


def _texts(choice: Mapping[str, Any], api: Api, whole: bool) -> Iterator[tuple[str, Channel]]:
    """The non-empty texts of a choice by channel; a role delta or an empty string is none."""
    if api == "completions":
        source: Mapping[str, Any] = {"content": choice.get("text")}
    else:
        given = choice.get("message" if whole else "delta") or choice.get("delta" if whole else "message")
        source = given if isinstance(given, dict) else {}
    for name in ("reasoning_content", "reasoning"):
        if reasoning := _text(source.get(name)):
            yield reasoning, "reasoning"
            break  # some servers send the same words under both names
    content = source.get("content")
    if isinstance(content, list):  # content in parts
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        content = "".join(part for part in parts if isinstance(part, str))
    if text := _text(content) or _text(source.get("refusal")):
        yield text, "content"
    calls = source.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and (
            text := (_text(function.get("name")) or "") + (_text(function.get("arguments")) or "")
        ):
            yield text, "tool"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def logprobs(value: object, api: Api) -> list[tuple[str, float]]:
    """(token, log-probability) pairs of one choice, in either of the two forms servers use."""
    if not isinstance(value, dict):
        return []
    content = value.get("content")
    if isinstance(content, list):
        pairs = [(entry.get("token"), entry.get("logprob")) for entry in content if isinstance(entry, dict)]
    else:
        tokens, numbers = value.get("tokens"), value.get("token_logprobs")
        pairs = (
            list(zip(tokens, numbers, strict=False)) if isinstance(tokens, list) and isinstance(numbers, list) else []
        )
    return [
        (str(token), min(float(number), 0.0))
        for token, number in pairs
        if isinstance(number, (int, float)) and not isinstance(number, bool) and not math.isnan(number)
    ]


def usage(value: object) -> Usage | None:
    """Token counts as the provider gives them; None when it gives none."""
    if not isinstance(value, dict):
        return None
    prompt, completion = value.get("prompt_tokens_details"), value.get("completion_tokens_details")
    cached = _count(prompt.get("cached_tokens")) if isinstance(prompt, dict) else None
    found = Usage(
        input_tokens=_count(value.get("prompt_tokens")),
        output_tokens=_count(value.get("completion_tokens")),
        cached_tokens=_count(value.get("prompt_cache_hit_tokens")) if cached is None else cached,
        reasoning_tokens=_count(completion.get("reasoning_tokens")) if isinstance(completion, dict) else None,
        counted_by="provider",
    )
    return None if found.input_tokens is None and found.output_tokens is None else found


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def embeddings(exchange: Exchange, count: int) -> tuple[list[list[float]], Usage | None, str | None]:
    """Vectors in the order of the texts, the usage, and the model that made them.

    Raises
    ------
    TargetError: ``malformed`` unless there are ``count`` vectors of finite numbers, all of one length.
    """
    content = document(exchange)
    data = content.get("data")
    rows = [row for row in data if isinstance(row, dict)] if isinstance(data, list) else []
    if all(isinstance(row.get("index"), int) for row in rows):
        rows.sort(key=lambda row: int(row["index"]))
    vectors = [row.get("embedding") for row in rows]
    if len(vectors) != count or not all(_is_vector(vector) for vector in vectors):
        raise TargetError("malformed", f"the answer does not hold {count} embeddings")
    if len({len(vector) for vector in vectors if vector is not None}) > 1:
        raise TargetError("malformed", "the embeddings are of different lengths")
    counted = usage(content.get("usage"))
    if counted is not None and counted.output_tokens is None:
        counted = replace(counted, output_tokens=0)  # an embedding generates none: this zero is known
    return [vector for vector in vectors if vector is not None], counted, _text(content.get("model"))


def _is_vector(value: object) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(number, (int, float)) and math.isfinite(number) for number in value)
    )


# -------------------------------------------------------------------------------- where the time went


def phases(exchange: Exchange) -> dict[str, int]:
    """The wire's phases and, as ``provider``, what the provider's own header says. Durations in ns."""
    said = provider_time.said_ns(exchange.headers)
    return dict(exchange.phases) if said is None else {**exchange.phases, "provider": said}


# -------------------------------------------------------------------------------- structured answers


_STRING = r'"((?:[^"\\]|\\.)*)"'
_WRAPPED = re.compile(rf"\s*\{{\s*{_STRING}\s*:\s*{_STRING}\s*\}}\s*", re.DOTALL)


def unwrap(text: str) -> tuple[str, tuple[int, int]] | None:
    """The only value of ``{"name": "value"}`` and where its characters lie in ``text``; None when it is not that."""
    match = _WRAPPED.fullmatch(text)
    if match is None:
        return None
    try:
        value = json.loads(f'"{match[2]}"')
    except ValueError:
        return None
    return value, match.span(2)


def confidence(pairs: Sequence[tuple[str, float]], span: tuple[int, int] | None = None) -> float | None:
    """exp(mean log-probability) of the answer's tokens: 0…1, None without tokens.

    ``span``: count only tokens that reach into these characters of the text (the label inside its JSON).
    """
    if span is not None:
        pairs, offset, whole = [], 0, pairs
        for token, number in whole:
            if offset < span[1] and offset + len(token) > span[0]:
                pairs.append((token, number))
            offset += len(token)
    if not pairs:
        return None
    return math.exp(math.fsum(number for _, number in pairs) / len(pairs))
