"""The page as a whole: self-contained, the same every time, and deaf to hostile texts."""

from __future__ import annotations

import base64
import csv
import dataclasses
import gzip
import hashlib
import io
import json
import lzma
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

import edgebench.report
from edgebench.metrics.devices import load_device
from edgebench.records import METRICS, Advice, Estimate, Run, Usage
from edgebench.report import evidence, interactive, observed, tables
from edgebench.report.looks import looks
from edgebench.report.page import render
from tests.builders import Arm
from tests.report.conclusions import conclude, demo_run

RUN = demo_run()
FOUND = conclude(RUN)
PAGE = render(RUN, FOUND)


class Outline(HTMLParser):
    """Tags, attributes and texts, as a browser would find them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.within = ""
        self.scripts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.within = tag
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        if self.within == "script":
            self.scripts.append(data)
        elif self.within != "style":
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


OUTLINE = Outline(PAGE)


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_same_run_gives_the_same_bytes() -> None:
    """No clock, no random id: an equal run, built anew, renders byte for byte alike."""
    again = demo_run()
    assert render(again, conclude(again)) == PAGE


def test_the_page_is_small_enough_to_mail() -> None:
    """plotly.js travels once and compressed."""
    assert len(PAGE.encode()) <= 3_000_000
    assert PAGE.count('id="library"') == 1


def test_the_page_asks_for_nothing() -> None:
    """No address but data: anywhere, and a policy that would refuse one."""
    for tag, attributes in OUTLINE.tags:
        for name in ("src", "href", "action", "srcset", "poster", "data"):
            if name in attributes:
                assert attributes[name].startswith(("data:", "#")), (tag, name)
    assert (
        "http"
        not in re.sub(r'<script type="text/plain".*?</script>', "", PAGE, flags=re.S).replace("http-equiv", "").lower()
    )
    assert "@import" not in PAGE and "url(" not in PAGE


def bytes_of(packed: str) -> bytes:
    """What travels inside the page, from its signs."""
    count, _, signs = packed.partition(" ")
    return base64.b85decode(signs.translate(str.maketrans(",:.", "<>&")))[: int(count)]


def test_the_policy_allows_exactly_the_two_scripts() -> None:
    """The hash of our script and of the unpacked library are in the policy; eval and unsafe scripts are not."""
    policy = next(a["content"] for a in OUTLINE.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    library, ours = OUTLINE.scripts[1], OUTLINE.scripts[2]
    hashes = re.findall(r"'sha256-([^']+)'", policy)
    texts = (ours.encode(), lzma.decompress(bytes_of(library), format=lzma.FORMAT_RAW, filters=interactive.FILTERS))
    assert hashes == [base64.b64encode(hashlib.sha256(text).digest()).decode() for text in texts]
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.split("script-src")[1].split(";")[0]


def test_the_first_screen_has_question_answer_certainty_and_what_would_change_it() -> None:
    """They come before the first table, in this order."""
    before = words(Outline(PAGE.split("<table")[0]).text)
    parts = [RUN.plan.question, FOUND.advice.headline, "Why", "How sure", "What would change it"]
    places = [before.index(words(part), before.rindex(RUN.plan.question)) for part in parts]
    assert places == sorted(places)
    for line in (*FOUND.advice.how_sure, *FOUND.advice.what_would_change_it):
        assert words(line) in before


def test_stand_ins_are_marked_where_they_appear() -> None:
    """In the header, in the table and as a hollow triangle."""
    assert "stand-in" in OUTLINE.text.split("The answer")[0]
    assert "stand-in · llama_cpp.server · n = 80" in words(OUTLINE.text)


def test_every_chart_has_a_name_and_a_table() -> None:
    """role=img with a summary, and a real table in the same figure."""
    figures = re.findall(r'<figure class="chart[ "].*?</figure>', PAGE, flags=re.S)
    assert len(figures) == 9
    for figure in figures:
        assert re.search(r'role="img" aria-label="[^"]{40,}"', figure)
        assert "<table" in figure and "<svg" in figure


def test_the_page_has_landmarks_and_unique_ids() -> None:
    """A language, a skip link, header, main, footer; no id twice; headings in order."""
    assert OUTLINE.all("html")[0]["lang"] == "en"
    assert len(OUTLINE.all("main")) == len(OUTLINE.all("header")) == len(OUTLINE.all("footer")) == 1
    ids = [attributes["id"] for _, attributes in OUTLINE.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [a["href"][1:] for a in OUTLINE.all("a") if a["href"].startswith("#")]
    assert links and set(links) <= set(ids)
    levels = [int(tag[1]) for tag, _ in OUTLINE.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in pairwise(levels))


def test_every_metric_stands_beside_its_formula() -> None:
    """The evidence lists all metrics with how they are computed."""
    text = words(OUTLINE.text)
    for metric in METRICS.values():
        assert words(metric.explain) in text


def test_an_absent_number_points_to_its_reason() -> None:
    """Every "—" is a link to a note that holds the reason, and a title says it on hover."""
    made = tables.overview(FOUND, looks(FOUND.summary))
    absent = [cell for row in made.rows for cell in row if cell.text == "—"]
    assert absent and all(cell.note and made.notes[cell.note - 1] == cell.why for cell in absent)
    assert 'id="targets-why-1"' in PAGE


def test_terms_are_explained() -> None:
    """TTFT, p99, Pareto, duty cycle and SLO have their line."""
    text = words(OUTLINE.text)
    for phrase in ("TTFT: time to the first", "p99 likewise", "The front (Pareto):", "Duty cycle:", "An SLO ("):
        assert phrase in text


def test_an_invalid_run_says_so_first() -> None:
    """The banner with its reasons stands before the answer, and the numbers stay."""
    reasons = ("the machine did other work: 41 % of a core; close other programs and run again",)
    page = render(RUN, conclude(RUN, verdict="INVALID", reasons=reasons))
    outline = Outline(page)
    assert outline.all("body")[0]["class"] == "invalid"
    assert outline.text.index("✗ INVALID") < outline.text.index(reasons[0]) < outline.text.index("The answer")
    assert [tag for tag, attributes in outline.tags if attributes.get("role") == "alert"] == ["div"]
    assert "few-shot(5)" in outline.text


def test_an_invalid_run_without_a_reason_says_what_to_do() -> None:
    """Even a bundle that lost its reasons leaves no one without a next step."""
    page = words(Outline(render(RUN, conclude(RUN, verdict="INVALID"))).text)
    assert "No reason was kept; take the run again: edgebench run --new" in page


def test_the_instrument_stands_on_the_first_screen_and_its_checks_at_the_foot() -> None:
    """One line before the answer, a link, and the table of every check after the evidence."""
    before, _, after = PAGE.partition('id="answer"')
    assert '<a href="#instrument">stamps within 0.08 ms (p99 of n = 12,800)' in before
    foot = words(Outline(after[after.index('id="instrument"') :].split("</section>")[0]).text)
    assert after.index('id="instrument"') > after.index('id="method"')
    assert "TTFT error p99 0.09 ms ≤ 0.25 ms 800 ✓ passed" in foot
    assert "✗ failed recorded, not judged" in foot and "6.2 s in its short form" in foot


def test_a_page_without_a_certificate_says_how_to_get_one() -> None:
    """Skipped or from before there were any: a plain sentence and the command, never an empty table."""
    for certificate, why in (({}, "holds no certificate"), ({"skipped": "--no-certify was given"}, "--no-certify")):
        run = with_certificate(RUN, certificate)
        text = words(Outline(render(run, FOUND)).text)
        assert why in text and "not certified" in text and "edgebench certify" in text


def with_certificate(run: Run, certificate: Mapping[str, object]) -> Run:
    return dataclasses.replace(
        run, segments=tuple(dataclasses.replace(one, certificate=certificate) for one in run.segments)
    )


def test_a_summary_of_an_older_run_is_a_page_too() -> None:
    """No phases, no memory by phase, no scenarios: the sections leave, nothing breaks."""
    arms = tuple(dataclasses.replace(arm, phases={}, memory={}, scenarios=()) for arm in FOUND.summary.arms)
    page = render(RUN, dataclasses.replace(FOUND, summary=dataclasses.replace(FOUND.summary, arms=arms)))
    assert 'id="where-time-goes"' not in page and 'id="memory"' not in page
    assert "Requests came one at a time" in page


def test_what_a_longer_run_could_show_is_listed() -> None:
    """Three lines in sight, the rest unfold; without lines there is no section."""
    lines = tuple(f"to see {k} % at p50 you need n = {k}" for k in range(5))
    page = render(RUN, dataclasses.replace(FOUND, summary=dataclasses.replace(FOUND.summary, sample_size=lines)))
    section = page[page.index('id="longer"') :].split("</section>")[0]
    assert all(line in section for line in lines)
    assert section.index(lines[2]) < section.index("<details>") < section.index(lines[3])
    none = dataclasses.replace(FOUND, summary=dataclasses.replace(FOUND.summary, sample_size=()))
    assert 'id="longer"' not in render(RUN, none)


def test_token_counts_that_contradict_each_other_are_shown_side_by_side() -> None:
    """Both counts and the difference stand with the failures; without a contradiction there is no table."""
    records = list(RUN.records)
    for place in (0, 1):
        call = records[place].calls[0]
        usage = Usage(100, 30, 0, None, "provider")
        call = dataclasses.replace(call, usage=usage, client_output_tokens=20, notices=("usage_contradicts",))
        records[place] = dataclasses.replace(records[place], calls=(call,))
    page = render(dataclasses.replace(RUN, records=tuple(records)), FOUND)
    shown = words(Outline(page[page.index('id="usage"') :].split("</table>")[0]).text)
    assert "2 60 40 +20 +50.0 %" in shown
    assert 'id="usage"' not in PAGE


def test_no_recommendation_is_a_page_too() -> None:
    """Nothing recommended, nothing answered, no memory, no price: still a page."""
    run = demo_run(items=8, arms={"dead": Arm(0.5, failure_rate=1.0, peak_mib=None)})
    found = conclude(run)
    advice = Advice(None, "Nothing can be recommended: no request was answered", (), (), ())
    page = render(run, dataclasses.replace(found, advice=advice))
    assert advice.headline in Outline(page).text


def test_without_texts_nothing_a_person_wrote_or_a_model_said_is_in_the_page() -> None:
    """Items, references and failure messages leave the page and the data inside it."""
    page = render(RUN, FOUND, texts=False)
    inside = page + "".join(
        gzip.decompress(base64.b64decode(data)).decode() for data in re.findall(r"gzip;base64,([^\"]+)", page)
    )
    for item in RUN.workload.items:
        assert item.text not in inside
    assert "no answer in 1 s" not in inside
    assert "left out of this page on request" in words(Outline(page).text)


def rows_of(run: Run) -> list[dict[str, str]]:
    download = evidence.records_csv(run, texts=True)
    content = gzip.decompress(base64.b64decode(download.href.partition(",")[2])).decode()
    return list(csv.DictReader(io.StringIO(content)))


def test_an_auditor_recomputes_accuracy_and_latency_from_the_data_inside() -> None:
    """The CSV alone gives the numbers of the table."""
    rows = rows_of(RUN)
    assert len(rows) == len(RUN.records)
    for arm in FOUND.summary.arms:
        mine = [row for row in rows if row["arm"] == arm.arm]
        right = sum(float(row["score"] or 0) for row in mine) / len(mine)
        assert right == pytest.approx(arm.estimates["accuracy"].value)
        steady = [int(row["done_us"]) / 1e3 for row in mine if row["done_us"] and row["cold"] == "0"]
        assert tuple(sorted(steady)) == pytest.approx(observed.observe(RUN)[arm.arm].latency_ms, abs=6e-4)


def test_an_auditor_recomputes_cost_from_the_data_inside() -> None:
    """Tokens at the rates of the page, or busy microseconds at the device's dollars: the CSV alone gives them."""
    f = {name: float(figure.value) for name, figure in load_device("x86-laptop").figures.items()}
    owned = f["price_usd"] * (1 - f["residual_fraction"]) * (1 + f["maintenance_fraction"])
    a_busy_s = owned / (f["lifetime_years"] * 31_557_600 * f["duty_cycle"])
    a_busy_s += (f["active_w"] + f["idle_w"] * (1 / f["duty_cycle"] - 1)) * f["kwh_usd"] / 3.6e6
    for arm in FOUND.summary.arms:
        mine = [row for row in rows_of(RUN) if row["arm"] == arm.arm]
        if arm.identity.placement == "device":
            busy = [int(row["busy_us"] or int(row["done_us"]) - int(row["sent_us"])) / 1e6 for row in mine]
            usd = sum(busy) * a_busy_s / len(busy)
        else:
            usd = sum(
                int(r["input_tokens"]) * 0.15e-6 + int(r["output_tokens"]) * 0.6e-6 for r in mine if r["output_tokens"]
            )
            usd /= len([r for r in mine if r["output_tokens"]])
        assert usd * 1000 == pytest.approx(arm.estimates["usd_per_1k"].value, rel=0.03)


def test_moments_can_be_chained_again() -> None:
    """Due after the end of the one before, in the same start: adding up gives back when each request was due."""
    arms = {trial.id: trial for trial in RUN.trials}
    zero, ends = min(record.due_ns for record in RUN.records) / 1e3, {}
    for row, record in zip(rows_of(RUN), RUN.records, strict=True):
        due = ends.get(record.trial_id, zero) + int(row["due_us"])
        assert due == pytest.approx(record.due_ns / 1e3, abs=len(RUN.records))
        answered = int(row["done_us"]) if row["done_us"] else int(row["sent_us"]) + int(row["busy_us"])
        ends[record.trial_id] = due + answered
        assert row["arm"] == arms[record.trial_id].arm


def test_the_conclusion_travels_as_json_with_items_and_plan() -> None:
    """Items with references, identities, host, estimates: everything but the requests themselves."""
    download = evidence.conclusion_json(RUN, FOUND, texts=True)
    content = json.loads(gzip.decompress(base64.b64decode(download.href.partition(",")[2])))
    assert content["plan_digest"] == RUN.plan.digest
    assert content["items"][3]["reference"] == RUN.workload.items[3].reference
    assert content["conclusion"]["summary"]["arms"][0]["estimates"]["accuracy"]["value"] is not None


def test_spreadsheets_find_no_formula_in_the_data() -> None:
    """An answer that starts like a formula is quoted."""
    first = RUN.records[0]
    assert first.answer is not None
    answer = dataclasses.replace(first.answer, text='=HYPERLINK("x")')
    run = dataclasses.replace(RUN, records=(dataclasses.replace(first, answer=answer), *RUN.records[1:]))
    assert rows_of(run)[0]["answer"] == '\'=HYPERLINK("x")'


def test_unknown_tokens_stay_empty() -> None:
    """A request whose tokens nobody counted has no token count, not a count of zero."""
    first = RUN.records[0]
    call = dataclasses.replace(first.calls[0], usage=None)
    run = dataclasses.replace(RUN, records=(dataclasses.replace(first, calls=(call,)), *RUN.records[1:]))
    assert rows_of(run)[0]["input_tokens"] == ""


def test_the_plan_is_written_as_a_person_would() -> None:
    """YAML with only what differs from the defaults, without the folder of this machine."""
    plan = yaml.safe_load(evidence.plan_yaml(dataclasses.replace(RUN.plan, folder="/somewhere/private")))
    assert plan["question"] == RUN.plan.question
    assert plan["slos"][0] == {"metric": "p95_ms", "max": 200.0}
    assert "folder" not in plan and "seeds" not in plan


def test_disagreements_are_gravest_first_and_capped() -> None:
    """Sorted by stakes; sixty shown, the rest counted."""
    run = demo_run(items=120)
    found = observed.disagreements(run)
    stakes = [one.item.stakes or 0 for one in found]
    assert stakes == sorted(stakes, reverse=True) and len(found) > 60
    page = render(run, conclude(run))
    assert page.count("<li data-wrong=") == 60
    assert f"the other {len(found) - 60} are in the data below" in words(Outline(page).text)


def test_a_long_text_is_cut_in_the_page_and_whole_in_the_data() -> None:
    """An item of 100,000 characters does not make the page as long."""
    long = dataclasses.replace(RUN.workload.items[0], input="word " * 20_000)
    items = (long, *RUN.workload.items[1:])
    old, new = RUN.workload.items[0].digest, long.digest
    records = tuple(dataclasses.replace(r, item_digest=new) if r.item_digest == old else r for r in RUN.records)
    run = dataclasses.replace(RUN, workload=dataclasses.replace(RUN.workload, items=items), records=records)
    assert "word " * 200 not in render(run, conclude(run))


def test_an_estimate_word_stands_beside_what_was_not_measured() -> None:
    """Estimated cost is said to be estimated, in the table and on the first screen."""
    arm = FOUND.summary.arms[0]
    cell = tables.number_cell(dataclasses.replace(arm.estimates["p50_ms"], provenance="estimated"), "p50_ms")
    assert cell.word == "estimated"
    assert tables.number_cell(Estimate(1.0, n=3), "p50_ms").word == ""


# ------------------------------------------------------------------------------------------------ contrast


def colours() -> dict[str, tuple[str, str]]:
    style = (Path(edgebench.report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    found = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", style)
    return {name: (light, dark) for name, light, dark in found}


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1])
def test_texts_and_marks_have_contrast_in_both_themes(theme: int) -> None:
    """4.5:1 for text on its background, 3:1 for marks."""
    found = {name: pair[theme] for name, pair in colours().items()}
    for name in ("ink", "muted", "accent", "good", "bad", "warn"):
        for ground in ("page", "raised"):
            assert contrast(found[name], found[ground]) >= 4.5, (name, ground)
    for name in ("good", "bad", "warn", "stop"):
        assert contrast(found[name], found[f"{name}-soft"]) >= 4.5, name
        assert contrast(found["ink"], found[f"{name}-soft"]) >= 4.5, name
    for k in range(1, 9):
        assert contrast(found[f"arm-{k}"], found["page"]) >= 3.0, k
        assert contrast(found[f"arm-{k}"], found["raised"]) >= 2.7, k
