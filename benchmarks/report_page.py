"""The report: 10 targets × 1,000 requests, written and opened in Chromium"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.result import Result, of
from edgebench.decide.conclude import conclude
from edgebench.report.page import render
from tests.builders import Arm
from tests.report.conclusions import demo_run

ARMS, REQUESTS, REPEATS = 10, 1000, 5


def measure() -> list[Result]:
    """Size, seconds to conclude and to write; and, where there is Chromium, to the first paint and live charts."""
    arms = {f"target-{k}": Arm(0.3 + 0.06 * k, 8.0 * 1.7**k, 0.3) for k in range(ARMS)}
    run = demo_run(items=REQUESTS, arms=arms)
    concluding, writing = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        found = conclude(run)
        concluded = time.perf_counter()
        page = render(run, found)
        concluding.append(concluded - began)
        writing.append(time.perf_counter() - concluded)
    results = [
        of("size", [len(page.encode()) / 1e6], "MB", at_most=3),
        of("concluded", concluding, "s"),
        of("written", writing, "s", at_most=5),
    ]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        return results + in_chromium(file)


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
    return [
        of("static content painted", [one["painted"] for one in seen], "ms", at_most=500),
        of("first chart interactive", [one["first chart"] for one in seen], "ms", at_most=3000),
        of("network requests", [one["requests"] for one in seen], "", at_most=0),
        of("console lines", [one["lines"] for one in seen], "", at_most=0),
    ]


def visit(browser: Any, file: Path) -> dict[str, float]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
    page = context.new_page()
    requests: list[str] = []
    lines: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda line: lines.append(line.text))
    page.on("pageerror", lambda error: lines.append(str(error)))
    page.goto(file.as_uri())
    page.locator("html[data-live]").wait_for(timeout=60_000)
    live = page.evaluate("performance.now()")
    page.locator("#accuracy-latency").scroll_into_view_if_needed()
    page.locator("#accuracy-latency .main-svg").first.wait_for(timeout=60_000)
    chart = page.evaluate("performance.now()")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    loaded = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
    context.close()
    return {
        "painted": paint,
        "loaded": loaded,
        "live": live,
        "first chart": chart,
        "requests": len([url for url in requests if not url.startswith("file:")]),
        "lines": len(lines),
    }
