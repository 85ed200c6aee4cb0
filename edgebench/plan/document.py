"""A YAML file read with its positions: every value knows its line and column.

PyYAML's nodes are walked instead of its constructed values, because only nodes carry marks. Scalars follow
YAML 1.2's core rules (``no`` and ``on`` are words, ``1:30`` is text), tags beyond those are refused, aliases
are followed up to a limit, and ``${name}`` is replaced by a declared variable and by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edgebench.errors import PlanError, did_you_mean

Loc = tuple[str | int, ...]

MOST_BYTES = 1_000_000
MOST_VALUES = 100_000  # aliases of aliases grow exponentially; no honest plan comes near
CORE = "tag:yaml.org,2002:"
REFERENCE = re.compile(r"\$(\$)?\{([^{}]*)\}")


class CoreLoader(yaml.SafeLoader):
    """Resolves plain scalars by YAML 1.2's core schema instead of 1.1's."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own shape)


for tag, pattern, first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("merge", r"^<<$", "<"),
):
    CoreLoader.add_implicit_resolver(CORE + tag, re.compile(pattern), ["" if c == "\0" else c for c in first])


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The hint of a misspelling: the nearest known word, or all of them when they are few."""
    choices = list(known)
    few = 0 < len(choices) <= 40
    return did_you_mean(word, choices, f"known: {', '.join(sorted(choices))}" if few else "") or None


def spell(loc: Loc) -> str:
    """``("targets", "a b", "slos", 0)`` as a person would point at it: ``targets["a b"].slos[0]``."""
    out = ""
    for part in loc:
        if isinstance(part, int):
            out += f"[{part}]"
        elif re.fullmatch(r"[\w-]+", part):
            out += f".{part}" if out else part
        else:
            out += f'["{part}"]'
    return out


@dataclass(frozen=True, slots=True)
class Place:
    """Where a key and its value begin, counted from one."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass
class Document:
    """A parsed file: plain values, and the place of each."""

    file: str
    lines: list[str]
    value: dict[str, Any] = field(default_factory=dict)
    places: dict[Loc, Place] = field(default_factory=dict)
    variables: dict[str, Any] = field(default_factory=dict)
    given: frozenset[str] = frozenset()  # variables whose values were typed on the command line
    typed: set[Loc] = field(default_factory=set)  # values that hold one of those

    def error(self, loc: Loc, message: str, *, on_key: bool = False, hint: str | None = None) -> PlanError:
        """The error at a path, or at its nearest ancestor that was written down."""
        known = loc
        while known and known not in self.places:
            known = known[:-1]
        place = self.places.get(known, Place((1, 1), (1, 1)))
        at = place.key if on_key or known != loc else place.value
        return self.error_at(at, message, path=spell(loc), hint=hint)

    def error_at(
        self, at: tuple[int, int] | None, message: str, *, path: str = "", hint: str | None = None
    ) -> PlanError:
        line, column = at or (None, None)
        source = self.lines[line - 1] if line is not None and line <= len(self.lines) else None
        return PlanError(message, file=self.file, line=line, column=column, path=path, source_line=source, hint=hint)


def read(path: Path, *, given: Mapping[str, Any], shown: str | None = None) -> Document:
    """Parse a plan file and put the variables ``given`` (name → value) in their places.

    Raises
    ------
    PlanError: with file, line and column, for whatever is wrong with the YAML or the variables.
    """
    return parse(_text(path, shown or str(path)), file=shown or str(path), given=given)


def parse(text: str, *, file: str, given: Mapping[str, Any]) -> Document:
    document = Document(file=file, lines=text.splitlines())
    root = _compose(text, document)
    if root is None:
        raise document.error_at((1, 1), "the file is empty", hint="edgebench init writes one to start from")
    if not isinstance(root, yaml.MappingNode):
        raise document.error_at(_at(root), "a plan is a mapping of keys to values (question: …, targets: …)")
    declared: dict[str, Any] = {}
    walk = _Walk(document, substitute=None)
    document.places[()] = Place((1, 1), _at(root))
    for key, node in walk.entries(root, ()):
        if key.value == "vars":
            document.places[("vars",)] = Place(_at(key), _at(node))
            declared = _declared(walk.value(node, ("vars",)), document)
    document.variables, document.given = _resolved(declared, given, document), frozenset(given)
    walk = _Walk(document, substitute=document.variables)
    document.value = walk.value(root, ())
    return document


def scalar(text: str) -> Any:
    """What ``--set name=TEXT`` means: a YAML scalar or ``[a, list]``; anything else is the text itself."""
    try:
        node = yaml.compose(text, Loader=CoreLoader)
        if isinstance(node, yaml.ScalarNode) or (isinstance(node, yaml.SequenceNode) and node.flow_style):
            return _Walk(Document("--set", text.splitlines()), substitute=None).value(node, ())
    except (yaml.YAMLError, PlanError, RecursionError):
        pass  # not YAML: a path or a sentence, taken as it is
    return text


def _text(path: Path, shown: str) -> str:
    def wrong(message: str, line: int | None = None, hint: str | None = None) -> PlanError:
        return PlanError(message, file=shown, line=line, column=1 if line else None, hint=hint)

    if path.is_dir():
        raise wrong("is a folder, not a plan file")
    try:
        raw = path.read_bytes()
    except FileNotFoundError as exc:
        raise wrong("no such file", hint="edgebench init writes a plan to start from") from exc
    except OSError as exc:
        raise wrong(f"cannot be read: {exc.strerror}") from exc
    if len(raw) > MOST_BYTES:
        raise wrong(f"is {len(raw):,} bytes long; a plan has at most {MOST_BYTES:,}")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise wrong("is not UTF-8 text", line=raw[: exc.start].count(b"\n") + 1, hint="save it as UTF-8") from exc


def _compose(text: str, document: Document) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=CoreLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else None
        raise document.error_at(at, f"not YAML: {_plainly(exc)}") from exc
    except yaml.reader.ReaderError as exc:
        before = text[: exc.position]
        at = (before.count("\n") + 1, exc.position - before.rfind("\n"))
        raise document.error_at(at, f"holds a character YAML forbids (U+{ord(text[exc.position]):04X})") from exc
    except RecursionError as exc:
        raise document.error_at((1, 1), "is nested too deeply") from exc


def _plainly(exc: yaml.MarkedYAMLError) -> str:
    problem = exc.problem or "cannot be read"
    if "'\\t'" in problem:
        return "a tab is used for indentation; YAML wants spaces"
    return f"{exc.context}: {problem}" if exc.context else problem


def _at(node: yaml.Node) -> tuple[int, int]:
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _declared(value: Any, document: Document) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise document.error(("vars",), "should map each variable's name to its default (null: must be given)")
    for name in value:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise document.error(
                ("vars", name), f"{name!r} cannot be a variable's name: letters, digits and _ only", on_key=True
            )
    return value


def _resolved(declared: Mapping[str, Any], given: Mapping[str, Any], document: Document) -> dict[str, Any]:
    for name in given:
        if name not in declared:
            hint = nearest(name, declared) or "this plan declares no variables (vars:)"
            raise document.error_at(None, f"the plan declares no variable {name!r}", path="--set", hint=hint)
    for name, default in declared.items():
        if default is None and name not in given:
            raise document.error(
                ("vars", name), f"the variable {name!r} must be given", on_key=True, hint=f"--set {name}=…"
            )
    return {**declared, **given}


@dataclass
class _Walk:
    """Turns nodes into plain values, noting places; ``substitute`` None leaves ``${…}`` alone."""

    document: Document
    substitute: Mapping[str, Any] | None
    visited: int = 0
    path: list[int] = field(default_factory=list)  # ids of the nodes being walked: an alias of an ancestor is a loop

    def value(self, node: yaml.Node, loc: Loc) -> Any:
        self.visited += 1
        if self.visited > MOST_VALUES:
            raise self.document.error_at(_at(node), f"more than {MOST_VALUES:,} values once aliases are followed")
        if id(node) in self.path:
            raise self.document.error_at(_at(node), "an alias that contains itself")
        if len(self.path) > 60:
            raise self.document.error_at(_at(node), "is nested too deeply")
        self.path.append(id(node))
        try:
            return self._kinds[type(node)](self, node, loc)
        finally:
            self.path.pop()

    def mapping(self, node: yaml.MappingNode, loc: Loc) -> dict[str, Any]:
        self._tagged(node, "map", loc)
        out: dict[str, Any] = {}
        for key, child in self.entries(node, loc):
            here = (*loc, key.value)
            self.document.places[here] = Place(_at(key), _at(child))
            inside = loc == () and key.value == "vars"  # defaults are taken as written
            if inside and self.substitute is not None:
                out[key.value] = dict(self.substitute)
            else:
                out[key.value] = self.value(child, here)
        return out

    def entries(self, node: yaml.MappingNode, loc: Loc) -> list[tuple[yaml.ScalarNode, yaml.Node]]:
        """Key and value nodes, ``<<`` merged in; a key given twice is an error."""
        own: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
        for key, child in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.document.error_at(_at(key), "a key must be a word", path=spell(loc))
            if key.tag == f"{CORE}merge":
                for name, entry in self._merged(child, loc).items():
                    merged.setdefault(name, entry)
                continue
            if key.value in own:
                first = own[key.value][0].start_mark.line + 1
                what = f"two targets are called {key.value!r}" if loc == ("targets",) else "this key is given twice"
                raise self.document.error_at(
                    _at(key), what, path=spell((*loc, key.value)), hint=f"the first one is on line {first}"
                )
            own[key.value] = (key, child)
        return [*own.values(), *(entry for name, entry in merged.items() if name not in own)]

    def _merged(self, node: yaml.Node, loc: Loc) -> dict[str, tuple[yaml.ScalarNode, yaml.Node]]:
        sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
        out: dict[str, tuple[yaml.ScalarNode, yaml.Node]] = {}
        for source in sources:
            self.visited += 1
            if not isinstance(source, yaml.MappingNode) or id(source) in self.path or self.visited > MOST_VALUES:
                raise self.document.error_at(_at(source), "'<<' merges mappings only", path=spell(loc))
            self.path.append(id(source))
            for key, child in self.entries(source, loc):
                out.setdefault(key.value, (key, child))
            self.path.pop()
        return out

    def sequence(self, node: yaml.SequenceNode, loc: Loc) -> list[Any]:
        self._tagged(node, "seq", loc)
        out = []
        for index, child in enumerate(node.value):
            here = (*loc, index)
            self.document.places[here] = Place(_at(child), _at(child))
            out.append(self.value(child, here))
        return out

    def scalar(self, node: yaml.ScalarNode, loc: Loc) -> Any:
        kind = node.tag.removeprefix(CORE)
        text = str(node.value)
        if kind not in {"str", "int", "float", "bool", "null", "merge"}:
            raise self._refused(node, loc)
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise self.document.error_at(_at(node), "holds half a character (a lone surrogate)", path=spell(loc))
        if kind in {"str", "merge"}:
            return text if self.substitute is None else self._filled(text, node, loc)
        return self._typed(kind, text, node, loc)

    def _typed(self, kind: str, text: str, node: yaml.ScalarNode, loc: Loc) -> Any:
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        try:
            number = int(text) if kind == "int" and len(text) <= 19 else float(text)
        except ValueError as exc:
            raise self.document.error_at(_at(node), f"{text!r} is not a number", path=spell(loc)) from exc
        if abs(number) >= 2**63:
            raise self.document.error_at(_at(node), "is too large a number", path=spell(loc))
        return number

    def _filled(self, text: str, node: yaml.ScalarNode, loc: Loc) -> Any:
        variables = self.substitute or {}

        def known(name: str) -> Any:
            if name not in variables:
                hint = nearest(name, variables) or f"declare it:  vars: {{{name}: …}}"
                raise self.document.error_at(_at(node), f"unknown variable ${{{name}}}", path=spell(loc), hint=hint)
            if name in self.document.given:
                self.document.typed.add(loc)
            return variables[name]

        def part(match: re.Match[str]) -> str:
            if match[1]:  # $${name} stands for the text ${name}
                return match[0][1:]
            value = known(match[2])
            if isinstance(value, (dict, list)) or value is None:
                raise self.document.error_at(
                    _at(node), f"the variable {match[2]!r} is no text, so it cannot be part of one", path=spell(loc)
                )
            return str(value).lower() if isinstance(value, bool) else str(value)

        whole = REFERENCE.fullmatch(text)
        return known(whole[2]) if whole and not whole[1] else REFERENCE.sub(part, text)

    def _tagged(self, node: yaml.Node, kind: str, loc: Loc) -> None:
        if node.tag != CORE + kind:
            raise self._refused(node, loc)

    def _refused(self, node: yaml.Node, loc: Loc) -> PlanError:
        shown = node.tag.replace(CORE, "!!")
        return self.document.error_at(
            _at(node), f"the tag {shown!r} is not allowed", path=spell(loc), hint="write the value without a tag"
        )

    _kinds: Any = field(default=None, repr=False)

    def __post_init__(self) -> None:
        kinds: dict[type, Callable[..., Any]] = {
            yaml.MappingNode: type(self).mapping,
            yaml.SequenceNode: type(self).sequence,
            yaml.ScalarNode: type(self).scalar,
        }
        self._kinds = kinds
