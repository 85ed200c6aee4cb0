"""The search for the least memory, on machines made up and on the real one."""

from __future__ import annotations

import mmap
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench.errors import NothingRan, UsageError
from edgebench.records import Plan, TargetSpec, WorkloadSpec
from edgebench.run.fitting import MIB, RESOLUTION, Start, boards, bounds, search
from edgebench.run.squeezing import of_plan
from edgebench.targets.confine import cached_bytes, uncache
from tests.confining import confined


@dataclass
class Machine:
    """A target that needs ``needs`` MiB for full speed, thrashes below and cannot live under ``dies``."""

    needs: float
    dies: float = 0.0
    charged: float = 300.0
    noise: float = 0.02
    seed: int = 1
    thrash: Callable[[float], float] = lambda share: share**4
    asked: list[tuple[int | None, float | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rng, self._drift = np.random.default_rng(self.seed), 1.0

    async def start(self, limit_bytes: int | None, most_s: float | None) -> Start:
        self.asked.append((limit_bytes, most_s))
        self._drift *= 0.99  # it gets warm: every start is slower than the one before
        mib = np.inf if limit_bytes is None else limit_bytes / MIB
        if mib < self.dies:
            return Start(limit_bytes, wall_s=1.0, failure="out_of_memory: the kernel killed the process for memory")
        share = min(1.0, mib / self.needs)
        speed = 100 * self._drift * self.thrash(share) * np.exp(self._rng.normal(0, self.noise, 3))
        wall_s = float(3.0 * 100 / speed.mean())
        if most_s is not None and wall_s > most_s:
            return Start(limit_bytes, wall_s=most_s, failure=f"took more than {most_s:.0f} s")
        return Start(limit_bytes, tuple(map(float, speed)), wall_s, charged_bytes=self.charged * MIB)


async def fitted(machine: Machine, **more: Any) -> Any:
    return await search("m", machine.start, unit="tok/s", **more)


@pytest.mark.parametrize("needs", [40, 97, 130, 211, 290])
async def test_the_least_memory_is_found_on_a_machine_that_gets_slower(needs: float) -> None:
    """The bracket holds what a loss of 5 % takes, and is as narrow as it is said to be."""
    fit = await fitted(Machine(needs))
    wanted = needs * 0.95**0.25
    assert fit.too_small_bytes / MIB < wanted * 1.01
    assert wanted * 0.99 < fit.limit_bytes / MIB < wanted * RESOLUTION**2 + 1
    assert fit.limit_bytes <= fit.too_small_bytes * RESOLUTION**2 + 2 * MIB  # one more step where one was undecided
    assert list(fit.points) == sorted(fit.points, key=lambda point: point.limit_bytes)


async def test_what_is_too_small_by_far_costs_one_start_and_cannot_take_for_ever() -> None:
    """Killed, or thrashing beyond its time: no second look, and no unlimited start beside it."""
    machine = Machine(200, dies=100, thrash=lambda share: share**40)
    fit = await fitted(machine)
    killed = [point for point in fit.points if point.last.failure and "out_of_memory" in point.last.failure]
    slow = [point for point in fit.points if point.last.failure and "took more than" in point.last.failure]
    assert killed and slow
    assert all(point.verdict == "too small" and point.pairs == 0 for point in (*killed, *slow))
    assert all(most_s is not None for limit, most_s in machine.asked if limit is not None)


async def test_starts_are_in_pairs_of_alternating_order() -> None:
    """So that a drift of the machine is nobody's fault."""
    machine = Machine(10, charged=18)  # everything fits: one limit is tried again and again
    await fitted(machine)
    order = [limit is None for limit, _ in machine.asked[1:7]]
    assert order == [False, True, True, False, False, True]


async def test_a_target_that_is_never_at_full_speed_is_hardly_ever_said_to_be() -> None:
    """A tenth slower whatever the limit, on a machine whose starts differ by 5 %: ten searches, one slip at most."""
    slow = [
        Machine(1e6, charged=40, noise=0.05, seed=seed, thrash=lambda share: 1.0 if share == 1 else 0.9)
        for seed in range(10)
    ]
    found = [(await fitted(machine)).limit_bytes for machine in slow]
    assert sum(limit is not None for limit in found) <= 1
    fit = await fitted(Machine(1e6, charged=40, thrash=lambda share: 1.0 if share == 1 else 0.9))
    assert fit.boards == () and fit.needed_bytes is None


async def test_more_than_was_charged_is_tried_when_that_is_not_enough() -> None:
    """What an unlimited start is charged differs from one to the next."""
    fit = await fitted(Machine(230, charged=200, thrash=lambda share: share**12))
    assert 200 * MIB < fit.limit_bytes <= 250 * MIB


async def test_a_target_that_does_not_run_has_no_fit() -> None:
    """Nor one of which nobody knows what it was charged."""

    async def broken(limit_bytes: int | None, most_s: float | None) -> Start:
        return Start(limit_bytes, failure="load_failed: no such file")

    async def uncounted(limit_bytes: int | None, most_s: float | None) -> Start:
        return Start(limit_bytes, (1.0,), 1.0)

    starters: list[Callable[[int | None, float | None], Awaitable[Start]]] = [broken, uncounted]
    for starter, said in zip(starters, ("load_failed", "does not tell"), strict=True):
        with pytest.raises(NothingRan, match=said):
            await search("m", starter, unit="tok/s")


def test_boards_keep_a_reserve_for_their_own_system() -> None:
    """600 MiB and half a GiB of reserve do not go into one GiB, but into two."""
    small, two, *_ = boards(600 * MIB)
    assert (small.fits, small.spare_bytes) == (False, -88 * MIB)
    assert (two.fits, two.spare_bytes) == (True, 936 * MIB)


def test_bounds_are_those_of_students_t_on_logarithms() -> None:
    """Against scipy, on four ratios; none from one."""
    from scipy import stats

    ratios = [0.97, 1.01, 0.99, 1.02]
    centre, low, high = bounds(ratios)
    wanted = np.exp(stats.t.interval(0.90, 3, np.log(ratios).mean(), stats.sem(np.log(ratios))))
    assert (low, high) == pytest.approx(tuple(wanted))
    assert centre == pytest.approx(stats.gmean(ratios))
    assert bounds([0.9]) == (pytest.approx(0.9), None, None)


# --------------------------------------------------------------------------------------------------------- for real


OPTIONS = {"n_ctx": 256, "batch": 64, "threads": 1, "constrain": "none", "max_tokens": 2}


def plan(model: Path, **fields: Any) -> Plan:
    spec = TargetSpec(kind="llama.cpp", file=str(model), options=OPTIONS)
    job = WorkloadSpec(builtin="support-triage", items=2)
    return Plan("?", job, {"here": spec, "there": TargetSpec(kind="openai", model="m")}, prompting=("raw",), **fields)


@confined
async def test_a_real_start_is_timed_and_weighed_and_one_in_too_little_fails(model_files: dict[str, Path]) -> None:
    """SmolLM2 sorts two messages with the machine's memory, and cannot in 24 MiB."""
    with of_plan(plan(model_files["smollm2"]), "here").own_files() as squeezed:
        free = await squeezed.start(None, None)
        assert squeezed.unit == "answers/s"
        assert free.failure is None and len(free.speeds) == 1 and free.speeds[0] > 0
        size = model_files["smollm2"].stat().st_size
        assert free.charged_bytes is not None and size < free.charged_bytes < 4 * size
        assert free.anon_bytes and free.file_bytes and free.peak_bytes
        starved = await squeezed.start(24 * MIB, 3.0)
        assert starved.failure is not None and starved.speeds == ()


def test_a_target_that_loads_nothing_here_cannot_be_fitted(model_files: dict[str, Path]) -> None:
    """Nor one that is not in the plan."""
    with pytest.raises(UsageError, match="loads no model file"):
        of_plan(plan(model_files["smollm2"]), "there")
    with pytest.raises(UsageError, match="no target 'nobody'") as caught:
        of_plan(plan(model_files["smollm2"]), "nobody")
    assert "here" in str(caught.value.hint)


@confined
def test_a_file_that_another_process_holds_is_copied(model_files: dict[str, Path], tmp_path: Path) -> None:
    """Else its pages would be charged to that process, and any limit would pass."""
    model = tmp_path / "model.gguf"
    model.write_bytes(model_files["smollm2"].read_bytes()[: 8 * MIB])
    squeezed = of_plan(plan(model), "here")
    with squeezed.own_files() as alone:
        assert alone.parts.files["model"] == str(model)
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as held:
        assert sum(held[at] for at in range(0, len(held), 4096)) >= 0
        uncache([str(model)])
        assert (cached_bytes(str(model)) or 0) >= 8 * MIB
        with squeezed.own_files() as alone:
            copy = Path(alone.parts.files["model"])
            assert copy != model and copy.stat().st_size == 8 * MIB
        assert not copy.exists()
    uncache([str(model)])
    assert cached_bytes(str(model)) == 0
