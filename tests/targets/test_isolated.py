"""A process of its own: however an engine ends, the parent says how, in time, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from edgebench.errors import TargetError
from edgebench.records import ModelCard, Parts, Request, TargetSpec, Task
from edgebench.targets import isolated, kernel
from edgebench.targets.isolated import Isolated, death

ENGINE = "edgebench.targets.fake:FakeEngine"


def target(engine: str = ENGINE, load_timeout_s: float = 30.0, **options: Any) -> Isolated:
    parts = Parts("t", TargetSpec("fake", options=options), api_key="sk-secret")
    return Isolated(parts, engine, load_timeout_s=load_timeout_s)


async def ask(opened: Isolated, text: str = "hi", timeout_s: float = 20.0) -> str:
    async with aclosing(opened.answer(Request((), text, timeout_s=timeout_s))) as stream:
        return "".join([chunk.text async for chunk in stream])


@pytest.mark.parametrize(
    ("how", "number", "kind", "said"),
    [
        ("exit", 3, "crashed", "exit code 3"),
        ("signal", signal.SIGSEGV, "crashed", "SIGSEGV"),
        ("signal", signal.SIGKILL, "crashed", "SIGKILL"),
        ("raise", 0, "crashed", "ZeroDivisionError: the engine has a fault"),
    ],
)
async def test_an_engine_that_dies_in_an_answer_is_a_crash_that_says_why(
    how: str, number: int, kind: str, said: str
) -> None:
    """The answer in flight fails with the signal, the exit code or the last line printed; so does every later one."""
    async with target(on="answer", how=how, number=number) as opened:
        with pytest.raises(TargetError, match=said) as first:
            await ask(opened)
        assert (first.value.kind, first.value.fatal) == (kind, True)
        started = time.monotonic()
        with pytest.raises(TargetError, match="is gone") as second:
            await ask(opened)
        assert (second.value.kind, second.value.fatal) == ("crashed", True)
        assert time.monotonic() - started < 0.1
        assert opened.pids() == ()


@pytest.mark.parametrize("how", ["sleep", "hold"])
async def test_an_engine_deaf_to_stop_is_killed_and_hung(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Python that does not look at its flag, and C code that keeps the interpreter's lock, are both killed."""
    monkeypatch.setattr(isolated, "GRACE_S", 0.3)
    async with target(on="answer", how=how) as opened:
        (pid,) = opened.pids()
        with pytest.raises(TargetError) as caught:
            await ask(opened, timeout_s=0.2)
        assert (caught.value.kind, caught.value.fatal) == ("hung", True)
        assert not psutil.pid_exists(pid)


@pytest.mark.parametrize(
    ("how", "said"), [("refuse", "this is no model"), ("exit", "exit code 7"), ("raise", "ZeroDivisionError")]
)
async def test_an_engine_that_cannot_load_is_load_failed(how: str, said: str) -> None:
    """Refusing in words and dying while loading are both ``load_failed``, and no process stays."""
    before = psutil.Process().children()
    with pytest.raises(TargetError, match=said) as caught:
        async with target(on="load", how=how, number=7):
            pass
    assert (caught.value.kind, caught.value.fatal) == ("load_failed", True)
    assert psutil.Process().children() == before


async def test_loading_has_a_time_limit() -> None:
    """A model that never becomes ready is killed and said to have failed."""
    with pytest.raises(TargetError, match=r"more than 0\.5 s") as caught:
        async with target(load_timeout_s=0.5, on="load", how="sleep"):
            pass
    assert caught.value.kind == "load_failed"


async def test_what_an_engine_prints_cannot_garble_its_answer() -> None:
    """Bytes that C code writes on stdout, even ones that look like a frame, are not part of the answer."""
    async with target(on="answer", how="garbage") as opened:
        assert await ask(opened) == "hi 0 hi 1 hi 2 "


async def test_an_answer_stopped_for_time_leaves_the_engine_ready() -> None:
    """The worker drops the late answer at once and gives the next one whole."""
    async with target(tokens=400, token_ms=5) as opened:
        (pid,) = opened.pids()
        with pytest.raises(TargetError) as caught:
            await ask(opened, timeout_s=0.1)
        assert caught.value.kind == "timeout"
        assert opened.pids() == (pid,)
        started = time.monotonic()
        with pytest.raises(TargetError):
            await ask(opened, "again", timeout_s=0.1)
        assert time.monotonic() - started < 1


async def test_a_request_that_waits_its_turn_too_long_times_out_alone() -> None:
    """One behind a long answer fails without disturbing it."""
    async with target(tokens=60, token_ms=5) as opened:
        long = asyncio.create_task(ask(opened))
        await asyncio.sleep(0.05)
        with pytest.raises(TargetError, match="turn") as caught:
            await ask(opened, timeout_s=0.05)
        assert (caught.value.kind, caught.value.fatal) == ("timeout", False)
        assert (await long).endswith("hi 59 ")


async def test_waiting_for_ones_turn_is_a_phase_of_its_own() -> None:
    """Of two asked at once, the second waited as long as the first took; the other phases are the engine's."""
    async with target(tokens=20, token_ms=5) as opened:

        async def phases() -> dict[str, int]:
            chunks = [chunk async for chunk in opened.answer(Request((), "hi", timeout_s=20.0))]
            end = chunks[-1].completion
            assert end is not None and all(chunk.completion is None for chunk in chunks[:-1])
            return dict(end.phases)

        first, second = await asyncio.gather(phases(), phases())
        assert 0 <= first["queue"] < 50e6
        assert 100e6 <= second["queue"] < 5e9
        assert set(first) == {"queue"}


async def test_cancelling_the_caller_stops_the_engine() -> None:
    """Ctrl-C in the middle of an answer: the task ends, and the worker is quiet and usable."""
    async with target(tokens=2000, token_ms=2) as opened:
        task = asyncio.create_task(ask(opened))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await opened.prepare(Task())
        assert len(opened.pids()) == 1


async def test_the_child_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys and everything else nobody asked for stay out of the child's environment and command line."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    async with target() as opened:
        process = psutil.Process(opened.pids()[0])
        environment = process.environ()
        assert set(environment) <= set(isolated.PASSED_ON) | {"LC_CTYPE"}
        assert "secret" not in " ".join([*environment.values(), *process.cmdline()])


async def test_a_worker_is_light() -> None:
    """Its memory is measured: nothing of ours that an engine has no use for is loaded."""
    code = (
        "import sys, edgebench.targets.worker, edgebench.targets.fake as f;"
        "heavy = {'pydantic', 'numpy', 'psutil', 'sqlalchemy', 'yaml', 'rich', 'click'} & set(sys.modules);"
        "sys.exit(','.join(heavy) or 0)"
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


ORPHAN = """
import asyncio
from edgebench.records import Parts, Request, TargetSpec
from edgebench.targets.isolated import Isolated

async def main():
    options = {"on": "answer", "how": "hold"}
    async with Isolated(Parts("t", TargetSpec("fake", options=options)), "edgebench.targets.fake:FakeEngine") as opened:
        print(opened.pids()[0], flush=True)
        async for _ in opened.answer(Request((), "hi")):
            print("answering", flush=True)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a child that holds the lock is ended by Linux alone")
def test_kill_9_of_the_parent_leaves_no_orphan() -> None:
    """Even a worker stuck in C code dies with its parent."""
    with subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert parent.stdout.readline() == "answering\n"
        worker = psutil.Process(pid)
        parent.kill()
    with suppress(psutil.NoSuchProcess):
        worker.wait(timeout=5)


def test_only_a_kill_counted_by_the_kernel_is_called_out_of_memory() -> None:
    """SIGKILL alone could be anybody's; with a raised count of out-of-memory kills it is the kernel's."""
    assert death(-9, "", for_memory=True).kind == "out_of_memory"
    assert death(-9, "", for_memory=False).kind == "crashed"
    assert death(-11, "", for_memory=True).kind == "crashed"
    assert "GGML_ASSERT failed" in death(-6, "GGML_ASSERT failed", for_memory=False).message


def test_a_count_that_rose_or_was_not_there() -> None:
    """Only a source that was there before can rise."""
    assert kernel.rose({"system": 1, "cgroup2": 0}, {"system": 1, "cgroup2": 1})
    assert not kernel.rose({"system": 1}, {"system": 1})
    assert not kernel.rose({}, {"system": 5})


def test_a_model_larger_than_memory_is_refused_before_loading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file's size, or the least the card asks for, is held against what is available."""
    file = tmp_path / "model.gguf"
    with file.open("wb") as out:
        out.truncate(50 * 2**20)  # sparse
    monkeypatch.setattr(kernel, "available_bytes", lambda: 40 * 2**20)
    spec = TargetSpec("llama.cpp")
    with pytest.raises(TargetError, match="needs 50 MiB of memory and 40 MiB are available") as caught:
        isolated.room(Parts("big", spec, files={"model": str(file)}))
    assert (caught.value.kind, caught.value.fatal) == ("load_failed", True)
    card = ModelCard("c", "C", "llama.cpp", {}, least_ram_mib=64)
    monkeypatch.setattr(kernel, "available_bytes", lambda: 60 * 2**20)
    isolated.room(Parts("big", spec, files={"model": str(file)}))
    with pytest.raises(TargetError, match="needs 64 MiB"):
        isolated.room(Parts("big", spec, files={"model": str(file)}, card=card))


async def test_the_memory_check_runs_before_any_process_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused by the card's own figure; the option turns the check off."""
    monkeypatch.setattr(kernel, "available_bytes", lambda: 0)
    parts = Parts("t", TargetSpec("fake"), card=ModelCard("c", "C", "fake", {}, least_ram_mib=1))
    with pytest.raises(TargetError, match="memory_check"):
        async with Isolated(parts, ENGINE):
            pass
    async with Isolated(parts, ENGINE, memory_check=False) as opened:
        assert await ask(opened)


def test_available_memory_is_a_plausible_figure() -> None:
    """More than nothing, no more than the machine has."""
    assert 0 < kernel.available_bytes() <= psutil.virtual_memory().total


@pytest.fixture
def small_cgroup() -> Iterator[Path]:
    """A control group of 64 MiB, where we may make one (cgroup v1 memory controller, as root)."""
    root = kernel._cgroup("memory")
    group = root / f"edgebench-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(64 * 2**20))
    except OSError as exc:
        pytest.skip(f"no memory control group can be made here: {exc.strerror}")
    yield group
    group.rmdir()


async def test_a_worker_killed_for_memory_is_out_of_memory(small_cgroup: Path) -> None:
    """A real out-of-memory kill is told from other deaths by the kernel's count."""
    async with target(on="answer", how="allocate", number=200) as opened:
        (small_cgroup / "cgroup.procs").write_text(str(opened.pids()[0]))
        with pytest.raises(TargetError) as caught:
            await ask(opened)
        assert (caught.value.kind, caught.value.fatal) == ("out_of_memory", True)
