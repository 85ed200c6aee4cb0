"""What the truth server does by request: a mode becomes steps, each an offset, the bytes of one write, and its marks.

Pure and light: standard library only, because the truth server's process imports it. A mode is written where the name
of a model would be, with what differs from its preset behind a question mark: ``fixed?chunks=16&gap_ms=10``.
The same request gets the same steps, because they are drawn from a seed made of the request.
"""

from __future__ import annotations

import json
import math
import random
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from urllib.parse import parse_qsl

MS = 1_000_000
PROMPT_CHARS = 80

#: (kind, tokens) of an event inside a write
Mark = tuple[str, int]
#: (nanoseconds after the request was received, bytes of one write, marks of the events it completes)
Step = tuple[int, bytes, tuple[Mark, ...]]

#: Of unlike length, as the tokens of a language are: a share of the text is only roughly a share of the tokens.
_WORDS = (
    "a",
    "light",
    "to",
    "measurement",
    "and",
    "clock",
    "of",
    "interval",
    "then",
    "stream",
    "is",
    "wide",
    "certain",
)


@dataclass(frozen=True, slots=True)
class Mode:
    """How a request is answered. Times are milliseconds, shares are 0…1."""

    name: str = "fixed"
    chunks: int = 16  # events with content
    first_ms: float = 50.0  # request received → first token
    gap_ms: float = 10.0  # between two events with text
    sigma: float = 0.0  # lognormal spread of every wait, its mean kept
    slow_share: float = 0.0  # share of waits that are slow_ms instead
    slow_ms: float = 100.0
    stall_share: float = 0.0  # share of streams that stall once, somewhere before the middle of the stream
    stall_ms: float = 1000.0
    early_ms: float = 0.0  # the role delta, this long before the first token; 0: together with the head
    reasoning: int = 0  # events of the reasoning channel before the content
    k: int = 1  # tokens in an event
    coalesce: int = 1  # events in a write
    split: int = 1  # writes of an event …
    split_ms: float = 1.0  # … with this between them
    ping_every: int = 0  # a comment before every n-th event; 0: none
    refuse: int = 0  # attempts of a prompt that meet 429 …
    retry_after_s: float = 1.0  # … with this Retry-After
    error_at: int = 0  # an error object instead of the event of this number; 0: none
    usage: int = 1  # 0: no usage, even when asked
    chunk_bytes: int = 0  # an event's text filled up to this many bytes
    plain: int = 0  # 1: one document whatever was asked
    think_ms: float = 5.0  # request received → document
    freeze_after: int = 0  # the whole server stands still once, at the request of this number; 0: never
    freeze_ms: float = 5000.0


PRESETS: dict[str, dict[str, float]] = {
    "fixed": {},
    "lognormal": {"sigma": 0.5},
    "bimodal": {"slow_share": 0.01},
    "stall": {"stall_share": 0.02},
    "role-early": {"early_ms": 500, "first_ms": 550},
    "reasoning": {"reasoning": 8},
    "k-tokens": {"k": 4},
    "coalesced": {"coalesce": 4},
    "split": {"split": 3},
    "pings": {"ping_every": 2},
    "rate-limited": {"refuse": 1},
    "error-in-stream": {"error_at": 8},
    "no-usage": {"usage": 0},
    "big-chunks": {"chunk_bytes": 65536, "chunks": 8},
    "plain": {"plain": 1},
    "frozen": {"plain": 1, "freeze_after": 20},
}
_TYPES = {each.name: float if each.type == "float" else int for each in fields(Mode) if each.name != "name"}


@lru_cache(maxsize=256)
def mode_of(model: str) -> Mode:
    """The mode a model's name stands for.

    Raises
    ------
    ValueError: no such mode or parameter, or a value that is no number.
    """
    name, _, query = model.partition("?")
    if name not in PRESETS:
        raise ValueError(f"no mode is called {name!r}; known: {', '.join(PRESETS)}")
    given: dict[str, str | float] = {**PRESETS[name], **dict(parse_qsl(query, strict_parsing=True) if query else ())}
    for key in given:
        if key not in _TYPES:
            raise ValueError(f"mode {name!r} has no parameter {key!r}; known: {', '.join(_TYPES)}")
    return Mode(name, **{key: _TYPES[key](value) for key, value in given.items()})  # type: ignore[arg-type]


def text_of(mode: Mode) -> str:
    """The content a whole answer of this mode carries."""
    count = mode.error_at - 1 if mode.error_at else mode.chunks
    return "".join(_text(mode, index) for index in range(count))


def tokens_of(mode: Mode) -> int:
    """Output tokens of a whole answer, reasoning included."""
    return (mode.chunks + mode.reasoning) * mode.k


def _text(mode: Mode, index: int) -> str:
    start = index * mode.k
    text = "".join(f"{_WORDS[(start + place) % len(_WORDS)]} " for place in range(mode.k))
    return text + "." * (mode.chunk_bytes - len(text))


# ------------------------------------------------------------------------------------------------------------- bytes


def head(status: int, *, kind: str, length: int | None, extra: str = "") -> bytes:
    """Status line and headers; without ``length`` the body comes in chunks."""
    framing = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    words = {200: "OK", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}.get(status, "No")
    return f"HTTP/1.1 {status} {words}\r\nContent-Type: {kind}\r\n{framing}\r\n{extra}\r\n".encode("ascii")


def document(content: object, *, status: int = 200, extra: str = "") -> bytes:
    """A whole response of one JSON document."""
    body = json.dumps(content).encode()
    return head(status, kind="application/json", length=len(body), extra=extra) + body


def _chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(choice: str, *, usage: str = "", chat: bool) -> bytes:
    name = "chat.completion.chunk" if chat else "text_completion"
    return (
        f'data: {{"id":"truth","object":"{name}","created":0,"model":"truth","choices":[{choice}]{usage}}}\n\n'.encode()
    )


def _delta(field: str, text: str, chat: bool) -> bytes:
    said = f'"delta":{{"{field}":"{text}"}}' if chat else f'"text":"{text}"'
    return _event(f'{{"index":0,{said},"finish_reason":null}}', chat=chat)


def _usage(mode: Mode, prompt: str) -> dict[str, int]:
    asked, said = max(1, len(prompt) // 4), tokens_of(mode)
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


# ------------------------------------------------------------------------------------------------------------- steps


def steps(mode: Mode, prompt: str, *, streamed: bool, usage: bool, chat: bool) -> Iterator[Step]:
    """Everything that is written in answer to a request, in order; drawn as it is needed."""
    if mode.plain or not streamed:
        yield (
            int(mode.think_ms * MS),
            _whole(mode, prompt, chat),
            (("head", 0), ("content", tokens_of(mode)), ("done", 0)),
        )
        return
    yield from _streamed(mode, prompt, usage=usage and bool(mode.usage), chat=chat)


def _whole(mode: Mode, prompt: str, chat: bool) -> bytes:
    text = text_of(mode)
    said: dict[str, object] = {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
    content: dict[str, object] = {"id": "truth", "object": "chat.completion" if chat else "text_completion"}
    content |= {"created": 0, "model": "truth", "choices": [{"index": 0, **said, "finish_reason": "stop"}]}
    return document(content | ({"usage": _usage(mode, prompt)} if mode.usage else {}))


def _streamed(mode: Mode, prompt: str, *, usage: bool, chat: bool) -> Iterator[Step]:
    started, role = head(200, kind="text/event-stream", length=None), _chunked(_delta("role", "assistant", chat))
    waits = list(_waits(mode, prompt))
    if not chat:
        yield 0, started, (("head", 0),)
    elif mode.early_ms:
        yield 0, started, (("head", 0),)
        yield max(0, waits[0] - int(mode.early_ms * MS)), role, (("role", 0),)
    else:
        yield 0, started + role, (("head", 0), ("role", 0))
    at_ns, held = 0, b""
    marks: tuple[Mark, ...] = ()
    for number, wait in enumerate(waits):
        at_ns += wait
        place = number - mode.reasoning
        if mode.error_at and place == mode.error_at - 1:
            failed = b'data: {"error":{"message":"the truth server fails here on purpose","type":"server_error"}}\n\n'
            yield at_ns, held + _chunked(failed) + b"0\r\n\r\n", (*marks, ("error", 0))
            return
        if mode.ping_every and number % mode.ping_every == 0:
            yield at_ns - wait // 2, _chunked(b": ping\n\n"), (("ping", 0),)
        field, kind = ("content", "content") if place >= 0 else ("reasoning_content", "reasoning")
        held += _chunked(_delta(field, _text(mode, max(0, place)), chat))
        marks = (*marks, (kind, mode.k))
        if (number + 1) % mode.coalesce == 0 or number == len(waits) - 1:
            yield from _written(mode, at_ns, held, marks)
            held, marks = b"", ()
    at_ns += int((mode.split - 1) * mode.split_ms * MS)
    choice = '{"index":0,"delta":{},"finish_reason":"stop"}' if chat else '{"index":0,"text":"","finish_reason":"stop"}'
    last = _chunked(_event(choice, chat=chat))
    if usage:
        last += _chunked(_event("", usage=f',"usage":{json.dumps(_usage(mode, prompt))}', chat=chat))
    last += _chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    yield at_ns, last, (("usage", 0), ("done", 0)) if usage else (("done", 0),)


def _written(mode: Mode, at_ns: int, data: bytes, marks: tuple[Mark, ...]) -> Iterator[Step]:
    """One write, or several that only together make the event whole: the last one carries its marks."""
    size = math.ceil(len(data) / mode.split)
    for part in range(mode.split):
        piece = data[part * size : (part + 1) * size]
        yield at_ns + int(part * mode.split_ms * MS), piece, marks if part == mode.split - 1 else ()


def _waits(mode: Mode, prompt: str) -> Iterator[int]:
    """Nanoseconds before each event with text, after the one before it (the first: after the request)."""
    rng = random.Random(zlib.crc32(f"{mode}\n{prompt[:PROMPT_CHARS]}".encode()))
    count = mode.reasoning + mode.chunks
    stalled = rng.randrange(1, max(2, count // 2)) if rng.random() < mode.stall_share else None
    for number in range(count):
        wait = mode.gap_ms if number else mode.first_ms
        if mode.sigma:
            wait *= math.exp(rng.gauss(0.0, mode.sigma) - mode.sigma**2 / 2)
        if mode.slow_share and rng.random() < mode.slow_share:
            wait = mode.slow_ms
        yield int((wait + (mode.stall_ms if number == stalled else 0.0)) * MS)


def prompt_of(body: object) -> str:
    """The last user message's first characters (or the prompt's): how a request is known again in the ledger."""
    if not isinstance(body, dict):
        return ""
    messages: Sequence[object] = body.get("messages") or ()
    said = [one.get("content") for one in messages if isinstance(one, dict) and one.get("role") == "user"]
    prompt = said[-1] if said else body.get("prompt")
    return prompt[:PROMPT_CHARS] if isinstance(prompt, str) else ""
