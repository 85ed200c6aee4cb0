"""Other values in the text and in the reference alike: a target that reads must answer with the new ones.

What is changed is what can be changed without making anything else untrue:

identifiers  Strings of the reference that stand in the text, such as the number of an invoice, an order or a ticket.
             Of their runs of digits, those of three or more that stand nowhere else are other ones; letters, marks,
             leading zeros, years and short runs stay.
arguments    Of a tool call: a two-digit whole number, or a time of day, that is the only number its message holds. The
             tens of the number stay, and of the time all but the last digit, so that both keep within their bounds.

Amounts, dates, quantities and all that takes part in a sum or a comparison stay: with other values net and tax would no
longer make the total, or a rule of the text would answer otherwise. So does a value that is written in another way
than in the text (462 for £462.00), and one of which a trace is left elsewhere: its digits within another number, with
blanks between them, or in another turn of a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from edgebench.records import Item, Message
from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Directed, directed
from edgebench.workloads.perturbations.passages import WORD, Passage, as_written
from edgebench.workloads.perturbations.protected import strings
from edgebench.workloads.perturbations.tables import alternatives, table

LONGEST = 40  # characters of an identifier
TRIES = 20  # draws of new digits, until they stand nowhere else

_RUN = re.compile(r"[0-9]+")
_YEAR = re.compile(r"(?:19|20)[0-9]{2}")
_CODE = re.compile(r"[A-Za-z0-9]+(?:[ ./#_-][A-Za-z0-9]+)*")  # of ASCII words, one sign between each two
_NUMERAL = re.compile(r"[0-9]+(?:[.,][0-9]+)+")  # 1,234.50, and 8.2.1
_DATE = re.compile(r"[0-9]{1,4}([-./ ])[0-9]{1,2}\1[0-9]{1,4}|[0-9]{4}[-/][0-9]{1,2}|[0-9]{1,2}[-/](?:19|20)[0-9]{2}")
_MONEY = r"$€£¥₹₩₽₦₱฿₫₴₪%‰"
_BETWEEN = re.compile(r"(?<=[0-9])[ \u00a0.,/_-]+(?=[0-9])")
_TIME = re.compile(r"[0-2][0-9]:[0-5][0-9]")
_FIGURES = re.compile(r"[0-9]+(?:[.,:][0-9]+)*")


def other_values() -> Directed:
    """Values that the right answer copies from the text are other ones of the same shape, in both alike.

    A directional test: the answer given before is wrong now, and the new value is right. Every place of the text and of
    the reference, its lists of other wordings too, changes together. What is changed, and what is not, stands above;
    an item with no such value stays as it was.
    """
    return directed("other-values", _other)


def _other(item: Item, given: Passage, draws: Draws) -> tuple[str, Any] | None:
    reference = item.reference
    if not isinstance(reference, Mapping):  # a bare string may be a label, which is not copied from anywhere
        return None
    elsewhere = "\n".join(_other_turns(item))
    text = given.text
    for code in dict.fromkeys(_codes(reference)):
        for run in dict.fromkeys(_RUN.findall(code)):
            if _is_own(run, code, text, reference, elsewhere):
                new = _fresh(run, "\n".join((text, elsewhere, *_written(reference))), draws)
                if new is not None:
                    code, text = _renamed(code, run, new), _renamed(text, run, new)
                    reference = _mapped(reference, partial(_renamed, old=run, new=new))
    if text == given.text and not elsewhere:
        found = _argument(reference, given, draws)
        text, reference = found or (text, reference)
    return None if text == given.text else (text, reference)


def _other_turns(item: Item) -> Iterator[str]:
    """What else is said in a conversation."""
    turns: tuple[Message, ...] = () if isinstance(item.input, str) else item.input
    yield from (turn.content for turn in turns if turn.content != item.text)


# ----------------------------------------------------------------------------------------------------- identifiers


def _codes(reference: Mapping[str, Any]) -> Iterator[str]:
    """What may be an identifier: whole strings under a name. In lists stand other wordings, any of which is enough."""
    for value in reference.values():
        if isinstance(value, Mapping):
            yield from _codes(value)
        elif isinstance(value, str) and len(value) <= LONGEST and _is_code(value):
            yield value


def _is_code(value: str) -> bool:
    """Whether a string has the look of an identifier, and neither of an amount nor of a date."""
    return bool(_CODE.fullmatch(value)) and not (_NUMERAL.fullmatch(value) or _DATE.search(value))


def _is_own(run: str, code: str, text: str, reference: Any, elsewhere: str) -> bool:
    """Whether a run of digits stands nowhere but within its identifier, in the text and in the reference."""
    if len(run) < 3 or not run.strip("0") or _YEAR.fullmatch(run):
        return False
    places = len(re.findall(_alone(code), text))
    if not places or (places > 1 and code.isdecimal()):  # a number that stands twice may be two things
        return False
    times = places * code.count(run)
    texts = "\n".join(_written(reference))
    named = len(re.findall(_alone(code), "\n".join(strings(reference)))) * code.count(run)
    return (
        text.count(run) == times == _BETWEEN.sub("", text).count(run)
        and texts.count(run) == named
        and run not in _BETWEEN.sub("", elsewhere)
    )


def _alone(code: str) -> str:
    """A pattern for an identifier that is no part of a longer number or word, and no amount."""
    before = rf"(?<![\w{_MONEY}])(?<![{_MONEY}] )(?<![0-9A-Za-z][-./,:_])"
    after = rf"(?!\w)(?! ?[{_MONEY}])(?![-./,:_][0-9A-Za-z])"
    return f"{before}{re.escape(code)}{after}"


def _written(reference: Any) -> Iterator[str]:
    """All that a reference holds, as texts: strings, and numbers as JSON writes them."""
    if isinstance(reference, Mapping):
        for value in reference.values():
            yield from _written(value)
    elif isinstance(reference, (list, tuple)):
        for value in reference:
            yield from _written(value)
    elif isinstance(reference, str):
        yield reference
    elif isinstance(reference, (int, float)) and not isinstance(reference, bool):
        yield str(reference)


def _fresh(run: str, there: str, draws: Draws) -> str | None:
    """Other digits, each another than it was, that stand nowhere yet; as many leading zeros as there were."""
    zeros = len(run) - len(run.lstrip("0"))
    for _ in range(TRIES):
        first = draws.one_of([digit for digit in "123456789" if digit != run[zeros]])
        rest = (draws.one_of([digit for digit in "0123456789" if digit != old]) for old in run[zeros + 1 :])
        new = "".join(("0" * zeros, first, *rest))
        if new not in there and not _YEAR.fullmatch(new):
            return new
    return None


def _renamed(text: str, old: str, new: str) -> str:
    """The text with one run of digits in the place of another; longer runs that hold it stay."""
    return re.sub(rf"(?<![0-9]){old}(?![0-9])", new, text)


def _mapped(reference: Any, change: Callable[[str], str]) -> Any:
    """The reference with each of its strings put through ``change``."""
    if isinstance(reference, str):
        return change(reference)
    if isinstance(reference, Mapping):
        return {name: _mapped(value, change) for name, value in reference.items()}
    if isinstance(reference, (list, tuple)):
        return type(reference)(_mapped(value, change) for value in reference)
    return reference


# ------------------------------------------------------------------------------------------- arguments of a tool call


def _argument(reference: Mapping[str, Any], given: Passage, draws: Draws) -> tuple[str, Any] | None:
    """The only number of a message that is an argument of the call, as another one; None: there is no such."""
    arguments = reference.get("arguments")
    figures = list(_FIGURES.finditer(given.text))
    words = [match for match in WORD.finditer(given.text) if match[0].lower() in _counting()]
    if not isinstance(arguments, Mapping) or len(figures) + len(words) != 1:
        return None
    place = (figures or words)[0]
    for name, value in arguments.items():
        new = _number(value, place[0], given.language, draws) if type(value) is int else _time(value, place[0], draws)
        if new is None or (figures and not _stands_alone(given.text, place)):
            continue
        others = _written({**reference, "arguments": {**arguments, name: None}})
        if any(_FIGURES.search(one) or _counting() & set(one.lower().split()) for one in others):
            return None
        written, changed = new
        text = given.text[: place.start()] + as_written(place[0], written) + given.text[place.end() :]
        return text, {**reference, "arguments": {**arguments, name: changed}}
    return None


def _stands_alone(text: str, place: re.Match[str]) -> bool:
    """Whether nothing is written close to a number but a sign of degrees, of per cent, or what ends a sentence."""
    before, after = text[: place.start()][-1:], text[place.end() :][:1]
    return (not before or before in " \n(\"'") and (not after or after in " \n)\"'.,;!?°%")


def _number(value: int, written: str, language: str, draws: Draws) -> tuple[str, int] | None:
    """Another two-digit number with the same tens, and how it is written: in digits, or as one English word."""
    if not 10 <= value <= 99:
        return None
    tens, unit = divmod(value, 10)
    new = 10 * tens + draws.one_of([one for one in range(1, 10) if one != unit])
    if written == str(value):
        return str(new), new
    if language.partition("-")[0] != "en":
        return None
    teens, word = _words("teens"), written.lower()
    if tens == 1:
        return (teens[new - 10], new) if word == teens[unit] else None
    same = unit == 0 and word == _words("tens")[tens - 2]
    return (f"{word}-{_words('units')[new % 10 - 1]}", new) if same else None


def _time(value: Any, written: str, draws: Draws) -> tuple[str, str] | None:
    """Another time in the same ten minutes, and how it is written: as in the reference, or without its leading zero."""
    if not isinstance(value, str) or not _TIME.fullmatch(value) or written not in (value, value.removeprefix("0")):
        return None
    last = draws.one_of([digit for digit in "0123456789" if digit != value[-1]])
    return written[:-1] + last, value[:-1] + last


def _words(part: str) -> tuple[str, ...]:
    return alternatives(table("numbers")[part])


@cache
def _counting() -> frozenset[str]:
    """Words that are numbers or stand for some: with another of them near, a number is not the only one."""
    return frozenset(word for part in table("numbers") for word in _words(part))
