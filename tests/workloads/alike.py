"""How alike two texts are, in any script: what guards the test sets of ours against slot templates."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

#: Set well above what two independent messages share (≈ 0.25 here) and below what one template gives (≥ 0.5).
MOST_SHARED_TRIGRAMS, MOST_SHARED_WORDS = 0.40, 0.45


def words(text: str) -> list[str]:
    """Lower-case words of letters with their marks, every number masked: what is left when slots for numbers go."""
    masked = re.sub(r"\d+", "#", unicodedata.normalize("NFC", text).lower())
    kept = (c if c in "#'" or unicodedata.category(c)[0] in "LM" else " " for c in masked)
    return "".join(kept).split()


def trigrams(text: str) -> frozenset[str]:
    plain = f" {' '.join(words(text))} "
    return frozenset(plain[at : at + 3] for at in range(len(plain) - 2))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0


def too_alike(messages: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs that share more of their letters or of their words than two people's messages would."""
    letters = [trigrams(message) for message in messages]
    bags = [frozenset(words(message)) for message in messages]
    return [
        (messages[a], messages[b])
        for a, b in combinations(range(len(messages)), 2)
        if jaccard(letters[a], letters[b]) >= MOST_SHARED_TRIGRAMS or jaccard(bags[a], bags[b]) >= MOST_SHARED_WORDS
    ]


def openings(messages: Sequence[str], length: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words(message)[:length]) for message in messages)
