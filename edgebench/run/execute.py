"""A Plan is carried out: trials in their shuffled order, resumable at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgebench.contracts import Store
from edgebench.load.clock import now_ns, wall_label
from edgebench.load.scenarios import Closed
from edgebench.load.stopping import Stopping
from edgebench.meters.host import Host, fingerprint
from edgebench.meters.memory import Memory
from edgebench.plan import unfold
from edgebench.records import Plan, Record, Segment, Trial, Workload
from edgebench.run.assembling import Assembly, assemble
from edgebench.run.scoring import score_run
from edgebench.run.spending import spending
from edgebench.run.trials import Setting, run_trial
from edgebench.workloads import load

#: Packages whose version changes what is measured.
ENGINES = ("edgebench", "llama-cpp-python", "onnxruntime", "tokenizers", "openai", "httpx2", "genai-prices", "numpy")

#: Told after every record: how many are done, of how many, whose turn it is.
Progress = Callable[[int, int, str], None]


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
    run_id: str | None = None,
) -> Finished:
    """Carry out a plan, or go on with the newest unfinished run of the very same experiment; then score it.

    ``keys``: target name → API key. ``fresh``: begin anew even if an unfinished run could be resumed.
    Raises UsageError and its kin before anything is timed; whatever targets do wrong is in the records.
    """
    job = workload or load(plan.workload, folder=Path(plan.folder), seeds=plan.seeds)
    trials = unfold(plan, job)
    assembly = assemble(plan, job, keys=keys or {}, store=store, progress=say)
    spent = spending(plan)
    found = None if fresh else run_id or store.find(plan.digest, job.digest)
    if found is None:
        found = run_id or secrets.token_hex(4)
        store.begin(found, plan, job, trials, created_at=wall_label())
        store.set_cards(found, assembly.cards)
        done: set[str] = set()
    else:
        done = store.done(found)
        say(f"resuming run {found}: {len(done)} requests are already done")
    stopping = Stopping(plan.budget)
    if plan.budget.usd is not None:
        target_of = {trial.id: trial.target for trial in trials}
        stopping.spend(sum(spent(target_of[record.trial_id], record) for record in store.load(found).records))
    heard: dict[str, str] = {}  # answers whose text the store will not keep, until they are scored

    def listen(target: str, record: Record) -> None:
        stopping.spend(spent(target, record))
        if plan.texts != "keep" and record.answer is not None:
            heard[record.id] = record.answer.text

    finished = asyncio.run(_segment(plan, job, trials, assembly, store, found, done, progress, listen, stopping))
    score_run(store, found, heard=heard)
    return finished


async def _segment(
    plan: Plan,
    job: Workload,
    trials: tuple[Trial, ...],
    assembly: Assembly,
    store: Store,
    run_id: str,
    done: set[str],
    progress: Progress,
    listen: Callable[[str, Record], None],
    stopping: Stopping,
) -> Finished:
    segment = _open_segment(store, run_id)
    items = {item.digest: item for item in job.items}
    total = sum(len(trial.item_digests) for trial in trials)
    count, not_issued, given_up = len(done), Counter[str](), dict[str, str]()
    why = "failed"
    try:
        with _interruptible(stopping):
            for trial in trials:
                todo = [
                    (index, items[key])
                    for index, key in enumerate(trial.item_digests)
                    if f"{trial.id}/{index}" not in done
                ]
                reason = stopping() or given_up.get(trial.target)
                if reason or not todo:
                    not_issued.update({reason: len(todo)} if reason and todo else {})
                    continue

                def advanced(record: Record, trial: Trial = trial) -> None:
                    nonlocal count
                    count += 1
                    listen(trial.target, record)
                    progress(count, total, trial.arm)

                spec = plan.targets[trial.target]
                setting = Setting(
                    run_id=run_id,
                    segment_id=segment.id,
                    store=store,
                    meters=(Memory(), Host()),
                    scenario=Closed(plan.scenario.users),
                    stopping=stopping,
                    retries=spec.retries,
                    timeout_s=spec.timeout_s,
                    advanced=advanced,
                    opened=lambda target: store.set_identity(run_id, target.identity()),
                )
                progress(count, total, trial.arm)
                outcome = await run_trial(
                    trial,
                    todo,
                    target=assembly.targets[trial.target],
                    prompting=assembly.prompting(trial.prompting),
                    setting=setting,
                )
                not_issued.update(outcome.not_issued)
                if outcome.hopeless:
                    given_up[trial.target] = outcome.hopeless
        why = stopping.reason or "complete"
    finally:
        store.end_segment(segment.id, ended_at=wall_label(), why=why, not_issued=dict(not_issued))
    return Finished(run_id, why, count - len(done), dict(not_issued), bool(done))


def _open_segment(store: Store, run_id: str) -> Segment:
    number = next(row["segments"] for row in store.runs() if row["id"] == run_id) + 1
    segment = Segment(
        id=f"{run_id}.{number}",
        number=number,
        started_at=wall_label(),
        anchor_ns=now_ns(),
        host=dict(fingerprint()),
        versions=versions(),
    )
    store.add_segment(run_id, segment)
    return segment


def versions() -> dict[str, str]:
    """Versions of the packages that change what is measured; those not installed are not there."""
    found = {}
    for name in ENGINES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@contextlib.contextmanager
def _interruptible(stopping: Stopping) -> Iterator[None]:
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
