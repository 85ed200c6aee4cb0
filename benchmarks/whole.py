"""Whole tools against the truth server, each as its users start it: EdgeBench, guidellm, aiperf.

The same work for all: so many chat requests of so many tokens on four streams, one token each 10 ms. What comes back is
what the tool says of each request's time to the first token, what the ledger says, and the CPU all its processes used.
"""

from __future__ import annotations

import asyncio
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers import AIPERF, GUIDELLM, Peer
from edgebench.run.truth import TruthServer

STREAMS = 4
REQUESTS = 40
LONG, SHORT = 400, 40  # tokens of a request
LIMIT_S = 300.0
INVALID = 5  # EdgeBench's own exit code for: the machine did other work meanwhile


class ToolFailed(RuntimeError):
    """A tool that did not do the work; carries the last thing it said."""


@dataclass(frozen=True)
class Tool:
    """How a tool is told what to do in an empty folder, and where its own numbers are afterwards."""

    name: str
    command: Callable[[Path, TruthServer, str], list[str]]
    read: Callable[[Path], list[float]]  # time to the first token of every request, ms
    peer: Peer | None = None
    cold: int = 0  # first requests that it sends before the load, and reports apart


@dataclass(frozen=True)
class Seen:
    """One run of a tool."""

    cpu_s: float  # of all its processes, start-up and its own report included
    chunks: int  # that the server wrote to it
    ttft_ms: list[float]  # as the tool has it, a request each
    true_ms: list[float]  # first token written − request received, as the ledger has it


@functools.cache
def seen(tool: Tool, tokens: int) -> Seen:
    """What a tool saw of ``REQUESTS`` requests of ``tokens`` tokens; run once, and shared by the benchmarks.

    Raises
    ------
    ToolFailed: it is not installed, ended with an error, left nothing readable, or was not done in time.
    """
    if tool.peer is not None and (why := tool.peer.absent()) is not None:
        raise ToolFailed(why)
    return asyncio.run(_seen(tool, tokens))


async def _seen(tool: Tool, tokens: int) -> Seen:
    async with TruthServer() as server:
        with tempfile.TemporaryDirectory() as folder:
            where = Path(folder)
            command = tool.command(where, server, f"fixed?chunks={tokens}&first_ms=50&gap_ms=10")
            cpu_s = await asyncio.to_thread(_carry_out, command, where)
            ledger = await server.ledger()
            try:
                reported = tool.read(where)
            except (OSError, LookupError, ValueError) as error:
                raise ToolFailed(f"left no readable result ({type(error).__name__}: {error})") from error
    written = [(entry.received_ns, entry.stamps("content")) for entry in ledger]
    true = [(stamps[0] - received_ns) / 1e6 for received_ns, stamps in written if stamps][tool.cold :]
    if not len(reported) == len(true) == REQUESTS:
        raise ToolFailed(f"reports {len(reported)} requests where the server had {len(true)}")
    return Seen(cpu_s, sum(len(stamps) for _, stamps in written), reported, true)


def _carry_out(command: list[str], where: Path) -> float:
    """CPU seconds of the command and of all processes that it started and waited for."""
    environment = {**os.environ, "EDGEBENCH_CERTIFY": "off"}
    with (where / "said").open("wb") as said:
        child = subprocess.Popen(
            command, cwd=where, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, env=environment
        )
    watch = threading.Timer(LIMIT_S, child.kill)
    watch.start()
    _, status, used = os.wait4(child.pid, 0)
    watch.cancel()
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, INVALID):
        words = (where / "said").read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["no word"]
        raise ToolFailed(f"ended with {child.returncode}: {words[-1].strip()[:160]}")
    return used.ru_utime + used.ru_stime


# -------------------------------------------------------------------------------------------------------- EdgeBench


def _edgebench(where: Path, server: TruthServer, model: str) -> list[str]:
    _lines(where / "items.jsonl", "input", REQUESTS + 1)
    target = {"kind": "openai", "model": model, "base_url": server.base_url, "pid": server.pid}
    plan = {
        "question": "When does the first token come?",
        "workload": {"file": "items.jsonl", "output": "text", "max_tokens": 1000},
        "targets": {"truth": target},
        "scenario": {"kind": "closed", "users": STREAMS},
        "blocks": 1,
        "objectives": ["ttft_p50_ms"],
    }
    (where / "plan.yaml").write_text(json.dumps(plan), encoding="utf-8")
    options = ("--store", "runs.db", "--no-page", "--yes", "--new", "--json")
    return [sys.executable, "-m", "edgebench", "run", "plan.yaml", *options]


def _read_edgebench(where: Path) -> list[float]:
    """The steady state's column that the reported quantiles are made of: first − due."""
    from edgebench.metrics.table import columns
    from edgebench.store import open_store

    store = open_store(where / "runs.db")
    try:
        (arm,) = columns(store.load(str(store.runs()[0]["id"]))).values()
    finally:
        store.close()
    return [float(one) for one in arm.ttft_ms[arm.steady]]


# --------------------------------------------------------------------------------------------------------- the peers


def _guidellm(where: Path, server: TruthServer, model: str) -> list[str]:
    _lines(where / "prompts.jsonl", "prompt", REQUESTS)
    url = server.base_url.removesuffix("/v1")
    spec = {
        "backend": {"kind": "openai_http", "target": url, "model": model, "validate_backend": False},
        "profile": {"kind": "concurrent", "streams": [STREAMS]},
        "constraints": [{"kind": "max_requests", "count": REQUESTS}],
        "tokenizer": {"kind": "huggingface_auto", "model": str(_tokenizer(where))},
        "data": [{"kind": "json_file", "path": str(where / "prompts.jsonl")}],
        "outputs": [{"kind": "json", "path": str(where / "out.json")}],
    }
    (where / "run.json").write_text(json.dumps({"spec": spec}), encoding="utf-8")
    return [GUIDELLM.program, "run", "-c", "run.json", "--disable-console"]


def _read_guidellm(where: Path) -> list[float]:
    found: Any = json.loads((where / "out.json").read_text(encoding="utf-8"))
    requests = found["benchmarks"][0]["requests"]["successful"]
    return [float(one["time_to_first_token_ms"]) for one in requests]


def _aiperf(where: Path, server: TruthServer, model: str) -> list[str]:
    _lines(where / "prompts.jsonl", "text", REQUESTS)
    command = [AIPERF.program, "profile", "-m", model, "--url", server.base_url.removesuffix("/v1")]
    command += ["--endpoint-type", "chat", "--streaming", "--use-server-token-count"]
    command += ["--concurrency", str(STREAMS), "--request-count", str(REQUESTS)]
    command += ["--input-file", "prompts.jsonl", "--custom-dataset-type", "single_turn"]
    command += ["--tokenizer", str(_tokenizer(where)), "--output-artifact-dir", str(where / "out")]
    return [*command, "--ui", "none", "--no-server-metrics", "--no-gpu-telemetry"]


def _read_aiperf(where: Path) -> list[float]:
    lines = (where / "out" / "profile_export.jsonl").read_text(encoding="utf-8").splitlines()
    return [float(json.loads(line)["metrics"]["time_to_first_token"]["value"]) for line in lines]


def _lines(file: Path, column: str, count: int) -> None:
    rows = [json.dumps({column: f"story {place:04d}: what happened then?"}) for place in range(count)]
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _tokenizer(where: Path) -> Path:
    """The smallest tokenizer the peers load without a network; tokens are counted by the server all the same."""
    folder = where / "words"
    folder.mkdir()
    model = {"type": "WordLevel", "vocab": {"<unk>": 0}, "unk_token": "<unk>"}
    tokenizer: dict[str, Any] = {"version": "1.0", "added_tokens": [], "model": model}
    tokenizer |= {"pre_tokenizer": {"type": "WhitespaceSplit"}}
    tokenizer |= dict.fromkeys(("truncation", "padding", "normalizer", "post_processor", "decoder"))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


EDGEBENCH = Tool("EdgeBench", _edgebench, _read_edgebench, cold=1)
TOOLS = (
    EDGEBENCH,
    Tool(GUIDELLM.label, _guidellm, _read_guidellm, GUIDELLM),
    Tool(AIPERF.label, _aiperf, _read_aiperf, AIPERF),
)
