"""What may be said of redaction: its recall on our own test set, kind by kind, and its false alarms.

The test set is ``tests/store/labelled.py``; whoever wrote it wrote the rules too, so other people's texts may fare
worse. False alarms are counted on the messages of the built-in job support-triage and on sentences written to look like
names; the rules were mended on both. On the 3,080 questions of Banking77, on which they were not, there were none.
"""

from __future__ import annotations

from collections.abc import Mapping

from edgebench.stats.rates import wilson

#: what is replaced, in the order it is told
KINDS = ("e-mail", "phone", "card", "iban", "number", "name")

#: kind → fragments of the test set that vanish, and all of them; a test counts again
MEASURED: Mapping[str, tuple[int, int]] = {
    "e-mail": (23, 25),
    "phone": (24, 26),
    "card": (11, 13),
    "iban": (12, 12),
    "number": (13, 15),
    "name": (106, 120),
}

#: clean messages in which an ordinary word is taken for a name, and all of them; a test counts again
FALSE = (0, 434)


def recall() -> tuple[int, int, float, float]:
    """Over all kinds: fragments found, fragments there, and the 95 % interval of their share."""
    found, there = (sum(pair[n] for pair in MEASURED.values()) for n in (0, 1))
    return found, there, *wilson(found, there)


def claim() -> str:
    """What may be said of redaction, with its measured recall and its false alarms."""
    found, there, low, high = recall()
    kinds = ", ".join(f"{kind} {MEASURED[kind][0]}/{MEASURED[kind][1]}" for kind in KINDS)
    return (
        "e-mail addresses, phone, card and account numbers, long numbers and names are replaced by marks; of "
        f"{there} such fragments in our own test set {found} were found ({100 * found / there:.0f} %, 95 % interval "
        f"{100 * low:.0f}–{100 * high:.0f} %): {kinds}; in {FALSE[0]} of {FALSE[1]} clean messages an ordinary word "
        "was taken for a name; postal addresses and everything else stay as written"
    )
