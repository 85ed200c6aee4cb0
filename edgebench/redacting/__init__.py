"""Takes personal data out of texts, as far as it looks like some, and says how far that is.

=============  ====================================================================
numbers        what has a form: e-mail addresses, bank accounts, cards, phones, long numbers
names          names of people, by what stands around them and by a table of common ones
east_asian     the same for Chinese, Japanese and Korean
table          that table and the words around names: ``names.yaml``
measured       how much of our own test set is found, and how often something else is taken for it
=============  ====================================================================

Postal addresses, spelled-out numbers and whatever else tells who wrote a text stay: see :func:`claim`.
"""

from __future__ import annotations

from collections import Counter

from edgebench.redacting import names, numbers
from edgebench.redacting.measured import FALSE, KINDS, MEASURED, claim, recall

__all__ = ["FALSE", "KINDS", "MEASURED", "claim", "recall", "redact"]

MOST_ROUNDS = 8  # a mark can make a name of what stood behind the name it replaced; two rounds are the rule


def redact(text: str, own: frozenset[str] = frozenset()) -> tuple[str, Counter[str]]:
    """The text with marks such as ``[e-mail]`` and ``[name]``, and how many of each were put.

    ``own``: names that the person knows of, found wherever they stand. What is redacted once stays as it is when it is
    redacted again.
    """
    found: Counter[str] = Counter()

    def mark(kind: str) -> str:
        found[kind] += 1
        return f"[{kind}]"

    for _ in range(MOST_ROUNDS):
        before = text
        text = numbers.marked(text, mark)
        for start, end in reversed(names.find(text, own)):
            text = f"{text[:start]}{mark('name')}{text[end:]}"
        if text == before:
            break
    return text, found
