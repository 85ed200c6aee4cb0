"""Open loop: rate delivered and send lag, one process, beside a bare asyncio sender on the same schedule"""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.result import Result
from edgebench import plugins
from edgebench.load.arrivals import Offsets, poisson
from edgebench.load.pacing import AHEAD_NS, Pacer
from edgebench.load.scenarios import Open
from edgebench.load.stopping import Stopping
from edgebench.metrics import verdict
from edgebench.records import (
    Budget,
    Item,
    Parts,
    Plan,
    Record,
    Segment,
    TargetSpec,
    Task,
    Trial,
    Workload,
    WorkloadSpec,
)
from edgebench.run.trials import Setting, run_trial
from edgebench.run.truth import TruthServer
from edgebench.stats import rates
from edgebench.store import open_store
from edgebench.workloads import prompting

RATES = (50, 100, 200, 400, 700, 1000)
SECONDS = 6.0
KINDS = {"streaming 16 chunks": "fixed?chunks=16&first_ms=20&gap_ms=4", "plain": "plain?think_ms=5"}
GOALS = {"streaming 16 chunks": 200, "plain": 400}  # up to this rate, lag p99 is to be within 1 ms of the reference's
OFF_MOST = 0.001  # delivered ≠ planned


@dataclass(frozen=True)
class Sent:
    """What a sender did with a schedule: lags in ms, the rate it delivered, its median latency in ms."""

    lag_ms: np.ndarray
    rate: float
    latency_ms: float

    def p(self, q: float) -> float:
        return float(np.quantile(self.lag_ms, q, method="higher"))

    def kept_up(self, planned: float) -> bool:
        """Whether a run would believe it: the verdict's own limits and test."""
        late = int((self.lag_ms > max(verdict.LAG_FLOOR_MS, verdict.LAG_SHARE * self.latency_ms)).sum())
        on_time = rates.exceedances(late, len(self.lag_ms), verdict.LATE_ALLOWED) != "missed"
        return on_time and abs(self.rate / planned - 1) <= verdict.RATE_OFF


def measure() -> list[Result]:
    return asyncio.run(_measure())


async def _measure() -> list[Result]:
    out: list[Result] = []
    async with TruthServer() as server:
        for kind, mode in KINDS.items():
            saturated: int | None = None
            for rate in RATES:
                offsets = poisson(rate, int(rate * SECONDS), np.random.default_rng([1, rate]))
                planned = _rate(offsets)
                bare = await reference(server.port, mode, offsets)
                ours = await through_edgebench(server.base_url, mode, offsets)
                await server.ledger()  # it is not to grow from point to point
                kept = ours.kept_up(planned)
                saturated = saturated or (None if kept else rate)
                out += _lines(kind, rate, bare, ours, planned, kept=kept)
            beyond = saturated or float("inf")
            out.append(Result(f"{kind}: first rate at which a run calls itself INVALID", beyond, "/s", len(RATES)))
    return out


def _lines(kind: str, rate: int, bare: Sent, ours: Sent, planned: float, *, kept: bool) -> list[Result]:
    n, goal = len(ours.lag_ms), GOALS[kind]
    excess = ours.p(0.99) - bare.p(0.99)
    spread = f"p50 {ours.p(0.5):.3f}; reference p50 {bare.p(0.5):.3f}, p99 {bare.p(0.99):.3f}"
    judged = rate <= goal
    return [
        Result(
            f"{kind}, {rate}/s: send lag p99 above the reference's",
            excess,
            "ms",
            n,
            spread,
            "≤ 1" if judged else "",
            excess <= 1 if judged else None,
        ),
        Result(
            f"{kind}, {rate}/s: delivered / planned rate",
            ours.rate / planned,
            "",
            n,
            f"reference {bare.rate / planned:.5f}; {'VALID' if kept else 'INVALID'}",
            "within 0.1 %" if judged else "",
            abs(ours.rate / planned - 1) <= OFF_MOST if judged else None,
        ),
    ]


def _rate(stamps: np.ndarray | Offsets) -> float:
    return (len(stamps) - 1) / (float(stamps.max() - stamps.min()) / 1e9)


# ------------------------------------------------------------------------------------------------- through EdgeBench


async def through_edgebench(base_url: str, mode: str, offsets: Offsets) -> Sent:
    """The whole path: run_trial → prompting → asking → target → wire → store."""
    items = tuple(Item(f"i{k}", f"request {k}: where is my parcel?") for k in range(len(offsets) + 1))
    job = Workload("rate", items, Task(instruction="Answer in a sentence.", max_tokens=32), ())
    spec = TargetSpec(
        kind="openai", model=mode, base_url=base_url, retries=0, options={"stream": not mode.startswith("plain")}
    )
    plan = Plan("?", WorkloadSpec(builtin="rate"), {"t": spec})
    trial = Trial("t", "t · zero-shot", "t", "zero-shot", 0, 0, 0, tuple(item.digest for item in items))
    ask = prompting.build("zero-shot")(job, np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "runs.db") as store:
        store.begin("r", plan, job, [trial], created_at="2026-11-22T12:00:00Z")
        store.add_segment("r", Segment("s", 1, "2026-11-22T12:00:00Z", 0))
        setting = Setting("r", "s", store, (), Open("poisson", offsets), Stopping(Budget()), retries=0, timeout_s=30.0)
        make = plugins.find("targets", "openai")
        await run_trial(
            trial,
            list(enumerate(items)),
            target=lambda: make(Parts("t", spec)),
            prompting=ask,
            setting=setting,
        )
        return _sent([record for record in store.load("r").records if not record.cold])


def _sent(records: list[Record]) -> Sent:
    failed = [record.failure.kind for record in records if record.failure]
    assert not failed, f"{len(failed)} requests failed: {set(failed)}"
    lags = [record.sent_ns - record.due_ns - _network_ns(record) for record in records if record.sent_ns is not None]
    sent = np.array([record.sent_ns - _network_ns(record) for record in records if record.sent_ns is not None])
    latency = np.median([record.done_ns - record.due_ns for record in records if record.done_ns is not None])
    return Sent(np.array(lags) / 1e6, _rate(sent), float(latency) / 1e6)


def _network_ns(record: Record) -> int:
    return record.calls[0].waited_ns


# ------------------------------------------------------------------------------------------------- the reference


async def reference(port: int, mode: str, offsets: Offsets) -> Sent:
    """The least that can send on time and read the answers: bare sockets, woken by the same alarm."""
    loop, pacer = asyncio.get_running_loop(), Pacer()
    idle: list[socket.socket] = []
    lags: list[int] = []
    sent: list[int] = []
    latencies: list[int] = []
    payload = _payload(mode)

    async def one(due_ns: int) -> None:
        sock = idle.pop() if idle else await _connected(port)
        lags.append(time.monotonic_ns() - due_ns)
        sent.append(time.monotonic_ns())
        sock.send(payload)
        answered = loop.create_future()
        body = bytearray()

        def readable() -> None:
            body.extend(sock.recv(2**18))
            if body.endswith(_END) or _is_whole(body):
                loop.remove_reader(sock)
                answered.set_result(None)

        loop.add_reader(sock, readable)
        await answered
        latencies.append(time.monotonic_ns() - due_ns)
        idle.append(sock)

    idle.extend([await _connected(port) for _ in range(64)])
    anchor_ns = time.monotonic_ns() + AHEAD_NS
    async with asyncio.TaskGroup() as group:
        for offset_ns in offsets.tolist():
            await pacer.until(anchor_ns + offset_ns)
            group.create_task(one(anchor_ns + offset_ns))
    pacer.close()
    for sock in idle:
        sock.close()
    return Sent(np.array(lags) / 1e6, _rate(np.array(sent)), float(np.median(latencies)) / 1e6)


_END = b"\r\n0\r\n\r\n"


def _is_whole(body: bytearray) -> bool:
    head, found, rest = body.partition(b"\r\n\r\n")
    place = head.lower().find(b"content-length:")
    return bool(found) and place >= 0 and len(rest) >= int(head[place + 15 :].split(b"\r\n", 1)[0])


def _payload(mode: str) -> bytes:
    body = {"model": mode, "messages": [{"role": "user", "content": "where is my parcel?"}], "max_tokens": 32}
    if not mode.startswith("plain"):
        body |= {"stream": True}
    text = json.dumps(body).encode()
    head = ["POST /v1/chat/completions HTTP/1.1", "Host: t", "Content-Type: application/json"]
    return "\r\n".join([*head, f"Content-Length: {len(text)}", "", ""]).encode() + text


async def _connected(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    return sock
