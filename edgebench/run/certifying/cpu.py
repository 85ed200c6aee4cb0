"""What a streamed chunk costs our client in CPU, against a bare reader that takes turns with it in this process.

CPU time of the process for a round of long answers, less that for a round of short ones, over the chunks between:
what a request costs is not in it. Both are slowed by the same machine, so the ratio is the figure.

Recorded, not judged: on a quiet machine medians of five rounds differed by a tenth of the limit and lay beside it, so
a verdict would be a toss. Longer rounds in processes apart are the benchmarks' (stream_cpu).
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from edgebench.run.certifying.bare import END, connected
from edgebench.run.certifying.scoring import Check, check
from edgebench.run.certifying.subject import Subject
from edgebench.run.truth import TruthServer

NAME = "client-cpu-per-chunk-ratio"
STREAMS = 4
LIMIT = 2.0
Round = Callable[[str, int], Awaitable[bool]]  # (mode, chunks) → whether every answer came whole


async def per_chunk(
    subject: Subject, server: TruthServer, *, rounds: int = 5, long: int = 120, short: int = 20
) -> list[Check]:
    """Ours over the bare reader's, medians of rounds that alternate; 4 streams × 100 tokens a second."""
    readers = [await connected(server.port) for _ in range(STREAMS)]

    async def ours(mode: str, chunks: int) -> bool:
        asked = await subject.ask(mode, subject.prompts(STREAMS), streams=STREAMS)
        return all(one.failure is None and len(one.call.chunk_ns) == chunks for one in asked)

    async def bare(mode: str, chunks: int) -> bool:
        pairs = zip(readers, subject.prompts(STREAMS), strict=True)
        answers = await asyncio.gather(*(one.ask(mode, prompt) for one, prompt in pairs))
        return all(answer.endswith(END) and answer.count(b"data: ") >= chunks for answer in answers)

    for chunks in (long, short):
        await subject.open(_mode(chunks))
    try:
        costs = [(await _us(ours, long, short), await _us(bare, long, short)) for _ in range(rounds)]
    finally:
        for reader in readers:
            reader.transport.close()
    await server.ledger()
    return [_figure(costs, STREAMS * (long - short))]


def _mode(chunks: int) -> str:
    return f"fixed?chunks={chunks}&first_ms=20&gap_ms=10"


async def _us(client: Round, long: int, short: int) -> float:
    """CPU µs for a chunk; not a number when an answer was cut short."""
    spent, whole = [], True
    for chunks in (long, short):
        before = time.process_time_ns()
        whole = await client(_mode(chunks), chunks) and whole
        spent.append(time.process_time_ns() - before)
    return (spent[0] - spent[1]) / (STREAMS * (long - short)) / 1000 if whole else float("nan")


def _figure(costs: list[tuple[float, float]], chunks: int) -> Check:
    """Of the rounds that came whole; with fewer than half of them there is no figure."""
    good = [(ours, bare) for ours, bare in costs if ours == ours and bare == bare]
    if not good or 2 * len(good) < len(costs):
        return check(NAME, float("nan"), LIMIT, unit="", n=0, note="answers were cut short", judged=False)
    ours, bare = (statistics.median(column) for column in zip(*good, strict=True))
    value = ours / bare if bare > 0 else float("nan")
    each = sorted(one / other for one, other in good if other > 0)
    note = f"{ours:.3g} µs a chunk, a bare reader {bare:.3g} µs; {len(good)} rounds"
    note += f" from {each[0]:.2f} to {each[-1]:.2f}" if each else ""
    return check(NAME, value, LIMIT, unit="", n=len(good) * chunks, note=note, judged=False)
