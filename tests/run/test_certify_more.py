"""The certificate's figures of memory, schedules and CPU: what they hold, and that each finds the fault it is for."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgebench.load import arrivals as load_arrivals
from edgebench.load.arrivals import Offsets
from edgebench.meters.memory import Memory
from edgebench.records import Chunk, Parts, Reading, Request
from edgebench.run.certify import _alone
from edgebench.run.certifying import arrivals, cpu, memory
from edgebench.run.certifying.scoring import Check
from edgebench.run.certifying.subject import Subject
from edgebench.run.truth import TruthServer
from edgebench.targets.openai_compatible import target

# ------------------------------------------------------------------------------------------------------------- memory


class Faulty(Memory):
    """A meter that misses quantities, or reports a share of some."""

    def __init__(self, shares: dict[str, float]) -> None:
        super().__init__()
        self._shares = shares

    def mark(self, phase: str, pids: Sequence[int], *, trial_id: str) -> list[Reading]:
        found = [(one, self._shares.get(one.quantity, 1.0)) for one in super().mark(phase, pids, trial_id=trial_id)]
        return [replace(one, value=one.value * share) for one, share in found if share]


def weighed(**shares: float) -> dict[str, Check]:
    return {one.name: one for one in asyncio.run(memory.weights(Faulty(shares)))}


def test_the_memory_meter_is_right_or_absent() -> None:
    """Short peaks and the split of a real child; where the system tells nothing, absent with the reason."""
    found = weighed()
    assert list(found) == ["memory-peak-64-off", "memory-peak-256-off", "memory-file-off", "memory-anon-off"]
    for one in found.values():
        assert one.passed or (one.passed is None and one.note), one


@pytest.mark.parametrize("kind", ["peak", "file", "anon"])
def test_a_meter_that_reports_half_fails(kind: str) -> None:
    """Half the peak, half the mapped file, half of what is held."""
    hit = [one for name, one in weighed(**{f"{kind}_bytes": 0.5}).items() if f"-{kind}-" in name]
    if any(one.passed is None for one in hit):
        pytest.skip("this system tells nothing of it")
    assert [one.passed for one in hit] == [False] * len(hit)
    assert hit


def test_what_the_system_does_not_tell_is_absent() -> None:
    """No pass and no failure, no value, a reason."""
    for one in weighed(peak_bytes=0, file_bytes=0, anon_bytes=0).values():
        assert (one.value, one.passed) == (None, None)
        assert one.note


def test_a_child_that_dies_is_a_failure_and_no_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was weighed, which is not the system's doing."""
    monkeypatch.setattr(memory, "CHILD", "raise SystemExit(1)")
    assert {(one.value, one.passed) for one in weighed().values()} == {(None, False)}


def test_a_temporary_folder_in_memory_has_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pages are shared memory, so the split cannot be examined by them; the rest can."""
    monkeypatch.setattr(memory, "file_system", lambda folder: "tmpfs")
    found = weighed()
    assert found["memory-file-off"].passed is None
    assert "tmpfs" in found["memory-file-off"].note


# ---------------------------------------------------------------------------------------------------------- schedules


def scheduled(**generators: Any) -> dict[str, Check]:
    return {one.name: one for one in asyncio.run(arrivals.schedules(**generators))}


def test_our_schedules_are_what_they_are_called() -> None:
    """All three pass, the same each time, with the index of dispersion itself in the note."""
    found = scheduled()
    assert list(found) == ["poisson-dispersion-off", "poisson-gap-autocorrelation", "constant-rate-off"]
    assert all(one.passed for one in found.values())
    assert "index of dispersion" in found["poisson-dispersion-off"].note
    assert found == scheduled()


def doubled(rate: float, count: int, rng: np.random.Generator) -> Offsets:
    return load_arrivals.poisson(rate, count, rng) * 2


def shared_seed(rate: float, count: int, rng: np.random.Generator) -> Offsets:
    """Two workers that draw the same gaps."""
    return np.repeat(load_arrivals.poisson(rate / 2, count // 2, rng), 2)


def steady(rate: float, count: int, rng: np.random.Generator) -> Offsets:
    return load_arrivals.constant(rate, count)


def bursts(rate: float, count: int, rng: np.random.Generator) -> Offsets:
    return load_arrivals.gamma(rate, 2.0, count, rng)


@pytest.mark.parametrize("poisson", [doubled, shared_seed, steady, bursts])
def test_arrivals_that_only_look_like_poisson_fail(poisson: Any) -> None:
    """Another rate, workers with one seed, even arrivals (too small an index), bursts (too large a one)."""
    assert scheduled(poisson=poisson)["poisson-dispersion-off"].passed is False


def test_gaps_that_hang_together_fail() -> None:
    """Each gap follows from the one before."""

    def paired(rate: float, count: int, rng: np.random.Generator) -> Offsets:
        gaps = np.repeat(rng.exponential(1e9 / rate, count // 2), 2)
        return np.cumsum(gaps).astype(np.int64)

    assert scheduled(poisson=paired)["poisson-gap-autocorrelation"].passed is False


def test_a_constant_rate_that_is_off_fails() -> None:
    """By two in a thousand; no arrivals to speak of are no figure."""
    slow = scheduled(constant=lambda rate, count: load_arrivals.constant(rate * 0.998, count))
    assert slow["constant-rate-off"].passed is False
    assert math.isnan(arrivals.rate_off(np.zeros(3, dtype=np.int64), 1.0))


# ---------------------------------------------------------------------------------------------------------------- CPU


def cost(make: Any) -> Check:
    async def scene() -> Check:
        async with TruthServer() as server, Subject(server, make) as subject:
            (found,) = await cpu.per_chunk(subject, server, rounds=1, long=30, short=4)
            return found

    return asyncio.run(scene())


class Burning:
    """Our target, with CPU burnt at every chunk, or with every other chunk lost."""

    def __init__(self, parts: Parts, *, burn_ms: float = 0.0, lose: bool = False) -> None:
        self._inner, self._burn_ms, self._lose = target(parts), burn_ms, lose

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def __aenter__(self) -> Burning:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self._inner.__aexit__(*exc)

    async def answer(self, request: Request) -> AsyncIterator[Chunk]:
        lost = False
        async for chunk in self._inner.answer(request):
            until = time.process_time() + self._burn_ms / 1000
            while time.process_time() < until:
                pass
            lost = self._lose and chunk.completion is None and not lost
            if not lost:
                yield chunk


def test_cpu_is_set_against_a_bare_reader_and_not_judged() -> None:
    """One ratio with both costs in its note. How large it is is not asked of a busy machine."""
    found = cost(target)
    assert (found.name, found.limit, found.judged) == ("client-cpu-per-chunk-ratio", 2.0, False)
    assert found.n == 4 * 26
    assert "a bare reader" in found.note


def test_a_client_that_burns_cpu_is_beyond_the_limit() -> None:
    """Two milliseconds a chunk, where a bare reader needs a twentieth of one."""
    assert cost(lambda parts: Burning(parts, burn_ms=2.0)).passed is False


def test_chunks_that_are_lost_give_no_figure() -> None:
    """A client is not cheap because it drops half of its work."""
    found = cost(lambda parts: Burning(parts, lose=True))
    assert (found.value, found.passed, found.n) == (None, False, 0)


# ------------------------------------------------------------------------------------------------------- where they are


def test_the_full_certificate_holds_them() -> None:
    """Sections without a server of the others'; they make checks that can be written as JSON."""
    assert [what for what, _ in _alone(target)] == ["a server that freezes", "memory", "schedules"]
    assert all(set(one.mapping()) >= {"name", "value", "unit", "limit", "passed"} for one in scheduled().values())
