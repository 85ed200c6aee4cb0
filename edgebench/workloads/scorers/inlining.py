"""Files a scorer names, read when a workload is loaded, so that what is stored with a run stands alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgebench.errors import DataError
from edgebench.records import ScorerSpec
from edgebench.workloads import rubrics, sheets
from edgebench.workloads.scorers import kinds

MOST_SOURCE = 1_000_000  # bytes of a Python file


def inlined(spec: ScorerSpec, folders: Sequence[Path]) -> ScorerSpec:
    """The spec with the content of its ``file`` in its options; a spec without one as it is.

    A relative file is looked for in each of the ``folders``, in order. Rubrics and taxonomies become their own data; of
    a Python file the text is kept beside its name (it runs only when code is allowed to).

    Raises
    ------
    DataError: no such file, or one that cannot be understood, with file:line:column.
    """
    name = spec.options.get("file")
    if spec.name not in ("rubric", "taxonomy", "python") or not isinstance(name, str):
        return spec
    others = {key: value for key, value in spec.options.items() if key != "file"}
    if spec.name == "python" and "source" in others:
        return spec
    path = located(name, folders)
    if spec.name == "python":
        return ScorerSpec(spec.name, {**others, "file": path.name, "source": _source(path)})
    if others:
        raise DataError(
            f"scorer {spec.name}: `file` says everything; {', '.join(sorted(others))} cannot stand beside it",
            hint=f"{spec.name}: {{file: {name}}}",
        )
    sheet = sheets.read(path)
    if isinstance(sheet.value, Mapping) and "name" not in sheet.value:
        sheet.value = {"name": path.stem, **sheet.value}
    made = sheet.checked(rubrics.made) if spec.name == "rubric" else sheet.checked(kinds.made)
    return ScorerSpec(spec.name, made.plain())


def rubric_of(file: str, folders: Sequence[Path]) -> rubrics.Rubric:
    """The rubric of a file, for a judge that is no rule."""
    options: Mapping[str, Any] = inlined(ScorerSpec("rubric", {"file": file}), folders).options
    return rubrics.made(options)


def located(name: str, folders: Sequence[Path]) -> Path:
    """The file of that name in the first folder that has it.

    Raises
    ------
    DataError: none has.
    """
    given = Path(name).expanduser()
    for folder in folders:
        if (folder / given).is_file():
            return folder / given
    if not folders and given.is_file():
        return given
    raise DataError(f"{name}: no such file", hint="a path is relative to the folder of the plan")


def _source(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if len(raw) > MOST_SOURCE:
            raise DataError(f"{path.name}: is {len(raw):,} bytes long; a scorer has at most {MOST_SOURCE:,}")
        return raw.decode("utf-8-sig")
    except OSError as exc:
        raise DataError(f"{path.name}: cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        raise DataError(f"{path.name}:{line}: is not UTF-8 text", hint="save it as UTF-8") from exc
