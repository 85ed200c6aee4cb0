"""``edgebench frontier``: any number of objectives, what was dropped, what answers are worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edgebench import cli
from edgebench.records import Utilities
from edgebench.store import open_store
from tests import builders
from tests.builders import Arm


@pytest.fixture(autouse=True)
def stored(own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with utilities (aaaa) and one without (bbbb)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    arms = {"edge": Arm(0.8, 20), "slow": Arm(0.95, 200), "worse": Arm(0.5, 300), "seat": Arm(placement="stand-in")}
    with open_store(own_home / "store.db") as store:
        worth = Utilities(0.02, 0.4, 0.001)
        store.add_run(builders.run(arms, items=120, run_id="aaaa1111", device="pi-5-8gb", utilities=worth))
        store.add_run(builders.run({"edge": arms["edge"]}, items=60, run_id="bbbb2222"))


def found(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert cli.main(["frontier", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def objectives(*names: str) -> tuple[str, ...]:
    return tuple(word for name in names for word in ("--objective", name))


def test_seven_objectives_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Loss, two latencies, TTFT, memory and energy together; what an arm lacks is dropped for all, with its reason."""
    names = ("loss_per_1k", "p50_ms", "p90_ms", "ttft_p50_ms", "peak_mib", "usd_per_1k", "joules_per_request")
    one = found(capsys, "aaaa", *objectives(*names))
    assert one["objectives"] == ["loss_per_1k", "p50_ms", "p90_ms", "ttft_p50_ms", "peak_mib"]
    assert set(one["dropped"]) == {"usd_per_1k", "joules_per_request"}
    assert "seat · zero-shot (a stand-in)" in one["dropped"]["usd_per_1k"]
    assert {member["verdict"] for member in one["members"]} <= {"on", "ambiguous", "dominated"}
    assert all(0 <= member["probability"] <= 1 for member in one["members"])


def test_json_holds_all_that_the_front_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    """Every number with its interval, the bare front beside the probable one, utilities and their exchange."""
    one = found(capsys, "aaaa", *objectives("accuracy", "p50_ms"))
    assert {member["arm"]: member["verdict"] for member in one["members"]}["worse · zero-shot"] == "dominated"
    assert (
        "worse · zero-shot" not in one["on_front_by_estimates"] and "slow · zero-shot" in one["on_front_by_estimates"]
    )
    assert set(one["arms"]["edge · zero-shot"]) == {"accuracy", "p50_ms", "loss_per_1k", "value_per_1k"}
    assert one["arms"]["seat · zero-shot"]["value_per_1k"]["why_absent"].startswith("what its requests cost")
    assert one["arms"]["edge · zero-shot"]["accuracy"]["low"] is not None
    assert one["utilities"] == {"right_usd": 0.02, "wrong_usd": 0.4, "second_usd": 0.001}
    assert one["exchange"] == {"usd_per_point": pytest.approx(4.2), "ms_per_point": pytest.approx(4200)}
    assert one["verdict"] == "VALID" and one["run"] == "aaaa1111"


@pytest.mark.parametrize(
    "words",
    [
        ("--utility", "right=0.1", "wrong=0.9", "second=0.01", "aaaa"),
        ("aaaa", "--utility", "right=0.1", "--utility", "wrong=0.9", "--utility", "second=0.01"),
        ("aaaa", "--utility", "right=0.1,wrong=0.9 second=0.01"),
    ],
)
def test_utilities_can_be_others_than_the_plans(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other behind one --utility, or each behind its own."""
    one = found(capsys, *words)
    assert one["utilities"] == {"right_usd": 0.1, "wrong_usd": 0.9, "second_usd": 0.01}
    assert one["exchange"]["ms_per_point"] == pytest.approx(1000)


def test_one_class_of_stakes_can_be_changed(capsys: pytest.CaptureFixture[str]) -> None:
    """Above one figure for all the others keep it; above nothing the others stay undeclared, and the loss absent."""
    one = found(capsys, "aaaa", "--utility", "wrong.4=2")
    assert one["utilities"]["wrong_usd"] == {"1": 0.4, "2": 0.4, "3": 0.4, "4": 2.0}
    bare = found(capsys, "bbbb", "--utility", "wrong.4=2", *objectives("accuracy", "loss_per_1k"))
    assert bare["utilities"]["wrong_usd"] == {"4": 2.0} and bare["objectives"] == ["accuracy"]
    assert "not for 45 of 60 requests" in bare["dropped"]["loss_per_1k"]


def test_people_read_the_worth_and_the_exchange(capsys: pytest.CaptureFixture[str]) -> None:
    """The expected loss stands beside the objectives; a point of accuracy has its price in dollars and milliseconds."""
    assert cli.main(["frontier", "aaaa"]) == 0
    out = capsys.readouterr().out
    assert "loss_per_1k" in out and "dropped for all: usd_per_1k" in out
    assert "a point of accuracy is worth $4.20 per 1,000 requests" in out and "as much as 4,200 ms" in out
    assert cli.main(["frontier", "bbbb"]) == 0
    assert "worth" not in capsys.readouterr().out


@pytest.mark.parametrize("words", [("--utility", "wrnog=1"), ("--utility", "right=x"), ("--utility", "wrong=-1"),
                                   ("--utility", "wrong.5=1"), ("--objective", "acuracy")])  # fmt: skip
def test_mistakes_of_use(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and a hint."""
    assert cli.main(["frontier", "aaaa", *words]) == 2
    assert "hint:" in capsys.readouterr().err
