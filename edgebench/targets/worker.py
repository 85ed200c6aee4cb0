"""The process a local engine lives in: reads requests from stdin, writes stamped chunks to what was stdout.

Started by ``isolated.py`` as ``python -m edgebench.targets.worker``. The answers' pipe is moved away from
descriptor 1 first, so that whatever C code prints lands on stderr and cannot garble an answer. A small
thread does nothing but wait for the next line, so that "cancel" is heard while the engine works; when stdin
ends, the parent is gone and so are we, at once.
"""

from __future__ import annotations

import gc
import importlib
import os
import queue
import threading
import time
from typing import BinaryIO, cast

from edgebench.errors import TargetError, UsageError
from edgebench.records import canonical
from edgebench.targets import frames, kernel
from edgebench.targets.engine import Engine, Stop


class Desk:
    """Where requests wait, and where a cancel finds the one it means."""

    def __init__(self, source: BinaryIO, stop: Stop) -> None:
        self.waiting: queue.SimpleQueue[frames.Frame] = queue.SimpleQueue()
        self._source, self._stop = source, stop
        self._cancelled: set[int] = set()
        self._current = -1
        threading.Thread(target=self._listen, name="desk", daemon=True).start()

    def _listen(self) -> None:
        for line in self._source:
            frame = frames.decode(line)
            if frame is None:
                continue
            if frame["e"] == "cancel":
                self._cancelled.add(frame["i"])
                if frame["i"] == self._current:
                    self._stop.set()
                continue
            frame["sent"] = time.monotonic_ns()  # received by the engine's loop
            self.waiting.put(frame)
        os._exit(0)  # the parent is gone; nobody is left to tell, and C code may hold the main thread

    def start(self, number: int) -> None:
        """Make this the request a cancel stops. The order matters: a cancel between any two lines is not lost."""
        self._stop.clear()
        self._current = number
        if number in self._cancelled:
            self._stop.set()
        self._cancelled.discard(number)


def main() -> None:
    kernel.die_with_parent()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    stop = Stop()
    desk = Desk(os.fdopen(os.dup(0), "rb"), stop)  # not sys.stdin: the interpreter wants that one's lock at its end
    engine = _open(desk.waiting.get(), stop, answers)
    if engine is None:
        return
    gc.collect()
    gc.freeze()
    gc.disable()  # no collection inside an answer; one after each
    while (frame := desk.waiting.get())["e"] != "quit":
        if frame["e"] == "prepare":
            _prepare(engine, frame, answers)
        else:
            _answer(engine, frame, desk, answers)
        gc.collect()
    os._exit(0)  # the kernel tidies up faster than any destructor


def _open(frame: frames.Frame, stop: Stop, answers: BinaryIO) -> Engine | None:
    module, _, name = frame["engine"].partition(":")
    resident = kernel.resident_bytes()
    try:
        engine = cast(Engine, getattr(importlib.import_module(module), name)(frames.to_parts(frame["parts"]), stop))
        engine.load()
        answers.write(frames.encode("ready", identity=canonical(engine.identity()), resident=resident))
    except UsageError as exc:  # a missing package, say
        hint = f" ({exc.hint})" if exc.hint else ""
        _fail(answers, None, TargetError("load_failed", f"{exc}{hint}", fatal=True))
    except MemoryError:
        _fail(answers, None, TargetError("out_of_memory", "not enough memory to load the model", fatal=True))
    except TargetError as exc:
        _fail(answers, None, exc)
    else:
        return engine
    return None


def _prepare(engine: Engine, frame: frames.Frame, answers: BinaryIO) -> None:
    try:
        engine.prepare(frames.to_task(frame["task"]))
    except TargetError as exc:
        _fail(answers, None, exc)
    else:
        answers.write(frames.encode("prepared"))


def _answer(engine: Engine, frame: frames.Frame, desk: Desk, answers: BinaryIO) -> None:
    number, sent_ns = frame["i"], frame["sent"]
    desk.start(number)
    try:
        for chunk in engine.answer(frames.to_request(frame["request"])):
            content = frames.of_chunk(chunk)
            if "c" in content and content["c"]["sent_ns"] is None:
                content["c"]["sent_ns"] = sent_ns
            answers.write(frames.encode("chunk", i=number, **content))
    except TargetError as exc:
        _fail(answers, number, exc)
    except MemoryError:
        _fail(answers, number, TargetError("out_of_memory", "not enough memory to answer", fatal=True))


def _fail(answers: BinaryIO, number: int | None, error: TargetError) -> None:
    answers.write(
        frames.encode(
            "failed", i=number, kind=error.kind, message=error.message, fatal=error.fatal, retryable=error.retryable
        )
    )


if __name__ == "__main__":
    main()
