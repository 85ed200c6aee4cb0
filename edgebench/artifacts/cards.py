"""Model cards: one YAML file per model and quantisation, checked when read."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import yaml

from edgebench import catalog
from edgebench.errors import ModelError, UsageError, did_you_mean
from edgebench.records import ModelCard, Source

WAYS = ("package", "hub", "url", "path")


def load_card(name: str) -> ModelCard:
    """The card of that name, or in that YAML file.

    Raises
    ------
    ModelError: no such card (with the nearest one), or one that cannot be read as a card.
    """
    try:
        file = catalog.path("models", name)
    except UsageError as exc:
        hint = exc.hint if exc.hint and exc.hint.startswith("did") else "edgebench models list shows what there is"
        raise ModelError(f"no model card is called {name!r}", hint=hint) from exc
    return read_card(file)


def all_cards() -> dict[str, ModelCard]:
    """Every card on the shelves, by name; a person's own above the shipped one of the same name."""
    return {name: load_card(name) for name in catalog.names("models")}


def read_card(file: Path) -> ModelCard:
    """A card file, checked: unknown keys, wrong types, and sources that say too little or too much are errors."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ModelError(f"{file.name}: not YAML: {' '.join(str(exc).split())}") from exc
    except OSError as exc:
        raise ModelError(f"{file.name}: cannot be read: {exc.strerror}") from exc
    if not isinstance(content, dict):
        raise ModelError(f"{file.name}: a model card is a mapping of keys to values")
    card = _shaped(file, {"name": file.stem, **content})
    if problem := _problem(card, file.stem):
        raise ModelError(f"{file.name}: {problem}")
    return card


def _shaped(file: Path, content: dict[str, Any]) -> ModelCard:
    from pydantic import TypeAdapter, ValidationError

    _known(file, content, ModelCard, "")
    for role, source in (content.get("files") or {}).items():
        if isinstance(source, dict):
            _known(file, source, Source, f"files.{role}.")
    try:
        return TypeAdapter(ModelCard).validate_python({"files": {}, **content})
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise ModelError(f"{file.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from exc


def _known(file: Path, content: dict[str, Any], kind: type, prefix: str) -> None:
    fields = [field.name for field in dataclasses.fields(kind)]
    for key in content:
        if key not in fields:
            hint = did_you_mean(str(key), fields)
            raise ModelError(f"{file.name}: unknown key {prefix + str(key)!r}", hint=hint)


def _problem(card: ModelCard, stem: str) -> str | None:
    if card.name != stem:
        return f"the card calls itself {card.name!r}; name and file must agree"
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", card.name):
        return "a card's name is made of small letters, digits, '.', '_' and '-'"
    if bool(card.files) == bool(card.quantise):
        return "a card has either files or 'quantise', not both and not neither"
    if card.quantise is not None and set(card.quantise) != {"from", "type"}:
        return "'quantise' wants exactly 'from' (a card) and 'type' (Q3_K_M, …)"
    return next((problem for role, source in card.files.items() if (problem := _source(role, source))), None)


def _source(role: str, source: Source) -> str | None:
    where = f"files.{role}"
    ways = [way for way in WAYS if getattr(source, way) is not None]
    if len(ways) != 1:
        return f"{where}: give one of {', '.join(WAYS)}; this has {' and '.join(ways) or 'none'}"
    if Path(source.file).name != source.file or source.file in ("", ".", "..") or source.file.startswith("."):
        return f"{where}.file: {source.file!r} must be a plain file name"
    if source.package is not None:
        packages, members = source.package.split(" + "), (source.member or "").split(" + ")
        if not source.member or len(packages) not in (1, len(members)):
            return f"{where}: a package needs 'member', the path inside it (one package, or one for each member)"
        if not all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9.!+_-]+", package) for package in packages):
            return f"{where}.package: {source.package!r} must be 'name==version'"
    if source.hub is not None and not source.hub_file:
        return f"{where}: a hub repository needs 'hub_file'"
    if source.url is not None and not source.url.startswith(("https://", "http://")):
        return f"{where}.url: must begin with https:// or http://"
    if source.sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", source.sha256):
        return f"{where}.sha256: must be 64 hexadecimal digits"
    return None
