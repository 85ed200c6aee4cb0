"""How runs leave and enter: JSONL and CSV to read elsewhere, bundles to bring home, and the merge of several runs.

JSONL is complete and faithful; CSV is made for spreadsheets, so anything a spreadsheet could take for a formula is
disarmed; a bundle is the run itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgebench.records import Call, FrozenRate, Item, Record, Run, Score, Segment, Trial, redirects
from edgebench.store.bundle import export_bundle, import_bundle, read_bundle, write_bundle
from edgebench.store.codec import dumps, encode
from edgebench.store.files import written_whole
from edgebench.store.merging import merge

__all__ = ["export_bundle", "export_csv", "export_jsonl", "import_bundle", "merge", "read_bundle", "write_bundle"]

_MS = 1e6  # ns in one
_HOUR_S = 3600

# A cell is a formula when it begins with one of these, whatever blanks and quotes stand before. The same holds after
# semicolons, tabs and line ends, because a spreadsheet set to another separator cuts the cell there.
_FORMULA = re.compile(r"(^|[;\t\r\n])([ \"'`\u00a0\u200b\ufeff\u2018\u2019\u201c\u201d]*)(?=[=+\-@＝＋－＠])")


def export_jsonl(run: Run, path: str | Path) -> None:
    """One record a line with its item, its trial's arm, its scores and its frozen rates; every stamp as it was taken.

    Raises
    ------
    StoreError: the file cannot be written.
    """
    rates: dict[tuple[str, int], list[FrozenRate]] = {}
    for rate in run.rates:
        rates.setdefault((rate.target, rate.since_s // _HOUR_S), []).append(rate)
    with written_whole(path) as file:
        for record, trial, item, scores, segment in _joined(run):
            hours = {(call.target or trial.target, int((call.wall_s or 0) // _HOUR_S)): None for call in record.calls}
            line = {
                "run": run.id,
                "arm": trial.arm,
                "target": trial.target,
                "prompting": trial.prompting,
                "block": trial.block,
                "repetition": trial.repetition,
                "segment_anchor_ns": segment.anchor_ns,
                "item": encode(item) | {"digest": item.digest, "reference": encode(_right(item, trial))},
                "record": encode(record),
                "scores": [encode(score) for score in scores],
                "rates": [encode(rate) for hour in hours for rate in rates.get(hour, ())],
            }
            file.write(f"{dumps(line)}\n".encode())


def export_csv(run: Run, path: str | Path) -> None:
    """One record a row, for spreadsheets (UTF-8 with a mark, CRLF). Absent values are empty cells.

    Raises
    ------
    StoreError: the file cannot be written.
    """
    tags = sorted({tag for item in run.workload.items for tag in item.tags})
    scorers = sorted({score.scorer for score in run.scores})
    with written_whole(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="backslashreplace", newline="")
        writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
        header: list[str] | None = None
        for record, trial, item, scores, segment in _joined(run):
            cells = _cells(run, record, trial, item, segment) | _tags(item, tags) | _scores(scores, scorers)
            if header is None:
                header = list(cells)
                writer.writerow([disarmed(name) for name in header])
            writer.writerow([_cell(value) for value in cells.values()])
        text.flush()
        text.detach()


def disarmed(text: str) -> str:
    """The text with an apostrophe before everything a spreadsheet could take for a formula."""
    safe = _FORMULA.sub(r"\1'\2", text)
    return f"'{safe}" if safe[:1] in ("\t", "\r", "\n") else safe


def _joined(run: Run) -> Iterator[tuple[Record, Trial, Item, list[Score], Segment]]:
    trials = {trial.id: trial for trial in run.trials}
    items = {item.digest: item for item in run.workload.items}
    segments = {segment.id: segment for segment in run.segments}
    scores: dict[str, list[Score]] = {}
    for score in run.scores:
        scores.setdefault(score.record_id, []).append(score)
    for record in run.records:
        segment = segments[record.segment_id]
        yield record, trials[record.trial_id], items[record.item_digest], scores.get(record.id, []), segment


def _cells(run: Run, record: Record, trial: Trial, item: Item, segment: Segment) -> dict[str, Any]:
    identity = run.identities.get(trial.target)
    return {
        "run": run.id,
        "arm": trial.arm,
        "device": identity.device if identity else None,
        "placement": identity.placement if identity else None,
        "block": trial.block,
        "repetition": trial.repetition,
        "item": item.id,
        "item_digest": item.digest,
        "input": _input(item),
        "reference": _right(item, trial),
        "answer": record.answer.text if record.answer else None,
        "confidence": record.answer.confidence if record.answer else None,
        "failure": record.failure.kind if record.failure else None,
        "failure_message": record.failure.message if record.failure else None,
        "cold": record.cold,
        "calls": len(record.calls),
        "due_ms_after_start": _ms(record.due_ns, segment.anchor_ns),
        "sent_ms_after_due": _ms(record.sent_ns, record.due_ns),
        "first_ms_after_due": _ms(_first(record), record.due_ns),
        "done_ms_after_due": _ms(record.done_ns, record.due_ns),
        "input_tokens": _tokens(record.calls, "input_tokens"),
        "output_tokens": _tokens(record.calls, "output_tokens"),
        "cached_tokens": _tokens(record.calls, "cached_tokens"),
    }


def _right(item: Item, trial: Trial) -> Any:
    """What was right in a trial; None where it was another answer than the reference, as scores alone know."""
    return None if redirects(trial.perturbation) else item.reference


def _input(item: Item) -> str:
    if isinstance(item.input, str):
        return item.input
    return "\n".join(f"{message.role}: {message.content}" for message in item.input)


def _first(record: Record) -> int | None:
    """When the answer began to be seen; of a failed request, the first chunk of its last call."""
    return record.first_ns if record.done_ns is not None or not record.calls else record.calls[-1].first_ns


def _ms(at_ns: int | None, start_ns: int) -> float | None:
    return None if at_ns is None else (at_ns - start_ns) / _MS


def _tokens(calls: tuple[Call, ...], name: str) -> int | None:
    """Sum over the calls; absent when any call that answered does not know."""
    answered = [call for call in calls if call.failure is None]
    counts = [getattr(call.usage, name) for call in answered if call.usage]
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(answered) else None


def _tags(item: Item, names: list[str]) -> dict[str, str | None]:
    return {f"tag.{name}": item.tags.get(name) for name in names}


def _scores(scores: list[Score], names: list[str]) -> dict[str, float | None]:
    by_name: Mapping[str, float | None] = {score.scorer: score.value for score in scores}
    return {f"score.{name}": by_name.get(name) for name in names}


def _cell(value: Any) -> Any:
    """Numbers stay numbers, truth becomes 0 or 1, nothing stays empty, all else is text that cannot be a formula."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return value + 0
    return disarmed(value if isinstance(value, str) else dumps(encode(value)))
