"""Opens the database behind a store: its file, its settings, its tables, and its errors in our words."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, text
from sqlalchemy.pool import ConnectionPoolEntry

from edgebench import plugins
from edgebench.errors import StoreError
from edgebench.store.schema import HEAD, REVISIONS

BUSY_S = 10.0  # how long one process waits for another's write

_NEWER = "update EdgeBench (pip install -U edgebench), or open another store"

#: what a database says → what we say, and what to do
_SAYINGS: tuple[tuple[str, str, str], ...] = (
    ("disk is full", "the disk is full", "free some space and type the same command again: what was stored is safe"),
    ("no space left", "the disk is full", "free some space and type the same command again: what was stored is safe"),
    ("disk i/o error", "the disk refused to read or write", "check the disk and its free space, then try again"),
    ("readonly", "it cannot be written to", "check the permissions of the file and its folder"),
    ("read-only", "it cannot be written to", "check the permissions of the file and its folder"),
    ("is locked", f"another process kept it busy for more than {BUSY_S:.0f} s", "try again when that one has ended"),
    ("not a database", "it is not an EdgeBench store", "name another file, or none for the default store"),
    ("unable to open", "it cannot be opened", "check that the folder exists and that you may write to it"),
    ("unique constraint", "what is to be written is there already", "is the same plan running twice at once?"),
    ("foreign key", "what this belongs to is not there any more", "was the run deleted meanwhile? edgebench runs list"),
    ("malformed", "its file is damaged", "restore a copy, or start a new store and import your bundles"),
)


def locate(place: str | Path) -> URL:
    """The URL of a store given as a path or as a URL."""
    if isinstance(place, str) and "://" in place:
        try:
            url = make_url(place)
        except exc.ArgumentError as error:
            raise StoreError("the store's URL cannot be read", hint="sqlite:///runs.db or postgresql://…") from error
    else:
        url = URL.create("sqlite", database=str(Path(place).expanduser()))
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"a store cannot be kept in {url.get_backend_name()}", hint="use a file, or postgresql://…")
    return url


def shown(url: URL) -> str:
    """A store's name for messages: its file, or its URL without the password."""
    if url.get_backend_name() == "sqlite":
        return url.database or "the store in memory"
    return url.render_as_string(hide_password=True)


def connect(url: URL) -> Engine:
    """An engine over the store, its tables at the revision of this version.

    Raises
    ------
    StoreError: it cannot be opened, is no store of ours, or was written by a newer version.
    MissingExtra: PostgreSQL is asked for and its driver is not installed.
    """
    if url.get_backend_name() == "sqlite":
        _private_file(url)
        engine = create_engine(url)
        event.listen(engine, "connect", _settings)
        event.listen(engine, "begin", _begin)
    else:
        plugins.need("psycopg")
        engine = create_engine(url)
    try:
        with border(url):
            _to_head(engine, url)
    except BaseException:
        engine.dispose()
        raise
    return engine


def writing(engine: Engine) -> Engine:
    """The same engine for transactions that write: on SQLite they take the lock first, so they cannot deadlock."""
    return engine.execution_options(begin="BEGIN IMMEDIATE")


@contextmanager
def border(url: URL) -> Iterator[None]:
    """Turns what a database or the system raises into one sentence."""
    try:
        yield
    except exc.DBAPIError as error:
        raise _in_our_words(url, str(error.orig), error) from error
    except (OSError, sqlite3.Error) as error:
        raise _in_our_words(url, str(error), error) from error


def _in_our_words(url: URL, said: str, error: BaseException) -> StoreError:
    for sign, sentence, hint in _SAYINGS:
        if sign in said.lower():
            return StoreError(f"the store {shown(url)}: {sentence}", hint=hint)
    return StoreError(f"the store {shown(url)}: {said.splitlines()[0] if said else type(error).__name__}")


# --------------------------------------------------------------------------------------------------- SQLite


def _private_file(url: URL) -> None:
    """Create a new store readable by its owner only; SQLite gives its side files the same mode."""
    if not url.database or url.database == ":memory:" or url.query:
        return
    path = Path(url.database)
    with border(url):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


def _settings(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # BEGIN is ours, so that tables are created inside transactions too
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
    cursor.execute("PRAGMA synchronous = NORMAL")  # safe against a killed process; a power cut may lose the last moment
    _write_ahead(cursor)
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    """Turn the write-ahead log on. Turning it on does not wait for others by itself, so we do."""
    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


# --------------------------------------------------------------------------------------------------- revisions


def _to_head(engine: Engine, url: URL) -> None:
    """Bring the tables to this version's revision. Alembic is only loaded when there is something to do."""
    with engine.connect() as connection:
        if _revision(connection, url) == HEAD:
            return
    with writing(engine).begin() as connection:
        if _revision(connection, url) != HEAD:  # another process may have been faster
            _upgrade(connection)


def _revision(connection: Connection, url: URL) -> str | None:
    """The revision of the tables; None for an empty database."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" not in tables:
        if tables:
            raise StoreError(f"{shown(url)} is a database, but not an EdgeBench store", hint="name another file")
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    if revision is not None and revision not in REVISIONS:
        raise StoreError(f"the store {shown(url)} was written by a newer version of EdgeBench", hint=_NEWER)
    return revision


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = str(Path(__file__).parent / "migrations")
    config.set_main_option("script_location", folder.replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
