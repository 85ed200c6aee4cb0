"""The page's own speed: size, time to write, time to the first paint and to live charts.

``python benchmarks/report_page.py [ARMS] [REQUESTS]`` (10 and 1,000 by default). Needs Chromium for the last two.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from edgebench.decide.conclude import conclude
from edgebench.report.page import render
from tests.builders import Arm
from tests.report.conclusions import demo_run

REPEATS = 5


def main() -> None:
    arms, requests = (int(text) for text in (*sys.argv[1:], *("10", "1000")[len(sys.argv) - 1 :]))
    run = demo_run(items=requests, arms={f"target-{k}": Arm(0.3 + 0.06 * k, 8.0 * 1.7**k, 0.3) for k in range(arms)})
    began = time.perf_counter()
    found = conclude(run)
    print(f"{arms} targets × {requests} requests; concluded in {time.perf_counter() - began:.2f} s")
    began = time.perf_counter()
    page = render(run, found)
    print(f"written   {time.perf_counter() - began:.2f} s (first in the process, plotly.js packed too)")
    began = time.perf_counter()
    render(run, found)
    print(f"again     {time.perf_counter() - began:.2f} s")
    print(f"size      {len(page.encode()) / 1e6:.2f} MB")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        in_chromium(file)


def in_chromium(file: Path) -> None:
    """Paint and live times over fresh contexts; milliseconds since the navigation began."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("Chromium is not installed: nothing more to measure")
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        seen = [visit(browser, file) for _ in range(REPEATS)]
        browser.close()
    for name in ("painted", "loaded", "live", "first chart"):
        values = sorted(one[name] for one in seen)
        print(f"{name:<12}{values[len(values) // 2]:6.0f} ms median of {REPEATS} ({values[0]:.0f}–{values[-1]:.0f})")
    print(f"requests    {sum(one['requests'] for one in seen)}   console lines {sum(one['lines'] for one in seen)}")


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


if __name__ == "__main__":
    main()
