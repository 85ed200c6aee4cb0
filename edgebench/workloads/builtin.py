"""Built-in jobs: test sets written for this project, shipped with how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from edgebench.errors import DataError, did_you_mean

SHIPPED = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in job as its sheet describes it, and where its rows are."""

    name: str
    version: str
    title: str
    output: str
    instruction: str
    labels: Mapping[str, str]
    scorers: tuple[str | Mapping[str, Any], ...]
    max_tokens: int | None
    provenance: Mapping[str, Any]
    rows: Path
    examples: Path | None = None
    schema: Mapping[str, Any] | None = None
    wordings: tuple[str, ...] = ()  # other ways to say the instruction
    language: str = "en"  # of the rows
    parallel: Mapping[str, Path] = field(default_factory=dict)  # other languages → their rows
    extra: Mapping[str, Any] = field(default_factory=dict)  # whatever else the sheet says


def names(folder: Path = SHIPPED) -> list[str]:
    """The built-in jobs, in order: every sheet that has rows beside it."""
    return sorted(sheet.stem for sheet in folder.glob("*.yaml") if sheet.with_suffix(".jsonl").is_file())


def read(name: str, folder: Path = SHIPPED) -> Builtin:
    """A built-in job by name.

    Raises
    ------
    DataError: there is none of that name (with the nearest one), or its sheet is broken.
    """
    known = names(folder)
    if name not in known:
        hint = did_you_mean(name, known, f"there is: {', '.join(known) or 'none'}")
        raise DataError(f"no built-in workload is called {name!r}", hint=hint)
    sheet = yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8"))
    try:
        return _builtin(sheet, name, folder)
    except (KeyError, TypeError, AttributeError) as exc:
        raise DataError(
            f"the built-in workload {name!r} has a broken sheet: {exc}", hint="install edgebench again"
        ) from exc


def shelf(folder: Path = SHIPPED) -> list[Builtin]:
    """Every built-in job, for listing."""
    return [read(name, folder) for name in names(folder)]


def _builtin(sheet: dict[str, Any], name: str, folder: Path) -> Builtin:
    examples = folder / f"{name}-examples.jsonl"
    taken = {"name", "version", "title", "output", "instruction", "labels", "scorers", "max_tokens", "provenance"}
    taken |= {"schema", "wordings", "language"}
    parallel = sorted(folder.glob(f"{name}.*.jsonl"))
    return Builtin(
        name=str(sheet["name"]),
        version=str(sheet["version"]),
        title=str(sheet["title"]),
        output=str(sheet["output"]),
        instruction=str(sheet["instruction"]).strip(),
        labels={str(label): str(words or "") for label, words in (sheet.get("labels") or {}).items()},
        scorers=tuple(sheet.get("scorers") or ()),
        max_tokens=sheet.get("max_tokens"),
        provenance=dict(sheet["provenance"]),
        rows=folder / f"{name}.jsonl",
        examples=examples if examples.is_file() else None,
        schema=sheet.get("schema"),
        wordings=tuple(str(one).strip() for one in sheet.get("wordings") or ()),
        language=str(sheet.get("language", "en")),
        parallel={file.name.removeprefix(f"{name}.").removesuffix(".jsonl"): file for file in parallel},
        extra={key: value for key, value in sheet.items() if key not in taken},
    )
