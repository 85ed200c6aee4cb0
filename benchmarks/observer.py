"""The observer effect: local decode with the meters on and off, every core busy with the engine's own threads"""

from __future__ import annotations

import asyncio
import os
import time

from benchmarks.decode import PROMPTS
from benchmarks.result import Result, of
from edgebench import plugins
from edgebench.artifacts import load_card, pull
from edgebench.contracts import Meter, Target
from edgebench.meters.host import Host
from edgebench.meters.memory import Memory
from edgebench.meters.sampled import Sampler
from edgebench.records import Message, Parts, Request, TargetSpec, Task

PAIRS = 24  # at most …
LEAST_PAIRS, BUDGET_S = 4, 75.0  # … and no more than fit into this time, on a slow or a busy machine
TOKENS = 64


def measure() -> list[Result]:
    return asyncio.run(_measure())


async def _measure() -> list[Result]:
    files = pull(load_card("smollm2-135m-q4_1"))
    options = {"threads": os.cpu_count() or 1, "n_ctx": 512}
    spec = TargetSpec(kind="llama.cpp", model="smollm2-135m-q4_1", options=options)
    parts = Parts(name="bench", spec=spec, files={"model": str(files.paths["model"])}, sha256=files.sha256)
    on, off, shares = list[float](), list[float](), list[float]()
    target: Target = plugins.find("targets", "llama.cpp")(parts)
    with Sampler() as sampler:
        async with target:
            await target.prepare(Task())
            await _speed(target, PROMPTS[0])
            began = time.monotonic()
            for number in range(PAIRS):
                if number >= LEAST_PAIRS and time.monotonic() - began > BUDGET_S:
                    break
                prompt = PROMPTS[number % len(PROMPTS)]
                for watched in (True, False) if number % 2 else (False, True):
                    if not watched:
                        off.append((await _speed(target, prompt))[0])
                        continue
                    speed, share = await _watched(target, prompt, (sampler, Memory(), Host()))
                    on.append(speed)
                    shares.append(share)
    return [
        of("decode, meters off", off, "tok/s"),
        of("decode, meters on", on, "tok/s"),
        of("ratio on / off, prompt by prompt", [a / b for a, b in zip(on, off, strict=True)], "", at_least=0.99),
        of("the sampler's own CPU, of one core", [100 * share for share in shares], "%", at_most=1.0),
    ]


async def _watched(target: Target, prompt: str, meters: tuple[Meter, ...]) -> tuple[float, float]:
    """Speed of one answer between two edges, as in a trial, and the share of a core the sampler took."""
    for meter in meters:
        meter.mark("load", target.pids(), trial_id="bench")
    speed, seconds = await _speed(target, prompt)
    readings = [one for meter in meters for one in meter.mark("steady", target.pids(), trial_id="bench")]
    spent = sum(one.value for one in readings if one.quantity == "sampler_cpu_seconds")
    return speed, spent / seconds


async def _speed(target: Target, prompt: str) -> tuple[float, float]:
    """Tokens a second after the first, and seconds in all."""
    request = Request(messages=(Message("user", prompt),), text=prompt, max_tokens=TOKENS, temperature=0.0)
    stamps = [chunk.at_ns async for chunk in target.answer(request) if chunk.text]
    seconds = (stamps[-1] - stamps[0]) / 1e9
    return (len(stamps) - 1) / seconds, seconds
