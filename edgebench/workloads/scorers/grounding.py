"""The scorer of answers that must stand on a text: answered from it with a quote, not in it, or asked back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from edgebench.contracts import Scorer
from edgebench.records import Item, Judgement, Mode, Task
from edgebench.workloads import understand
from edgebench.workloads.scorers.rule import Rule, versioned

Kind = Literal["answer", "not_in_text", "ask_back"]
#: the ways references and models write the kind, plain
KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("answer", "answered", "found", "in text", "in the text"), "answer"),
    **dict.fromkeys(
        ("not in text", "not in the text", "absent", "unanswerable", "not found", "no answer", "none", "unknown"),
        "not_in_text",
    ),
    **dict.fromkeys(
        ("ask", "ask back", "asks back", "asked back", "question", "clarify", "clarification", "ambiguous"), "ask_back"
    ),
}
#: kind wanted → kind given → what went wrong
WRONG: Mapping[Kind, Mapping[Kind, Mode]] = {
    "answer": {"not_in_text": "not_in_text_claimed", "ask_back": "asked_back"},
    "not_in_text": {"answer": "not_in_text_missed", "ask_back": "asked_back"},
    "ask_back": {"answer": "did_not_ask_back", "not_in_text": "did_not_ask_back"},
}
#: an answer in words that says the text is silent
SILENT = re.compile(
    r"\bnot (?:in|part of|covered (?:in|by)|mentioned|stated|specified|given|said|found|provided|included|addressed)\b"
    r"|\b(?:does|do|did)(?: not|n't) (?:say|mention|state|specify|tell|contain|cover|give|include|provide|answer)\b"
    r"|\b(?:says?|said|states?|mentions?|has|is|gives?|contains?) (?:nothing|no (?:mention|information|word|answer))\b"
    r"|\bno (?:mention|information|answer) (?:of|about|on|is|in)\b|\bcannot be (?:answered|found)\b",
    re.IGNORECASE,
)
QUOTED = re.compile(r"[\"“”„«]([^\"“”„«»]{12,600}?)[\"“”»]")  # long enough to be a passage, not a word in quotes
TOLD_QUOTE = re.compile(r"\bquot(?:e|ation)\b\s*[:=-]\s*(.+)", re.IGNORECASE)
GAP = re.compile(r"\s*(?:\[\s*(?:\.{3}|…)\s*\]|\(\s*(?:\.{3}|…)\s*\)|\.{3}|…)\s*")  # left out within a quote
YES_NO = re.compile(r"\b(?:yes|no)\b")
MARKS = str.maketrans({**dict.fromkeys("‘’ʼ`´", "'"), **dict.fromkeys("“”„«»″", '"'), **dict.fromkeys("‐‑–—−", "-")})


@dataclass(frozen=True, slots=True)
class Said:
    """What an answer says: its kind, its words, and the quote it gives."""

    kind: Kind
    words: str
    quote: str = ""
    how: tuple[str, ...] = ()


def grounded(
    *,
    passage_until: str = "\n\nQuestion:",
    quote: Literal["when given", "required"] = "when given",
    about: Literal["noted", "required"] = "noted",
) -> Scorer:
    """Right when the answer is of the right kind and, where it answers, right and true to the text.

    The reference is ``{"kind": …, "answers": […], "quotes": […], "asks_about": […]}``, its kind answer, not-in-text or
    ask-back; the answer is JSON with ``kind``, ``answer`` and ``quote``, or free words. An answer is right when it
    contains one of ``answers`` (case and spaces do not matter; no number within a longer one; of yes and no the first
    counts) and its quote stands word for word in the passage: the input before ``passage_until``, after spaces,
    quotation marks and case. Parts left out of a quote ("…") are allowed. ``quote: required``: an answer without one is
    not grounded. A question back is right whatever it asks for, and the explanation says when that is none of
    ``asks_about``; ``about: required``: then it is wrong.

    The label is the kind where the answer is right, else the failure mode: ``asked_back``, ``did_not_ask_back``,
    ``not_in_text_missed``, ``not_in_text_claimed``, ``not_grounded``, ``wrong``.
    """
    version = versioned(1, grounded, passage_until=passage_until, quote=quote, about=about)
    judge = partial(_grounded, until=passage_until, quoting=quote == "required", asking=about == "required")
    return Rule("grounded", version, judge)


def _grounded(item: Item, task: Task, answer: str, *, until: str, quoting: bool, asking: bool) -> Judgement:
    reference = item.reference
    wanted = kind_of(reference.get("kind")) if isinstance(reference, Mapping) else None
    if wanted is None:
        return Judgement(None, explanation="the reference names no kind of answer")
    got = heard(answer)
    if got is None:
        return Judgement(0.0, "wrong", "an empty answer")
    how = "".join(f"; {each}" for each in got.how)
    if got.kind != wanted:
        return Judgement(0.0, WRONG[wanted][got.kind], f"{got.kind}, where {wanted} was due{how}")
    if wanted == "ask_back":
        about = _listed(reference.get("asks_about"))
        if not about or _contains(got.words, about):
            return Judgement(1.0, wanted, how[2:] or None)
        words = f"asks about none of: {', '.join(about)}{how}"
        return Judgement(0.0, "wrong", words) if asking else Judgement(1.0, wanted, words)
    if wanted == "not_in_text":
        return Judgement(1.0, wanted, how[2:] or None)
    if (answers := _listed(reference.get("answers"))) and not _contains(got.words, answers):
        return Judgement(0.0, "wrong", f"holds none of: {', '.join(answers)}{how}")
    if not got.quote:
        return Judgement(0.0, "not_grounded", f"no quote{how}") if quoting else Judgement(1.0, wanted, f"no quote{how}")
    if not stands_in(got.quote, passage(item, until)):
        return Judgement(0.0, "not_grounded", f"the quote is not in the text: {got.quote[:200]!r}{how}")
    return Judgement(1.0, wanted, f"quote found{how}")


def kind_of(written: Any) -> Kind | None:
    """The kind a word stands for."""
    return KINDS.get(understand.plain(written.replace("_", " "))) if isinstance(written, str) else None


def heard(answer: str) -> Said | None:
    """What an answer says, in JSON or in words; None: nothing."""
    text = understand.said(answer)
    if not text:
        return None
    found = understand.json_found(text)
    if found is not None and {"kind", "answer", "quote"} & set(found.value):
        words = _text(found.value.get("answer")) or _text(found.value.get("question"))
        told = kind_of(found.value.get("kind")) or kind_of(words)
        kind = told or (in_words(words) if words else "not_in_text")
        return Said(kind, words, _text(found.value.get("quote")), found.how)
    quotes = TOLD_QUOTE.findall(text) or QUOTED.findall(text)
    quote = str(quotes[0]).strip() if quotes else ""
    told = kind_of(text.strip(understand.EDGES))
    return Said(told or in_words(text), text, quote)


def in_words(text: str) -> Kind:
    """The kind of an answer in free words: silent where it says so, a question where it ends in one, else an answer."""
    first = text.translate(MARKS)
    if SILENT.search(first):
        return "not_in_text"
    return "ask_back" if first.rstrip(understand.EDGES.replace("?", "")).endswith(("?", "？", "؟")) else "answer"


def passage(item: Item, until: str) -> str:
    """The text an answer must stand on: the words of the user up to the question."""
    return item.text.partition(until)[0] if until else item.text


def stands_in(quote: str, text: str) -> bool:
    """Whether a quote is in a text word for word, its parts in their order where some are left out."""
    whole, place = _even(text), 0
    parts = [part for each in GAP.split(quote) if (part := _even(each).strip(" .,;:!?\"'"))]
    for part in parts:
        place = whole.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return bool(parts)


def _even(text: str) -> str:
    return understand.plain(text, punctuation=True).translate(MARKS)


def _contains(text: str, wanted: list[str]) -> bool:
    even = _even(text)
    first = YES_NO.search(even)
    for key in map(_even, wanted):
        if key in ("yes", "no"):
            if first is not None and first[0] == key:
                return True
        elif key and re.search(understand.edged(key, words=True), even):
            return True
    return False


def _listed(value: Any) -> list[str]:
    each = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    return [understand.as_text(one) for one in each]


def _text(value: Any) -> str:
    if value is None:
        return ""
    try:
        return understand.as_text(value).strip()
    except (ValueError, RecursionError):  # deeper than can be written again
        return "[nested]"
