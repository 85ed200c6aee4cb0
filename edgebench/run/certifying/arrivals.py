"""Whether schedules are what they are called: Poisson arrivals that are Poisson, a constant rate that is that rate.

Pure arithmetic on what a run would be sent by, so the machine has no part in it. One draw of 10,000 arrivals says its
index of dispersion no better than ±0.09 (1,000 windows, two standard deviations), so the mean of ten draws is judged.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from edgebench.load import arrivals
from edgebench.load.arrivals import Offsets
from edgebench.run.certifying.scoring import Check, Floats, check

S = 1_000_000_000
COUNT = 10_000
DRAWS = 10
SEED = 20_261
RATE = 10.0  # a second: 1,000 windows of 1 s in a draw
EVEN_RATE = 300.0  # whose gap is no whole number of nanoseconds

Poisson = Callable[[float, int, np.random.Generator], Offsets]
Constant = Callable[[float, int], Offsets]


async def schedules(poisson: Poisson = arrivals.poisson, constant: Constant = arrivals.constant) -> list[Check]:
    """Dispersion and autocorrelation of Poisson arrivals, the rate of constant ones. Parameters: for tests."""
    rngs = [np.random.default_rng(seed) for seed in np.random.SeedSequence(SEED).spawn(DRAWS)]
    draws = [poisson(RATE, COUNT, rng) for rng in rngs]
    index = float(np.mean([dispersion(draw, RATE) for draw in draws]))
    lag = float(np.mean([autocorrelation(draw) for draw in draws]))
    even = constant(EVEN_RATE, COUNT)
    what, n = f"{DRAWS} draws of {COUNT:,} arrivals at {RATE:g}/s", DRAWS * COUNT
    return [
        check(
            "poisson-dispersion-off",
            abs(index - 1),
            0.1,
            unit="",
            n=n,
            note=f"index of dispersion {index:.4g}, limit 0.9 to 1.1; windows of 1 s, {what}",
        ),
        check("poisson-gap-autocorrelation", abs(lag), 0.03, unit="", n=n, note=f"{lag:+.2g} at lag 1, {what}"),
        check("constant-rate-off", rate_off(even, EVEN_RATE), 0.1, unit="%", n=COUNT, note=f"planned {EVEN_RATE:g}/s"),
    ]


def dispersion(offsets: Offsets, rate: float) -> float:
    """Mean squared distance of the counts in whole windows of 1 s from the planned mean, over that mean.

    1 for a Poisson process of this rate (variance = mean; Fisher's index of dispersion). Around the planned mean, not
    the sample's, so that a wrong rate shows as well.
    """
    windows = int(offsets[-1] // S)  # the last one is cut short
    counts = np.bincount(offsets // S, minlength=windows)[:windows]
    return float(np.mean((counts - rate) ** 2) / rate) if windows else float("nan")


def autocorrelation(offsets: Offsets) -> float:
    """Correlation of each gap with the next (r₁, Box & Jenkins); 0 ± 1 / √n where gaps are independent."""
    gaps: Floats = np.diff(offsets).astype(np.float64)
    apart = gaps - gaps.mean()
    spread = float(np.sum(apart**2))
    return float(np.sum(apart[1:] * apart[:-1])) / spread if spread else float("nan")


def rate_off(offsets: Offsets, rate: float) -> float:
    """How far the rate, first arrival to last, is from the planned one, %."""
    seconds = float(offsets[-1] - offsets[0]) / S
    return 100 * abs((len(offsets) - 1) / seconds / rate - 1) if seconds else float("nan")
