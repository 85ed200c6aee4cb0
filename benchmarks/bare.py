"""The least a client can do: an ``asyncio.Protocol`` that keeps raw bytes and stamps, and understands nothing.

It is what our own cost and error are compared with, so it stays small: one connection a user, one request after the
other, the end of an answer known by its last bytes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

Reads = list[tuple[int, bytes]]  # (stamp, bytes) of every read


class Reader(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self, head: bytes, body: bytes, *, streamed: bool) -> asyncio.Future[Reads]:
        self.reads: Reads = []
        self.streamed = streamed
        self.done: asyncio.Future[Reads] = asyncio.get_running_loop().create_future()
        self.transport.write(head + body)
        return self.done

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.monotonic_ns(), data))
        if data.endswith(b"0\r\n\r\n" if self.streamed else b"}"):
            self.done.set_result(self.reads)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


async def user(url: str, model: str, prompts: Sequence[str], *, streamed: bool) -> list[tuple[str, int, Reads]]:
    """One user's requests, one after the other: (prompt, sent, reads)."""
    where = urlsplit(url)
    _, reader = await asyncio.get_running_loop().create_connection(Reader, where.hostname or "", where.port or 80)
    answers = []
    for prompt in prompts:
        asked = {"model": model, "messages": [{"role": "user", "content": prompt}], "stream": streamed}
        asked |= {"stream_options": {"include_usage": True}} if streamed else {}
        body = json.dumps(asked).encode()
        head = f"POST {where.path}/chat/completions HTTP/1.1\r\nHost: {where.netloc}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        sent_ns = time.monotonic_ns()
        answers.append((prompt, sent_ns, await reader.ask(head.encode(), body, streamed=streamed)))
    reader.transport.close()
    return answers
