"""An event loop whose time is made up: it jumps to the next timer, so a minute takes no time and nothing is late."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """``now_ns`` is its clock; work can be made to take time with ``spend``."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000
        super().__init__(_Jumping(self))
        self._clock_resolution = 1e-12  # a timer rings when its moment is reached, not nearly

    def time(self) -> float:
        return self.now_ns / 1e9

    def clock(self) -> int:
        return self.now_ns

    def spend(self, seconds: float) -> None:
        """The thread is busy for so long: nothing else happens meanwhile."""
        self.now_ns += round(seconds * 1e9)


class _Jumping(selectors.SelectSelector):
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everybody waits, and nothing will happen"
            self._loop.now_ns += math.ceil(timeout * 1e9) + (timeout > 0)
        return ready


def run(make: Any) -> Any:
    """Run ``make(loop)``, a coroutine, on a loop of its own."""
    loop = VirtualLoop()
    try:
        work: Coroutine[Any, Any, Any] = make(loop)
        return loop.run_until_complete(work)
    finally:
        loop.close()
