"""The data inside the page: every request in a compressed CSV, everything concluded in a compressed JSON.

An auditor recomputes accuracy, latencies and tokens from the CSV alone; both open from a plain link, with no script.
"""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import yaml

from edgebench.records import Conclusion, Plan, Record, Run, Trial, canonical
from edgebench.report import cell_rows
from edgebench.report.failed_items import of_record
from edgebench.report.formatting import visible
from edgebench.report.hybrids import drawn

MOST_BYTES = 400_000  # of compressed texts; above it they stay in the store and the page says so
#: in the order that compresses best; ``answer`` stands after ``mode`` where texts are kept
COLUMNS = (
    "arm",
    "perturbation",
    "language",
    "block",
    "repetition",
    "item",
    "score",
    "mode",
    "failure",
    "due_us",
    "sent_us",
    "first_us",
    "done_us",
    "busy_us",
    "cold",
    "calls",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
)
US = 1_000  # nanoseconds


@dataclass(frozen=True, slots=True)
class Download:
    """A file that travels inside the page as a ``data:`` link."""

    name: str
    href: str
    about: str


def records_csv(run: Run, *, texts: bool) -> Download:
    """Every record, in the order of sending; times are whole microseconds.

    ``due_us`` counts from the end of the request before it in the same start (of a start's first: from the run's first
    due), ``sent_us first_us done_us`` from due. ``busy_us``: how long its calls took together, empty where that is
    done − sent. A request ended when it was done, or, unanswered, ``busy_us`` after it was sent.
    """
    with_text = _gzip(_csv(run, texts=True)) if texts else b""
    told = texts and len(with_text) <= MOST_BYTES
    packed = with_text if told else _gzip(_csv(run, texts=False))
    missing = "" if told else "; answers are left out" + (" for their size" if texts else " on request")
    about = (
        f"{len(run.records):,} requests, one row each, in µs: due after the end of the one before, the rest after due; "
        f"busy where it is not done − sent{missing}"
    )
    return Download(f"{_file_name(run.id)}-records.csv.gz", _href("application/gzip", packed), about)


def conclusion_json(run: Run, conclusion: Conclusion, *, texts: bool) -> Download:
    """Items, plan, identities, host, readings and all that was concluded."""
    content: dict[str, Any] = {
        "run": run.id,
        "created_at": run.created_at,
        "plan": canonical(run.plan) | {"folder": "."},
        "plan_digest": run.plan.digest,
        "workload_digest": run.workload.digest,
        "workload_source": canonical(run.workload.source),
        "task": canonical(run.workload.task),
        "identities": canonical(run.identities),
        "segments": canonical(run.segments),
        "conclusion": canonical(_told(conclusion, texts=texts)),
        "readings": [
            [one.trial_id, one.meter, one.quantity, one.value, one.unit, one.phase, one.provenance]
            for one in run.readings
        ],
    }
    items = [
        {"item": place, "id": item.id, "digest": item.digest, "tags": canonical(item.tags), "stakes": item.stakes}
        | ({"input": canonical(item.input), "reference": canonical(item.reference)} if texts else {})
        for place, item in enumerate(run.workload.items)
    ]
    packed = _gzip(_json(content | {"items": items}))
    about = "items with references, plan, identities, host, readings, estimates, choices"
    if not texts:
        about = about.replace("items with references", "items without their texts")
    elif len(packed) > MOST_BYTES:
        bare = [{name: value for name, value in item.items() if name != "input"} for item in items]
        packed, about = _gzip(_json(content | {"items": bare})), about + "; inputs are left out for their size"
    return Download(f"{_file_name(run.id)}-conclusion.json.gz", _href("application/gzip", packed), about)


def _told(conclusion: Conclusion, *, texts: bool) -> Conclusion:
    """The conclusion without what the page itself holds (the sliders' draws), and curves of the first hybrids only.

    Confusions name what was right and what was answered: without texts they are left out.
    """
    curves = {id(one) for one in drawn(conclusion)}
    cascades = tuple(one if id(one) in curves else replace(one, points=()) for one in conclusion.cascades)
    study = conclusion.study
    if study is not None and not texts:
        study = replace(study, confusions=())
    return replace(conclusion, material=None, cascades=cascades, study=study)


def cells_csv(run: Run, conclusion: Conclusion) -> Download | None:
    """Every cell of the study, one row each; None where nothing but the workload as it is was asked."""
    study = conclusion.study
    if study is None or all(cell.role == "base" for cell in study.cells):
        return None
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(cell_rows.COLUMNS)
    for row in cell_rows.rows(study):
        write.writerow([_cell(value) if isinstance(value, str) else _number(value) for value in row])
    about = f"{len(study.cells):,} cells, one row each: their numbers with intervals, and the difference from the base"
    href = _href("text/csv", out.getvalue().encode("utf-8", "backslashreplace"))
    return Download(f"{_file_name(run.id)}-cells.csv", href, about)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def plan_yaml(plan: Plan) -> str:
    """The plan as a person would write it: what differs from the defaults."""
    return yaml.safe_dump(_lean(plan, {"folder"}), allow_unicode=True, sort_keys=False, width=100)


def plan_file(plan: Plan) -> Download:
    return Download("plan.yaml", _href("application/yaml", plan_yaml(plan).encode()), "the plan of this run")


def _lean(value: Any, drop: set[str] | None = None) -> Any:
    """A dataclass as a dict without whatever equals its default."""
    if is_dataclass(value) and not isinstance(value, type):
        out = {}
        for one in fields(value):
            content = getattr(value, one.name)
            default = one.default_factory() if callable(one.default_factory) else one.default
            if one.name not in (drop or set()) and content != default:
                out[one.name] = _lean(content)
        return out
    if isinstance(value, Mapping):
        return {str(key): _lean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_lean(item) for item in value]
    return canonical(value)


def _csv(run: Run, *, texts: bool) -> bytes:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    after, modes = COLUMNS.index("mode") + 1, of_record(run)
    write.writerow((*COLUMNS[:after], *(("answer",) if texts else ()), *COLUMNS[after:]))
    trials = {trial.id: trial for trial in run.trials}
    places = {item.digest: place for place, item in enumerate(run.workload.items)}
    scorer = run.workload.scorers[0].name if run.workload.scorers else None
    scores = {score.record_id: score for score in run.scores if score.scorer == scorer}
    ended: dict[str, int] = {}
    zero = min((record.due_ns for record in run.records), default=0)
    for record in run.records:
        trial = trials.get(record.trial_id)
        lead = _lead(trial) if trial else [""] * 5
        told = [_cell(record.answer.text if record.answer else "")] if texts else []
        score = scores.get(record.id)
        judged = "" if score is None or score.value is None else f"{score.value:g}"
        due = record.due_ns - ended.get(record.trial_id, zero)
        mode = _cell(modes.get(record.id, ""))
        write.writerow([*lead, places.get(record.item_digest, ""), judged, mode, *told, *_row(record, due)])
        ended[record.trial_id] = _ended(record)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _lead(trial: Trial) -> list[object]:
    """Whose request it is, and what its text went through."""
    noise = "" if trial.perturbation == "none" else _cell(trial.perturbation)
    return [_cell(trial.arm), noise, _cell(trial.language), trial.block, trial.repetition]


def _row(record: Record, due_ns: int) -> list[object]:
    usages = [call.usage for call in record.calls if call.usage is not None]
    counts = [[getattr(usage, kind) for usage in usages] for kind in ("input_tokens", "cached_tokens", "output_tokens")]
    times = (
        "" if at is None else round((at - record.due_ns) / US)
        for at in (record.sent_ns, record.first_ns, record.done_ns)
    )
    return [
        record.failure.kind if record.failure else "",
        round(due_ns / US),
        *times,
        _busy(record),
        int(record.cold),
        len(record.calls),
        *(_sum(count) for count in counts),
    ]


def _busy(record: Record) -> int | str:
    """How long its calls took together; empty where that is done − sent to the microsecond."""
    took = _took(record)
    if record.done_ns is not None and record.sent_ns is not None:
        same = round((record.done_ns - record.due_ns) / US) - round((record.sent_ns - record.due_ns) / US)
        return "" if abs(round(took / US) - same) <= 1 else round(took / US)
    return round(took / US)


def _ended(record: Record) -> int:
    if record.done_ns is not None:
        return record.done_ns
    start = record.due_ns if record.sent_ns is None else record.sent_ns
    return start + _took(record)


def _took(record: Record) -> int:
    """Nanoseconds of all its calls together."""
    calls = [(call.sent_ns, call.end_ns) for call in record.calls]
    return sum(end - sent for sent, end in calls if sent is not None and end is not None)


def _sum(counts: list[int | None]) -> int | str:
    """Tokens of all calls; empty when any of them is unknown."""
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else ""


def _cell(text: str) -> str:
    """A text no spreadsheet takes for a formula."""
    text = visible(text)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _json(content: object) -> bytes:
    return json.dumps(_shorter(content), ensure_ascii=True, sort_keys=True, separators=(",", ":"), default=str).encode()


def _shorter(content: Any) -> Any:
    """Numbers to nine digits: more than any of them means."""
    if isinstance(content, float):
        return float(f"{content:.9g}") if math.isfinite(content) else str(content)
    if isinstance(content, dict):
        return {name: _shorter(value) for name, value in content.items()}
    return [_shorter(value) for value in content] if isinstance(content, (list, tuple)) else content


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _href(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _file_name(run_id: str) -> str:
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in run_id)[:40] or "run"
