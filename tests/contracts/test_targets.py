"""One suite for every Target: what the run room relies on, whoever answers.

To add a target, add a Case to CASES: ``make(request)`` is an async context manager that yields a target not yet
opened (start a local server inside it if one is needed), ``slow(request)`` one that is too slow for a time limit of
``limit_s``. Fixtures are reached through pytest's ``request.getfixturevalue``.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import psutil
import pytest

from edgebench.contracts import Target
from edgebench.errors import TargetError
from edgebench.records import FAILURE_KINDS, Chunk, Message, Parts, Request, TargetSpec, Task, canonical
from edgebench.targets import cascade, fake, llama_cpp, onnx, openai_compatible, recorded
from edgebench.targets.isolated import Isolated
from edgebench.targets.network import load_network
from edgebench.targets.through import Through
from tests import builders, servers
from tests.targets import test_served

Maker = Callable[[pytest.FixtureRequest], AbstractAsyncContextManager[Target]]

ITEM = builders.workload(3).items[0]
TASK = Task(output="choice", instruction="Pick one label.", choices=builders.LABELS, max_tokens=8)
ASK = Request(
    messages=(Message("system", "Pick one label: refund, login, shipping."), Message("user", "give my money back")),
    text="give my money back",
    output="choice",
    choices=builders.LABELS,
    max_tokens=8,
    item_digest=ITEM.digest,
    timeout_s=60,
)


@dataclass(frozen=True)
class Case:
    """One kind of target under the suite."""

    make: Maker
    slow: Maker
    limit_s: float = 0.2
    slow_ask: Request = ASK


def ready_made(build: Callable[[pytest.FixtureRequest], Target]) -> Maker:
    """A maker for a target that needs nothing around it."""

    @asynccontextmanager
    async def make(request: pytest.FixtureRequest) -> AsyncIterator[Target]:
        yield build(request)

    return make


def parts(kind: str, files: dict[str, str] | None = None, **options: Any) -> Parts:
    return Parts(name="under-test", spec=TargetSpec(kind=kind, options=options), files=files or {}, device="here")


def smollm2(request: pytest.FixtureRequest) -> Target:
    files = {"model": str(request.getfixturevalue("model_files")["smollm2"])}
    # one thread: several spin at each other's barriers when the machine has other work, as it may in tests
    return llama_cpp.target(parts("llama.cpp", files, n_ctx=1024, threads=1))


def minilm(request: pytest.FixtureRequest) -> Target:
    files = request.getfixturevalue("model_files")
    return onnx.target(
        parts("onnxruntime", {"model": str(files["minilm"]), "tokenizer": str(files["minilm_tokenizer"])})
    )


def replay(pace: str, median_ms: float) -> Maker:
    run = builders.run({"edge": builders.Arm(median_ms=median_ms, spread=0.0)}, items=3)
    made = parts("recorded", run="r1", pace=pace)
    return ready_made(lambda _: recorded.target(made, source=lambda _: run))


def engine(**options: Any) -> Maker:
    return ready_made(lambda _: Isolated(parts("fake", **options), "edgebench.targets.fake:FakeEngine"))


def endpoint(script: servers.Script, **options: Any) -> Maker:
    """The openai target and a scripted server on loopback."""

    @asynccontextmanager
    async def make(request: pytest.FixtureRequest) -> AsyncIterator[Target]:
        with servers.Server(script) as server:
            made = parts("openai", **options)
            spec = replace(made.spec, model="m", base_url=server.base_url)
            yield openai_compatible.target(replace(made, spec=spec))

    return make


def served(mood: str) -> Maker:
    """A small server in a process of its own; a real one needs seconds to start (see targets/test_served.py)."""
    return ready_made(
        lambda request: test_served.small(mood, request.getfixturevalue("tmp_path") / "note", name="under-test")
    )


def through(inner: Maker) -> Maker:
    """The same target, reached through a network profile."""

    @asynccontextmanager
    async def make(request: pytest.FixtureRequest) -> AsyncIterator[Target]:
        async with inner(request) as target:
            yield Through(target, load_network("fibre"), key="contract")

    return make


def embedder(received: servers.Received) -> servers.Reply:
    data = [{"index": index, "embedding": [1.0, index]} for index, _ in enumerate(received.json["input"])]
    return servers.document({"data": data, "usage": {"prompt_tokens": 3}})


def slow_embedder(received: servers.Received) -> servers.Reply:
    return embedder(received) if len(received.json["input"]) > 1 else [servers.Hang()]  # labels come together


def hybrid(threshold: float, latency_ms: float) -> Maker:
    """A cascade of two fakes, whose edge is .9 sure of what it says."""

    def make(_: pytest.FixtureRequest) -> Target:
        made = cascade.target(parts("cascade", edge="edge", cloud="cloud", threshold=threshold))
        spec = TargetSpec(kind="fake", options={"latency_ms": latency_ms, "chunks": 3})
        made.compose({name: (fake.target(Parts(name, spec, device="here")), spec) for name in ("edge", "cloud")})
        return made

    return ready_made(make)


LONG = replace(ASK, output="text", messages=(Message("user", "Tell a long story."),), choices=(), max_tokens=900)

CASES: dict[str, Case] = {
    "fake": Case(
        ready_made(lambda _: fake.target(parts("fake", latency_ms=5, chunks=3))),
        ready_made(lambda _: fake.target(parts("fake", latency_ms=60_000))),
    ),
    "cascade": Case(hybrid(0.5, 5), hybrid(0.5, 60_000)),
    "cascade-deferring": Case(hybrid(0.95, 5), hybrid(0.95, 60_000)),
    "recorded": Case(replay("instant", 5.0), replay("as-recorded", 60_000.0)),
    "isolated": Case(engine(), engine(tokens=100_000)),
    "llama.cpp": Case(ready_made(smollm2), ready_made(smollm2), slow_ask=LONG),
    "openai": Case(endpoint([servers.stream(["re", "fund"], delay_s=0.005)]), endpoint([[servers.Hang()]])),
    "openai-whole": Case(endpoint([servers.chat("refund")], stream=False), endpoint([[servers.Hang()]], stream=False)),
    "openai-embeddings": Case(endpoint(embedder, api="embeddings"), endpoint(slow_embedder, api="embeddings")),
    "openai-served": Case(served("well"), served("hangs")),
    "openai-through-a-network": Case(
        through(endpoint([servers.stream(["re", "fund"], delay_s=0.005)])), through(endpoint([[servers.Hang()]]))
    ),
    "openai-served-through-a-network": Case(through(served("well")), through(served("hangs"))),
    # one inference takes milliseconds: the limit must be shorter still
    "onnxruntime": Case(ready_made(minilm), ready_made(minilm), limit_s=0.0005),
}
NEED_MODELS = {"llama.cpp", "onnxruntime"}


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.models] if name in NEED_MODELS else []) for name in CASES]
)
def case(request: pytest.FixtureRequest) -> Case:
    if request.param in NEED_MODELS:
        request.getfixturevalue("model_files")
    return CASES[request.param]


async def collect(target: Target, request: Request) -> list[Chunk]:
    async with aclosing(target.answer(request)) as stream:  # type: ignore[type-var]
        return [chunk async for chunk in stream]


def exchanges(chunks: list[Chunk]) -> list[list[Chunk]]:
    """Those of a target made of others are several, each ended by a completion."""
    ends = [place for place, chunk in enumerate(chunks, start=1) if chunk.completion is not None]
    return [chunks[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def test_an_answer_is_chunks_of_text_and_one_completion_at_the_end(
    case: Case, request: pytest.FixtureRequest
) -> None:
    """Some text comes, and only the last chunk says how it ended; of several exchanges, that of each."""
    async with case.make(request) as target, target:
        await target.prepare(TASK)
        chunks = await collect(target, ASK)
    assert "".join(chunk.text for chunk in chunks).strip()
    ends = [chunk.completion for chunk in chunks]
    assert ends[-1] is not None
    assert all(end is None or end.leg is not None for end in ends[:-1])


async def test_stamps_lie_between_asking_and_now_and_never_go_back(case: Case, request: pytest.FixtureRequest) -> None:
    """All stamps are of the one monotonic clock, in whatever process they were made."""
    async with case.make(request) as target, target:
        await target.prepare(TASK)
        before = time.monotonic_ns()
        chunks = await collect(target, ASK)
        after = time.monotonic_ns()
    for exchange in exchanges(chunks):
        end = exchange[-1].completion
        assert end is not None and end.sent_ns is not None
        stamps = [before, end.sent_ns, *(chunk.at_ns for chunk in exchange), after]
        assert stamps == sorted(stamps)
    assert all(chunk.at_ns <= chunk.received_ns <= after for chunk in chunks if chunk.received_ns is not None)


async def test_a_target_opens_and_closes_again_and_leaves_no_process(
    case: Case, request: pytest.FixtureRequest
) -> None:
    """Two openings of one target both answer, and what they started is gone after each."""
    async with case.make(request) as target:
        before = children()
        for _ in range(2):
            async with target:
                await target.prepare(TASK)
                assert await collect(target, ASK)
                running = set(target.pids())
                assert running <= children()
            assert children() == before
            assert not any(psutil.pid_exists(pid) for pid in running)


async def test_identity_is_complete_once_open_and_fits_into_json(case: Case, request: pytest.FixtureRequest) -> None:
    """Name, kind, engine, its version and the device are known; details can be stored."""
    async with case.make(request) as target, target:
        identity = target.identity()
        assert isinstance(target, Target)
    assert identity.name == target.name == "under-test"
    assert identity.placement in ("device", "hosted", "stand-in")
    assert json.loads(json.dumps(canonical(identity)))["name"] == "under-test"


async def test_requests_at_once_are_all_answered(case: Case, request: pytest.FixtureRequest) -> None:
    """Three at a time either run together or wait for each other; none is lost or mixed up."""
    async with case.make(request) as target, target:
        await target.prepare(TASK)
        answers = await asyncio.gather(*(collect(target, ASK) for _ in range(3)))
    for chunks in answers:
        assert "".join(chunk.text for chunk in chunks).strip()
        assert chunks[-1].completion is not None


async def test_an_answer_that_takes_too_long_is_a_timeout_in_time(case: Case, request: pytest.FixtureRequest) -> None:
    """The time limit of a request ends it as ``timeout``, soon after, and the target lives on."""
    async with case.slow(request) as target, target:
        await target.prepare(TASK)
        started = time.monotonic()
        with pytest.raises(TargetError) as caught:
            await collect(target, replace(case.slow_ask, timeout_s=case.limit_s))
        assert caught.value.kind == "timeout"
        assert not caught.value.fatal
        assert time.monotonic() - started < case.limit_s + 3


async def test_a_request_given_up_leaves_the_next_one_whole(case: Case, request: pytest.FixtureRequest) -> None:
    """Whoever stops listening after the first chunk does not spoil the answer after."""
    async with case.make(request) as target, target:
        await target.prepare(TASK)
        whole = [chunk.text for chunk in await collect(target, ASK)]
        async with aclosing(target.answer(ASK)) as stream:  # type: ignore[type-var]
            async for _ in stream:
                break
        assert len("".join(whole)) == len("".join(chunk.text for chunk in await collect(target, ASK)))


async def test_strange_words_are_answered_or_refused_with_a_known_kind(
    case: Case, request: pytest.FixtureRequest
) -> None:
    """Whatever a user typed (200 KiB, half a surrogate, controls, nothing), there is an answer or a failure kind."""
    async with case.make(request) as target, target:
        await target.prepare(TASK)
        for words in ("ж" * 100_000, "\ud800 half a surrogate", "🌊\x00\x1b[31m\u202e", ""):
            strange = replace(ASK, messages=(Message("user", words),), text=words)
            try:
                assert (await collect(target, strange))[-1].completion is not None
            except TargetError as exc:
                assert exc.kind in FAILURE_KINDS
                assert not exc.fatal
            assert (await collect(target, ASK))[-1].completion is not None
