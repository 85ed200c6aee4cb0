"""Frozen rates rest with their run: through reopening, old stores, bundles, merges and deletion."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

import edgebench.store.opening
from edgebench.errors import StoreError
from edgebench.records import FrozenRate, Rate, RateCard, RateStep, Run, TargetSpec
from edgebench.store import open_store
from edgebench.store.bundle import read_bundle, write_bundle
from edgebench.store.codec import decode, dumps, encode, loads
from edgebench.store.interchange import export_jsonl, merge
from edgebench.store.opening import connect, locate, writing
from edgebench.store.schema import HEAD
from tests.builders import Arm, run
from tests.store.test_bundle import parts, rebuild

CARD = RateCard(
    input=Rate(Decimal("0.27"), (RateStep(200_000, Decimal("0.5")),)),
    output=Rate(Decimal("1.10")),
    cached=None,
    reasoning=None,
    request_usd=Decimal(0),
    provider="deepseek",
    model="deepseek-chat",
    listed="genai-prices 0.2.3",
    as_of="2026-09-21T16:00Z",
    notes=("batch: context not priced, the standard rates are charged",),
)
HOUR = 1_790_000_000 // 3600 * 3600
RATES = (
    FrozenRate("api", "", HOUR, CARD),
    FrozenRate("api", "", HOUR + 1800, replace(CARD, input=Rate(Decimal("0.135")))),
    FrozenRate("api", "deepseek-v9", HOUR, None, "deepseek-v9 is in no price list"),
)


def a_run(run_id: str = "r1") -> Run:
    return replace(run({"api": Arm(placement="hosted", kind="openai")}, items=12, run_id=run_id), rates=RATES)


def test_a_frozen_rate_survives_json() -> None:
    """Every decimal as it was written."""
    for rate in RATES:
        assert decode(FrozenRate, loads(dumps(encode(rate)))) == rate


def test_rates_are_kept_and_never_changed(tmp_path: Path) -> None:
    """Said again, the first one holds; the file refuses an update; they go with their run, and stay when redacted."""
    made = a_run()
    with open_store(tmp_path / "runs.db") as store:
        store.add_run(replace(made, rates=()))
        store.add_rates(made.id, RATES[:1])
        store.add_rates(made.id, [replace(RATES[0], card=None, why="later"), *RATES[1:]])
        assert store.load(made.id).rates == RATES
        store.redact(made.id, "hash")
        assert store.load(made.id).rates == RATES
        with sqlite3.connect(tmp_path / "runs.db") as connection, pytest.raises(sqlite3.Error, match="written once"):
            connection.execute("UPDATE rates SET body = '{}'")
        connection.close()
        store.delete(made.id)
        with sqlite3.connect(tmp_path / "runs.db") as connection:
            assert connection.execute("SELECT count(*) FROM rates").fetchone() == (0,)
        connection.close()


def an_old_store(place: Path, made: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store as the first version made it: its migrations, its tables, its rows."""
    new = place.with_name("new.db")
    with open_store(new) as store:
        store.add_run(replace(made, rates=()))

    def first(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(edgebench.store.opening.__file__).parent / "migrations"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    with monkeypatch.context() as patched:
        patched.setattr(edgebench.store.opening, "_upgrade", first)
        engine = connect(locate(place))
    with writing(engine).connect() as connection:
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    engine.dispose()
    assert "rates" not in tables
    old = sqlite3.connect(place)
    old.execute("ATTACH ? AS new", (str(new),))
    for table in ("runs", "trials", "segments", "identities", "texts", "records", "calls", "readings", "scores"):
        old.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")  # noqa: S608 - the names are ours
    old.commit()
    old.close()


def test_a_store_of_the_first_version_opens_and_takes_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runs are as they were, without rates; new ones are kept, and are as unchangeable as in a new store."""
    made, place = a_run(), tmp_path / "old.db"
    an_old_store(place, made, monkeypatch)
    connection = sqlite3.connect(place)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
    with open_store(place) as store:
        assert store.load(made.id) == replace(made, rates=())
        store.add_rates(made.id, RATES)
        assert store.load(made.id).rates == RATES
    assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)
    with pytest.raises(sqlite3.Error, match="written once"):
        connection.execute("UPDATE rates SET body = '{}'")
    connection.close()


def test_rates_travel_in_a_bundle(tmp_path: Path) -> None:
    write_bundle(a_run(), [], tmp_path / "run.zip")
    assert read_bundle(tmp_path / "run.zip")[0].rates == RATES


def test_a_bundle_of_the_first_format_is_still_read(tmp_path: Path) -> None:
    """It knew no rates: its run has none, and all the rest."""
    write_bundle(replace(a_run(), scores=()), [], tmp_path / "run.zip")
    members = {name: content for name, content in parts(tmp_path / "run.zip").items() if name != "rates.jsonl"}
    about = json.loads(members["manifest.json"])
    del about["parts"]["rates"]
    members["manifest.json"] = json.dumps(about).encode()
    found, _ = read_bundle(rebuild(tmp_path / "old.zip", members, format=1))
    assert found == replace(a_run(), scores=(), rates=())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rate: rate["card"]["input"].update(usd="-1"), "holds a rate that is no price"),
        (lambda rate: rate["card"]["input"].update(usd="sNaN"), "holds a rate that is no price"),
        (lambda rate: rate["card"].update(request_usd="Infinity"), "holds a rate that is no price"),
        (lambda rate: rate["card"]["input"]["steps"][0].update(usd="-1"), "holds a rate that is no price"),
        (lambda rate: rate["card"].update(request_usd="9e999999"), "holds a rate that is no price"),
        (lambda rate: rate.update(since_s=10**30), "holds a rate of no moment"),
        (lambda rate: rate.update(target="nobody"), "names a target that its plan does not"),
        (lambda rate: rate["card"].update(surcharge="1"), "surcharge is unknown"),
    ],
)
def test_a_strangers_rate_is_checked(tmp_path: Path, change: object, why: str) -> None:
    """A bundle cannot bring in a price below nothing, no number, or a target that is not there."""
    write_bundle(a_run(), [], tmp_path / "run.zip")
    members = parts(tmp_path / "run.zip")
    first, *others = members["rates.jsonl"].splitlines()
    rate = json.loads(first)
    change(rate)  # type: ignore[operator]
    members["rates.jsonl"] = b"\n".join([json.dumps(rate).encode(), *others, b""])
    with pytest.raises(StoreError, match=why):
        read_bundle(rebuild(tmp_path / "bad.zip", members))


def test_a_format_there_never_was_is_refused(tmp_path: Path) -> None:
    write_bundle(a_run(), [], tmp_path / "run.zip")
    with pytest.raises(StoreError, match="a format there never was"):
        read_bundle(rebuild(tmp_path / "run.zip", parts(tmp_path / "run.zip"), format=0))


def test_merged_runs_keep_their_rates_under_their_targets_new_names() -> None:
    """Also what a call says of who answered it, and what a target made of others says of its parts."""
    merged = merge([_with_a_cascade("aaaa"), _with_a_cascade("bbbb")])
    assert {rate.target for rate in merged.rates} == {"api @ test machine #aaaa", "api @ test machine #bbbb"}
    assert len(merged.rates) == 2 * len(RATES)
    assert {call.target for one in merged.records for call in one.calls} == set(merged.identities) - {
        name for name in merged.identities if name.startswith("both")
    }
    both = [spec.options for name, spec in merged.plan.targets.items() if name.startswith("both")]
    assert [options["cloud"] for options in both] == ["api @ test machine #aaaa", "api @ test machine #bbbb"]
    assert [options["edge"] for options in both] == ["nowhere", "nowhere"]


def _with_a_cascade(run_id: str) -> Run:
    made = a_run(run_id)
    both = TargetSpec(kind="cascade", options={"edge": "nowhere", "cloud": "api"})
    calls = tuple(replace(one, calls=tuple(replace(call, target="api") for call in one.calls)) for one in made.records)
    identities = {**made.identities, "both": replace(made.identities["api"], name="both")}
    return replace(
        made, plan=replace(made.plan, targets={**made.plan.targets, "both": both}), records=calls, identities=identities
    )


def test_a_line_of_jsonl_carries_the_rates_of_its_hour(tmp_path: Path) -> None:
    """Complete and faithful: whoever reads the line elsewhere can make the same bill."""
    other = FrozenRate("api", "", HOUR + 3600, CARD)
    export_jsonl(replace(a_run(), rates=(*RATES, other)), tmp_path / "run.jsonl")
    line = json.loads((tmp_path / "run.jsonl").read_text().splitlines()[0])
    assert [decode(FrozenRate, rate) for rate in line["rates"]] == list(RATES)


def test_the_same_run_with_rates_gives_the_same_bundle(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        write_bundle(a_run(), [], tmp_path / name)
    assert len({hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("a.zip", "b.zip")}) == 1
