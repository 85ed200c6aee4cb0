"""One start of a target under a memory limit: a few prompts answered, its speed and its memory taken.

Every start, the unlimited ones too, is made in a control group of its own after the model file was dropped from the
page cache: then all are charged alike. The first prompt is cold and not counted.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from edgebench import plugins
from edgebench.contracts import Prompting, Target
from edgebench.errors import NothingRan, TargetError, UsageError
from edgebench.load.clock import now_ns
from edgebench.meters.confined import group_of, mapped_bytes
from edgebench.meters.memory import Memory
from edgebench.plan import base_cell, promptings_of
from edgebench.records import Call, Item, Parts, Plan, Reading, Task, Workload, WorkloadSpec
from edgebench.run.asking import Asking
from edgebench.run.assembling import assemble, build_prompting
from edgebench.run.fitting import Start
from edgebench.targets.confine import cached_bytes, uncache
from edgebench.workloads import load

PROMPTS = 3  # counted ones of a start, after a cold one
TOKENS = 32  # an answer's, where a card is fitted without a plan
LEAST_CHUNKS = 8  # from which a decode speed can be told
HELD_SHARE = 0.05  # of a file still in the page cache after it was dropped: somebody else maps it
INSTRUCTION = "Reply to the customer's message in a few friendly sentences."


@dataclass(frozen=True)
class Squeezed:
    """What is put under limits: a target's parts, and the work it is given."""

    parts: Parts
    prompting: Prompting
    items: Sequence[Item]
    timeout_s: float
    unit: str

    async def start(self, limit_bytes: int | None, most_s: float | None) -> Start:
        """One start under a limit (None: all of this machine's memory), ended after ``most_s`` seconds."""
        size = psutil.virtual_memory().total if limit_bytes is None else limit_bytes
        parts = replace(self.parts, spec=replace(self.parts.spec, memory_limit=f"{size}B"))
        target: Target = plugins.find("targets", parts.spec.kind)(parts)
        began = time.monotonic()
        try:
            async with asyncio.timeout(most_s):
                calls, readings = await self._answered(target)
        except TargetError as error:
            return Start(limit_bytes, wall_s=time.monotonic() - began, failure=f"{error.kind}: {error.message}")
        except TimeoutError:
            return Start(limit_bytes, wall_s=time.monotonic() - began, failure=f"took more than {most_s:.0f} s")
        speeds = tuple(self._speed(call) for call in calls[1:])
        return replace(_weighed(limit_bytes, readings), speeds=speeds, wall_s=time.monotonic() - began)

    async def _answered(self, target: Target) -> tuple[list[Call], dict[str, float]]:
        meter, readings = Memory(), list[Reading]()
        calls: list[Call] = []
        async with target:
            await target.prepare(self.prompting.task)
            readings += meter.mark("load", target.pids(), trial_id="fit")
            for item in self.items:
                asking = Asking(target, due_ns=now_ns(), retries=0, timeout_s=self.timeout_s)
                await self.prompting(item, asking)
                calls.append(asking.calls[-1])
            readings += meter.mark("steady", target.pids(), trial_id="fit")
            return calls, _largest(readings) | _mapped(target)

    def _speed(self, call: Call) -> float:
        """Decoded tokens a second, or answers a second where answers are no streams of tokens."""
        if self.unit == "tok/s" and call.first_ns is not None and call.done_ns is not None:
            return (len(call.chunk_ns) - 1) / max(1, call.done_ns - call.first_ns) * 1e9
        return 1e9 / max(1, (call.done_ns or call.end_ns or 0) - (call.sent_ns or 0))

    @contextmanager
    def own_files(self) -> Iterator[Squeezed]:
        """The same, with copies of files that another process holds in memory: that one would be charged for them."""
        files, held = dict(self.parts.files), []
        uncache(files.values())
        for role, file in files.items():
            size = Path(file).stat().st_size
            if (cached_bytes(file) or 0) > HELD_SHARE * size:
                held.append(role)
        if not held:
            yield self
            return
        with tempfile.TemporaryDirectory(prefix="edgebench-", dir=_room_for(files, held)) as folder:
            for role in held:
                files[role] = str(shutil.copy(files[role], str(Path(folder) / Path(files[role]).name)))
            yield replace(self, parts=replace(self.parts, files=files))


def _room_for(files: Mapping[str, str], roles: Sequence[str]) -> Path:
    """The folder of temporary files, if there is room for copies and it is on a disk: of memory nothing is dropped.

    Raises
    ------
    UsageError: there is none.
    """
    needed = sum(Path(files[role]).stat().st_size for role in roles)
    kinds = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    for folder in (Path(tempfile.gettempdir()), Path(files[roles[0]]).parent):
        mount = max((each for each in kinds if folder.resolve().is_relative_to(each)), key=len, default="/")
        if kinds.get(mount) not in ("tmpfs", "ramfs") and shutil.disk_usage(folder).free > 2 * needed:
            return folder
    raise UsageError(
        f"another process holds {Path(files[roles[0]]).name} in memory, and there is no room for a copy of it",
        hint="end that process and try again",
    )


def _largest(readings: Sequence[Reading]) -> dict[str, float]:
    """The largest of each quantity over the phases; counts are summed, and what is held is as the end found it."""
    found: dict[str, float] = {}
    for one in readings:
        before = found.get(one.quantity)
        if one.quantity in ("limit_hits", "refaults"):
            found[one.quantity] = (before or 0.0) + one.value
        elif one.quantity in ("peak_bytes", "charged_peak_bytes"):
            found[one.quantity] = max(before or 0.0, one.value)
        else:
            found[one.quantity] = one.value
    return found


def _mapped(target: Target) -> dict[str, float]:
    group = group_of(target.pids())
    mapped = None if group is None else mapped_bytes(group)
    return {} if mapped is None else {"mapped_bytes": float(mapped)}


def _weighed(limit_bytes: int | None, found: dict[str, float]) -> Start:
    """Library pages charged to others: what is resident and neither anonymous nor shared nor charged as mapped."""
    parts = [found.get(name) for name in ("rss_bytes", "anon_bytes", "shared_bytes", "mapped_bytes")]
    beside = None
    if None not in parts:
        resident, *rest = (part or 0.0 for part in parts)
        beside = max(0.0, resident - sum(rest))
    return Start(
        limit_bytes,
        peak_bytes=found.get("peak_bytes"),
        anon_bytes=found.get("anon_bytes"),
        file_bytes=found.get("file_bytes"),
        charged_bytes=found.get("charged_peak_bytes"),
        beside_bytes=beside,
        limit_hits=found.get("limit_hits"),
        refaults=found.get("refaults"),
    )


# --------------------------------------------------------------------------------------------------------- what it is


def of_plan(plan: Plan, name: str) -> Squeezed:
    """A plan's target with the plan's own work.

    Raises
    ------
    UsageError: the plan has no such target, or it loads no model file here.
    """
    from edgebench.plan.checks import runs_a_file

    if name not in plan.targets:
        raise UsageError(f"the plan has no target {name!r}", hint=f"--target {' | '.join(plan.targets)}")
    spec = replace(plan.targets[name], memory_limit=None)
    if not runs_a_file(spec):
        raise UsageError(f"target {name!r} loads no model file here, so there is nothing to fit")
    alone = base_cell(replace(plan, targets={name: spec}), name)
    return _squeezed(alone, name, load(alone.workload, folder=Path(plan.folder), seeds=plan.seeds))


def of_card(name: str) -> Squeezed:
    """A model card's model: short replies where it writes, the built-in job where it classifies.

    Raises
    ------
    ModelError: there is no such card, or its files cannot be fetched.
    """
    from edgebench.artifacts import load_card
    from edgebench.records import TargetSpec

    card = load_card(name)
    spec = WorkloadSpec(builtin="support-triage", items=PROMPTS + 1)
    plan = Plan("How much memory does it need?", spec, {name: TargetSpec(kind=card.kind, model=name)})
    job = load(plan.workload, folder=Path(), seeds=plan.seeds)
    if card.kind == "llama.cpp":
        task = Task(output="text", instruction=INSTRUCTION, max_tokens=TOKENS)
        job = Workload(job.name, job.items, task, (), (), job.source)
    return _squeezed(plan, name, job)


def _squeezed(plan: Plan, name: str, job: Workload) -> Squeezed:
    spec = plan.targets[name]
    parts = assemble(plan, job, keys={}).parts[name]
    prompting = build_prompting(promptings_of(plan, spec)[0], job, plan.seeds.examples)
    return Squeezed(parts, prompting, job.items[: PROMPTS + 1], spec.timeout_s, "answers/s")


async def with_unit(squeezed: Squeezed) -> Squeezed:
    """The same, its speed counted in tokens where its answers are streams of them; starts it once.

    Raises
    ------
    NothingRan: it does not run without a limit either.
    """
    target: Target = plugins.find("targets", squeezed.parts.spec.kind)(squeezed.parts)
    try:
        calls, _ = await squeezed._answered(target)
    except TargetError as error:
        raise NothingRan(f"{squeezed.parts.name} does not run: {error.message}") from error
    with suppress(ValueError):
        if min(len(call.chunk_ns) for call in calls) >= LEAST_CHUNKS:
            return replace(squeezed, unit="tok/s")
    return squeezed
