"""The truth server: a process that speaks OpenAI's streaming protocol and writes down when it wrote what.

The stamp is ``time.monotonic_ns()`` taken just before the bytes are handed to the kernel (``transport.write`` sends at
once on an idle connection; TCP_NODELAY is on): a client's stamp can never rightly be earlier, and it is wrong by as
much as it is later, less the few microseconds that loopback takes. What was written when is the truth, never what was
meant.

``POST /v1/chat/completions`` or ``/v1/completions``: the ``model`` is a mode (truth_modes.py). ``GET /ledger``: what
was written since the last look, finished answers only. ``GET /health``. It is started with
``python -P -m edgebench.run.truth_server`` and pipes for input and output, prints its port, and ends when its input
does. Standard library only.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgebench.run.truth_modes import Mode, Step, document, mode_of, prompt_of, steps
from edgebench.targets.alarm import Alarm
from edgebench.targets.kernel import die_with_parent, end_with_input

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_MAX_HEAD = 64 * 1024


class Served:
    """What the whole server shares: the ledger, the attempts of refused prompts, whether it has frozen."""

    def __init__(self, alarm: Alarm) -> None:
        self.alarm = alarm
        self.entries: list[dict[str, Any]] = []
        self.attempts: Counter[tuple[str, str]] = Counter()
        self.received: Counter[str] = Counter()

    def ledger(self) -> list[dict[str, Any]]:
        """Finished entries, which are forgotten with this."""
        done = [entry for entry in self.entries if entry["finished"]]
        self.entries = [entry for entry in self.entries if not entry["finished"]]
        return done

    def answer(self, mode: Mode, model: str, prompt: str, body: dict[str, Any], *, chat: bool) -> Iterator[Step]:
        """The steps of this request's answer, its turn taken into account. Stands still here when it is to freeze."""
        self.received[model] += 1
        if mode.freeze_after and self.received[model] == mode.freeze_after:
            time.sleep(mode.freeze_ms / 1000)  # the loop itself: nobody is answered, nobody is accepted
        if mode.refuse and self.attempts[model, prompt] < mode.refuse:
            self.attempts[model, prompt] += 1
            said = {"error": {"message": "slow down", "type": "rate_limit_error"}}
            extra = f"Retry-After: {mode.retry_after_s:g}\r\n"
            return iter([(0, document(said, status=429, extra=extra), (("head", 0), ("error", 0)))])
        options = body.get("stream_options")
        usage = isinstance(options, dict) and bool(options.get("include_usage"))
        return steps(mode, prompt, streamed=bool(body.get("stream")), usage=usage, chat=chat)


class Connection(asyncio.Protocol):
    """One kept-alive connection: a request is read, its steps are written on time, then the next one is read."""

    transport: asyncio.Transport

    def __init__(self, served: Served) -> None:
        self._served = served
        self._held = bytearray()
        self._wanted = 0  # bytes of head and body together, once the head is known
        self._head_end = 0
        self._entry: dict[str, Any] | None = None
        self._steps: Iterator[Step] = iter(())

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  for the type checker: this is TCP
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._entry is not None:
            self._entry["finished"] = True
            self._entry = None

    def data_received(self, data: bytes) -> None:
        self._held += data
        if self._entry is None:
            self._look()

    def _look(self) -> None:
        """Answer the request that is held, if it is whole."""
        received_ns = time.monotonic_ns()
        if not self._wanted:
            end = self._held.find(b"\r\n\r\n")
            if end < 0:
                if len(self._held) > _MAX_HEAD:
                    self.transport.abort()
                return
            found = _LENGTH.search(self._held, 0, end)
            self._head_end = end + 4
            self._wanted = self._head_end + (int(found[1]) if found else 0)
        if len(self._held) < self._wanted:
            return
        first = bytes(self._held[: self._held.index(b"\r\n")]).decode("latin-1")
        body = bytes(self._held[self._head_end : self._wanted])
        del self._held[: self._wanted]
        self._wanted = 0
        self._request(first, body, received_ns)

    def _request(self, first: str, body: bytes, received_ns: int) -> None:
        method, _, rest = first.partition(" ")
        path = rest.partition(" ")[0]
        if method == "GET" and path == "/ledger":
            self.transport.write(document(self._served.ledger()))
        elif method == "GET" and path == "/health":
            self.transport.write(document({"pid": os.getpid()}))
        elif method == "POST" and path in ("/v1/chat/completions", "/v1/completions"):
            self._asked(body, received_ns, chat=path == "/v1/chat/completions")
            return
        else:
            self._refuse(404, f"there is no {method} {path} here")
        self._next()

    def _asked(self, body: bytes, received_ns: int, *, chat: bool) -> None:
        try:
            asked = json.loads(body)
            model = str(asked["model"])
            mode = mode_of(model)
        except (ValueError, KeyError, TypeError) as exc:
            self._refuse(400, str(exc))
            self._next()
            return
        prompt = prompt_of(asked)
        self._entry = {"prompt": prompt, "mode": model, "received_ns": received_ns, "writes": [], "finished": False}
        self._served.entries.append(self._entry)
        self._steps = self._served.answer(mode, model, prompt, asked, chat=chat)
        self._go_on()

    def _refuse(self, status: int, why: str) -> None:
        self.transport.write(document({"error": {"message": why, "type": "invalid_request_error"}}, status=status))

    def _go_on(self) -> None:
        """Set the alarm for the next step, or write at once what is due already."""
        entry = self._entry
        for offset, data, marks in self._steps:
            if entry is None or self._entry is not entry:
                return
            due_ns = entry["received_ns"] + offset
            if due_ns > time.monotonic_ns():
                self._served.alarm.at(due_ns, lambda: self._ring(entry, data, marks))  # noqa: B023  returns at once
                return
            self._write(entry, data, marks)
        self._finish()

    def _ring(self, entry: dict[str, Any], data: bytes, marks: tuple[tuple[str, int], ...]) -> None:
        if self._entry is not entry:  # the client left
            return
        self._write(entry, data, marks)
        self._go_on()

    def _write(self, entry: dict[str, Any], data: bytes, marks: tuple[tuple[str, int], ...]) -> None:
        at_ns = time.monotonic_ns()
        self.transport.write(data)
        entry["writes"] += [(at_ns, kind, tokens) for kind, tokens in marks]

    def _finish(self) -> None:
        if self._entry is not None:
            self._entry["finished"] = True
            self._entry = None
        self._next()

    def _next(self) -> None:
        if self._held:
            self._look()


async def serve() -> None:
    """Listen on a free port of loopback, say which, and serve until killed."""
    loop = asyncio.get_running_loop()
    served = Served(Alarm(loop))
    server = await loop.create_server(lambda: Connection(served), "127.0.0.1", 0, backlog=1024)
    end_with_input()
    gc.collect()
    gc.freeze()
    gc.disable()  # a collection between a stamp and its write would be an error of the truth
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  the one line our parent reads
    await server.serve_forever()


def main() -> None:
    die_with_parent()
    asyncio.run(serve())


if __name__ == "__main__":
    main()
