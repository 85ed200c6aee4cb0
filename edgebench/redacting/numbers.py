"""E-mail addresses, bank accounts, cards, phone numbers and long numbers: what has a form of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

Mark = Callable[[str], str]  # the kind of what was found → what is put in its place

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


def marked(text: str, mark: Mark) -> str:
    """The text with marks in place of addresses and numbers that may lead to a person. Dates and prices stay."""

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
    return _DIGITS.sub(digits, text)


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
