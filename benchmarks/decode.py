"""Streamed local decode: through EdgeBench, and the same llama-cpp-python called bare"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

from benchmarks.result import Result, of
from edgebench import plugins
from edgebench.artifacts import load_card, pull
from edgebench.contracts import Target
from edgebench.records import Message, Parts, Request, TargetSpec, Task

PROMPTS = (
    "Explain in a few sentences how a bicycle stays upright.",
    "Write a short story about a lighthouse keeper and a whale.",
    "What should I think of when I buy a used car?",
    "Describe the taste of an apple to someone who never had one.",
    "Why is the sky dark at night although there are so many stars?",
    "Give me a plan for a weekend in a small town by the sea.",
    "How does yeast make bread rise?",
    "Tell me about the invention of the printing press.",
    "What makes a good teacher?",
    "Explain what a database index is to a librarian.",
    "How do birds find their way when they migrate?",
    "Write a letter of thanks to a neighbour who watered the plants.",
)
TOKENS = 96
THREADS = 2

BARE = """
import json, sys, time
from llama_cpp import Llama
model, threads, tokens = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
llama = Llama(model, n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False, seed=1)
print("ready", flush=True)
for line in sys.stdin:
    llama.reset()
    stamps = []
    for chunk in llama.create_chat_completion(json.loads(line), max_tokens=tokens, temperature=0.0, stream=True):
        if chunk["choices"][0]["delta"].get("content"):
            stamps.append(time.monotonic_ns())
    print(json.dumps(stamps), flush=True)
"""


def measure() -> list[Result]:
    return asyncio.run(_measure())


async def _measure() -> list[Result]:
    files = pull(load_card("smollm2-135m-q4_1"))
    model = str(files.paths["model"])
    spec = TargetSpec(kind="llama.cpp", model="smollm2-135m-q4_1", options={"threads": THREADS, "n_ctx": 2048})
    parts = Parts(name="bench", spec=spec, files={"model": model}, sha256=files.sha256)
    ours, bare = [], []
    with subprocess.Popen(
        [sys.executable, "-c", BARE, model, str(THREADS), str(TOKENS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as child:
        assert child.stdout and child.stdin
        child.stdout.readline()
        target: Target = plugins.find("targets", "llama.cpp")(parts)
        async with target:
            await target.prepare(Task())
            for number, prompt in enumerate((*PROMPTS, *PROMPTS)):
                for side in ("bare", "ours") if number % 2 else ("ours", "bare"):
                    if side == "bare":
                        bare.append(_bare(child, prompt))
                    else:
                        ours.append(await _ours(target, prompt))
        child.stdin.close()
    return [
        of("decode, bare llama-cpp-python", bare, "tok/s"),
        of("decode, through EdgeBench", ours, "tok/s"),
        of("ratio, prompt by prompt", [a / b for a, b in zip(ours, bare, strict=True)], "", at_least=0.97),
    ]


def _bare(child: Any, prompt: str) -> float:
    child.stdin.write(json.dumps([{"role": "user", "content": prompt}]) + "\n")
    child.stdin.flush()
    stamps = json.loads(child.stdout.readline())
    return (len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9


async def _ours(target: Target, prompt: str) -> float:
    request = Request(messages=(Message("user", prompt),), text=prompt, max_tokens=TOKENS, temperature=0.0)
    stamps = [chunk.at_ns async for chunk in target.answer(request) if chunk.text]
    return (len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9
