"""Timing error against the truth server's ledger, event by event; and the time to the first token as tools report it

The truth server stamps every write before it hands it to the kernel; an error is a client's stamp less that one. Four
streams, a token each 10 ms. Quantiles of the time to the first token are compared by one definition on both sides
(linear between order statistics), so that only timing differs, not how a tool interpolates. EdgeBench counts from the
moment a request was due, the others from their own sending; its cold request, which it reports apart, is left out.
Three of its forty open a connection, which is in first − due and cannot be in the ledger; with connections kept it is
``reported-ttft`` of the certificate.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np

from benchmarks import whole
from benchmarks.clients import LABELS, NAMES, Round, in_turns
from benchmarks.result import Result, absent
from edgebench.run.truth import Entry, TruthServer, by_prompt

STREAMS = 4
TOKENS = 200
ROUNDS = 4
QUANTILES = (0.5, 0.95, 0.99)
GOALS_MS = {0.5: 0.05, 0.99: 0.25}  # of ours
TTFT_MS = 1.0
STAMPED = {
    "ours": "stamps of the kernel where it gives them",
    "typed": "user-space stamps",
    "bare": "user-space stamps",
}


def measure() -> list[Result]:
    return asyncio.run(_clients()) + [row for tool in whole.TOOLS for row in _tool(tool)]


async def _clients() -> list[Result]:
    errors_ms: dict[str, list[float]] = {name: [] for name in NAMES}
    async with TruthServer() as server:
        for number, client in in_turns(server.base_url, ROUNDS):
            heard = client.ask(f"fixed?chunks={TOKENS}&first_ms=50&gap_ms=10", streams=STREAMS)
            missed_by = errors(heard, await server.ledger())
            errors_ms[client.name] += missed_by if number else []
    found = {name: [float(one) for one in np.quantile(errors_ms[name], QUANTILES)] for name in NAMES}
    return [row for name in NAMES for row in _rows(name, errors_ms[name], found[name], found["bare"])]


def errors(heard: Round, ledger: Sequence[Entry]) -> list[float]:
    """Milliseconds between the client's stamp of every event with content and the server's."""
    written = by_prompt(ledger)
    pairs = [(one.stamps, written[one.prompt][0].stamps("content")) for one in heard.answers]
    return [(mine - true) / 1e6 for stamps, truth in pairs for mine, true in zip(stamps, truth, strict=True)]


def _rows(name: str, errors_ms: Sequence[float], found: Sequence[float], bare: Sequence[float]) -> list[Result]:
    """Ours is held to a goal; above the bare reader's own error by no more than that, the rest is the machine's."""
    spread = f"{min(errors_ms):.3g} … {max(errors_ms):.3g}"
    rows = []
    for share, value, reference in zip(QUANTILES, found, bare, strict=True):
        goal = GOALS_MS.get(share) if name == "ours" else None
        reached = None if goal is None else bool(value <= goal or value - reference <= goal)
        note = STAMPED[name] if share == QUANTILES[0] else ""
        if goal is not None and reached and value > goal:
            note = f"the machine was not quiet: no more than {goal:g} ms above the bare reader"
        what = f"stamp error p{share * 100:g}, {LABELS[name]}"
        words = "" if goal is None else f"≤ {goal:g}"
        rows.append(Result(what, float(value), "ms", len(errors_ms), spread, words, reached, note))
    return rows


def _tool(tool: whole.Tool) -> list[Result]:
    """What the tool says of the time to the first token, less what the ledger says of the same requests."""
    what = f"TTFT as {tool.name} has it − the ledger's"
    try:
        seen = whole.seen(tool, whole.LONG)
    except whole.ToolFailed as error:
        return [absent(what, str(error))]
    mine, true = np.quantile(seen.ttft_ms, QUANTILES), np.quantile(seen.true_ms, QUANTILES)
    goal, rows = TTFT_MS if tool is whole.EDGEBENCH else None, []
    for share, said, real in zip(QUANTILES, mine, true, strict=True):
        reached = None if goal is None else bool(abs(said - real) <= goal)
        words = "" if goal is None else f"± {goal:g}"
        name = f"{what}, p{share * 100:g}"
        rows.append(
            Result(name, float(said - real), "ms", len(seen.ttft_ms), f"{said:.4g} − {real:.4g}", words, reached)
        )
    return rows
