"""``edgebench workloads``: a set from one's own logs, and the jobs and benchmarks there are."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import yaml

from edgebench import cli
from edgebench.cli import workloads, workloads_import
from edgebench.plan import load_plan
from edgebench.records import Seeds
from edgebench.workloads import importing, load
from tests.workloads.importing.written import THINGS, lines, tickets


def run(*args: str) -> int:
    return cli.main(list(args))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder and an empty cache of this test's own; a terminal wide enough for whole lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "400")
    return tmp_path


def log(name: str = "log.jsonl", broken: int = 0) -> Path:
    file = Path(name)
    file.write_text(lines(tickets(24)) + '{"message": "cut\n' * broken, encoding="utf-8")
    return file


# --------------------------------------------------------------------------------------------------- import


def test_a_log_becomes_a_set_and_the_screen_says_all_that_was_done(capsys: pytest.CaptureFixture[str]) -> None:
    """What was recognised, broken, dropped, replaced, grouped and covered; what the size shows; what to type next."""
    log(broken=7)
    assert run("workloads", "import", "log.jsonl", "--out", "tickets.jsonl", "--items", "6", "--by", "channel") == 0
    told = capsys.readouterr()
    for words in (
        "'message' is what is asked, 'queue' the reference",
        "read 24 cases, 7 broken lines",
        "log.jsonl:25: not JSON",
        "… and 2 more",
        "near-duplicates: 2 dropped",
        "replaced in the items: nothing was found",
        "such fragments in our own test set",
        "the tag channel",
        "coverage:",
        "least covered",
        "what 6 items can show",
        "× 1.",
        "tickets.jsonl: 6 items, digest",
        "next:  edgebench init plan.yaml --data tickets.jsonl",
    ):
        assert words in told.out, words
    assert "grouping …" in told.err
    assert "anonym" not in (told.out + told.err).lower()
    assert len(Path("tickets.jsonl").read_text().splitlines()) == 6
    assert yaml.safe_load(Path("tickets.yaml").read_text())["counts"]["broken_lines"] == 7


def test_the_column_of_references_stratifies_by_its_own_name(capsys: pytest.CaptureFixture[str]) -> None:
    """`--by queue` where queue holds the right answers."""
    log()
    assert run("workloads", "import", "log.jsonl", "--out", "t.jsonl", "--items", "6", "--by", "queue", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["kind"], one["items"]) for one in told["strata"]["each"]] == [
        ("q0", 2),
        ("q1", 2),
        ("q2", 2),
    ]


def test_what_to_type_next_works(capsys: pytest.CaptureFixture[str]) -> None:
    """init writes a plan on the set, with the tags of its sheet; check finds nothing wrong with it."""
    log()
    assert run("workloads", "import", "log.jsonl", "--out", "tickets.jsonl", "--items", "15") == 0
    assert run("init", "plan.yaml", "--data", "tickets.jsonl") == 0
    plan = load_plan(Path("plan.yaml"))
    workload = load(plan.workload, folder=Path(), seeds=Seeds())
    assert workload.digest == yaml.safe_load(Path("tickets.yaml").read_text())["digest"]
    assert set(workload.items[0].tags) == {"channel", "kind", "seen"}
    capsys.readouterr()
    assert run("check", "plan.yaml", "--json") == 0
    assert json.loads(capsys.readouterr().out)["items"] == 15


def test_json_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    """The sheet, and where the two files are."""
    log()
    assert run("workloads", "import", "log.jsonl", "--out", "t.jsonl", "--items", "6", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["items_file"], told["sheet_file"], told["items"]) == ("t.jsonl", "t.yaml", 6)
    assert told["redaction"]["replaced_in_the_items"]["name"] == 0
    assert [one["format"] for one in told["sources"]] == ["messages"]


def test_several_logs_make_one_set(capsys: pytest.CaptureFixture[str]) -> None:
    log("a.jsonl"), log("b.jsonl")
    assert run("workloads", "import", "a.jsonl", "b.jsonl", "--out", "t.jsonl", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["file"] for one in told["sources"]] == ["a.jsonl", "b.jsonl"]
    assert {row.rpartition('"from": "')[2].partition(":")[0] for row in Path("t.jsonl").read_text().splitlines()} >= {
        "a.jsonl"
    }


@pytest.mark.parametrize(("words", "said"), [
    (("log.jsonl", "--out", "here.jsonl"), "here.jsonl is there already"),
    (("log.jsonl", "--out", "new.csv"), "the items are JSON lines"),
    (("none.jsonl", "--out", "new.jsonl"), "there is no file none.jsonl"),
    (("log.jsonl", "--out", "new.jsonl", "--by", "chanel"), "no message has the tag 'chanel'"),
    (("log.jsonl", "--out", "new.jsonl", "--input", "massage"), "no column 'massage'"),
    (("log.jsonl", "--out", "new.jsonl", "--format", "otel"), "no case that can be used"),
    (("log.jsonl", "--out", "new.jsonl", "--embed", "smollm2-135m-q4_1"), "is no embedding model"),
    (("log.jsonl", "--out", "new.jsonl", "--embed", "minilm"), "minilm"),
    (("log.jsonl", "--out", "new.jsonl", "--names", "nobody.txt"), "nobody.txt cannot be read"),
])  # fmt: skip
def test_mistakes_are_told_in_a_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With exit code 2, and nothing is written."""
    log()
    Path("here.jsonl").write_text("{}\n")
    assert run("workloads", "import", *words) == 2
    assert said in capsys.readouterr().err
    assert not Path("new.jsonl").exists()
    assert Path("here.jsonl").read_text() == "{}\n"


def test_force_overwrites(capsys: pytest.CaptureFixture[str]) -> None:
    log()
    for _ in range(2):
        assert run("workloads", "import", "log.jsonl", "--out", "t.jsonl", "--force") == 0


def test_a_logs_words_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences and markup in messages, columns, tags and file names are shown, not obeyed."""
    evil = "\x1b]0;owned\x07[bold]where\u202e is it"
    rows = [{"message": f"{thing} {evil} {verb}", "queue": queue, f"{evil} tag": evil if queue == "a" else "x"}
            for thing in THINGS for verb, queue in (("lost", "a"), ("paid for", "b"), ("torn", "a"))]  # fmt: skip
    Path("log.jsonl").write_text(lines(rows))
    Path("bad\x1b[2J.jsonl").write_text('{"message": "hello you there"}\n{"\x1b": \n')
    words = ("log.jsonl", "bad\x1b[2J.jsonl", "--out", "t.jsonl", "--items", "4", "--by", f"{evil} tag")
    assert run("workloads", "import", *words) == 0
    told = capsys.readouterr()
    for sign in ("\x1b", "\x07", "\u202e"):
        assert sign not in told.out + told.err
    assert told.out.count("[bold]") >= 2
    assert "1 broken line" in told.out


def test_names_of_ones_own_and_kept_texts(capsys: pytest.CaptureFixture[str]) -> None:
    """A file of names adds to what is replaced; texts may be kept, and that is said."""
    Path("log.jsonl").write_text(
        lines([{"message": "Zyx Quorl has my parcel"}, {"message": "where is the other one?"}])
    )
    Path("names.txt").write_text("# ours\nZyx Quorl\n\n")
    assert run("workloads", "import", "log.jsonl", "--out", "t.jsonl", "--names", "names.txt") == 0
    assert "replaced in the items: name 1" in capsys.readouterr().out
    assert "[name] has my parcel" in Path("t.jsonl").read_text()
    assert run("workloads", "import", "log.jsonl", "--out", "t.jsonl", "--keep-texts", "--force") == 0
    assert "personal data: kept as it is" in capsys.readouterr().out
    assert "Zyx Quorl" in Path("t.jsonl").read_text()


def test_items_without_a_reference_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    Path("log.txt").write_text("\n".join(f"where is my {thing} now" for thing in THINGS))
    assert run("workloads", "import", "log.txt", "--out", "t.jsonl") == 0
    assert "8 of 8 items have no reference" in capsys.readouterr().out


def test_without_the_model_messages_are_grouped_by_letters_and_it_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    log()
    assert run("workloads", "import", "log.jsonl", "--out", "t.jsonl", "--embed", "minilm-l6-int8", "--items", "8") == 0
    told = capsys.readouterr()
    assert "edgebench models pull minilm-l6-int8" in told.err
    assert "clusters of hashed character trigrams" in told.out


@pytest.mark.models
def test_a_model_groups_by_meaning(
    model_files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With MiniLM in the cache, messages that ask for the same in other words come into one group."""
    folder = tmp_path / "cache" / "minilm-l6-int8"
    folder.mkdir(parents=True)
    for name, file in (("model.onnx", "minilm"), ("tokenizer.json", "minilm_tokenizer")):
        shutil.copy(model_files[file], folder / name)
    rows = [
        *({"message": text} for text in ("where is my parcel", "has my order been shipped yet",
                                         "when will the box arrive", "the tracking page shows no movement")),
        *({"message": text} for text in ("I cannot sign in", "my password is refused", "the login page locks me out",
                                         "no access to the account any more")),
    ]  # fmt: skip
    Path("log.jsonl").write_text(lines(rows))
    assert run("workloads", "import", "log.jsonl", "--out", "t.jsonl", "--embed", "minilm-l6-int8", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["strata"]["by"] == "2 clusters of embeddings of minilm-l6-int8"
    kinds = [json.loads(row)["tags"]["kind"] for row in Path("t.jsonl").read_text().splitlines()]
    assert len(set(kinds[:4])) == len(set(kinds[4:])) == 1 < len(set(kinds))


def test_the_formats_are_those_that_can_be_read() -> None:
    """The command line names them without importing what reads them."""
    assert set(workloads_import.FORMATS) == set(importing.FORMATS)


# --------------------------------------------------------------------------------------------------- list and show


def test_jobs_of_every_kind_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """With their kind of answer, their languages and, of a choice, how many labels."""
    assert run("workloads", "list", "--json") == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["support-triage"]["output"] == "choice"
    assert rows["support-triage"]["languages"]["en"] == 300
    assert len(rows["support-triage"]["labels"]) == 12
    assert all(not row["labels"] for row in rows.values() if row.get("output") != "choice" and "labels" in row)
    assert run("workloads", "list") == 0
    assert "support-triage" in capsys.readouterr().out


@pytest.mark.parametrize("name", workloads._names())
def test_every_job_is_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever its answers are, and some of its items in each of its languages."""
    assert run("workloads", "show", name, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert run("workloads", "show", name, "--items", "2") == 0
    out = capsys.readouterr().out
    assert f"answer: {facts['output']}" in out
    assert " ".join(facts["instruction"].split())[:100] in " ".join(out.split())
    language = list(facts["languages"])[-1]
    assert run("workloads", "show", name, "--language", language) == 0


def test_a_label_that_is_a_list_is_counted_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    """What is counted of support-triage are its labels, not their spelling as lists."""
    assert run("workloads", "show", "support-triage", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert all(count > 0 for count in facts["labels"].values())


def test_unknown_jobs_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("workloads", "show", "support-triaje") == 2
    assert "did you mean 'support-triage'?" in capsys.readouterr().err
    assert run("workloads", "show", "zzz") == 2
    assert "known: " in capsys.readouterr().err
    assert run("workloads", "show", "support-triage", "--language", "kl") == 2


def test_public_benchmarks_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """By what they are; their files need not be here."""
    for name in workloads._benchmarks():
        assert run("workloads", "show", name) == 0
        assert name in capsys.readouterr().out
        assert run("workloads", "show", name, "--json") == 0
        assert json.loads(capsys.readouterr().out)["name"] == name


def test_there_may_be_no_benchmarks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An installation without them lists its jobs all the same."""
    known = importlib.util.find_spec
    monkeypatch.setattr(workloads, "find_spec", lambda name: None if "benchmarks" in name else known(name))
    assert run("workloads", "list") == 0
    assert "benchmark" not in capsys.readouterr().out
