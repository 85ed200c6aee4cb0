"""Fitting: the smallest memory limit under which a target still runs at full speed, found by search.

Model: the ratio of a limited start's speed to that of the unlimited start beside it is log-normal around the true one;
starts are made in pairs, in alternating order, so that a machine that slows down slows both. Bounds of the ratio are
Student's t of the logs, 95 % one-sided each; looking after every pair makes them a little too bold, which the least
number of pairs keeps small. A limit *fits* when the lower bound is within the share asked for, is *too small* when the
upper bound is not, or when it failed, thrashed, or took twice as long; else it is *undecided*, and no answer.
Search: bisection of the logarithm of the limit between a floor and the most the unlimited start was charged. More
memory is taken never to be slower.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from edgebench.errors import NothingRan

MIB = 2**20
WITHIN = 0.05  # of full speed
FLOOR_BYTES = 16 * MIB  # no interpreter starts in less
RESOLUTION = 1.08  # the bracket's ends are at most this factor apart
LEAST_PAIRS, MOST_PAIRS = 4, 8  # looked at in even numbers: in those a steady drift cancels out
STEP_UP, MOST_STEPS_UP = 1.1, 4  # where nothing up to what an unlimited start was charged is enough
HALF = 0.5  # a single pair with a ratio below it needs no statistics
PATIENCE, GRACE_S = 2.0, 3.0  # a limited start may take this many times the longest unlimited one, and so much more
RESERVE_BYTES = 512 * MIB  # for a small board's system and services (assumed: a headless 64-bit Linux idles at half)
BOARDS_GIB = (1, 2, 4, 8)

Verdict = Literal["fits", "too small", "undecided"]


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the target under a limit: how fast each prompt was answered, and what it held."""

    limit_bytes: int | None  # None: unlimited
    speeds: tuple[float, ...] = ()  # by prompt: decoded tokens a second, or answers a second
    wall_s: float = 0.0
    failure: str | None = None
    peak_bytes: float | None = None
    anon_bytes: float | None = None
    file_bytes: float | None = None
    charged_bytes: float | None = None  # the most its control group was charged, page cache included
    beside_bytes: float | None = None  # library pages it uses that were charged to somebody else before
    limit_hits: float | None = None
    refaults: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One limit tried: its speed against an unlimited start's, and the last start under it."""

    limit_bytes: int
    verdict: Verdict
    ratio: float | None
    low: float | None  # 95 % one-sided bounds
    high: float | None
    pairs: int
    last: Start


@dataclass(frozen=True, slots=True)
class Board:
    """What it means for a board with so much memory."""

    gib: int
    fits: bool
    spare_bytes: float  # left beside the target and the reserve; negative: missing


@dataclass(frozen=True, slots=True)
class Fit:
    """The answer, and all that was tried on the way."""

    target: str
    unit: str  # of the speed: "tok/s" or "answers/s"
    full_speed: float  # median of the unlimited starts
    unlimited: Start
    limit_bytes: int | None  # smallest that fits; None: none that was tried did
    too_small_bytes: int | None  # largest that is too small; None: none was
    points: tuple[Point, ...]  # by limit
    boards: tuple[Board, ...]
    within: float = WITHIN
    reserve_bytes: int = RESERVE_BYTES

    @property
    def needed_bytes(self) -> float | None:
        """The limit and the libraries that were not charged to it."""
        return None if self.limit_bytes is None else self.limit_bytes + (self.unlimited.beside_bytes or 0.0)


#: starts the target under a limit (None: unlimited), for at most so many seconds (None: as long as it takes)
Starter = Callable[[int | None, float | None], Awaitable[Start]]


async def search(
    target: str,
    start: Starter,
    *,
    unit: str,
    within: float = WITHIN,
    told: Callable[[str], None] = lambda line: None,
) -> Fit:
    """Find the smallest limit within ``within`` of full speed.

    Raises
    ------
    NothingRan: the target does not run without a limit either, or nobody counts what it is charged.
    """
    told(f"{target}: without a limit …")
    first = _sound(await start(None, None))
    if first.charged_bytes is None:
        raise NothingRan(f"{target}: this system does not tell how much memory was charged, so there is nothing to fit")
    judge = _Judge(start, within, first, told)
    low, high = FLOOR_BYTES, _whole(first.charged_bytes)
    while high / low > RESOLUTION and (middle := _whole(math.sqrt(low * high))) not in (low, high):
        low, high = (low, middle) if (await judge.of(middle)).verdict == "fits" else (middle, high)
    for _ in range(MOST_STEPS_UP):  # the most that was charged differs from start to start
        if any(point.verdict == "fits" for point in judge.points):
            break
        await judge.of(high)
        high = _whole(high * STEP_UP)
    return _fit(target, unit, within, judge)


def boards(needed_bytes: float | None) -> tuple[Board, ...]:
    """Whether boards of 1, 2, 4 and 8 GiB hold it beside the reserve; empty when nothing fits anywhere."""
    if needed_bytes is None:
        return ()
    spare = [(gib, gib * 2**30 - RESERVE_BYTES - needed_bytes) for gib in BOARDS_GIB]
    return tuple(Board(gib, left >= 0, left) for gib, left in spare)


def bounds(ratios: Sequence[float]) -> tuple[float, float | None, float | None]:
    """Geometric mean of ratios and its 95 % one-sided bounds; none from a single one."""
    logs = np.log(np.asarray(ratios, dtype=float))
    centre = float(logs.mean())
    if len(logs) < 2:
        return math.exp(centre), None, None
    half = float(special.stdtrit(len(logs) - 1, 0.95)) * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    return math.exp(centre), math.exp(centre - half), math.exp(centre + half)


class _Judge:
    """Tries limits, each against unlimited starts of its own."""

    def __init__(self, start: Starter, within: float, first: Start, told: Callable[[str], None]) -> None:
        self._start, self._least, self._told = start, 1 - within, told
        self.unlimited = [first]
        self.points: list[Point] = []

    async def of(self, limit: int) -> Point:
        ratios: list[float] = []
        while True:
            limited, free = await self._pair(limit, limited_first=len(ratios) % 2 == 0)
            if limited.failure is not None or free is None:
                return self._point(limit, "too small", ratios, limited)
            ratios.append(float(np.median(np.asarray(limited.speeds) / np.asarray(free.speeds))))
            verdict = self._verdict(ratios)
            if verdict is not None:
                return self._point(limit, verdict, ratios, limited)

    async def _pair(self, limit: int, *, limited_first: bool) -> tuple[Start, Start | None]:
        """A limited and an unlimited start, the latter left out when the former failed already."""
        most_s = PATIENCE * max(one.wall_s for one in self.unlimited) + GRACE_S
        if limited_first:
            limited = await self._start(limit, most_s)
            if limited.failure is not None:
                return limited, None
            return limited, await self._free()
        free = await self._free()
        return await self._start(limit, most_s), free

    async def _free(self) -> Start:
        self.unlimited.append(_sound(await self._start(None, None)))
        return self.unlimited[-1]

    def _verdict(self, ratios: Sequence[float]) -> Verdict | None:
        """None: another pair is needed to tell."""
        if len(ratios) == 1:
            return "too small" if ratios[0] < HALF else None
        _, low, high = bounds(ratios)
        if len(ratios) < LEAST_PAIRS or len(ratios) % 2:
            return None
        if low is not None and high is not None:
            if low >= self._least:
                return "fits"
            if high < self._least:
                return "too small"
        return "undecided" if len(ratios) >= MOST_PAIRS else None

    def _point(self, limit: int, verdict: Verdict, ratios: Sequence[float], last: Start) -> Point:
        ratio, low, high = bounds(ratios) if ratios else (None, None, None)
        self.points.append(Point(limit, verdict, ratio, low, high, len(ratios), last))
        why = last.failure or (f"{ratio:.0%} of full speed" if ratio is not None else "")
        self._told(f"{limit / MIB:,.0f} MiB: {verdict} ({why})")
        return self.points[-1]


def _fit(target: str, unit: str, within: float, judge: _Judge) -> Fit:
    fitting = [point.limit_bytes for point in judge.points if point.verdict == "fits"]
    small = [point.limit_bytes for point in judge.points if point.verdict == "too small"]
    limit = min(fitting, default=None)
    below = [size for size in small if limit is None or size < limit]
    beside = [one.beside_bytes for one in judge.unlimited if one.beside_bytes is not None]
    needed = None if limit is None else limit + (max(beside) if beside else 0.0)
    return Fit(
        target=target,
        unit=unit,
        full_speed=float(np.median([np.median(one.speeds) for one in judge.unlimited])),
        unlimited=judge.unlimited[0],
        limit_bytes=limit,
        too_small_bytes=max(below, default=None),
        points=tuple(sorted(judge.points, key=lambda point: point.limit_bytes)),
        boards=boards(needed),
        within=within,
    )


def _sound(start: Start) -> Start:
    if start.failure is not None or not start.speeds:
        raise NothingRan(f"without a limit it does not run either: {start.failure or 'no request was answered'}")
    return start


def _whole(size: float) -> int:
    """Rounded to whole MiB, upwards."""
    return math.ceil(size / MIB) * MIB
