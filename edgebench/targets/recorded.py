"""A stored run as a target: the answers it got are given again, item by item.

For what-ifs that need no model: a cascade over recorded answers, a new prompting policy, a test. The store is not
reached from here; whoever builds the target passes in ``source``, which turns a run's id into the run.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

from edgebench.errors import TargetError, UsageError
from edgebench.records import FORBID_EXTRA, Call, Chunk, Completion, Identity, Parts, Record, Request, Run, Task
from edgebench.targets.engine import checked


@dataclass(frozen=True, slots=True)
class Options:
    """Which answers to give again, and how fast."""

    __pydantic_config__ = FORBID_EXTRA
    run: str = ""  # the stored run's id
    arm: str | None = None  # "target · prompting", or a target's name; None: the run has one arm only
    pace: Literal["instant", "as-recorded"] = "instant"


class Recorded:
    """Replays records by item digest; the k-th request of an item gets its k-th record, then from the first again."""

    def __init__(
        self,
        name: str,
        records: Mapping[str, Sequence[Record]],
        identity: Identity,
        *,
        pace: Literal["instant", "as-recorded"] = "instant",
    ) -> None:
        self.name = name
        self._records, self._identity, self._pace = records, identity, pace
        self._asked: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        self._asked.clear()
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def prepare(self, task: Task) -> None:
        return None

    async def answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        sent_ns = time.monotonic_ns()
        record = self._next(request)
        call = record.served or (record.calls[-1] if record.calls else None)
        await self._wait(call, sent_ns, request.timeout_s)
        failure = record.failure or (call.failure if call else None)
        if failure is not None:
            raise TargetError(failure.kind, f"as recorded: {failure.message}")
        if call is None or record.answer is None:
            raise TargetError("empty", "the recorded run has no answer to this item")
        now = time.monotonic_ns()
        text = call.text if call.text is not None else record.answer.text
        yield Chunk(text, at_ns=now, completion=_completion(call, sent_ns, now))

    def identity(self) -> Identity:
        return self._identity

    def pids(self) -> tuple[int, ...]:
        return ()

    def load_ns(self) -> int | None:
        return None

    def resident_before_load(self) -> int | None:
        return None

    def _next(self, request: Request) -> Record:
        records = self._records.get(request.item_digest, ())
        if not records:
            raise TargetError("not_found", "the recorded run does not hold this item")
        record = records[self._asked[request.item_digest] % len(records)]
        self._asked[request.item_digest] += 1
        return record

    async def _wait(self, call: Call | None, sent_ns: int, timeout_s: float) -> None:
        """As long as the recorded call took, but no longer than the time limit."""
        if self._pace == "instant" or call is None or call.sent_ns is None:
            return
        ended_ns = call.done_ns or call.end_ns
        took_s = 0.0 if ended_ns is None else (ended_ns - call.sent_ns) / 1e9
        await asyncio.sleep(min(took_s, timeout_s))
        if took_s > timeout_s:
            raise TargetError("timeout", f"no complete answer in {timeout_s:g} s")


def _completion(call: Call, sent_ns: int, now_ns: int) -> Completion:
    return Completion(
        usage=call.usage,
        finish_reason=call.finish_reason,
        sent_ns=sent_ns,
        end_ns=now_ns,
        phases=call.phases,
        confidence=call.confidence,
        confidence_method=call.confidence_method,
        scores=call.scores,
        served_model=call.served_model,
        stamp="user",
        notices=call.notices,
        client_output_tokens=call.client_output_tokens,
    )


def target(parts: Parts, *, source: Callable[[str], Run] | None = None) -> Recorded:
    """A replay of one arm of a stored run.

    Raises
    ------
    UsageError: no run named, no store to look in, no such arm.
    """
    options, _ = checked(Options, parts)
    if not options.run:
        raise UsageError(f"target {parts.name!r}: options.run is missing", hint="`edgebench runs list` shows the ids")
    if source is None:
        raise UsageError(f"target {parts.name!r}: a recorded target needs a store to replay from")
    run = source(options.run)
    arm = _arm(run, options.arm, parts.name)
    trials = {trial.id: trial for trial in run.trials if trial.arm == arm}
    records: dict[str, list[Record]] = {}
    for record in run.records:
        if record.trial_id in trials:
            records.setdefault(record.item_digest, []).append(record)
    original = run.identities[next(iter(trials.values())).target]
    identity = replace(
        original,
        name=parts.name,
        details={**original.details, "replayed_from": run.id, "replayed_arm": arm, "replayed_pace": options.pace},
    )
    return Recorded(parts.name, records, identity, pace=options.pace)


def _arm(run: Run, wanted: str | None, name: str) -> str:
    """The one arm meant."""
    arms = sorted({trial.arm for trial in run.trials})
    found = [
        arm
        for arm in arms
        if wanted is None or arm == wanted or any(trial.arm == arm and trial.target == wanted for trial in run.trials)
    ]
    if len(found) == 1:
        return found[0]
    problem = "names no arm" if not found else f"could be any of {len(found)} arms"
    raise UsageError(f"target {name!r}: options.arm {problem} of run {run.id}", hint=f"it has: {', '.join(arms)}")
