"""The trial of one program, inside the enclosure: the examiner asks, the candidate answers. Standard library only.

The generated program and the test that judges it never share a process: the test sees a function whose every call is
carried out over there, and values come back (``crossing.py``). So a program cannot pass by printing, leaving early,
changing ``assert``, returning an object that equals everything, or reading what is expected of it.
"""

from __future__ import annotations

import ast
import builtins
import json
import os
import random
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Protocol

from edgebench.workloads.execution.crossing import Gone, Uncrossable, Wire, pack, unpack

SEED = 0  # the same cases and the same luck every time: a verdict is no matter of chance
Verdict = dict[str, str]


class Limited(Protocol):
    def take(self) -> str | None: ...


# --------------------------------------------------------------------------------------------------- the examiner


def examiner(limits: Limited, program: int, check: int) -> NoReturn:
    """Start the candidate, run the test against it, say what came of it. Process 1: its end is the candidate's end."""
    verdicts = os.dup(1)
    nothing = os.open("/dev/null", os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        for each in (verdicts, check, ours.detach()):  # what it could cheat with
            os.close(each)
        candidate(Wire(theirs), limits, program)
    theirs.close()
    os.close(program)
    wire = Wire(ours)
    refused = limits.take() or _refused(wire)
    verdict = {"kind": "enclosure", "detail": refused} if refused else examined(wire, _order(check), child)
    os.write(verdicts, json.dumps(verdict).encode() + b"\n")
    os._exit(0)


def _order(file: int) -> dict[str, Any]:
    with os.fdopen(file, "rb") as opened:
        opened.seek(0)
        order: dict[str, Any] = json.loads(opened.read())
        return order


def _refused(wire: Wire) -> str | None:
    """Why the candidate could not be confined. Its first word, said before anything foreign ran: it can be believed."""
    try:
        why = wire.receive().get("refused")
    except Gone:
        why = "the candidate did not start"
    return None if why is None else str(why)


def examined(wire: Wire, order: Mapping[str, str], child: int) -> Verdict:
    """Run the test; the first thing that goes wrong is the verdict."""
    proxy, scope = Proxy(wire), {"__name__": "check"}
    random.seed(SEED)
    try:
        exec(_beginning(order["prompt"]), scope)  # noqa: S102 - this is what the enclosure is for
        test = compile(order["test"], "<test>", "exec")
    except BaseException as exc:  # noqa: BLE001 - whatever it is, it is the data's
        return {"kind": "unusable", "detail": f"its own prompt or test does not run: {_words(exc)}"}
    try:
        if (failed := _defined(wire)) is not None:
            return failed
        _run(test, scope, order["entry_point"], proxy)
    except Gone as exc:
        return _ending(child, str(exc))
    except Uncrossable as exc:
        return {"kind": "unusable", "detail": f"its test hands over {exc}, which is no plain value"}
    except AssertionError as exc:
        return {"kind": "assertion", "detail": _line(exc, order["test"]) or _words(exc)}
    except MemoryError:
        return {"kind": "memory", "detail": "out of memory"}
    except BaseException as exc:  # noqa: BLE001 - whatever the program's values make the test raise
        where = "" if exc is proxy.raised else " (in the test)"
        return {"kind": "exception", "detail": f"{_words(exc)}{where}"}
    return {"kind": "passed", "detail": ""}


def _beginning(prompt: str) -> Any:
    """What stands before the function (a test may use it); one that has no docstring is no Python without a body."""
    try:
        return compile(prompt, "<prompt>", "exec")
    except SyntaxError:
        return compile(f"{prompt}\n    pass\n", "<prompt>", "exec")


def _run(test: Any, scope: dict[str, Any], entry_point: str, proxy: Proxy) -> None:
    """A test defines ``check(candidate)``, or is itself the assertions."""
    scope[entry_point] = proxy
    exec(test, scope)  # noqa: S102
    if callable(check := scope.get("check")):
        check(proxy)


def _defined(wire: Wire) -> Verdict | None:
    """What is wrong with the program itself. Said after some of it ran: it may say that it failed, and no more."""
    said = wire.receive()
    if said == {"ready": True}:
        return None
    if said.get("kind") not in ("syntax", "missing", "exception", "memory"):
        raise Gone("what it handed over is no value")
    return {"kind": str(said["kind"]), "detail": str(said.get("detail"))[:300]}


def _ending(child: int, why: str) -> Verdict:
    """Why the candidate answers no more."""
    if why:
        return {"kind": "ended", "detail": why}
    status = os.waitpid(child, 0)[1]
    if not os.WIFSIGNALED(status):
        return {"kind": "ended", "detail": f"it ended by itself with code {os.WEXITSTATUS(status)}"}
    if (number := os.WTERMSIG(status)) == signal.SIGXCPU:
        return {"kind": "timeout", "detail": "its processor time is used up"}
    return {"kind": "ended", "detail": f"it was ended by {signal.Signals(number).name}"}


def _line(exc: BaseException, test: str) -> str:
    """The test's own line that failed."""
    number, step = 0, exc.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == "<test>":
            number = step.tb_lineno
        step = step.tb_next
    return " ".join(test.splitlines()[number - 1].split())[:200] if number else ""


def _words(exc: BaseException) -> str:
    name = type(exc).__name__
    try:
        said = " ".join(str(exc).split())[:200]
    except BaseException:  # noqa: BLE001 - a program's exception may fail to say what it is
        said = ""
    return f"{name}: {said}" if said else name


class Proxy:
    """The generated function as the test sees it: a call here is a call over there."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.raised: BaseException | None = None

    def __call__(self, *given: Any, **named: Any) -> Any:
        self._wire.send({"given": pack(given, strict=True), "named": pack(named, strict=True)})
        reply = self._wire.receive()
        if "value" in reply:
            return unpack(reply["value"])
        name, said = str(reply.get("raised")), str(reply.get("said"))
        kind = getattr(builtins, name, None)
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            kind = RuntimeError
        if not issubclass(kind, Exception):
            raise Gone(f"it left by {name}")
        try:
            self.raised = kind(said) if kind.__name__ == name else kind(f"{name}: {said}")
        except TypeError:  # some want more than a sentence
            self.raised = RuntimeError(f"{name}: {said}")
        raise self.raised


# --------------------------------------------------------------------------------------------------- the candidate


def candidate(wire: Wire, limits: Limited, program: int) -> NoReturn:
    """Define the program, then answer calls until nobody asks."""
    refused = limits.take()
    wire.send({"refused": refused})
    if refused is None:
        order, scope = _order(program), {"__name__": "program"}
        random.seed(SEED)
        failed = define(order["sources"], order["entry_point"], scope)
        wire.send(failed or {"ready": True})
        if failed is None:
            _answer(wire, scope.get(order["entry_point"]))
    os._exit(0)


def _answer(wire: Wire, function: Any) -> NoReturn:
    while True:
        asked = wire.receive()
        try:
            value = function(*unpack(asked["given"]), **unpack(asked["named"]))
            wire.send({"value": pack(value, strict=False)})
        except BaseException as exc:  # noqa: BLE001 - whatever a program raises is its answer
            name, _, said = _words(exc).partition(": ")
            wire.send({"raised": name, "said": said})


def define(sources: Sequence[str], entry_point: str, scope: dict[str, Any]) -> Verdict | None:
    """Run the definitions of the first reading of the answer that is a program; or what is wrong with all of them."""
    wrong = {"kind": "syntax", "detail": "there is no program in the answer"}
    for number, source in enumerate(sources):
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
            if number == 0:
                line = f" (line {exc.lineno})" if isinstance(exc, SyntaxError) and exc.lineno else ""
                wrong = {"kind": "syntax", "detail": f"{getattr(exc, 'msg', None) or _words(exc)}{line}"}
            continue
        places = [place for place, node in enumerate(tree.body) if _defines(node, entry_point)]
        if places:
            tree.body = [node for place, node in enumerate(tree.body) if kept(node, after=place > places[-1])]
            return _execute(tree, scope)
        wrong = {"kind": "missing", "detail": f"it defines no function {entry_point}"}
    return wrong


def _defines(node: ast.stmt, name: str) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name


def _execute(tree: ast.Module, scope: dict[str, Any]) -> Verdict | None:
    try:
        exec(compile(tree, "<program>", "exec"), scope)  # noqa: S102 - this is what the enclosure is for
    except MemoryError:
        return {"kind": "memory", "detail": "out of memory"}
    except SyntaxError as exc:
        return {"kind": "syntax", "detail": str(exc.msg)}
    except BaseException as exc:  # noqa: BLE001 - whatever a program raises is its answer
        return {"kind": "exception", "detail": f"{_words(exc)} (before it was called)"}
    return None


def kept(node: ast.stmt, *, after: bool) -> bool:
    """Whether a statement is part of the program: what an answer adds to try itself out (calls, asserts) is not.

    After the function only what is needed by name; before it also values that are computed.
    """
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return True
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return not (after and any(isinstance(part, ast.Call) for part in ast.walk(node)))
    if isinstance(node, (ast.If, ast.Try)):
        handlers = node.handlers if isinstance(node, ast.Try) else []
        inner = [*node.body, *node.orelse, *(step for handler in handlers for step in handler.body)]
        return all(isinstance(step, ast.Pass) or kept(step, after=after) for step in inner)
    return False
