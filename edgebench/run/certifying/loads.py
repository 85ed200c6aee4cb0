"""How punctual the sender is: open loops at a fixed rate, the reference sender in turn, and a server that freezes."""

from __future__ import annotations

import asyncio

import numpy as np

from edgebench.contracts import MOMENT
from edgebench.load.arrivals import Offsets
from edgebench.load.clock import now_ns
from edgebench.load.scenarios import Open
from edgebench.run.certifying.scoring import Check, Floats, check, quantile
from edgebench.run.certifying.subject import Asked, Subject
from edgebench.run.reference import Reference
from edgebench.run.truth import TruthServer
from edgebench.run.truth_modes import mode_of

S = 1_000_000_000
LAG_LIMIT_MS = 1.0


async def punctual(subject: Subject, server: TruthServer, mode: str, *, rate: float, seconds: float) -> list[Check]:
    """Send lag p99 at a constant rate, above that of the reference sender; and whether all was delivered on time."""
    name = f"{mode_of(mode).name}-{rate:g}-per-s"
    count = int(rate * seconds)
    await subject.ask(mode, subject.prompts(8), streams=8)  # connections that are open already are what is meant here
    asked = await drive(subject, mode, count, rate)
    reference, beside = await _reference(server, mode, count, rate)
    await server.ledger()
    lags = np.array([_lag_ns(one) for one in asked if one.calls]) / 1e6
    lost = sum(one.failure is not None for one in asked)
    delivered = _off([one.calls[0].sent_ns or 0 for one in asked if one.calls], rate)
    return [
        check(
            f"lag-{name}-p99",
            quantile(lags, 0.99),
            LAG_LIMIT_MS,
            n=len(lags),
            reference=quantile(reference, 0.99),
            note=f"sent − due, {rate:g} req/s for {seconds:g} s, {lost} lost",
        ),
        check(f"delivered-{name}-off", delivered, 0.1, unit="%", n=len(asked), reference=beside),
    ]


async def drive(subject: Subject, mode: str, count: int, rate: float) -> list[Asked]:
    """An open loop as a run drives it."""
    target, prompts, asked = await subject.open(mode), subject.prompts(count), list[Asked]()
    scenario = Open(f"constant({rate:g}/s)", even(count, rate))

    async def send(place: int, due_ns: int) -> None:
        moment = scenario.pace.moment(due_ns)
        MOMENT.set(moment)  # every request is a task of its own, with a context of its own
        await moment.ready()
        asked.append(await subject.once(target, prompts[place], due_ns))

    await scenario.drive(count, send, lambda: None)
    return asked


def even(count: int, rate: float) -> Offsets:
    """Evenly spaced arrivals, ns from the start."""
    return np.asarray(np.rint(np.arange(count) * (S / rate)), dtype=np.int64)


def _lag_ns(one: Asked) -> int:
    call = one.calls[0]
    if call.sent_ns is None:
        return 0
    return call.sent_ns - one.due_ns - call.waited_ns


def _off(sent: list[int], rate: float) -> float:
    """How far the rate of requests, first to last as sent, is from the one that was planned, %."""
    if len(sent) < 2 or max(sent) == min(sent):
        return float("nan")
    return 100 * abs((len(sent) - 1) / ((max(sent) - min(sent)) / S) / rate - 1)


async def _reference(server: TruthServer, mode: str, count: int, rate: float) -> tuple[Floats, float]:
    """A plain sender on this loop, its own timer and bare sockets, nothing else to do: lags (ms), error of its rate."""
    idle: asyncio.Queue[Reference] = asyncio.Queue()
    lags, sent = list[float](), list[int]()
    many = min(count, 64)

    async def fly(number: int, reference: Reference, due_ns: int) -> None:
        heard = await reference.ask(mode, f"reference {number} at {rate:g}")
        lags.append((heard.sent_ns - due_ns) / 1e6)
        sent.append(heard.sent_ns)
        idle.put_nowait(reference)

    references = [await Reference(server.port).__aenter__() for _ in range(many)]
    for reference in references:
        idle.put_nowait(reference)
    try:
        start_ns = now_ns()
        async with asyncio.TaskGroup() as group:
            for number, offset in enumerate(even(count, rate).tolist()):
                await asyncio.sleep((start_ns + offset - now_ns()) / S)
                group.create_task(fly(number, await idle.get(), start_ns + offset))
    finally:
        for reference in references:
            await reference.__aexit__()
    return np.array(lags), _off(sent, rate)


async def frozen(
    subject: Subject, *, freeze_ms: float = 1000.0, rate: float = 40.0, seconds: float = 4.0
) -> list[Check]:
    """The server stands still: whoever came meanwhile waited from the moment the request was due, and p99 shows it."""
    count, think_ms = int(rate * seconds), 5.0
    mode = f"frozen?freeze_after={count // 4}&freeze_ms={freeze_ms:g}&think_ms={think_ms:g}"
    asked = await drive(subject, mode, count, rate)
    latencies = np.array([((one.call.done_ns or 0) - one.due_ns) / 1e6 for one in asked if one.failure is None])
    true = expected(count, rate, freeze_ms, think_ms)
    value = 100 * abs(quantile(latencies, 0.99) / quantile(true, 0.99) - 1)
    note = f"{freeze_ms:g} ms at {rate:g} req/s; by calculation {quantile(true, 0.99):.4g} ms"
    return [check("frozen-p99-off", value, 2.0, unit="%", n=len(latencies), note=note)]


def expected(count: int, rate: float, freeze_ms: float, think_ms: float) -> Floats:
    """Latencies of evenly spaced requests when the server stands still at the request of number ``count // 4``, ms.

    A request that comes ``t`` after it froze waits ``freeze − t``, then thinks as all others do. One that came less
    than its thinking time before is held up too.
    """
    at_ms = np.arange(count) * 1000 / rate
    frozen_ms = at_ms[count // 4 - 1]
    wait = np.where((at_ms >= frozen_ms) & (at_ms < frozen_ms + freeze_ms), frozen_ms + freeze_ms - at_ms, 0.0)
    return np.asarray(wait + think_ms, dtype=np.float64)
