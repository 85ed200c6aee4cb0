"""Targets of known behaviour: what is measured of them is known beforehand.

``Fake`` answers in this process with a latency, an accuracy and a failure rate that are given, for what-ifs and
for tests of everything above a target; ``when`` gives it others for some requests, so that it is known how each
prompting will do. ``FakeEngine`` misbehaves inside a worker, for tests of the isolation.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import math
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, Protocol, Self, runtime_checkable

from edgebench.errors import TargetError, UsageError
from edgebench.records import (
    FAILURE_KINDS,
    FORBID_EXTRA,
    Chunk,
    Completion,
    Identity,
    Output,
    Parts,
    Request,
    Task,
    Usage,
)
from edgebench.targets.engine import Stop, checked, plain

MS = 1_000_000
ANSWER = "{answer}"  # where a text has its answer
CONDITIONS = frozenset({"contains", "last", "sampled"})  # of a rule: the rest of it is behaviour


@runtime_checkable
class SupportsReferences(Protocol):
    """A target that is told the right answers, because what it does is decided by us, not by a model."""

    def know(self, references: Mapping[str, str]) -> None:
        """``references``: item digest, or the words of a message that has another right answer → that answer."""


@dataclass(frozen=True, slots=True)
class When:
    """How a fake behaves towards requests that are all it says here; what is None stays as the options say."""

    __pydantic_config__ = FORBID_EXTRA
    contains: str | None = None  # stands in a message, in any case
    last: str | None = None  # stands in the last message, in any case
    sampled: bool | None = None  # has a temperature of its own, as a draw has
    accuracy: float | None = None
    latency_ms: float | None = None
    spread: float | None = None
    first_ms: float | None = None
    chunks: int | None = None
    failure_rate: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    wrong: Literal["varied", "fixed"] | None = None
    text: str | None = None

    def fits(self, request: Request) -> bool:
        """Whether a request is all that is said here."""
        said = [message.content.casefold() for message in request.messages]
        return (
            (self.contains is None or any(self.contains.casefold() in one for one in said))
            and (self.last is None or self.last.casefold() in "".join(said[-1:]))
            and (self.sampled is None or self.sampled == (request.temperature is not None))
        )


@dataclass(frozen=True, slots=True)
class Options:
    """How a fake behaves."""

    __pydantic_config__ = FORBID_EXTRA
    latency_ms: float = 20.0  # median, from asking to the last chunk
    spread: float = 0.0  # sigma of the log-normal latency
    first_ms: float | None = None  # to the first chunk; None: evenly spread chunks
    chunks: int = 1
    accuracy: float = 1.0
    failure_rate: float = 0.0
    failure: str = "timeout"  # the kind raised; "timeout" waits out the time limit, "cut_off" breaks off mid-answer
    fatal: bool = False
    load_ms: float = 0.0
    seed: int | None = None  # None: the plan's sampling seed
    input_tokens: int = 50
    output_tokens: int | None = None  # None: one for each chunk
    wrong: Literal["varied", "fixed"] = "varied"  # wrong answers to one item: any of them, or the same each time
    text: str = ANSWER  # what is said around the answer
    when: tuple[When, ...] = ()  # the first one that fits a request says how it is answered
    at_once: int | None = None  # answers so many at a time, the others wait for their turn; None: any number
    confidence: bool = True  # says how sure it is: 0.9 where it is right, 0.6 where it is wrong …
    confidence_noise: float = 0.0  # … plus normal noise of this sigma, kept within 0…1


class Fake:
    """A target in this very process whose every answer is a function of (seed, item, attempt).

    What it says to a request with a seed of its own is a function of (seed, item, that seed): as of an engine, two
    draws with one seed are alike. Failures and latencies are drawn anew for each attempt.
    """

    def __init__(self, parts: Parts, options: Options, references: Mapping[str, str] | None = None) -> None:
        if options.failure not in FAILURE_KINDS:
            raise UsageError(f"target {parts.name!r}: options.failure: {options.failure!r} is no failure kind")
        self.name = parts.name
        self._parts, self._options = parts, options
        self._references = dict(references or {})
        self._choices: tuple[str, ...] = ()
        self._attempts: Counter[str] = Counter()
        self._load_ns: int | None = None
        self._dead = False
        self._turn: asyncio.Semaphore | None = None

    async def __aenter__(self) -> Self:
        started = time.monotonic_ns()
        await asyncio.sleep(self._options.load_ms / 1e3)
        self._load_ns = time.monotonic_ns() - started
        self._attempts.clear()
        self._dead = False
        self._turn = None if self._options.at_once is None else asyncio.Semaphore(max(1, self._options.at_once))
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    def know(self, references: Mapping[str, str]) -> None:
        self._references = dict(references)

    async def prepare(self, task: Task) -> None:
        self._choices = task.choices

    async def answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        came_ns = time.monotonic_ns()
        async with self._turn or contextlib.nullcontext(), contextlib.aclosing(self._answer(request, came_ns)) as said:
            async for chunk in said:
                yield chunk

    async def _answer(self, request: Request, came_ns: int) -> AsyncGenerator[Chunk, None]:
        options, sent_ns = self._behaviour(request), time.monotonic_ns()
        if self._dead:
            raise TargetError("crashed", "the fake has ended", fatal=True)
        rng, says = self._rngs(request)
        fails, right = rng.random() < options.failure_rate, says.random() < options.accuracy
        latency_ms = options.latency_ms * math.exp(rng.gauss(0.0, options.spread))
        if fails and options.failure == "timeout":
            latency_ms = math.inf
        text, count = self._text(request, right, says, options), max(1, options.chunks)
        tokens = count if options.output_tokens is None else options.output_tokens
        pieces = [text[len(text) * k // count : len(text) * (k + 1) // count] for k in range(count)]
        for k, piece in enumerate(pieces):
            due_ns = sent_ns + _offset_ns(k, count, options.first_ms, latency_ms, request.timeout_s)
            await asyncio.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            last = k == count - 1
            if latency_ms > request.timeout_s * 1e3 and time.monotonic_ns() - sent_ns >= request.timeout_s * 1e9:
                raise TargetError("timeout", f"no complete answer in {request.timeout_s:g} s")
            if fails and (last or options.failure != "cut_off"):
                self._dead = options.fatal
                raise TargetError(options.failure, "a failure that was asked for", fatal=options.fatal)
            yield Chunk(
                text=piece,
                at_ns=time.monotonic_ns(),
                tokens=tokens * (k + 1) // count - tokens * k // count,
                completion=self._completion(
                    came_ns, sent_ns, Usage(options.input_tokens, tokens, 0), self._sure(right, rng)
                )
                if last
                else None,
            )

    def identity(self) -> Identity:
        return Identity(
            name=self.name,
            kind="fake",
            placement=self._parts.spec.placement or "stand-in",
            model=self._parts.spec.model or "fake",
            device=self._parts.device,
            engine="fake",
            engine_version="1",
            details=asdict(self._options),
        )

    def pids(self) -> tuple[int, ...]:
        return ()

    def load_ns(self) -> int | None:
        return self._load_ns

    def resident_before_load(self) -> int | None:
        return None

    def _behaviour(self, request: Request) -> Options:
        """The options in force for a request."""
        fitting = next((one for one in self._options.when if one.fits(request)), None)
        if fitting is None:
            return self._options
        said = {each.name: getattr(fitting, each.name) for each in fields(fitting) if each.name not in CONDITIONS}
        return replace(self._options, **{name: value for name, value in said.items() if value is not None})

    def _rngs(self, request: Request) -> tuple[random.Random, random.Random]:
        """What this attempt's luck is drawn from, and what its answer is: the same unless the request has a seed."""
        case = self._case(request)
        self._attempts[case] += 1
        luck = random.Random(f"{self._seed}/{case}/{self._attempts[case]}")
        return luck, luck if request.seed is None else random.Random(f"{self._seed}/{case}/seed {request.seed}")

    @property
    def _seed(self) -> int:
        return self._options.seed if self._options.seed is not None else self._parts.seed

    def _case(self, request: Request) -> str:
        return request.item_digest or request.text

    def _text(self, request: Request, right: bool, rng: random.Random, options: Options) -> str:
        choices = request.choices or self._choices
        known = self._references.get(request.text) or self._references.get(request.item_digest)
        reference = known if known is not None else choices[0] if choices else "answer"
        if not right:
            if options.wrong == "fixed":
                rng = random.Random(f"{self._seed}/{self._case(request)}/wrong")
            reference = _wrong(reference, choices, request.output, rng)
        return options.text.replace(ANSWER, reference)

    def _sure(self, right: bool, rng: random.Random) -> float | None:
        if not self._options.confidence:
            return None
        return min(1.0, max(0.0, (0.9 if right else 0.6) + rng.gauss(0.0, self._options.confidence_noise)))

    def _completion(self, came_ns: int, sent_ns: int, usage: Usage, sure: float | None) -> Completion:
        return Completion(
            usage=usage,
            finish_reason="stop",
            sent_ns=sent_ns,
            end_ns=time.monotonic_ns(),
            confidence=sure,
            confidence_method=None if sure is None else "margin",
            phases={} if self._turn is None else {"queue": sent_ns - came_ns},
            stamp="engine",
        )


def _wrong(reference: str, choices: tuple[str, ...], output: Output, rng: random.Random) -> str:
    """A wrong answer: another choice, another number, no fields at all, other words."""
    others = [choice for choice in choices if choice != reference]
    if others:
        return rng.choice(others)
    if output == "json":
        return "{}"
    try:
        return f"{float(reference) + rng.randint(1, 9):g}"
    except ValueError:
        return f"not {reference}"


def _offset_ns(k: int, count: int, first_ms: float | None, latency_ms: float, limit_s: float) -> int:
    """When chunk k of count is due after asking; never later than the time limit."""
    if first_ms is None or count == 1:
        at_ms = latency_ms * (k + 1) / count
    else:
        at_ms = first_ms + (latency_ms - first_ms) * k / (count - 1)
    return int(min(at_ms, limit_s * 1e3) * MS)


def target(parts: Parts) -> Fake:
    options, parts = checked(Options, parts)
    return Fake(parts, options)


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How a fake engine misbehaves. ``on`` says when: while loading, or in an answer."""

    on: Literal["load", "answer", "never"] = "never"
    how: Literal["exit", "signal", "raise", "refuse", "sleep", "hold", "allocate", "garbage"] = "raise"
    number: int = 0  # the exit code, the signal, the MiB to allocate
    tokens: int = 3
    token_ms: float = 1.0


class FakeEngine:
    """An engine that echoes, or ends as it was told to."""

    def __init__(self, parts: Parts, stop: Stop) -> None:
        self._parts, self._stop = parts, stop
        self._options = plain(EngineOptions, parts)

    def load(self) -> None:
        if self._options.on == "load":
            self._misbehave()

    def prepare(self, task: Task) -> None:
        self._instruction = task.instruction

    def answer(self, request: Request) -> Iterator[Chunk]:
        tokens = self._options.tokens
        for k in range(tokens):
            time.sleep(self._options.token_ms / 1e3)
            self._stop.check()
            if self._options.on == "answer" and k == min(1, tokens - 1):
                self._misbehave()
            yield Chunk(f"{request.text[:40]} {k} ", at_ns=time.monotonic_ns(), tokens=1)
        yield Chunk(
            at_ns=time.monotonic_ns(),
            completion=Completion(Usage(len(request.text), tokens, 0), "stop", confidence=0.5, stamp="engine"),
        )

    def identity(self) -> Identity:
        return Identity(
            name=self._parts.name,
            kind="fake",
            placement="stand-in",
            engine="fake engine",
            engine_version="1",
            details={"environment": sorted(os.environ), "pid": os.getpid()},
        )

    def _misbehave(self) -> None:
        how, number = self._options.how, self._options.number
        if how == "exit":
            os._exit(number)
        elif how == "signal":
            os.kill(os.getpid(), number or signal.SIGTERM)
        elif how == "raise":
            raise ZeroDivisionError("the engine has a fault")
        elif how == "refuse":
            raise TargetError("load_failed", "this is no model", fatal=True)
        elif how == "sleep":  # deaf to "stop", but the other thread runs
            time.sleep(60)
        elif how == "hold":  # C code that keeps the interpreter's lock: nothing at all runs
            ctypes.PyDLL(None).sleep(60)
        elif how == "allocate":
            self._hoard = [bytearray(2**20) for _ in range(number)]
            self._hoard = [bytearray(os.urandom(2**20)) for _ in self._hoard]
        elif how == "garbage":
            os.write(1, b'{"e":"chunk"\n\xff\xfe not a frame\n')
