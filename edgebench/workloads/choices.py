"""Multiple choice: the letters a question's choices go by, and the letter of its right one."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import Any

LETTERS = tuple(ascii_uppercase)


def letters(choices: Sequence[str]) -> tuple[str, ...]:
    """("A", "B", …), one for each choice (at most 26)."""
    return LETTERS[: len(choices)]


def lettered(choices: Sequence[str]) -> str:
    """The choices as a person reads them: ``A) …``, one on a line."""
    return "\n".join(f"{letter}) {choice}" for letter, choice in zip(LETTERS, choices, strict=False))


def letter_of(reference: Any, choices: Sequence[str], *, first: int = 0) -> str | None:
    """The letter a reference means; None when it means none of the choices.

    A reference is, in this order: a letter in range (``B``, ``b)``), the words of a choice, or a number
    counted from ``first``.
    """
    if isinstance(reference, bool) or not isinstance(reference, (str, int)):
        return None
    known = letters(choices)
    text = str(reference).strip()
    if isinstance(reference, str):
        letter = text.strip("().[]: ").upper()
        if letter in known:
            return letter
        for place, choice in enumerate(choices[: len(known)]):
            if " ".join(choice.split()).casefold() == " ".join(text.split()).casefold():
                return known[place]
    place = int(text) - first if is_index(reference) else -1
    return known[place] if 0 <= place < len(known) else None


def is_index(reference: Any) -> bool:
    """Whether a reference could be the number of a choice."""
    text = str(reference).strip()
    return not isinstance(reference, bool) and text.isascii() and text.isdigit() and len(text) < 3
