"""``edgebench compare`` as a gate: which scenario ends with which exit code, and what other machines read of it."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from edgebench import cli
from edgebench.cli.gate_files import code
from edgebench.records import Reading, Run, Utilities
from edgebench.store import open_store
from tests import builders
from tests.builders import Arm

STAKES = {"1": 0.01, "2": 0.05, "3": 0.25, "4": 1.0}
HOSTILE = "x`|<b>&@all\x1b[31m\u202e"


def verb(*words: str) -> int:
    return cli.main(["compare", *words])


def scored(run: Run, arm: str, wrong_stakes: int, share: float) -> Run:
    """The run in which ``arm`` is wrong in the first ``share`` of the items of these stakes, and in no other."""
    stakes = {item.digest: item.stakes for item in run.workload.items}
    mine = [record for record in run.records if f"-{arm}" in record.trial_id]
    dear = [record.id for record in mine if stakes[record.item_digest] == wrong_stakes]
    wrong = set(dear[: round(share * len(dear))])
    ids = {record.id for record in mine}
    return replace(
        run,
        scores=tuple(
            replace(one, value=float(one.record_id not in wrong)) if one.record_id in ids else one for one in run.scores
        ),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs: arms of one run, the same items on another machine, other items, stakes, an INVALID one, a hostile name."""
    file = tmp_path_factory.mktemp("gates") / "store.db"
    good, same, slow = Arm(1.0, 50, 0.1), Arm(1.0, 50, 0.1), Arm(1.0, 80, 0.1)
    bad, dead = Arm(0.5, 50, 0.1), Arm(failure_rate=1.0)
    arms = {"good": good, "same": same, "slow": slow, "bad": bad, "dead": dead, "some": Arm(0.97, 50, 0.1)}
    main = builders.run(arms, items=200, blocks=2, run_id="11111111")
    seconds = {"other_cpu_seconds": 0.6, "machine_cpu_seconds": 1.0}
    two = {"careful": good, "careless": good}
    stakes = builders.run(two, items=400, blocks=1, run_id="22222222", utilities=Utilities(0.02, STAKES))
    stakes = scored(scored(stakes, "careful", 1, 0.4), "careless", 4, 0.2)
    busy = builders.run({"good": good, "same": same}, items=200, run_id="33333333")
    readings = [
        Reading(t.id, "host", key, value, "s", "steady", 0) for t in busy.trials for key, value in seconds.items()
    ]
    runs = [
        builders.run({"good": good}, items=200, seed=5, run_id="44444444"),
        builders.run({"good": good}, items=150, seed=6, run_id="55555555"),
        builders.run({HOSTILE: good, "same": same}, items=80, run_id="66666666"),
        stakes,
        replace(busy, readings=(*busy.readings, *readings)),
        main,
    ]
    with open_store(file) as store:
        for run in runs:
            store.add_run(run)
    return file


@pytest.fixture(autouse=True)
def there(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDGEBENCH_STORE", str(place))


ONE, STAKE, BUSY = ("--run", "1111"), ("--run", "2222"), ("--run", "3333")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("good", "bad", *ONE), 0),  # no gate: a difference is no failure
        (("good", "same", *ONE, "--margin", "0.05"), 0),
        (("good", "bad", *ONE, "--margin", "0.05"), 3),
        (("bad", "good", *ONE, "--margin", "0"), 0),  # better is never worse
        (("good", "some", *ONE, "--gate", "accuracy drop 0.03"), 4),  # the interval holds the margin
        (("good", "some", *ONE, "--gate", "accuracy drop 10%"), 0),
        (("good", "slow", *ONE, "--gate", "p95_ms ratio 2"), 0),
        (("good", "slow", *ONE, "--gate", "p95_ms ratio 1.1"), 3),
        (("good", "slow", *ONE, "--gate", "p95_ms rise 5"), 3),
        (("good", "same", *ONE, "--gate", "accuracy drop 0.05", "--gate", "p95_ms ratio 1.3"), 0),
        (("good", "slow", *ONE, "--gate", "accuracy drop 0.05", "--gate", "p95_ms ratio 1.1"), 3),  # each must be met
        (("good", "some", *ONE, "--margin", "0.03", "--gate", "p95_ms ratio 1.5"), 4),  # undecided is no pass
        (("good", "slow", *ONE, "--gate", "accuracy drop 0", "--gate", "p95_ms ratio 1.1"), 3),  # missed outweighs it
        (("good", "same", *ONE, "--gate", "peak_mib ratio 1"), 0),  # a margin reached exactly is met
        (("good", "same", *ONE, "--gate", "usd_per_1k ratio 1.1"), 4),  # no price, no pass
        (("good", "dead", *ONE, "--margin", "0.05"), 3),  # nothing answered is nothing right
        (("good", "dead", *ONE, "--gate", "p95_ms ratio 9"), 4),  # and has no latency to judge
        (("careful", "careless", *STAKE, "--margin", "0"), 0),  # more often right …
        (("careful", "careless", *STAKE, "--gate", "loss_per_1k rise 0"), 3),  # … and wrong where it is dear
        (("careful", "careless", *STAKE, "--gate", "loss_per_1k rise 0", "--utility", "wrong=1"), 0),
        (("careful", "careless", *STAKE, "--gate", "severe_rate rise 0.01"), 3),  # fewer errors, more of stakes 4
        (("careful", "careless", *STAKE, "--gate", "harm_per_1k rise 0"), 3),
        (("careless", "careful", *STAKE, "--gate", "harm_per_1k rise 0", "--gate", "severe_rate rise 0"), 0),
        (("careful", "careless", *STAKE, "--margin", "0", "--gate", "severe_rate rise 0.01"), 3),  # each must be met
        (("good", "same", *ONE, "--gate", "severe_rate rise 0.01"), 4),  # none seen in 200 is not none made
        (("good", "same", *ONE, "--gate", "severe_rate rise 0.05"), 0),
        (("good", "bad", *ONE, "--gate", "loss_per_1k rise 0"), 4),  # nobody said what a wrong answer costs
        (("good", "bad", *ONE, "--gate", "loss_per_1k rise 0", "--utility", "wrong=1"), 3),
        (("good", "same", *BUSY, "--margin", "0.05"), 5),  # an INVALID run passes no gate …
        (("good", "same", *BUSY), 0),  # … and may be looked at
        (("4444", "1111", "--margin", "0.05"), 0),  # another machine, the same items
        (("4444", "5555", "--margin", "0.05"), 2),  # other items
        (("4444", "5555", "--margin", "0.05", "--common"), 0),
        (("good", "same", *ONE, "--margin", "2"), 2),  # points given as a number
        (("good", "same", *ONE, "--margin", "-0.1"), 2),
        (("good", "same", *ONE, "--gate", "accuracy drop nan"), 2),
        (("good", "same", *ONE, "--gate", "accuracy falls 0.1"), 2),
        (("good", "same", *ONE, "--gate", "accuracy rise 0.1"), 2),
        (("good", "same", *ONE, "--gate", "acuracy drop 0.1"), 2),
        (("good", "same", *ONE, "--gate", "0.1"), 2),
        (("good", "same", *ONE, "--junit", "j.xml"), 2),  # nothing to write
        (("good", "same", *ONE, "--utility", "right=-1"), 2),
        (("good", "same", *ONE, "--json", "--markdown", "-"), 2),
    ],
)  # fmt: skip
def test_what_ends_with_which_exit_code(words: tuple[str, ...], code: int) -> None:
    """0 met, 2 a mistake of use, 3 missed, 4 undecided, 5 INVALID; undecided never reads as a pass."""
    assert verb(*words) == code


def test_both_item_counts_are_told_when_runs_asked_other_items(capsys: pytest.CaptureFixture[str]) -> None:
    """Refused with the way out; taken, every output says on how many of how many."""
    assert verb("4444", "5555") == 2
    err = capsys.readouterr().err
    assert "150 items in common, of 200 and 150" in err and "--common" in err
    words = ("4444", "5555", "--common", "--margin", "0.05")
    told = "only the 150 items both runs asked are compared, of 200 and 150"
    assert verb(*words, "--junit", "j.xml", "--markdown", "m.md") == 0
    assert told in capsys.readouterr().out
    assert told in Path("j.xml").read_text() and told in Path("m.md").read_text()
    assert verb(*words, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["common"] == {"items": 150, "of_a": 200, "of_b": 150} and found["remarks"] == [told]
    assert found["comparisons"][0]["difference"]["n"] == 150


def test_json_holds_every_gate(capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict of all, and each with its reason and the difference it was judged by."""
    assert verb("good", "slow", *ONE, "--margin", "0.05", "--gate", "p95_ms ratio 1.1", "--json") == 3
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"] == "missed"
    judged = {one["gate"]: one["verdict"] for one in found["gates"]}
    assert judged == {"p95_ms ratio 1.1": "missed", "accuracy drop 0.05": "met"}
    assert all(one["comparison"]["difference"]["n"] and one["why"] for one in found["gates"])


@pytest.mark.parametrize(
    ("words", "failures", "errors"),
    [
        (("good", "same", *ONE, "--margin", "0.05"), 0, 0),
        (("good", "bad", *ONE, "--margin", "0.05"), 1, 0),
        (("good", "some", *ONE, "--margin", "0.03"), 0, 1),
        (("good", "same", *BUSY, "--margin", "0.05"), 0, 1),
    ],
)
def test_junit_counts_what_is_no_pass(words: tuple[str, ...], failures: int, errors: int) -> None:
    """Missed is a failure, undecided and INVALID are errors; nothing is skipped, which many read as a pass."""
    verb(*words, "--junit", "deep/j.xml")
    suite = ET.parse("deep/j.xml").getroot()[0]  # noqa: S314 (our own file)
    assert (suite.get("tests"), suite.get("skipped")) == ("1", "0")
    assert (suite.get("failures"), suite.get("errors")) == (str(failures), str(errors))
    assert (len(suite.findall(".//failure")), len(suite.findall(".//error"))) == (failures, errors)


def test_foreign_names_break_neither_xml_nor_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    """Escaped, fenced, and without control characters; the file can be parsed and gives the name back."""
    verb(f"{HOSTILE} · zero-shot", "same", "--run", "6666", "--margin", "0.05", "--junit", "j.xml", "--markdown", "-")
    shown, xml = capsys.readouterr().out, Path("j.xml").read_text(encoding="utf-8")
    assert not set("\x1b\u202e") & set(shown + xml)
    case = ET.fromstring(xml).find(".//testcase")  # noqa: S314 (our own file)
    assert case is not None and "x`|<b>&@all" in (case.get("classname") or "")
    row = next(line for line in shown.splitlines() if "accuracy drop" in line)
    assert "`` x`\\|<b>&@all" in row and row.replace("\\|", "").count("|") == 6


def test_code_spans_hold_whatever_is_in_them() -> None:
    """A longer fence than the text's own, one line, never empty."""
    assert code("a|b") == "`a\\|b`" and code("a\nb") == "`a b`" and code("") == "` `"
    assert code("``x`") == "``` ``x` ```"


def test_a_file_that_cannot_be_written_is_a_mistake_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and the option named."""
    Path("taken").write_text("")
    assert verb("good", "same", *ONE, "--margin", "0.05", "--junit", "taken/j.xml") == 2
    assert "--junit taken/j.xml" in capsys.readouterr().err
