"""Scenarios: how requests arrive.

Closed loops (an answer frees the next request): :class:`Closed`, :class:`Batches`. Open loops (they come when they
come): :class:`Open` over a precomputed schedule, :class:`AllAtOnce`. MLPerf's names are aliases: single-stream is
closed(1), multi-stream batches(8), server Poisson, offline all at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import count as counter
from pathlib import Path, PurePath

import numpy as np

from edgebench.contracts import Scenario
from edgebench.load.arrivals import Offsets, schedule
from edgebench.load.clock import now_ns
from edgebench.load.pacing import AHEAD_NS, Pacer
from edgebench.records import ScenarioSpec

Send = Callable[[int, int], Awaitable[None]]
Stop = Callable[[], str | None]

#: Kinds whose arrivals are planned ahead; those of ``SEEDED`` draw them.
OPEN = frozenset({"constant", "poisson", "gamma", "ramp", "trace", "server"})
MULTI_STREAM = 8  # samples of one query in MLPerf's MultiStream


def build(
    spec: ScenarioSpec, *, count: int, rng: np.random.Generator, folder: Path = Path(), first: int = 0
) -> Scenario:
    """The scenario a spec asks for, with the schedule of ``count`` requests where it has one.

    ``folder``: where a trace's relative path starts. ``first``: arrivals of a trace that were used before.
    Raises UsageError for a spec that a checked plan would not hold, DataError for a trace that cannot be read.
    """
    if spec.kind in OPEN:
        offsets = schedule(spec, count, rng, folder=folder, first=first)
        return Open(name_of(spec), offsets, spec.max_in_flight)
    if spec.kind in ("all-at-once", "offline"):
        return AllAtOnce(spec.max_in_flight)
    if spec.kind in ("batches", "multi-stream"):
        return Batches(_size(spec))
    return Closed(_size(spec))


def name_of(spec: ScenarioSpec) -> str:
    """What a scenario is called, with what matters of it: "closed(1)", "poisson(20/s)", "ramp(5→50/s)"."""
    match spec.kind:
        case "closed" | "single-stream":
            return f"closed({_size(spec)})"
        case "batches" | "multi-stream":
            return f"batches({_size(spec)})"
        case "all-at-once" | "offline":
            return "all-at-once"
        case "gamma":
            return f"gamma({spec.rate or 0:g}/s, cv={spec.cv:g})"
        case "ramp":
            return f"ramp({spec.rate or 0:g}→{spec.to_rate or 0:g}/s)"
        case "trace":
            pace = f", {spec.rate:g}/s" if spec.rate is not None else f", ×{spec.speed:g}" if spec.speed != 1 else ""
            return f"trace({PurePath(spec.trace or '').stem}{pace})"
        case "constant":
            return f"constant({spec.rate or 0:g}/s)"
        case _:
            return f"poisson({spec.rate or 0:g}/s)"


def most_at_once(spec: ScenarioSpec) -> int:
    """Requests that may be under way at the same time."""
    closed = spec.kind in ("closed", "single-stream", "batches", "multi-stream")
    return _size(spec) if closed else spec.max_in_flight


def _size(spec: ScenarioSpec) -> int:
    if spec.kind == "single-stream":
        return 1
    return MULTI_STREAM if spec.kind == "multi-stream" and spec.users == 1 else spec.users


# --------------------------------------------------------------------------------------------------- closed loops


@dataclass(frozen=True, slots=True)
class Closed:
    """A fixed number of users, each sending the next request when its last one is answered.

    ``due`` is the moment the user's slot is free, so latency holds everything the user waited for.
    One user is what MLPerf calls SingleStream.
    """

    users: int = 1
    pace: None = None  # a request leaves as soon as it is ready

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


@dataclass(frozen=True, slots=True)
class Batches:
    """``size`` requests at once, the next batch when all of them are answered; all of a batch are due together."""

    size: int
    pace: None = None

    @property
    def name(self) -> str:
        return f"batches({self.size})"

    async def drive(self, count: int, send: Send, stop: Stop) -> int:
        """Issue batch after batch until done or ``stop()`` gives a reason; return how many requests were issued."""
        for start in range(0, count, self.size):
            if stop():
                return start
            batch, due_ns = range(start, min(start + self.size, count)), now_ns()
            async with asyncio.TaskGroup() as group:
                for index in batch:
                    group.create_task(_sent(send, index, due_ns))
        return count


def _next(tickets: Iterator[int], stop: Stop) -> int | None:
    """The next index, unless it is time to stop; asked at the last moment, so that a stop is prompt."""
    return None if stop() else next(tickets, None)


async def _sent(send: Send, index: int, due_ns: int) -> None:
    await send(index, due_ns)


# --------------------------------------------------------------------------------------------------- open loops


@dataclass(frozen=True, slots=True)
class Open:
    """Requests that come when they come, however the target fares.

    The schedule is anchored once, when driving begins, and never again: what a slow target delays is latency, not a
    later start. Nothing is dropped: with ``max_in_flight`` requests under way, the next waits and keeps the moment it
    was due. ``send`` is called up to ``ahead_ns`` early, so that the request can be made ready; ``pace`` lets it go.
    """

    name: str
    offsets: Offsets  # ns from the anchor, never decreasing
    max_in_flight: int = 256
    pace: Pacer = field(default_factory=Pacer)
    ahead_ns: int = AHEAD_NS

    async def drive(self, count: int, send: Send, stop: Stop) -> int:
        """Issue requests ``0 … count − 1`` as they are due; return how many were issued when all are answered.

        ``stop()`` is asked before each. Raises ValueError when the schedule is shorter than ``count``.
        """
        planned = self.offsets[:count].tolist()  # Python's integers: beside the clock they are the faster ones
        if len(planned) < count:
            raise ValueError(f"a schedule of {len(planned)} arrivals cannot drive {count}")
        anchor_ns = self.pace.now() + self.ahead_ns  # so that the first one can be made ready too
        gate, issued = asyncio.Semaphore(self.max_in_flight), 0

        async def fly(index: int, due_ns: int) -> None:
            try:
                await send(index, due_ns)
            finally:
                gate.release()

        try:
            async with asyncio.TaskGroup() as group:
                for index, offset_ns in enumerate(planned):
                    await self.pace.until(anchor_ns + offset_ns - self.ahead_ns, urgent=False)
                    await gate.acquire()
                    if stop():
                        break
                    issued += 1
                    group.create_task(fly(index, anchor_ns + offset_ns))
        finally:
            self.pace.close()
        return issued


@dataclass(frozen=True, slots=True)
class AllAtOnce:
    """Everything is due at the start; ``max_in_flight`` are under way at a time. MLPerf calls it Offline."""

    max_in_flight: int = 256
    pace: None = None

    @property
    def name(self) -> str:
        return "all-at-once"

    async def drive(self, count: int, send: Send, stop: Stop) -> int:
        """Issue all requests, due at this moment, until done or ``stop()`` gives a reason; return how many."""
        due_ns = now_ns()
        return await Closed(self.max_in_flight).drive(count, lambda index, _: send(index, due_ns), stop)
