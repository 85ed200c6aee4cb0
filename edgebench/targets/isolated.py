"""A target in a process of its own: what it does to memory, or to itself, stays there.

The parent awaits and never spins: beside a measurement, a busy parent would take a core from the engine.
Chunks are stamped in the worker (``at_ns``) the moment the token exists, and here on receipt
(``received_ns``). Both use ``time.monotonic_ns``, which is one clock for all processes of a machine
(CLOCK_MONOTONIC on Linux, mach time on macOS, the performance counter on Windows), so their difference is the cost of
the pipe.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, cast

from edgebench.errors import TargetError
from edgebench.records import Chunk, Identity, Parts, Request, Task, canonical
from edgebench.targets import confine, frames, kernel

#: what a child may know of our environment: where programs, homes and temporary files are, which language, whose clock
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
PASSED_ON_WINDOWS = ("SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA")
GRACE_S = 2.0  # how long a worker may take to notice "cancel" or "quit"
TAIL_BYTES = 8192

Received = tuple[int, frames.Frame]


class _Line(asyncio.SubprocessProtocol):
    """The parent's end of the pipe: stamps and sorts what arrives."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[Received] = asyncio.Queue()
        self.gone = asyncio.get_running_loop().create_future()
        self._rest, self._tail = b"", b""

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        now = time.monotonic_ns()
        if fd != 1:
            self._tail = (self._tail + data)[-TAIL_BYTES:]
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            frame = frames.decode(line)
            if frame is None:  # something printed before the pipe was moved aside
                self._tail = (self._tail + line + b"\n")[-TAIL_BYTES:]
            else:
                self.inbox.put_nowait((now, frame))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._pid = cast(asyncio.SubprocessTransport, transport).get_pid()

    def process_exited(self) -> None:
        _end_group(self._pid)  # what it started must not outlive it; now, while nobody else can have its number
        # what it still wrote is in the pipes; a descriptor kept open by somebody else must not keep us waiting
        asyncio.get_running_loop().call_later(0.5, self._is_gone)

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_gone()

    def _is_gone(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)
            self.inbox.put_nowait((time.monotonic_ns(), {"e": "gone"}))

    def last_words(self) -> str:
        """The last line it printed, which is where a traceback or an assertion says what it is."""
        lines = [line.strip() for line in self._tail.decode("utf-8", "replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")


class Isolated:
    """An engine (``"module:Class"``, see engine.py) behind the Target protocol, in a process of its own."""

    def __init__(self, parts: Parts, engine: str, *, load_timeout_s: float = 300.0, memory_check: bool = True) -> None:
        self.name = parts.name
        self._parts, self._engine = parts, engine
        self._load_timeout_s, self._memory_check = load_timeout_s, memory_check
        limit = parts.spec.memory_limit
        self._confinement = None if limit is None else confine.Confinement(confine.demand(limit))
        self._transport: asyncio.SubprocessTransport | None = None
        self._line: _Line | None = None
        self._identity: Identity | None = None
        self._load_ns: int | None = None
        self._resident_before: int | None = None
        self._number = 0
        self._oom_before: Mapping[str, int] = {}
        self._ended: TargetError | None = None

    # ------------------------------------------------------------------------------------------------ open and close

    async def __aenter__(self) -> Self:
        if self._transport is not None:
            raise RuntimeError(f"target {self.name!r} is already open")
        if self._memory_check:
            room(self._parts)
        self._turn, self._ended = asyncio.Lock(), None
        self._oom_before = kernel.oom_kills()
        if self._confinement is not None:
            confine.uncache(self._parts.files.values())
            self._confinement.__enter__()
        started = time.monotonic_ns()
        try:
            await self._spawn()
            self._send("open", engine=self._engine, parts=frames.of_parts(self._parts))
            received, frame = await self._reply("ready", self._load_timeout_s, "load_failed")
        except TargetError as exc:
            await self._kill()
            if exc.kind == "crashed":
                raise TargetError("load_failed", f"while loading, {exc.message}", fatal=True) from exc
            raise
        except BaseException:
            await self._kill()
            raise
        self._identity, self._load_ns = self._described(frames.to_identity(frame["identity"])), received - started
        self._resident_before = frame.get("resident")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._transport is None or self._line is None:
            return
        if not self._line.gone.done():
            self._send("quit")
            await asyncio.wait([self._line.gone], timeout=GRACE_S)
        await self._kill()

    async def _spawn(self) -> None:
        command = [sys.executable, "-P", "-m", "edgebench.targets.worker"]  # -P: the current folder hides no module
        if self._confinement is not None:
            command = self._confinement.command(command)
        transport, line = await asyncio.get_running_loop().subprocess_exec(
            _Line, *command, env=environment(), start_new_session=os.name == "posix"
        )
        self._transport, self._line = transport, line

    async def _kill(self) -> None:
        """End the process, its group, and the pipes; wait until the kernel has let go of it."""
        transport, line = self._transport, self._line
        if transport is not None and line is not None:
            await self._end(transport, line)
        if self._confinement is not None:
            self._confinement.__exit__()

    async def _end(self, transport: asyncio.SubprocessTransport, line: _Line) -> None:
        if transport.get_returncode() is None:
            if os.name == "posix":
                _end_group(transport.get_pid())
            else:
                transport.kill()
        await asyncio.wait([line.gone])
        transport.close()
        await asyncio.sleep(0)  # lets the transports of the pipes close before the loop may end
        self._transport = None

    # ------------------------------------------------------------------------------------------------------ the Target

    async def prepare(self, task: Task) -> None:
        self._alive()
        async with self._turn:
            self._send("prepare", task=canonical(task))
            await self._reply("prepared", self._load_timeout_s, "timeout")

    async def answer(self, request: Request) -> AsyncGenerator[Chunk, None]:
        deadline = asyncio.get_running_loop().time() + request.timeout_s
        came_ns = time.monotonic_ns()
        await self._claim(deadline, request.timeout_s)
        queue_ns = time.monotonic_ns() - came_ns
        number, line = self._number, cast(_Line, self._line)
        late: Received = (0, {"e": "late", "i": number})
        # one timer an answer, not one a chunk
        timer = asyncio.get_running_loop().call_at(deadline, line.inbox.put_nowait, late)
        finished = False
        try:
            self._send("ask", i=number, request=canonical(request))
            while not finished:
                received, frame = await self._next(number)
                finished = frame["e"] != "chunk" or "c" in frame
                if frame["e"] == "late":
                    raise await self._interrupt(number, request.timeout_s)
                if frame["e"] == "failed":
                    raise self._failure(frame)
                yield _queued(frames.to_chunk(frame, received), queue_ns)
        finally:
            timer.cancel()
            if not finished and self._ended is None:  # whoever asked went away; leave a quiet engine behind
                await self._interrupt(number, request.timeout_s)
            self._turn.release()

    async def _claim(self, deadline: float, timeout_s: float) -> None:
        """Wait for one's turn: the engine answers one request at a time."""
        self._alive()
        try:
            async with asyncio.timeout_at(deadline):
                await self._turn.acquire()
        except TimeoutError as exc:
            raise TargetError("timeout", f"waited {timeout_s:g} s for its turn") from exc
        if self._ended is not None:
            self._turn.release()
            self._alive()
        self._number += 1

    async def _interrupt(self, number: int, timeout_s: float) -> TargetError:
        """Stop an answer. Returns what to say: ``timeout`` if the worker stopped, ``hung`` if it had to be killed."""
        self._send("cancel", i=number)
        try:
            async with asyncio.timeout(GRACE_S):
                while True:
                    _, frame = await self._next(number)
                    if frame["e"] == "failed" or "c" in frame:
                        return TargetError("timeout", f"no complete answer in {timeout_s:g} s")
        except TargetError as exc:  # it died instead
            return exc
        except TimeoutError:
            message = f"no answer in {timeout_s:g} s and none to the request to stop: killed"
            self._ended = TargetError("hung", message, fatal=True)
            await self._kill()
            return self._ended

    def _described(self, identity: Identity) -> Identity:
        """Its identity, with the memory limit in force."""
        if self._confinement is None:
            return identity
        return replace(identity, details={**identity.details, "memory_limit_bytes": self._confinement.limit_bytes})

    def identity(self) -> Identity:
        if self._identity is None:
            raise RuntimeError(f"target {self.name!r} was never opened")
        return self._identity

    def pids(self) -> tuple[int, ...]:
        running = self._transport is not None and self._transport.get_returncode() is None
        return (cast(asyncio.SubprocessTransport, self._transport).get_pid(),) if running else ()

    def load_ns(self) -> int | None:
        return self._load_ns

    def resident_before_load(self) -> int | None:
        return self._resident_before

    # --------------------------------------------------------------------------------------------------------- the pipe

    def _send(self, event: str, **fields: object) -> None:
        transport = cast(asyncio.SubprocessTransport, self._transport)
        pipe = cast("asyncio.WriteTransport | None", transport.get_pipe_transport(0))
        if pipe is not None and not pipe.is_closing():
            pipe.write(frames.encode(event, **fields))

    async def _next(self, number: int | None) -> Received:
        """The next frame that belongs to this request; those of abandoned ones are passed over."""
        line = cast(_Line, self._line)
        while True:
            received, frame = await line.inbox.get()
            if frame["e"] == "gone":
                raise self._death()
            if frame.get("i") == number:
                return received, frame

    async def _reply(self, event: str, timeout_s: float, kind: str) -> Received:
        try:
            async with asyncio.timeout(timeout_s):
                received, frame = await self._next(None)
        except TimeoutError as exc:
            verb = "loading" if event == "ready" else "preparing"
            self._ended = TargetError(kind, f"{self.name}: {verb} took more than {timeout_s:g} s: killed", fatal=True)
            await self._kill()
            raise self._ended from exc
        if frame["e"] != event:
            raise self._failure(frame)
        return received, frame

    def _failure(self, frame: Mapping[str, Any]) -> TargetError:
        error = TargetError(frame["kind"], frame["message"], fatal=frame["fatal"], retryable=frame["retryable"])
        if error.fatal:
            self._ended = error
        return error

    def _death(self) -> TargetError:
        line, transport = cast(_Line, self._line), cast(asyncio.SubprocessTransport, self._transport)
        for_memory = kernel.rose(self._oom_before, kernel.oom_kills())
        self._ended = death(transport.get_returncode(), line.last_words(), for_memory=for_memory)
        return self._ended

    def _alive(self) -> None:
        if self._ended is not None:
            raise TargetError("crashed", f"{self.name} is gone: {self._ended.message}", fatal=True)
        if self._transport is None:
            raise RuntimeError(f"target {self.name!r} is not open")


def _end_group(pid: int) -> None:
    """Kill a process that was started in a session of its own, and all it started."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of zombies
            os.killpg(pid, signal.SIGKILL)


def _queued(chunk: Chunk, queue_ns: int) -> Chunk:
    """The last chunk also tells how long the request waited for its turn; the others are as they came."""
    end = chunk.completion
    if end is None:
        return chunk
    return replace(chunk, completion=replace(end, phases={"queue": queue_ns, **end.phases}))


def death(returncode: int | None, last_words: str, *, for_memory: bool) -> TargetError:
    """What a process that ended by itself died of, as a failure.

    Only SIGKILL together with a raised count of the kernel's out-of-memory kills is called out of memory.
    """
    said = f": {last_words}" if last_words else ""
    if returncode == -getattr(signal, "SIGKILL", 9) and for_memory:
        return TargetError("out_of_memory", "the kernel killed the process for memory", fatal=True)
    if returncode is not None and returncode < 0:
        try:
            name = signal.Signals(-returncode).name
        except ValueError:
            name = f"signal {-returncode}"
        return TargetError("crashed", f"the process died of {name}{said}", fatal=True)
    return TargetError("crashed", f"the process ended with exit code {returncode}{said}", fatal=True)


def environment() -> dict[str, str]:
    """The child's whole environment: nothing that was not asked for, least of all a key."""
    allowed = PASSED_ON + (PASSED_ON_WINDOWS if os.name == "nt" else ())
    return {name: os.environ[name] for name in allowed if name in os.environ}


def room(parts: Parts) -> None:
    """Refuse a model that cannot fit, before it thrashes the machine.

    Raises
    ------
    TargetError(load_failed): its files, or the least its card asks for, exceed the memory available.
    """
    sizes = sum(Path(file).stat().st_size for file in parts.files.values() if Path(file).is_file())
    least = (parts.card.least_ram_mib or 0) * 2**20 if parts.card else 0
    needed, available = max(sizes, least), kernel.available_bytes()
    if needed > available:
        message = (
            f"{parts.name} needs {needed / 2**20:,.0f} MiB of memory and {available / 2**20:,.0f} MiB are available"
            " (option memory_check: false loads it all the same)"
        )
        raise TargetError("load_failed", message, fatal=True)
