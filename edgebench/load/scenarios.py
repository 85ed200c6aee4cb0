"""Scenarios: how requests arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count as counter

from edgebench.load.clock import now_ns

Send = Callable[[int, int], Awaitable[None]]
Stop = Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Closed:
    """A fixed number of users, each sending the next request when its last one is answered.

    ``due`` is the moment the user's slot is free, so latency holds everything the user waited for.
    One user is what MLPerf calls SingleStream.
    """

    users: int = 1

    @property
    def name(self) -> str:
        return f"closed({self.users})"

    async def drive(self, count: int, send: Send, stop: Stop) -> int:
        """Issue requests ``0 … count − 1`` until done or ``stop()`` gives a reason; return how many were issued."""
        tickets = iter(range(count))
        issued = counter()

        async def user() -> None:
            index = _next(tickets, stop)
            while index is not None:
                next(issued)
                await send(index, now_ns())
                index = _next(tickets, stop)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self.users, count)):
                group.create_task(user())
        return next(issued)


def _next(tickets: Iterator[int], stop: Stop) -> int | None:
    """The next index, unless it is time to stop; asked at the last moment, so that a stop is prompt."""
    return None if stop() else next(tickets, None)
