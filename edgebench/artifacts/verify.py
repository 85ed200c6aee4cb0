"""Verifying: every byte is read again, whatever was noted before."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebench.artifacts import keeping
from edgebench.artifacts.pull import expected, path_of, wanted
from edgebench.records import ModelCard


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one file: ``found`` None means it is not here, ``expected`` None that no hash is known."""

    role: str
    path: Path
    expected: str | None
    found: str | None

    @property
    def ok(self) -> bool:
        return self.found is not None and self.found == self.expected


def verify(card: ModelCard) -> tuple[Verdict, ...]:
    """A verdict for each file of a card."""
    out = []
    for role in wanted(card):
        path = path_of(card, role)
        found = keeping.sha256_of(path) if path.is_file() else None
        if found is not None:
            keeping.note(path, found)
        out.append(Verdict(role, path, expected(card, role), found))
    return tuple(out)
