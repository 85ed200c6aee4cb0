"""``edgebench device`` and ``edgebench project`` as a person types them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgebench import catalog, cli
from edgebench.meters import bandwidth, device
from edgebench.metrics.devices import OWNED, load_device
from edgebench.records import Run
from edgebench.store import open_store
from tests import builders


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and a probe that takes a tenth of its time."""
    monkeypatch.setenv("EDGEBENCH_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    real_probe, real_clock = bandwidth.probe, device.clock
    monkeypatch.setattr(bandwidth, "probe", lambda: real_probe(budget_s=0.2, array_bytes=2**24))
    monkeypatch.setattr(device, "clock", lambda: real_clock(busy_s=0.05))
    return tmp_path


def test_a_written_profile_is_one_of_the_shelf(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was measured says so; what was copied keeps its kind and names where it is from."""
    assert cli.main(["device", "--write", "mine", "--like", "pi-5-8gb"]) == 0
    assert "device: mine" in capsys.readouterr().err
    mine, like = load_device("mine"), load_device("pi-5-8gb")
    for name in ("memcpy_gb_s", "read_gb_s", "ram_gib"):
        assert mine.figures[name].kind == "measured"
        assert mine.figures[name].source.startswith("measured by edgebench device on this machine")
    assert mine["price_usd"] == like["price_usd"] and mine.figures["price_usd"].kind == like.figures["price_usd"].kind
    assert mine.figures["price_usd"].source.startswith("copied from pi-5-8gb: ")
    assert "memory_gb_s" not in mine.figures  # the peak of another machine is not this one's


def test_a_rented_machine_is_copied_as_rented(home: Path) -> None:
    """Its rent instead of a price."""
    assert cli.main(["device", "--write", "mine", "--like", "cloud-vm-small"]) == 0
    mine = load_device("mine")
    assert mine["usd_per_hour"] == load_device("cloud-vm-small")["usd_per_hour"] and "price_usd" not in mine.figures


def test_json_tells_every_fact_with_how_it_is_known(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Absent ones too."""
    assert cli.main(["device", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["written"] is None and said["bandwidth"]["copy_gb_s"]["1"] > 0
    assert all(fact["how"] for fact in said["facts"])
    assert {"model", "cores", "clock_ghz", "memcpy_gb_s", "temperature", "throttling"} <= {
        f["name"] for f in said["facts"]
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--write", "mine"], "cannot be measured here"),
        (["--write", "../mine", "--like", "pi-5-8gb"], "cannot be a profile's name"),
        (["--write", "mine", "--like", "pi-6"], "did you mean"),
        (["--like", "pi-5-8gb"], "--write NAME"),
    ],
)
def test_a_mistake_is_told_before_anything_is_measured(
    home: Path, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    """One sentence, exit 2, nothing written."""
    assert cli.main(["device", *words]) == 2
    shown = capsys.readouterr().err
    assert told in shown and "measuring" not in shown
    assert not (home / "devices").exists()


def test_a_profile_is_not_overwritten_unasked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Figures of one's own are in it."""
    assert cli.main(["device", "--write", "mine", "--like", "pi-5-8gb"]) == 0
    assert cli.main(["device", "--write", "mine", "--like", "x86-laptop"]) == 2
    assert "--force" in capsys.readouterr().err
    assert cli.main(["device", "--write", "mine", "--like", "x86-laptop", "--force"]) == 0
    assert load_device("mine")["price_usd"] == load_device("x86-laptop")["price_usd"]


def _profile(home: Path, name: str, *, by: str = "a data sheet", **figures: float) -> None:
    content = catalog.read("devices", "x86-mini-n150")
    sensed = {
        key: {"value": value, "source": by, "date": "2026-11", "kind": "measured"} for key, value in figures.items()
    }
    kept = {key: content["figures"][key] for key in OWNED}
    (home / "devices").mkdir(exist_ok=True)
    (home / "devices" / f"{name}.yaml").write_text(yaml.safe_dump({"title": name, "figures": {**kept, **sensed}}))


def _stored(home: Path, placement: str = "device") -> Run:
    made = builders.run({"local": builders.Arm(placement=placement)}, items=120)  # type: ignore[arg-type]
    made = replace(made, identities={"local": replace(made.identities["local"], engine="llama.cpp")})
    store = open_store(str(home / "store.db"))
    store.begin(made.id, made.plan, made.workload, made.trials, created_at=made.created_at)
    for segment in made.segments:
        store.add_segment(made.id, segment)
    for identity in made.identities.values():
        store.set_identity(made.id, identity)
    store.append(made.id, made.records)
    store.add_readings(made.id, made.readings)
    store.add_scores(made.id, made.scores)
    store.close()
    return made


THERE = {"memory_gb_s": 10, "cores": 4, "clock_ghz": 2, "ram_gib": 8}


def test_a_run_is_projected_from_the_profile_measured_here(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Measured beside projected, each marked; it goes from the newest profile that edgebench device wrote."""
    _stored(home)
    _profile(home, "there", **THERE)
    _profile(home, "stranger", memory_gb_s=99, cores=2, clock_ghz=4, ram_gib=8)
    _profile(
        home,
        "mine",
        by="measured by edgebench device on this machine: x",
        read_gb_s=20,
        cores=2,
        clock_ghz=4,
        ram_gib=8,
    )
    assert cli.main(["project", "--device", "there"]) == 0
    shown = capsys.readouterr().out
    assert "measured on mine, *projected* onto there" in shown
    assert shown.count("*projected*") >= 5 and "latency p95" in shown and "fits" in shown
    assert cli.main(["project", "--device", "there", "--from", "stranger", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["here"] == "stranger" and said["arms"][0]["there"]["p50_ms"]["provenance"] == "projected"


def test_without_a_bandwidth_one_sentence_says_what_to_type(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a profile that cannot be of the run's machine is not taken by itself."""
    _stored(home)
    _profile(home, "there", **THERE)
    assert cli.main(["project", "--device", "there"]) == 2
    assert "edgebench device --write this-machine --like x86-laptop" in capsys.readouterr().err
    _profile(home, "mine", by="measured by edgebench device on this machine: x", read_gb_s=20, cores=32, clock_ghz=4)
    assert cli.main(["project", "--device", "there"]) == 2
    assert "mine has 32 cores" in capsys.readouterr().err


def test_a_run_of_hosted_arms_is_left_and_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where an API is asked from changes nothing about it here."""
    _stored(home, "hosted")
    _profile(home, "there", **THERE)
    assert cli.main(["project", "--device", "there", "--from", "there"]) == 0
    assert "left: local · zero-shot: hosted" in capsys.readouterr().out
