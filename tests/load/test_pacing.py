"""Waking at a moment, and making room for what is due."""

from __future__ import annotations

import asyncio
import sys

import pytest

from edgebench.load.clock import now_ns
from edgebench.load.pacing import AHEAD_NS, PATIENCE_NS, WORK_NS, KernelAlarm, LoopAlarm, Pacer, alarm
from tests.load.virtual import VirtualLoop, run

MS = 1_000_000


def test_everybody_is_woken_at_their_moment_in_order() -> None:
    """However they line up, and not a nanosecond early."""

    async def scene(loop: VirtualLoop) -> list[tuple[int, int]]:
        pacer, start = Pacer(loop.clock), loop.now_ns
        woken: list[tuple[int, int]] = []

        async def wait(after_ms: int) -> None:
            await pacer.until(start + after_ms * MS)
            woken.append((after_ms, loop.now_ns - start))

        await asyncio.gather(*(wait(after) for after in (30, 10, 20, 10, 0)))
        pacer.close()
        return woken

    woken = run(scene)
    assert [after for after, _ in woken] == [0, 10, 10, 20, 30]
    assert all(0 <= at - after * MS < 1000 for after, at in woken)


def test_room_is_the_time_until_something_is_due_as_far_as_is_known() -> None:
    """Nothing waiting: as far ahead as requests are made ready; something due in 3 ms: that, whatever is not urgent."""

    async def scene(loop: VirtualLoop) -> tuple[int, int]:
        pacer, start = Pacer(loop.clock), loop.now_ns
        alone = pacer.room()
        waiting = [
            asyncio.create_task(pacer.until(start + 1 * MS, urgent=False)),
            asyncio.create_task(pacer.until(start + 3 * MS)),
        ]
        await asyncio.sleep(0)
        beside = pacer.room()
        await asyncio.gather(*waiting)
        pacer.close()
        return alone, beside

    assert run(scene) == (AHEAD_NS, 3 * MS)


def test_work_waits_until_nothing_is_due_soon() -> None:
    """With something due within the time work takes, work begins after it; else at once."""

    async def scene(loop: VirtualLoop) -> tuple[int, int]:
        pacer, start = Pacer(loop.clock), loop.now_ns
        await pacer.calm()
        at_once = loop.now_ns - start
        due = asyncio.create_task(pacer.until(start + WORK_NS // 2))
        await asyncio.sleep(0)
        await pacer.calm()
        assert due.done()
        pacer.close()
        return at_once, loop.now_ns - start

    at_once, after = run(scene)
    assert at_once == 0
    assert WORK_NS // 2 <= after < WORK_NS


def test_pieces_of_work_are_done_one_at_a_time_the_most_pressing_first() -> None:
    """A request that is soon due is made ready before an answer is read; between two pieces what is due goes first."""

    async def scene(loop: VirtualLoop) -> list[str]:
        pacer, start = Pacer(loop.clock), loop.now_ns
        done: list[str] = []

        async def work(name: str, latest_ns: int | None) -> None:
            await pacer.calm(latest_ns)
            loop.spend(0.002)
            done.append(name)

        async def send(name: str, after_ns: int) -> None:
            await pacer.until(start + after_ns)
            done.append(name)

        sends = [asyncio.create_task(send("due", WORK_NS // 2)), asyncio.create_task(send("due later", 3 * MS))]
        await asyncio.sleep(0)
        await asyncio.gather(work("read", None), work("make ready", start + 20 * MS), *sends)
        pacer.close()
        return done

    assert run(scene) == ["due", "make ready", "due later", "read"]


def test_work_that_finds_no_calm_is_done_all_the_same() -> None:
    """Patience ends, however much is due."""

    async def scene(loop: VirtualLoop) -> int:
        pacer, start = Pacer(loop.clock), loop.now_ns
        step = WORK_NS // 3
        dues = [asyncio.create_task(pacer.until(start + (k + 1) * step)) for k in range(2 * PATIENCE_NS // step)]
        await asyncio.sleep(0)
        await pacer.calm()
        waited = loop.now_ns - start
        await asyncio.gather(*dues)
        pacer.close()
        return waited

    assert PATIENCE_NS <= run(scene) <= PATIENCE_NS + WORK_NS


async def test_closing_lets_everybody_go() -> None:
    """Nobody waits for an alarm that is gone, and one who was cancelled hurts nobody."""
    pacer = Pacer()
    waiting = [asyncio.create_task(pacer.until(now_ns() + 60_000 * MS)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    await asyncio.sleep(0)
    pacer.close()
    pacer.close()
    assert [isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*waiting, return_exceptions=True)]


@pytest.mark.parametrize("kind", ["kernel", "loop"])
async def test_a_real_alarm_rings_once_and_never_early(kind: str) -> None:
    """Set, set anew, taken back: it rings for the last setting only, at or after its moment."""
    if kind == "kernel" and sys.platform != "linux":
        pytest.skip("timerfd is Linux's")
    rung: list[int] = []
    loop_alarm = LoopAlarm(now_ns, lambda: rung.append(now_ns()))
    one = KernelAlarm(lambda: (rung.append(now_ns()), one.set(None))) if kind == "kernel" else loop_alarm  # type: ignore[func-returns-value]
    try:
        moment = now_ns() + 20 * MS
        one.set(moment + 10_000 * MS)
        one.set(moment)
        await asyncio.sleep(0.08)
        assert len(rung) == 1
        assert rung[0] >= moment
        one.set(now_ns() - 5 * MS)  # the past rings at once
        await asyncio.sleep(0.02)
        assert len(rung) == 2
        one.set(now_ns() + 10 * MS)
        one.set(None)
        await asyncio.sleep(0.03)
        assert len(rung) == 2
    finally:
        one.close()


async def test_a_clock_of_ones_own_gets_the_loops_timers() -> None:
    """Only the system's clock is watched by the kernel."""
    one = alarm(lambda: 0, lambda: None)
    assert isinstance(one, LoopAlarm)
    one.close()
