"""Perturbations after which another answer is right: what they may touch, and that the new reference is right."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench import plugins
from edgebench.records import Item, Message, Seeds, Task, WorkloadSpec, redirects
from edgebench.workloads import load
from edgebench.workloads.perturbations import as_asked, build, chain
from edgebench.workloads.perturbations.evidence import QUESTION
from edgebench.workloads.scorers import build as scorer
from edgebench.workloads.scorers import grounded

VALUES, EVIDENCE = build("other-values"), build("no-evidence")
RUNS = re.compile(r"[0-9]+")


@cache
def job(name: str) -> tuple[tuple[Item, ...], Task]:
    found = load(WorkloadSpec(builtin=name), folder=Path(), seeds=Seeds())
    return found.items, found.task


def call(text: str, arguments: dict[str, Any], **others: Any) -> Item:
    return Item("i", text, {"name": "f", "arguments": arguments, **others})


def bill(text: str, **reference: Any) -> Item:
    return Item("i", text, reference)


# ------------------------------------------------------------------------------------------------------ other values


@pytest.mark.parametrize(("name", "least"), [("tool-calls", 10), ("invoice-extraction", 60)])
def test_all_that_changes_is_a_value_and_it_changes_in_text_and_reference_alike(name: str, least: int) -> None:
    """Without its digits (and number words) text and reference are as before; the same digits became the same."""
    changed = 0
    for one in job(name)[0]:
        new = VALUES(one, 3)
        assert (new.choices, new.tags, new.id, new.digest, new.form_of) == (
            one.choices, one.tags, one.id, one.digest, one.digest,
        )  # fmt: skip
        if new.text == one.text:
            assert new.reference == one.reference
            continue
        changed += 1
        before, after = json.dumps(one.reference), json.dumps(new.reference)
        assert before != after and RUNS.sub("#", before) == RUNS.sub("#", after)
        if RUNS.sub("#", one.text) == RUNS.sub("#", new.text):
            pairs = {pair for a, b in ((one.text, new.text), (before, after))
                     for pair in zip(RUNS.findall(a), RUNS.findall(b), strict=True) if pair[0] != pair[1]}  # fmt: skip
            for old, fresh in pairs:
                assert len(old) == len(fresh) and (old[0] == "0") == (fresh[0] == "0")
        else:  # a number that is written as a word
            assert name == "tool-calls" and len(set(one.text.split()) ^ set(new.text.split())) == 2
    assert changed >= least


@pytest.mark.parametrize("name", ["tool-calls", "invoice-extraction"])
def test_the_old_answer_is_wrong_and_the_new_one_right(name: str) -> None:
    """By the job's own scorer: who says what was right before is marked wrong on every changed item."""
    items, task = job(name)
    judge = scorer(load(WorkloadSpec(builtin=name), folder=Path(), seeds=Seeds()).scorers[0])

    def said(reference: dict[str, Any]) -> str:
        return json.dumps({key: value for key, value in reference.items() if key != "also"})

    for one in items:
        new = VALUES(one, 1)
        assert judge(new, task, said(new.reference)).value == 1.0, one.id
        assert new.text == one.text or (judge(new, task, said(one.reference)).value or 0.0) < 1.0, one.id


def test_amounts_and_dates_stay_so_that_sums_add_up_and_days_exist() -> None:
    """Of an invoice only its number changes; every number and every day of the reference is as before."""
    for one in job("invoice-extraction")[0]:
        new = VALUES(one, 2).reference
        assert {**new, "invoice_number": 0} == {**one.reference, "invoice_number": 0}


@pytest.mark.parametrize(
    "item",
    [
        bill("Invoice 5512, total 5512.00", number="5512", total=5512),  # a number of the reference has its digits
        bill("Invoice TPH-1187, please quote 1187", number="TPH-1187"),  # a trace of it elsewhere
        bill("Invoice 118 734, ref 118734", number="118734"),  # the same with a blank between
        bill("No. 4471, table 4471", number="4471"),  # may be two things
        bill("Fattura 9/2026 del 13/02/2026", number="9/2026"),  # too short, and a year
        bill("Total $1200", total="1200"),
        bill("Total 1,234.50", total="1,234.50"),
        bill("Date 2026-03-14", date="2026-03-14"),
        bill("Total £462.00", total=462),  # written otherwise
        bill("Order 55120", answers=["order 55120"]),  # one of several wordings, any of which is enough
        Item("i", "label 4471", "label 4471"),  # a bare string may be a label
        Item("i", (Message("user", "about 55120"), Message("assistant", "55 120?"), Message("user", "yes, 55120")),
             {"number": "55120"}),
        call("in 20 minutes, no, 25", {"minutes": 25}),
        call("twenty one degrees", {"celsius": 21}),
        call("two lamps at 20", {"brightness": 20}),
        call("alarm at 7:05 for 2", {"time": "07:05"}),
        call("19h", {"time": "19:00"}),
        call("120 minutes", {"minutes": 120}),
        call("play route 66", {"what": "route 66", "volume": 66}),
        call("20-ish", {"minutes": 20}),
    ],
)  # fmt: skip
def test_what_could_become_untrue_is_left_alone(item: Item) -> None:
    """Text and reference are never at odds: what cannot be changed in both for sure stays in both."""
    for seed in range(5):
        new = VALUES(item, seed)
        assert (new.text, new.reference) == (item.text, item.reference)


def test_values_keep_their_shape_and_their_bounds() -> None:
    """Leading zeros and years stay, tens of a number stay, a time stays one; other wordings follow."""
    for seed in range(30):
        new = VALUES(bill("No. 2026-IE-0337\n(see 2026-IE-0337)", number="2026-IE-0337"), seed)
        assert re.fullmatch(r"2026-IE-0[1-9]\d\d", new.reference["number"])
        assert new.text == "No. {0}\n(see {0})".format(new.reference["number"])
        number = VALUES(call("give me Eleven minutes", {"minutes": 11}), seed)
        assert 12 <= number.reference["arguments"]["minutes"] <= 19 and number.text.split()[2].istitle()
        assert 31 <= VALUES(call("thirty percent", {"of": 30}), seed).reference["arguments"]["of"] <= 39
        time = VALUES(call("wake me 4:40!", {"time": "04:40"}), seed)
        assert re.fullmatch("04:4[1-9]", time.reference["arguments"]["time"]) and f"0{time.text[8:12]}" in str(
            time.reference
        )
        sent = VALUES(call("text Bo: code 44718", {"text": "code 44718"}, also={"text": ["the code 44718"]}), seed)
        (code,) = set(RUNS.findall(json.dumps(sent.reference)))
        assert code != "44718" and sent.text == f"text Bo: code {code}"


# --------------------------------------------------------------------------------------------------- no evidence


def test_of_grounded_answers_the_items_somebody_has_read_become_silent_and_no_others() -> None:
    """The quoted sentences go, question and all other sentences stay; the reference is that of a silent text."""
    items, task = job("grounded-answers")
    silent = next(one.reference for one in items if one.reference["kind"] == "not-in-text")
    judge, changed = grounded(), 0
    told = json.dumps({"kind": "not-in-text", "answer": "The text does not say.", "quote": ""})
    for one in items:
        new = EVIDENCE(one, 1)
        assert (new.text != one.text) == (one.tags.get("without_quotes") == "silent"), one.id
        if new.text == one.text:
            assert new.reference == one.reference
            continue
        changed += 1
        assert new.reference == silent and list(new.reference) == list(one.reference) and new.tags == one.tags
        assert new.text.partition(QUESTION)[1:] == one.text.partition(QUESTION)[1:]
        left, whole = new.text.partition(QUESTION)[0], one.text.partition(QUESTION)[0]
        assert not any(quote in left for quote in one.reference["quotes"])
        sentences = re.split(r"(?<=[.!?])\s+|\n", left)
        assert all(sentence in whole for sentence in sentences) and len(left) < len(whole)
        assert judge(new, task, told).value == 1.0 and judge(one, task, told).value == 0.0
        before = json.dumps(
            {"kind": "answer", "answer": one.reference["answers"][0], "quote": one.reference["quotes"][0]}
        )
        assert judge(one, task, before).value == 1.0 and judge(new, task, before).label == "not_in_text_missed"
    assert changed == 33


def test_a_sentence_goes_with_its_bullet_and_without_its_neighbours() -> None:
    """Also where the quote is a part of it, stands twice, or ends the text."""
    reference = {"kind": "answer", "answers": ["x"], "quotes": ["lamps are free"], "asks_about": []}

    def left(text: str) -> str:
        item = Item("i", f"{text}{QUESTION} are lamps free?", reference, tags={"without_quotes": "silent"})
        return EVIDENCE(item, 1).text.removesuffix(f"{QUESTION} are lamps free?")

    assert left("Opens at 8.00. On Sundays lamps are free, as ever. Dogs stay out.") == "Opens at 8.00. Dogs stay out."
    assert left("Rules\n1. Be kind.\n2. lamps are free\n3. Go.") == "Rules\n1. Be kind.\n3. Go."
    assert left("Dogs stay out. (Yes, lamps are free.)") == "Dogs stay out."
    assert left("Now lamps are free! Go.\n\nAgain lamps are free. Stop.") == "Go.\n\nStop."
    assert left("All lamps are free.") == "All lamps are free."  # nothing would be left to read


def test_where_the_text_ends_is_said_once_for_the_scorer_and_the_perturbation() -> None:
    """Both take the same words for the beginning of the question."""
    assert inspect.signature(grounded).parameters["passage_until"].default == QUESTION


# ------------------------------------------------------------------------------------------------------------ both

SAID = (
    bill("Invoice TPH-1187, 9 February 2026\nNet 385.00, total 462.00", number="TPH-1187", total=462),
    bill("Rcpt 004417 Table 6", number="004417"),
    call("pasta goes in now give me eleven minutes", {"minutes": 11}),
    call("Alarm at 4:40 on Saturday.", {"time": "04:40", "day": "saturday"}),
    Item(
        "i",
        f"Lamps. They are free on Sundays. Dogs pay.{QUESTION} do lamps cost?",
        {"kind": "answer", "answers": ["no"], "quotes": ["free on Sundays"], "asks_about": []},
        tags={"without_quotes": "silent"},
    ),
)
#: SHA-256 of what each makes of these, first 16 digits: see ``PINNED`` in ``test_properties``.
PINNED = {"other-values": "02e8192fcbcfc32a", "no-evidence": "5a3f26820745e924"}


@pytest.mark.parametrize("form", [VALUES, EVIDENCE], ids=lambda form: form.name)
def test_the_bytes_are_pinned(form: Any) -> None:
    """The same texts and references on every machine; the type is the one that is known by name alone."""
    made = [(new.text, new.reference) for one in SAID for seed in (1, 2) for new in [form(one, seed)]]
    found = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]
    assert found == PINNED[form.name]
    assert form.test_type == "DIR" and redirects(form.name)


scraps = st.lists(
    st.sampled_from(
        ["No. ", "55120", "12", "0071", " ", "\n", "£", "-", ".", "07:30", "twenty", "ten", "x", QUESTION, "a b."]
    ),
    max_size=12,
).map("".join)
values = st.one_of(st.none(), st.booleans(), st.integers(0, 99_999), st.floats(allow_nan=False), scraps)


@settings(deadline=None, max_examples=150)
@given(
    text=scraps,
    reference=st.dictionaries(st.sampled_from(["kind", "quotes", "arguments", "n"]),
                              st.one_of(values, st.lists(scraps, max_size=2), st.dictionaries(st.just("t"), values))),
    seed=st.integers(),
)  # fmt: skip
def test_no_item_breaks_them_and_all_they_touch_are_digits_and_evidence(
    text: str, reference: dict[str, Any], seed: int
) -> None:
    """Whatever the text and the reference: twice over, only digits and number words, or whole sentences, are other."""
    one = Item("i", text, reference, tags={"without_quotes": "silent"})
    new = VALUES(one, seed)
    bare = re.compile(r"[0-9]|twenty(?:-[a-z]+)?|[a-z]*teen|ten|eleven|twelve")
    assert bare.sub("", new.text) == bare.sub("", text)
    assert bare.sub("", json.dumps(new.reference)) == bare.sub("", json.dumps(reference))
    assert (new.text == text) == (new.reference == reference)
    assert EVIDENCE(new, seed).form_of == one.digest and VALUES(new, seed).form_of == one.digest


def test_in_a_chain_what_comes_after_keeps_the_new_value() -> None:
    """The protection is that of the new reference; what the chain asks least decides its type, and it redirects."""
    both = chain(["other-values", "keyboard-typos", "truncated"])
    one = job("invoice-extraction")[0][0]
    new = both(one, 1)
    assert new.reference != one.reference and new.reference["invoice_number"] in new.text
    assert both.test_type == "MFT" and redirects(both.name) and not redirects("keyboard-typos(0.05) + truncated(0.7)")


def test_without_the_message_nobody_knows_what_was_right() -> None:
    """A kept digest beside other words: a directed form is not made up; one that keeps the meaning is."""
    one = job("invoice-extraction")[0][0]
    masked = Item(one.id, "masked", one.reference)
    masked.__dict__["digest"] = one.digest
    assert as_asked(masked, VALUES, 1) is None and as_asked(one, VALUES, 1) == VALUES(one, 1)
    assert as_asked(masked, build("lower-case"), 1) is not None


def test_every_perturbation_says_of_itself_what_its_name_says() -> None:
    """The two sources of a type, the part and the table of names, are one."""
    for name in plugins.TABLE["perturbations"]:
        assert redirects(build(name).name) == (build(name).test_type == "DIR")
