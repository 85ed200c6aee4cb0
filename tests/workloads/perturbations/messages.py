"""Real messages for these tests: the built-in job in all its languages, and the perturbations they are put through."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import edgebench.workloads
from edgebench.records import Item

DATA = Path(edgebench.workloads.__file__).parent / "data"
LANGUAGES = ("en", "es", "hi", "bn", "sw", "pcm", "sco", "hi-en", "es-en")

#: Every perturbation, and those parameters that send it another way.
SPECS = (
    "keyboard-typos",
    "letter-slips",
    "no-punctuation",
    "lower-case",
    "no-diacritics",
    "chat-spelling",
    "autocorrect",
    "code-mix",
    {"code-mix": {"into": "hi"}},
    {"code-mix": {"into": "sw"}},
    {"code-mix": {"into": "bn"}},
    "dialect",
    {"dialect": {"variety": "sco"}},
    {"dialect": {"variety": "es-ar"}},
    {"dialect": {"variety": "es-an"}},
    "simple-words",
    "romanised",
    "truncated",
    "dictation",
    "pasted",
    {"pasted": {"kind": "signature"}},
    {"pasted": {"kind": "forward"}},
    "swap-names",
    {"swap-names": {"group": "hispanic"}},
    "swap-pronouns",
    "signed",
    {"signed": {"group": "hispanic", "gender": "f"}},
    "other-values",
    "no-evidence",
)


@cache
def items(language: str) -> tuple[Item, ...]:
    """The messages of one language, tagged with it."""
    name = "support-triage.jsonl" if language == "en" else f"support-triage.{language}.jsonl"
    rows = map(json.loads, (DATA / name).read_text(encoding="utf-8").splitlines())
    return tuple(
        Item(row["id"], row["input"], row["reference"], tags={**row["tags"], "language": language}) for row in rows
    )


def item(text: str, language: str = "en", reference: object = None) -> Item:
    """An item that says this."""
    return Item("i", text, reference, tags={"language": language})
