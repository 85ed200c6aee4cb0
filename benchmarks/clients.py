"""Three ways to stream an answer, each in a process of its own: ours, the openai client's typed one, and a bare reader.

``python -m benchmarks.clients ours|typed|bare URL`` reads orders from its input, a JSON line each, and answers each
with a JSON line: the CPU it spent and what it stamped. :class:`Client` is the other end of those pipes.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from typing import Any, Protocol, Self

from benchmarks import bare
from edgebench import plugins
from edgebench.contracts import Target
from edgebench.records import Message, Parts, Request, TargetSpec

NAMES = ("ours", "typed", "bare")
LABELS = {"ours": "EdgeBench", "typed": "openai client, typed stream", "bare": "bare asyncio.Protocol"}
STAGGER_S = 0.0025  # between the starts of two streams, so that their chunks do not come all at once
_CONTENT = re.compile(rb'"content": ?"')


@dataclass(frozen=True)
class Answer:
    """One answer as a client saw it; ``stamps``: one for every event with content."""

    prompt: str
    sent_ns: int
    stamps: list[int]


@dataclass(frozen=True)
class Round:
    cpu_s: float
    answers: list[Answer]


class Client:
    """A client's process. Use it with ``with``; orders are carried out one at a time."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self._url = name, url
        self._serial = itertools.count()

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "benchmarks.clients", self.name, self._url]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._line()
        return self

    def __exit__(self, *exc: object) -> None:
        self._child.communicate()

    def ask(self, model: str, *, streams: int, requests: int = 1, streamed: bool = True) -> Round:
        """Every stream asks ``requests`` times, one after the other."""
        turn = next(self._serial)
        prompts = [[f"{self.name} {turn}.{s}.{r}" for r in range(requests)] for s in range(streams)]
        order = {"model": model, "prompts": prompts, "streamed": streamed}
        assert self._child.stdin
        self._child.stdin.write(json.dumps(order) + "\n")
        self._child.stdin.flush()
        said = self._line()
        return Round(said["cpu_s"], [Answer(*answer) for answer in said["answers"]])

    def _line(self) -> Any:
        assert self._child.stdout
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"the {self.name} client ended with {self._child.wait()}")
        return json.loads(line)


def in_turns(url: str, rounds: int) -> Iterator[tuple[int, Client]]:
    """All three, ``rounds`` times, in an order that rotates; and once before, as round 0, to warm up."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(name, url)) for name in NAMES]
        for number in range(rounds + 1):
            first = number % len(clients)
            for client in clients[first:] + clients[:first]:
                yield number, client


# ------------------------------------------------------------------------------------------------------ in the child

Stamps = list[int]


class Way(Protocol):
    """A way to ask: one user's prompts, one after the other. Stamps, or the reads in which they can be found later."""

    async def ready(self, model: str, streamed: bool) -> None: ...

    async def user(
        self, model: str, prompts: Sequence[str], streamed: bool
    ) -> Sequence[tuple[str, int, Stamps | bare.Reads]]: ...


class Ours:
    """The whole path of a target: client, wire, understanding; a target for each model, as in a plan."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url, self._stack = url, stack
        self._targets: dict[tuple[str, bool], Target] = {}

    async def ready(self, model: str, streamed: bool) -> None:
        if (model, streamed) not in self._targets:
            spec = TargetSpec(kind="openai", model=model, base_url=self._url, options={"stream": streamed})
            target: Target = plugins.find("targets", "openai")(Parts(name="bench", spec=spec))
            self._targets[model, streamed] = await self._stack.enter_async_context(target)

    async def user(self, model: str, prompts: Sequence[str], streamed: bool) -> list[tuple[str, int, Stamps]]:
        target, heard = self._targets[model, streamed], []
        for prompt in prompts:
            sent_ns = time.monotonic_ns()
            request = Request(messages=(Message("user", prompt),), text=prompt, max_tokens=1000)
            heard.append((prompt, sent_ns, [chunk.at_ns async for chunk in target.answer(request) if chunk.text]))
        return heard


class Typed:
    """The openai client as its documentation has it."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        from openai import AsyncOpenAI

        self._client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
        stack.push_async_callback(self._client.close)

    async def ready(self, model: str, streamed: bool) -> None:
        pass

    async def user(self, model: str, prompts: Sequence[str], streamed: bool) -> list[tuple[str, int, Stamps]]:
        heard = []
        for prompt in prompts:
            sent_ns = time.monotonic_ns()
            asked = {"model": model, "messages": [{"role": "user", "content": prompt}]}
            heard.append((prompt, sent_ns, await (self._streamed(asked) if streamed else self._plain(asked))))
        return heard

    async def _streamed(self, asked: dict[str, Any]) -> Stamps:
        create = self._client.chat.completions.create
        stream = await create(**asked, stream=True, stream_options={"include_usage": True})
        return [time.monotonic_ns() async for each in stream if each.choices and each.choices[0].delta.content]

    async def _plain(self, asked: dict[str, Any]) -> Stamps:
        await self._client.chat.completions.create(**asked)
        return [time.monotonic_ns()]


class Bare:
    """See bare.py."""

    def __init__(self, url: str, stack: AsyncExitStack) -> None:
        self._url = url

    async def ready(self, model: str, streamed: bool) -> None:
        pass

    async def user(self, model: str, prompts: Sequence[str], streamed: bool) -> list[tuple[str, int, bare.Reads]]:
        return await bare.user(self._url, model, prompts, streamed=streamed)


async def _round(way: Way, order: dict[str, Any]) -> dict[str, Any]:
    async def late(place: int, prompts: Sequence[str]) -> Sequence[tuple[str, int, Stamps | bare.Reads]]:
        await asyncio.sleep(place * STAGGER_S)
        return await way.user(order["model"], prompts, order["streamed"])

    await way.ready(order["model"], order["streamed"])
    before = _cpu_s()
    users = await asyncio.gather(*(late(place, prompts) for place, prompts in enumerate(order["prompts"])))
    spent = _cpu_s() - before
    answers = [(prompt, sent_ns, _stamps(heard)) for one in users for prompt, sent_ns, heard in one]
    return {"cpu_s": spent, "answers": answers}


def _stamps(heard: Stamps | bare.Reads) -> Stamps:
    """A stamp for every event with content; the bare reader's are found now, after its CPU was counted."""
    return [
        at_ns
        for one in heard
        for at_ns in ([one] if isinstance(one, int) else [one[0]] * len(_CONTENT.findall(one[1])))
    ]


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _serve(name: str, url: str) -> None:
    async with AsyncExitStack() as stack:
        ways: dict[str, Callable[[str, AsyncExitStack], Way]] = {"ours": Ours, "typed": Typed, "bare": Bare}
        way = ways[name](url, stack)
        print(json.dumps("ready"), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await _round(way, json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(_serve(*sys.argv[1:]))
