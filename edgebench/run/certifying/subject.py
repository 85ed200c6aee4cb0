"""Who is examined: EdgeBench itself, by the path a run takes, beside the reference client that excuses the machine.

The target is built by the factory plans use and asked through :class:`~edgebench.run.asking.Asking`; what is scored are
the Calls a run would keep. ``make`` is a parameter so that a test can put a fault between and see it found.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import count

from edgebench.contracts import Target, TargetFactory
from edgebench.errors import TargetError
from edgebench.load.clock import now_ns
from edgebench.records import Call, Failure, Message, Parts, Request, TargetSpec
from edgebench.run.asking import Asking
from edgebench.run.reference import Heard, Reference
from edgebench.run.truth import TruthServer
from edgebench.run.truth_modes import PROMPT_CHARS

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as a run would keep it."""

    prompt: str  # as the ledger knows it
    due_ns: int
    calls: tuple[Call, ...]
    failure: Failure | None = None

    @property
    def call(self) -> Call:
        return self.calls[-1]


class Subject:
    """Our target in every mode that is asked for, opened once, and as many reference connections as are needed."""

    def __init__(self, server: TruthServer, make: TargetFactory) -> None:
        self._server, self._make = server, make
        self._stack = AsyncExitStack()
        self._targets: dict[str, Target] = {}
        self._references: list[Reference] = []
        self._serial = count()
        self.kernel = True  # every streamed answer so far carried the kernel's stamps

    async def __aenter__(self) -> Subject:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def open(self, mode: str) -> Target:
        """The target whose model is that mode; opening it is no part of what is timed."""
        if mode not in self._targets:
            spec = TargetSpec(kind="openai", model=mode, base_url=self._server.base_url, retries=2)
            target = self._make(Parts(name="certify", spec=spec))
            self._targets[mode] = await self._stack.enter_async_context(target)
        return self._targets[mode]

    def prompts(self, number: int, *, size: int = 0) -> list[str]:
        """Prompts nobody has sent yet, filled up to that many bytes."""
        return [(text := f"request {next(self._serial)} ") + "." * (size - len(text)) for _ in range(number)]

    async def ask(
        self, mode: str, prompts: Sequence[str], *, streams: int, retries: int = 0, out: list[Asked] | None = None
    ) -> list[Asked]:
        """Send every prompt, that many at a time: each stream is one user of a closed loop."""
        target, found = await self.open(mode), [] if out is None else out
        waiting = iter(prompts)

        async def user() -> None:
            for prompt in waiting:
                found.append(await self.once(target, prompt, now_ns(), retries=retries))

        async with asyncio.TaskGroup() as group:
            for _ in range(streams):
                group.create_task(user())
        return found

    async def once(self, target: Target, prompt: str, due_ns: int, *, retries: int = 0) -> Asked:
        """One request, its retries included, as a record would hold it."""
        asking = Asking(target, due_ns=due_ns, retries=retries, timeout_s=TIMEOUT_S)
        failure = None
        try:
            await asking(Request(messages=(Message("user", prompt),), text=prompt, timeout_s=TIMEOUT_S))
        except TargetError as error:
            failure = Failure(error.kind, error.message)
        self.kernel = self.kernel and all(call.stamp == "kernel" for call in asking.calls if not call.failure)
        return Asked(prompt[:PROMPT_CHARS], due_ns, tuple(asking.calls), failure)

    async def refer(self, mode: str, number: int, *, streams: int) -> list[Heard]:
        """The reference asks the same mode, that many requests on so many connections."""
        while len(self._references) < streams:
            self._references.append(await self._stack.enter_async_context(Reference(self._server.port)))
        waiting, found = iter(self.prompts(number)), list[Heard]()

        async def user(reference: Reference) -> None:
            for prompt in waiting:
                found.append(await reference.ask(mode, prompt))

        async with asyncio.TaskGroup() as group:
            for reference in self._references[:streams]:
                group.create_task(user(reference))
        return found


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """As in a run: no garbage collection while requests are timed."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
