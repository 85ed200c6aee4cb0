"""What a free answer says: its label, its letter, its number, its JSON object. Never raises, whatever the text."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from edgebench.workloads.choices import letters

LONGEST = 20_000  # characters of an answer that are read
EDGES = " \t\r\n\"'`*_.,:;!?()[]{}<>“”‘’„«»"
THINKING = re.compile(r"^\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
LEAD_IN = re.compile(
    r"^\W*(?:the\s+)?(?:final\s+|correct\s+|best\s+|right\s+)?"
    r"(?:label|category|class|classification|intent|topic|answer|output|choice|option)\s*(?::|=|\bis\b)[\s:]*",
    re.IGNORECASE,
)
ARTICLES = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)


def said(answer: str) -> str:
    """The answer without a leading block of thinking, and no longer than is read."""
    return THINKING.sub("", answer[:LONGEST], count=1).strip()


def as_text(value: Any) -> str:
    """A reference as the answer it would be: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)


def plain(text: str, *, case: bool = False, punctuation: bool = False, articles: bool = True) -> str:
    """Text in its plainest form: NFKC, one space between words; each flag says what is kept."""
    text = unicodedata.normalize("NFKC", text)
    if not case:
        text = unicodedata.normalize("NFKC", text.casefold())
    if not punctuation:
        text = re.sub("['’ʼ`]", "", text)
        text = "".join(" " if unicodedata.category(char).startswith("P") else char for char in text)
    if not articles:
        text = ARTICLES.sub(" ", text)
    return " ".join(text.split())


# --------------------------------------------------------------------------------------------------- labels

Unclear = Literal["not a label", "several labels"]


def label(answer: str, labels: Sequence[str], *, ignore_case: bool = True, anywhere: bool = True) -> tuple[str, bool]:
    """The one label an answer gives and True; or what is wrong with it and False.

    Tried in this order: the whole answer, the answer after a lead-in ("Label: …"), its first line, the same after a
    lead-in; each as written, then by case, edges and underscores, then by words alone. At last, when ``anywhere``:
    exactly one label as whole words within the answer. ("Not a refund" therefore counts as "refund".)
    """
    for candidate in _candidates(said(answer)):
        for form in _forms(ignore_case):
            key = form(candidate)
            matched = [name for name in labels if key and form(name) == key]
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


def _forms(ignore_case: bool) -> tuple[Callable[[str], str], ...]:
    def neat(text: str) -> str:
        return plain(text.strip(EDGES).replace("_", " "), case=not ignore_case, punctuation=True)

    def words(text: str) -> str:
        return plain(text, case=not ignore_case)

    return (lambda text: text, neat, words)


def _within(answer: str, labels: Sequence[str], ignore_case: bool) -> list[str]:
    """Labels that stand in the answer as whole words; longer ones first, so that "card" is not seen in "card lost"."""
    _, _, words = _forms(ignore_case)
    text, found = words(answer), []
    for name in sorted(labels, key=len, reverse=True):
        if key := words(name):
            text, times = re.subn(rf"(?<!\w){re.escape(key)}(?!\w)", "\0", text)
            found += [name] if times else []
    return found


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


def _number(match: re.Match[str]) -> Number | None:
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

FENCE = re.compile(r"```(?:json)?\s*\n?(.*?)```", re.DOTALL | re.IGNORECASE)
TRIES = 20  # openings looked at; a text of braces must not cost the square of its length


def json_object(answer: str) -> dict[str, Any] | None:
    """The first JSON object in an answer: alone, in a code fence, or among words."""
    text = said(answer)
    for candidate in (text, *FENCE.findall(text)[:TRIES]):
        if isinstance(value := _loaded(candidate.strip()), dict):
            return value
    starts = [match.start() for match in re.finditer(r"\{", text)]
    for start in starts[:TRIES]:
        if isinstance(value := _loaded(text[start:], whole=False), dict):
            return value
    return None


def _loaded(text: str, *, whole: bool = True) -> Any:
    try:
        return json.loads(text) if whole else json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None
