"""The claim: of measurements with fresh arrivals, 90 % lie in the interval that a calibration gave beforehand."""

from __future__ import annotations

import asyncio
import math

import numpy as np

from edgebench.decide.replay import Times, Unit
from edgebench.load.arrivals import poisson
from edgebench.load.pacing import Pacer
from edgebench.load.scenarios import Open
from edgebench.run.validate import SHOWN, fresh
from edgebench.stats.sharing import Clients, Server
from tests.load import virtual

RUNS = 400
REQUESTS = 80  # of each measured point
CALIBRATED = 300
WINDOWS = 80
UNIT = Unit("first-in-first-out", Server(), Clients(), "one at a time")


def measured(service_s: np.ndarray, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Latencies of an open loop at a server that answers one at a time, on a clock that is made up."""

    async def point(loop: virtual.VirtualLoop) -> np.ndarray:
        turn, out = asyncio.Lock(), np.empty(len(service_s))

        async def send(index: int, due_ns: int) -> None:
            await pace.until(due_ns)
            async with turn:
                await asyncio.sleep(float(service_s[index]))
            out[index] = (loop.clock() - due_ns) / 1e9

        scenario = Open("poisson", poisson(rate, len(service_s), rng), 10_000, Pacer(loop.clock))
        pace = scenario.pace
        await scenario.drive(len(service_s), send, lambda: None)
        return out

    return virtual.run(point)  # type: ignore[no-any-return]


def test_fresh_arrivals_fall_into_the_interval_as_often_as_it_says() -> None:
    """400 runs on the virtual clock at two loads, each with a calibration of its own: 90 ± 3 %, plus 2 s.e."""
    inside = dict.fromkeys(SHOWN, 0)
    for number in range(RUNS):
        rng = np.random.default_rng([17, number])
        known = np.exp(rng.normal(math.log(0.05), 0.5, CALIBRATED))
        rate = (0.5, 0.7)[number % 2] / float(known.mean())
        took = np.sort(measured(np.exp(rng.normal(math.log(0.05), 0.5, REQUESTS)), rate, rng))
        places = np.arange(CALIBRATED)
        times = Times(known, known, known, np.zeros(CALIBRATED), places, places)
        for (name, q), (low, high) in zip(SHOWN.items(), fresh(UNIT, times, rate, REQUESTS, rng, WINDOWS), strict=True):
            inside[name] += bool(low <= took[math.ceil(REQUESTS * q) - 1] <= high)
    for name, count in inside.items():
        assert abs(count / RUNS - 0.90) <= 0.03 + 2 * math.sqrt(0.9 * 0.1 / RUNS), (name, count / RUNS)
