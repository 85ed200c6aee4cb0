"""A real HTTP/1.1 server on loopback that does exactly what a script says, and keeps a ledger of it.

It runs an event loop in a thread of its own. A script is what the next connections' requests get, in order, the last
reply repeated; or a function from the request to a reply. A reply is a list of steps, so every way a server can
misbehave between two bytes can be written down::

    with Server([status(500, "busy"), stream(["Hel", "lo"], delay_s=0.02)]) as server:
        ...server.base_url...
        server.ledger.requests[0].json, server.ledger.writes

``ledger.writes`` holds (monotonic ns just before the write, bytes) of everything a reply wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

# ------------------------------------------------------------------------------------------------------------- steps


@dataclass(frozen=True)
class Send:
    """Write these bytes as they are: one write, one packet."""

    data: bytes
    mark: str = ""  # kept in the ledger


@dataclass(frozen=True)
class Wait:
    seconds: float


@dataclass(frozen=True)
class Close:
    """Close the connection, reset instead of closed if asked."""

    reset: bool = False


@dataclass(frozen=True)
class Hang:
    """Say nothing more until the peer goes away."""


Step = Send | Wait | Close | Hang
Reply = Sequence[Step]
Framing = Literal["chunked", "length", "close"]


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]  # lower-case names
    body: bytes
    connection: int  # number of the connection it came on
    at_ns: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Ledger:
    requests: list[Received] = field(default_factory=list)
    writes: list[tuple[int, Send]] = field(default_factory=list)
    connections: int = 0
    tunnels: list[str] = field(default_factory=list)  # CONNECT targets, at a proxy

    def stamps(self, mark: str) -> list[int]:
        """When everything marked like this was written."""
        return [at_ns for at_ns, step in self.writes if step.mark == mark]


Script = Sequence[Reply] | Callable[[Received], Reply]

# ------------------------------------------------------------------------------------------------- replies, ready-made


def head(status: int, framing: Framing, length: int = 0, headers: Mapping[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} {'OK' if status == 200 else 'No'}"]
    given = {"Content-Type": "text/event-stream", **(headers or {})}
    given |= {"chunked": {"Transfer-Encoding": "chunked"}, "length": {"Content-Length": str(length)}}.get(
        framing, {"Connection": "close"}
    )
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in given.items())]).encode() + b"\r\n\r\n"


def body(
    pieces: Sequence[bytes | Step],
    *,
    status: int = 200,
    framing: Framing = "chunked",
    headers: Mapping[str, str] | None = None,
    end: bool = True,
) -> list[Step]:
    """A response whose body is written piece by piece. ``end=False``: its framing is never completed."""
    writes = [Send(piece) if isinstance(piece, bytes) else piece for piece in pieces]
    length = sum(len(piece.data) for piece in writes if isinstance(piece, Send))
    steps: list[Step] = [Send(head(status, framing, length, headers), "head")]
    for piece in writes:
        if isinstance(piece, Send) and framing == "chunked":
            piece = Send(b"%x\r\n%s\r\n" % (len(piece.data), piece.data), piece.mark)
        steps.append(piece)
    if end and framing == "chunked":
        steps.append(Send(b"0\r\n\r\n", "end"))
    if end and framing == "close":
        steps.append(Close())
    return steps


def document(content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> list[Step]:
    """One JSON document."""
    given = {"Content-Type": "application/json", **(headers or {})}
    return body([json.dumps(content).encode()], status=status, framing="length", headers=given)


def status(
    number: int, message: str = "no", *, headers: Mapping[str, str] | None = None, **error: object
) -> list[Step]:
    """An error as OpenAI gives it."""
    return document({"error": {"message": message, **error}}, status=number, headers=headers)


def event(content: object) -> bytes:
    return b"data: " + json.dumps(content).encode() + b"\n\n"


def delta(**fields: object) -> bytes:
    """One chat chunk."""
    choice = {"index": 0, "delta": fields, "finish_reason": None}
    return event({"id": "x", "object": "chat.completion.chunk", "model": "served-1", "choices": [choice]})


def finish(reason: str = "stop") -> bytes:
    choice = {"index": 0, "delta": {}, "finish_reason": reason}
    return event({"id": "x", "object": "chat.completion.chunk", "model": "served-1", "choices": [choice]})


USAGE = {
    "prompt_tokens": 7,
    "completion_tokens": 3,
    "total_tokens": 10,
    "prompt_tokens_details": {"cached_tokens": 2},
}
DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
ROLE = delta(role="assistant", content="")


def counted(usage: Mapping[str, object] = USAGE) -> bytes:
    return event({"id": "x", "object": "chat.completion.chunk", "model": "served-1", "choices": [], "usage": usage})


def stream(
    texts: Sequence[str],
    *,
    delay_s: float = 0.0,
    think_s: float = 0.0,
    reasoning: Sequence[str] = (),
    role: bool = True,
    usage: bool = True,
    finish_reason: str | None = "stop",
    done: bool = True,
    framing: Framing = "chunked",
    headers: Mapping[str, str] | None = None,
    last: Sequence[Step] = (),
) -> list[Step]:
    """A chat answer as a stream; every text is one write marked "text". With ``last``, it ends in these instead."""
    pieces: list[bytes | Step] = [Wait(think_s)] if think_s else []
    pieces += [Send(ROLE, "role")] if role else []
    for channel, words in (("reasoning_content", reasoning), ("content", texts)):
        for word in words:
            pieces += [Wait(delay_s)] if delay_s else []
            pieces.append(Send(delta(**{channel: word}), "text" if channel == "content" else "reasoning"))
    if last:
        return [*body(pieces, framing=framing, headers=headers, end=False), *last]
    tail = (finish(finish_reason) if finish_reason else b"") + (counted() if usage else b"") + (DONE if done else b"")
    return body([*pieces, *([Send(tail, "tail")] if tail else [])], framing=framing, headers=headers)


def chat(text: str, *, usage: bool = True, **message: object) -> list[Step]:
    """A chat answer in one document."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": "stop"}
    content: dict[str, object] = {"id": "x", "object": "chat.completion", "model": "served-1", "choices": [choice]}
    return document({**content, **({"usage": USAGE} if usage else {})})


def repacked(reply: Reply, size: int, delay_s: float = 0.0) -> list[Step]:
    """The same bytes in writes of another size."""
    data = b"".join(step.data for step in reply if isinstance(step, Send))
    steps: list[Step] = []
    for start in range(0, len(data), size):
        steps += [Send(data[start : start + size]), *([Wait(delay_s)] if delay_s else [])]
    return steps


# ------------------------------------------------------------------------------------------------------------ servers


class _Listening:
    """A listening socket and an event loop in a thread; leaves no task and no socket behind."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.ledger = Ledger()
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test server", daemon=True)
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls), self._loop
        ).result(5)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _shut(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in the next turns of the loop

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.ledger.connections += 1
        try:
            await self._serve(reader, writer, self.ledger.connections)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        raise NotImplementedError


async def _request(reader: asyncio.StreamReader, number: int) -> Received | None:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    at_ns = time.monotonic_ns()
    first, *lines = raw.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
    content = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, content, number, at_ns)


class Server(_Listening):
    """The scripted server. ``base_url`` ends in ``/v1``."""

    def __init__(self, script: Script, *, tls: ssl.SSLContext | None = None, keep_alive: bool = True) -> None:
        super().__init__(tls)
        self._script, self._keep_alive = script, keep_alive
        self._count = 0

    @property
    def base_url(self) -> str:
        name, scheme = ("localhost", "https") if self._tls else ("127.0.0.1", "http")
        return f"{scheme}://{name}:{self.port}/v1"

    def _reply(self, request: Received) -> Reply:
        if callable(self._script):
            return self._script(request)
        self._count += 1
        return self._script[min(self._count, len(self._script)) - 1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while (request := await _request(reader, number)) is not None:
            self.ledger.requests.append(request)
            for step in self._reply(request):
                if isinstance(step, Send):
                    self.ledger.writes.append((time.monotonic_ns(), step))
                    writer.write(step.data)
                    await writer.drain()
                elif isinstance(step, Wait):
                    await asyncio.sleep(step.seconds)
                elif isinstance(step, Hang):
                    await reader.read()
                    return
                else:
                    await self._close(writer, step)
                    return
            if not self._keep_alive:
                await self._close(writer, Close())
                return

    async def _close(self, writer: asyncio.StreamWriter, step: Close) -> None:
        if step.reset:
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        writer.close()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


class ProxyServer(_Listening):
    """A forward proxy: CONNECT tunnels and absolute-form requests. Every name leads to ``upstream`` on loopback."""

    def __init__(self, upstream: Server, *, refuse: int | None = None) -> None:
        super().__init__()
        self._upstream, self._refuse = upstream, refuse

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        request = await _request(reader, number)
        if request is None:
            return
        self.ledger.requests.append(request)
        if self._refuse is not None:
            writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % self._refuse)
            await writer.drain()
            return
        above, below = await asyncio.open_connection("127.0.0.1", self._upstream.port)
        if request.method == "CONNECT":
            self.ledger.tunnels.append(request.target)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            lines = [f"{request.method} /{request.target.split('/', 3)[3]} HTTP/1.1"]
            lines += [f"{name}: {value}" for name, value in request.headers.items() if not name.startswith("proxy-")]
            below.write("\r\n".join(lines).encode() + b"\r\n\r\n" + request.body)
        try:
            await asyncio.gather(_pour(reader, below), _pour(above, writer))
        finally:
            below.transport.abort()


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    with contextlib.suppress(OSError):
        sink.write_eof()
