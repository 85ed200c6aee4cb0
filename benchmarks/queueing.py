"""Queue simulator: requests simulated a second"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from benchmarks.result import Result, of
from edgebench.decide.capacity import Effort, capacities, capacity
from edgebench.decide.resampled import resample
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import SLO
from edgebench.stats.queues import fifo
from edgebench.stats.sharing import Clients, Server, shared
from tests.builders import Arm, run

REQUESTS = 400_000
REPEATS = 3
GOALS = {"first in first out": 300_000, "processor sharing": 50_000}


def measure() -> list[Result]:
    rng = np.random.default_rng(1)
    came, takes = np.cumsum(rng.exponential(1 / 0.7, REQUESTS)), rng.exponential(1.0, REQUESTS)
    four, sharing = Server(4, (1.0, 2.0, 3.0, 4.0)), Server(8, (1.0, 1.2, 1.4, 1.45))
    impatient = Clients(timeout=8.0, retries=2)
    hot = Server(8, (1.0, 1.2, 1.4, 1.45), load=3.0, loaded=False, unload_after=9.0, throttle_after=60.0, throttled=0.9)
    tasks: dict[str, tuple[str, Callable[[], object]]] = {
        "first in first out, 1 slot": ("first in first out", lambda: fifo(came, takes)),
        "first in first out, 4 slots": ("first in first out", lambda: fifo(came / 4, takes, 4)),
        "first in first out, 1 slot with overflow": (
            "first in first out",
            lambda: fifo(came, takes, most_waiting=3.0),
        ),
        "4 slots, event by event": ("processor sharing", lambda: shared(came / 4, takes, four)),
        "processor sharing among 8": ("processor sharing", lambda: shared(came, takes, sharing)),
        "… with timeouts and retries": ("processor sharing", lambda: shared(came, takes, sharing, impatient)),
        "… with model loads and heat too": ("processor sharing", lambda: shared(came, takes, hot, impatient)),
    }
    rows = [
        of(what, [REQUESTS / _seconds(task) for _ in range(REPEATS)], "/s", at_least=GOALS[kind])
        for what, (kind, task) in tasks.items()
    ]
    sizes = ((5, 300, 0.5), (20, 1000, 2.0))
    return [*rows, _sizing(), *(_concluded(arms, items, most) for arms, items, most in sizes)]


def _sizing() -> Result:
    """The search for the highest rate within an SLO, as the verb does it."""
    (arm,) = columns(run({"a": Arm(median_ms=40)}, items=1000)).values()
    slos = (SLO("p95_ms", max=300.0),)
    seconds = [
        _seconds(lambda: capacity(arm, slos, rng=np.random.default_rng(1), effort=Effort())) for _ in range(REPEATS)
    ]
    return of("highest rate of 1,000 records, with its interval", seconds, "s", at_most=5)


def _concluded(arms: int, items: int, most: float) -> Result:
    """What it adds to a conclusion."""
    made = run({f"a{k}": Arm(median_ms=20 + k) for k in range(arms)}, items=items, slos=(SLO("p95_ms", max=300.0),))
    table = columns(made)
    resampled = resample(made, summarise(made, draws=10, table=table), draws=10, table=table)
    seconds = [_seconds(lambda: capacities(resampled)) for _ in range(REPEATS)]
    return of(f"capacities of {arms} arms of {items} items, in a conclusion", seconds, "s", at_most=most)


def _seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began
