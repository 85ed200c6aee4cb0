"""The report: 20 targets × 1,000 requests with hybrids, capacities and sliders, written and opened in Chromium

A third of the targets are hosted. Slider: from the move to the first task after its frame was painted.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.result import Result, of
from edgebench.decide.conclude import conclude
from edgebench.records import Conclusion, PriceSpec, Run
from edgebench.report.page import render
from tests.browser.test_report import SLIDE
from tests.builders import Arm
from tests.report.conclusions import decided, demo_run

ARMS, REQUESTS, REPEATS = 20, 1000, 5
PRICE = PriceSpec(
    input_per_million=Decimal("0.15"), output_per_million=Decimal("0.60"), source="a list", as_of="2026-11"
)


def measure() -> list[Result]:
    """Size, seconds to conclude and to write; and, where there is Chromium, to the first paint, chart and decision."""
    run = made()
    concluding, writing = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        found = conclude(run)
        concluded = time.perf_counter()
        page = render(run, whole(found))
        concluding.append(concluded - began)
        writing.append(time.perf_counter() - concluded)
    results = [
        of("size", [len(page.encode()) / 1e6], "MB", at_most=3),
        of("concluded", concluding, "s"),
        of("written", writing, "s", at_most=5, note="the first of them packs plotly.js"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        return results + in_chromium(file)


def made() -> Run:
    """Twenty targets of a run that never was, each with a price."""
    arms = {
        f"target-{k}": Arm(0.3 + 0.03 * k, 8.0 * 1.3**k, 0.3, ("device", "device", "hosted")[k % 3])
        for k in range(ARMS)
    }
    run = demo_run(items=REQUESTS, arms=arms)
    specs = {
        name: dataclasses.replace(spec, price=PRICE) if run.identities[name].placement == "hosted" else spec
        for name, spec in run.plan.targets.items()
    }
    return dataclasses.replace(run, plan=dataclasses.replace(run.plan, targets=specs))


def whole(found: Conclusion) -> Conclusion:
    """With every section: what the run itself does not give is made up."""
    rest = decided(found)
    return dataclasses.replace(
        found,
        cascades=found.cascades or rest.cascades,
        capacities=found.capacities or rest.capacities,
        changes=found.changes or rest.changes,
    )


def in_chromium(file: Path) -> list[Result]:
    """Times since the navigation began, each visit in a fresh context; nothing where Chromium is not installed."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return []
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        seen = [visit(browser, file) for _ in range(REPEATS)]
        browser.close()
    slides = [one for each in seen for one in each["slides"]]
    return [
        of("static content painted", [one["painted"] for one in seen], "ms", at_most=500),
        of("first chart interactive", [one["first chart"] for one in seen], "ms", at_most=3000),
        of("a slider moved, decision repainted", slides, "ms", at_most=100),
        of("network requests", [one["requests"] for one in seen], "", at_most=0),
        of("console lines", [one["lines"] for one in seen], "", at_most=0),
    ]


def visit(browser: Any, file: Path) -> dict[str, Any]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    requests: list[str] = []
    lines: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda line: lines.append(line.text))
    page.on("pageerror", lambda error: lines.append(str(error)))
    page.goto(file.as_uri())
    page.locator("html[data-live]").wait_for(timeout=60_000)
    page.locator("#accuracy-latency").scroll_into_view_if_needed()
    page.locator("#accuracy-latency .main-svg").first.wait_for(timeout=60_000)
    chart = page.evaluate("performance.now()")
    page.locator("#cost-duty .drawing").scroll_into_view_if_needed()
    page.locator("#cost-duty .main-svg").first.wait_for(timeout=60_000)
    page.locator("#what-if").scroll_into_view_if_needed()
    slides = page.evaluate(SLIDE)
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return {
        "painted": paint,
        "first chart": chart,
        "slides": slides,
        "requests": len([url for url in requests if not url.startswith("file:")]),
        "lines": len(lines),
    }
