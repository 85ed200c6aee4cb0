"""All logs as cases: what can be used, what was broken, what was passed over, and what should be said of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgebench.errors import DataError
from edgebench.records import canonical
from edgebench.workloads.choices import LETTERS, letter_of
from edgebench.workloads.importing import logs, openai_chat
from edgebench.workloads.importing.found import Broken, Found, Noted, Passed
from edgebench.workloads.importing.recognise import FORMATS, Recognised, recognise
from edgebench.workloads.readers import unsound

LONGEST = 32_000  # characters of a case with all that came before; nobody's message, and no small model's context
SHOWN = 5  # broken lines told one by one
EVERY = 2_000  # entries between two signs of life

Progress = Callable[[str, int, int], None]  # file, cases so far, entries there are about


@dataclass(frozen=True)
class Source:
    """A log that was read."""

    name: str
    sha256: str
    bytes: int
    format: str
    cases: int
    broken: int


@dataclass(frozen=True)
class Case:
    """A found case and the log it comes from."""

    found: Found
    log: str

    @property
    def place(self) -> str:
        return f"{self.log}:{self.found.number}"


@dataclass
class Gathered:
    """Everything that was found in the logs."""

    cases: list[Case] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    broken: int = 0
    shown: list[str] = field(default_factory=list)  # the first broken lines, with their reasons
    passed: Counter[str] = field(default_factory=Counter)
    sentences: list[str] = field(default_factory=list)  # what was recognised, and notes
    references: set[str] = field(default_factory=set)  # columns of tables that hold the right answers


def gather(
    paths: Sequence[Path],
    *,
    format: str = "auto",
    text: str | None = None,
    reference: str | None = None,
    progress: Progress = lambda name, cases, about: None,
) -> Gathered:
    """The cases of all logs, in their order.

    Raises
    ------
    DataError: no file, a file that is nothing known, or not a single case that can be used.
    """
    read = [logs.read(path) for path in paths]
    batch = openai_chat.answered_ids(read) if format in ("auto", "openai-chat") else frozenset()
    out = Gathered()
    for log in read:
        recognised = recognise(log, format, text=text, reference=reference, batch=batch)
        out.sentences.append(recognised.sentence)
        out.references |= {recognised.reference} if recognised.reference else set()
        _read(recognised, out, progress)
    if not out.cases:
        raise _nothing(out)
    return out


def _read(recognised: Recognised, out: Gathered, progress: Progress) -> None:
    log = recognised.log
    before, broken = len(out.cases), out.broken
    for count, piece in enumerate(recognised.read(), 1):
        if isinstance(piece, Found):
            sound = _sound(piece)
            if isinstance(sound, Found):
                out.cases.append(Case(sound, log.name))
            else:
                out.passed[sound] += 1
        elif isinstance(piece, Broken):
            out.broken += 1
            if len(out.shown) < SHOWN:
                out.shown.append(f"{log.name}:{piece.number}: {piece.why}")
        elif isinstance(piece, Passed):
            out.passed[piece.why] += 1
        elif isinstance(piece, Noted):
            out.sentences.append(piece.sentence)
        if count % EVERY == 0:
            progress(log.name, len(out.cases) - before, log.about)
    out.sources.append(
        Source(log.name, log.sha256, log.bytes, recognised.format, len(out.cases) - before, out.broken - broken)
    )


def _sound(found: Found) -> Found | str:
    """The case as it can be stored and asked, or why it cannot."""
    if sum(len(turn.content) for turn in found.turns) > LONGEST:
        return f"a case of more than {LONGEST:,} characters"
    whole = {
        "turns": [turn.content for turn in found.turns],
        "reference": found.reference,
        "choices": list(found.choices),
        "tags": dict(found.tags),
    }
    if (why := unsound(whole)) is not None:
        return f"a case that {why}"
    if isinstance(found.reference, (dict, list)) and len(str(found.reference)) > LONGEST:
        return "a reference that is too long"
    return _choices(found)


def _choices(found: Found) -> Found:
    """A reference among choices by its letter, which means the same everywhere; choices that are none are dropped."""
    if not found.choices:
        return found
    stripped = tuple(choice.strip() for choice in found.choices)
    if not 2 <= len(stripped) <= len(LETTERS) or len(set(stripped)) < len(stripped) or not all(stripped):
        return replace(found, choices=())
    given = found.reference
    one = given[0] if isinstance(given, list) and len(given) == 1 else given
    exact = [place for place, choice in enumerate(stripped) if isinstance(one, str) and choice == one.strip()]
    letter = LETTERS[exact[0]] if exact else letter_of(one, stripped)
    return replace(found, choices=stripped, reference=letter)


def _nothing(out: Gathered) -> DataError:
    parts = [f"{count:,} times {why}" for why, count in out.passed.most_common(3)]
    parts += [f"{out.broken:,} lines cannot be read ({out.shown[0]})"] if out.broken else []
    names = ", ".join(source.name for source in out.sources)
    return DataError(
        f"{names}: no case that can be used: {'; '.join(parts) or 'nothing is in it'}",
        hint=f"if it was taken for the wrong kind, say which it is: --format {' | '.join(FORMATS)}",
    )


def reference_key(value: Any) -> str:
    """Identifies a reference."""
    return json.dumps(canonical(value), sort_keys=True, ensure_ascii=False)


def tags_kept(cases: Sequence[Case], by: str | None) -> tuple[frozenset[str], Mapping[str, str]]:
    """The tags that make slices, and of the others why not."""
    values: dict[str, set[str]] = {}
    for case in cases:
        for tag, value in case.found.tags.items():
            values.setdefault(tag, set()).add(value)
    kept, out = set(), {}
    for tag, different in sorted(values.items()):
        if tag == by or 2 <= len(different) <= min(MOST_VALUES, max(2, len(cases) // 4)):
            kept.add(tag)
        else:
            out[tag] = "always the same" if len(different) == 1 else f"{len(different):,} different values"
    return frozenset(kept), out


MOST_VALUES = 60  # of a tag that makes slices
