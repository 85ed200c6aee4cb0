"""Queues against their closed forms, against each other, and what retries, heat, loads and limits do to them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.stats.queues import allen_cunneen_quantiles, erlang_c, fifo, mean_wait_mmk
from edgebench.stats.sharing import Clients, Server, shared

N = 400_000
RHO = 0.6


def stream(rate: float, seed: int, n: int = N) -> np.ndarray:
    return np.cumsum(np.random.default_rng([seed, 1]).exponential(1 / rate, n))


def exponential(seed: int, n: int = N) -> np.ndarray:
    return np.random.default_rng([seed, 2]).exponential(1.0, n)


def sojourn(came: np.ndarray, takes: np.ndarray, slots: int = 1) -> np.ndarray:
    return fifo(came, takes, slots) + takes - came


def p99_mdone(rho: float) -> float:
    """p99 of the time in M/D/1 of service 1, by Erlang's series for the wait."""

    def below(t: float) -> float:
        terms = (math.exp(rho * (t - j)) * (rho * (j - t)) ** j / math.factorial(j) for j in range(math.floor(t) + 1))
        return (1 - rho) * sum(terms)

    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < 0.99 else (low, middle)
    return 1 + high


def p99_mmk(rate: float, slots: int) -> float:
    """p99 of the time in M/M/k of service rate 1: an exponential service, and with Erlang's C a wait before it."""
    waits, spare = erlang_c(rate / slots, slots), slots - rate

    def beyond(t: float) -> float:
        return math.exp(-t) * (1 - waits) + waits * (spare * math.exp(-t) - math.exp(-spare * t)) / (spare - 1)

    low, high = 0.0, 100.0
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > 0.01 else (low, middle)
    return high


@pytest.mark.parametrize(
    ("name", "slots", "mean", "p99"),
    [
        ("M/M/1", 1, 1 / (1 - RHO), math.log(100) / (1 - RHO)),
        ("M/D/1", 1, 1 + RHO / (2 * (1 - RHO)), p99_mdone(RHO)),
        ("M/M/4", 4, 1 + mean_wait_mmk(4 * RHO, 1.0, 4), p99_mmk(4 * RHO, 4)),
    ],
)
def test_400_000_requests_come_within_2_per_cent_of_the_closed_form(
    name: str, slots: int, mean: float, p99: float
) -> None:
    """Mean and p99 of the time in the system, by arrays or heap and event by event alike."""
    came = stream(RHO * slots, 11)
    takes = np.ones(N) if name == "M/D/1" else exponential(11)
    by_event = shared(came, takes, Server(slots, tuple(float(k) for k in range(1, slots + 1)))).latency
    for found in (sojourn(came, takes, slots), by_event):
        assert found.mean() == pytest.approx(mean, rel=0.02)
        assert np.quantile(found, 0.99) == pytest.approx(p99, rel=0.02)


def test_shared_evenly_the_mean_is_that_of_first_in_first_out_for_exponential_service() -> None:
    """M/M/1 under processor sharing: the same mean, a far longer p99; and for any service, mean s / (1 − ρ)."""
    came, takes = stream(RHO, 12), exponential(12)
    even = shared(came, takes, Server(1_000, (1.0,))).latency
    assert even.mean() == pytest.approx(1 / (1 - RHO), rel=0.02)
    assert np.quantile(even, 0.99) > 1.2 * math.log(100) / (1 - RHO)
    constant = shared(came, np.ones(N), Server(1_000, (1.0,))).latency
    assert constant.mean() == pytest.approx(1 / (1 - RHO), rel=0.02)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0.01, 5)), min_size=1, max_size=40), st.integers(1, 4))
def test_arrays_heap_and_events_agree(rows: list[tuple[float, float]], slots: int) -> None:
    """Whatever comes and however long it takes, the three ways to reckon give the same starts."""
    gaps, takes = np.array(rows).T
    came = np.cumsum(gaps)
    server = Server(slots, tuple(float(k) for k in range(1, slots + 1)))
    assert shared(came, takes, server).latency == pytest.approx(sojourn(came, takes, slots), abs=1e-9)
    if slots == 1:
        assert fifo(came, takes, most_waiting=1e9) == pytest.approx(fifo(came, takes), abs=1e-9)


def test_many_windows_at_once_are_each_a_queue_of_its_own() -> None:
    """Two rows give what each gives alone."""
    came, takes = np.stack([stream(0.8, 1, 500), stream(0.5, 2, 500)]), np.stack([exponential(1, 500)] * 2)
    both = fifo(came, takes)
    assert both[1] == pytest.approx(fifo(came[1], takes[1]))


def test_who_would_wait_too_long_goes_elsewhere_and_leaves_no_trace() -> None:
    """By hand: the second would wait 9 s, the third 1 s."""
    starts = fifo(np.array([0.0, 1.0, 9.0]), np.array([10.0, 10.0, 1.0]), most_waiting=2.0)
    assert np.isnan(starts[1])
    assert starts[[0, 2]].tolist() == [0.0, 10.0]
    away = shared(np.array([0.0, 1.0, 12.0]), np.array([10.0, 10.0, 1.0]), Server(), Clients(most_waiting=2.0))
    assert away.elsewhere.tolist() == [False, True, False]
    assert away.latency[2] == 1.0


def test_a_slot_is_demanded() -> None:
    with pytest.raises(ValueError, match="needs a slot"):
        fifo(np.zeros(1), np.ones(1), 0)
    with pytest.raises(ValueError, match="speeds above 0"):
        shared(np.zeros(1), np.ones(1), Server(1, (0.0,)))


# --------------------------------------------------------------------------------------------------- by hand


def latency(came: list[float], takes: list[float], server: Server, clients: Clients | None = None) -> list[float]:
    found = shared(np.array(came), np.array(takes), server, clients).latency
    return [round(value, 9) for value in found.tolist()]


def test_two_that_share_slow_each_other_by_the_measured_rate() -> None:
    """Together 1.5 times one: each goes at .75 while both are there."""
    assert latency([0, 0], [3, 6], Server(2, (1.0, 1.5))) == [4.0, 7.0]


def test_the_third_of_two_slots_stands_in_line() -> None:
    assert latency([0, 0, 0], [2, 2, 2], Server(2, (1.0, 2.0))) == [2.0, 2.0, 4.0]


def test_the_first_request_waits_for_the_model_and_so_does_one_after_a_long_rest() -> None:
    server = Server(load=5.0, loaded=False, unload_after=10.0)
    assert latency([0, 1, 8, 40], [1, 1, 1, 1], server) == [6.0, 6.0, 1.0, 6.0]


def test_heat_slows_it_until_it_has_rested() -> None:
    """Full speed for 4 s, then half; a long rest brings full speed back."""
    server = Server(throttle_after=4.0, throttled=0.5)
    assert latency([0, 30], [6, 2], server) == [8.0, 2.0]
    assert latency([0, 9], [6, 2], server) == [8.0, 4.0]


def test_a_client_gives_up_and_asks_again() -> None:
    """The second gives up at 2, asks again at 2.5, and is answered at 4; a server that does not stop works for two."""
    clients = Clients(timeout=2.0, retries=1, pause=0.5)
    found = shared(np.array([0.0, 0.0]), np.array([1.5, 1.0]), Server(), Clients(timeout=2.0, retries=1, pause=0.5))
    assert found.latency.tolist() == [1.5, 3.5]
    assert found.attempts.tolist() == [1, 2]
    lost = shared(np.array([0.0]), np.array([3.0]), Server(), clients)
    assert lost.failed.tolist() == [True]
    assert (lost.attempts.tolist(), lost.busy) == ([2], 4.0)
    deaf = shared(np.array([0.0]), np.array([3.0]), Server(), Clients(timeout=2.0, retries=1, stops=False))
    assert deaf.busy == 6.0


def test_retries_turn_a_load_that_can_be_borne_into_one_that_cannot() -> None:
    """At load .9 with a tight timeout, asking again feeds the queue: many more lost than without."""
    came, takes = stream(0.9, 13, 50_000), exponential(13, 50_000)
    impatient = [shared(came, takes, Server(), Clients(timeout=6.0, retries=k, stops=False)) for k in (0, 3)]
    assert impatient[1].attempts.sum() > 1.5 * len(came)
    assert impatient[1].failed.mean() > 2 * impatient[0].failed.mean()


def test_a_minute_has_so_many_requests_and_tokens() -> None:
    """Two a minute: the third is refused, and passes when half a minute has filled the bucket again."""
    server = Server(slots=100, speeds=(), requests_a_minute=2)
    assert latency([0, 0, 0], [1, 1, 1], server, Clients(retries=1)) == [1.0, 1.0, 31.0]
    assert latency([0, 0, 0], [1, 1, 1], server) == [1.0, 1.0, math.inf]
    tokens = shared(
        np.zeros(2), np.ones(2), Server(100, (), tokens_a_minute=60), Clients(retries=2), tokens=np.array([50.0, 30.0])
    )
    assert tokens.latency.tolist() == pytest.approx([1.0, 21.0])
    assert tokens.refused == 1


# --------------------------------------------------------------------------------------------------- at once


@pytest.mark.parametrize("slots", [1, 4])
@pytest.mark.parametrize("sigma", [0.3, 0.8])
@pytest.mark.parametrize("rho", [0.3, 0.5, 0.7, 0.85])
def test_the_instant_curve_stays_within_its_stated_error(slots: int, sigma: float, rho: float) -> None:
    """Against the simulator: the range its docstring states, for service times that vary by .3 to 1 of their mean."""
    rng = np.random.default_rng([int(100 * sigma), slots])
    pool = np.exp(rng.normal(0, sigma, 300))
    pool /= pool.mean()
    came, takes = stream(rho * slots, 14, 300_000), rng.choice(pool, 300_000)
    qs = np.array([0.5, 0.95, 0.99])
    error = (
        allen_cunneen_quantiles(pool, rho * slots, qs, slots=slots) / np.quantile(sojourn(came, takes, slots), qs) - 1
    )
    noise = 0.03  # of the simulation itself
    low, high = ([-0.06, -0.04, -0.07], [0.05, 0.07, 0.14]) if slots == 1 else ([-0.08] * 3, [0.08] * 3)
    assert (error >= np.array(low) - noise).all(), error
    assert (error <= np.array(high) + noise).all(), error


def test_the_instant_curve_says_nothing_of_unstable_loads() -> None:
    assert np.isnan(allen_cunneen_quantiles(np.ones(5), 0.96, np.array([0.5]))).all()
    assert allen_cunneen_quantiles(np.ones(5), 1e-12, np.array([0.5]))[0] == pytest.approx(1.0)
