"""An alarm clock for an event loop: finer than the loop's own timers, which round up to the next millisecond."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import heapq
import os
import struct
import sys
import time
from collections.abc import Callable
from itertools import count


class Alarm:
    """Calls back at moments of the monotonic clock: by timerfd where there is one, elsewhere as good as the loop is."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._order = loop, count()
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._armed_ns: int | None = None
        self._timer = _timer_file()
        self._set = ctypes.CDLL(None).timerfd_settime if self._timer is not None else None
        if self._timer is not None:
            loop.add_reader(self._timer, self._ring)

    def at(self, due_ns: int, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (due_ns, next(self._order), call))
        if self._armed_ns is None or due_ns < self._armed_ns:
            self._arm(due_ns)

    def _arm(self, due_ns: int) -> None:
        self._armed_ns = due_ns
        if self._set is None:
            self._loop.call_later(max(0.0, (due_ns - time.monotonic_ns()) / 1e9), self._ring)
        else:
            absolute, moment = 1, struct.pack("@llll", 0, 0, *divmod(max(1, due_ns), 1_000_000_000))
            self._set(self._timer, absolute, moment, None)

    def _ring(self) -> None:
        if self._timer is not None:
            with contextlib.suppress(BlockingIOError):
                os.read(self._timer, 8)
        self._armed_ns = None
        while self._due and self._due[0][0] <= time.monotonic_ns():
            heapq.heappop(self._due)[2]()
        if self._due and (self._armed_ns is None or self._due[0][0] < self._armed_ns):
            self._arm(self._due[0][0])


def _timer_file() -> int | None:
    """A timerfd of the monotonic clock; None where the system has none."""
    if sys.platform != "linux":
        return None
    monotonic, flags = 1, os.O_NONBLOCK | os.O_CLOEXEC
    found = ctypes.CDLL(None, use_errno=True).timerfd_create(monotonic, flags)
    return int(found) if found >= 0 else None
