"""Writing: the items as JSON lines, and the sheet beside them that says how they came about.

The set is frozen by its digest, which is that of the workload it loads as: it is loaded once to know. The same logs,
seed and day give the same bytes.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from edgebench import __version__
from edgebench.errors import DataError, UsageError
from edgebench.records import Columns, Seeds, WorkloadSpec
from edgebench.redacting import KINDS, MEASURED, claim, recall
from edgebench.workloads import loading
from edgebench.workloads.importing import alike, sizes
from edgebench.workloads.importing.making import Kept, Made

HEAD = """\
# An evaluation set made by `edgebench workloads import`; the items are in {name}.
# In a plan: workload: {{file: {name}, columns: …}} with the columns below. Or: edgebench init plan.yaml --data {name}
"""


def places(out: Path, *, force: bool) -> tuple[Path, Path]:
    """The file of items and its sheet.

    Raises
    ------
    UsageError: not a .jsonl file, its folder is missing, or one of the two is there already.
    """
    if out.suffix != ".jsonl":
        raise UsageError(f"{out}: the items are JSON lines", hint=f"--out {out.with_suffix('.jsonl')}")
    sheet = out.with_suffix(".yaml")
    if not out.parent.is_dir():
        raise UsageError(f"there is no folder {out.parent}", hint="make it, or name another file")
    for file in (out, sheet):
        if file.exists() and not force:
            raise UsageError(f"{file} is there already and stays as it is", hint="--force overwrites it")
    return out, sheet


def written(made: Made, out: Path, *, today: str, force: bool = False) -> dict[str, Any]:
    """Write items and sheet; returns the sheet.

    Raises
    ------
    UsageError: as :func:`places`, or the disk refuses.
    """
    items, sheet = places(out, force=force)
    rows, columns, digest, task, notes = _frozen(made, items.name)
    content = _sheet(made, items.name, rows, columns, digest, task, [*made.notes, *notes], today)
    body = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
    try:
        for file, text in ((items, _lines(rows)), (sheet, HEAD.format(name=items.name) + body)):
            part = file.with_name(f"{file.name}.part")
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(file)
    except OSError as exc:
        raise UsageError(f"{exc.filename} cannot be written: {exc.strerror}") from exc
    return content


def _lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


# --------------------------------------------------------------------------------------------------- items


def _rows(made: Made) -> list[dict[str, Any]]:
    several = Counter(one.case.found.conversation for one in made.chosen if one.case.found.conversation)
    clusters: dict[str, str] = {}
    width = len(str(len(made.chosen)))
    rows = []
    for number, one in enumerate(made.chosen, 1):
        found, talk = one.case.found, one.case.found.conversation
        if several[talk] > 1:
            clusters.setdefault(talk, f"conversation-{len(clusters) + 1}")
        row: dict[str, Any] = {"id": f"t-{number:0{width}d}", "input": _input(one), "reference": found.reference}
        if found.choices:
            row["choices"] = list(found.choices)
        row["tags"] = {**dict(sorted(found.tags.items())), "kind": one.stratum, "seen": _seen(one.messages)}
        row |= {"cluster": clusters.get(talk), "weight": one.messages, "from": one.case.place}
        rows.append(row)
    return rows


def _input(one: Kept) -> str | list[dict[str, str]]:
    turns = one.case.found.turns
    if len(turns) == 1:
        return turns[0].content
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _seen(messages: int) -> str:
    """How often the like of it was in the log, as a slice."""
    return "once" if messages == 1 else "2 to 9 times" if messages < 10 else "10 times or more"


def _frozen(made: Made, name: str) -> tuple[list[dict[str, Any]], dict[str, Any], str, dict[str, Any], list[str]]:
    """(rows, columns, digest, the task it loads as, notes): the rows as they can be loaded by their columns alone."""
    rows = _rows(made)
    columns: dict[str, Any] = {
        "input": "input",
        "reference": "reference",
        "tags": ["tags"],
        "cluster": "cluster",
        "id": "id",
    }
    if rows and all("choices" in row for row in rows):
        columns["choices"] = "choices"
    notes: list[str] = []
    try:
        workload = _loaded(rows, columns, name)
    except DataError as exc:
        if not any(row["reference"] is not None for row in rows):
            raise
        # references that make no task of one kind are kept for the person, under a name that nothing reads
        rows = [{**row, "reference": None, "given": row["reference"]} for row in rows]
        columns.pop("choices", None)
        notes.append(f"the references are kept as `given`, because they make no task: {exc}")
        workload = _loaded(rows, columns, name)
    task = {"output": workload.task.output, "labels": len(workload.task.choices) or None}
    return rows, columns, workload.digest, task, notes


def _loaded(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any], name: str) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_text(_lines(rows), encoding="utf-8", newline="\n")
        spec = WorkloadSpec(file=name, columns=Columns(**{**columns, "tags": tuple(columns["tags"])}))
        return loading.load(spec, folder=Path(folder), seeds=Seeds())


# --------------------------------------------------------------------------------------------------- the sheet


def _sheet(
    made: Made,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    columns: Mapping[str, Any],
    digest: str,
    task: Mapping[str, Any],
    notes: Sequence[str],
    today: str,
) -> dict[str, Any]:
    gathered, wanted, seen = made.gathered, made.wanted, made.coverage
    unlabelled = sum(row["reference"] is None for row in rows)
    content: dict[str, Any] = {
        "name": Path(name).stem,
        "file": name,
        "date": today,
        "made_by": f"edgebench {__version__}",
        "items": len(rows),
        "digest": digest,
        "columns": dict(columns),
        "task": {key: value for key, value in task.items() if value is not None},
        "without_reference": unlabelled,
        "seed": wanted.seed,
        "sources": [
            {
                "file": s.name,
                "sha256": s.sha256,
                "bytes": s.bytes,
                "format": s.format,
                "cases": s.cases,
                "broken_lines": s.broken,
            }
            for s in gathered.sources
        ],
        "counts": {
            "cases": len(gathered.cases),
            "broken_lines": gathered.broken,
            "passed_over": dict(gathered.passed.most_common()),
            "near_duplicates_dropped": made.near_duplicates,
            "different": made.different,
            "drawn_from": made.grouped,
            "references_disagree": made.disagreeing,
        },
        "near_duplicates": f"character trigrams, Jaccard at least {alike.THRESHOLD}",
        "redaction": _redaction(made),
        "strata": {
            "by": made.method,
            "allocation": "square root of a stratum's different messages, two at least",
            "thin_in_a_uniform_sample": made.thin_in_uniform,
            "each": [
                {"kind": s.name, "messages": s.messages, "different": s.different, "items": s.items}
                for s in made.strata
            ],
        },
        "coverage": {
            "share_of_messages": round(seen.share, 4),
            "means": f"a message whose nearest item is at a cosine of {seen.near:g} or more ({seen.method})",
            "uniform_sample_of_as_many": None if seen.uniform is None else round(seen.uniform, 4),
            "median_cosine": round(seen.median, 3),
            "least_covered": [
                {
                    "kind": r.stratum,
                    "messages": r.messages,
                    "covered": round(r.covered, 4),
                    "for_example": r.example[:200],
                }
                for r in seen.regions
            ],
        },
        "detectable": _detectable(len(rows)),
    }
    if made.instruction:
        content["instruction_of_the_log"] = made.instruction
    if made.tags_left_out:
        content["tags_left_out"] = dict(made.tags_left_out)
    if gathered.shown:
        content["broken_lines_shown"] = list(gathered.shown)
    content["notes"] = [*gathered.sentences, *notes]
    return content


def _redaction(made: Made) -> dict[str, Any]:
    if made.wanted.keep_texts:
        return {"done": False, "why": "--keep-texts"}
    found, there, low, high = recall()
    return {
        "done": True,
        "replaced_in_the_items": {kind: made.marks[kind] for kind in KINDS},
        "recall_on_our_test_set": {
            "all": f"{found}/{there}",
            "interval_95": [round(low, 3), round(high, 3)],
            **{kind: f"{MEASURED[kind][0]}/{MEASURED[kind][1]}" for kind in KINDS},
        },
        "says": claim(),
    }


def _detectable(items: int) -> dict[str, Any]:
    table = sizes.detectable(items)
    return {
        "at": "5 % significance, 90 % power",
        "accuracy": [
            {
                "items_judged_differently": one.discordant,
                "difference": None if one.points is None else round(one.points, 4),
            }
            for one in table.accuracy
        ],
        "latency": [
            {"quantile": one.q, "spread_cv": one.cv, "ratio": None if one.ratio is None else round(one.ratio, 3)}
            for one in table.latency
        ],
        "requests_for_a_p99": table.p99_needs,
    }
