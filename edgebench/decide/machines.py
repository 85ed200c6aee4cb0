"""Two machines beside each other: how much longer the parts of a request take on the one than on the other.

Decoding goes by memory bandwidth, all else by cores × clock. Bandwidths learnt alike (two peaks, two measurements of
ours) compare as they are; else the measured one is first brought to a peak, which adds doubt. Cores × clock are of all
cores; an engine told to use fewer here is taken to use all there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

from edgebench.decide import published, spread
from edgebench.decide.spread import Fit, Ratio, Side
from edgebench.errors import UsageError
from edgebench.metrics.devices import DeviceProfile
from edgebench.metrics.plausible import bandwidths
from edgebench.records import Identity

#: best evidence of what memory can give, in the order it is taken
BANDWIDTHS = ("memory_gb_s", "read_gb_s", "memcpy_gb_s")
#: declared: standard deviation of log speed, two runtimes on two processors (twice either way is two of them)
OTHER_RUNTIME = 0.35
MEASURE = "measure it on that machine:  edgebench device --write this-machine --like x86-laptop"
CAUTION = (
    "the band is of machines whose cores have dot products (Cortex-A76, x86 with AVX2, and later): older ones do worse"
)


@dataclass(frozen=True)
class Machines:
    """The machine of a run and another one.

    Raises
    ------
    UsageError: one of them without any memory bandwidth, or without cores and clock.
    """

    here: DeviceProfile
    there: DeviceProfile

    @property
    def same(self) -> bool:
        """The very same machine: nothing about it is unknown."""
        return self.here.figures == self.there.figures

    def decode(self) -> Ratio:
        """Of the time in which tokens are decoded."""
        return spread.ratio(self._memory_fit, *self._memories)

    def compute(self, identity: Identity | None = None) -> Ratio:
        """Of all other time, for the engine that answered; without one, for llama.cpp on all cores."""
        llama = identity is None or self.runs_llama(identity)
        fitted, mine, theirs = self._cores_fit, *self._cores(llama)
        if (threads := self.threads(identity)) is not None:
            mine = replace(mine, log_capacity=mine.log_capacity + math.log(threads / float(self.here["cores"])))
        return spread.ratio(fitted, mine, theirs, more=0.0 if llama else OTHER_RUNTIME**2)

    def runs_llama(self, identity: Identity) -> bool:
        """Whether what is published of prefill, which is llama.cpp's, says something of this engine."""
        return self.same or identity.engine == "llama.cpp"

    def threads(self, identity: Identity | None) -> int | None:
        """How many threads the engine was told to use, where they are fewer than the cores it might have used."""
        told = identity.details.get("threads") if identity is not None and not self.same else None
        return told if isinstance(told, int) and 0 < told < float(self.here["cores"]) else None

    @property
    def basis(self) -> tuple[str, ...]:
        """What the ratios rest on, in sentences."""
        if self.same:
            return ("the same machine: nothing is projected but its cost",)
        told = " and ".join(f"{self._common or bandwidth(one)} of {one.name}" for one in (self.here, self.there))
        used, work = (" and ".join(side.basis for side in pair) for pair in (self._memories, self._cores(True)))
        return (
            f"decoding by memory bandwidth, {told}; how well each uses it: {used}",
            f"the rest by cores × clock, a GPU left out of account; work by core and GHz: {work}",
            *(() if spread.decode_of(self.there) else (CAUTION,)),
        )

    @cached_property
    def _memory_fit(self) -> Fit:
        return spread.fit(spread.decoding())

    @cached_property
    def _cores_fit(self) -> Fit:
        return spread.fit(spread.prefilling())

    @property
    def _common(self) -> str | None:
        both = bandwidths(self.here).keys() & bandwidths(self.there).keys()
        return next((name for name in BANDWIDTHS if name in both), None)

    @property
    def _memories(self) -> tuple[Side, Side]:
        return self._sure(self._memory(self.here), self._memory(self.there))

    def _memory(self, profile: DeviceProfile) -> Side:
        name = self._common or bandwidth(profile)
        capacity = bandwidths(profile)[name]
        if name == "memory_gb_s":
            return spread.side(self._memory_fit, spread.decode_of(profile), capacity)
        share, sigma = (1.0, 0.0) if self._common else published.OF_PEAK[name]
        return spread.side(self._memory_fit, (), capacity / share, sigma**2)

    def _cores(self, llama: bool) -> tuple[Side, Side]:
        here, there = (
            spread.side(self._cores_fit, spread.prefill_of(profile) if llama else (), _capacity(profile))
            for profile in (self.here, self.there)
        )
        return self._sure(here, there)

    def _sure(self, here: Side, there: Side) -> tuple[Side, Side]:
        return (replace(here, variance=0.0), replace(there, variance=0.0)) if self.same else (here, there)


def bandwidth(profile: DeviceProfile) -> str:
    """The figure that tells a profile's memory bandwidth.

    Raises
    ------
    UsageError: it has none.
    """
    known = bandwidths(profile)
    found = next((name for name in BANDWIDTHS if name in known), None)
    if found is None:
        raise UsageError(
            f"device profile {profile.name} says nothing of its memory bandwidth: neither a peak (memory_gb_s) "
            "nor what was measured (read_gb_s, memcpy_gb_s)",
            hint=MEASURE,
        )
    return found


def _capacity(profile: DeviceProfile) -> float:
    """Cores × GHz."""
    cores, clock = profile.get("cores"), profile.get("clock_ghz")
    if cores is None or clock is None:
        raise UsageError(f"device profile {profile.name} does not say cores and clock_ghz", hint=MEASURE)
    return float(cores * clock)
