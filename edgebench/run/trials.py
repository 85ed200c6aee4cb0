"""One Trial: open the target, let the scenario drive, keep a Record of every request issued.

The target is opened anew for each trial, so that every block has its own start, load and cold request.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass

from edgebench.contracts import MOMENT, Meter, Prompting, Scenario, Store, Target
from edgebench.errors import TargetError
from edgebench.load.clock import now_ns
from edgebench.load.stopping import Stopping
from edgebench.records import Answer, Call, Failure, Item, Reading, Record, Trial
from edgebench.run.asking import Asking, detached
from edgebench.run.keeping import keeping

#: Kinds that will not mend themselves while this run goes on: the arm is given up, the other arms go on.
HOPELESS = frozenset({"load_failed", "unauthorized", "not_found"})
#: How often a target that dies inside one trial is started again.
RESTARTS = 3
#: After an interrupt, how long (s) answers under way may still finish.
PATIENCE_S = 5.0
#: How long (s) the thread that keeps records may hold up the one that sends; Python's own 5 ms would be seen.
SWITCH_S = 0.0002

#: What is not issued yet: place in the trial → item, in the order of sending.
Left = dict[int, Item]


@dataclass(frozen=True)
class Setting:
    """What a trial needs besides itself."""

    run_id: str
    segment_id: str
    store: Store
    meters: Sequence[Meter]
    scenario: Scenario
    stopping: Stopping
    retries: int
    timeout_s: float
    answered: Callable[[Record], None] = lambda record: None  # told as soon as there is a record …
    advanced: Callable[[Record], None] = lambda record: None  # … and when it is kept
    opened: Callable[[Target], None] = lambda target: None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial went: why its arm is to be given up, if it is, and what was never issued, by reason."""

    hopeless: str | None
    not_issued: Mapping[str, int]


class Gone(Exception):
    """The target can answer nothing more; carries why."""

    def __init__(self, error: TargetError) -> None:
        super().__init__(error.message)
        self.error = error


async def run_trial(
    trial: Trial,
    todo: Sequence[tuple[int, Item]],
    *,
    target: Callable[[], Target],
    prompting: Prompting,
    setting: Setting,
) -> Outcome:
    """Issue the requests of ``todo`` (place in the trial, item), starting the target again when it dies."""
    hopeless, left = None, dict(todo)
    for _ in range(1 + RESTARTS):
        try:
            await _start(trial, left, target(), prompting, setting)
            break
        except Gone as gone:
            hopeless = gone.error.kind if gone.error.kind in HOPELESS else None
        if hopeless or not left or setting.stopping():
            break
    why = setting.stopping() or hopeless or "target kept dying"
    return Outcome(hopeless, {why: len(left)} if left else {})


async def _start(trial: Trial, left: Left, target: Target, prompting: Prompting, setting: Setting) -> None:
    """One start of the target; takes what it has issued out of ``left``. Raises Gone when the target goes."""
    due_ns, ready = now_ns(), False
    try:
        async with target:
            prepared_ns = now_ns()
            await target.prepare(prompting.task)
            prepared_ns = now_ns() - prepared_ns
            ready = True
            setting.opened(target)
            _mark(setting, trial, target, "load", prepared_ns)
            await _drive(trial, left, target, prompting, setting)
    except TargetError as error:
        if not ready:  # the request it was started for has met that failure
            index = next(iter(left))
            item = left.pop(index)
            call = Call("answer", due_ns, end_ns=now_ns(), failure=Failure(error.kind, error.message))
            record = _record(trial, index, item, setting, due_ns, [call], None, cold=True, failure=error)
            setting.answered(record)
            setting.store.append(setting.run_id, [record])
            setting.advanced(record)
        raise Gone(error) from error


async def _drive(trial: Trial, left: Left, target: Target, prompting: Prompting, setting: Setting) -> None:
    """The cold request alone, then the scenario with the rest."""
    work, flying, pace = tuple(left.items()), 0, setting.scenario.pace
    gone: TargetError | None = None

    async def send(place: int, due_ns: int) -> None:
        nonlocal gone, flying
        flying += 1
        index, item = work[place]
        asking = Asking(target, due_ns=due_ns, retries=setting.retries, timeout_s=setting.timeout_s)
        answer, failure = None, None
        try:
            answer = await prompting(item, asking)
        except TargetError as error:
            failure = detached(error)
        record = _record(
            trial,
            index,
            item,
            setting,
            due_ns,
            asking.calls,
            asking.done_ns,
            cold=place == 0,
            answer=answer,
            failure=failure,
        )
        flying -= 1
        del left[index]
        setting.answered(record)
        gone = gone or asking.fatal
        await keeper.keep(record, beside_others=flying > 0 or (pace is not None and place > 0))

    async def paced(place: int, due_ns: int) -> None:
        """As ``send``, in a context of its own that knows when the request is due."""
        if pace is not None:
            moment = pace.moment(due_ns)
            MOMENT.set(moment)
            await moment.ready()
        await send(place + 1, due_ns)

    def stop() -> str | None:
        return setting.stopping() or (gone.kind if gone else None)

    async def everything() -> None:
        if stop() is None:
            await send(0, now_ns())
            _mark(setting, trial, target, "first")
        await setting.scenario.drive(len(work) - 1, paced, stop)

    room = None if pace is None else pace.room
    async with keeping(setting.store, setting.run_id, setting.advanced, room) as keeper, _quiet():
        await _until_interrupted(everything(), setting.stopping)
    _mark(setting, trial, target, "steady")
    if gone is not None:
        raise Gone(gone)


async def _until_interrupted(everything: Coroutine[None, None, None], stopping: Stopping) -> None:
    """Wait until all is done; once interrupted, give answers under way a little time and then let go."""
    task, word = asyncio.create_task(everything), asyncio.create_task(stopping.interrupted.wait())
    try:
        await asyncio.wait({task, word}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=PATIENCE_S)
        if task.done():
            task.result()
    except BaseExceptionGroup as group:  # the first of what the users met, as if there had been one user
        raise group.exceptions[0] from None
    finally:
        for each in (task, word):
            each.cancel()
        await asyncio.gather(task, word, return_exceptions=True)


@contextlib.asynccontextmanager
async def _quiet() -> AsyncIterator[None]:
    """No garbage collection of ours while requests are timed; what is there now is not looked at again."""
    patience_s = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(patience_s)
        gc.enable()
        gc.unfreeze()


def _mark(setting: Setting, trial: Trial, target: Target, phase: str, prepared_ns: int | None = None) -> None:
    pids = target.pids()
    readings = [reading for meter in setting.meters for reading in meter.mark(phase, pids, trial_id=trial.id)]
    if phase == "load":
        before = target.resident_before_load()
        if before is not None:
            readings.append(Reading(trial.id, "memory", "rss_bytes", float(before), "B", "start", now_ns()))
        times = {"load_ns": target.load_ns(), "prepare_ns": prepared_ns}
        readings += [
            Reading(trial.id, "load", name, float(value), "ns", phase, now_ns())
            for name, value in times.items()
            if value is not None
        ]
    setting.store.add_readings(setting.run_id, readings)


def _record(
    trial: Trial,
    index: int,
    item: Item,
    setting: Setting,
    due_ns: int,
    calls: Sequence[Call],
    done_ns: int | None,
    *,
    cold: bool,
    answer: Answer | None = None,
    failure: TargetError | None = None,
) -> Record:
    return Record(
        id=f"{trial.id}/{index}",
        trial_id=trial.id,
        segment_id=setting.segment_id,
        item_digest=item.digest,
        index=index,
        due_ns=due_ns,
        sent_ns=calls[0].sent_ns if calls else None,
        done_ns=None if failure else done_ns,
        calls=tuple(calls),
        answer=answer,
        failure=Failure(failure.kind, failure.message) if failure else None,
        cold=cold,
    )
