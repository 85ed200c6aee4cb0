"""A server of our own on loopback: started for as long as a target is open, then stopped with all its children.

It speaks HTTP like any endpoint, so it can hold the hosted seat where there is no key; but it runs on this machine,
and says so: its placement is ``stand-in``. It gets none of our environment's keys, writes to a file nobody reads
while the clock runs, and on Linux dies with us even if we are killed.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import psutil

from edgebench.contracts import Target
from edgebench.errors import TargetError, UsageError
from edgebench.records import Chunk, Identity, Parts, Request, Task
from edgebench.targets import confine, kernel
from edgebench.targets.connection import Proxy, Reaching
from edgebench.targets.isolated import TAIL_BYTES, death, environment, room

if TYPE_CHECKING:
    from edgebench.targets.openai_compatible import Options, Serve

STAND_IN = "loopback stand-in, not a cloud"
GRACE_S = 3.0  # between asking a server to stop and making it
PORT_ATTEMPTS = 3  # somebody may take the free port before the server does
_POLL_S = 0.05
#: asks to die with us, makes sure that we still live, and becomes the server: same process, clean memory
_LAUNCH = (
    "import os, sys; from edgebench.targets import kernel; kernel.die_with_parent(); "
    "os.getppid() == int(sys.argv[1]) or sys.exit(1); os.execv(sys.argv[2], sys.argv[2:])"
)


class Served:
    """A target that speaks to a server process it owns.

    Parameters
    ----------
    command: port → the argument list that starts the server on 127.0.0.1 at that port.
    inner: base URL → the target that speaks to it.
    describe: what the identity of ``inner`` cannot know (file, hash, engine version).
    start_timeout_s: from start until ``GET /v1/models`` answers 200.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[int], Sequence[str]],
        inner: Callable[[str], Target],
        *,
        describe: Callable[[Identity], Identity] = lambda identity: identity,
        start_timeout_s: float = 120.0,
        parts: Parts | None = None,
    ) -> None:
        self.name = name
        self._command, self._make, self._describe = command, inner, describe
        self._start_timeout_s, self._parts = start_timeout_s, parts
        limit = None if parts is None else parts.spec.memory_limit
        self._confinement = None if limit is None else confine.Confinement(confine.demand(limit))
        self._process: subprocess.Popen[bytes] | None = None
        self._output: IO[bytes] | None = None
        self._inner: Target | None = None
        self._identity: Identity | None = None
        self._load_ns: int | None = None
        self._oom_before: Mapping[str, int] = {}

    # ------------------------------------------------------------------------------------------------ open and close

    async def __aenter__(self) -> Self:
        if self._parts is not None:
            room(self._parts)
        self._oom_before = kernel.oom_kills()
        try:
            port = await self._start()
            self._inner = self._make(f"http://127.0.0.1:{port}/v1")
            await self._inner.__aenter__()
        except BaseException:
            self._inner = None
            await self._stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        try:
            if self._inner is not None:
                self._identity = self.identity()
                inner, self._inner = self._inner, None
                await inner.__aexit__(*exc)
        finally:
            await self._stop()

    async def _start(self) -> int:
        """Start the server and wait until it is ready; returns its port."""
        for attempt in range(PORT_ATTEMPTS):
            port = free_port()
            self._confine()
            began = time.monotonic_ns()
            self._spawn(self._command(port))
            if await self._ready(port):
                self._load_ns = time.monotonic_ns() - began
                return port
            taken = "address already in use" in self._tail().lower()
            failure = self._death()
            await self._stop()
            if not taken or attempt == PORT_ATTEMPTS - 1:
                raise TargetError("load_failed", f"the server did not start: {failure.message}", fatal=True)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _confine(self) -> None:
        if self._confinement is not None and self._parts is not None:
            confine.uncache(self._parts.files.values())
            self._confinement.__enter__()

    def _spawn(self, command: Sequence[str]) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  _stop closes it; a pipe would want a reader while we measure
        if shutil.which(command[0]) is None:  # the launcher would say it less well
            raise TargetError("load_failed", f"there is no program {Path(command[0]).name!r} to serve with", fatal=True)
        if self._confinement is not None:
            command = self._confinement.command([str(shutil.which(command[0])), *command[1:]])
        launched = [*self._launcher(), *command]
        try:
            self._process = subprocess.Popen(
                launched,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                env=environment(),
                start_new_session=os.name == "posix",
            )
        except OSError as exc:
            message = f"the server cannot be started: {exc.strerror} ({Path(command[0]).name})"
            raise TargetError("load_failed", message, fatal=True) from exc

    @staticmethod
    def _launcher() -> list[str]:
        linux = sys.platform == "linux"
        return [sys.executable, "-P", "-c", _LAUNCH, str(os.getpid())] if linux else []

    async def _ready(self, port: int) -> bool:
        """Wait for the first 200. False: the server ended. Raises when the time is up."""
        deadline = time.monotonic() + self._start_timeout_s
        while self._process is not None and self._process.poll() is None:
            if await _answers(port):
                return self._process.poll() is None
            if time.monotonic() > deadline:
                message = f"the server was not ready within {self._start_timeout_s:g} s{self._said()}"
                raise TargetError("load_failed", message, fatal=True)
            await asyncio.sleep(_POLL_S)
        return False

    async def _stop(self) -> None:
        """End the server and whatever it started: politely, then by force. Safe to repeat."""
        process, self._process = self._process, None
        try:
            if process is not None:
                await _end(process)
        finally:
            if self._confinement is not None:
                self._confinement.__exit__()
            if self._output is not None:
                self._output.close()
                self._output = None

    # ---------------------------------------------------------------------------------------------------- the Target

    async def prepare(self, task: Task) -> None:
        try:
            await self._opened().prepare(task)
        except TargetError as error:
            raise await self._blamed(error) from error

    async def answer(self, request: Request) -> AsyncIterator[Chunk]:
        try:
            async with aclosing(self._opened().answer(request)) as stream:  # type: ignore[type-var]
                async for chunk in stream:
                    yield chunk
        except TargetError as error:
            raise await self._blamed(error) from error

    def identity(self) -> Identity:
        if self._inner is not None:
            return self._limited(self._describe(self._inner.identity()))
        if self._identity is None:
            raise RuntimeError(f"target {self.name!r} was never opened")
        return self._identity

    def _limited(self, identity: Identity) -> Identity:
        """Its identity, with the memory limit in force."""
        if self._confinement is None:
            return identity
        return replace(identity, details={**identity.details, "memory_limit_bytes": self._confinement.limit_bytes})

    def endpoint(self) -> tuple[str, int]:
        """Host and port its server listens at, as long as it is open."""
        return self._reaching().endpoint()

    async def go_through(self, proxy: Proxy) -> None:
        """From now on every connection leads through our relay (through.py)."""
        await self._reaching().go_through(proxy)

    def _reaching(self) -> Reaching:
        inner = self._opened()
        if not isinstance(inner, Reaching):
            raise TypeError(f"{type(inner).__name__} cannot be sent through a network")
        return inner

    def pids(self) -> tuple[int, ...]:
        return (self._process.pid,) if self._process is not None and self._process.poll() is None else ()

    def load_ns(self) -> int | None:
        return self._load_ns

    def resident_before_load(self) -> int | None:
        return None

    # --------------------------------------------------------------------------------------------------------- blame

    def _opened(self) -> Target:
        if self._inner is None:
            raise RuntimeError(f"target {self.name!r} is not open")
        return self._inner

    async def _blamed(self, error: TargetError) -> TargetError:
        """The failure itself, or the server's death behind it: sockets close a moment before a process is gone."""
        if error.kind not in ("refused", "cut_off", "malformed"):
            return error
        for _ in range(10):
            if self._process is None or self._process.poll() is not None:
                return self._death()
            await asyncio.sleep(_POLL_S)
        return error

    def _death(self) -> TargetError:
        code = self._process.poll() if self._process is not None else None
        return death(code, self._last_words(), for_memory=kernel.rose(self._oom_before, kernel.oom_kills()))

    def _tail(self) -> str:
        if self._output is None:
            return ""
        end = os.fstat(self._output.fileno()).st_size
        # not seek and read: the server writes through the same file position
        data = os.pread(self._output.fileno(), TAIL_BYTES, max(0, end - TAIL_BYTES)) if hasattr(os, "pread") else b""
        return data.decode("utf-8", "replace")

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._tail().splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def _said(self) -> str:
        words = self._last_words()
        return f"; its last words: {words}" if words else ""


async def _end(process: subprocess.Popen[bytes]) -> None:
    children = _children(process)
    try:
        for ask in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            _signal_group(process, ask)
            deadline = time.monotonic() + GRACE_S
            while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110  processes set no event
                await asyncio.sleep(0.01)
            if process.poll() is not None:
                break
    finally:
        if process.poll() is None:  # we are being cancelled: no more manners
            _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))
            process.wait()
        _signal_group(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # members of the group that outlived it
        for child in children:
            if child.is_running():
                child.kill()


def _children(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.Error:
        return []


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        if os.name == "posix":
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except (ProcessLookupError, PermissionError):
        pass


async def _answers(port: int) -> bool:
    """Whether ``GET /v1/models`` is answered with 200."""
    writer = None
    try:
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return (await reader.readline()).split(b" ")[1:2] == [b"200"]
    except OSError:  # TimeoutError is one
        return False
    finally:
        if writer is not None:
            writer.transport.abort()


def free_port() -> int:
    """A loopback port that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def served(parts: Parts, options: Options, serve: Serve) -> Served:
    """The target of a plan's ``serve`` option: llama.cpp's Python server on loopback, under our OpenAI client.

    Raises
    ------
    UsageError: the target has no model file to serve.
    """
    from edgebench.targets.openai_compatible import OpenAICompatible

    file = parts.files.get(serve.model_role)
    if file is None:
        raise UsageError(f"target {parts.name!r}: there is no model file to serve", hint="model: or file: names one")
    name = parts.spec.model or serve.model or Path(file).stem

    def inner(base_url: str) -> Target:
        spec = replace(parts.spec, base_url=base_url, model=name, key=None, pid=None)
        return OpenAICompatible(replace(parts, spec=spec, api_key=None), replace(options, proxy=""))

    def command(port: int) -> list[str]:
        return llama_server(serve, file, name, port)

    return Served(
        parts.name,
        command,
        inner,
        describe=lambda identity: _described(identity, parts, serve, file),
        start_timeout_s=serve.start_timeout_s,
        parts=parts,
    )


def llama_server(serve: Serve, file: str, name: str, port: int) -> list[str]:
    """The argument list of ``llama_cpp.server``, started so that it survives every processor (``llama_extras``)."""
    given: dict[str, Any] = {
        "model": file,
        "model_alias": name,
        "host": "127.0.0.1",
        "port": port,
        "n_ctx": serve.n_ctx,
        "n_threads": serve.n_threads,
        "chat_format": serve.chat_format,
        "interrupt_requests": "false",  # or a second request cuts the first one's stream
    }
    flags = [part for key, value in given.items() if value is not None for part in (f"--{key}", str(value))]
    return [sys.executable, "-P", "-m", "edgebench.targets.llama_extras", *flags]


def _described(identity: Identity, parts: Parts, serve: Serve, file: str) -> Identity:
    card, placement = parts.card, parts.spec.placement or "stand-in"
    details = {**identity.details, "n_ctx": serve.n_ctx, "n_threads": serve.n_threads}
    details.pop("base_url", None)  # another port at every start is not another identity
    if placement == "stand-in":
        details["stand_in"] = STAND_IN
    return replace(
        identity,
        placement=placement,
        device=parts.device,
        engine=serve.engine,
        engine_version=_version("llama-cpp-python"),
        quantisation=card.quantisation if card else None,
        quantised_from=card.quantised_from if card else None,
        file_bytes=Path(file).stat().st_size if Path(file).is_file() else None,
        sha256=parts.sha256.get(serve.model_role),
        details=details,
    )


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
