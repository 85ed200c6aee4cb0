"""The wall clock is set while requests are under way: no duration moves, no stamp leaves its place."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebench.records import Call, Chunk, Message, Parts, Request, TargetSpec
from edgebench.targets.openai_compatible import target
from tests import servers
from tests.faults.scenes import carried_out, endpoint, plan, truth_process

HOUR_NS = 3_600 * 10**9


class Wall:
    """A wall clock that can be set, as this process sees it. ``kernel_too``: packets are stamped by the new time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, kernel_too: bool) -> None:
        self.ahead_ns = 0
        true_ns: Callable[[], int] = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: true_ns() + self.ahead_ns)
        monkeypatch.setattr(time, "time", lambda: (true_ns() + self.ahead_ns) / 1e9)
        if kernel_too and sys.platform == "linux":
            monkeypatch.setattr(socket.socket, "recvmsg", self._received(socket.socket.recvmsg))

    def _received(self, recvmsg: Callable[..., Any]) -> Callable[..., Any]:
        def stamped_anew(sock: socket.socket, *sizes: int) -> Any:
            data, ancillary, flags, address = recvmsg(sock, *sizes)
            moved = [(level, kind, self._moved(value)) for level, kind, value in ancillary]
            return data, moved, flags, address

        return stamped_anew

    def _moved(self, stamp: bytes) -> bytes:
        seconds, nanoseconds = struct.unpack("@ll", stamp)
        return struct.pack("@ll", *divmod(seconds * 10**9 + nanoseconds + self.ahead_ns, 10**9))


def in_order(call: Call) -> bool:
    assert call.sent_ns is not None and call.first_ns is not None and call.end_ns is not None
    stamps = [call.due_ns, call.sent_ns, call.first_ns, *call.chunk_ns, call.end_ns]
    return stamps == sorted(stamps)


@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS, 300 * 10**6, -300 * 10**6])
def test_a_wall_clock_set_during_a_run_moves_no_duration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_ns: int
) -> None:
    """Set again after every second answer, by an hour or by less than a second: each request takes what it takes."""
    wall = Wall(monkeypatch, kernel_too=True)

    def stepping(done: int, total: int, arm: str) -> None:
        if done % 2:
            wall.ahead_ns += step_ns

    with truth_process() as (_, port):
        target = endpoint(port, "fixed?chunks=3&first_ms=20&gap_ms=10")
        finished, run = carried_out(plan(tmp_path, {"cloud": target}, items=10), tmp_path, stepping)
    calls = [record.calls[-1] for record in run.records]
    assert finished.why == "complete" and all(call.failure is None for call in calls)
    assert all(in_order(call) for call in calls)
    for call in calls:
        assert call.sent_ns is not None and call.done_ns is not None and call.first_ns is not None
        assert 19e6 < call.first_ns - call.sent_ns < 2e9
        assert 38e6 < call.done_ns - call.sent_ns < 2e9


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux stamps in the kernel, by the wall clock")
@pytest.mark.parametrize("step_ns", [5 * 10**9, -5 * 10**9, 20 * 10**6, -20 * 10**6])
async def test_a_step_between_the_kernels_stamp_and_its_conversion_is_seen(
    monkeypatch: pytest.MonkeyPatch, step_ns: int
) -> None:
    """Set in the middle of a stream: those stamps are taken by ourselves, and say so, instead of being wrong."""
    wall = Wall(monkeypatch, kernel_too=False)

    def reply(request: servers.Received) -> servers.Reply:
        wall.ahead_ns = 0
        return servers.stream(["a", "b", "c", "d"], delay_s=0.03)

    with servers.Server(reply) as server:
        parts = Parts("cloud", TargetSpec("openai", model="m", base_url=server.base_url))
        async with target(parts) as opened:
            chunks: list[Chunk] = []
            stamps: list[str] = []
            for when in (None, 0.075):
                if when is not None:
                    server._loop.call_later(when, setattr, wall, "ahead_ns", step_ns)
                question = Request((Message("user", "hi"),), "hi", timeout_s=5.0)
                heard = [chunk async for chunk in opened.answer(question)]
                assert heard[-1].completion is not None
                stamps.append(heard[-1].completion.stamp)
                chunks += heard
    written = server.ledger.stamps("text")
    late = [chunk.at_ns - at_ns for chunk, at_ns in zip((one for one in chunks if one.text), written, strict=True)]
    assert stamps == ["kernel", "user"]
    assert all(-1e6 < one < 15e6 for one in late), late
