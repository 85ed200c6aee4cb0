"""A target made of two others: the edge first, the cloud when the edge is unsure, late or busy (``routing.py``).

Every exchange is a leg of the stream, and so a Call of the Record: the edge's with role ``answer``, the cloud's with
``defer`` (``retry`` where it had to be asked again), each naming who was asked. The edge is not asked twice: what it
fails to answer is the cloud's. Nothing that was asked is called back, so an answer's stream ends when all have ended,
which may be after the moment it was served; that moment is the record's ``done``.
An edge that has died stays dead until the next trial opens it anew; the cloud answers for it meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass, field, replace
from typing import Protocol, Self, runtime_checkable

from edgebench.contracts import MOMENT, Moment, Target
from edgebench.errors import TargetError
from edgebench.records import (
    FORBID_EXTRA,
    CascadePolicy,
    Chunk,
    Completion,
    Failure,
    Identity,
    Leg,
    Parts,
    Placement,
    Request,
    Role,
    TargetSpec,
    Task,
)
from edgebench.routing import Heard, Rule, Served, backoff_s, served
from edgebench.targets.engine import checked

#: A part ends its own requests in time; this much later (s) we stop waiting for one that does not.
GRACE_S = 5.0
#: The same for the time limit of the whole, which a part's own may well be.
LATE_S = 0.5

NO_CONFIDENCE = "no_confidence"
CLOUD_FAILED = "cloud_failed"


@runtime_checkable
class MadeOfTargets(Protocol):
    """A target that is told which others it is made of, because it knows no way to make them."""

    @property
    def needs_targets(self) -> tuple[str, ...]:
        """Names of the targets it is made of, all of the same plan."""

    def compose(self, targets: Mapping[str, tuple[Target, TargetSpec]]) -> None:
        """``targets``: those it needs, not yet opened, each with what the plan says of it."""


@dataclass(frozen=True, slots=True)
class Options:
    """Which two targets, and when the second is asked."""

    __pydantic_config__ = FORBID_EXTRA
    edge: str  # names of two other targets of the plan
    cloud: str
    policy: CascadePolicy = "sequential"
    threshold: float | None = None  # of the edge's confidence, 0…1; None (overflow only): whatever it answers is served
    hedge_after_s: float | None = None  # hedged: how long the edge is waited for; None: both are asked at once
    most_waiting: int | None = None  # overflow: requests under way at the edge from which the cloud is asked; None: 1

    def rule(self) -> Rule:
        given = {
            "threshold": self.threshold,
            "hedge_after_s": self.hedge_after_s,
            "most_waiting": self.most_waiting,
        }
        return Rule(self.policy, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Part:
    target: Target
    spec: TargetSpec

    @property
    def makes_ready(self) -> bool:
        return bool(getattr(self.target, "makes_ready", False))


@dataclass(frozen=True, slots=True)
class _Hurried:
    """The edge's moment: due when the request is, but its answer is read at once, for the cloud may wait for it."""

    moment: Moment

    async def ready(self) -> None:
        await self.moment.ready()

    async def come(self) -> None:
        await self.moment.come()

    async def calm(self) -> None:
        return None


@dataclass(slots=True)
class _Exchange:
    """What came of asking one part once."""

    leg: Leg
    began_ns: int
    ended_ns: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    error: TargetError | None = None

    @property
    def completion(self) -> Completion:
        return (self.chunks[-1].completion if self.chunks else None) or Completion()

    def heard(self, rule: Rule) -> Heard:
        """When its answer (the last of its content) or its failure was known."""
        if self.error is not None:
            return Heard(self.ended_ns, answered=False)
        said = [chunk.at_ns for chunk in self.chunks if chunk.text]
        at_ns = said[-1] if said else self.completion.end_ns or self.ended_ns
        return Heard(at_ns, answered=True, sure=rule.sure(self.completion.confidence))

    def told(self, served_ns: int | None = None, *notices: str) -> Iterator[Chunk]:
        """Its chunks, the last of them carrying the leg."""
        end = self.completion
        failure = Failure(self.error.kind, self.error.message) if self.error else None
        last = replace(
            end,
            sent_ns=self.began_ns if end.sent_ns is None else end.sent_ns,
            end_ns=self.ended_ns if end.end_ns is None or failure else end.end_ns,
            notices=(*end.notices, *notices),
            leg=replace(self.leg, failure=failure, served_ns=served_ns),
        )
        whole = bool(self.chunks) and self.chunks[-1].completion is not None
        yield from self.chunks[:-1] if whole else self.chunks
        yield replace(self.chunks[-1], completion=last) if whole else Chunk(at_ns=self.ended_ns, completion=last)


class Cascade:
    """Two targets behind the Target protocol."""

    makes_ready = True  # each part is told of a request's moment as it can bear
    several_exchanges = True

    def __init__(self, parts: Parts, options: Options) -> None:
        self.name = parts.name
        self._options, self._rule = options, options.rule()
        self._parts: dict[str, _Part] = {}
        self._open: AsyncExitStack | None = None
        self._under_way = 0

    # --------------------------------------------------------------------------------------------- what it is made of

    @property
    def needs_targets(self) -> tuple[str, ...]:
        return self._options.edge, self._options.cloud

    def compose(self, targets: Mapping[str, tuple[Target, TargetSpec]]) -> None:
        self._parts = {name: _Part(*targets[name]) for name in self.needs_targets}

    @property
    def _both(self) -> tuple[_Part, _Part]:
        return self._parts[self._options.edge], self._parts[self._options.cloud]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for part in self._both:
                await stack.enter_async_context(part.target)
            self._open = stack.pop_all()
        self._under_way = 0
        return self

    async def __aexit__(self, *exc: object) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            await opened.aclose()

    async def prepare(self, task: Task) -> None:
        for part in self._both:
            await part.target.prepare(task)

    def identity(self) -> Identity:
        edge, cloud = (part.target.identity() for part in self._both)
        return Identity(
            name=self.name,
            kind="cascade",
            placement=_placement(edge, cloud),
            model=f"{edge.model} → {cloud.model}",
            device=edge.device,
            engine=" → ".join(dict.fromkeys(one.engine for one in (edge, cloud) if one.engine)),
            engine_version=" → ".join(one.engine_version for one in (edge, cloud) if one.engine_version),
            details={**asdict(self._options), "edge_placement": edge.placement, "cloud_placement": cloud.placement},
        )

    def pids(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(pid for part in self._both for pid in part.target.pids()))

    def load_ns(self) -> int | None:
        """They are opened one after the other."""
        return _sum(part.target.load_ns() for part in self._both)

    def resident_before_load(self) -> int | None:
        return _sum(part.target.resident_before_load() for part in self._both)

    # ------------------------------------------------------------------------------------------------------- asking

    async def answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Every exchange with its stamps, once all have ended; the one that is served comes last."""
        edge, cloud = await self._ask(request)
        by = _served(edge, cloud, self._rule)
        last = cloud[-1] if cloud and (by.by == "cloud" or edge is None or edge.error is not None) else edge
        fatal = cloud[-1].error if cloud and cloud[-1].error and cloud[-1].error.fatal else None
        if fatal is not None:  # no later request would reach the cloud either: this is no cascade any more
            by, last = Served(None, by.at), cloud[-1]
        for each in (edge, *cloud):
            if each is not None and each is not last:
                for chunk in each.told(None, *self._remarks(each)):
                    yield chunk
        if last is not None:
            lost = [CLOUD_FAILED] if cloud and last is edge and cloud[-1].error else []
            for chunk in last.told(int(by.at), *self._remarks(last), *lost):
                yield chunk
            if by.by is None and last.error is not None:
                raise TargetError(last.error.kind, last.error.message, fatal=last.error.fatal)

    def _remarks(self, one: _Exchange) -> list[str]:
        silent = one.leg.role == "answer" and one.error is None and one.completion.confidence is None
        return [NO_CONFIDENCE] if silent and self._options.threshold is not None else []

    async def _ask(self, request: Request) -> tuple[_Exchange | None, list[_Exchange]]:
        """What the edge said, if it was asked, and what the cloud said, each time it was."""
        moment, deadline = MOMENT.get(), asyncio.get_running_loop().time() + request.timeout_s
        if self._rule.overflows(self._under_way):
            return None, await self._of_cloud(request, deadline, None, moment)
        hurried = None if moment is None else _Hurried(moment)
        tasks = [asyncio.create_task(self._of_edge(request, deadline, hurried))]
        self._under_way += 1  # now, not when the task begins: another request may come before
        tasks[0].add_done_callback(self._ended)
        try:
            if self._rule.patience_s <= 0:
                tasks.append(asyncio.create_task(self._of_cloud(request, deadline, None, moment)))
            elif not await self._satisfied(tasks[0], moment) and asyncio.get_running_loop().time() < deadline:
                now = time.monotonic_ns()  # the request's own moment has come by now, so it leaves at once
                tasks.append(asyncio.create_task(self._of_cloud(request, deadline, now, moment)))
            edge, *cloud = await asyncio.gather(*tasks)
        finally:
            await _stop(tasks)
        return edge[0], cloud[0] if cloud else []

    async def _satisfied(self, edge: asyncio.Task[list[_Exchange]], moment: Moment | None) -> bool:
        """Whether the edge gives an answer to be served before it is time to ask the cloud."""
        patience_s = self._rule.patience_s
        if moment is not None and patience_s != float("inf"):
            await moment.come()  # patience begins when the request is due, not when it is made ready
        await asyncio.wait({edge}, timeout=None if patience_s == float("inf") else patience_s)
        if not edge.done():
            return False
        heard = edge.result()[0].heard(self._rule)
        return heard.answered and heard.sure

    def _ended(self, edge: object) -> None:
        self._under_way -= 1

    async def _of_edge(self, request: Request, deadline: float, moment: Moment | None) -> list[_Exchange]:
        return [await _exchange(self._both[0], Leg(self._options.edge, "answer"), request, deadline, moment)]

    async def _of_cloud(
        self, request: Request, deadline: float, due_ns: int | None, moment: Moment | None
    ) -> list[_Exchange]:
        """The cloud's exchanges: asked again as often as its own ``retries`` and the time allow."""
        part, clock = self._both[1], asyncio.get_running_loop()
        tries: list[_Exchange] = []
        for attempt in range(part.spec.retries + 1):
            role: Role = "retry" if attempt else "defer"
            leg = Leg(self._options.cloud, role, due_ns, attempt)
            tries.append(await _exchange(part, leg, request, deadline, moment))
            error = tries[-1].error
            if error is None or not error.retryable or attempt == part.spec.retries:
                break
            wait_s = backoff_s(attempt, error.retry_after_s)
            if clock.time() + wait_s >= deadline:
                break
            await asyncio.sleep(wait_s)
            due_ns = time.monotonic_ns()
        return tries


async def _exchange(part: _Part, leg: Leg, request: Request, deadline: float, moment: Moment | None) -> _Exchange:
    """Ask a part once, no longer than it may take and the whole has left. Runs in a task of its own: it sets MOMENT."""
    if moment is not None and not part.makes_ready:
        await moment.come()
    MOMENT.set(moment)
    # the same for every request, because a part may prepare for it once; what is left of the whole is our own business
    limit_s = min(part.spec.timeout_s, request.timeout_s)
    patient = asyncio.get_running_loop().time() + limit_s + GRACE_S
    made = _Exchange(leg, time.monotonic_ns())
    try:
        async with (
            asyncio.timeout_at(min(patient, deadline + LATE_S)),
            aclosing(part.target.answer(replace(request, timeout_s=limit_s))) as stream,  # type: ignore[type-var]
        ):
            async for chunk in stream:
                made.chunks.append(chunk)
    except TimeoutError:
        hung = TargetError("hung", f"{part.target.name} gave no sign of life in {limit_s + GRACE_S:g} s")
        late = TargetError("timeout", f"no complete answer in {request.timeout_s:g} s, edge and cloud together")
        made.error = hung if patient < deadline + LATE_S else late
    except TargetError as error:
        error.__traceback__ = error.__cause__ = error.__context__ = None  # they keep what keeps them; see asking.py
        made.error = error
    made.ended_ns = time.monotonic_ns()
    return made


async def _stop(tasks: list[asyncio.Task[list[_Exchange]]]) -> None:
    """Whoever asked went away: leave nothing running."""
    left = [task for task in tasks if not task.done()]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


def _served(edge: _Exchange | None, cloud: list[_Exchange], rule: Rule) -> Served:
    if edge is None:
        heard = cloud[-1].heard(rule)
        return Served("cloud" if heard.answered else None, heard.at)
    return served(edge.heard(rule), cloud[-1].heard(rule) if cloud else None)


def _placement(edge: Identity, cloud: Identity) -> Placement:
    """Made up as soon as one of them is; hosted where the cloud is: texts leave and money is owed."""
    return "stand-in" if "stand-in" in (edge.placement, cloud.placement) else cloud.placement


def _sum(values: Iterator[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def target(parts: Parts) -> Cascade:
    options, parts = checked(Options, parts)
    return Cascade(parts, options)
