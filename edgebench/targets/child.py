"""A server of our own in a process of its own: it says its port, and ends when its input does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys

from edgebench.targets.isolated import environment

START_S = 20.0
STOP_S = 5.0


class Child:
    """The process of one of our modules; it dies with this one whatever happens."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """None: it does not run."""
        return None if self._process is None else self._process.pid

    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def start(self, line: bytes = b"") -> int:
        """Start it and hand it ``line``; returns the port it says.

        Raises
        ------
        OSError: it could not be started or took no line; its subclass TimeoutError: it said nothing in time.
        ValueError: what it said is no port.
        """
        # not asyncio's: that one wants a child watcher, and this loop may be anybody's; -P: no folder hides a module
        process = self._process = subprocess.Popen(  # noqa: ASYNC220  milliseconds, before anything is timed
            [sys.executable, "-P", "-m", self._module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=os.name == "posix",  # a Ctrl-C is ours to handle
        )
        assert process.stdin is not None and process.stdout is not None  # noqa: S101  pipes were asked for
        try:
            if line:
                process.stdin.write(line)
                process.stdin.flush()
            async with asyncio.timeout(START_S):
                return int(await asyncio.to_thread(process.stdout.readline))
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None  # noqa: S101  pipes were asked for
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            await asyncio.to_thread(process.wait, STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
        process.stdout.close()
