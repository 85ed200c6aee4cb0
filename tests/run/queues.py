"""Queues on a virtual clock: what an open loop would measure of a server whose answer is known by formula."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edgebench.records import SLO, Answer, Call, Record, Run
from edgebench.run.pooling import Taken, judged, taken
from edgebench.run.sweep import Point
from tests import builders

Array = NDArray[np.float64]
S = 1_000_000_000


def sojourns(gaps_s: Array, service_s: Array) -> Array:
    """Time in the system of each request at a server that answers one at a time (Lindley's recursion)."""
    out, left = np.empty(len(gaps_s)), 0.0
    for place, (gap, service) in enumerate(zip(gaps_s, service_s, strict=True)):
        left = max(0.0, left - gap) + service
        out[place] = left
    return out


@cache
def blank(items: int) -> Run:
    """A run of one arm in one trial, whose records are to be put in."""
    return builders.run({"a": builders.Arm(peak_mib=None)}, items=items, blocks=1)


def observed(gaps_s: Array, sojourn_s: Array, *, items: int = 320, lag_s: float = 0.0) -> Run:
    """The run an open loop would have made, the first request cold; ``lag_s``: how late each was sent."""
    run = blank(items)
    trial = run.trials[0]
    digests = [trial.item_digests[k % items] for k in range(len(gaps_s) + 1)]
    due_ns = 10 * S + np.concatenate([[0], S + (np.cumsum(gaps_s) * S).astype(np.int64)])
    took_ns = (np.concatenate([[1.0], sojourn_s]) * S).astype(np.int64)
    records = [
        _record(trial.id, place, digests[place], int(due), int(due + lag_s * S), int(due + took))
        for place, (due, took) in enumerate(zip(due_ns, took_ns, strict=True))
    ]
    return _with(run, digests, records)


def _record(trial: str, place: int, digest: str, due: int, sent: int, done: int) -> Record:
    call = Call("answer", due, sent_ns=sent, first_ns=done, done_ns=done, end_ns=done, chunk_ns=(done,), text="refund")
    return Record(
        f"{trial}/{place}", trial, "s1", digest, place, due, sent, done, (call,), Answer("refund"), cold=place == 0
    )


def _with(run: Run, digests: Sequence[str], records: Sequence[Record]) -> Run:
    trial = replace(run.trials[0], item_digests=tuple(digests), scenario="poisson")
    return replace(run, trials=(trial,), records=tuple(records), readings=(), scores=())


def server(mu: float, slo: SLO, *, seed: int, seconds: float = 20.0, needed: int = 59) -> Callable[[float], Point]:
    """Measures rates at an M/M/1 server of ``mu`` requests a second as a sweep would, in no time at all."""
    rng = np.random.default_rng(seed)
    runs: dict[float, list[Taken]] = {}

    def measure(rate: float) -> Point:
        before = runs.setdefault(rate, [])
        n = max(needed, math.ceil(rate * seconds)) * 2 ** len(before)
        gaps = rng.exponential(1 / rate, n)
        before.append(taken(observed(gaps, sojourns(gaps, rng.exponential(1 / mu, n)))))
        return judged(rate, before, [slo])

    return measure


def bearable(mu: float, limit_s: float, q: float) -> float:
    """The rate at which the q-quantile of the time in an M/M/1 system is the limit: it is exponential(μ − λ)."""
    return mu - math.log(1 / (1 - q)) / limit_s
