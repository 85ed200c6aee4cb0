"""Records on their way to the store: at once when nothing is being timed, a handful at a time beside the clock.

A commit for each record would take some two milliseconds of every request; beside others that are being timed,
records are handed over together, by a thread, so that neither the disk nor the encoding holds up the loop that
sends. What a killed process loses is what it had not handed over: at most ``EVERY_S`` of answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from edgebench.contracts import Store
from edgebench.records import Record

EVERY_S = 0.25
AT_MOST = 100  # records in one handing over


class Keeper:
    """Takes the records of one trial. Each is kept exactly once, in the order they were given.

    Raises what the store raised at the next ``keep`` or ``flush``: nothing goes on beside a store that does not keep.
    """

    def __init__(self, store: Store, run_id: str, kept: Callable[[Record], None]) -> None:
        self._store, self._run_id, self._kept = store, run_id, kept
        self._waiting: list[Record] = []
        self._task: asyncio.Task[None] | None = None
        self._full = asyncio.Event()

    async def keep(self, record: Record, *, beside_others: bool) -> None:
        """Keep it: now when nothing else is under way, else within ``EVERY_S``."""
        self._waiting.append(record)
        if not beside_others:
            await self.flush()
            return
        if self._task is None or self._task.done():
            await self._joined()
            self._full.clear()
            self._task = asyncio.create_task(self._later())
        if len(self._waiting) >= AT_MOST:
            self._full.set()

    async def flush(self) -> None:
        """Keep all there is, and return when it is kept."""
        self._full.set()
        await self._joined()
        if batch := self._taken():
            self._store.append(self._run_id, batch)
            self._told(batch)

    async def _joined(self) -> None:
        """Wait for the handing over under way; being cancelled meanwhile does not undo it."""
        task, self._task = self._task, None
        if task is not None:
            if not task.done():
                await asyncio.wait({task})
            task.result()

    async def _later(self) -> None:
        """Let records gather for a while, and hand them over from a thread."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await self._full.wait()
        batch = self._taken()
        await asyncio.to_thread(self._store.append, self._run_id, batch)
        self._told(batch)

    def _told(self, batch: list[Record]) -> None:
        for record in batch:
            self._kept(record)

    def _taken(self) -> list[Record]:
        """What waits, taken by the loop's own thread: nothing can slip in between."""
        batch, self._waiting = self._waiting, []
        return batch


@contextlib.asynccontextmanager
async def keeping(store: Store, run_id: str, kept: Callable[[Record], None]) -> AsyncIterator[Keeper]:
    """A keeper that has kept everything when it is left, however that happens. ``kept`` is told of each record."""
    keeper = Keeper(store, run_id, kept)
    try:
        yield keeper
    finally:
        await keeper.flush()
