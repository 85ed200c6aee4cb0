"""The command line as a person meets it: help, exit codes, errors, and every verb that needs no engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from edgebench import cli
from edgebench.cli import confirm, failing
from edgebench.errors import EdgebenchError, PlanError, UsageError
from edgebench.plan import load_plan
from edgebench.records import Plan, TargetSpec, WorkloadSpec
from edgebench.store import open_store
from tests import builders

HEAVY = ("numpy", "scipy", "pydantic", "sqlalchemy", "rich", "yaml", "psutil", "openai", "llama_cpp", "onnxruntime",
         "jinja2", "plotly", "huggingface_hub", "httpx2", "genai_prices")  # fmt: skip


def run(*args: str) -> int:
    return cli.main(list(args))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder, a store and a cache of this test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EDGEBENCH_STORE", raising=False)
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path


# -------------------------------------------------------------------------------------------------------------- light


def test_help_is_light_and_quick() -> None:
    """--help and --version import nothing heavy and answer within 300 ms."""
    code = f"""
import sys
from edgebench.cli import main
for words in (["--help"], ["--version"]):
    main(words)
found = [name for name in {HEAVY!r} if name in sys.modules]
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "edgebench", "--help"], check=True, stdout=subprocess.DEVNULL)
        spent.append(time.perf_counter() - began)
    assert min(spent) < 0.3, spent


def test_help_names_every_verb_and_every_verb_has_help_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb that is here is listed, explains itself, and speaks JSON."""
    import click

    context = click.Context(cli.cli)
    verbs = cli.cli.list_commands(context)
    assert {"init", "check", "models", "doctor", "runs", "report", "compare", "export", "import"} <= set(verbs)
    assert run("--help") == 0
    listed = capsys.readouterr().out
    for verb in verbs:
        command = cli.cli.get_command(context, verb)
        assert command is not None and verb in listed
        leaves = command.commands.values() if isinstance(command, click.Group) else [command]
        for leaf in leaves:
            assert leaf.help, leaf.name
            assert any("--json" in parameter.opts for parameter in leaf.params), (verb, leaf.name)


# ------------------------------------------------------------------------------------------------------------- errors


def test_a_plan_error_shows_the_line_and_the_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """file:line:col, the source line with a caret under the place, the hint; exit 2, nothing on stdout."""
    Path("p.yaml").write_text("question: q\nworkload: {builtin: support-triage}\ntargets:\n  a: {kind: fak}\n")
    assert run("check", "p.yaml") == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == "error: p.yaml:4:13: targets.a.kind: no kind of target is called 'fak'"
    assert lines[1].endswith("|   a: {kind: fak}") and lines[2].index("^") == lines[1].index("fak}")
    assert lines[3] == " hint: did you mean 'fake'?"


def test_hostile_text_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Escape sequences in a plan are shown as signs, not obeyed."""
    error = PlanError("bad \x1b[31m\u202e", file="f", line=1, column=2, source_line="\x1b]0;title\x07x", hint="\x9b2J")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = "\n".join(failing.lines(error))
    assert not set("\x1b\x07\x9b\u202e") & set(shown)


@pytest.mark.parametrize(
    ("raised", "code"), [(KeyboardInterrupt(), 130), (UsageError("x"), 2), (EdgebenchError("x"), 1)]
)
def test_exit_codes(raised: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is raised decides the exit code."""

    def fails(*args: object, **kwargs: object) -> None:
        raise raised

    monkeypatch.setattr("edgebench.plan.schema", fails)
    assert run("schema") == code


def test_a_fault_of_ours_is_said_to_be_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A traceback, exit 1, and the words that it is not the person's mistake."""
    monkeypatch.setattr("edgebench.plan.schema", lambda: 1 / 0)
    assert run("schema") == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err and "a fault of ours" in err


@pytest.mark.parametrize(
    "words", [["chekc", "x"], ["check"], ["check", "x", "--nope"], ["runs", "nope"], ["schema", "x"]]
)
def test_misspelt_commands_are_usage_errors(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with a usage line; a misspelt verb is guessed."""
    assert run(*words) == 2
    assert ("Did you mean 'check'?" in capsys.readouterr().err) is (words[0] == "chekc")


def test_a_closed_pipe_is_no_error() -> None:
    """edgebench … | head ends quietly."""
    words = f"{sys.executable} -m edgebench schema | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout == "{\n" and done.stderr == ""


# ---------------------------------------------------------------------------------------------------------- init, check


def test_what_init_writes_can_be_checked(capsys: pytest.CaptureFixture[str]) -> None:
    """The plan of init is sound as it stands, is never overwritten, and its commented lines are true keys."""
    assert run("init") == 0
    assert load_plan("plan.yaml").targets.keys() == {"minilm", "smollm2"}
    assert run("init") == 2
    assert "stays as it is" in capsys.readouterr().err
    lines = Path("plan.yaml").read_text().splitlines()
    uncommented = [
        line.replace("# ", "", 1) if line.lstrip().startswith("# ") and ":" in line else line for line in lines[2:]
    ]
    Path("all.yaml").write_text("\n".join(uncommented) + "\n")
    assert set(load_plan("all.yaml").targets) == {"minilm", "smollm2", "cloud", "ollama"}


def test_init_on_ones_own_data(tmp_path: Path) -> None:
    """Columns of any name arrive in the plan as they are, and the plan is sound."""
    Path("my data.csv").write_text("Frage: was?,true\nhi,a\nho,b\nhu,a\nha,b\n")
    assert run("init", "own.yaml", "--data", "my data.csv", "--input", "Frage: was?", "--reference", "true") == 0
    spec = load_plan("own.yaml").workload
    assert (spec.file, spec.columns.input, spec.columns.reference) == ("my data.csv", "Frage: was?", "true")
    assert run("init", "x.yaml", "--data", "none.csv") == 2


def plan_file(**changes: object) -> Path:
    """A plan whose every target is in this process or nowhere."""
    content: dict[str, object] = {
        "question": "q",
        "workload": {"builtin": "support-triage", "items": 24},
        "targets": {
            "quick": {"kind": "fake"},
            "api": {"kind": "openai", "model": "gpt-4o-mini", "key": "OPENAI_API_KEY"},
            "here": {"kind": "openai", "model": "m", "base_url": "http://127.0.0.1:1/v1", "placement": "device"},
        },
        "prompting": ["zero-shot", {"few-shot": {"k": 2}}],
        **changes,
    }
    Path("p.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return Path("p.yaml")


def test_check_says_what_a_run_would_send(capsys: pytest.CaptureFixture[str]) -> None:
    """Requests per arm, hosts, tokens, dollars where a price is known, keys; nothing is written or sent."""
    assert run("check", str(plan_file()), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["requests"] == 24 * 6 and found["items"] == 24 and found["texts"] == "keep"
    assert found["hosts"] == ["api.openai.com"]
    key = {"variable": "OPENAI_API_KEY", "host": "api.openai.com", "set": False, "confirmed": False}
    assert found["keys"] == [key]
    by_arm = {arm["arm"]: arm for arm in found["arms"]}
    api, taught = by_arm["api · zero-shot"], by_arm["api · few-shot(2)"]
    assert 0 < api["usd_at_most"] < taught["usd_at_most"] < 0.1 and api["tokens_in"] > 24 * 50
    assert by_arm["quick · zero-shot"]["usd_at_most"] is None and by_arm["quick · zero-shot"]["host"] is None
    assert by_arm["here · zero-shot"]["host"] == "127.0.0.1:1" and not by_arm["here · zero-shot"]["leaves"]
    shown = {one["arm"]: one for one in found["sample_size"]["arms"]}["api · zero-shot"]
    assert shown["n"] == 1138 and shown["planned"] == 24 and shown["minutes"] is None and shown["p99_n"] == 368
    assert shown["assumed"] == "a spread (CV) of 30%"
    assert not Path(os.environ["EDGEBENCH_HOME"], "store.db").exists()


def test_check_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    """The same in words, with what to type next."""
    assert run("check", str(plan_file())) == 0
    out = capsys.readouterr().out
    assert "the texts of all items go to api.openai.com" in out
    assert "is not set: export OPENAI_API_KEY=…" in out
    assert "to see 5% at p50 you need n = 1,138" in out and "accuracy: 24 items show a difference of" in out
    assert "next:  edgebench run p.yaml" in out


def test_check_sees_mistakes_in_the_data(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong column is found by check, not by the run."""
    Path("d.csv").write_text("text,label\nhi,a\n")
    assert run("check", str(plan_file(workload={"file": "d.csv", "columns": {"input": "txt"}}))) == 2
    assert "txt" in capsys.readouterr().err


def test_set_wants_a_name_and_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    """--set without '=' is a usage error."""
    assert run("check", str(plan_file()), "--set", "items") == 2
    assert "NAME=VALUE" in capsys.readouterr().err


# ---------------------------------------------------------------------------------------------------------------- keys


def a_plan(key: str | None = "OPENAI_API_KEY") -> Plan:
    return Plan("q", WorkloadSpec(builtin="x"), {"api": TargetSpec(kind="openai", model="m", key=key)})


def test_keys_come_from_the_variables_the_plan_names() -> None:
    """Only those; a missing or impossible one is named without its value."""
    assert confirm.resolve_keys(a_plan(), {"OPENAI_API_KEY": " k \n", "OTHER_API_KEY": "o"}) == {"api": "k"}
    assert confirm.resolve_keys(a_plan(None), {}) == {}
    with pytest.raises(UsageError, match="'api' needs the key in OPENAI_API_KEY"):
        confirm.resolve_keys(a_plan(), {"OPENAI_API_KEY": ""})
    with pytest.raises(UsageError) as caught:
        confirm.resolve_keys(a_plan(), {"OPENAI_API_KEY": "sk-sec\nret"})
    assert "sec" not in str(caught.value)


def test_a_new_pair_is_confirmed_once(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody to ask: refused, with --yes as the way; agreed once: kept; another host is asked for anew."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    pair = ("OPENAI_API_KEY", "api.openai.com")
    with pytest.raises(UsageError, match=r"OPENAI_API_KEY would be sent to api\.openai\.com") as caught:
        confirm.confirm([pair], yes=False)
    assert caught.value.hint == "add --yes to agree"
    assert not (own_home / "confirmed.yaml").exists()
    confirm.confirm([pair], yes=True)
    confirm.confirm([pair], yes=False)
    assert confirm.confirmed() == [pair]
    with pytest.raises(UsageError, match=r"evil\.example"):
        confirm.confirm([pair, ("OPENAI_API_KEY", "evil.example")], yes=False)


def test_a_person_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal: yes is kept, no is refused."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda *args, **kwargs: False)
    with pytest.raises(UsageError, match="you did not agree"):
        confirm.confirm([("A_API_KEY", "h")], yes=False)
    monkeypatch.setattr("click.confirm", lambda *args, **kwargs: True)
    confirm.confirm([("A_API_KEY", "h")], yes=False)
    assert confirm.confirmed() == [("A_API_KEY", "h")]


# -------------------------------------------------------------------------------------------------- shelves and models


def test_models_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """What is not known is a dash or said; a name that is none is guessed."""
    assert run("models", "list", "--json") == 0
    rows = {row["card"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["smollm2-135m-q4_1"]["bytes"] == 98_362_432 and rows["smollm2-135m-q4_1"]["here"] == "no"
    assert rows["qwen2.5-0.5b-instruct-q4_k_m"]["bytes"] is None
    assert run("models", "list") == 0 and run("models", "show", "qwen2.5-0.5b-instruct-q4_k_m") == 0
    assert "the first pull pins it" in capsys.readouterr().out
    assert run("models", "show", "minilm-l6-int") == 2
    assert "did you mean 'minilm-l6-int8'?" in capsys.readouterr().err


def test_models_are_pulled_and_verified(tmp_path: Path, own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """pull from a folder one has; verify finds a changed byte and exits 2."""
    (own_home / "models").mkdir()
    (tmp_path / "toy.gguf").write_bytes(b"GGUF toy")
    card = {"title": "t", "kind": "llama.cpp", "files": {"model": {"file": "toy.gguf", "url": "https://x.invalid/t"}}}
    (own_home / "models" / "toy.yaml").write_text(yaml.safe_dump(card))
    assert run("models", "pull", "toy", "--from", ".", "--json") == 0
    pulled = json.loads(capsys.readouterr().out)[0]
    assert "pinned sha256" in pulled["notes"][0]
    assert run("models", "verify") == 0
    Path(pulled["paths"]["model"]).write_bytes(b"GGUF tox")
    capsys.readouterr()
    assert run("models", "verify", "toy") == 2
    out, err = capsys.readouterr()
    assert "WRONG sha256" in out and "edgebench models pull toy --again" in err


def test_jobs_and_profiles_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The built-in job with its labels; a device with the source of each figure."""
    assert run("workloads", "show", "support-triage", "--json") == 0
    job = json.loads(capsys.readouterr().out)
    assert job["items"] >= 200 and len(job["labels"]) == 12 and sum(job["labels"].values()) == job["items"]
    assert run("workloads", "list") == 0 and run("workloads", "show", "nope") == 2
    capsys.readouterr()
    assert run("profiles", "show", "x86-laptop", "--sources") == 0
    assert "price_usd" in capsys.readouterr().out
    assert run("profiles", "list", "plans", "--json") == 0
    assert "support-triage" in json.loads(capsys.readouterr().out)["plans"]
    assert run("profiles", "show", "support-triage") == 0 and run("profiles", "show", "nope") == 2


def test_doctor_says_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    """Every finding has a state; what is missing comes with what to type."""
    assert run("doctor", "--json") == 0
    findings = json.loads(capsys.readouterr().out)
    assert {"Python", "memory", "model cache", "API keys"} <= {finding["what"] for finding in findings}
    assert all(finding["hint"] for finding in findings if finding["state"] == "missing")
    assert run("doctor") == 0
    assert "what to type" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_every_shell(
    shell: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that calls us back."""
    from click.shell_completion import BashComplete

    monkeypatch.setattr(BashComplete, "_check_version", staticmethod(lambda: None))
    assert run("completion", shell) == 0
    assert "_EDGEBENCH_COMPLETE" in capsys.readouterr().out


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Editors can read it."""
    assert run("schema") == 0
    assert json.loads(capsys.readouterr().out)["title"] == "EdgeBench plan"


# ---------------------------------------------------------------------------------------------------------------- runs


@pytest.fixture
def stored(own_home: Path) -> str:
    """A made-up run in the person's own store."""
    arms = {"good": builders.Arm(accuracy=0.9), "bad": builders.Arm(accuracy=0.3, median_ms=400)}
    with open_store(own_home / "store.db") as store:
        store.add_run(builders.run(arms, items=120, run_id="aaaa1111"))
    return "aaaa1111"


def test_runs_are_listed_shown_and_deleted(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By the beginning of an id; deleting asks or wants --yes."""
    assert run("runs", "list", "--json") == 0
    assert [row["id"] for row in json.loads(capsys.readouterr().out)] == [stored]
    assert run("runs", "list") == 0 and run("runs", "show", "aaaa") == 0
    assert "good · zero-shot" in capsys.readouterr().out
    assert run("runs", "show", "zzzz") == 2
    assert run("runs", "delete", "aaaa") == 2
    assert "--yes" in capsys.readouterr().err
    assert run("runs", "delete", "aaaa", "--yes") == 0
    assert run("runs", "list") == 0
    assert "no run is stored yet" in capsys.readouterr().out


def test_a_run_leaves_and_comes_home(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bundle out, bundle in; JSONL and CSV beside; nothing is overwritten; a broken bundle is refused."""
    assert run("export", "aaaa", "--out", "b.zip") == 0
    assert run("export", "aaaa", "--out", "b.zip") == 2
    assert run("export", "--format", "csv") == 0 and run("export", "--format", "jsonl", "--out", "r.jsonl") == 0
    assert len(Path("r.jsonl").read_text().splitlines()) == 240
    assert run("import", "b.zip", "--store", "other.db") == 0
    assert run("import", "b.zip", "--store", "other.db") == 2
    Path("broken.zip").write_bytes(Path("b.zip").read_bytes()[:2000])
    assert run("import", "broken.zip", "--store", "other.db") == 2
    capsys.readouterr()
    assert run("runs", "list", "--store", "other.db", "--json") == 0
    assert json.loads(capsys.readouterr().out)[0]["imported"] is True


def test_a_gate_is_met_missed_or_undecided(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0, 3, 4 by the whole interval; arms by name or by target."""
    assert run("compare", "bad", "good", "--max-drop", "0.02") == 0
    assert run("compare", "good", "bad", "--max-drop", "0.02") == 3
    assert run("compare", "good", "bad", "--max-drop", "0.6") == 4
    assert run("compare", "bad · zero-shot", "good", "--metric", "p95_ms", "--max-ratio", "1.1") == 0
    assert run("compare", "good", "bad", "--metric", "p95_ms", "--max-ratio", "1.1") == 3
    assert run("compare", "good", "bad", "--json") == 0
    assert "gate is missed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [("good", "baad"), ("good", "bad", "--metric", "acc"), ("good", "bad", "--max-rise", "1"),
     ("good", "bad", "--metric", "p95_ms", "--max-drop", "1"), ("good", "bad", "--max-drop", "1", "--max-rise", "1")],
)  # fmt: skip
def test_a_comparison_that_makes_no_sense(stored: str, words: tuple[str, ...]) -> None:
    """Exit 2."""
    assert run("compare", *words) == 2


def test_two_runs_are_compared_arm_by_arm(stored: str, own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same arm on two machines, paired by item; a run with itself is refused."""
    with open_store(own_home / "store.db") as store:
        worse = {"good": builders.Arm(accuracy=0.5), "bad": builders.Arm(accuracy=0.3)}
        store.add_run(builders.run(worse, items=120, seed=7, run_id="bbbb2222"))
    assert run("compare", "aaaa", "bbbb", "--metric", "accuracy", "--json") == 0
    found = json.loads(capsys.readouterr().out)["comparisons"]
    assert len(found) == 2 and all("#aaaa1111" in each["a"] and "#bbbb2222" in each["b"] for each in found)
    assert run("compare", "aaaa", "bbbb", "--max-drop", "0.02") == 3
    assert run("compare", "aaaa", "aaaa") == 2


# ---------------------------------------------------------------------------------------------------------- conclusions


def test_a_report_is_written_and_told(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The terminal says it in some twenty lines, plain where it is no terminal; the page is where it says."""
    assert run("report") == 0
    out = capsys.readouterr().out
    assert "Which made-up arm is best?" in out and "→ good" in out and "[" in out
    assert "\x1b" not in out and len(out.splitlines()) <= 30
    assert "reports/aaaa1111.html" in out and "good" in Path("reports/aaaa1111.html").read_text()
    assert run("report", "aaaa", "--no-texts", "--out", "p.html", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["page"] == "p.html" and told["conclusion"]["advice"]["arm"] == "good · zero-shot"
    assert "message number 7" not in Path("p.html").read_text()


def test_the_front_is_shown(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the plan's objectives or others; a metric that is none is refused."""
    assert run("frontier", "--objective", "accuracy", "--objective", "p95_ms", "--json") == 0
    front = json.loads(capsys.readouterr().out)
    assert front["objectives"] == ["accuracy", "p95_ms"]
    assert {member["arm"]: member["verdict"] for member in front["members"]}["bad · zero-shot"] == "dominated"
    assert run("frontier") == 0
    assert "P(front)" in capsys.readouterr().out
    assert run("frontier", "--objective", "acuracy") == 2


def test_a_users_words_are_no_markup(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets, escapes and direction marks in names and questions are shown, never obeyed."""
    hostile = builders.run({"[red]x[/]\x1b[2J\u202e": builders.Arm()}, items=40, run_id="cccc3333")
    with open_store(own_home / "store.db") as store:
        store.add_run(hostile)
    assert run("report") == 0
    out = capsys.readouterr().out
    assert "[red]x[/]" in out and not set("\x1b\u202e") & set(out)


def test_stored_answers_are_judged_again(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """score adds what a present scorer has not said yet, and then nothing."""
    assert run("score", "--json") == 0
    capsys.readouterr()
    assert run("score", "aaaa", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"aaaa1111": 0}
    assert run("report", "--store", "empty.db") == 2
