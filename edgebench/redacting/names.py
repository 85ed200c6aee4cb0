"""Names of people, by a table of common ones and by the words that stand around any name.

A name is found (1) behind or before a form of address ("Dr. …", "… ji"), (2) behind an introduction ("my name is …",
"me llamo …"), a greeting, a farewell at the end of a line, a label ("name: …"), a relation ("my husband …") or a role
("agent …"); (3) anywhere when it is a common one that is no ordinary word too. Languages written without spaces are in
``east_asian``. Where a text is all capitals, all lower case or a title, its capitals tell nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from edgebench.redacting import east_asian
from edgebench.redacting.table import Phrases, Table, folded, phrases, table

#: vowel signs and other marks that belong to a word of their script, which \w leaves out
_SIGNS = (
    "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963"
    "\u0981-\u0983\u09bc-\u09d7\u09e2\u09e3\u0a3c-\u0a51\u0abc-\u0acd\u0b3c-\u0b57\u0bbe-\u0bcd\u0c3e-\u0c56"
    "\u0cbc-\u0cd6\u0d3e-\u0d4d\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u200c\u200d"
)
_LETTERS = rf"(?:[^\W\d_]|[{_SIGNS}])"
_WORD = re.compile(rf"{_LETTERS}+(?:['’\-]{_LETTERS}+)*")
_MARK = re.compile(r"\[(?:e-mail|phone|card|iban|number|name)\]")
_BLANK = re.compile(r"[ \t\u00a0]{1,2}")
_AFTER_TITLE = re.compile(r"\.?[ \t\u00a0]*")
_TO_LABELLED = re.compile(r"[ \t]*(?:[:=]|-(?= ))[ \t]*")
_TO_INTRODUCED = re.compile(r"[ \t\u00a0]*[:,]?[ \t\u00a0]+|[ \t]*[:-][ \t]*")
_TO_RELATED = re.compile(r",?[ \t\u00a0]+")
_TO_SIGNED = re.compile(r"[\s,.!;:…–—~-]*")
_LINE_ENDS = re.compile(r"[ \t,.!;)…]*(?:\n|$)")
_LISTED = re.compile(r"[ \t]*[,\n;|()]|[ \t]*$|[ \t]{3}")
_GREETED = re.compile(r"[ \t]*[,!:;.\n–—]|[ \t]*$|[ \t]+-")
_OWN_LINE = re.compile(r"(?:^|\n)[ \t]*(?:--+|[–—~])[ \t]*\n?[ \t]*$")
_POSSESSIVE = ("'s", "’s")

JOINED_SUFFIXES = ("san", "sama", "kun", "chan", "ssi", "nim", "ji")
LONGEST = 8  # words of a name, with its particles and initials

Span = tuple[int, int]


class Word(NamedTuple):
    """A word of the text: where it stands, how it is looked up, whether it is written like a name."""

    start: int
    end: int
    key: str
    capital: bool
    caseless: bool


def find(text: str, own: frozenset[str] = frozenset()) -> list[Span]:
    """Where names stand, in order and without overlap; ``own``: names to be found wherever they stand, in any case."""
    found = sorted({*_Reading(text, table(), _own(own)).spans(), *east_asian.find(text)})
    merged: list[Span] = []
    for start, end in found:
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


@lru_cache(maxsize=8)
def _own(names: frozenset[str]) -> Phrases:
    """Names somebody gave, each as the words it is found by."""
    return phrases(" ".join(word.key for word in _words(name)) for name in sorted(names))


class _Reading:
    """One text, taken apart into words once."""

    def __init__(self, text: str, names: Table, own: Phrases) -> None:
        self.text, self.names, self.own = text, names, own
        self.words = list(_words(text))
        cased = [word for word in self.words if not word.caseless and word.end - word.start > 1]  # "I" tells nothing
        capital = sum(word.capital for word in cased)
        shouted = sum(map(str.isupper, text)) > 0.6 * max(1, sum(map(str.isalpha, text)))
        self.shouted = shouted and len(cased) > 2
        self.telling = not self.shouted and capital > 0 and (capital <= 0.6 * len(cased) or len(cased) < 4)

    def spans(self) -> Iterator[Span]:
        for at, word in enumerate(self.words):
            yield from self._addressed(at, word)
            yield from self._announced(at, word)
            yield from self._related(at, word)
            yield from self._common(at, word)
            for last in self._phrase(at, self.own):
                yield from self._span(at, last + 1)
        yield from self._on_its_own_line()

    # ------------------------------------------------------------------------------------------------------- words

    def _gap(self, at: int) -> str:
        """What stands between a word and the one behind it, or the end."""
        end = self.words[at + 1].start if at + 1 < len(self.words) else len(self.text)
        return self.text[self.words[at].end : end]

    def _joined(self, at: int) -> bool:
        """Whether the next word follows after nothing but a blank (or the dot of an initial)."""
        gap = self._gap(at)
        initial = self.words[at].end - self.words[at].start == 1 and gap.startswith(".")
        return at + 1 < len(self.words) and (_BLANK.fullmatch(gap) is not None or (initial and not gap[1:].strip(" ")))

    def _ordinary(self, word: Word) -> bool:
        return word.key in self.names.ordinary

    def _listed(self, word: Word) -> bool:
        return word.key in self.names.given or word.key in self.names.family

    def _known(self, word: Word) -> bool:
        """A common name that is no ordinary word in any of the languages."""
        if not self._listed(word) or self._ordinary(word) or word.key in self.names.everyday:
            return False
        return word.key not in self.names.small or (word.capital and not self.shouted)

    def _like_a_name(self, word: Word) -> bool:
        """Not an ordinary word, and with a capital, of a script without capitals, or a common name."""
        if self._ordinary(word):
            return False
        capital = word.capital and not self.shouted
        return capital or self._listed(word) or (word.caseless and word.key not in self.names.suffixes)

    def _run(self, at: int, most: int, *, loose: bool = False) -> int:
        """Behind the last word of the name that begins at ``at``; ``at`` itself when none does.

        ``loose``: what comes is a name even without a capital; the second word then only before an ordinary one or
        the end, so that a verb is not taken along.
        """
        end = here = at
        count = 0
        while here < min(len(self.words), at + LONGEST) and count < most:
            word = self.words[here]
            if here > at and not self._joined(here - 1):
                break
            if word.key in self.names.particles and not (word.capital and self._listed(word)):
                here += 1
                continue
            if word.key in self.names.strong:
                break  # a title, which stays
            if word.end - word.start == 1 and word.capital and not self._ordinary(word):
                here += 1  # an initial
                end = here if count else end
                continue
            if not self._like_a_name(word) and not (loose and self._acceptable(word, here, count)):
                break
            here += 1
            count, end = count + 1, here
        return end

    def _acceptable(self, word: Word, at: int, count: int) -> bool:
        if self._ordinary(word) or word.end - word.start < 2:
            return False
        return count == 0 or (count == 1 and self._bounded(at))

    def _bounded(self, at: int) -> bool:
        return not self._joined(at) or self._ordinary(self.words[at + 1])

    def _span(self, start: int, end: int) -> Iterator[Span]:
        if end > start:
            yield self.words[start].start, self.words[end - 1].end

    # ------------------------------------------------------------------------------------------------------- rules

    def _addressed(self, at: int, word: Word) -> Iterator[Span]:
        """Behind or before a form of address."""
        names, nxt = self.names, at + 1
        strong = word.key in names.strong
        if (strong or word.key in names.weak) and nxt < len(self.words) and _AFTER_TITLE.fullmatch(self._gap(at)):
            first = self.words[nxt]
            flat = strong and not self.telling and not word.capital
            noble = first.key in names.particles and nxt + 1 < len(self.words) and self.words[nxt + 1].capital
            sure = first.capital or noble or first.caseless or self._known(first) or flat
            if sure and (strong or self._known(first) or (first.capital and self.telling)):
                yield from self._span(nxt, self._run(nxt, 3, loose=flat))
        if word.key in names.suffixes and at > 0 and self._joined(at - 1):
            before = self.words[at - 1]
            named = (before.capital and self.telling) or before.caseless or self._known(before)
            kin = before.key in names.suffixes or before.key in names.relations or before.key in names.greetings
            if named and not kin and not self._ordinary(before):
                yield before.start, before.end
        head, _, tail = word.key.rpartition("-")
        named = word.capital or head in names.family or head in names.given
        if named and tail in JOINED_SUFFIXES and head not in names.ordinary and head:
            yield word.start, word.end - len(tail) - 1

    def _announced(self, at: int, word: Word) -> Iterator[Span]:
        """Behind an introduction, a label, a greeting or a farewell."""
        names = self.names
        for last in self._phrase(at, names.introductions):
            if _TO_INTRODUCED.fullmatch(self._gap(last)):
                yield from self._span(last + 1, self._run(last + 1, 4, loose=True))
        for last in self._phrase(at, names.presentations):
            if self._joined(last) or _TO_RELATED.fullmatch(self._gap(last)):
                yield from self._presented(last + 1)
        if word.key in names.labels and _TO_LABELLED.fullmatch(self._gap(at)):
            yield from self._span(at + 1, self._run(at + 1, 4, loose=True))
        if word.key in names.parties and _TO_LABELLED.fullmatch(self._gap(at)):
            yield from self._party(at + 1)
        if word.key in names.greetings and self._joined(at):
            end = self._run(at + 1, 3)
            if end > at + 1 and (_GREETED.match(self.text, self.words[end - 1].end) or self._known(self.words[at + 1])):
                yield from self._span(at + 1, end)
        for last in self._phrase(at, names.farewells):
            if at == 0 or not self._joined(at - 1) or word.end - word.start > 2:
                yield from self._signed(last + 1)

    def _presented(self, at: int) -> Iterator[Span]:
        """Behind "I am …": a known name, or two words with capitals of which the first is no ordinary one."""
        end = self._run(at, 3)
        if end > at and (self._known(self.words[at]) or (end - at > 1 and self.telling and self.words[at].capital)):
            yield from self._span(at, end)

    def _party(self, at: int) -> Iterator[Span]:
        end = self._run(at, 4)
        sure = end > at + 1 or (end > at and self._known(self.words[at]))
        if sure and _LISTED.match(self.text, self.words[end - 1].end):
            yield from self._span(at, end)

    def _signed(self, at: int) -> Iterator[Span]:
        if at >= len(self.words) or not _TO_SIGNED.fullmatch(self._gap(at - 1)):
            return
        end = self._run(at, 4)
        while at < end < min(at + 5, len(self.words)) and self._joined(end - 1) and self.words[end].capital:
            end += 1  # in a signature a capital says more than that the word is an ordinary one somewhere
        known = end > at and self._known(self.words[at])
        written = end > at and (self.words[at].capital or self.words[at].caseless) and not self.shouted
        if (known or written) and _LINE_ENDS.match(self.text, self.words[end - 1].end):
            yield from self._span(at, end)

    def _related(self, at: int, word: Word) -> Iterator[Span]:
        """Behind "my husband …", "agent …", "spoke to …": a word with a capital, or a known name."""
        names, last = self.names, None
        if (word.key in names.relations and self._owned(at)) or word.key in names.roles:
            last = at
        else:
            last = next(self._phrase(at, names.phrases), None)
        if last is None or last + 1 >= len(self.words) or not _TO_RELATED.fullmatch(self._gap(last)):
            return
        first = self.words[last + 1]
        named = (first.capital and self.telling) or self._known(first) or (first.caseless and word.key in names.roles)
        if named and not self._ordinary(first):
            yield from self._span(last + 1, self._run(last + 1, 3))

    def _owned(self, at: int) -> bool:
        """Whether "my" stands at most two words before ("my late mother")."""
        before = [self.words[here].key for here in range(max(0, at - 2), at)]
        return any(key in self.names.possessives for key in before)

    def _common(self, at: int, word: Word) -> Iterator[Span]:
        names = self.names
        if word.key in names.given and self._known(word):
            if word.capital or word.caseless or word.end - word.start > 3:
                yield from self._span(at, self._widened(at))
        elif word.key in names.family and self._known(word) and word.capital:
            start = at
            if at > 0 and self._joined(at - 1):
                before = self.words[at - 1]
                capital = before.capital and self.telling and (at > 1 or self._listed(before))
                title = before.key in names.strong or before.key in names.weak
                if not (title or self._ordinary(before)) and (capital or (before.capital and self._listed(before))):
                    start = at - 1
            yield from self._span(start, at + 1)
        elif word.key in names.everyday and word.key in names.given and word.capital and self._joined(at):
            after = self.words[at + 1]
            if self._known(after) and after.key in names.family and after.capital:
                yield from self._span(at, at + 2)

    def _widened(self, at: int) -> int:
        """Behind the family name that follows a given one."""
        end = at + 1
        while end < len(self.words) and end < at + 4 and self._joined(end - 1):
            word = self.words[end]
            initial = word.end - word.start == 1 and word.capital
            named = (word.capital and self.telling) or (word.key in self.names.family and not self._plain(word))
            if self._ordinary(word) or not (named or initial or word.key in self.names.particles):
                break
            end += 1
        while end > at + 1 and not self._like_a_name(self.words[end - 1]):
            end -= 1
        return end

    def _plain(self, word: Word) -> bool:
        """An everyday word in a text whose capitals would have told."""
        return word.key in self.names.everyday and not word.capital and self.telling

    def _on_its_own_line(self) -> Iterator[Span]:
        """A name alone on a line behind a dash, at the end."""
        for at in range(max(0, len(self.words) - 8), len(self.words)):
            before = (
                self.text[self.words[at - 1].end : self.words[at].start] if at else self.text[: self.words[at].start]
            )
            if "\n" in before or at == 0:
                end = self._run(at, 3)
                if (
                    end > at
                    and self.words[at].capital
                    and _OWN_LINE.search(before)
                    and _LINE_ENDS.match(self.text, self.words[end - 1].end)
                ):
                    yield from self._span(at, end)

    def _phrase(self, at: int, phrases: Phrases) -> Iterator[int]:
        """The last word of the longest phrase that begins here."""
        for phrase in phrases.get(self.words[at].key, ()):
            last = at + len(phrase) - 1
            if last < len(self.words) and all(self.words[at + n].key == key for n, key in enumerate(phrase)):
                yield last
                return


def _words(text: str) -> Iterator[Word]:
    """Words outside of marks that were put before; a possessive 's is left out of a name."""
    barred = iter([*(match.span() for match in _MARK.finditer(text)), (len(text), len(text))])
    bar = next(barred)
    for match in _WORD.finditer(text):
        while bar[1] <= match.start():
            bar = next(barred)
        if bar[0] < match.end() and bar[0] < len(text):
            continue
        start, end = match.span()
        word = match[0]
        if word.endswith(_POSSESSIVE) and word[:1].isupper():
            word, end = word[:-2], end - 2
        caseless = word.lower() == word.upper()
        yield Word(start, end, folded(word), word[:1].isupper(), caseless)
