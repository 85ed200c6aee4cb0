"""The reference client: the least that can still stamp what it reads, so that the machine's own noise is known.

A bare socket on the event loop, the body neither parsed nor kept apart; every read is stamped in user space and, where
the kernel gives it (Linux), by the kernel. What our client is later than this one is ours; the rest is the machine's.
"""

from __future__ import annotations

import asyncio
import bisect
import json
import re
import socket
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

_STAMP_OPTION = 35 if sys.platform == "linux" else None  # SO_TIMESTAMPNS; written anew, so as to share no fault of ours
_EVENT_END = re.compile(rb'data: \{[^\n]*"(?:content|reasoning_content)":[^\n]*\n\n')
_ENDS = (b"\r\n0\r\n\r\n", b"\r\n\r\n0\r\n\r\n")


@dataclass(frozen=True, slots=True)
class Heard:
    """One answer as the reference saw it; ``kernel_ns`` and ``user_ns`` hold a stamp for every event with text."""

    prompt: str
    sent_ns: int
    user_ns: tuple[int, ...]
    kernel_ns: tuple[int, ...]  # empty where the kernel gave none


class Reference:
    """One connection, one request after the other."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __aenter__(self) -> Self:
        self._sock = socket.socket()
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if _STAMP_OPTION is not None:
            self._sock.setsockopt(socket.SOL_SOCKET, _STAMP_OPTION, 1)
        await asyncio.get_running_loop().sock_connect(self._sock, ("127.0.0.1", self._port))
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._sock.close()

    async def ask(self, model: str, prompt: str) -> Heard:
        """Send one streamed chat request, read its answer to the end of the body."""
        loop = asyncio.get_running_loop()
        body, reads, ended = bytearray(), list[tuple[int, int, int]](), loop.create_future()
        offset_ns = time.time_ns() - time.monotonic_ns()

        def readable() -> None:
            data, stamp_ns = _read(self._sock)
            body.extend(data)
            reads.append((len(body), time.monotonic_ns(), stamp_ns - offset_ns if stamp_ns else 0))
            if (not data or body.endswith(_ENDS) or _whole(body)) and not ended.done():
                ended.set_result(None)

        loop.add_reader(self._sock, readable)
        try:
            sent_ns = time.monotonic_ns()
            await loop.sock_sendall(self._sock, request_bytes(model, prompt))
            await ended
        finally:
            loop.remove_reader(self._sock)
        return _heard(prompt, sent_ns, bytes(body), reads)


def _read(sock: socket.socket) -> tuple[bytes, int]:
    """What came, and the kernel's wall-clock stamp of it; 0 where it gives none."""
    if _STAMP_OPTION is None:
        return sock.recv(2**18), 0
    data, ancillary, _, _ = sock.recvmsg(2**18, 64)
    for _, kind, value in ancillary:
        if kind == _STAMP_OPTION:
            seconds, nanoseconds = struct.unpack("@ll", value)
            return data, seconds * 1_000_000_000 + nanoseconds
    return data, 0


def _whole(body: bytearray) -> bool:
    """Whether a document of a known length has come whole."""
    if body.startswith(b"HTTP/1.1 200") and b"Content-Length" not in body[:200]:
        return False
    found = re.search(rb"Content-Length: (\d+)", body)
    return found is not None and len(body) >= body.index(b"\r\n\r\n") + 4 + int(found[1])


def _heard(prompt: str, sent_ns: int, body: bytes, reads: list[tuple[int, int, int]]) -> Heard:
    ends = [match.end() for match in _EVENT_END.finditer(body)]
    found = [reads[min(bisect.bisect_left(reads, (end, 0, 0)), len(reads) - 1)] for end in ends]
    kernel = tuple(read[2] for read in found) if all(read[2] for read in reads) else ()
    return Heard(prompt, sent_ns, tuple(read[1] for read in found), kernel)


def request_bytes(model: str, prompt: str) -> bytes:
    """A streamed chat request as it goes on the wire."""
    asked: Mapping[str, Any] = {
        "model": model,
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": prompt}],
    }
    body = json.dumps(asked).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body
