"""Streamed local decode: through EdgeBench, llama-cpp-python called bare, and llama-bench of the same source"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.peers import LLAMA_BENCH
from benchmarks.result import Result, absent, of
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
DEPTH = 40  # tokens before the first decoded one: about what the chat template makes of these prompts
EVERY = 6  # prompts to one start of llama-bench

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
    why_not = LLAMA_BENCH.absent()
    ours, bare, engine = [], [], []
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
                if why_not is None and number % EVERY == EVERY // 2:
                    engine.append(_engine(model))
        child.stdin.close()
    return [
        of("decode, through EdgeBench", ours, "tok/s"),
        of("decode, bare llama-cpp-python", bare, "tok/s"),
        of("EdgeBench / bare llama-cpp-python, prompt by prompt", _over(ours, bare), "", at_least=0.97),
        *_engine_rows(ours, engine, why_not),
    ]


def _engine_rows(ours: Sequence[float], engine: Sequence[float], why_not: str | None) -> list[Result]:
    """llama-bench took its turns among ours: each of its figures is set against ours just around it."""
    what = f"decode, {LLAMA_BENCH.label}"
    if why_not is not None:
        return [absent(what, why_not)]
    note = (
        f"built from llama-cpp-python's own source; -n {TOKENS} -d {DEPTH} -t {THREADS}, its other defaults. It feeds "
        "random tokens: no chat template, no sampling, no text, and no stamp or hand-over of a token"
    )
    near = [statistics.median(ours[place : place + EVERY]) for place in range(0, len(ours), EVERY)]
    return [
        of(what, engine, "tok/s", note=note),
        of("EdgeBench / llama-bench, median of the prompts around it", _over(near, engine), ""),
    ]


def _over(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def _engine(model: str) -> float:
    """Tokens a second as llama-bench has it: one process, the median of three passes."""
    options = ("-p", "0", "-n", str(TOKENS), "-d", str(DEPTH), "-t", str(THREADS), "-r", "3", "-o", "json")
    beside = {"LD_LIBRARY_PATH": str(LLAMA_BENCH.folder / "bin")}
    done = subprocess.run(
        [LLAMA_BENCH.program, "-m", model, *options], env=beside, check=True, capture_output=True, text=True
    )
    (found,) = json.loads(done.stdout)
    return float(statistics.median(found["samples_ts"]))


def _bare(child: Any, prompt: str) -> float:
    child.stdin.write(json.dumps([{"role": "user", "content": prompt}]) + "\n")
    child.stdin.flush()
    stamps: list[int] = json.loads(child.stdout.readline())
    return (len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9


async def _ours(target: Target, prompt: str) -> float:
    request = Request(messages=(Message("user", prompt),), text=prompt, max_tokens=TOKENS, temperature=0.0)
    stamps = [chunk.at_ns async for chunk in target.answer(request) if chunk.text]
    return (len(stamps) - 1) / (stamps[-1] - stamps[0]) * 1e9
