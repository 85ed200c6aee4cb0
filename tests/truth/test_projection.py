"""The band of a projection, on published machines that were left out of its fit.

"Here" is one published machine and "there" another that the fit has not seen; the question is whether the published
ratio of their speeds lies inside the band. Pairs of one fit are no independent trials, so the standard error counts
machines, not pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from edgebench.decide import spread
from edgebench.decide.spread import Observed


def held_out(observed: Sequence[Observed], level: float, *, same_model: bool) -> dict[str, list[bool]]:
    """machine left out → whether each of the others, as here, has the truth about it inside the band."""
    used = [one for one in observed if one.apart is None]
    found: dict[str, list[bool]] = {}
    for machine in dict.fromkeys(one.machine for one in used):
        fitted = spread.fit(one for one in used if one.machine != machine)
        unknown = spread.side(fitted, (), 1.0)
        band = spread.ratio(fitted, unknown, unknown, level)
        found[machine] = [
            band.low <= here.efficiency / there.efficiency <= band.high
            for there in used
            if there.machine == machine
            for here in used
            if here.machine != machine and (here.model == there.model or not same_model)
        ]
    return {machine: inside for machine, inside in found.items() if inside}


def covered(found: dict[str, list[bool]]) -> tuple[float, float]:
    """Share of pairs inside, and two standard errors of as many trials as there are machines."""
    share = float(np.mean([each for inside in found.values() for each in inside]))
    return share, 2 * math.sqrt(0.8 * 0.2 / len(found))


def test_decoding_on_machines_left_out_lies_inside_the_band() -> None:
    """44 of 56 pairs with a model in common (7 machines), 182 of 222 with any (9): about the 80 % it says."""
    for same_model, least in ((True, 7), (False, 9)):
        found = held_out(spread.decoding(), spread.LEVEL, same_model=same_model)
        share, error = covered(found)
        assert len(found) >= least
        assert spread.LEVEL - error <= share <= min(1.0, spread.LEVEL + error), (same_model, share)


def test_prefill_on_machines_left_out_lies_inside_the_band() -> None:
    """177 of 234 pairs of 13 machines; a Raspberry Pi 4 and a phone's chip among them, so the band is wide."""
    found = held_out(spread.prefilling(), spread.LEVEL, same_model=False)
    share, error = covered(found)
    assert len(found) >= 12
    assert spread.LEVEL - error <= share <= spread.LEVEL + error, share


def test_a_narrower_band_would_not_pass() -> None:
    """The same check with a third of the spread fails: it can."""
    narrow = held_out(spread.decoding(), 0.3, same_model=False)
    share, error = covered(narrow)
    assert share < spread.LEVEL - error


def test_a_machine_left_apart_is_outside_and_known_by_its_own_figure() -> None:
    """A Raspberry Pi 4 reaches a quarter of its peak: the others' band misses it, which is why it is told."""
    apart = [one for one in spread.decoding() if one.apart is not None]
    assert apart and all("A72" in (one.apart or "") for one in apart)
    fitted = spread.fit(spread.decoding())
    unknown = spread.side(fitted, (), 1.0)
    band = spread.ratio(fitted, unknown, unknown)
    typical = math.exp(fitted.centre)
    for one in apart:
        assert typical / one.efficiency > band.high
        own = spread.side(fitted, [one], 1.0)
        near = spread.ratio(fitted, unknown, own)
        assert near.low <= typical / one.efficiency <= near.high


def test_the_band_covers_what_it_says_where_the_model_is_true() -> None:
    """9 machines drawn from the model itself, 4,000 worlds: 80 % of fresh pairs, plus two Monte Carlo errors."""
    rng, worlds, inside = np.random.default_rng(21), 4000, 0
    for _ in range(worlds):
        logs = rng.normal(-0.6, 0.25, 11)
        fitted = spread.fit(Observed(str(k), "m", math.exp(log)) for k, log in enumerate(logs[:9]))
        unknown = spread.side(fitted, (), 1.0)
        band = spread.ratio(fitted, unknown, unknown)
        inside += band.low <= math.exp(logs[9] - logs[10]) <= band.high
    error = 2 * math.sqrt(0.8 * 0.2 / worlds)
    assert 0.80 - error <= inside / worlds <= 0.84 + error
