"""``fit`` as a person meets it."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebench import cli
from edgebench.cli.fit import answer, means, tell
from edgebench.cli.run import limited
from edgebench.plan import load_plan
from edgebench.run.fitting import MIB, Fit, Point, Start, boards
from edgebench.store import open_store
from tests.confining import confined

PLAN = """\
question: Does it fit?
workload: {builtin: support-triage, items: 8}
targets:
  local: {kind: llama.cpp, model: smollm2-135m-q4_1}
  other: {kind: fake}
"""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    Path("plan.yaml").write_text(PLAN, encoding="utf-8")


def made(limit: int | None, below: int | None) -> Fit:
    free = Start(None, (100.0,), 2.0, None, 218 * MIB, 110 * MIB, 108 * MIB, 200 * MIB, 12 * MIB, 0, 0)
    points = (
        Point(100 * MIB, "too small", None, None, None, 0, Start(100 * MIB, failure="out_of_memory: killed")),
        Point(160 * MIB, "fits", 0.991, 0.96, 1.02, 3, free),
    )
    needed = None if limit is None else limit + 12 * MIB
    return Fit("m", "tok/s", 100.0, free, limit, below, points, boards(needed))


def test_the_answer_has_its_bracket_and_says_what_it_means(capsys: pytest.CaptureFixture[str]) -> None:
    """A table of points, one sentence, the boards; the reserve is stated."""
    tell(made(160 * MIB, 150 * MIB))
    out = capsys.readouterr().out
    assert "between 150 and 160 MiB" in out
    assert "out_of_memory: killed" in out and "99.1%" in out and "96.0% … 102.0%" in out
    assert "needed in all: 172 MiB" in out
    assert "1 GB board: fits, 340 MiB to spare" in out
    assert "512 MiB for the board's own system" in out


def test_no_answer_is_said_to_be_none() -> None:
    """And an answer without a lower end has none."""
    assert "no limit that was tried" in answer(made(None, None))
    assert means(made(None, None)) == []
    assert "less was not shown to be too small" in answer(made(160 * MIB, None))


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["smollm2-135m-q4_1", "--plan", "plan.yaml"],
        ["smollm2-135m-q4_1", "--target", "local"],
        ["--plan", "plan.yaml", "--target", "other"],
        ["no-such-card"],
    ],
)
@confined
def test_mistakes_are_one_sentence(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    assert cli.main(["fit", *arguments]) == 2
    assert "Traceback" not in capsys.readouterr().err


@confined
def test_a_limit_is_put_on_what_runs_here_and_makes_another_experiment() -> None:
    """``run --memory-limit``: the fake runs in this very process and has no limit."""
    plan = load_plan(Path("plan.yaml"))
    held = limited(plan, "2GiB")
    assert held.targets["local"].memory_limit == "2GiB"
    assert held.targets["other"].memory_limit is None
    assert held.digest != plan.digest


@confined
def test_a_run_under_a_limit_keeps_what_the_meters_saw(model_files: dict[str, Path]) -> None:
    """From the command line to the store: the limit in force, memory by phase, what the sampler and the host saw."""
    Path("model.gguf").write_bytes(model_files["smollm2"].read_bytes())
    Path("small.yaml").write_text(
        "question: '?'\nworkload: {builtin: support-triage, items: 3}\nblocks: 1\nprompting: [raw]\ntargets:\n"
        "  local: {kind: llama.cpp, file: model.gguf,"
        " options: {n_ctx: 256, batch: 64, threads: 1, constrain: none, max_tokens: 4}}\n",
        encoding="utf-8",
    )
    code = cli.main(["run", "small.yaml", "--no-page", "--memory-limit", "600MiB", "--store", "runs.db"])
    assert code in (0, 5)  # 5: on a machine too busy to trust
    with open_store(Path("runs.db")) as store:
        run = store.load(store.runs()[0]["id"])
    assert run.identities["local"].details["memory_limit_bytes"] == 600 * MIB
    seen = {(one.meter, one.phase, one.quantity) for one in run.readings}
    for phase in ("load", "first", "steady"):
        assert {("memory", phase, f"{name}_bytes") for name in ("peak", "anon", "file", "shared")} <= seen
        assert ("memory", phase, "charged_peak_bytes") in seen
    assert {("sampler", "steady", name) for name in ("samples", "sampler_cpu_seconds", "tree_peak_bytes")} <= seen
    assert {("host", "steady", name) for name in ("other_cpu_seconds", "slept_ns", "wall_step_ns")} <= seen
    charged = max(one.value for one in run.readings if one.quantity == "charged_peak_bytes")
    assert model_files["smollm2"].stat().st_size < charged <= 600 * MIB


@confined
@pytest.mark.parametrize("size", ["2", "plenty", "1KiB"])
def test_a_limit_that_is_no_amount_is_refused(size: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With an example."""
    assert cli.main(["run", "plan.yaml", "--memory-limit", size]) == 2
    assert "512MiB" in capsys.readouterr().err


def test_a_plan_with_a_limit_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """In the plan, with its place."""
    Path("plan.yaml").write_text(PLAN.replace("_1}", "_1, memory_limit: lots}"), encoding="utf-8")
    assert cli.main(["check", "plan.yaml"]) == 2
    assert "'lots' is no amount of memory" in capsys.readouterr().err
    Path("plan.yaml").write_text(PLAN.replace("fake}", "fake, memory_limit: 1GiB}"), encoding="utf-8")
    assert cli.main(["check", "plan.yaml"]) == 2
    assert "nothing to limit" in capsys.readouterr().err
