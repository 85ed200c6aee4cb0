"""A bundle: one run in one file that travels between machines.

A zip of a manifest and parts in JSON. The manifest names the format's version and every part's SHA-256, and carries
its own. The same run gives the same bytes. Nothing of a bundle is unpacked to disk; a bundle comes from a stranger, so
names, sizes, hashes and every field are checked before anything is stored.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import edgebench
from edgebench.errors import StoreError
from edgebench.records import FrozenRate, Identity, ModelCard, Reading, Record, Run, Score, Segment, Trial, digest
from edgebench.store.codec import decode, dumps, encode, loads
from edgebench.store.files import written_whole
from edgebench.store.packing import (
    PIECES,
    UNREADABLE,
    Unpacker,
    pack_plan,
    pack_record,
    pack_workload,
    text_key,
    unpack_plan,
    unpack_workload,
    with_plan,
)

if TYPE_CHECKING:
    from edgebench.store.sql import SqlStore

FORMAT = 2
MAX_BYTES = 2**30  # of all parts together, unpacked
_MAX_LINE = 2**26
_MAX_MANIFEST = 2**20
_MOST_USD = 10**9  # per million tokens: more is no price but an attack on our arithmetic
_FIRST = ("run", "trials", "segments", "identities", "cards", "texts", "records", "readings", "scores")
_PARTS = {1: _FIRST, 2: (*_FIRST, "rates")}  # of each format; the first knew no rates
_RUN_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_\-]{0,63}")  # it becomes part of file names

Scores = Sequence[tuple[Score, str]]  # each with its moment

_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,  # a compression we never use
    RuntimeError,  # an encrypted member
    OverflowError,
)


# --------------------------------------------------------------------------------------------------- out


def export_bundle(store: SqlStore, run_id: str, path: str | Path) -> None:
    """Write a stored run as a bundle, with every score ever given.

    Raises
    ------
    StoreError: no such run, or the file cannot be written.
    """
    write_bundle(store.load(run_id), store.scores(run_id), path)


def write_bundle(run: Run, scores: Scores, path: str | Path) -> None:
    """Write a run as a bundle. The plan's folder stays behind: it means nothing elsewhere."""
    run = replace(run, plan=with_plan(run.plan, folder="."))
    with written_whole(path) as file, zipfile.ZipFile(file, "w") as archive:
        parts = {}
        for name, lines in _parts(run, scores):
            content = "".join(f"{line}\n" for line in lines).encode()
            parts[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            _add(archive, f"{name}.jsonl", content)
        manifest = {"format": FORMAT, "edgebench": edgebench.__version__, "run": run.id, "parts": parts}
        _add(archive, "manifest.json", dumps(manifest | {"digest": digest(manifest)}).encode())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    """A member without time, owner or mode: the same content gives the same bytes."""
    info = zipfile.ZipInfo(name)
    info.compress_type, info.create_system = zipfile.ZIP_DEFLATED, 3
    archive.writestr(info, content, compresslevel=6)


def _parts(run: Run, scores: Scores) -> Iterator[tuple[str, Iterable[str]]]:
    about = {"id": run.id, "created_at": run.created_at, "notes": list(run.notes)}
    yield "run", [dumps(about), pack_plan(run.plan), pack_workload(run.workload)]
    yield "trials", (dumps(encode(trial)) for trial in run.trials)
    yield "segments", (dumps(encode(segment)) for segment in run.segments)
    yield "identities", (dumps([name, encode(noun)]) for name, noun in run.identities.items())
    yield "cards", (dumps([name, encode(noun)]) for name, noun in run.cards.items())
    texts: dict[bytes, int] = {}
    bodies: list[str] = []
    records = [_record_line(record, texts, bodies) for record in run.records]
    yield "texts", bodies
    yield "records", records
    yield "readings", (dumps(encode(reading)) for reading in run.readings)
    yield "scores", (dumps([encode(score), at]) for score, at in scores)
    yield "rates", (dumps(encode(rate)) for rate in run.rates)


def _record_line(record: Record, texts: dict[bytes, int], bodies: list[str]) -> str:
    """A record with its calls; texts are named by their line in the part ``texts``."""
    row, calls, own = pack_record(record)
    for key, body in own.items():
        if key not in texts:
            texts[key] = len(bodies)
            bodies.append(body)
    for call in calls:
        call.update({piece: None if call[piece] is None else texts[call[piece]] for piece in PIECES})
        call["body"] = loads(call["body"])
    return dumps(row | {"confidence": encode(row["confidence"]), "calls": calls})


# --------------------------------------------------------------------------------------------------- in


def import_bundle(store: SqlStore, path: str | Path, *, max_bytes: int = MAX_BYTES) -> str:
    """Add a bundle's run to a store as it is; returns the run's id.

    Raises
    ------
    StoreError: not a bundle, damaged, too large, from a newer version, or a run that is there already.
    """
    run, scores = read_bundle(path, max_bytes=max_bytes)
    store.add_run(run, scores=scores)
    return run.id


def read_bundle(path: str | Path, *, max_bytes: int = MAX_BYTES) -> tuple[Run, Scores]:
    """A bundle's run, and every score with its moment.

    Raises
    ------
    StoreError: not a bundle, damaged, too large, or from a newer version.
    """
    try:
        with Path(path).open("rb") as file:
            return _read(Path(path), file, max_bytes)
    except OSError as exc:
        raise StoreError(f"{path} cannot be read: {exc.strerror or exc}", hint="is this the right file?") from exc
    except (*_BROKEN_ZIP, *UNREADABLE) as exc:
        raise _broken(path, str(exc) or type(exc).__name__) from exc


def _broken(path: str | Path, why: str) -> StoreError:
    return StoreError(f"{path} is not a whole bundle: {why}", hint="export it again and copy the file anew")


def _read(path: Path, file: BinaryIO, max_bytes: int) -> tuple[Run, Scores]:
    with zipfile.ZipFile(file) as archive:
        manifest = _manifest(path, archive)
        _check_members(path, archive, manifest, max_bytes)
        run, scores = _run({name: _lines(archive, name) for name in _PARTS[manifest["format"]]})
    if run.id != manifest["run"] or not _RUN_ID.fullmatch(run.id):
        raise _broken(path, "the run's id is not the one in the manifest")
    _check_references(run, scores)
    return run, scores


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    if "manifest.json" not in archive.namelist():
        raise _broken(path, "it has no manifest.json")
    if archive.getinfo("manifest.json").file_size > _MAX_MANIFEST:
        raise _broken(path, "its manifest is too large")
    manifest = loads(archive.read("manifest.json"))
    if type(manifest) is not dict or type(manifest.get("format")) is not int:
        raise _broken(path, "its manifest names no format")
    if manifest["format"] > FORMAT:
        raise StoreError(
            f"{path} was written by a newer version of EdgeBench ({str(manifest.get('edgebench'))[:20]})",
            hint="update EdgeBench (pip install -U edgebench)",
        )
    if manifest.pop("digest", None) != digest(manifest):
        raise _broken(path, "its manifest does not match its own hash")
    if manifest["format"] not in _PARTS:
        raise _broken(path, "its manifest names a format there never was")
    return manifest


def _check_members(path: Path, archive: zipfile.ZipFile, manifest: Mapping[str, Any], max_bytes: int) -> None:
    """Exactly our parts, within the limits, each as the manifest says."""
    parts = _PARTS[manifest["format"]]
    names = sorted(info.filename for info in archive.infolist())
    if names != sorted(["manifest.json", *(f"{name}.jsonl" for name in parts)]):
        raise _broken(path, "it holds other files than a bundle has")
    total = sum(info.file_size for info in archive.infolist())
    if total > max_bytes:
        raise StoreError(
            f"{path} would unpack to {total / 2**20:.0f} MiB, more than the {max_bytes / 2**20:.0f} MiB allowed",
            hint="do you trust where it comes from? export fewer trials per run otherwise",
        )
    for name in parts:
        if manifest["parts"][name]["sha256"] != _sha256(archive, f"{name}.jsonl"):
            raise _broken(path, f"{name}.jsonl does not match its hash")


def _sha256(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as member:
        return hashlib.file_digest(member, "sha256").hexdigest()  # type: ignore[arg-type]


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    """A part's lines. They are read one at a time and none may be endless."""
    with archive.open(f"{name}.jsonl") as member:
        buffered = io.BufferedReader(member, 2**16)  # type: ignore[type-var]
        while line := buffered.readline(_MAX_LINE):
            if not line.endswith(b"\n"):
                raise ValueError(f"{name}.jsonl has a line that does not end")
            yield line.decode()


def _run(parts: Mapping[str, Iterator[str]]) -> tuple[Run, Scores]:
    about, plan, workload = list(parts["run"])
    data = loads(about)
    scores = [(decode(Score, score), decode(str, at)) for score, at in map(loads, parts["scores"])]
    run = Run(
        id=decode(str, data["id"]),
        created_at=decode(str, data["created_at"]),
        plan=unpack_plan(plan),
        workload=unpack_workload(workload),
        trials=_nouns(parts["trials"], Trial),
        segments=_nouns(parts["segments"], Segment),
        identities={decode(str, name): decode(Identity, noun) for name, noun in map(loads, parts["identities"])},
        cards={decode(str, name): decode(ModelCard, noun) for name, noun in map(loads, parts["cards"])},
        records=_records(parts["texts"], parts["records"]),
        readings=_nouns(parts["readings"], Reading),
        scores=tuple({(score.record_id, score.scorer): score for score, _ in scores}.values()),
        notes=decode(tuple[str, ...], data["notes"]),
        rates=_nouns(parts.get("rates", ()), FrozenRate),
    )
    return run, scores


def _nouns(lines: Iterable[str], kind: type[Any]) -> tuple[Any, ...]:
    return tuple(decode(kind, loads(line)) for line in lines)


def _records(texts: Iterable[str], lines: Iterable[str]) -> tuple[Record, ...]:
    bodies = [line.rstrip("\n") for line in texts]
    keys = [text_key(body) for body in bodies]
    unpacker = Unpacker(dict(zip(keys, bodies, strict=True)))
    return tuple(_record(loads(line), keys, unpacker) for line in lines)


def _record(row: dict[str, Any], keys: Sequence[bytes], unpacker: Unpacker) -> Record:
    calls = row.pop("calls")
    for call in calls:
        call |= {piece: None if call[piece] is None else keys[call[piece]] for piece in PIECES}
        call["body"] = dumps(call["body"])
    if row["confidence"] is not None:
        row["confidence"] = decode(float, row["confidence"])
    bare = unpacker.record(row, ())
    decode(Record, encode(bare))  # checks every field's type: the row is a stranger's
    return replace(bare, calls=tuple(unpacker.call(call, bare.item_digest) for call in calls))


def _check_references(run: Run, scores: Scores) -> None:
    """Everything a row names is there, so that nothing stumbles over it later; items are what they say they are."""
    items = {item.digest for item in run.workload.items}
    trials, segments = {trial.id for trial in run.trials}, {segment.id for segment in run.segments}
    records = {record.id for record in run.records}
    checks: Mapping[str, bool] = {
        "names a target that its plan does not": run.plan.targets.keys() >= _named(run),
        "holds a rate of no moment there was": all(0 <= rate.since_s < 2**40 for rate in run.rates),
        "holds a rate that is no price": all(_is_price(usd) for rate in run.rates for usd in _dollars(rate)),
        "names an item that its workload does not have": all(
            items.issuperset(digests)
            for digests in (*(t.item_digests for t in run.trials), [r.item_digest for r in run.records])
        ),
        "names a trial it does not have": trials.issuperset(
            [*(record.trial_id for record in run.records), *(reading.trial_id for reading in run.readings)]
        ),
        "names a segment it does not have": all(record.segment_id in segments for record in run.records),
        "scores a record it does not have": all(score.record_id in records for score, _ in scores),
        "holds a record twice": len(records) == len(run.records),
        "holds items that are not what their digests say": not _forged(run),
    }
    for what, right in checks.items():
        if not right:
            raise ValueError(f"it {what}")


def _named(run: Run) -> set[str]:
    """Every target a run speaks of."""
    calls = {call.target for record in run.records for call in record.calls if call.target is not None}
    return {trial.target for trial in run.trials} | calls | {rate.target for rate in run.rates}


def _dollars(rate: FrozenRate) -> Iterator[Decimal]:
    card = rate.card
    if card is not None:
        yield card.request_usd
        for each in (card.input, card.output, card.cached, card.reasoning):
            if each is not None:
                yield from (each.usd, *(step.usd for step in each.steps))


def _is_price(usd: Decimal) -> bool:
    return usd.is_finite() and 0 <= usd <= _MOST_USD


def _forged(run: Run) -> bool:
    """Whether digests and items differ, as far as texts that were kept can tell."""
    workload = run.workload
    if workload.digest != digest(sorted(item.digest for item in workload.items)):
        return True
    return run.plan.texts == "keep" and any(replace(item).digest != item.digest for item in workload.items)
