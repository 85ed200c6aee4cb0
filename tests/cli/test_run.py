"""``run`` and ``demo`` as a person meets them."""

from __future__ import annotations

import io
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
from edgebench.cli import demo
from edgebench.cli.progress import Line
from edgebench.plan import load_plan

PLAN = """\
question: Does it run?
workload: {{builtin: support-triage, items: {items}}}
targets:
  good: {{kind: fake, options: {{latency_ms: {ms}, accuracy: 0.9}}}}
  poor: {{kind: fake, options: {{latency_ms: {ms}, accuracy: 0.5}}}}
objectives: [accuracy, p50_ms]
"""
MEASURED = (0, 5)  # 5: it measured, on a machine too busy to trust


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    return tmp_path


def written(items: int = 12, ms: float = 1.0, more: str = "") -> str:
    Path("plan.yaml").write_text(PLAN.format(items=items, ms=ms) + more, encoding="utf-8")
    return "plan.yaml"


def read(capsys: pytest.CaptureFixture[str]) -> Mapping[str, Any]:
    return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]


def test_a_plan_is_run_and_the_page_is_where_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """Table, recommendation and page; JSON for machines says the same."""
    assert cli.main(["run", written(), "--out", "page.html"]) in MEASURED
    out = capsys.readouterr().out
    assert "Does it run?" in out
    assert "page: page.html" in out
    assert Path("page.html").stat().st_size > 100_000
    assert cli.main(["run", "plan.yaml", "--no-page", "--json"]) in MEASURED
    assert read(capsys)["ended"] == "complete"


def test_a_budget_stops_it_and_the_same_command_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """What was not asked is said; typed again it goes on in the same run."""
    written(items=20, ms=40.0, more="budget: {minutes: 0.015}\n")
    assert cli.main(["run", "plan.yaml", "--no-page", "--json"]) in MEASURED
    first = read(capsys)
    assert first["ended"] == "budget: minutes"
    assert sum(first["conclusion"]["summary"]["not_issued"].values()) > 0
    written(items=20, ms=40.0)
    assert cli.main(["run", "plan.yaml", "--no-page", "--json"]) in MEASURED
    second = read(capsys)
    assert (second["run"], second["ended"]) == (first["run"], "complete")
    assert sum(arm["requests"] for arm in second["conclusion"]["summary"]["arms"]) == 40


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for children")
def test_ctrl_c_exits_with_130_and_keeps_what_was_answered(capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence says how to go on; going on repeats nothing."""
    written(items=40, ms=40.0)
    command = [sys.executable, "-m", "edgebench", "run", "plan.yaml", "--no-page", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        process.stderr.readline()  # the first line of progress: it has begun
        os.kill(process.pid, signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    assert cli.main(["run", "plan.yaml", "--no-page", "--json"]) in MEASURED
    assert sum(arm["requests"] for arm in read(capsys)["conclusion"]["summary"]["arms"]) == 80


def test_nothing_answered_is_said_with_exit_code_5(capsys: pytest.CaptureFixture[str]) -> None:
    """A target that refuses everything: the failures are counted, nothing is recommended."""
    Path("plan.yaml").write_text(
        "question: Which one\nworkload: {builtin: support-triage, items: 8}\n"
        "targets:\n  bad: {kind: fake, options: {failure_rate: 1.0, failure: malformed}}\n",
        encoding="utf-8",
    )
    assert cli.main(["run", "plan.yaml", "--no-page"]) == 5
    assert "no request was answered" in capsys.readouterr().err.lower()


def test_a_missing_key_is_one_sentence_before_anything_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    """The variable is named; nothing is stored."""
    Path("plan.yaml").write_text(
        "question: Which one\nworkload: {builtin: support-triage, items: 4}\n"
        "targets:\n  api: {kind: openai, model: m, base_url: 'https://api.example.org/v1', key: SOME_API_KEY}\n",
        encoding="utf-8",
    )
    assert cli.main(["run", "plan.yaml"]) == 2
    assert "SOME_API_KEY, which is not set" in capsys.readouterr().err
    assert cli.main(["runs", "list", "--json"]) == 0
    assert read(capsys) == []


def test_an_unconfirmed_pair_of_key_and_host_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a person to ask, --yes is needed; the key itself is never printed."""
    test_a_missing_key_is_one_sentence_before_anything_is_sent(capsys)
    monkeypatch.setenv("SOME_API_KEY", "sk-very-secret")
    assert cli.main(["run", "plan.yaml"]) == 2
    said = capsys.readouterr().err
    assert "would be sent to api.example.org" in said
    assert "--yes" in said
    assert "very-secret" not in said


def test_the_demo_sizes_itself_to_the_machine() -> None:
    """Items shrink until the time fits; quick targets pass over them more often."""
    plan = load_plan("demo")
    slow = {name: demo.Pace(2.0, 1.0) for name in plan.targets}
    quick = slow | {"minilm": demo.Pace(0.01, 0.5)}
    assert demo.sized(plan, slow, 2.5).workload.items == demo.FEWEST
    sized = demo.sized(plan, {name: demo.Pace(0.01, 0.5) for name in plan.targets}, 2.5)
    assert sized.workload.items == demo.MOST
    targets = demo.sized(plan, quick, 2.5).targets
    assert (targets["minilm"].repeats, targets["smollm2-q4"].repeats) == (demo.PASSES, 1)


def test_without_a_key_a_stand_in_takes_the_seat_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """No key, no cloud; with a key and the person's yes, the API takes the seat instead of the stand-in."""
    plan = load_plan("demo")
    assert demo.seated(plan, "gpt-4o-mini", stand_in=False, agreed=True) is plan
    assert "it is a stand-in, not a cloud" in capsys.readouterr().err


def test_with_a_key_the_api_takes_the_seat(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in is gone, the API is asked with the key's name, never the key."""
    monkeypatch.setenv(demo.KEY, "sk-very-secret")
    plan = demo.seated(load_plan("demo"), "gpt-4o-mini", stand_in=False, agreed=True)
    assert demo.SEAT not in plan.targets
    assert plan.targets["gpt-4o-mini"].key == demo.KEY
    assert "very-secret" not in repr(plan)


def test_progress_is_one_line_and_silent_inside_trials_of_several_users() -> None:
    """With one user it speaks between requests; with several only when a trial begins, or at the end."""
    stream = io.StringIO()
    line = Line(users=3, stream=stream)
    for done in range(10):
        line(done, 10, "a · zero-shot")
    assert stream.getvalue().splitlines() == ["0/10 requests · a · zero-shot"]
