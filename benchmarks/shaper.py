"""Network profiles through the relay: what was measured of what each profile says

As a run examines its shaper, several times, each with another seed: fifty pings (their median less what their own
draws of jitter say) and a transfer each way. Goals: the round trip within the larger of 5 % and 5 ms, rates within 5 %.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.result import Result, absent, of
from edgebench import catalog
from edgebench.run.networks import examine
from edgebench.targets.network import load_network, shape_of

ROUNDS = 5


def measure() -> list[Result]:
    return [row for name in catalog.names("networks") for row in _rows(name)]


def _rows(name: str) -> list[Result]:
    """Round trip, down and up of one profile, as far off as they were."""
    shape = shape_of(load_network(name))
    seen = [asyncio.run(examine(name, shape, key=f"benchmark/{number}/{name}")) for number in range(ROUNDS)]
    if why := next((one["why"] for one in seen if "why" in one), None):
        return [absent(name, why)]
    wanted = {"rtt_p50_ms": shape.rtt_ms, "down_mbit_s": shape.down_mbit_s, "up_mbit_s": shape.up_mbit_s}
    return [
        _row(name, figure, place, value, [one["measured"][figure] for one in seen], [one["checks"] for one in seen])
        for place, (figure, value) in enumerate(wanted.items())
    ]


def _row(
    name: str,
    figure: str,
    place: int,
    wanted: float,
    measured: Sequence[float],
    checks: Sequence[Sequence[Mapping[str, Any]]],
) -> Result:
    off = [float(one[place]["value"]) for one in checks]
    first = checks[0][place]
    note = f"the profile says {wanted:g}; measured {min(measured):.4g} … {max(measured):.4g}"
    return of(f"{name}: {figure}, off by", off, str(first["unit"]), at_most=float(first["limit"]), note=note)
