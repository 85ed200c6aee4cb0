"""How requests arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import pytest

from edgebench.load.clock import now_ns
from edgebench.load.pacing import Pacer
from edgebench.load.scenarios import AllAtOnce, Batches, Closed, Open
from edgebench.load.stopping import Stopping
from edgebench.records import Budget
from tests.load.virtual import VirtualLoop, run

NEVER = lambda: None  # noqa: E731  the shortest way to say it


@dataclass
class Driven:
    """What became of a schedule, in the order things happened."""

    index: list[int]
    due_ns: list[int]
    sent_ns: list[int]
    latency_s: list[float]


@pytest.mark.parametrize("users", [1, 3, 50])
async def test_every_request_is_issued_exactly_once(users: int) -> None:
    """Whatever the number of users, each index is sent once and counted."""
    sent: list[int] = []

    async def send(index: int, due_ns: int) -> None:
        await asyncio.sleep(0)
        sent.append(index)

    assert await Closed(users).drive(20, send, NEVER) == 20
    assert sorted(sent) == list(range(20))


async def test_no_more_requests_are_under_way_than_users() -> None:
    """A closed loop never has more requests in flight than it has users, and does reach that many."""
    flying, most = 0, 0

    async def send(index: int, due_ns: int) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(0.001)
        flying -= 1

    await Closed(3).drive(12, send, NEVER)
    assert most == 3


async def test_due_is_the_moment_the_slot_was_free() -> None:
    """With one user, a request is due when the answer before it came, not when it was planned."""
    free = now_ns()

    async def send(index: int, due_ns: int) -> None:
        nonlocal free
        assert due_ns >= free
        await asyncio.sleep(0.002)
        free = now_ns()

    await Closed(1).drive(5, send, NEVER)


async def test_a_stop_reason_ends_the_issuing() -> None:
    """Nothing is issued after there is a reason to stop; what is under way is finished."""
    stopping = Stopping(Budget())

    async def send(index: int, due_ns: int) -> None:
        if index == 3:
            stopping.interrupt()

    assert await Closed(1).drive(10, send, stopping) == 4
    assert stopping() == "interrupted"


def test_a_dollar_budget_stops_when_it_is_spent() -> None:
    """The reason names the budget, and stays."""
    stopping = Stopping(Budget(usd=0.01))
    stopping.spend(0.009)
    assert stopping() is None
    stopping.spend(0.002)
    assert stopping() == "budget: dollars"


def test_a_time_budget_stops_when_it_is_over() -> None:
    """Minutes are counted on the monotonic clock from the start of the segment."""
    assert Stopping(Budget(minutes=1), started_ns=now_ns() - 61_000_000_000)() == "budget: minutes"
    assert Stopping(Budget(minutes=1), started_ns=now_ns() - 59_000_000_000)() is None


# --------------------------------------------------------------------------------------------------- open loops


def opened(loop: VirtualLoop, offsets_s: list[float], cap: int = 256) -> Open:
    return Open("made up", np.rint(np.array(offsets_s) * 1e9).astype(np.int64), cap, Pacer(loop.clock))


def driven(offsets_s: list[float], answer: Callable[[VirtualLoop, int], Awaitable[None]], cap: int = 256) -> Driven:
    """Drive a schedule on a clock that is made up; ``answer`` is the server's part of each request."""

    async def scene(loop: VirtualLoop) -> Driven:
        scenario = opened(loop, offsets_s, cap)
        seen = Driven([], [], [], [])

        async def send(index: int, due_ns: int) -> None:
            moment = scenario.pace.moment(due_ns)
            await moment.ready()
            await moment.come()
            seen.index.append(index)
            seen.due_ns.append(due_ns)
            seen.sent_ns.append(loop.now_ns)
            await answer(loop, index)
            seen.latency_s.append((loop.now_ns - due_ns) / 1e9)

        assert await scenario.drive(len(offsets_s), send, NEVER) == len(offsets_s)
        return seen

    found: Driven = run(scene)
    return found


def test_every_request_leaves_at_its_moment_on_one_anchor() -> None:
    """Differences of due stamps are those of the schedule to the nanosecond; nothing leaves early or late."""
    offsets = [0.0, 0.0, 0.0031, 0.0032, 0.5, 7.25]

    async def answer(loop: VirtualLoop, index: int) -> None:
        await asyncio.sleep(0.2)

    seen = driven(offsets, answer)
    assert seen.index == [0, 1, 2, 3, 4, 5]
    assert [(due - seen.due_ns[0]) / 1e9 for due in seen.due_ns] == offsets
    assert all(0 <= sent - due < 1000 for sent, due in zip(seen.sent_ns, seen.due_ns, strict=True))


@pytest.mark.parametrize("slots", [1, 500])
def test_a_stall_of_five_seconds_is_in_the_p99(slots: int) -> None:
    """20 requests a second for a minute, a server that freezes for 5 s: p99 from the intended start is as it must be.

    One slot: the backlog drains by 0.05 − 0.02 s an arrival, so the twelfth slowest of 1,200 waited 5.02 − 11 × 0.03 s.
    Many slots: all end with the stall, and the twelfth slowest waited 5.02 − 11 × 0.05 s.
    """
    service_s, stall_s, begin_s = 0.02, 5.0, 20.0
    offsets = [k / 20 for k in range(1200)]

    async def scene(loop: VirtualLoop) -> list[float]:
        scenario, gate, latencies = opened(loop, offsets), asyncio.Semaphore(slots), list[float]()
        start = loop.now_ns + scenario.ahead_ns

        async def send(index: int, due_ns: int) -> None:
            await scenario.pace.moment(due_ns).come()
            async with gate:
                at_s = (loop.now_ns - start) / 1e9
                frozen_s = begin_s + stall_s - at_s if begin_s <= at_s < begin_s + stall_s else 0.0
                await asyncio.sleep(frozen_s + service_s)
            latencies.append((loop.now_ns - due_ns) / 1e9)

        await scenario.drive(len(offsets), send, NEVER)
        return latencies

    latencies = run(scene)
    assert len(latencies) == 1200
    analytic = stall_s + service_s - 11 * (0.05 - (service_s if slots == 1 else 0.0))
    assert sorted(latencies)[-12] == pytest.approx(analytic, rel=0.02)
    assert float(np.median(latencies)) == pytest.approx(service_s, rel=0.02)


def test_at_the_cap_requests_wait_and_keep_their_stamps() -> None:
    """Three in flight at most, nobody is dropped, and the time spent waiting for a place is in the latency."""
    flying = most = 0

    async def answer(loop: VirtualLoop, index: int) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        await asyncio.sleep(1.0)
        flying -= 1

    seen = driven([k / 10 for k in range(12)], answer, cap=3)
    assert most == 3
    assert sorted(seen.index) == list(range(12))
    assert [round((due - seen.due_ns[0]) / 1e9, 6) for due in sorted(seen.due_ns)] == [k / 10 for k in range(12)]
    expected = [k // 3 + (k % 3) / 10 - k / 10 + 1 for k in range(12)]
    assert seen.latency_s == pytest.approx(expected, abs=0.001)


def test_a_client_that_was_held_up_does_not_start_over() -> None:
    """After two seconds in which nothing could be sent, all that is late goes out at once, each with its own stamp."""
    seen = driven([k / 4 for k in range(20)], held_up)
    assert [round((due - seen.due_ns[0]) / 1e9, 6) for due in seen.due_ns] == [k / 4 for k in range(20)]
    late_s = [(sent - due) / 1e9 for sent, due in zip(seen.sent_ns, seen.due_ns, strict=True)]
    assert late_s[:5] == pytest.approx([0] * 5, abs=0.001)
    assert late_s[5:12] == pytest.approx([1.75 - k / 4 for k in range(7)], abs=0.02)
    assert late_s[13:] == pytest.approx([0] * 7, abs=0.001)


async def held_up(loop: VirtualLoop, index: int) -> None:
    if index == 4:
        loop.spend(2.0)


def test_an_open_loop_stops_when_there_is_a_reason() -> None:
    """What is not due yet is not issued; what is under way is finished."""

    async def scene(loop: VirtualLoop) -> tuple[int, list[int]]:
        stopping, ended = Stopping(Budget()), list[int]()
        scenario = opened(loop, [k / 10 for k in range(20)])

        async def send(index: int, due_ns: int) -> None:
            await scenario.pace.moment(due_ns).come()
            await asyncio.sleep(0.35)
            ended.append(index)
            if index == 2:
                stopping.interrupt()

        return await scenario.drive(20, send, stopping), ended

    issued, ended = run(scene)
    assert issued == 6
    assert ended == list(range(6))


async def test_a_schedule_too_short_is_a_fault() -> None:
    """Nothing is made up for requests without an arrival."""
    with pytest.raises(ValueError, match="cannot drive"):
        await Open("short", np.arange(3)).drive(4, nothing, NEVER)


async def nothing(index: int, due_ns: int) -> None:
    return None


async def test_batches_wait_for_all_of_a_batch() -> None:
    """Four at once, due together; the next four when all are answered."""
    dues: dict[int, int] = {}
    flying, most = 0, 0

    async def send(index: int, due_ns: int) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        dues[index] = due_ns
        await asyncio.sleep(0.001 * (index % 4))
        flying -= 1

    assert await Batches(4).drive(10, send, NEVER) == 10
    assert most == 4
    assert [len({dues[index] for index in batch}) for batch in (range(4), range(4, 8), range(8, 10))] == [1, 1, 1]
    assert dues[0] < dues[4] < dues[8]


async def test_batches_stop_between_batches() -> None:
    """A batch begun is finished."""
    stopping = Stopping(Budget())

    async def send(index: int, due_ns: int) -> None:
        stopping.interrupt()

    assert await Batches(4).drive(10, send, stopping) == 4


async def test_all_at_once_is_due_at_the_start() -> None:
    """One stamp for all, and no more under way than the cap."""
    dues: set[int] = set()
    flying, most = 0, 0

    async def send(index: int, due_ns: int) -> None:
        nonlocal flying, most
        flying += 1
        most = max(most, flying)
        dues.add(due_ns)
        await asyncio.sleep(0.001)
        flying -= 1

    assert await AllAtOnce(5).drive(20, send, NEVER) == 20
    assert (len(dues), most) == (1, 5)
