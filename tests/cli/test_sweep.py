"""``sweep`` and ``run --aa`` as a person meets them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from edgebench import cli
from edgebench.cli.sweep import Line, headline, limits_of, why
from edgebench.errors import GateFailed, GateUndecided, NothingRan
from edgebench.metrics import verdict
from edgebench.records import SLO
from edgebench.run.points import Load
from edgebench.run.sweep import Found, Point

PLAN = """\
question: How many?
workload: {builtin: support-triage, items: 100}
targets:
  free: {kind: fake, options: {latency_ms: 2}}
  serial: {kind: fake, options: {latency_ms: 20, at_once: 1}}
"""
SLOS = "slos: [{metric: p95_ms, max: 400}, {metric: accuracy, min: 0.5}]\n"
LOAD = Load("serial", (SLO("p95_ms", max=200.0),))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    Path("plan.yaml").write_text(PLAN + SLOS, encoding="utf-8")
    return tmp_path


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose own noise is let pass, so that what is tested is the sweep."""
    monkeypatch.setattr(verdict, "LAG_FLOOR_MS", 10_000.0)
    monkeypatch.setattr(verdict, "OTHERS_MOST", 1.1)
    monkeypatch.setattr(verdict, "STOLEN_MOST", 1.1)
    monkeypatch.setattr("edgebench.run.points.REST_S", 0.0)


def read(capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


@pytest.mark.usefixtures("trusted")
def test_a_range_that_is_met_throughout_ends_at_its_top(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0, the table, each point a stored run that can be opened."""
    command = ["sweep", "plan.yaml", "--target", "free", "--from", "100", "--to", "150", "--seconds", "0.5"]
    assert cli.main([*command, "--slo", "p50_ms=400", "--out", "best.html"]) == 0
    out = capsys.readouterr().out
    assert "free keeps p50_ms ≤ 400 up to 150 requests a second (poisson): met at 150/s" in out
    assert "--to goes higher" in out
    assert "at least 5 requests" in out
    assert Path("best.html").stat().st_size > 100_000
    assert cli.main(["runs", "list", "--json"]) == 0
    runs = read(capsys)
    assert all(run["question"].startswith("Sweep: ") for run in runs)  # type: ignore[index]
    assert f"edgebench report {runs[0]['id']}" in out  # type: ignore[index]


@pytest.mark.usefixtures("trusted")
def test_overload_is_missed_and_stops_early(capsys: pytest.CaptureFixture[str]) -> None:
    """A server of 50 a second is asked for 150: the point ends when it is certain, and exit code 3 says so."""
    command = ["sweep", "plan.yaml", "--target", "serial", "--slo", "p95_ms=60", "--json"]
    assert cli.main([*command, "--from", "150", "--to", "160", "--seconds", "3"]) == 3
    found = read(capsys)
    (point,) = found["points"]
    assert "load does not change it: accuracy" not in capsys.readouterr().err
    assert (found["rate"], found["why"], point["verdict"]) == (None, "floor", "missed")
    assert point["n"] < 400  # of 499 planned
    assert point["delivered"] < 60


@pytest.mark.usefixtures("trusted")
def test_a_failing_target_is_told_by_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing answered at all: exit code 5, with the first message."""
    bad = "  bad: {kind: fake, options: {failure_rate: 1.0, failure: malformed}}\n"
    Path("plan.yaml").write_text(PLAN + bad + SLOS, encoding="utf-8")
    assert cli.main(["sweep", "plan.yaml", "--target", "bad"]) == 5
    assert "bad answered nothing: a failure that was asked for" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said", "hint"),
    [
        (["--target", "serail"], "names no target 'serail'", "did you mean 'serial'?"),
        (["--target", "free", "--slo", "accuracy=0.9"], "load does not change accuracy", "p95_ms=300"),
        (["--target", "free", "--slo", "p95_sm=3"], "no metric is called 'p95_sm'", "did you mean 'p95_ms'?"),
        (["--target", "free", "--slo", "p95_ms"], "is not METRIC=LIMIT", "--slo p95_ms=300"),
        (["--target", "free", "--slo", "p95_ms=fast"], "is not METRIC=LIMIT", "--slo p95_ms=300"),
        (["--target", "free", "--slo", "failure_rate=5"], "between 0 and 1", "failure_rate=0.01"),
        (["--target", "free", "--from", "20", "--to", "20"], "--from 20 must be below --to 20", "--to 80"),
        (["--target", "free", "--from", "2000"], "--from 2000 must be below --to 1000", "--to 8000"),
        (["--target", "free", "--from", "-1"], "--from must be above 0, not -1", "--from 20"),
        (["--target", "free", "--to", "0"], "--to must be above 0, not 0", "--to 20"),
        (["--target", "free", "--to", "nan"], "--to must be above 0, not nan", "--to 20"),
        (["--target", "free", "--seconds", "0"], "--seconds must be above 0, not 0", "--seconds 20"),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_sent(
    options: list[str], said: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong and what to type; nothing is stored."""
    assert cli.main(["sweep", "plan.yaml", *options]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert hint in err
    assert cli.main(["runs", "list", "--json"]) == 0
    assert read(capsys) == []


@pytest.mark.parametrize("slos", ["", "slos: [{metric: accuracy, min: 0.5}]\n"])
def test_a_plan_without_an_slo_of_time_says_how_to_give_one(slos: str, capsys: pytest.CaptureFixture[str]) -> None:
    """No SLO, or only one that load cannot change."""
    Path("plan.yaml").write_text(PLAN + slos, encoding="utf-8")
    assert cli.main(["sweep", "plan.yaml", "--target", "free"]) == 2
    err = capsys.readouterr().err
    assert "no SLO that a rate could miss" in err
    assert "--slo p95_ms=300" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for children")
def test_ctrl_c_keeps_the_points_and_exits_with_130() -> None:
    """Interrupted in the second run: no traceback, the answer so far, the records are kept."""
    command = [sys.executable, "-m", "edgebench", "sweep", "plan.yaml", "--target", "serial", "--to", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        while "now 2/s" not in process.stderr.readline():
            pass
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "it was interrupted" in out


def test_without_a_range_it_looks_around_what_one_user_gets() -> None:
    """Half of one user's throughput to begin with, a quarter of that as the floor."""
    limits = limits_of(0.05, None, None)
    assert (limits.low, limits.start, limits.high) == (2.5, 10.0, 1000.0)
    within = limits_of(0.05, 20.0, 40.0)
    assert (within.low, within.start, within.high) == (20.0, 20.0, 40.0)
    assert limits_of(0.05, 1.0, 4.0).start == 4.0


def point(rate: float, verdict: str, reason: str = "because") -> Point:
    return Point(rate, verdict, reason)  # type: ignore[arg-type]


def test_the_answer_names_its_bracket_and_why_it_ended() -> None:
    """Met at one rate, missed at the next; a client's own saturation is told apart from the target's."""
    found = Found("resolved", (point(10, "met"), point(20, "missed")))
    assert headline(found, LOAD).endswith("(poisson): met at 10/s, missed at 20/s")
    client = Found("resolved", (point(10, "met"), point(20, "invalid", "sent late")))
    assert "this client's saturation point, not the target's" in why(client)
    assert "sent late" in why(client)
    assert "No rate was found" in headline(Found("floor", (point(1, "missed"),)), LOAD)
    assert "Nothing was measured" in headline(Found("interrupted", ()), LOAD)


@pytest.mark.parametrize(
    ("ended", "verdicts", "expected"),
    [
        ("resolved", ["met", "missed"], 0),
        ("points", ["met", "missed"], 0),
        ("interrupted", ["met"], cli.INTERRUPTED),
        ("floor", ["missed"], GateFailed),
        ("floor", ["undecided"], GateUndecided),
        ("budget: minutes", ["missed"], GateUndecided),
        ("invalid", ["invalid"], NothingRan),
    ],
)
def test_the_exit_code_says_what_is_known(ended: str, verdicts: list[str], expected: Any) -> None:
    """0 found, 3 even the lowest misses, 4 undecided, 5 nothing to trust, 130 interrupted."""
    from edgebench.cli.sweep import conclude

    found = Found(ended, tuple(point(10.0 * (k + 1), word) for k, word in enumerate(verdicts)))
    if isinstance(expected, int):
        assert conclude(found, LOAD) == expected
    else:
        with pytest.raises(expected):
            conclude(found, LOAD)


def test_progress_is_one_line_that_tells_what_was_met(capsys: pytest.CaptureFixture[str]) -> None:
    """Before each point: how far it has come, what comes and how long it takes."""
    line = Line()
    line(8.0, 160, 20.0)
    line.measured(point(8, "met"))
    line(16.0, 320, 20.0)
    assert capsys.readouterr().err.splitlines() == [
        "now 8/s: 160 requests, about 20 s",
        "met at 8/s · now 16/s: 320 requests, about 20 s",
    ]


# --------------------------------------------------------------------------------------------------- run --aa


def test_a_target_against_itself_says_that_nothing_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Two arms of one spec; the terminal and the page say it in the same words."""
    code = cli.main(["run", "plan.yaml", "--aa", "free", "--out", "page.html"])
    assert code in (0, 3, 5)  # 3: one honest run in twenty finds one; 5: a machine too busy to trust
    out = capsys.readouterr().out
    assert "free against itself" in out
    said = next(line for line in out.splitlines() if "difference was found between free and itself" in line)
    assert said.strip() in Path("page.html").read_text(encoding="utf-8")
    assert said.startswith("No difference") == (code == 0) or code == 5
    assert cli.main(["run", "plan.yaml", "--aa", "fre"]) == 2
    assert "did you mean 'free'?" in capsys.readouterr().err
