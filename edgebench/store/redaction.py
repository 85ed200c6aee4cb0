"""What happens to people's texts before they are stored: ``keep``, ``redact`` or ``hash``.

``redact`` puts marks in place of what looks like personal data (:mod:`edgebench.redacting`): it misses some, and what
stays may still tell who wrote a text. :func:`claim` says how much it found in our labelled test set.

``hash`` puts ``sha256:…`` in place of every text. Equal texts keep equal hashes, so runs still pair; the hash of a
short or well-known text can be guessed by trying.

Under both, these stay, because scoring and pairing need them: the references, the digests of the original items, the
labels, the instruction (the author's own words) and an answer that is one of the labels or the item's own reference:
that is a verdict, not a person's text. Under ``hash`` no other answer can be judged from the store (see
:func:`is_hashed`), and messages of failures are hashed too, because servers quote what they were sent.
"""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from edgebench.records import Call, Example, Failure, Item, Message, Record, Score, Workload
from edgebench.redacting import claim, redact
from edgebench.store.packing import with_items

__all__ = ["Policy", "Texts", "claim", "hashed", "is_hashed"]

Texts = Literal["keep", "redact", "hash"]

_HASHED = re.compile(r"sha256:[0-9a-f]{64}")


def hashed(text: str) -> str:
    """``sha256:…`` in place of a text; the empty text and what is hashed already stay."""
    if not text or is_hashed(text):
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_hashed(text: str) -> bool:
    """Whether a text was replaced by its hash, so that nobody can judge it."""
    return _HASHED.fullmatch(text) is not None


# --------------------------------------------------------------------------------------------------- on nouns


class Policy:
    """One run's way with texts: what it does to its workload, its records and its scores before they are stored."""

    def __init__(self, texts: Texts, workload: Workload) -> None:
        self.texts = texts
        replaced: Callable[[str], str] = hashed if texts == "hash" else _redacted
        self._replace = lru_cache(maxsize=4096)(replaced)  # instructions and examples come back in every request
        self._output = workload.task.output
        self._labels = _choices(workload.task.choices)
        self._verdicts = {i.digest: _choices(i.choices) | _words(_scalars(i.reference)) for i in workload.items}

    def workload(self, workload: Workload) -> Workload:
        if self.texts == "keep":
            return workload
        task = replace(workload.task, examples=self._examples(workload.task.examples))
        return with_items(replace(workload, task=task, pool=self._examples(workload.pool)), self._item)

    def record(self, record: Record) -> Record:
        if self.texts == "keep":
            return record
        answer, known = record.answer, record.item_digest
        return replace(
            record,
            calls=tuple(self._call(call, known) for call in record.calls),
            answer=None if answer is None else replace(answer, text=self._answer(answer.text, known)),
            failure=self._failure(record.failure),
        )

    def score(self, score: Score, item_digest: str) -> Score:
        if self.texts == "keep":
            return score
        label, why = score.label, score.explanation
        if label is not None and self._output in ("text", "json"):
            label = self._answer(label, item_digest)
        return replace(score, label=label, explanation=None if why is None else self._replace(why))

    def _item(self, item: Item) -> Item:
        if isinstance(item.input, str):
            return replace(item, input=self._replace(item.input))
        return replace(item, input=self._messages(item.input))

    def _messages(self, messages: Iterable[Message]) -> tuple[Message, ...]:
        return tuple(Message(m.role, self._replace(m.content)) for m in messages)

    def _examples(self, examples: Iterable[Example]) -> tuple[Example, ...]:
        return tuple(replace(example, input=self._replace(example.input)) for example in examples)

    def _call(self, call: Call, item_digest: str) -> Call:
        request = call.request
        if request is not None:
            request = replace(request, messages=self._messages(request.messages), text=self._replace(request.text))
        text = None if call.text is None else self._answer(call.text, item_digest)
        return replace(call, request=request, text=text, failure=self._failure(call.failure))

    def _answer(self, text: str, item_digest: str) -> str:
        known = self._labels | self._verdicts.get(item_digest, frozenset())
        return text if _word(text) in known else self._replace(text)

    def _failure(self, failure: Failure | None) -> Failure | None:
        return None if failure is None else Failure(failure.kind, self._replace(failure.message))


def _redacted(text: str) -> str:
    return text if is_hashed(text) else redact(text)[0]


def _word(text: str) -> str:
    return text.strip().strip(string.punctuation).strip().casefold()


def _words(texts: Iterable[Any]) -> frozenset[str]:
    return frozenset(_word(str(text)) for text in texts)


def _choices(choices: tuple[str, ...]) -> frozenset[str]:
    """The choices themselves, and the letters they are called by."""
    return _words([*choices, *string.ascii_uppercase[: len(choices)]])


def _scalars(reference: Any) -> list[Any]:
    """The answers a reference accepts, as far as they are plain values."""
    some = reference if isinstance(reference, list) else [reference]
    return [value for value in some if isinstance(value, (str, int, float))]
