"""The verbs, as Protocols: what a part must be able to do to take its place.

Parameters go in at construction, work happens in the call: ``def match(*, ignore_case=True) -> Scorer``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from edgebench.records import (
    Answer,
    Chunk,
    FrozenRate,
    Identity,
    Item,
    Judgement,
    ModelCard,
    Parts,
    Plan,
    Reading,
    Record,
    Request,
    Role,
    Run,
    Score,
    Segment,
    Task,
    TestType,
    Trial,
    Workload,
)

if TYPE_CHECKING:  # numpy must not be loaded by every engine child
    import numpy as np


@runtime_checkable
class Target(Protocol):
    """Something that answers requests: a local model or a hosted API.

    Opening it (``async with``) starts and loads whatever answers; leaving it stops that and all its children.
    Whatever goes wrong is raised as :class:`edgebench.errors.TargetError` with a failure kind.
    """

    name: str

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def prepare(self, task: Task) -> None:
        """Take in label set, examples, schema: outside every timed window."""

    def answer(self, request: Request) -> AsyncIterator[Chunk]:
        """Yield stamped chunks; the last one carries a Completion.

        A target made of others (``several_exchanges = True``) yields every exchange with one of them, each ended by a
        Completion with its leg; the one whose answer is served comes last.
        """

    def identity(self) -> Identity:
        """What exactly answers. Complete once opened."""

    def pids(self) -> tuple[int, ...]:
        """Root processes whose memory is this target's; empty when it runs elsewhere."""

    def load_ns(self) -> int | None:
        """Time from start to ready of the last opening; None when there is nothing to load."""

    def resident_before_load(self) -> int | None:
        """Bytes its process held before it loaded the model; None when nobody can say."""


TargetFactory = Callable[[Parts], Target]


class Ask(Protocol):
    """Send one Request, keep one Call (and one more for every retry), return the answer."""

    async def __call__(self, request: Request, *, role: Role = "answer") -> Answer: ...


class Prompting(Protocol):
    """How an item becomes one or more requests, and their answers one answer."""

    @property
    def name(self) -> str:
        """Names the parameters that matter: "few-shot(5)"."""

    @property
    def task(self) -> Task:
        """What targets prepare for, with the examples this prompting shows."""

    async def __call__(self, item: Item, ask: Ask) -> Answer: ...


PromptingFactory = Callable[[Workload, "np.random.Generator"], Prompting]


class Perturbation(Protocol):
    """What happens to a text between the person and the target. Seeded, deterministic, the same on every machine."""

    @property
    def name(self) -> str:
        """Names the parameters that matter: "keyboard-typos(0.05)"."""

    @property
    def test_type(self) -> TestType:
        """CheckList's: INV, the answer must stay; DIR, it must change in a stated way; MFT, a case of its own."""

    def __call__(self, item: Item, seed: int) -> Item:
        """The item in its perturbed form: ``form_of`` is its digest; numbers, links, placeholders, reference stay.

        Of a DIR the reference is that of the changed text, and values the two share may be other ones in both.
        """


class Scorer(Protocol):
    """Judges one answer. Pure, and versioned: a new version never needs a second run."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    def __call__(self, item: Item, task: Task, answer: str) -> Judgement: ...


class Meter(Protocol):
    """Senses something beside the requests, from outside the target's process, at the edges of phases."""

    name: str

    def mark(self, phase: str, pids: Sequence[int], *, trial_id: str) -> list[Reading]:
        """Readings of the phase that ends now. Absent quantities are simply not there."""


class Moment(Protocol):
    """When one request of an open loop is due, and when there is time for work around it."""

    async def ready(self) -> None:
        """Return when there is time to make the request ready, or when that cannot wait any longer."""

    async def come(self) -> None:
        """Return when the request is due: it leaves now, and not before."""

    async def calm(self) -> None:
        """Return when nothing else is due for as long as reading an answer takes."""


#: Set while a request of an open loop is under way, for targets that make it ready before it is due
#: (``makes_ready = True``): they await ``come`` just before it leaves. Others are asked when it is due.
MOMENT: ContextVar[Moment | None] = ContextVar("MOMENT", default=None)


class Pace(Protocol):
    """Lets go what an open loop has made ready."""

    def moment(self, due_ns: int) -> Moment: ...

    def room(self) -> int:
        """Nanoseconds for which nothing is due, as far as is known; below 0: something is late."""


class Scenario(Protocol):
    """How requests arrive: drives ``send(index, due_ns)`` for every index until all are done or ``stop()`` says why.

    With a ``pace``, ``send`` is called a little before ``due_ns``, and the request leaves when its moment has come.
    """

    @property
    def name(self) -> str: ...

    @property
    def pace(self) -> Pace | None: ...

    async def drive(
        self, count: int, send: Callable[[int, int], Awaitable[None]], stop: Callable[[], str | None]
    ) -> int:
        """Return how many were issued."""


class Store(Protocol):
    """Where observations rest: append-only, crash-safe, shared by processes."""

    def begin(
        self,
        run_id: str,
        plan: Plan,
        workload: Workload,
        trials: Sequence[Trial],
        *,
        created_at: str,
        notes: Sequence[str] = (),
    ) -> None: ...

    def set_cards(self, run_id: str, cards: Mapping[str, ModelCard]) -> None: ...

    def find(self, plan_digest: str, workload_digest: str) -> str | None:
        """The newest unfinished run of this very experiment, to be resumed."""

    def add_segment(self, run_id: str, segment: Segment) -> None: ...

    def end_segment(self, segment_id: str, *, ended_at: str, why: str, not_issued: Mapping[str, int]) -> None: ...

    def set_identity(self, run_id: str, identity: Identity) -> None: ...

    def append(self, run_id: str, records: Iterable[Record]) -> None: ...

    def add_readings(self, run_id: str, readings: Iterable[Reading]) -> None: ...

    def add_scores(self, run_id: str, scores: Iterable[Score]) -> None: ...

    def add_rates(self, run_id: str, rates: Iterable[FrozenRate]) -> None:
        """Keep what calls cost when they were made; a rate kept before stays as it is."""

    def done(self, run_id: str) -> set[str]:
        """Ids of the records that exist."""

    def load(self, run_id: str) -> Run: ...

    def runs(self) -> list[Mapping[str, Any]]: ...

    def delete(self, run_id: str) -> None: ...

    def close(self) -> None: ...
