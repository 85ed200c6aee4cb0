"""CPU of the client for one streamed chunk, over real sockets: ours, the openai client's, a bare reader, other tools

Four streams × 100 tokens a second from the truth server. The first three are clients in processes of their own that
take turns; the CPU of a short round is taken from a long one's, so that what a request costs is not in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from benchmarks import whole
from benchmarks.clients import LABELS, NAMES, Client, in_turns
from benchmarks.result import Result, absent, of
from edgebench.run.truth import TruthServer

STREAMS = 4
LONG, SHORT = 240, 40  # tokens
ROUNDS = 5
PLAIN = 40  # requests of a stream in a round of answers that are not streamed


def measure() -> list[Result]:
    return asyncio.run(_clients()) + _tools()


async def _clients() -> list[Result]:
    chunk_us: dict[str, list[float]] = {name: [] for name in NAMES}
    plain_us: dict[str, list[float]] = {name: [] for name in NAMES}
    async with TruthServer() as server:
        for number, client in in_turns(server.base_url, ROUNDS):
            streamed, plain = _round(client)
            await server.ledger()  # or it grows
            if number:
                chunk_us[client.name].append(streamed)
                plain_us[client.name].append(plain)
    return [
        *(of(f"per chunk, {LABELS[name]}", chunk_us[name], "µs") for name in NAMES),
        *_ratios("per chunk", chunk_us, bare=2.0, typed=1 / 3),
        *(of(f"per request not streamed, {LABELS[name]}", plain_us[name], "µs") for name in NAMES),
        *_ratios("per request", plain_us),
    ]


def _round(client: Client) -> tuple[float, float]:
    """CPU µs per streamed chunk and per plain request."""
    long, short = (client.ask(f"fixed?chunks={n}&first_ms=20&gap_ms=10", streams=STREAMS) for n in (LONG, SHORT))
    plain = client.ask("plain?think_ms=5", streams=STREAMS, requests=PLAIN, streamed=False)
    chunks = sum(len(one.stamps) for one in long.answers) - sum(len(one.stamps) for one in short.answers)
    return (long.cpu_s - short.cpu_s) / chunks * 1e6, plain.cpu_s / len(plain.answers) * 1e6


def _ratios(what: str, cost: dict[str, list[float]], **goals: float) -> list[Result]:
    """Ours to the others', round by round."""
    return [
        of(
            f"{what}, EdgeBench / {LABELS[other]}",
            [ours / theirs for ours, theirs in zip(cost["ours"], cost[other], strict=True)],
            "",
            at_most=goals.get(other),
        )
        for other in ("bare", "typed")
    ]


def _tools() -> list[Result]:
    """Whole tools: all their processes, a run of long answers less a run of short ones, over the chunks between."""
    results: list[Result] = []
    for tool in whole.TOOLS:
        what = f"per chunk, all of {tool.name}"
        try:
            long, short = whole.seen(tool, whole.LONG), whole.seen(tool, whole.SHORT)
        except whole.ToolFailed as error:
            results.append(absent(what, str(error)))
            continue
        chunks = long.chunks - short.chunks
        note = f"{long.cpu_s:.1f} s of CPU for {long.chunks:,} chunks, {short.cpu_s:.1f} s for {short.chunks:,}"
        results.append(Result(what, (long.cpu_s - short.cpu_s) / chunks * 1e6, "µs", chunks, note=note))
    return results + list(_over_ours(results))


def _over_ours(results: Sequence[Result]) -> Iterator[Result]:
    """The peers' figures over EdgeBench's, which comes first; none where one of the two is absent."""
    ours = results[0].value
    for one in results[1:]:
        if one.value is not None and ours is not None:
            yield Result(f"{one.what} / all of EdgeBench", one.value / ours, "", one.n)
