"""Which kind of log a file is, by its content; said in a sentence, so that a wrong guess is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgebench.errors import DataError
from edgebench.workloads.importing import chats, foreign, openai_chat, otel, promptfoo, tables
from edgebench.workloads.importing.found import Piece
from edgebench.workloads.importing.logs import Log

#: format → what it is, in words
FORMATS: Mapping[str, str] = {
    "messages": "messages, one a row or one turn a row",
    "openai-chat": "OpenAI-style chat requests",
    "otel": "OpenTelemetry gen_ai spans",
    "promptfoo": "promptfoo tests",
    "inspect": "an Inspect dataset or log",
    "lm-eval": "sample logs of lm-evaluation-harness",
    "openai-evals": "samples of OpenAI evals",
    "helm": "HELM instances",
    "label-studio": "a Label Studio export",
}
#: formats whose cases somebody wrote as a test, instead of customers
WRITTEN = ("promptfoo", "inspect", "lm-eval", "openai-evals", "helm")


@dataclass(frozen=True)
class Recognised:
    """A log and how it is read."""

    log: Log
    format: str
    read: Callable[[], Iterator[Piece]]
    sentence: str
    reference: str | None = None  # of a table: the column of right answers


def recognise(
    log: Log,
    format: str = "auto",
    *,
    text: str | None = None,
    reference: str | None = None,
    batch: frozenset[str] = frozenset(),
) -> Recognised:
    """How a log is read.

    Parameters
    ----------
    format: one of :data:`FORMATS`, or ``auto``.
    text, reference: columns of a table, where their names do not tell.
    batch: ids of answered batch requests, see :func:`openai_chat.answered_ids`.

    Raises
    ------
    DataError: nothing that is known; a table without a column of messages.
    """
    sample = [entry.value for entry in log.sample()]
    found = _kind(log, sample) if format == "auto" else format
    if found not in FORMATS:
        raise DataError(f"{log.name}: {format!r} is no format that can be read", hint=f"--format {' | '.join(FORMATS)}")
    if found == "messages":
        return _messages(log, text, reference)
    readers: Mapping[str, Callable[[], Iterator[Piece]]] = {
        "openai-chat": lambda: openai_chat.read(log, batch),
        "otel": lambda: otel.read(log),
        "promptfoo": lambda: promptfoo.read(log),
        "inspect": lambda: foreign.inspect_log(log) if _is_inspect_log(log, sample) else foreign.inspect_dataset(log),
        "lm-eval": lambda: foreign.lm_eval(log),
        "openai-evals": lambda: foreign.openai_evals(log),
        "helm": lambda: foreign.helm(log),
        "label-studio": lambda: foreign.label_studio(log),
    }
    how = "read as" if format != "auto" else "recognised as"
    return Recognised(log, found, readers[found], _said(f"{log.name}: {how} {FORMATS[found]} ({_by(log, found)})", log))


def _messages(log: Log, text: str | None, reference: str | None) -> Recognised:
    columns = tables.settled(log, text, reference)
    if columns is None:
        raise DataError(
            f"{log.name} holds nothing that looks like a message",
            hint="name the column of messages, --input COLUMN, or the format, --format openai-chat",
        )
    parts = [f"{columns.text!r} is what is asked"]
    parts += [f"{columns.reference!r} the reference"] if columns.reference else []
    parts += [f"{columns.role!r} who speaks"] if columns.role else []
    parts += [f"{columns.conversation!r} the conversation"] if columns.conversation else []
    sentence = f"{log.name}: read as {FORMATS['messages']}: {', '.join(parts)}"
    return Recognised(log, "messages", lambda: tables.read(log, columns), _said(sentence, log), columns.reference)


def _said(sentence: str, log: Log) -> str:
    return f"{sentence}; {log.note}" if log.note else sentence


def _kind(log: Log, sample: Sequence[Any]) -> str:
    """The first format that most of the first entries look like; messages when none does."""
    if log.shape == "archive":
        if any(name.startswith("samples/") or name == "header.json" for name in log.columns):
            return "inspect"
        raise DataError(
            f"{log.name} is an archive that holds no Inspect log", hint="unpack it and name the file inside"
        )
    if log.shape == "yaml":
        return "promptfoo"
    if _is_inspect_log(log, sample):
        return "inspect"
    tests: Sequence[tuple[str, Callable[[Any], bool]]] = (
        ("otel", otel.is_one),
        ("label-studio", _is_label_studio),
        ("helm", _is_helm),
        ("lm-eval", lambda one: _has(one, "doc", "arguments") or _has(one, "doc", "resps")),
        ("promptfoo", promptfoo.is_one),
        ("openai-evals", lambda one: _has(one, "input", "ideal")),
        ("inspect", lambda one: _has(one, "input", "target")),
        ("openai-chat", _is_chat),
    )
    for name, is_one in tests:
        if sample and sum(map(is_one, sample)) >= len(sample) / 2:
            return name
    return "messages"


def _has(value: Any, *keys: str) -> bool:
    return isinstance(value, dict) and all(key in value for key in keys)


def _is_inspect_log(log: Log, sample: Sequence[Any]) -> bool:
    if log.shape == "archive":
        return True
    return any(_has(one, "eval", "samples") and isinstance(one["samples"], list) for one in sample)


def _is_label_studio(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    task = isinstance(value.get("data"), dict) and any(
        key in value for key in ("annotations", "completions", "predictions")
    )
    return task or _has(value, "annotation_id", "annotator")


def _is_helm(value: Any) -> bool:
    found = next(foreign.helm_instances(value), None)
    return found is not None and "references" in found


def _is_chat(value: Any) -> bool:
    """A request or its answer; not a mere table with a column of messages and a reference beside it."""
    if not openai_chat.is_one(value):
        return False
    held = chats.opened(value.get("messages"))
    return not (chats.are_messages(held) and any(key in value for key in ("reference", "label", "ideal", "target")))


def _by(log: Log, format: str) -> str:
    """What gave it away."""
    return {
        "openai-chat": "its entries hold messages with roles",
        "otel": "it holds spans with gen_ai attributes",
        "promptfoo": "it holds tests with vars and asserts" if log.shape != "table" else "it has a column __expected",
        "inspect": "it holds samples" if log.shape in ("archive", "document") else "its rows have input and target",
        "lm-eval": "its lines have doc, arguments and resps",
        "openai-evals": "its lines have input and ideal",
        "helm": "it holds inputs with references tagged correct",
        "label-studio": "its tasks hold data and annotations",
    }[format]
