"""Network profiles: how far away and how narrow a network is, and how it wavers.

A profile is a YAML file on the ``networks`` shelf (shipped, or one's own in ``~/.config/edgebench/networks``) of
sourced figures, see :mod:`edgebench.sourced`. A network is added to the path that is there: an endpoint 30 ms away is
180 ms away through a profile of 150. What is not modelled: headers (rates are of payload), TCP's slow start, name
look-ups, and cells that get slower when others use them.
"""

from __future__ import annotations

from edgebench import sourced
from edgebench.errors import DataError
from edgebench.sourced import Bounds
from edgebench.targets.shaping import Shape

#: name → (unit, least, most): what a profile must or may say, and between which bounds it makes sense
FIGURES: Bounds = {
    "down_mbit_s": ("Mbit/s of payload towards the client", "0.01", "10000"),
    "up_mbit_s": ("Mbit/s of payload towards the endpoint", "0.01", "10000"),
    "rtt_ms": ("ms there and back, without jitter", "0", "5000"),
    "jitter_p50_ms": ("ms more, in half of all round trips", "0", "60000"),
    "jitter_p90_ms": ("ms more, at most, in 90 of 100 round trips", "0", "60000"),
    "jitter_p99_ms": ("ms more, at most, in 99 of 100 round trips", "0", "60000"),
    "stalls_per_1000": ("of 1,000 bursts of data each way, held up as if their last packet were lost", "0", "500"),
    "stall_least_ms": ("ms a stall lasts at least: one retransmission timeout", "0", "60000"),
    "stall_most_ms": ("ms a stall lasts at most", "0", "60000"),
    "outages_per_hour": ("times an hour nothing gets through", "0", "3600"),
    "outage_s": ("s each time", "0.01", "3600"),
}
NEEDED = frozenset({"down_mbit_s", "up_mbit_s", "rtt_ms"})
JITTER = ("jitter_p50_ms", "jitter_p90_ms", "jitter_p99_ms")
#: figures that mean something only together
TOGETHER = (JITTER, ("stalls_per_1000", "stall_least_ms", "stall_most_ms"), ("outages_per_hour", "outage_s"))
#: figures that must not fall in this order
RISING = (JITTER, ("stall_least_ms", "stall_most_ms"))

Network = sourced.Profile

NONE = "none"  # what a target says that is reached as it is, whatever the plan says


def load_network(name: str) -> Network:
    """The profile of that name (or path).

    Raises
    ------
    UsageError: no such profile (with the nearest name).
    DataError: a figure without value, source, date or kind; an unknown or missing figure; a value out of bounds;
        half of what belongs together; quantiles that fall.
    """
    profile, _ = sourced.read_profile("networks", name, FIGURES, needed=NEEDED)
    what = f"network profile {name}"
    for group in TOGETHER:
        given = [figure for figure in group if figure in profile.figures]
        if given and len(given) < len(group):
            missing = next(figure for figure in group if figure not in given)
            raise DataError(f"{what}: {given[0]} needs {missing} beside it")
    for group in RISING:
        values = [value for figure in group if (value := profile.get(figure)) is not None]
        if values != sorted(values):
            raise DataError(f"{what}: {', '.join(group)} must not fall in this order")
    return profile


def shape_of(network: Network) -> Shape:
    """What the relay is told of a profile."""

    def of(figure: str) -> float:
        return float(network.get(figure) or 0)

    jitter = tuple(of(figure) for figure in JITTER) if JITTER[0] in network.figures else ()
    return Shape(
        down_mbit_s=of("down_mbit_s"),
        up_mbit_s=of("up_mbit_s"),
        rtt_ms=of("rtt_ms"),
        jitter_ms=jitter,
        stall_share=of("stalls_per_1000") / 1000,
        stall_ms=(of("stall_least_ms"), of("stall_most_ms")),
        outages_per_hour=of("outages_per_hour"),
        outage_s=of("outage_s"),
    )
