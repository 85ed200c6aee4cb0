"""A bare reader: the least an ``asyncio.Protocol`` can do, which keeps raw bytes and stamps and understands nothing.

What our CPU per chunk is held against. The reference client is no stand-in for it: it reads with ``recvmsg`` for the
kernel's stamps and finds the events afterwards, which costs more.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from edgebench.run.reference import request_bytes

END = b"\r\n0\r\n\r\n"


class Reader(asyncio.Protocol):
    """One connection, one streamed request after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.reads: list[tuple[int, bytes]] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ask(self, model: str, prompt: str) -> bytes:
        """The whole answer as it came; one that does not end with END was cut short."""
        if self.transport.is_closing():
            return b""
        self.reads, self.ended = [], asyncio.get_running_loop().create_future()
        self.transport.write(request_bytes(model, prompt))
        await self.ended
        return b"".join(data for _, data in self.reads)

    def data_received(self, data: bytes) -> None:
        self.reads.append((time.monotonic_ns(), data))
        if data.endswith(END) and not self.ended.done():
            self.ended.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


async def connected(port: int) -> Reader:
    """A reader with a connection to the truth server."""
    _, reader = await asyncio.get_running_loop().create_connection(Reader, "127.0.0.1", port)
    return reader
