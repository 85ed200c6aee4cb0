"""When bytes come out of a network: pure functions of when they went in, of a shape and of a seed.

Model. Each direction is one lane that all connections share: bytes pass it one after another at its rate, and then
travel half the round trip. What arrives on a connection while nothing of it is held up is a burst; on its way back to
the client each burst is held up by one draw of jitter, so that a round trip takes ``rtt_ms`` and one draw, and
whatever follows while it is held up leaves with it: first in, first out, always. A share of the bursts, each way, is
stalled: that is how a lost last packet looks to whoever reads the stream (a loss in the middle of a long transfer is
mended within a round trip by TCP's fast retransmit, and does not show). Standard library only: the relay's process
imports this.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

Direction = Literal["up", "down"]
NOTHING_HELD = -1
#: shares of round trips that take longer than the three figures of a table
BEYOND = (0.5, 0.1, 0.01)
#: nobody measured what lies beyond the p99: it goes on as steeply up to here, and no further
TAIL_END = 0.001


@dataclass(frozen=True, slots=True)
class Shape:
    """A network as the relay needs it."""

    down_mbit_s: float
    up_mbit_s: float
    rtt_ms: float
    jitter_ms: tuple[float, ...] = ()  # p50, p90, p99 of what a round trip takes above rtt_ms; or nothing
    stall_share: float = 0.0  # of bursts, each way
    stall_ms: tuple[float, float] = (0.0, 0.0)  # least, most
    outages_per_hour: float = 0.0
    outage_s: float = 0.0

    @property
    def one_way_ns(self) -> int:
        return int(self.rtt_ms * 1e6 / 2)

    def ns_per_byte(self, direction: Direction) -> float:
        return 8e3 / (self.down_mbit_s if direction == "down" else self.up_mbit_s)

    def without_outages(self) -> Shape:
        return replace(self, outages_per_hour=0.0)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Shape:
        given: dict[str, Any] = json.loads(text)
        for name in ("jitter_ms", "stall_ms"):
            given[name] = tuple(given[name])
        return cls(**given)


def quantile(table: Sequence[float], beyond: float) -> float:
    """What the share ``beyond`` (0 … 1) of all draws exceeds, in the table's unit.

    Between its figures the distribution is exponential (linear in the logarithm of the share that is longer), from 0
    for the luckiest; beyond the p99 the last piece goes on up to one in a thousand.
    """
    if not table:
        return 0.0
    points = [(0.0, 0.0), *((-math.log(share), value) for share, value in zip(BEYOND, table, strict=True))]
    x = -math.log(max(beyond, TAIL_END))
    place = next((k for k in range(1, len(points)) if x <= points[k][0]), len(points) - 1)
    (x0, y0), (x1, y1) = points[place - 1], points[place]
    return y0 + (y1 - y0) * (x - x0) / (x1 - x0)


def delays(shape: Shape, key: str, direction: Direction) -> Iterator[int]:
    """What the bursts of one connection are held up for, in order (ns): the same for the same key, whenever they come.

    Jitter is of round trips, and all of it is drawn on the way back to the client.
    """
    rng = random.Random(f"{key}/{direction}")
    table = shape.jitter_ms if direction == "down" else ()
    while True:
        beyond, stalls, length = 1 - rng.random(), rng.random(), rng.random()  # always three: one never moves another
        held_ms = quantile(table, beyond)
        if stalls < shape.stall_share:
            held_ms += shape.stall_ms[0] + (shape.stall_ms[1] - shape.stall_ms[0]) * length
        yield int(held_ms * 1e6)


def outages(shape: Shape, key: str) -> Iterator[tuple[int, int]]:
    """(beginning, end) of every outage, in ns from the start of the relay; gaps between them are exponential."""
    rng = random.Random(f"{key}/outages")
    at_ns = 0
    while shape.outages_per_hour > 0:
        at_ns += int(rng.expovariate(shape.outages_per_hour / 3600) * 1e9)
        yield at_ns, (at_ns := at_ns + int(shape.outage_s * 1e9))


class Lane:
    """One direction, shared by all connections: bytes pass one after another."""

    def __init__(self, ns_per_byte: float, one_way_ns: int) -> None:
        self._ns_per_byte, self.one_way_ns = ns_per_byte, one_way_ns
        self.free_ns = 0  # when the last byte booked so far has passed

    def passed(self, arrival_ns: int, size: int) -> int:
        """Book so many bytes; returns when the last of them has passed."""
        self.free_ns = max(self.free_ns, arrival_ns) + round(size * self._ns_per_byte)
        return self.free_ns


class Flow:
    """One direction of one connection: bursts, what holds them up, and never one byte before an earlier one."""

    def __init__(self, lane: Lane, held_up: Iterator[int]) -> None:
        self._lane, self._held_up = lane, held_up
        self._until_ns = NOTHING_HELD

    def departs(self, arrival_ns: int, size: int) -> int:
        """When what arrives now comes out at the other end."""
        passed_ns = self._lane.passed(arrival_ns, size)
        if arrival_ns > self._until_ns:
            self._until_ns = passed_ns + next(self._held_up)
        else:
            self._until_ns = max(self._until_ns, passed_ns)
        return self._until_ns + self._lane.one_way_ns
