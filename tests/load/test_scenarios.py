"""How requests arrive."""

from __future__ import annotations

import asyncio

import pytest

from edgebench.load.clock import now_ns
from edgebench.load.scenarios import Closed
from edgebench.load.stopping import Stopping
from edgebench.records import Budget

NEVER = lambda: None  # noqa: E731  the shortest way to say it


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
