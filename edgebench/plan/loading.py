"""Loading: the document is checked against the nouns first, then for what only a reader would notice."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from edgebench import catalog
from edgebench.errors import PlanError, UsageError
from edgebench.plan import document as documents
from edgebench.plan.checks import check
from edgebench.plan.document import Document
from edgebench.plan.shape import shaped
from edgebench.records import Plan


class PlanErrors(PlanError):
    """The first mistake of a plan; ``errors`` holds all of them, in the order of the file."""

    def __init__(self, errors: list[PlanError]) -> None:
        first = errors[0]
        super().__init__(
            first.message,
            file=first.file,
            line=first.line,
            column=first.column,
            path=first.path,
            source_line=first.source_line,
            hint=first.hint,
        )
        self.errors = tuple(errors)


class PlanSource:
    """Where a plan was read from, for those who want to point into it later."""

    def __init__(self, path: Path, document: Document) -> None:
        self.path, self.document = path, document

    def error(self, loc: tuple[str | int, ...], message: str, *, hint: str | None = None) -> PlanError:
        return self.document.error(loc, message, hint=hint)


def load_plan(path: str | Path, *, set: Mapping[str, str] | None = None) -> Plan:
    """The plan in a YAML file, or the shipped one of that name, with its variables set.

    Parameters
    ----------
    path: a file, or the name of a plan on the shelf (``support-triage``).
    set: variable → text, read as YAML where the variable is the whole value (``{"items": "50"}`` is a number).

    Raises
    ------
    PlanErrors: the first mistake with file, line, column, source line and hint; ``.errors`` has the others.
    """
    source = source_of(path, set=set)
    document = source.document
    plan, errors = shaped(document)
    if plan is not None:
        plan = _from_here(replace(plan, folder=str(source.path.parent)), document)
        errors = check(plan, document)
    if plan is None or errors:
        raise PlanErrors(sorted(errors, key=lambda error: (error.line or 0, error.column or 0)))
    return plan


def _from_here(plan: Plan, document: Document) -> Plan:
    """Relative files start at the plan's folder; those typed with ``--set`` at the folder one types in, if they are
    there. They are kept as seen from the plan's folder, so that no plan carries the path of somebody's home.
    """

    def seen(name: str | None, *loc: str | int) -> str | None:
        if name is None or loc not in document.typed or Path(name).is_absolute() or not Path(name).exists():
            return name
        try:
            return Path(os.path.relpath(name, plan.folder)).as_posix()
        except ValueError:  # another drive
            return str(Path(name).resolve())

    workload = plan.workload
    if workload.examples is not None:
        file = seen(workload.examples.file, "workload", "examples", "file") or ""
        workload = replace(workload, examples=replace(workload.examples, file=file))
    targets = {
        name: replace(spec, file=seen(spec.file, "targets", name, "file")) for name, spec in plan.targets.items()
    }
    workload = replace(workload, file=seen(workload.file, "workload", "file"))
    scenario = replace(plan.scenario, trace=seen(plan.scenario.trace, "scenario", "trace"))
    return replace(plan, workload=workload, targets=targets, scenario=scenario, prices=seen(plan.prices, "prices"))


def source_of(path: str | Path, *, set: Mapping[str, str] | None = None) -> PlanSource:
    """The file parsed, with positions, before anything about its meaning is checked."""
    file = _located(path)
    given = {name: documents.scalar(text) for name, text in (set or {}).items()}
    return PlanSource(file, documents.read(file, given=given))


def _located(path: str | Path) -> Path:
    """The file itself, or the shelf's plan of that name when it reads like a name and no file is called so."""
    file = Path(path)
    if file.is_file() or file.suffix or len(file.parts) > 1:
        return file
    try:
        return catalog.path("plans", str(path))
    except UsageError as exc:
        raise PlanError(f"there is no file {str(path)!r} and no shipped plan of that name", hint=exc.hint) from exc


def schema() -> dict[str, Any]:
    """The JSON Schema of a plan, for editors: every value may also be a ``${variable}``."""
    whole = TypeAdapter(Plan).json_schema()
    whole["title"] = "EdgeBench plan"
    whole["properties"].pop("folder")
    return dict(_with_references(whole))


def _with_references(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_references(child) for child in node]
    if not isinstance(node, dict):
        return node
    node = {key: _with_references(child) for key, child in node.items()}
    if node.get("type") in {"integer", "number", "boolean"} or "enum" in node:
        keep = {key: node.pop(key) for key in ("title", "default", "description") if key in node}
        return {"anyOf": [node, {"type": "string", "pattern": r"\$\{\w+\}"}], **keep}
    return node
