"""A Plan is carried out: trials in their shuffled order, resumable at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from edgebench.contracts import Prompting, Scenario, Store
from edgebench.load import scenarios
from edgebench.load.arrivals import repeated
from edgebench.load.clock import now_ns, wall_label
from edgebench.load.stopping import Stopping
from edgebench.meters.host import Host, device_name, fingerprint
from edgebench.meters.memory import Memory
from edgebench.meters.sampled import Sampler
from edgebench.plan import unfold
from edgebench.records import Item, Plan, Record, ScenarioSpec, Segment, Trial, Workload, redirects
from edgebench.run.assembling import Assembly, assemble
from edgebench.run.certify import certificate_of_a_start
from edgebench.run.enough import enough
from edgebench.run.extending import earlier, take_over
from edgebench.run.freezing import freeze
from edgebench.run.judging import judging, with_rubrics
from edgebench.run.networks import PLACE, with_networks
from edgebench.run.scoring import score
from edgebench.run.spending import Bill
from edgebench.run.trials import Setting, run_trial
from edgebench.store.redaction import claim
from edgebench.store.sql import SqlStore, new_id
from edgebench.workloads import load

#: Packages whose version changes what is measured.
ENGINES = ("edgebench", "llama-cpp-python", "onnxruntime", "tokenizers", "openai", "httpx2", "genai-prices", "numpy")

#: Told after every record: how many are done, of how many, whose turn it is.
Progress = Callable[[int, int, str], None]
#: Told of every record as it is made.
Watch = Callable[[Record], None]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a start of a run ended."""

    run_id: str
    why: str  # "complete", "interrupted", "budget: …"
    issued: int
    not_issued: Mapping[str, int]
    resumed: bool


def execute(
    plan: Plan,
    *,
    store: Store,
    keys: Mapping[str, str] | None = None,
    fresh: bool = False,
    progress: Progress = lambda done, total, arm: None,
    say: Callable[[str], None] = lambda line: None,
    workload: Workload | None = None,
    trials: Sequence[Trial] | None = None,
    stopping: Stopping | None = None,
    watch: Watch = lambda record: None,
    certify: bool = True,
    certificate: Mapping[str, Any] | None = None,
) -> Finished:
    """Carry out a plan, or go on with the newest unfinished run of the very same experiment; then score it.

    ``keys``: target name → API key. ``fresh``: begin anew even if an unfinished run could be resumed.
    ``trials``: instead of the plan unfolded. ``stopping``: instead of one made from the plan's budget; ``watch``,
    told of every record beside the clock (so it must be quick), may use it to end the run.
    ``certify``: whether the instrument measures its own error first (some seconds); kept with the segment.
    ``certificate``: one of minutes ago instead.
    Raises UsageError and its kin before anything is timed; whatever targets do wrong is in the records.
    """
    job = with_rubrics(plan, workload or load(plan.workload, folder=Path(plan.folder), seeds=plan.seeds))
    trials = unfold(plan, job) if trials is None else trials
    assembly = assemble(plan, job, keys=keys or {}, store=store, progress=say)
    bill = Bill(plan)
    run_id = None if fresh else store.find(plan.digest, job.digest)
    if run_id is None:
        run_id = _begin(store, plan, job, trials, assembly, fresh=fresh, say=say)
    if plan.texts == "redact":
        say(claim())
    if line := repeated(plan.scenario, sum(_sizes(trials).values()), Path(plan.folder)):
        say(line)
    start = Start(plan, job, trials, assembly, store, run_id, bill, progress, stopping, watch)
    if start.done:
        say(f"resuming run {run_id}: {len(start.done)} requests are already done")
    finished = asyncio.run(start.carry_out(certify=certify, certificate=certificate, say=say))
    run = store.load(run_id)
    score(store, run, start.heard)
    freeze(store, run)
    return finished


def _begin(
    store: Store,
    plan: Plan,
    job: Workload,
    trials: Sequence[Trial],
    assembly: Assembly,
    *,
    fresh: bool,
    say: Callable[[str], None],
) -> str:
    """Write a new run down, with what an earlier one has measured of it already; returns its id."""
    run_id, found = new_id(), None
    if not fresh and isinstance(store, SqlStore):
        found = earlier(store, plan, job, trials, assembly.cards, device=device_name(), versions=versions())
    notes = () if found is None else (found.note,)
    store.begin(run_id, plan, job, trials, created_at=wall_label(), notes=notes)
    store.set_cards(run_id, assembly.cards)
    if found is not None and isinstance(store, SqlStore):
        take_over(store, run_id, found)
        say(f"{found.records} answers taken over from run {found.run.id}; only what is new is asked (--new asks all)")
    return run_id


def _sizes(trials: Sequence[Trial]) -> dict[tuple[int, int], int]:
    """(repetition, block) → the most requests an arm has there."""
    sizes: dict[tuple[int, int], int] = {}
    for trial in trials:
        if not trial.judges:
            here = (trial.repetition, trial.block)
            sizes[here] = max(sizes.get(here, 0), len(trial.item_digests))
    return sizes


class Start:
    """One start of a run: what is left of its trials, one after the other, kept as one Segment."""

    def __init__(
        self,
        plan: Plan,
        job: Workload,
        trials: Sequence[Trial],
        assembly: Assembly,
        store: Store,
        run_id: str,
        bill: Bill,
        progress: Progress,
        stopping: Stopping | None = None,
        watch: Watch = lambda record: None,
    ) -> None:
        self._plan, self._trials, self._assembly = plan, trials, assembly
        self._store, self._run_id, self._bill, self._progress = store, run_id, bill, progress
        self._items = {item.digest: item for item in job.items}
        self._total = sum(len(trial.item_digests) for trial in trials)
        self._sampler = Sampler()  # one process for all trials
        self._not_issued: Counter[str] = Counter()
        self._given_up: dict[str, str] = {}  # target → why
        self._enough: str | None = None  # why no further pass is needed
        self._pass = 0
        self._stopping, self._watch = stopping or Stopping(plan.budget), watch
        self.done = store.done(run_id)
        self.heard: dict[str, str] = {}  # answers whose text the store will not keep, until they are scored
        self._count = len(self.done)
        if plan.budget.usd is not None and self.done:
            self._stopping.spend(bill.of_run(store.load(run_id)))

    async def carry_out(
        self,
        *,
        certify: bool = True,
        certificate: Mapping[str, Any] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> Finished:
        """Every trial that is not done yet, until the end or a reason to stop; the segment says which."""
        left = any(self._todo(trial) for trial in self._trials)
        if certificate is None:
            certificate = await certificate_of_a_start(wanted=certify, say=say) if left else {}
        if left:
            certificate = await with_networks(certificate, self._assembly.networks, self._plan, say)
        segment, why = self._open_segment(certificate), "failed"
        try:
            with self._sampler, interruptible(self._stopping):
                for trial in self._trials:
                    self._judge(trial)
                    await self._trial(trial, segment)
            why = self._stopping.reason or "complete"
        finally:
            self._store.end_segment(segment.id, ended_at=wall_label(), why=why, not_issued=dict(self._not_issued))
        issued = self._count - len(self.done)
        return Finished(self._run_id, why, issued, dict(self._not_issued), bool(self.done))

    def _judge(self, trial: Trial) -> None:
        """Before each pass but the first: whether the plan's stop rule holds already."""
        spec = self._plan.stop
        if spec is None or self._enough or trial.repetition <= self._pass or not self._todo(trial):
            return
        self._pass = trial.repetition
        left = {
            each.arm
            for each in self._trials
            if not each.judges and self._todo(each) and each.target not in self._given_up
        }
        if not self._stopping():
            self._enough = enough(self._store.load(self._run_id), spec, left)

    def _todo(self, trial: Trial) -> list[tuple[int, Item]]:
        return [
            (index, self._items[digest])
            for index, digest in enumerate(trial.item_digests)
            if f"{trial.id}/{index}" not in self.done
        ]

    def _scenario(self, trial: Trial, todo: int) -> Scenario:
        """How this trial's requests arrive after the cold one: the same for every arm of a block."""
        if trial.judges:  # nobody waits for a verdict
            return scenarios.build(ScenarioSpec(), count=todo - 1, rng=np.random.default_rng(0), folder=Path())
        here = (trial.repetition, trial.block)
        used = sum(size for place, size in _sizes(self._trials).items() if place < here)
        used += len(trial.item_digests) - todo
        rng = np.random.default_rng(np.random.SeedSequence([self._plan.seeds.arrivals, *here]))
        folder = Path(self._plan.folder)
        return scenarios.build(self._plan.scenario, count=todo - 1, rng=rng, folder=folder, first=used)

    async def _trial(self, trial: Trial, segment: Segment) -> None:
        todo = self._todo(trial)
        reason = self._stopping() or self._given_up.get(trial.target) or self._enough
        if todo and reason:
            self._not_issued[reason] += len(todo)
        if not todo or reason:
            return
        self._progress(self._count, self._total, trial.arm)
        PLACE.set((trial.repetition, trial.block))
        prompting, asked = self._asked(trial, todo)
        if not asked:
            return
        outcome = await run_trial(
            trial,
            asked,
            target=self._assembly.targets[trial.target],
            prompting=prompting,
            setting=self._setting(trial, segment, self._scenario(trial, len(asked))),
        )
        self._not_issued.update(outcome.not_issued)
        if outcome.hopeless:
            self._given_up[trial.target] = outcome.hopeless

    def _asked(self, trial: Trial, todo: Sequence[tuple[int, Item]]) -> tuple[Prompting, Sequence[tuple[int, Item]]]:
        """How a trial's items are put, and the items as they are put: perturbed, or those with an answer to judge."""
        if trial.judges:
            prompting = judging(self._store.load(self._run_id), trial.judge, trial.judges, self.heard)
            asked = [(index, item) for index, item in todo if item.digest in prompting.answers]
            if missing := len(todo) - len(asked):
                self._not_issued["no answer to judge"] += missing
            judged = next((one for one in self._trials if one.arm == trial.judges), None)
            if judged is not None and redirects(judged.perturbation):  # an answer is judged by what was right for it
                asked = self._perturbed(judged, asked)
            return prompting, asked
        if trial.perturbations:
            todo = self._perturbed(trial, todo)
        return self._assembly.prompting(trial.prompting), todo

    def _perturbed(self, trial: Trial, todo: Sequence[tuple[int, Item]]) -> list[tuple[int, Item]]:
        noise, seed = self._assembly.perturbations[trial.perturbation], self._plan.seeds.perturbations
        return [(index, noise(item, seed)) for index, item in todo]

    def _setting(self, trial: Trial, segment: Segment, scenario: Scenario) -> Setting:
        spec = self._plan.targets[trial.target]
        return Setting(
            run_id=self._run_id,
            segment_id=segment.id,
            store=self._store,
            meters=(self._sampler, Memory(), Host()),
            scenario=scenario,
            stopping=self._stopping,
            retries=spec.retries,
            timeout_s=spec.timeout_s,
            answered=lambda record: self._answered(trial, record),
            advanced=lambda record: self._advanced(trial, record),
            opened=lambda target: self._store.set_identity(self._run_id, target.identity()),
        )

    def _answered(self, trial: Trial, record: Record) -> None:
        self._watch(record)
        self._stopping.spend(self._bill.of_record(trial.target, record))

    def _advanced(self, trial: Trial, record: Record) -> None:
        self._count += 1
        if self._plan.texts != "keep" and record.answer is not None:
            self.heard[record.id] = record.answer.text
        self._progress(self._count, self._total, trial.arm)

    def _open_segment(self, certificate: Mapping[str, Any]) -> Segment:
        number = next(row["segments"] for row in self._store.runs() if row["id"] == self._run_id) + 1
        segment = Segment(
            id=f"{self._run_id}.{number}",
            number=number,
            started_at=wall_label(),
            anchor_ns=now_ns(),
            host=dict(fingerprint()),
            versions=versions(),
            certificate=certificate,
        )
        self._store.add_segment(self._run_id, segment)
        return segment


def versions() -> dict[str, str]:
    """Versions of the packages that change what is measured; those not installed are not there."""
    found = {}
    for name in ENGINES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@contextlib.contextmanager
def interruptible(stopping: Stopping) -> Iterator[None]:
    """The first Ctrl-C stops cleanly; the second one is Python's own."""
    loop = asyncio.get_running_loop()

    def first() -> None:
        stopping.interrupt()
        for number in signals:
            loop.remove_signal_handler(number)

    signals = (signal.SIGINT, signal.SIGTERM) if sys.platform != "win32" else ()
    try:
        for number in signals:
            loop.add_signal_handler(number, first)
    except (ValueError, RuntimeError):  # not in the main thread: whoever started us handles signals
        signals = ()
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
