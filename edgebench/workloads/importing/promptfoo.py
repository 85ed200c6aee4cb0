"""promptfoo's tests: a configuration in YAML or JSON, a list of tests, or a table with ``__expected``.

``equals`` and ``contains`` assertions give the reference; others (models that grade, scripts) are not run, give none.
Placeholders of the first prompt are filled with the variables' plain texts; templates with logic are not carried out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice, product
from typing import Any

from edgebench.records import Message
from edgebench.workloads.importing.found import Broken, Entry, Found, Noted, Passed, Piece, scalars, text_of
from edgebench.workloads.importing.logs import Log

EXACT = ("equals", "is-equal", "=")
HOLDING = ("contains", "icontains", "contains-any", "icontains-any", "contains-all", "icontains-all", "starts-with")
MOST_COMBINATIONS = 1_000  # of variables that are lists
_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_CELL = re.compile(r"\s*(equals|contains|icontains|starts-with)\s*:\s*(.*)", re.DOTALL)
_FILE = ("file://", "huggingface://", "https://", "http://")


def is_one(value: Any) -> bool:
    """Whether a log's entry is a configuration, a test, or a row of a table of tests."""
    if not isinstance(value, dict):
        return False
    whole = isinstance(value.get("tests"), (list, str)) and (
        "prompts" in value or "providers" in value or _tests(value)
    )
    return bool(whole) or isinstance(value.get("vars"), dict) or any(_is_expected(key) for key in value)


def read(log: Log) -> Iterator[Piece]:
    """The tests of a log as cases."""
    ignored = 0
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
            continue
        value = entry.value
        outside = [str(one) for one in _as_list(value.get("tests")) if isinstance(one, str)]
        if outside:
            yield Noted(f"{log.name}: its tests stand in another file ({outside[0][:80]}): give that one")
        for number, test, prompt in _expanded(entry, value):
            for piece in _cases(number, test, prompt):
                ignored += isinstance(piece, Found) and piece.reference is None and bool(test.get("assert"))
                yield piece
    if ignored:
        yield Noted(
            f"{log.name}: {ignored} cases have only assertions that are no right answer; they have no reference"
        )


def _expanded(entry: Entry, value: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any], str | None]]:
    """(number, test, the prompt it is put into)."""
    tests = value.get("tests")
    if tests is None:
        yield entry.number, value if "vars" in value else _of_a_row(value), None
        return
    prompts = [one for one in _as_list(value.get("prompts")) if isinstance(one, str) and not one.startswith(_FILE)]
    template = prompts[0] if prompts and _PLACEHOLDER.search(prompts[0]) and "{%" not in prompts[0] else None
    default = value.get("defaultTest")
    shared = default.get("vars") if isinstance(default, dict) else None
    for number, test in enumerate(_as_list(tests), 1):
        if isinstance(test, dict):
            own = test.get("vars")
            merged = {**(shared if isinstance(shared, dict) else {}), **(own if isinstance(own, dict) else {})}
            yield number, {**test, "vars": merged}, template


def _tests(value: Mapping[str, Any]) -> bool:
    return any(isinstance(test, dict) and ("vars" in test or "assert" in test) for test in _as_list(value.get("tests")))


def _of_a_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table: columns are variables, ``__expected`` columns are assertions."""
    asserts = []
    for key, cell in row.items():
        text = text_of(cell)
        if _is_expected(key) and text is not None:
            match = _CELL.fullmatch(text)
            plain = not match and not re.match(r"[a-z-]+(?:\([^)]*\))?:", text)
            if match or plain:
                asserts.append({"type": match[1] if match else "equals", "value": match[2] if match else text})
            else:
                asserts.append({"type": "other"})
    names = [key for key in row if not str(key).startswith("__")]
    return {"vars": {key: row[key] for key in names}, "assert": asserts}


def _is_expected(key: Any) -> bool:
    return isinstance(key, str) and re.fullmatch(r"__expected\d*", key.strip()) is not None


def _cases(number: int, test: Mapping[str, Any], prompt: str | None) -> Iterator[Piece]:
    given = test.get("vars")
    variables = {str(key): value for key, value in given.items()} if isinstance(given, dict) else {}
    if any(isinstance(value, str) and value.startswith(_FILE) for value in variables.values()):
        yield Passed("a test whose variables stand in another file")
        return
    lists = [_as_list(value) for value in variables.values()]
    reference = _reference(test.get("assert"))
    metadata = test.get("metadata")
    tags = scalars(metadata) if isinstance(metadata, dict) else {}
    for values in islice(product(*lists), MOST_COMBINATIONS):
        text = _asked(dict(zip(variables, values, strict=True)), prompt)
        yield (
            Found(number, (Message("user", text),), reference, tags=tags)
            if text
            else Passed("a test without variables")
        )


def _asked(variables: Mapping[str, Any], prompt: str | None) -> str | None:
    """The words of a test: its one variable, the prompt with all of them, or each with its name."""
    texts = {name: text for name, value in variables.items() if (text := text_of(value)) is not None}
    if len(texts) == 1:
        return next(iter(texts.values()))
    if prompt is not None and set(_PLACEHOLDER.findall(prompt)) <= set(texts) and texts:
        return _PLACEHOLDER.sub(lambda match: texts[match[1]], prompt).strip()
    return "\n".join(f"{name}: {text}" for name, text in texts.items()) or None


def _reference(asserts: Any) -> Any:
    """What ``equals`` says, else what ``contains`` says; the acceptable ones of several."""
    known = [one for one in _as_list(asserts) if isinstance(one, dict)]
    for kinds in (EXACT, HOLDING):
        values = [one.get("value") for one in known if one.get("type") in kinds]
        flat = [inner for value in values for inner in _as_list(value) if inner not in (None, "")]
        if flat:
            return flat[0] if len(flat) == 1 else flat
    return None


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
