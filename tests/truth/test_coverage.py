"""The claims: intervals cover, tests keep their level, the front does not call the efficient dominated.

Every simulated rate is held against its band plus two Monte Carlo standard errors, on fixed seeds.
"""

from __future__ import annotations

import math
import time

import numpy as np

from edgebench.decide.pareto import dominance
from edgebench.metrics.observed import Observed
from edgebench.metrics.quality import rate
from edgebench.stats import bootstrap, clusters, paired, quantiles, rates


def error(share: float, n: int) -> float:
    """Two Monte Carlo standard errors."""
    return 2 * math.sqrt(share * (1 - share) / n)


def test_wilson_covers_95_per_cent_at_250() -> None:
    """Mean coverage over p from .5 to .95 is 95 ± 1 %, none below 93; computed exactly, not simulated."""
    n, found = 250, []
    for p in np.linspace(0.5, 0.95, 46):
        inside = 0.0
        for k in range(n + 1):
            low, high = rates.wilson(k, n)
            inside += (low <= p <= high) * math.exp(
                math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p)
                + (n - k) * math.log1p(-p)
            )  # fmt: skip
        found.append(inside)
    assert abs(float(np.mean(found)) - 0.95) < 0.01
    assert min(found) > 0.93


def test_order_statistics_cover_whatever_the_distribution() -> None:
    """p50, p95 and p99 of a heavy-tailed latency: at least 95 %."""
    rng, repetitions = np.random.default_rng(11), 2000
    for q, n in ((0.5, 250), (0.95, 250), (0.99, 500)):
        truth = math.exp(0.8 * float(_normal_quantile(q)))
        samples = np.sort(np.exp(rng.normal(0, 0.8, size=(repetitions, n))), axis=1)
        low, high = quantiles.ranks(n, q, 0.025)
        assert low is not None and high is not None
        covered = float(np.mean((samples[:, low - 1] <= truth) & (truth <= samples[:, high - 1])))
        assert covered >= 0.95 - error(0.95, repetitions), (q, n, covered)


def _normal_quantile(q: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(q))


def test_quantile_intervals_cover_when_items_repeat() -> None:
    """80 items five times each, half of the log-latency the item's own: naive ranks undercover, ours cover."""
    rng, repetitions, groups, size = np.random.default_rng(12), 2000, 80, 5
    member = np.repeat(np.arange(groups), size)
    naive = ours = 0
    for _ in range(repetitions):
        own, noise = rng.normal(0, math.sqrt(0.5), groups), rng.normal(0, math.sqrt(0.5), groups * size)
        observed = Observed("p50_ms", member, np.exp(own[member] + noise), np.ones(groups * size), 0.5)
        ordered = np.sort(observed.above)
        first, second = (
            quantiles.interval(ordered, 0.5),
            quantiles.interval(ordered, 0.5, effective=observed.effective_n()),
        )
        naive += bool(first[0] and first[1] and first[0] <= 1 <= first[1])
        ours += bool(second[0] and second[1] and second[0] <= 1 <= second[1])
    assert naive / repetitions < 0.88
    assert ours / repetitions >= 0.95 - error(0.95, repetitions) - 0.01


def test_accuracy_covers_when_items_repeat() -> None:
    """Five repetitions, intra-class correlation .5, 60 items: a naive interval covers < 88 %, ours about 95 or more."""
    rng, repetitions, groups, size = np.random.default_rng(13), 2000, 60, 5
    member = np.repeat(np.arange(groups), size)
    for p in (0.6, 0.8, 0.95):
        naive = ours = 0
        for _ in range(repetitions):
            shared = rng.random((groups, size)) < math.sqrt(0.5)
            right = np.where(shared, (rng.random(groups) < p)[:, None], rng.random((groups, size)) < p)
            values = right.astype(float).ravel()
            low, high = rates.wilson(values.sum(), len(values))
            naive += low <= p <= high
            weights = bootstrap.cluster_draws(groups, 400, rng)
            estimate = rate(Observed("accuracy", member, values, np.ones(len(values))), weights)
            ours += estimate.low is not None and estimate.high is not None and estimate.low <= p <= estimate.high
        assert naive / repetitions < 0.88
        assert ours / repetitions >= 0.935 - error(0.935, repetitions), p


def test_bonett_price_covers_and_mid_p_keeps_its_level() -> None:
    """Paired differences at n = 250: coverage 93.5 to 98 %; under no difference, at most 5.5 % false findings."""
    rng, repetitions, n = np.random.default_rng(14), 4000, 250
    for only_b, only_a in ((0.02, 0.02), (0.06, 0.03), (0.12, 0.08), (0.03, 0.0)):
        tables = rng.multinomial(n, [only_b, only_a, 1 - only_b - only_a], size=repetitions)
        truth = only_b - only_a
        inside = [low <= truth <= high for low, high in (paired.bonett_price(b, c, n) for b, c, _ in tables.tolist())]
        assert 0.935 - error(0.95, repetitions) <= np.mean(inside) <= 0.98 + error(0.95, repetitions)
        if truth == 0:
            false = np.mean([paired.mcnemar_mid_p(b, c) <= 0.05 for b, c, _ in tables.tolist()])
            assert false <= 0.055 + error(0.055, repetitions)


def test_exceedance_verdicts_are_rarely_wrong() -> None:
    """At the limit itself, met and missed are each said in at most 5 % of runs."""
    rng, repetitions, n = np.random.default_rng(15), 4000, 400
    found = [rates.exceedances(int(k), n, 0.05) for k in rng.binomial(n, 0.05, size=repetitions)]
    for wrong in ("met", "missed"):
        assert found.count(wrong) / repetitions <= 0.05 + error(0.05, repetitions)


def test_an_efficient_arm_is_rarely_called_dominated() -> None:
    """Four arms, all truly on the front, n = 100 items, accuracy and median latency: ≤ 5 % of verdicts are wrong."""
    rng, repetitions, n, draws = np.random.default_rng(16), 500, 100, 200
    accuracies, medians = (0.70, 0.74, 0.78, 0.82), (20.0, 22.0, 24.0, 26.0)
    wrong = 0
    member = np.arange(n)
    for _ in range(repetitions):
        weights = bootstrap.cluster_draws(n, draws, rng)
        hard = rng.random(n)  # shared by the arms, as real items are
        loss = np.empty((draws, 4, 2))
        for arm, (p, median) in enumerate(zip(accuracies, medians, strict=True)):
            right = (0.5 * hard + 0.5 * rng.random(n) < _threshold(p)).astype(float)
            loss[:, arm, 0] = -bootstrap.means(weights, member, right)
            loss[:, arm, 1] = bootstrap.quantiles(weights, member, median * np.exp(rng.normal(0, 0.3, n)), 0.5)
        wrong += int((dominance(loss).any(axis=2).mean(axis=0) >= 0.95).sum())
    share = wrong / (4 * repetitions)
    assert share <= 0.05 + error(0.05, 4 * repetitions)


def _threshold(p: float) -> float:
    """Quantile of the mean of two uniform numbers."""
    return math.sqrt(p / 2) if p < 0.5 else 1 - math.sqrt((1 - p) / 2)


def test_ten_arms_are_resampled_in_two_seconds() -> None:
    """10 arms × 250 items × 2,000 draws, a mean and a quantile each."""
    rng = np.random.default_rng(17)
    began = time.process_time()
    weights = bootstrap.cluster_draws(250, 2000, rng)
    member = np.arange(250)
    for _ in range(10):
        bootstrap.means(weights, member, rng.random(250))
        bootstrap.quantiles(weights, member, rng.random(250), 0.95)
    assert time.process_time() - began < 2


def test_intraclass_correlation_is_found() -> None:
    """Half of the variance between clusters: ρ = .5, within .1."""
    rng = np.random.default_rng(18)
    member = np.repeat(np.arange(400), 5)
    values = rng.normal(size=400)[member] + rng.normal(size=2000)
    assert abs(clusters.intraclass(values, member) - 0.5) < 0.1
