"""A perturbation made of one pure function: over a passage, or over a passage and what is right about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from edgebench import plugins
from edgebench.errors import UsageError, did_you_mean
from edgebench.records import TEST_TYPES, Item, TestType
from edgebench.workloads.perturbations.draws import Draws
from edgebench.workloads.perturbations.passages import Passage, passage, with_text

Change = Callable[[Passage, Draws], str]
Turn = Callable[[Item, Passage, Draws], "tuple[str, Any] | None"]  # the new text and the new reference; None: as it was

#: What each perturbation does, in one sentence for somebody who reads a report.
ABOUT = {
    "keyboard-typos": "Letters slip to a neighbouring key, or one is hit along with its neighbour.",
    "letter-slips": "Letters are dropped or doubled.",
    "no-punctuation": "All punctuation is gone, as in a message typed in a hurry.",
    "lower-case": "Everything is in small letters.",
    "chat-spelling": "Words are spelt as in a chat: short forms, slang, missing letters.",
    "autocorrect": "A phone has put another real word in place of one that was meant.",
    "no-diacritics": "Accents and other signs on letters are left out.",
    "romanised": "Hindi and Bengali are typed in Latin letters, as on a phone without their keyboard.",
    "code-mix": "Everyday words are said in another language than the rest.",
    "dialect": "Words are spelt and said as in a dialect.",
    "truncated": "The message breaks off in the middle of a sentence.",
    "dictation": "The message is spoken: no punctuation or capitals, fillers, words that sound alike, spoken marks.",
    "pasted": "Mail that says nothing (a quote, a signature, a forward's header) is pasted around the message.",
    "simple-words": "Plain everyday words stand for harder ones, and long sentences are split.",
    "swap-names": "People's names are names of another group; nothing else changes.",
    "swap-pronouns": "He is she and she is he; nothing else changes.",
    "signed": "The message is signed with the name of somebody of a group; nothing else changes.",
    "other-values": "Numbers that the right answer copies from the text are other ones; the answer must follow.",
    "no-evidence": "The sentences that hold the answer are taken out; the answer must be that the text does not say.",
}


@dataclass(frozen=True, slots=True)
class Form:
    """A way for a text to be other than it was."""

    name: str  # with the parameters that matter, as a plan's cells are named
    test_type: TestType
    about: str  # one sentence
    languages: tuple[str, ...]  # where it changes most messages; () = wherever it finds something to change
    change: Change
    drawn_as: str = ""  # forms of one such name draw alike for an item, whatever their options; "": the name

    def __call__(self, item: Item, seed: int) -> Item:
        """The item in this form. A text with nothing to change, or nothing left of it, stays as it is."""
        given = passage(item)
        new = self.change(given, Draws(seed, self.drawn_as or self.name, item.digest))
        return with_text(item, new if new.strip() else given.text)


@dataclass(frozen=True, slots=True)
class Directed:
    """A way for a text and for what is right about it to be other than they were, together (CheckList's DIR)."""

    name: str
    about: str  # one sentence
    languages: tuple[str, ...]
    turn: Turn
    test_type: TestType = "DIR"

    def __call__(self, item: Item, seed: int) -> Item:
        """The item in this form, with its new reference; one with nothing to change stays as it is."""
        given = passage(item)
        text, reference = self.turn(item, given, Draws(seed, self.name, item.digest)) or (given.text, item.reference)
        return replace(with_text(item, text), reference=reference)


def form(
    name: str,
    change: Change,
    *,
    languages: Iterable[str] = (),
    drawn_as: str = "",
    **options: Any,
) -> Form:
    """A form called what a plan's cells call it: ``keyboard-typos(0.05)``. ``options``: its factory's, as given."""
    full = plugins.part_name("perturbations", {name: options})
    return Form(full, TEST_TYPES.get(name, "INV"), ABOUT[name], tuple(languages), change, drawn_as)


def directed(name: str, turn: Turn, *, languages: Iterable[str] = ()) -> Directed:
    """A directed form, called what a plan's cells call it."""
    return Directed(plugins.part_name("perturbations", name), ABOUT[name], tuple(languages), turn)


def share(name: str, option: str, value: float, most: float = 1.0) -> float:
    """A share above 0 and up to ``most``; anything else is a UsageError."""
    if not 0 < value <= most:
        raise UsageError(
            f"{name}: {option} must be above 0 and at most {most:g}, not {value:g}",
            hint=f"{name}: {{{option}: {0.5 if most > 0.5 else 0.05}}}",
        )
    return value


def known(name: str, option: str, value: str, names: Collection[str]) -> str:
    """One of the names there are; another is a UsageError with the nearest."""
    if value not in names:
        hint = did_you_mean(value, names, f"there is: {', '.join(names)}")
        raise UsageError(f"{name}: no {option} is called {value!r}", hint=hint)
    return value
