"""Records on their way to the store: at once when nothing is being timed, a handful at a time beside the clock.

A commit for each record would take some two milliseconds of every request; beside others that are being timed,
records are handed over together, by a thread, so that neither the disk nor the encoding holds up the loop that
sends. An open loop says how long nothing is due, and as many are handed over as that leaves room for: a thread that
works when a request is due keeps it waiting for a core. What a killed process loses is what it had not handed over:
answers of at most ``EVERY_S`` and ``PATIENCE_NS`` together.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from edgebench.contracts import Store
from edgebench.load.clock import now_ns
from edgebench.records import Record

EVERY_S = 0.25
AT_MOST = 100  # records in one handing over
FEWEST = 4  # records for which a handing over is worth its trouble …
MARGIN_NS = 1_000_000  # … which takes this long …
EACH_NS = 200_000  # … and as much for each
LOOK_S = 0.001  # how often room is looked for …
PATIENCE_NS = 500_000_000  # … and for how long: then they are handed over all the same


class Keeper:
    """Takes the records of one trial. Each is kept exactly once, in the order they were given.

    Raises what the store raised at the next ``keep`` or ``flush``: nothing goes on beside a store that does not keep.
    """

    def __init__(
        self, store: Store, run_id: str, kept: Callable[[Record], None], room: Callable[[], int] | None = None
    ) -> None:
        self._store, self._run_id, self._kept, self._room = store, run_id, kept, room
        self._waiting: list[Record] = []
        self._hurried = False  # somebody waits for all of them
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
        self._hurried = True
        try:
            await self._joined()
        finally:
            self._hurried = False
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
        """Let records gather for a while, and hand them over from a thread, as many at a time as there is room for."""
        while self._waiting:
            await self._gathered()
            left = len(self._waiting)  # those that come meanwhile gather anew
            while left > 0:
                batch = self._taken(await self._fitting())
                left -= len(batch)
                await asyncio.to_thread(self._store.append, self._run_id, batch)
                self._told(batch)

    async def _gathered(self) -> None:
        """Return when there are many, when somebody waits for them, or after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EVERY_S):
                await self._full.wait()
        if not self._hurried:
            self._full.clear()

    async def _fitting(self) -> int:
        """How many can be handed over before something is due; all of them where nobody knows, or it took too long."""
        began_ns = now_ns()
        while self._room is not None and not self._hurried and now_ns() - began_ns < PATIENCE_NS:
            fitting = (self._room() - MARGIN_NS) // EACH_NS
            if fitting >= min(FEWEST, len(self._waiting)):
                return fitting
            await asyncio.sleep(LOOK_S)
        return len(self._waiting)

    def _told(self, batch: list[Record]) -> None:
        for record in batch:
            self._kept(record)

    def _taken(self, most: int | None = None) -> list[Record]:
        """What has waited longest, taken by the loop's own thread: nothing can slip in between."""
        batch, self._waiting = self._waiting[:most], ([] if most is None else self._waiting[most:])
        return batch


@contextlib.asynccontextmanager
async def keeping(
    store: Store, run_id: str, kept: Callable[[Record], None], room: Callable[[], int] | None = None
) -> AsyncIterator[Keeper]:
    """A keeper that has kept everything when it is left, however that happens.

    ``kept`` is told of each record. ``room``: nanoseconds for which nothing is due.
    """
    keeper = Keeper(store, run_id, kept, room)
    try:
        yield keeper
    finally:
        await keeper.flush()
