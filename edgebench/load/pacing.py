"""Waking at a moment: one alarm for a whole schedule, and room made for whatever is due next.

An event loop rounds its waits up to a millisecond (epoll), which at 500 requests a second is half of every gap. On
Linux the alarm is a timerfd on CLOCK_MONOTONIC, set to absolute nanoseconds and watched like a socket; elsewhere it
is the loop's own. Nothing spins.

A request leaves on time only if this thread is free at that moment. So work that can wait (making a request ready,
reading an answer that has ended) asks for *calm* first: nothing is due within the time such work takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any, Protocol

from edgebench.load.clock import now_ns

Clock = Callable[[], int]
Line = list[tuple[int, int, asyncio.Future[None]]]  # a heap of (moment, number, who waits)

AHEAD_NS = 15_000_000  # how long before it is due a request may be made ready
WORK_NS = 1_000_000  # what making one ready, or reading one answer, may take
PATIENCE_NS = 100_000_000  # work that found no calm for so long is done all the same

_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC if hasattr(os, "O_CLOEXEC") and hasattr(os, "O_NONBLOCK") else 0
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME of <sys/timerfd.h>


class Pacer:
    """Lets everybody wait for moments of one clock. Inert until first used; belongs to the event loop that uses it.

    ``clock``: nanoseconds; one that is not the system's makes it wait by the loop's own timers, so that a loop
    whose time is made up stays in charge.
    """

    def __init__(self, clock: Clock = now_ns) -> None:
        self._clock = clock
        self._alarm: Alarm | None = None
        self._due: Line = []  # what must be on time
        self._idle: Line = []  # what need not be
        self._work: Line = []  # by the latest moment it may begin
        self._number = count()
        self._serving = False

    def now(self) -> int:
        """Nanoseconds on its clock."""
        return self._clock()

    async def until(self, at_ns: int, *, urgent: bool = True) -> None:
        """Return at that moment: at once if it is past. Work makes room only for those that are ``urgent``."""
        if at_ns > self._clock():
            await self._waiting(self._due if urgent else self._idle, at_ns)

    async def calm(self, latest_ns: int | None = None) -> None:
        """Return when nothing is due for as long as a piece of work takes, or at ``latest_ns`` at the latest."""
        now = self._clock()
        latest_ns = now + PATIENCE_NS if latest_ns is None else latest_ns
        if now < latest_ns and (self._work or not self._is_calm(now)):
            await self._waiting(self._work, latest_ns)

    def moment(self, due_ns: int) -> Moment:
        return Moment(self, due_ns)

    def room(self) -> int:
        """Nanoseconds until something is due or must be made ready; ``AHEAD_NS`` at most, for more nobody knows."""
        now = self._clock()
        return min([AHEAD_NS, *(line[0][0] - now for line in (self._due, self._work) if line)])

    def close(self) -> None:
        """Give the alarm back. Whoever still waits is let go."""
        if self._alarm is not None:
            self._alarm.close()
            self._alarm = None
        for line in (self._due, self._idle, self._work):
            for *_, waiter in line:
                _wake(waiter)
            line.clear()

    # ----------------------------------------------------------------------------------------------- inner parts

    async def _waiting(self, line: Line, at_ns: int) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(line, (at_ns, next(self._number), waiter))
        if line[0][2] is waiter:
            self._set()
        await waiter

    def _set(self) -> None:
        """Set the alarm to the next moment anybody waits for."""
        if self._alarm is None:
            self._alarm = alarm(self._clock, self._ring)
        heads = [line[0][0] for line in (self._due, self._idle, self._work) if line]
        self._alarm.set(min(heads) if heads else None)

    def _ring(self) -> None:
        now = self._clock()
        for line in (self._due, self._idle):
            while line and line[0][0] <= now:
                _wake(heapq.heappop(line)[2])
        self._set()
        if self._work and not self._serving:  # after those who were just woken
            self._serving = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        """One piece of work at a time: another may become due while it is done."""
        self._serving = False
        now = self._clock()
        if self._work and (self._work[0][0] <= now or self._is_calm(now)):
            _wake(heapq.heappop(self._work)[2])
            if self._work:
                self._serving = True
                asyncio.get_running_loop().call_soon(self._serve)
        elif self._alarm is not None:
            self._set()

    def _is_calm(self, now: int) -> bool:
        return not self._due or self._due[0][0] - now > WORK_NS


@dataclass(frozen=True, slots=True)
class Moment:
    """When one request is due."""

    pacer: Pacer
    due_ns: int

    async def ready(self) -> None:
        """Return when there is time to make it ready, at the last moment at the latest."""
        await self.pacer.calm(self.due_ns - WORK_NS)

    async def come(self) -> None:
        """Return when it is due."""
        await self.pacer.until(self.due_ns)

    async def calm(self) -> None:
        """Return when there is time for work around it."""
        await self.pacer.calm()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


# --------------------------------------------------------------------------------------------------- alarms


class Alarm(Protocol):
    """Calls back once at a moment."""

    def set(self, at_ns: int | None) -> None: ...

    def close(self) -> None: ...


def alarm(clock: Clock, ring: Callable[[], None]) -> Alarm:
    """The best alarm there is for a clock on the running loop."""
    if clock is now_ns and sys.platform == "linux":
        with contextlib.suppress(OSError, NotImplementedError):  # an old kernel; a loop that watches no files
            return KernelAlarm(ring)
    return LoopAlarm(clock, ring)


class LoopAlarm:
    """The event loop's own timer: good to about a millisecond."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._loop, self._clock, self._ring = asyncio.get_running_loop(), clock, ring
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_ns: int | None) -> None:
        self.close()
        if at_ns is not None:
            self._handle = self._loop.call_later(max(0, at_ns - self._clock()) / 1e9, self._rung, at_ns)

    def _rung(self, at_ns: int) -> None:
        if self._clock() < at_ns:  # rounded the other way
            self.set(at_ns)
        else:
            self._ring()

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class KernelAlarm:
    """A timerfd: good to some tens of microseconds. Raises OSError where there is none."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop, self._ring = asyncio.get_running_loop(), ring
        self._fd = _create()
        try:
            self._loop.add_reader(self._fd, self._rung)
        except NotImplementedError:
            os.close(self._fd)
            raise

    def set(self, at_ns: int | None) -> None:
        _settime(self._fd, 0 if at_ns is None else max(1, at_ns))  # 0 takes the alarm back; the past rings at once

    def _rung(self) -> None:
        self._ring()  # sets it anew, which also silences it: nothing has to be read

    def close(self) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


def _create() -> int:
    if sys.version_info >= (3, 13):
        return os.timerfd_create(time.CLOCK_MONOTONIC, flags=_NONBLOCK_CLOEXEC)
    return _checked(_c_library().timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC))


def _settime(fd: int, at_ns: int) -> None:
    if sys.version_info >= (3, 13):
        os.timerfd_settime_ns(fd, flags=_ABSOLUTE, initial=at_ns)
        return
    import ctypes

    seconds, rest = divmod(at_ns, 1_000_000_000)
    spec = (ctypes.c_long * 4)(0, 0, seconds, rest)  # struct itimerspec: interval, value
    _checked(_c_library().timerfd_settime(fd, _ABSOLUTE, spec, None))


@cache
def _c_library() -> Any:
    import ctypes

    library = ctypes.PyDLL(None, use_errno=True)  # PyDLL: giving up the lock for a microsecond may cost a turn
    if not hasattr(library, "timerfd_create"):
        raise OSError("no timerfd")
    return library


def _checked(result: int) -> int:
    if result < 0:
        import ctypes

        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
