"""Starting the enclosure: one process for one program, its orders in memory files, its verdict through a pipe."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ENCLOSURE = Path(__file__).with_name("enclosure.py")
SPARE_S = 15.0  # beyond its own time, for the guard to start and to clear up on a busy machine
PATIENCE_S = 3.0  # for a guard told to end
#: One hash seed, so that the order of a set does not decide a verdict; nothing else of our environment is handed on.
ENVIRONMENT: Mapping[str, str] = {"PYTHONHASHSEED": "0"}


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a program."""

    test: str
    entry_point: str
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``kind``: passed, what failed, "unusable" (the item's own test), or "enclosure" (nothing was run)."""

    kind: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """How an enclosure is made on this machine, or why none can be."""

    name: str = ""
    why: str | None = None


@cache
def way() -> Way:
    """The first way that works: with a user namespace; as root, without one."""
    if sys.platform != "linux":
        return Way(why="an enclosure needs Linux namespaces")
    whys = []
    for name in ("user", "root") if os.geteuid() == 0 else ("user",):
        verdict = run(Order("assert one() == 1", "one"), ["def one():\n    return 1"], way=name)
        if verdict.kind == "passed":
            return Way(name)
        whys.append(verdict.detail)
    return Way(why=whys[-1])


def tried(order: Order, sources: Sequence[str], *, seconds: float, memory_mib: int) -> Verdict:
    """The verdict on a program in its possible readings; "enclosure" where nothing can be run."""
    found = way()
    if found.why is not None:
        return Verdict("enclosure", found.why)
    return run(order, sources, way=found.name, seconds=seconds, memory_mib=memory_mib)


def run(
    order: Order,
    sources: Sequence[str],
    *,
    way: str,
    seconds: float = 10.0,
    memory_mib: int = 512,
    python: str = sys.executable,
) -> Verdict:
    """Start the enclosure, wait for it to be gone, read its verdict. Blocks for ``seconds`` and a little at most."""
    program = {"sources": list(sources), "entry_point": order.entry_point}
    check = {"test": order.test, "entry_point": order.entry_point, "prompt": order.prompt}
    with _memory_file(program) as one, _memory_file(check) as other:
        limits = [way, repr(seconds), str(memory_mib * 2**20), str(one), str(other)]
        child = subprocess.Popen(
            [python, "-s", "-S", "-P", "-B", str(ENCLOSURE), *limits],
            env=dict(ENVIRONMENT),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=(one, other),
            start_new_session=True,
            cwd="/",
        )
        try:
            said, complaints = child.communicate(timeout=seconds + SPARE_S)
        except subprocess.TimeoutExpired:
            return Verdict("enclosure", "it did not end in time")
        finally:
            _ended(child)
    return _read(said, complaints)


def _ended(child: subprocess.Popen[bytes]) -> None:
    """See the guard out, whatever happened here; told to end, it takes the others with it."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(PATIENCE_S)
    if child.poll() is None:
        child.kill()
        child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()


def _read(said: bytes, complaints: bytes) -> Verdict:
    """The first verdict written. None at all is a fault of ours, not of a program."""
    first = said.partition(b"\n")[0]
    if not first:
        raise RuntimeError(f"the enclosure ended without a verdict: {complaints.decode(errors='replace')[-2000:]}")
    verdict = json.loads(first)
    words = str(verdict["detail"]).encode("utf-8", "replace").decode()  # half a character, or NUL, no store can keep
    return Verdict(str(verdict["kind"]), words.replace("\0", "�"))


@contextmanager
def _memory_file(content: Mapping[str, object]) -> Iterator[int]:
    """A file that has no name and is gone when it is closed."""
    file = os.memfd_create("order")
    try:
        with os.fdopen(os.dup(file), "wb") as opened:
            opened.write(json.dumps(content).encode())
        yield file
    finally:
        os.close(file)
