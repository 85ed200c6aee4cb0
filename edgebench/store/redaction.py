"""What happens to people's texts before they are stored: ``keep``, ``redact`` or ``hash``.

``redact`` puts marks in place of e-mail addresses, phone numbers, cards, bank accounts and long numbers. It finds what
looks like one of these and nothing else: names, addresses and spelled-out numbers stay, so a redacted text may still
tell who wrote it. :func:`claim` says how much it found in our labelled test set.

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
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any, Literal

from edgebench.records import Call, Example, Failure, Item, Message, Record, Score, Workload
from edgebench.store.packing import with_items

Texts = Literal["keep", "redact", "hash"]

#: fragments of tests/store/labelled.py that vanish, and all of them; a test counts again
MEASURED = (60, 66)

_EMAIL = re.compile(
    r"[\w.+%'\-]{1,64}(?:\s?@\s?|\s?[(\[]\s?(?:at|@)\s?[)\]]\s?)"
    r"[\w\-]{1,63}(?:(?:\.|\s?[(\[]\s?dot\s?[)\]]\s?)[\w\-]{1,63}){1,4}",
    re.IGNORECASE,
)
_IBAN = re.compile(
    r"\b[A-Z]{2}\d{2}[ \-]?(?:[A-Z0-9]{4}[ \-]?){2,7}[A-Z0-9]{1,4}\b|(?i:\b[a-z]{2}\d{2}[a-z0-9]{11,30}\b)"
)
_DIGITS = re.compile(r"(?:[+(]{1,2}|(?<!\d))\d(?:[ \t\u00a0\u202f.\-/()]{0,2}\d){5,}")
_DATE = re.compile(r"(?:\d{4}([\-/.])\d{1,2}\1\d{1,2}|\d{1,2}([\-/.])\d{1,2}\2\d{4})(?!\d)")
_HASHED = re.compile(r"sha256:[0-9a-f]{64}")


def redact(text: str) -> tuple[str, Counter[str]]:
    """The text with marks such as ``[e-mail]``, and how many of each were put."""
    found: Counter[str] = Counter()

    def mark(kind: str) -> str:
        found[kind] += 1
        return f"[{kind}]"

    def iban(match: re.Match[str]) -> str:
        return mark("iban") if sum(map(str.isdigit, match[0])) >= 8 else match[0]

    def digits(match: re.Match[str]) -> str:
        day = _DATE.match(match[0])
        if day:
            return day[0] + _DIGITS.sub(digits, match[0][day.end() :])
        kind = _kind_of_number(match[0])
        return mark(kind) if kind else match[0]

    text = _EMAIL.sub(lambda _: mark("e-mail"), text)
    text = _IBAN.sub(iban, text)
    return _DIGITS.sub(digits, text), found


def claim() -> str:
    """What may be said of redaction, with its measured recall."""
    found, there = MEASURED
    return (
        f"e-mail addresses, phone, card and account numbers and long numbers are replaced by marks; of {there} such "
        f"fragments in our own test set {found} were found ({100 * found / there:.0f} %); "
        "names, addresses and everything else stay as written"
    )


def hashed(text: str) -> str:
    """``sha256:…`` in place of a text; the empty text and what is hashed already stay."""
    if not text or is_hashed(text):
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_hashed(text: str) -> bool:
    """Whether a text was replaced by its hash, so that nobody can judge it."""
    return _HASHED.fullmatch(text) is not None


def _kind_of_number(text: str) -> str | None:
    """Which mark a run of digits (with separators) gets; None: it says nothing about a person."""
    digits = re.sub(r"\D", "", text)
    parts = re.findall(r"\d+", text)
    sizes = [len(part) for part in parts]
    if 13 <= len(digits) <= 19 and (_luhn(digits) or sizes[:3] == [4, 4, 4]):
        return "card"
    if text[0] == "+" or digits.startswith("00") or sizes == [3, 3, 4]:
        return "phone"
    if 7 <= len(digits) <= 12 and text.lstrip("(")[0] == "0":
        return "phone"
    if max(sizes) >= 6 or (len(digits) >= 9 and "." not in text):
        return "number"
    return None


def _luhn(digits: str) -> bool:
    """The check digit of payment cards (ISO/IEC 7812-1)."""
    doubled = [int(d) for d in reversed(digits)]
    doubled[1::2] = [2 * d - 9 * (d > 4) for d in doubled[1::2]]
    return sum(doubled) % 10 == 0


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
