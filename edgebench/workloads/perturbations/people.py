"""Counterfactual pairs: the same message from or about somebody else. Only names, or only pronouns, are other.

These are invariance tests: whoever is meant or writes, the answer must stay. A message that names nobody is returned
as it was by the swaps; ``signed`` has something to say of every message.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial

from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.forms import Form, form, known
from edgebench.workloads.perturbations.passages import WORD, Edit, Passage, as_written, by_script
from edgebench.workloads.perturbations.protected import quoted
from edgebench.workloads.perturbations.swapping import places
from edgebench.workloads.perturbations.tables import alternatives, lexicon, spoken, table

GENDERS = ("f", "m")
_SCRIPTS = {"hi": 1, "bn": 2}  # which spelling of a name fits a text of that script; else Latin
_EVERYWHERE = ("en", "es", "hi", "bn", "sw", "pcm", "sco", "hi-en", "es-en")


@dataclass(frozen=True, slots=True)
class _Name:
    group: str
    kind: str  # "f", "m", "s": given to women, to men; a family's
    script: int  # 0 Latin, 1 Devanagari, 2 Bengali


def swap_names(group: str = "west-african") -> Form:
    """Given names become names of ``group``, a woman's a woman's and a man's a man's.

    So do family names behind them or behind a title (Mrs, Dr, Señora, श्री). The same person keeps the same new name,
    two people get two, and the script stays. Names we do not know, and those already of the group, stay.
    """
    known("swap-names", "group", group, list(table("names")["groups"]))
    return form("swap-names", partial(_renamed, group=group), group=group)


def _renamed(given: Passage, draws: Draws, *, group: str) -> str:
    people, titles = _people(), _titles()
    now: dict[str, str] = {}
    taken = {_plain(given.text[start:end]) for start, end in given.words}
    edits: list[Edit] = []
    behind = -1  # where the last given name or title ended
    for start, end in given.words:
        word = given.text[start:end]
        if word.lower() in titles:
            behind = end
            continue
        if word[:1].islower():
            continue
        plain = _plain(word.removesuffix("'s").removesuffix("’s"))
        who = people.get(plain)
        if who is None:
            continue
        if who.kind == "s" and (behind < 0 or given.text[behind:start] not in (" ", ". ")):
            continue
        behind = end
        if who.group != group:
            new = now.get(plain) or _another(who, group, draws, taken)
            now[plain] = new
            taken.add(_plain(new))
            tail = word[-2:] if word[-2:] in ("'s", "’s") else ""
            edits.append((start, end, (new.upper() if word.isupper() and who.script == 0 else new) + tail))
    return given.edited(edits)


def _another(who: _Name, group: str, draws: Draws, taken: set[str]) -> str:
    """A name of the group that nobody in this text has; when all are taken, one of them."""
    names = _names(group)[who.kind, who.script]
    return draws.one_of([name for name in names if _plain(name) not in taken] or names)


@lru_cache(maxsize=4096)
def _plain(word: str) -> str:
    """A name without its accents and capitals: José and Jose are one."""
    apart = unicodedata.normalize("NFD", word.lower())
    return unicodedata.normalize("NFC", "".join(sign for sign in apart if not "\u0300" <= sign <= "\u036f"))


@cache
def _names(group: str) -> Mapping[tuple[str, int], tuple[str, ...]]:
    """(kind, script) → the group's names, in order."""
    found: dict[tuple[str, int], list[str]] = {}
    for kind, spellings in _rows(group):
        for script, name in enumerate(spellings):
            if name != "-":
                found.setdefault((kind, script), []).append(name)
    return {key: tuple(names) for key, names in found.items()}


@cache
def _people() -> Mapping[str, _Name]:
    """Every name we know, plain. A name of two groups belongs to the first."""
    found: dict[str, _Name] = {}
    for group in table("names")["groups"]:
        for kind, spellings in _rows(group):
            for script, name in enumerate(spellings):
                if name != "-":
                    found.setdefault(_plain(name), _Name(group, kind, script))
    return found


def _rows(group: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    for line in table("names")["groups"][group].splitlines():
        kind, _, spellings = line.strip().partition(" ")
        yield kind, alternatives(spellings)


@cache
def _titles() -> frozenset[str]:
    return frozenset(alternatives(table("names")["titles"]))


def swap_pronouns() -> Form:
    """He becomes she and she becomes he, with all their forms; in languages whose pronouns do not say, nothing changes.

    English "her" is "him" or "his": "his" where a word follows that can be somebody's, else "him".
    """
    return form("swap-pronouns", _swapped)


def _swapped(given: Passage, draws: Draws) -> str:
    section = spoken(table("pronouns"), given.language)
    if section is None:
        return given.text
    edits: list[Edit] = []
    content = table("pronouns")[section]
    found = {start: (end, news[0]) for start, end, news in places(given, lexicon("pronouns", section))}
    for (start, end), (after, after_end) in zip(given.words, [*given.words[1:], (-1, -1)], strict=False):
        word = given.text[start:end]
        if start in found:
            new = found[start][1]
        elif word.lower() == content.get("object"):
            follows = given.text[after:after_end].lower() if given.text[end:after] == " " and after > 0 else ""
            owned = follows and follows not in alternatives(content["ends"])
            new = content["other_own" if owned else "other_object"]
        else:
            continue
        edits.append((start, end, as_written(word, new)))
    return given.edited(edits)


def signed(group: str = "west-african", gender: str = "any") -> Form:
    """The message is signed, on a line of its own, with a given and a family name of ``group``.

    As in a correspondence study the same message comes from different people (Bertrand and Mullainathan, American
    Economic Review 94, 2004). In every group an item gets the person at the same places of the lists, a woman or a man
    alike, so that two groups differ in nothing but the names. ``gender`` of the given name: ``f``, ``m``, or ``any``,
    drawn for each item. Where a name of any group stands in the message already, or holds words of the reference, that
    place is passed over. The name is in the message's script.
    """
    known("signed", "group", group, list(table("names")["groups"]))
    known("signed", "gender", gender, (*GENDERS, "any"))
    change = partial(_undersigned, group=group, gender=gender)
    return form("signed", change, languages=_EVERYWHERE, drawn_as="signed", group=group, gender=gender)


def _undersigned(given: Passage, draws: Draws, *, group: str, gender: str) -> str:
    if not given.text.strip():
        return given.text
    drawn = draws.one_of(GENDERS)
    script = _SCRIPTS.get(by_script(given.text), 0)
    there = {_plain(given.text[match.start() : match.end()]) for match in WORD.finditer(given.text)}
    name = []
    for kind in (drawn if gender == "any" else gender, "s"):
        free = _free(kind, script, there, given.reference)
        if not free:
            return given.text
        name.append(_names(group)[kind, script][draws.one_of(free)])
    return f"{given.text}\n\n{' '.join(name)}"


def _free(kind: str, script: int, there: set[str], reference: object) -> list[int]:
    """Places of the lists at which no group has a name that the message or its reference holds."""
    rows = list(zip(*(_names(group)[kind, script] for group in table("names")["groups"]), strict=False))
    free = [at for at, names in enumerate(rows) if not any(_plain(name) in there for name in names)]
    return [at for at in free if not any(quoted(" ".join(rows[at]), reference))]
