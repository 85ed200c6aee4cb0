"""The truth: a server of our own in another process, and the ledger of what it really wrote.

``async with TruthServer() as server: …  server.base_url …  await server.ledger()``. Modes and what they mean are in
truth_modes.py, the process in truth_server.py. Only the standard library is needed here.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from edgebench.errors import UsageError
from edgebench.targets.child import Child

Kind = Literal["head", "role", "content", "reasoning", "ping", "usage", "done", "error"]


class NoTruth(UsageError):
    """The truth server did not start, or is gone."""


@dataclass(frozen=True, slots=True)
class Write:
    """An event, when the write that made it whole was handed to the kernel. Events of one write share the stamp."""

    at_ns: int
    kind: Kind
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One request the server has answered to the end, or whose client left. ``prompt``: its first 80 characters."""

    prompt: str
    mode: str
    received_ns: int
    writes: tuple[Write, ...]

    def stamps(self, *kinds: Kind) -> tuple[int, ...]:
        """When everything of these kinds was written, in order."""
        return tuple(write.at_ns for write in self.writes if write.kind in kinds)


class TruthServer:
    """The server's process, started and stopped with ``async with``; it dies with this one whatever happens."""

    def __init__(self) -> None:
        self._child = Child("edgebench.run.truth_server")
        self.port = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def pid(self) -> int:
        """Its process, so that nobody takes its work for a stranger's."""
        if self._child.pid is None:
            raise NoTruth("the truth server is not running")
        return self._child.pid

    async def __aenter__(self) -> Self:
        """Start it. Raises NoTruth when it does not say its port in time."""
        try:
            self.port = await self._child.start()
        except (TimeoutError, ValueError) as exc:
            raise NoTruth("the truth server did not start", hint="edgebench doctor says what is here") from exc
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._child.stop()

    async def ledger(self) -> list[Entry]:
        """What was written since the last look, oldest request first; answers under way are left for the next look."""
        return [entry_of(row) for row in await self._get("/ledger")]

    async def _get(self, path: str) -> Any:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**20)
        except OSError as exc:
            raise NoTruth("the truth server is gone") from exc
        try:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: truth\r\n\r\n".encode("ascii"))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            return json.loads(await reader.readexactly(length))
        except (OSError, asyncio.IncompleteReadError) as exc:
            raise NoTruth("the truth server is gone") from exc
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def entry_of(row: dict[str, Any]) -> Entry:
    """An entry as the server's JSON has it."""
    writes = tuple(Write(int(at_ns), kind, int(tokens)) for at_ns, kind, tokens in row["writes"])
    return Entry(str(row["prompt"]), str(row["mode"]), int(row["received_ns"]), writes)


def by_prompt(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Entries by the prompt they answered; several where one was asked again."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.prompt, []).append(entry)
    return found
