"""Sheets: YAML files of a person's own (rubrics, taxonomies) whose every mistake is told with its line and column."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from edgebench.errors import DataError, UsageError, did_you_mean

Loc = tuple[str | int, ...]
T = TypeVar("T")

MOST_BYTES = 1_000_000
MOST_VALUES = 100_000  # aliases of aliases grow exponentially; no honest sheet comes near
DEEPEST = 40
TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("map", "seq", "str"))
INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
REAL = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]{1,3})?")
WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


class Misfit(UsageError):
    """A value that cannot be: where it is in the data, and what is wrong with it."""

    def __init__(self, loc: Loc, message: str, *, hint: str | None = None, on_key: bool = False) -> None:
        super().__init__(": ".join(part for part in (spell(loc), message) if part), hint=hint)
        self.loc, self.on_key = loc, on_key


@dataclass
class Sheet:
    """A file read: plain values, and the line and column of each (of its key and of itself), counted from one."""

    file: str
    value: Any = None
    places: dict[Loc, tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=dict)

    def checked(self, check: Callable[[Any], T]) -> T:
        """What ``check`` makes of the values; a Misfit becomes a DataError with its place in the file."""
        try:
            return check(self.value)
        except Misfit as exc:
            known = exc.loc
            while known and known not in self.places:
                known = known[:-1]
            on_key, here = self.places.get(known, ((1, 1), (1, 1)))
            raise _wrong(self.file, on_key if exc.on_key else here, str(exc), exc.hint) from exc


def read(path: Path) -> Sheet:
    """A YAML file with the places of its values. Plain words follow YAML 1.2's core rules; aliases are followed.

    Raises
    ------
    DataError: no such file, not UTF-8, not YAML, a key given twice, an alias within itself; with file:line:column.
    """
    sheet = Sheet(path.name)
    try:
        raw = path.read_bytes()
    except OSError as exc:
        raise DataError(f"{path.name}: cannot be read: {exc.strerror}") from exc
    if len(raw) > MOST_BYTES:
        raise DataError(f"{path.name}: is {len(raw):,} bytes long; a sheet has at most {MOST_BYTES:,}")
    try:
        root = yaml.compose(raw.decode("utf-8-sig"), Loader=yaml.BaseLoader)
    except UnicodeDecodeError as exc:
        at = (raw[: exc.start].count(b"\n") + 1, 1)
        raise _wrong(path.name, at, "is not UTF-8 text", "save it as UTF-8") from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise _wrong(path.name, at, f"not YAML: {exc.problem or 'cannot be read'}") from exc
    except yaml.reader.ReaderError as exc:
        before = raw.decode("utf-8-sig")[: exc.position]
        at = (before.count("\n") + 1, exc.position - before.rfind("\n"))
        raise _wrong(path.name, at, f"holds a character YAML forbids (U+{int(exc.character):04X})") from exc
    except RecursionError as exc:
        raise _wrong(path.name, (1, 1), "is nested too deeply") from exc
    if root is None:
        raise _wrong(path.name, (1, 1), "the file is empty")
    sheet.value = _Walk(sheet).value(root, ())
    return sheet


def all_known(given: Iterable[Any], known: Collection[str], loc: Loc, what: str = "key") -> None:
    """Raises Misfit, with the nearest one, for a key of the mapping at ``loc`` that is none of the known ones."""
    for key in given:
        if key not in known:
            hint = did_you_mean(str(key), known)
            raise Misfit((*loc, str(key)), f"unknown {what} {str(key)!r}", hint=hint, on_key=True)


def spell(loc: Loc) -> str:
    """``("criteria", 0, "weight")`` as a person would point at it: ``criteria[0].weight``."""
    out = ""
    for part in loc:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


@dataclass
class _Walk:
    """Turns nodes into plain values and notes their places."""

    sheet: Sheet
    visited: int = 0
    above: list[int] = field(default_factory=list)  # ids of the nodes being walked

    def value(self, node: yaml.Node, loc: Loc) -> Any:
        self.visited += 1
        self.sheet.places.setdefault(loc, (_at(node), _at(node)))
        if self.visited > MOST_VALUES or len(self.above) > DEEPEST or id(node) in self.above:
            raise _wrong(self.sheet.file, _at(node), "too many values, too deep, or an alias that contains itself")
        if node.tag not in TAGS:
            raise _wrong(self.sheet.file, _at(node), f"the tag {node.tag!r} means nothing here")
        self.above.append(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return self.mapping(node, loc)
            if isinstance(node, yaml.SequenceNode):
                return [self.value(child, (*loc, place)) for place, child in enumerate(node.value)]
            return _scalar(node)
        finally:
            self.above.pop()

    def mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _wrong(self.sheet.file, _at(key), "a key must be a word")
            if key.value in out:
                raise _wrong(self.sheet.file, _at(key), f"{spell((*loc, key.value))}: this key is given twice")
            here = (*loc, str(key.value))
            self.sheet.places[here] = (_at(key), _at(child))
            out[str(key.value)] = self.value(child, here)
        return out


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    if getattr(node, "style", None) is not None:  # quoted, or a block
        return text
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if REAL.fullmatch(text) else text


def _at(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _wrong(file: str, at: tuple[int, int], message: str, hint: str | None = None) -> DataError:
    return DataError(f"{file}:{at[0]}:{at[1]}: {message}", hint=hint)
