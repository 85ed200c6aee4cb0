"""Token bytes into text as it streams: whole characters only, and nothing beyond a stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class Pieces:
    """Bytes in, text out. The texts given out concatenate to the answer.

    A character may be spread over several tokens: its bytes wait for the rest. What could be the beginning of a
    stop string waits too, and is never shown if the rest follows.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self.stopped = False
        self._stops = tuple(stops)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def add(self, piece: bytes) -> str:
        """The text that is sure now, maybe empty."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(piece)
        found = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._give(min(found))
        return self._give(len(self._held) - self._maybe_stop())

    def end(self) -> str:
        """What was held back, now that nothing follows; half a character becomes a replacement mark."""
        if self.stopped:
            return ""
        self._held += self._decoder.decode(b"", final=True)
        return self._give(len(self._held))

    def _give(self, count: int) -> str:
        given, self._held = self._held[:count], self._held[count:]
        return given

    def _maybe_stop(self) -> int:
        """Length of the longest end of the held text that begins a stop string."""
        lengths = (n for stop in self._stops for n in range(1, len(stop)) if self._held.endswith(stop[:n]))
        return max(lengths, default=0)
