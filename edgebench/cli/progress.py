"""One line of progress on stderr, written only between requests: nothing of ours runs beside a timed one.

A thread that redraws would steal a core of a small machine, so there is none.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TextIO

from edgebench.cli.failing import printable

REDRAW_S = 0.25  # on a terminal
REPEAT_S = 10.0  # in a log


@dataclass
class Line:
    """Told after every record; with several users it speaks only at the edges of trials, when none is in flight."""

    users: int = 1
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _began: float = field(default_factory=time.monotonic)
    _spoke: float = 0.0
    _first: int | None = None
    _arm: str = ""

    def __call__(self, done: int, total: int, arm: str) -> None:
        now = time.monotonic()
        self._first = done if self._first is None else self._first
        edge, self._arm = arm != self._arm, arm
        if self.users > 1 and not edge:
            return
        if now - self._spoke < (REDRAW_S if self.stream.isatty() else REPEAT_S) and done < total:
            return
        self._spoke = now
        left = ""
        if done - self._first >= 5 and done < total:
            seconds = (now - self._began) / (done - self._first) * (total - done)
            left = f" · about {seconds / 60:.0f} min left" if seconds >= 90 else f" · about {seconds:.0f} s left"
        self._write(f"{done}/{total} requests · {printable(arm)}{left}")

    def end(self) -> None:
        """Leave a clean line behind."""
        if self.stream.isatty():
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _write(self, line: str) -> None:
        self.stream.write(f"\r\x1b[K{line}" if self.stream.isatty() else f"{line}\n")
        self.stream.flush()
