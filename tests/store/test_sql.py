"""The SQL store's own promises: private, append-only, erasable, patient with bad files and full disks."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from edgebench.errors import MissingExtra, StoreError
from edgebench.records import Answer, Call, FrozenRate, Message, ModelCard, Record, Request, Run, Score
from edgebench.store import open_store
from edgebench.store.schema import HEAD, WRITTEN_ONCE, metadata
from edgebench.store.sql import SqlStore, new_id
from tests.builders import Arm, run
from tests.store.nouns import noun


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "runs.db"


@pytest.fixture
def store(place: Path) -> Iterator[SqlStore]:
    with open_store(place) as opened:
        yield opened


@pytest.fixture
def made() -> Run:
    return run({"small": Arm(), "large": Arm(failure_rate=0.2)}, items=12)


def begun(store: SqlStore, made: Run) -> None:
    store.begin(made.id, made.plan, made.workload, made.trials, created_at=made.created_at)


def on_disk(place: Path) -> bytes:
    """Everything SQLite keeps: the file and its log."""
    return b"".join(file.read_bytes() for file in place.parent.glob(f"{place.name}*"))


# --------------------------------------------------------------------------------------------------- the file


def test_a_new_store_is_readable_by_its_owner_only(store: SqlStore, made: Run, place: Path) -> None:
    """The file and both side files are mode 0600, whatever the umask."""
    store.add_run(made)
    modes = {file.name: file.stat().st_mode & 0o777 for file in place.parent.iterdir()}
    assert modes == {"runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600}


def test_sqlite_runs_with_the_settings_we_promise(store: SqlStore) -> None:
    with store._engine.connect() as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
        "secure_delete": 1,
    }


def test_migrations_make_exactly_the_schema(store: SqlStore) -> None:
    """What the migrations built and what ``schema.py`` says do not differ."""
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_schema_can_be_said_to_postgresql() -> None:
    """No table needs anything that only SQLite has."""
    said = [str(CreateTable(table).compile(dialect=postgresql.dialect())) for table in metadata.sorted_tables]
    assert "n BIGSERIAL NOT NULL" in said[0]
    assert all("JSON" not in text for text in said)


def test_opening_an_up_to_date_store_loads_no_alembic(store: SqlStore, place: Path) -> None:
    """Alembic is for making and updating tables only."""
    program = f"import sys, edgebench.store as s; s.open_store({str(place)!r}).close(); print('alembic' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def test_importing_the_room_loads_no_sqlalchemy() -> None:
    program = "import sys, edgebench.store, edgebench.store.interchange; print('sqlalchemy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


# --------------------------------------------------------------------------------------------------- append only


@pytest.mark.parametrize("table", WRITTEN_ONCE)
def test_what_was_observed_cannot_be_changed(store: SqlStore, made: Run, place: Path, table: str) -> None:
    """Not even by a person with another SQLite program."""
    store.add_run(replace(made, rates=(FrozenRate("small", "", 0, None, "nobody had a price"),)))
    connection = sqlite3.connect(place)
    with pytest.raises(sqlite3.IntegrityError, match="written once"):
        connection.execute(f"UPDATE {table} SET run = run")  # noqa: S608 - the names are ours
    connection.close()


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # a record of many chunks is a long text
@given(calls=st.lists(noun(Call), min_size=1, max_size=3), bare=noun(Record))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_record_comes_back_from_the_database(store: SqlStore, made: Run, calls: list[Call], bare: Record) -> None:
    """Whatever a model said and whenever, SQLite gives it back as it was."""
    fresh = replace(made, id=new_id())
    begun(store, fresh)
    record = replace(bare, id="t/0", trial_id="t", segment_id="s", item_digest="d", index=0, calls=tuple(calls))
    store.append(fresh.id, [record])
    assert store.load(fresh.id).records == (record,)


def test_cards_and_notes_are_kept(store: SqlStore, made: Run) -> None:
    """The model cards and the notes of a run come back with it."""
    card = ModelCard(name="m", title="M", kind="fake", files={}, options={"n": 1})
    store.add_run(replace(made, notes=("by hand",)))
    store.set_cards(made.id, {"small": card})
    loaded = store.load(made.id)
    assert loaded.cards == {"small": card}
    assert loaded.notes == ("by hand",)


def test_every_score_ever_given_is_kept(store: SqlStore, made: Run) -> None:
    """A new version adds; the history stays, with its moments."""
    store.add_run(made)
    again = replace(made.scores[0], version="2", value=0.5)
    store.add_scores(made.id, [again])
    history = store.scores(made.id)
    assert [score for score, _ in history] == [*made.scores, again]
    assert all(at.endswith("Z") for _, at in history)


def test_texts_that_repeat_are_stored_once(store: SqlStore, made: Run, place: Path) -> None:
    """An instruction of 20 kB in 200 requests does not make 4 MB."""
    instruction = Message("system", "Sort this. " * 2000)
    job = run({"a": Arm(), "b": Arm()}, items=100)
    begun(store, job)
    store.append(job.id, [_with_head(record, instruction) for record in job.records])
    assert on_disk(place).count(b"Sort this. Sort this.") < 5000
    heads = {id(r.calls[0].request.messages[0]) for r in store.load(job.id).records if r.calls[0].request}
    assert len(heads) == 1


def _with_head(record: Record, head: Message) -> Record:
    call = record.calls[0]
    assert call.request is not None
    request: Request = replace(call.request, messages=(head, *call.request.messages))
    return replace(record, calls=(replace(call, request=request),))


def test_ten_thousand_records_in_good_time(store: SqlStore) -> None:
    """10,000 records of 16 chunks, ten at a time, stored and loaded within 8 s of CPU (2 s on a quiet machine)."""
    big = run({f"t{k}": Arm() for k in range(10)}, items=1000)
    records = [
        replace(r, calls=(replace(r.calls[0], chunk_ns=tuple(range(r.due_ns, r.due_ns + 16_000, 1000))),))
        for r in big.records
    ]
    begun(store, big)
    start = process_time()
    for k in range(0, len(records), 10):
        store.append(big.id, records[k : k + 10])
    loaded = store.load(big.id)
    took = process_time() - start
    assert loaded.records == tuple(records)
    assert took < 8


# --------------------------------------------------------------------------------------------------- names


def test_a_run_is_found_by_the_beginning_of_its_id(store: SqlStore, made: Run) -> None:
    for run_id, day in (("abc12345", 1), ("abd99999", 3), ("ffff0000", 2)):
        store.add_run(replace(made, id=run_id, created_at=f"2026-01-0{day}T00:00:00Z"))
    assert store.resolve("abc") == store.resolve("abc12345") == "abc12345"
    assert store.resolve("last") == "abd99999"
    with pytest.raises(StoreError, match="2 runs begin with 'ab'") as caught:
        store.resolve("ab")
    assert "abc12345" in str(caught.value.hint)
    with pytest.raises(StoreError, match="no run 'ffff0001'") as caught:
        store.resolve("ffff0001")
    assert "ffff0000" in str(caught.value.hint)
    with pytest.raises(StoreError, match="no run ''"):
        store.resolve("")


def test_an_empty_store_has_no_last_run(store: SqlStore) -> None:
    with pytest.raises(StoreError, match="holds no runs"):
        store.resolve("last")


def test_an_imported_run_is_never_resumed(store: SqlStore, made: Run) -> None:
    """It was measured on another machine: going on here would mix two devices in one run."""
    store.add_run(replace(made, segments=()))
    assert store.find(made.plan.digest, made.workload.digest) is None
    begun(store, replace(made, id="here"))
    assert store.find(made.plan.digest, made.workload.digest) == "here"


def test_two_segments_of_one_name_end_their_own(place: Path, made: Run) -> None:
    """Each store object ends the segment it began, though another run has one of the same id."""
    with open_store(place) as one, open_store(place) as two:
        for store, run_id in ((one, "one"), (two, "two")):
            begun(store, replace(made, id=run_id))
            store.add_segment(run_id, replace(made.segments[0], ended_at=None, ended_why=None))
        one.end_segment("s1", ended_at="2026-01-01T00:00:00Z", why="complete", not_issued={})
        assert one.load("one").segments[0].ended_why == "complete"
        assert one.load("two").segments[0].ended_why is None


# --------------------------------------------------------------------------------------------------- erased


def test_deleting_takes_the_texts_out_of_the_file(store: SqlStore, made: Run, place: Path) -> None:
    """After a deletion no byte of what people said is in the file or its log."""
    asked, said = "zebra-crossing-at-midnight", "seven-lamps-were-lit"
    secret = replace(made.workload.items[0], input=asked)
    begun(store, replace(made, workload=replace(made.workload, items=(secret, *made.workload.items[1:]))))
    spoken = [replace(_with_head(r, Message("user", f"{asked} {r.id}")), answer=Answer(said)) for r in made.records]
    store.append(made.id, spoken)
    kept = replace(made, id="kept")
    store.add_run(kept)
    assert asked.encode() in on_disk(place)
    assert said.encode() in on_disk(place)
    store.delete(made.id)
    assert asked.encode() not in on_disk(place)
    assert said.encode() not in on_disk(place)
    assert store.load("kept") == kept


def test_a_stored_run_can_be_redacted_later(store: SqlStore, made: Run, place: Path) -> None:
    """The words go, from the file too; digests, stamps, scores and resuming stay."""
    item = replace(made.workload.items[0], input="mail rosa.gomez@example.com now")
    job = replace(made.workload, items=(item, *made.workload.items[1:]))
    begun(store, replace(made, workload=job))
    store.add_segment(made.id, replace(made.segments[0], ended_at=None, ended_why=None))
    store.append(made.id, made.records)
    store.add_scores(made.id, made.scores)
    store.redact(made.id, "redact")
    assert b"rosa.gomez" not in on_disk(place)
    loaded = store.load(made.id)
    assert loaded.workload.items[0].input == "mail [e-mail] now"
    assert loaded.workload.items[0].digest == item.digest
    assert loaded.workload.digest == job.digest
    assert [r.done_ns for r in loaded.records] == [r.done_ns for r in made.records]
    assert loaded.scores == made.scores
    assert store.find(made.plan.digest, job.digest) == made.id
    store.end_segment("s1", ended_at="x", why="complete", not_issued={})
    assert store.find(made.plan.digest, job.digest) is None


def test_a_reader_that_holds_the_log_is_named(store: SqlStore, made: Run, place: Path) -> None:
    """While another process reads, the log cannot be emptied: the deletion says so instead of promising."""
    store.add_run(made)
    reader = sqlite3.connect(place, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM records").fetchone()

    @event.listens_for(store._engine, "checkout")
    def impatient(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")

    with pytest.raises(StoreError, match="is deleted, but another process"):
        store.delete(made.id)
    reader.close()
    assert store.runs() == []


# --------------------------------------------------------------------------------------------------- bad places


def test_a_store_of_a_newer_version_is_left_alone(place: Path, made: Run) -> None:
    with open_store(place) as store:
        store.add_run(made)
    connection = sqlite3.connect(place)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    with pytest.raises(StoreError, match="newer version") as caught:
        open_store(place)
    assert "update EdgeBench" in str(caught.value.hint)
    connection.execute("UPDATE alembic_version SET version_num = ?", (HEAD,))
    connection.commit()
    connection.close()
    with open_store(place) as store:
        assert store.load(made.id) == made


@pytest.mark.parametrize("content", [b"question,answer\n1,2\n" * 100, bytes(range(256)) * 20])
def test_a_file_that_is_no_store_is_left_alone(tmp_path: Path, content: bytes) -> None:
    """A CSV named by mistake is refused in one sentence and not touched."""
    file = tmp_path / "data.csv"
    file.write_bytes(content)
    with pytest.raises(StoreError, match="not an EdgeBench store"):
        open_store(file)
    assert file.read_bytes() == content


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "other.db"
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE cats (name)")
    connection.close()
    with pytest.raises(StoreError, match="not an EdgeBench store"):
        open_store(file)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be opened"):
        open_store(tmp_path)


def test_a_place_below_a_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        open_store(tmp_path / "file" / "runs.db")


def test_urls_of_other_databases_are_refused() -> None:
    with pytest.raises(StoreError, match="cannot be kept in mysql"):
        open_store("mysql://localhost/x")
    with pytest.raises(StoreError, match="cannot be read"):
        open_store("://")


def test_postgresql_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match="psycopg") as caught:
        open_store("postgresql://user:hush@localhost/x")
    assert "hush" not in f"{caught.value}{caught.value.hint}"


def test_a_store_that_may_only_be_read_can_be_read(place: Path, made: Run) -> None:
    """Reading works; writing is one sentence."""
    with open_store(place) as store:
        store.add_run(made)
    with open_store(f"sqlite:///file:{place}?mode=ro&uri=true") as store:
        assert store.load(made.id) == made
        with pytest.raises(StoreError, match="cannot be written to"):
            store.delete(made.id)


def test_a_full_disk_loses_nothing_that_was_stored(store: SqlStore, made: Run) -> None:
    """SQLite says "database or disk is full": one sentence, all or nothing, and it goes on when there is room."""
    big = run({"a": Arm()}, items=400, blocks=1)
    begun(store, big)
    store.append(big.id, big.records[:10])

    limit = 1  # pages; less than there are means: no more than there are

    @event.listens_for(store._engine, "checkout")
    def small(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {limit}")

    stored = 10
    with pytest.raises(StoreError, match="the disk is full") as caught:
        for k in range(10, 400, 10):
            store.append(big.id, big.records[k : k + 10])
            stored += 10
    assert "type the same command again" in str(caught.value.hint)
    assert store.load(big.id).records == big.records[:stored]
    limit = 10**6
    store.append(big.id, big.records[stored:])
    assert store.load(big.id).records == big.records


def test_a_disk_that_refuses_a_write_is_one_sentence(place: Path, made: Run) -> None:
    """The system's own limit on file size (as a quota would): the child ends with our sentence, the store is whole."""
    with open_store(place) as store:
        begun(store, made)
    program = f"""
import resource, signal, sys
from dataclasses import replace
from edgebench.errors import StoreError
from edgebench.store import open_store
from tests.builders import Arm, run
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
made = run({{"a": Arm()}}, items=2000)
store = open_store({str(place)!r})
store.begin("big", made.plan, made.workload, made.trials, created_at="x")
resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, 900_000))
for k in range(0, 2000, 10):
    try:
        store.append("big", made.records[k : k + 10])
    except StoreError as error:
        print(k, error)
        sys.exit(2)
"""
    root = str(Path(__file__).parents[2])
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert out.returncode == 2, out.stderr
    assert "the disk" in out.stdout
    stored = int(out.stdout.split()[0])
    with open_store(place) as store:
        assert len(store.load("big").records) == stored > 0


def test_a_damaged_row_is_one_sentence(place: Path, made: Run) -> None:
    """A store edited by hand does not end in a traceback."""
    with open_store(place) as store:
        store.add_run(made)
        connection = sqlite3.connect(place)
        connection.execute("UPDATE trials SET body = '{}'")
        connection.commit()
        connection.close()
        with pytest.raises(StoreError, match="cannot be read: Trial has no"):
            store.load(made.id)


def test_scores_under_a_policy_carry_no_words(store: SqlStore, made: Run) -> None:
    """With ``texts: hash`` a scorer's explanation is hashed; its label is one of the labels."""
    hashing = replace(made, plan=replace(made.plan, texts="hash"))
    begun(store, hashing)
    store.append(made.id, made.records)
    store.add_scores(made.id, [Score(made.scores[0].record_id, "label", "1", 1.0, "refund", "he said refund")])
    score = store.load(made.id).scores[0]
    assert score.label == "refund"
    assert str(score.explanation).startswith("sha256:")
