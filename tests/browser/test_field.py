"""The field study in a real browser: silent, reached by keyboard, readable on phone and paper, deaf to payloads."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgebench.records import FieldStudy, Run
from edgebench.report.page import render
from tests.browser.test_report import CHROMIUM, PAYLOADS, Visit, expect, sync_api
from tests.report.conclusions import decided
from tests.report.studies import concluded, field_run, study_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]
WIDE = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A study of 32 cells of three targets with everything the page knows, and the same in payloads."""
    folder, run = tmp_path_factory.mktemp("pages"), field_run(80)
    study = study_of(run=run)
    pages = {
        "field": render(run, decided(concluded(run, study))),
        "hostile": render(dirty(run), concluded(run, soiled(study))),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


def dirty(run: Run) -> Run:
    """Messages, answers and references in payloads."""
    items = {
        item.digest: dataclasses.replace(item, input=f"{PAYLOADS[k % len(PAYLOADS)]} {k}", reference=PAYLOADS[k % 7])
        for k, item in enumerate(run.workload.items)
    }
    records = tuple(
        dataclasses.replace(
            one,
            item_digest=items[one.item_digest].digest,
            answer=one.answer and dataclasses.replace(one.answer, text=PAYLOADS[k % len(PAYLOADS)]),
        )
        for k, one in enumerate(run.records)
    )
    return dataclasses.replace(
        run, workload=dataclasses.replace(run.workload, items=tuple(items.values())), records=records
    )


def soiled(study: FieldStudy) -> FieldStudy:
    """The study with a payload wherever a stranger's word may stand."""
    bad = list(PAYLOADS)
    return dataclasses.replace(
        study,
        findings=tuple(bad[:4]),
        notes=tuple(bad),
        cells=tuple(
            dataclasses.replace(
                one, prompting=bad[k % len(bad)], perturbation=bad[k % 9] if one.language == "" else "none"
            )
            for k, one in enumerate(study.cells)
        ),
        gaps=tuple(dataclasses.replace(one, why=bad[k % len(bad)]) for k, one in enumerate(study.gaps)),
        grid=tuple(dataclasses.replace(one, language=bad[1]) if one.language else one for one in study.grid),
        modes=tuple(dataclasses.replace(one, mode=bad[k % len(bad)]) for k, one in enumerate(study.modes)),
        confusions=tuple(
            dataclasses.replace(one, reference=bad[k], answer=bad[k + 1]) for k, one in enumerate(study.confusions)
        ),
        calibration=tuple(dataclasses.replace(one, signal=bad[k]) for k, one in enumerate(study.calibration)),
        slices=tuple(dataclasses.replace(one, tag=bad[k], value=bad[k + 2]) for k, one in enumerate(study.slices)),
        judged=tuple(dataclasses.replace(one, judge=bad[k]) for k, one in enumerate(study.judged)),
    )


def alive(visit: Visit) -> None:
    """Wait until the study's own charts are live ones."""
    expect(visit.page.locator("html")).to_have_attribute("data-live", "yes", timeout=30_000)
    for name in ("lab-to-field", "harm-by-stakes"):
        visit.page.locator(f"#{name} .drawing").scroll_into_view_if_needed()
        expect(visit.page.locator(f"#{name} .live .main-svg").first).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_study_is_silent_and_its_charts_come_alive(chromium: Any, files: dict[str, Path], scheme: str) -> None:
    """Slopes and bars among the live charts; reliability curves stay as drawn; nothing is fetched or logged."""
    visit = Visit(chromium, files["field"], color_scheme=scheme, viewport=WIDE)
    alive(visit)
    assert visit.page.locator(".panel svg:not(.sign):visible").count() == 6
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 1280
    assert visit.misdeeds == []


def test_payloads_in_a_study_stay_texts(chromium: Any, files: dict[str, Path]) -> None:
    """Unfolded to the last row: no dialog, no request, no console line, no element of theirs."""
    visit = Visit(chromium, files["hostile"], viewport=WIDE)
    alive(visit)
    visit.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert visit.page.locator("main script, main img, main iframe, main object, main embed").count() == 0
    handlers = "els => els.filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
    assert visit.page.locator("*").evaluate_all(handlers) == 0
    assert "\\u202e)1(trela" in visit.page.locator("main").inner_text()
    assert visit.misdeeds == []


def test_wrong_answers_are_filtered_by_keyboard(chromium: Any, files: dict[str, Path]) -> None:
    """By words, kind and target together, with the count said; the disagreements keep a filter of their own."""
    visit = Visit(chromium, files["field"], viewport=WIDE)
    box = visit.page.locator("#failed")
    items, said = box.locator(".disputes > li:not([hidden])"), box.locator("output")
    whole = items.count()
    expect(said).to_have_text(f"{whole} of {whole}")
    kind = box.locator("select[data-key=kind]")
    kind.focus()
    visit.page.keyboard.press("ArrowDown")
    first = kind.evaluate("element => element.selectedOptions[0].textContent")
    assert 0 < items.count() < whole
    assert all(first in text for text in items.all_inner_texts())
    visit.page.get_by_label("Said by").select_option(label="loopback")
    assert all("loopback" in text and first in text for text in items.all_inner_texts())
    visit.page.get_by_label("Search the wrong answers").fill("no such words anywhere")
    expect(said).to_have_text(f"0 of {whole}")
    assert visit.page.locator("#disagreements .disputes > li:not([hidden])").count() > 0
    assert visit.misdeeds == []


def test_findings_lead_to_their_numbers(chromium: Any, files: dict[str, Path]) -> None:
    """In the first screens, by keyboard to the section."""
    visit = Visit(chromium, files["field"], viewport=WIDE)
    link = visit.page.get_by_role("link", name="from the lab to the field")
    link.focus()
    visit.page.keyboard.press("Enter")
    expect(visit.page.locator("#field-title")).to_be_in_viewport()


def test_the_study_is_whole_without_javascript(chromium: Any, files: dict[str, Path]) -> None:
    """Drawings, tables and examples show; what needs a script does not."""
    visit = Visit(chromium, files["field"], java_script_enabled=False, viewport=WIDE)
    for place in (
        "#lab-to-field .static.wide svg",
        "#harm-by-stakes .static.wide svg",
        "#robustness-grid",
        "#failed li",
    ):
        expect(visit.page.locator(place).first).to_be_visible()
    expect(visit.page.locator("#failed form")).to_be_hidden()


def test_a_phone_reads_the_study_without_moving_sideways(chromium: Any, files: dict[str, Path]) -> None:
    """Only tables scroll; drawings are the narrow ones."""
    visit = Visit(chromium, files["field"], viewport={"width": 390, "height": 844})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert visit.page.locator("#lab-to-field .static.narrow svg:visible").count() == 1
    boxes = visit.page.locator("#field .card, #robustness .card, #wrong .card, #calibrated .card").all()
    assert boxes and all((box.bounding_box() or {})["width"] <= 390 for box in boxes)


def test_thirty_two_cells_print_on_eight_pages(chromium: Any, files: dict[str, Path]) -> None:
    """Eight arms with hybrids, capacities, judges and everything of the study."""
    visit = Visit(chromium, files["field"], color_scheme="dark", viewport=WIDE)
    printed = visit.page.pdf(prefer_css_page_size=True)
    assert 4 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 8


#: font sizes in points on a sheet of paper: the smallest of sentences, and of everything that is not drawn
SIZES = """(sentences) => {
  const points = (element) => parseFloat(getComputedStyle(element).fontSize) * 0.75;
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = { sentences: 99, all: 99 };
  while (words.nextNode()) {
    const element = words.currentNode.parentElement;
    const seen = words.currentNode.textContent.trim() && element.checkVisibility();
    if (!seen || element.closest("svg, script, style, .unseen")) continue;
    found.all = Math.min(found.all, points(element));
    if (element.closest(sentences)) found.sentences = Math.min(found.sentences, points(element.closest(sentences)));
  }
  return found;
}"""


def test_paper_is_read_without_a_glass_and_nothing_runs_over_its_edge(chromium: Any, files: dict[str, Path]) -> None:
    """Findings in 8.5 points, tables and notes in 6.7; what is too wide would make Chromium shrink the whole sheet."""
    visit = Visit(chromium, files["field"], viewport={"width": 718, "height": 1054})  # A4 within its margins
    visit.page.emulate_media(media="print")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 718
    sizes = visit.page.evaluate(SIZES, "h1, h2, h3, .verdicts li")
    assert sizes["sentences"] >= 8.5 and sizes["all"] >= 6.7
