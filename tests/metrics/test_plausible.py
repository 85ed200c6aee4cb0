"""Speeds that cannot be true are said, and those that can be, or that nobody can judge, are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgebench import catalog
from edgebench.metrics.devices import OWNED, load_device
from edgebench.metrics.plausible import contradiction, implausible
from edgebench.metrics.summary import summarise
from edgebench.metrics.table import columns
from edgebench.records import Run
from tests import builders

GB = 1_000_000_000


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EDGEBENCH_HOME", str(tmp_path))
    (tmp_path / "devices").mkdir()
    return tmp_path / "devices"


def profile(shelf: Path, kind: str = "measured", **figures: float) -> None:
    content = catalog.read("devices", "x86-laptop")
    kept = {key: content["figures"][key] for key in OWNED}
    for name, value in figures.items():
        kept[name] = {"value": value, "source": "a test", "date": "2026-11", "kind": kind}
    (shelf / "bench.yaml").write_text(yaml.safe_dump({"title": "bench", "figures": kept}))


def run(tok_s: float, file_gb: float = 2.0, placement: str = "device", scenario: str = "closed(1)") -> Run:
    """One arm that decodes two tokens after the first at that speed, without spread."""
    arm = builders.Arm(median_ms=2 * 2000 / tok_s, spread=0.0, placement=placement)  # type: ignore[arg-type]
    made = builders.run({"local": arm}, items=24, device="bench")
    identity = replace(made.identities["local"], file_bytes=int(file_gb * GB))
    trials = tuple(replace(trial, scenario=scenario) for trial in made.trials)
    return replace(made, identities={"local": identity}, trials=trials)


def said(made: Run) -> str | None:
    return implausible(made, columns(made)["local · zero-shot"])


def test_a_speed_above_the_roofline_is_too_fast_to_be_true(shelf: Path) -> None:
    """20 tok/s of 2 GB is 40 GB/s: not out of a memory of 30; but well within one of 60. It reaches the summary."""
    profile(shelf, memory_gb_s=30)
    assert "too fast to be true" in (said(run(20)) or "")
    assert any("too fast to be true" in line for line in summarise(run(20), draws=50).warnings)
    profile(shelf, memory_gb_s=60)
    assert said(run(20)) is None


def test_a_speed_far_below_it_is_suspiciously_slow(shelf: Path) -> None:
    """1 tok/s of 2 GB out of 20 GB/s is a tenth; 2 tok/s a fifth."""
    profile(shelf, memory_gb_s=20)
    assert "suspiciously slow" in (said(run(1)) or "")
    assert said(run(2)) is None


def test_a_measured_bandwidth_goes_before_the_peak(shelf: Path) -> None:
    """A copy counts two thirds of what the bus carries, so decoding may exceed it by near half, and no more."""
    profile(shelf, memory_gb_s=1000, memcpy_gb_s=30)
    assert said(run(20)) is None
    assert "memcpy_gb_s of bench" in (said(run(23)) or "")
    profile(shelf, memory_gb_s=1000, read_gb_s=30)
    assert "read_gb_s of bench" in (said(run(20)) or "")


def test_a_copy_someone_published_is_no_bound(shelf: Path) -> None:
    """It is one thread's: an engine with four may well read twice as fast. The peak bounds it."""
    profile(shelf, kind="published", memory_gb_s=60, memcpy_gb_s=10)
    assert said(run(20)) is None


def test_what_nobody_can_judge_is_not_flagged(shelf: Path) -> None:
    """No bandwidth; a file that fits a cache; an API; several users; no profile; a profile of another machine."""
    profile(shelf)
    assert said(run(20)) is None
    profile(shelf, memory_gb_s=3)
    assert said(run(20)) is not None
    assert said(run(200, file_gb=0.098)) is None
    assert said(run(20, placement="hosted")) is None
    assert said(run(20, scenario="closed(4)")) is None
    nowhere = run(20)
    assert said(replace(nowhere, plan=replace(nowhere.plan, device=None))) is None
    assert said(replace(nowhere, plan=replace(nowhere.plan, device="gone"))) is None
    profile(shelf, memory_gb_s=3, cores=64)
    assert said(run(20)) is None


def test_a_profile_that_cannot_be_of_the_machine_is_told_apart(shelf: Path) -> None:
    """Two threads a core and memory the system keeps are no contradiction; other counts are."""
    profile(shelf, cores=4, ram_gib=8)
    bench = load_device("bench")
    for cores, gib in ((4, 7.6), (8, 7.9)):
        assert contradiction(bench, {"cores": cores, "memory_bytes": gib * 2**30}) is None
    assert "4 cores" in (contradiction(bench, {"cores": 2, "memory_bytes": 8 * 2**30}) or "")
    assert "GiB" in (contradiction(bench, {"cores": 4, "memory_bytes": 24 * 2**30}) or "")
    assert contradiction(bench, {}) is None
