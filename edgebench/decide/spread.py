"""How far one machine's speed can be told from another's: efficiencies of published machines, and bands from them.

Model: efficiency = tokens a second × bytes a token / peak bandwidth (decoding), or parameters × tokens a second by
core and GHz (prefill). Its logarithm is ``centre + machine + model``, machine effects normal with one standard
deviation, model effects with another (one-way random effects). A machine's own published efficiency leaves only the
model's effect; of a machine without one its effect is unknown.
Projecting from one machine to another takes the measured time × the ratio of capacities; the models' effects cancel,
the two machines' do not: log ratio ± t(n − 1) · √(variance here + variance there), n machines in the fit
(a prediction interval; G. J. Hahn & W. Q. Meeker, Statistical Intervals, ch. 4).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from edgebench import catalog
from edgebench.decide import published
from edgebench.metrics import devices
from edgebench.metrics.devices import DeviceProfile, load_device

LEVEL = 0.80  # four machines of five: with so few published, more would be a band that says nothing


@dataclass(frozen=True, slots=True)
class Observed:
    """One published efficiency."""

    machine: str
    model: str
    efficiency: float
    apart: str | None = None  # why it is left out of the fit


@dataclass(frozen=True)
class Fit:
    """What the machines have in common, and how they differ; logarithms."""

    centre: float
    between: float  # standard deviation of machines
    within: float  # of models on one machine
    machines: Mapping[str, float]  # machine → its mean

    @property
    def n(self) -> int:
        return len(self.machines)

    def t(self, level: float = LEVEL) -> float:
        return float(stats.t.ppf((1 + level) / 2, self.n - 1))


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two machines: the logarithm of its capacity in use, its variance, and what that rests on."""

    log_capacity: float
    variance: float
    basis: str


@dataclass(frozen=True, slots=True)
class Ratio:
    """Time there / time here, with its band."""

    value: float
    low: float
    high: float


def fit(observed: Iterable[Observed]) -> Fit:
    """The fit of those that are not left out; at least two machines."""
    by_machine: dict[str, list[float]] = {}
    for one in observed:
        if one.apart is None:
            by_machine.setdefault(one.machine, []).append(math.log(one.efficiency))
    means = {machine: float(np.mean(logs)) for machine, logs in by_machine.items()}
    between = float(np.std(list(means.values()), ddof=1))
    left = [log - means[machine] for machine, logs in by_machine.items() for log in logs]
    free = len(left) - len(means)
    within = math.sqrt(sum(each**2 for each in left) / free) if free else between
    return Fit(float(np.mean(list(means.values()))), between, within, means)


def side(fitted: Fit, own: Sequence[Observed], capacity: float, more: float = 0.0) -> Side:
    """A machine by its capacity (GB/s or cores × GHz) and what is published of it.

    ``more``: variance of the logarithm of the capacity itself.
    """
    if own:
        mean = float(np.mean([math.log(one.efficiency) for one in own]))
        variance = fitted.within**2 * (1 + 1 / len(own))
        return Side(math.log(capacity) + mean, variance + more, f"its own {len(own)} published figures")
    variance = fitted.between**2 * (1 + 1 / fitted.n)
    return Side(math.log(capacity) + fitted.centre, variance + more, f"{fitted.n} published machines")


def ratio(fitted: Fit, here: Side, there: Side, level: float = LEVEL, more: float = 0.0) -> Ratio:
    """Time there / time here."""
    middle = here.log_capacity - there.log_capacity
    half = fitted.t(level) * math.sqrt(here.variance + there.variance + more)
    return Ratio(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


# ------------------------------------------------------------------------------------------------------- decoding


@cache
def decoding() -> tuple[Observed, ...]:
    """Every published decode speed: those in shipped profiles, and the table's."""
    shipped = [load_device(str(path)) for path in sorted(catalog.shelf("devices").glob("*.yaml"))]
    in_profiles = {(one.machine, one.model): one for profile in shipped for one in _held(profile)}
    in_table = {(one.machine, one.model): one for one in map(_observed, published.DECODE)}
    return tuple({**in_table, **in_profiles}.values())


def decode_of(profile: DeviceProfile) -> tuple[Observed, ...]:
    """What is published of the machine this profile is of."""
    if "memory_gb_s" not in profile.figures:
        return ()
    mine = {one.model: one for one in map(_observed, published.DECODE) if one.machine == _machine(profile)}
    return tuple({**mine, **{one.model: one for one in _held(profile)}}.values())


def _observed(row: published.Decode) -> Observed:
    return Observed(
        row.profile or row.machine, row.model, row.tok_s * row.file_gb / row.memory_gb_s, _apart(row.profile)
    )


def _held(profile: DeviceProfile) -> Iterator[Observed]:
    """Efficiencies of the decode speeds a profile holds."""
    peak = profile.get("memory_gb_s")
    for name, size in devices.PUBLISHED_DECODE.items():
        if peak is not None and name in profile.figures:
            machine = _machine(profile)
            yield Observed(machine, name, float(profile[name]) * size / 1e9 / float(peak), _apart(machine))


def _machine(profile: DeviceProfile) -> str:
    """One board in several memory sizes is one machine: known by the table, else by what its figures are."""
    stem = profile.name.rpartition("/")[2].removesuffix(".yaml")
    known = {row.profile for row in published.DECODE} | {row.profile for row in published.PREFILL}
    figures = " ".join(str(profile.get(name)) for name in ("memory_gb_s", "cores", "clock_ghz"))
    return next((name for name in known if name is not None and stem.startswith(name)), figures)


def _apart(machine: str | None) -> str | None:
    return published.APART.get(machine or "")


# -------------------------------------------------------------------------------------------------------- prefill


@cache
def prefilling() -> tuple[Observed, ...]:
    """Every published prefill speed by core and GHz."""
    return tuple(Observed(one.profile or one.machine, str(one.giga_parameters), one.rate) for one in published.PREFILL)


def prefill_of(profile: DeviceProfile) -> tuple[Observed, ...]:
    """What is published of the cores of the machine this profile is of; a GPU's prefill says nothing of them."""
    return tuple(one for one in prefilling() if one.machine == _machine(profile))
