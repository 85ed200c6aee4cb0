"""What redaction finds and what it leaves, measured on sentences written for it."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import edgebench
from edgebench.redacting import FALSE, KINDS, MEASURED, claim, names, recall, redact
from edgebench.stats.rates import wilson
from tests.store.labelled import HARMLESS, PRIVATE
from tests.store.nouns import TEXT

DATA = Path(edgebench.__file__).parent / "workloads" / "data"
#: messages of support-triage that do name somebody, by their first words where they have no id
NAMED = {"st-067", "st-109", "st-131", "st-133", "st-159", "st-160", "st-182", "st-194", "st-211", "st-218", "st-230",
         "st-282", "st-295", "I picked", "Please update my e-mail"}  # fmt: skip
NAMED_ELSEWHERE = {"st-282-bn", "st-282-es-en", "st-282-es", "st-099-hi-en", "st-282-hi-en", "st-282-hi", "st-282-pcm",
                   "st-296-pcm", "st-023-sco", "st-282-sco"}  # fmt: skip


def gone(kind: str, fragment: str, left: str) -> bool:
    """A name is found only when none of its words is left."""
    if kind != "name":
        return fragment not in left
    return not any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", left, re.IGNORECASE) for word in fragment.split())


def messages(file: Path) -> list[tuple[str, str]]:
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [(str(row.get("id") or row["input"]), row["input"]) for row in rows]


def falsely(texts: list[tuple[str, str]], named: set[str]) -> list[str]:
    return [key for key, text in texts if names.find(text) and not any(key.startswith(one) for one in named)]


# --------------------------------------------------------------------------------------------------- measured


@pytest.mark.parametrize("kind", KINDS)
def test_the_measured_recall_is_what_is_said(kind: str) -> None:
    """Counting again gives the figures that EdgeBench prints."""
    found = [gone(kind, fragment, redact(text)[0]) for text, fragments in PRIVATE[kind] for fragment in fragments]
    assert (sum(found), len(found)) == MEASURED[kind]


def test_the_test_set_is_large_and_many_languages_wide() -> None:
    """At least 150 fragments, a hundred of them names, in at least five scripts."""
    assert sum(len(fragments) for cases in PRIVATE.values() for _, fragments in cases) >= 150
    assert sum(len(fragments) for _, fragments in PRIVATE["name"]) >= 100
    letters = "".join(fragment for _, fragments in PRIVATE["name"] for fragment in fragments)
    scripts = [
        "[A-Za-z]",
        "[\u0400-\u04ff]",
        "[\u0900-\u097f]",
        "[\u0980-\u09ff]",
        "[\u0600-\u06ff]",
        "[\u4e00-\u9fff]",
    ]
    assert all(re.search(script, letters) for script in scripts)


def test_the_table_was_not_filled_up_with_the_names_of_the_test() -> None:
    """More than a third of the names of the test set hold a word that the table does not know."""
    known = names.table().given | names.table().family | names.table().particles
    fragments = [fragment for _, each in PRIVATE["name"] for fragment in each]
    unknown = [one for one in fragments if not all(word.lower() in known for word in re.split(r"[\s-]+", one))]
    assert len(unknown) > len(fragments) / 3


def test_the_false_alarms_are_what_is_said() -> None:
    """Ordinary words taken for names, in clean messages and in sentences written to tempt it."""
    triage = [*messages(DATA / "support-triage.jsonl"), *messages(DATA / "support-triage-examples.jsonl")]
    wrong = [*falsely(triage, NAMED), *falsely([(text, text) for text in HARMLESS], set())]
    assert (len(wrong), len(triage) + len(HARMLESS)) == FALSE, wrong


def test_other_languages_are_no_names_either() -> None:
    """At most one in a hundred of the parallel messages has an ordinary word taken for a name."""
    texts = [pair for file in sorted(DATA.glob("support-triage.*.jsonl")) for pair in messages(file)]
    assert len(falsely(texts, NAMED_ELSEWHERE)) <= len(texts) / 100


def test_no_false_alarm_on_a_set_it_was_not_mended_on(data_dir: Path) -> None:
    """What the module says of Banking77: its 3,080 questions name nobody, and nothing in them is taken for a name."""
    with (data_dir / "banking77" / "test.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)]
    assert len(texts) == 3080
    assert [text for text in texts if names.find(text)] == []


def test_harmless_sentences_stay_as_they_are() -> None:
    """Prices, dates, versions, ages and words that only look like names are not marked."""
    assert [text for text in HARMLESS if redact(text)[0] != text] == []


def test_the_claim_names_its_recall_and_promises_nothing_more() -> None:
    """Never "anonymised": it says what was found in how many, kind by kind, how sure that is, and what stays."""
    found, there, low, high = recall()
    assert (low, high) == wilson(found, there)
    assert f"of {there} such fragments in our own test set {found} were found" in claim()
    assert f"{100 * low:.0f}–{100 * high:.0f} %" in claim()
    assert all(f"{kind} {MEASURED[kind][0]}/{MEASURED[kind][1]}" in claim() for kind in KINDS)
    assert "postal addresses and everything else stay" in claim()
    assert "anonym" not in claim().lower()


# --------------------------------------------------------------------------------------------------- what is put


def test_marks_say_what_was_there_and_are_counted() -> None:
    text, marks = redact("a@b.io or +44 20 7946 0958 or DE89 3704 0044 0532 0130 00, order 482913, c@d.io")
    assert text == "[e-mail] or [phone] or [iban], order [number], [e-mail]"
    assert marks == Counter({"e-mail": 2, "phone": 1, "iban": 1, "number": 1})


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Dear Mrs. Underhill-Pratt, hello", "Dear Mrs. [name], hello"),
        ("my name is vasquez delmar and i", "my name is [name] and i"),
        ("Kind regards,\nTheodosia Brack", "Kind regards,\n[name]"),
        ("I asked Jennifer's colleague", "I asked [name]'s colleague"),
        ("spoke to Quillon on Monday", "spoke to [name] on Monday"),
        ("my late uncle, Ferdie Moss, had it", "my late uncle, [name], had it"),
        ("name: Kip Laurents\norder: late", "name: [name]\norder: late"),
        ("Customer: Hello, is it there", "Customer: Hello, is it there"),
        ("Customer: Odalys Renn, flat 4", "Customer: [name], flat 4"),
        ("WHERE IS MY PARCEL STEPHANIE PROMISED IT", "WHERE IS MY PARCEL [name] PROMISED IT"),
        ("Where Is My Parcel Now It Is Late", "Where Is My Parcel Now It Is Late"),
        ("I met Will in May at Grace Hill", "I met Will in May at Grace Hill"),
    ],
)
def test_names_are_known_by_what_stands_around_them(text: str, left: str) -> None:
    """Titles, introductions, farewells, labels and relations tell a name; a table knows common ones; else it stays."""
    assert redact(text)[0] == left


def test_names_somebody_knows_are_found_wherever_they_stand() -> None:
    """Names from a file of one's own, of one word or several, in any case; other words stay."""
    own = frozenset({"Featherstonehaugh", "will stone", "李"})
    text, marks = redact("tell featherstonehaugh that WILL STONE has it, will he?", own)
    assert (text, marks["name"]) == ("tell [name] that [name] has it, will he?", 2)


@given(TEXT | st.text("0123456789 -+()@.ab", max_size=60) | st.lists(
    st.sampled_from(["Mr", "dear", "my name is", "Anna", "Kumar", "von", "J.", ",", "\n", "regards", "ji", "[name]"]),
    max_size=14,
).map(" ".join))  # fmt: skip
@settings(max_examples=400, deadline=None)
@example("000000+01000.0")  # a sign right after a number begins another one
def test_redacting_twice_is_redacting_once(text: str) -> None:
    """Marks hold nothing to redact."""
    once = redact(text)[0]
    assert redact(once) == (once, Counter())


@pytest.mark.parametrize(
    "text",
    ["1" * 50_000, "a." * 25_000 + "@", "1 " * 25_000, "DE89 " + "ABCD " * 10_000, "+(" * 9999, "Mr " * 20_000,
     "van der " * 10_000, "my name is " * 5_000, "[name] " * 10_000, "Anna Kumar " * 5_000, "先生" * 10_000,
     "김" * 20_000],
)  # fmt: skip
def test_redaction_takes_no_longer_than_reading(text: str) -> None:
    """Hostile texts do not make it hang (the test's own time limit would notice)."""
    redact(text)


def test_importing_it_reads_no_table() -> None:
    """The table of names is read when a text is, so that starting stays quick."""
    code = "import edgebench.redacting.table as t; assert t.table.cache_info().currsize == 0"
    subprocess.run([sys.executable, "-c", code], check=True)
