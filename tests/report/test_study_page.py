"""A field study on the page as a whole: what stands where, what a plain run is spared, and what travels inside."""

from __future__ import annotations

import base64
import csv
import dataclasses
import gzip
import io
import json
import re
from itertools import pairwise

import pytest

from edgebench.decide.conclude import conclude as decide
from edgebench.records import Estimate, FieldStudy
from edgebench.report import evidence
from edgebench.report.page import render
from tests import cells as made_up
from tests.builders import Arm
from tests.report.conclusions import conclude, demo_run
from tests.report.studies import asked, base_part, concluded, field_run, small, study_of
from tests.report.test_page import Outline, words

RUN, STUDY, FOUND = small()
PAGE = render(RUN, FOUND)
SECTIONS = ("answer", "all", "field", "robustness", "worst", "wrong", "calibrated", "judged", "unsaid", "disagreements")


def inside(page: str) -> str:
    """The page with everything that travels compressed in it."""
    return page + "".join(
        gzip.decompress(base64.b64decode(data)).decode() for data in re.findall(r"gzip;base64,([^\"]+)", page)
    )


def section(page: str, name: str) -> str:
    return words(Outline(page[page.index(f'<section id="{name}"') :].split("</section>")[0]).text)


def test_findings_stand_on_the_first_screen_and_sections_follow_in_order() -> None:
    """The recommendation first, under it the field in sentences; then lab → field, robustness, what goes wrong, …"""
    answer = section(PAGE, "answer")
    assert all(words(line) in answer for line in STUDY.findings)
    assert answer.index(words(FOUND.advice.headline)) < answer.index("In the field")
    places = [PAGE.index(f'id="{name}"') for name in SECTIONS]
    assert places == sorted(places)
    assert "24 items × 8 targets" in PAGE and "32 cells with 768 requests in all" in words(Outline(PAGE).text)


def test_every_part_has_what_a_product_manager_asks() -> None:
    """The titles are findings, and terms are explained where they first appear."""
    text = words(Outline(PAGE).text)
    for phrase in (
        "In the field: does the number of the lab hold?",
        "loopback: no. Right in 83 % [78–88] in the lab",
        "loopback loses 30 points [25 to 34] from lab to field",
        "The best target of the lab may not be the best in the field: the chance of another one is 38 %",
        "The scaffolding gap: how much of a result is the prompt’s doing",
        "few-shot an instruction and as many solved examples as the number in brackets",
        "At worst, minilm-int8 is 60 % [51–69] right",
        "Drop: the share of what was right that is lost (performance drop rate).",
        "Fairness: the same message with other names",
        "Accessibility: messages as people write them who dictate",
        "Prompt sensitivity: the same instruction said in other words",
        "Every wrong or lost answer has one kind",
        "Systematic and random errors told apart by repeats",
        "On the dashed line it means what it says",
        "A slice: the items that share a tag",
        "All are judged together",
        "Stakes say what a wrong answer costs",
        "AUROC): the chance that it is surer of a right answer",
        "No judge here has been held against people yet",
        "What cannot be said, and why",
    ):
        assert phrase in text, phrase


def test_no_raw_name_of_a_kind_or_a_noise_is_left_in_what_is_read() -> None:
    """Modes and perturbations are in words everywhere but in the data and in the plan."""
    text = Outline(PAGE[: PAGE.index('<section id="method"')]).text
    for name in ("wrong_label", "outside_labels", "keyboard-typos", "no-punctuation", "swap-names"):
        assert name not in text


def test_no_sentence_names_a_cell_as_the_data_do() -> None:
    """Findings and notes are made with raw names of cells; the page says what was asked there."""
    arm = next(one.arm for one in STUDY.cells if one.corners == ("field",) and one.target == "loopback")
    other = next(one.arm for one in STUDY.cells if one.language == "hi" and one.target == "loopback")
    study = dataclasses.replace(
        STUDY, findings=(f"Worst slice: {arm}",), notes=(f"at the floor: {other} (chance)", "loopback is")
    )
    page = render(RUN, dataclasses.replace(FOUND, study=study))
    assert "Worst slice: loopback · zero-shot · 3 noises at once" in section(page, "answer")
    assert "At the floor: loopback · zero-shot · Hindi (chance)loopback is" in section(page, "unsaid")


def test_the_page_keeps_its_manners() -> None:
    """Unique ids, links that lead somewhere, headings in order, charts with name and table, small enough to mail."""
    outline = Outline(PAGE)
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in outline.all("a") if a["href"].startswith("#")} <= set(ids)
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in pairwise(levels))
    for name in ("lab-to-field", "harm-by-stakes"):
        figure = re.search(f'<figure class="chart[^>]*id="{name}">.*?</figure>', PAGE, flags=re.S)
        assert figure and "<table" in figure[0] and re.search(r'role="img" aria-label="[^"]{40,}"', figure[0])
    panels = re.findall(r'<figure class="panel" role="img" aria-label="([^"]+)"', PAGE)
    assert len(panels) == 6 and all(len(name) > 40 for name in panels)
    assert len(PAGE.encode()) <= 3_000_000
    assert render(RUN, FOUND) == PAGE


def test_a_plain_run_is_spared_what_it_did_not_ask() -> None:
    """Without noise, language or corner: kinds, calibration, slices; no field, no robustness, no finding on top."""
    cells = [one for one in asked() if one.role in ("base", "prompting")]
    cells = [dataclasses.replace(one, corners=()) for one in cells]
    run = field_run(24, cells)
    study = dataclasses.replace(study_of(cells, run), sensitivity=(), judged=(), ordinal=(), notes=())
    page = render(run, concluded(run, study))
    for name in ("wrong", "calibrated", "worst"):
        assert f'id="{name}"' in page
    for name in ("robustness", "judged", "unsaid", "in-field", "lab-to-field"):
        assert f'id="{name}"' not in page
    assert "What prompting changes" in section(page, "field")  # two promptings of a target are a gap all the same
    assert "cells with" not in words(Outline(page).text)


def test_a_run_without_a_study_is_the_page_it_was() -> None:
    """An empty study and none at all: no section, and the slices keep their own title."""
    run = demo_run(24)
    for study in (None, FieldStudy()):
        page = render(run, dataclasses.replace(conclude(run), study=study))
        assert not [name for name in SECTIONS[2:9] if f'id="{name}"' in page]
        assert "Share right by slice; a deeper shade is more right" in page


def test_other_cells_are_not_among_the_arms_decided_on() -> None:
    """Perturbed answers to an item are no disagreement about it, and enter no chart of latency."""
    page = render(RUN, dataclasses.replace(FOUND, study=None))
    plain = render(base_part(RUN), dataclasses.replace(FOUND, study=None))
    for name in ("disagreements", "answer", "all"):
        assert section(page, name) == section(plain, name)


def test_without_texts_confusions_and_examples_stay_away() -> None:
    """They hold what was right and what was answered; counts of kinds remain."""
    secret = dataclasses.replace(STUDY.confusions[0], reference="a reference nobody may see", answer="said in secret")
    found = dataclasses.replace(FOUND, study=dataclasses.replace(STUDY, confusions=(secret,)))
    assert "said in secret" in inside(render(RUN, found))
    page = render(RUN, found, texts=False)
    for text in ("said in secret", "a reference nobody may see", "(typed in a hurry)"):
        assert text not in inside(page)
    assert 'id="failure-modes"' in page and 'id="confused"' not in page and 'id="failed"' not in page


def test_strangers_words_stay_words() -> None:
    """Markup, controls and overrides in kinds, answers, slices, judges and sentences are shown, not obeyed."""
    bad = "<script>alert(1)</script>\u202egnp.exe\x1b[31m"
    study = dataclasses.replace(
        STUDY,
        findings=(bad,),
        notes=(bad,),
        modes=tuple(dataclasses.replace(one, mode=bad) for one in STUDY.modes),
        confusions=tuple(dataclasses.replace(one, reference=bad, answer=bad) for one in STUDY.confusions),
        slices=tuple(dataclasses.replace(one, tag=bad, value=bad) for one in STUDY.slices),
        judged=tuple(dataclasses.replace(one, judge=bad) for one in STUDY.judged),
        calibration=tuple(dataclasses.replace(one, signal=bad) for one in STUDY.calibration),
        cells=tuple(dataclasses.replace(one, prompting=bad, bound_why=bad) for one in STUDY.cells),
    )
    page = render(RUN, dataclasses.replace(FOUND, study=study))
    assert "<script>alert" not in page and "\u202e" not in page and "\x1b" not in page
    assert page.count("\\u202e") > 10 and page.count("\\x1b") > 10


# ----------------------------------------------------------------------------------------------- what travels inside


def rows_of(download: evidence.Download) -> list[dict[str, str]]:
    content = base64.b64decode(download.href.partition(",")[2])
    if download.name.endswith(".gz"):
        content = gzip.decompress(content)
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_every_request_says_what_its_text_went_through_and_what_went_wrong() -> None:
    """Perturbation, language and kind have columns; clean ones and right ones are empty."""
    rows = rows_of(evidence.records_csv(RUN, texts=True))
    assert len(rows) == len(RUN.records)
    assert {row["perturbation"] for row in rows} >= {"", "keyboard-typos(0.05)"}
    assert {row["language"] for row in rows} == {"", "es", "hi", "pcm"}
    assert all(bool(row["mode"]) == (row["score"] == "0") for row in rows if not row["failure"])


def test_every_cell_is_a_row_of_a_sheet() -> None:
    """With intervals, and the difference from the base; a plain run has no such sheet."""
    download = evidence.cells_csv(RUN, FOUND)
    assert download is not None and download.name == "7f3a-cells.csv"
    rows = {row["arm"]: row for row in rows_of(download)}
    assert len(rows) == 32
    row = rows["loopback · chain-of-thought"]
    assert (row["role"], row["corners"], row["calls"]) == ("prompting", "lab", "2")
    assert float(row["right_minus_base"]) == pytest.approx(0.12) and float(row["right_minus_base_low"]) < 0.12
    assert (
        rows["loopback · zero-shot"]["right_minus_base"] == "" and rows["smollm2-135m · zero-shot"]["bound"] == "floor"
    )
    assert evidence.cells_csv(RUN, dataclasses.replace(FOUND, study=None)) is None


def test_the_study_travels_as_json() -> None:
    """All of it, with the conclusion."""
    download = evidence.conclusion_json(RUN, FOUND, texts=True)
    content = json.loads(gzip.decompress(base64.b64decode(download.href.partition(",")[2])))
    study = content["conclusion"]["study"]
    assert len(study["cells"]) == 32 and study["rank"]["best_changes"] == 0.38
    assert study["findings"] == list(STUDY.findings)


def test_a_page_of_twenty_arms_and_a_thousand_requests_each_is_small_enough() -> None:
    """Kinds, confusions, calibration and slices of every arm, and the lists are capped."""
    arms = {f"target-{k}": Arm(0.3 + 0.03 * k, 20.0 * 1.2**k, 0.3) for k in range(20)}
    run = demo_run(items=1000, arms=arms)
    found = decide(run, draws=50)
    assert found.study is not None and found.study.modes
    page = render(run, found)
    assert len(page.encode()) <= 3_000_000
    assert page.count('<li data-kind="') <= 40


def test_what_is_really_concluded_is_a_page() -> None:
    """From a run of many cells with repeats and judges, through the study as it is made, to the page."""
    made = {
        "minilm": made_up.Made(0.8, shift={"es": -0.3, "keyboard-typos(0.05)": -0.2}, sure=0.1),
        "small": made_up.Made(0.2, sure=0.4),
        "api": made_up.Made(0.7, placement="stand-in", failure_rate=0.05),
    }
    run = made_up.run(
        made,
        items=40,
        repeats=2,
        prompting=("raw", {"few-shot": {"k": 5}}),
        perturbations=({"keyboard-typos": {"rate": 0.05}}, "swap-names"),
        languages=("es", "sw"),
    )
    found = decide(run, draws=200)
    page = render(run, found)
    for name in ("field", "robustness", "wrong", "calibrated"):
        assert f'id="{name}"' in page
    empty = dataclasses.replace(found, study=dataclasses.replace(found.study or FieldStudy(), cells=(), gaps=()))
    assert 'id="wrong"' in render(run, empty)


def test_a_study_of_absent_numbers_is_a_page_too() -> None:
    """Nothing was judged, priced or timed anywhere: reasons instead of numbers, no exception."""
    none = Estimate.absent("nothing was judged")

    def emptied(value: object) -> object:
        if isinstance(value, Estimate):
            return none
        if isinstance(value, tuple):
            return tuple(emptied(one) for one in value)
        if isinstance(value, dict):
            return {key: emptied(one) for key, one in value.items()}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            changes = {one.name: emptied(getattr(value, one.name)) for one in dataclasses.fields(value)}
            return dataclasses.replace(value, **changes)
        return value

    study = emptied(STUDY)
    assert isinstance(study, FieldStudy)
    page = render(RUN, dataclasses.replace(FOUND, study=study))
    assert "nothing was judged" in page and 'id="lab-to-field"' not in page
