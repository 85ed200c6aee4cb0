"""What a free answer says: its label, its letter, its number, its JSON object. Never raises, whatever the text.

Characters that show nothing (controls, zero-width spaces, marks that turn the direction of writing) are not read: text
is taken in the order it was written in, however a screen would show it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from edgebench.workloads.choices import letters

LONGEST = 20_000  # characters of an answer that are read
SEARCHED = 1_000_000  # characters in which the end of a leading block of thinking is looked for
#: controls that are no white space, zero-width characters, bidirectional marks and overrides
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
)
TURNED = re.compile("[\u202a-\u202e\u2066-\u2069]")  # the direction of writing
JOINERS = re.compile("[\u200c\u200d]")  # mean something in Hindi or in an emoji, and nothing when words are compared
EDGES = " \t\r\n\"'`*_.,:;!?()[]{}<>“”‘’„«»"
THINKING = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
UNFINISHED = re.compile(r"^\s*<think(?:ing)?>", re.IGNORECASE)
LEAD_IN = re.compile(
    r"^\W*(?:the\s+)?(?:final\s+|correct\s+|best\s+|right\s+)?"
    r"(?:label|category|class|classification|intent|topic|answer|output|choice|option)\s*(?::|=|\bis\b)[\s:]*",
    re.IGNORECASE,
)
ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


def said(answer: str) -> str:
    """The answer without a leading block of thinking or anything invisible, and no longer than is read.

    Of a block that never ends nothing is left: what somebody considers is not yet an answer.
    """
    shown = _shown(answer)
    return "" if UNFINISHED.match(shown) else shown[:LONGEST].strip()


def _shown(answer: str) -> str:
    return THINKING.sub("", INVISIBLE.sub("", answer[:SEARCHED]), count=1)


def still_thinking(answer: str) -> bool:
    """Whether the answer is a block of thinking that never ends."""
    return UNFINISHED.match(_shown(answer)) is not None


def overlooked(answer: str) -> tuple[str, ...]:
    """What was not read of an answer, in words."""
    notes = []
    if TURNED.search(answer[:SEARCHED]):
        notes.append("marks that turn the direction of writing are not read")
    elif INVISIBLE.search(answer[:SEARCHED]):
        notes.append("invisible characters are not read")
    if len(_shown(answer)) > LONGEST:
        notes.append(f"read as far as {LONGEST:,} of {len(answer):,} characters")
    return tuple(notes)


def as_text(value: Any) -> str:
    """A value as one text to compare by: a text as it is, anything else as JSON, its keys in alphabetical order."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def plain(text: str, *, case: bool = False, punctuation: bool = False, articles: bool = True) -> str:
    """Text in its plainest form: NFKC, nothing invisible, one space between words; each flag says what is kept."""
    text = JOINERS.sub("", INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    if not case:
        text = unicodedata.normalize("NFKC", text.casefold())
    if not punctuation:
        text = re.sub("['’ʼ`]", "", text)
        text = "".join(" " if unicodedata.category(char).startswith("P") else char for char in text)
    if not articles:
        text = ARTICLES.sub(" ", text)
    return " ".join(text.split())


def edged(text: str, *, words: bool = False) -> str:
    """A pattern that finds a text, but no number within a longer one; ``words``: nor ASCII words within longer ones.

    Other scripts put endings to their words, and some no space between them: there, any place will do.
    """
    first, last, inside = text[:1], text[-1:], "[a-z0-9]"
    before = r"(?<!\d)(?<!\d[.,])" if first.isdigit() else ""
    after = r"(?!\d)(?![.,]\d)" if last.isdigit() else ""
    if words:
        before += rf"(?<!{inside})" if first.isascii() and first.isalnum() else ""
        after += rf"(?!{inside})" if last.isascii() and last.isalnum() else ""
    return f"{before}{re.escape(text)}{after}"


# --------------------------------------------------------------------------------------------------- labels

Form = Callable[[str], str]


def label(answer: str, labels: Sequence[str], *, ignore_case: bool = True, anywhere: bool = True) -> tuple[str, bool]:
    """The one label an answer gives and True; or what is wrong with it and False.

    Tried in this order: the whole answer, the answer after a lead-in ("Label: …"), its first line, the same after a
    lead-in; each as written, then by case, edges and underscores, then by words alone. At last, when ``anywhere``:
    exactly one label as whole words within the answer. ("Not a refund" therefore counts as "refund".)
    """
    if answer.strip() in labels:  # also one that nobody could see
        return answer.strip(), True
    forms = _known(tuple(labels), ignore_case)
    for candidate in _candidates(said(answer)):
        for form, known in forms:
            matched = known.get(form(candidate), ())
            if len(matched) == 1:
                return matched[0], True
            if matched:
                return "several labels", False
    found = _within(said(answer), labels, ignore_case) if anywhere else []
    if len(found) == 1:
        return found[0], True
    return ("several labels" if found else "not a label"), False


def _candidates(text: str) -> Iterator[str]:
    first = text.partition("\n")[0]
    for candidate in (text, LEAD_IN.sub("", text, count=1), first, LEAD_IN.sub("", first, count=1)):
        yield candidate.strip()


def _forms(ignore_case: bool) -> tuple[Form, ...]:
    def neat(text: str) -> str:
        return plain(text.strip(EDGES).replace("_", " "), case=not ignore_case, punctuation=True)

    def words(text: str) -> str:
        return plain(text, case=not ignore_case)

    return (lambda text: text, neat, words)


@lru_cache(maxsize=64)
def _known(labels: tuple[str, ...], ignore_case: bool) -> tuple[tuple[Form, Mapping[str, tuple[str, ...]]], ...]:
    """Every form, and the labels by their key in it; what has no key in a form cannot be told in it."""
    out = []
    for form in _forms(ignore_case):
        known: dict[str, tuple[str, ...]] = {}
        for name in labels:
            if key := form(name):
                known[key] = (*known.get(key, ()), name)
        out.append((form, known))
    return tuple(out)


@lru_cache(maxsize=64)
def _longest_first(labels: tuple[str, ...], ignore_case: bool) -> tuple[tuple[str, str], ...]:
    """(label, its words), the longest label first."""
    _, _, words = _forms(ignore_case)
    return tuple((name, key) for name in sorted(labels, key=len, reverse=True) if (key := words(name)))


def _within(answer: str, labels: Sequence[str], ignore_case: bool) -> list[str]:
    """Labels that stand in the answer as whole words; longer ones first, so that "card" is not seen in "card lost"."""
    _, _, words = _forms(ignore_case)
    text, found = words(answer), []
    for name, key in _longest_first(tuple(labels), ignore_case):
        if key in text:
            text, times = re.subn(rf"(?<!\w){re.escape(key)}(?!\w)", "\0", text)
            found += [name] if times else []
    return found


LISTS = re.compile(
    r"^\W*(?:\w+\s+){0,4}?(?:labels?|tags?|topics?|categor(?:y|ies)|class(?:es)?|intents?|answers?)"
    r"\s*(?::|=|\bare\b|\bis\b)[\s:]*",
    re.IGNORECASE,
)
BULLET = re.compile(r"^\s*(?:[-*•–·]|\(?\d{1,3}[.):])\s+")


def listed(answer: str) -> list[str]:
    """What an answer lists: one on each line, or apart by commas or semicolons, without bullets and lead-in."""
    lines = [LISTS.sub("", line, count=1) for line in said(answer).split("\n") if line.strip(EDGES)]
    if len(lines) > 1 and BULLET.match(lines[-1]) and not BULLET.match(lines[0]):
        lines = [line for line in lines if BULLET.match(line)]  # a sentence before the list
    parts = (part for line in lines for part in re.split(r"[,;،、]", BULLET.sub("", line, count=1)))
    return [part.strip().strip(EDGES) for part in parts if part.strip(EDGES)]


# --------------------------------------------------------------------------------------------------- letters

ALONE = re.compile(r"^\W*(?:option\s+|choice\s+|answer\s+)?([A-Za-z])\W*$", re.IGNORECASE)
NAMED = re.compile(r"\b(?:answer|choice|option|letter)\b(?:\s+is\b)?\W{0,4}([A-Z])\b(?![’'])")
LEADING = re.compile(r"^\W*([A-Z])(?:\s*[).:\]*]|\s+[-–—]\s|\s*\n)")
CAPITAL = re.compile(r"(?<![\w’'])([A-Z])(?![\w’'])")


def letter(answer: str, choices: Sequence[str]) -> tuple[str, bool]:
    """The one letter an answer gives and True; or what is wrong with it and False. Without choices: any of A to Z.

    Tried in this order: a letter alone; the last "answer is (B)"; a letter that leads ("B) because …"); the words of
    exactly one choice; exactly one capital that stands alone ("A" before a small letter is an article).
    """
    text = said(answer)
    known = letters(choices) if choices else letters("x" * 26)
    if alone := ALONE.match(text):
        found = alone[1].upper()
        return (found, True) if found in known else ("not a letter", False)
    if named := [name for name in NAMED.findall(text) if name in known]:
        return named[-1], True
    if (leading := LEADING.match(text)) and leading[1] in known:
        return leading[1], True
    words, understood = label(text, choices)
    if understood:
        return known[list(choices).index(words)], True
    capitals = {
        match[1]
        for match in CAPITAL.finditer(text)
        if match[1] in known and not (match[1] in "AI" and re.match(r"\s+[a-z]", text[match.end() :]))
    }
    if len(capitals) == 1:
        return capitals.pop(), True
    return ("several letters" if capitals else "not a letter"), False


# --------------------------------------------------------------------------------------------------- numbers

_BODY = r"""
    (?: (?P<over>(?<![/\d])\d{1,15})\s?/\s?(?P<under>\d{1,15})(?![/\d])      # 3/4, not a date
      | (?P<commas>\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?)                       # 1,450,000.5
      | (?P<dots>\d{1,3}(?:\.\d{3}){2,}(?!\d)(?:,\d+)?)                      # 1.450.000,5
      | (?P<spaced>\d{1,3}(?:[\u00a0\u202f\u2009'’]\d{3})+(?!\d)(?:[.,]\d+)?)  # 1'450'000
      | (?P<comma>(?<!\d,)\d+,\d{1,2}(?![\d,]))                              # 3,5
      | (?P<bare>\d+(?:\.\d+)?(?:[eE][-+]?\d{1,3}(?!\d))?|\.\d+)
    )
"""
_NUMBER = rf"(?<!\w)(?P<sign>[-+−–]?)[$€£¥₹]?(?P<inner>[-−]?){_BODY}(?:\s?(?P<percent>%|percent\b|per\s?cent\b))?"
NUMBER = re.compile(_NUMBER, re.VERBOSE)
WHOLE = re.compile(rf"\s*{_NUMBER}\s*[$€£¥₹]?\s*", re.VERBOSE)


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal
    percent: bool = False


def number(text: str) -> Number | None:
    """The number an answer ends with; after ``####`` when that mark is there (the form of GSM8K's solutions)."""
    text = said(text)
    _, mark, after = text.rpartition("####")
    if mark and (match := NUMBER.search(after)):
        return _number(match)
    last = None
    for match in NUMBER.finditer(text):
        last = match
    return None if last is None else _number(last)


def numbers(text: str) -> list[tuple[Number, str]]:
    """Every number of a text, with the characters it is written in."""
    return [(_number(match), match[0].strip()) for match in NUMBER.finditer(text)]


def is_number(value: Any) -> bool:
    """Whether a reference is a number: a JSON one, a text that is nothing else, or a solution that ends ``#### 18``."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return False
    return not isinstance(value, str) or WHOLE.fullmatch(value.rpartition("####")[2]) is not None


def number_of(reference: Any) -> Number | None:
    """The number of a reference, whether written as a number or a text."""
    if isinstance(reference, bool):
        return None
    if isinstance(reference, (int, float)):
        value = Decimal(repr(reference))
        return Number(value) if value.is_finite() else None
    return number(reference) if isinstance(reference, str) else None


def _number(match: re.Match[str]) -> Number:
    parts = match.groupdict()
    if parts["over"]:
        under = Decimal(parts["under"])
        value = Decimal(parts["over"]) / under if under else Decimal(parts["over"])
    elif parts["dots"]:
        value = Decimal(parts["dots"].replace(".", "").replace(",", "."))
    elif parts["comma"]:
        value = Decimal(parts["comma"].replace(",", "."))
    elif parts["spaced"]:
        value = Decimal(re.sub("[\u00a0\u202f\u2009'’]", "", parts["spaced"]).replace(",", "."))
    else:
        value = Decimal((parts["commas"] or parts["bare"]).replace(",", ""))
    negative = (parts["sign"] in ("-", "−", "–")) != bool(parts["inner"])
    return Number(-value if negative else value, bool(parts["percent"]))


# --------------------------------------------------------------------------------------------------- JSON

FENCE = re.compile(r"(?:```|~~~)[a-z0-9]*\s*\n?(.*?)(?:```|~~~)", re.DOTALL | re.IGNORECASE)
TRIES = 20  # openings looked at; a text of braces must not cost the square of its length
MOST_TWICE = 3  # keys given twice that are named


@dataclass(frozen=True, slots=True)
class Found:
    """A JSON value in an answer, and in words what had to be overlooked to find it."""

    value: Any
    how: tuple[str, ...] = ()


def json_object(answer: str) -> dict[str, Any] | None:
    """The first JSON object in an answer: alone, in a code fence, or among words."""
    found = json_found(answer)
    return None if found is None else found.value


def json_found(answer: str, *, opening: str = "{") -> Found | None:
    """The first JSON object (``opening="{["``: object or list) in an answer, and how it was found.

    Where a key is given twice the last one counts, as in every parser, and ``how`` says so.
    """
    text = said(answer)
    kinds = (dict, list) if "[" in opening else dict
    fenced = [
        (match[1].strip(), "in a code fence") for match, _ in zip(FENCE.finditer(text), range(TRIES), strict=False)
    ]
    for candidate, how in [(text, ""), *fenced]:
        value, _, twice = _loaded(candidate)
        if isinstance(value, kinds):
            return Found(value, (*([how] if how else []), *twice))
    for match, _ in zip(re.finditer(rf"[{re.escape(opening)}]", text), range(TRIES), strict=False):
        value, _, twice = _loaded(text[match.start() :], whole=False)
        if isinstance(value, kinds):
            return Found(value, ("among words", *twice))
    return None


def json_objects(answer: str, most: int = 5) -> list[dict[str, Any]]:
    """The JSON objects of an answer one after the other, none within another; at most so many."""
    text, place = said(answer), 0
    out: list[dict[str, Any]] = []
    for _ in range(TRIES):
        place = text.find("{", place)
        if place < 0 or len(out) == most:
            break
        value, end, _ = _loaded(text[place:], whole=False)
        if isinstance(value, dict):
            out.append(value)
        place += max(1, end)
    return out


def _loaded(text: str, *, whole: bool = True) -> tuple[Any, int, tuple[str, ...]]:
    """The value, where it ends, and which keys are given twice; None where the text is not JSON."""
    twice: dict[str, None] = {}

    def made(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            counted = Counter(name for name, _ in pairs)
            twice.update(dict.fromkeys(name for name in made if counted[name] > 1))
        return made

    try:
        value, end = json.JSONDecoder(object_pairs_hook=made).raw_decode(text)
    except (ValueError, RecursionError):
        return None, 0, ()
    if whole and text[end:].strip():
        return None, 0, ()
    named = [f"key {name[:40]!r} twice: the last one counts" for name in list(twice)[:MOST_TWICE]]
    return value, end, tuple(named)
