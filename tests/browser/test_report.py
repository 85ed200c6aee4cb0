"""The page in a real browser: nothing is fetched, nothing is logged, hostile texts stay texts."""

from __future__ import annotations

import dataclasses
import gzip
import math
import re
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench.decide.whatif import Settings, reconsider
from edgebench.records import SLO, Conclusion, Failure, Identity, Material, MaterialArm, PriceSpec, Run
from edgebench.report import sliders
from edgebench.report.page import render
from tests.builders import Arm
from tests.report.conclusions import conclude, decided, demo_run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]

PAYLOADS = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "</svg><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='http://evil.invalid/x.png'>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<body onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='http://evil.invalid/x'></object>",
    "<embed src='http://evil.invalid/x'>",
    "<link rel=stylesheet href='http://evil.invalid/x.css'>",
    "<meta http-equiv=refresh content='0;url=http://evil.invalid/'>",
    "<base href='http://evil.invalid/'>",
    "<form action='http://evil.invalid/'><button autofocus onfocus=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<a href='javascript:alert(1)'>click</a>",
    '" onmouseover=alert(1) x="',
    "' onfocus='alert(1)' autofocus='",
    '" style="background:url(http://evil.invalid/x)" x="',
    "{{ 7*7 }}{% for x in y %}",
    "${alert(1)}`${alert(1)}`",
    "<!--<script>alert(1)//-->",
    "]]><script>alert(1)</script>",
    "\u2028alert(1)\u2029",
    "\x1b]0;owned\x07\x1b[31mred",
    "\u202e)1(trela\u202c",
    "\x00<\x00script>alert(1)</script>",
    "<math><mtext><img src=x onerror=alert(1)></mtext></math>",
    '<span style="color:var(--arm-1)">x</span><script>alert(1)</script>',
    "%{x}%{customdata}<extra></extra>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
)


FORGED = [
    {"name": f"chunk-error-p99 {one}", "value": 1, "unit": one, "limit": 2, "passed": True, "judged": True, "note": one}
    for one in PAYLOADS
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


class Visit:
    """A page that was opened, and all it did that it should not."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
        self.context = browser.new_context(offline=True, **options)
        self.page = self.context.new_page()
        self.misdeeds: list[str] = []
        self.page.on("console", lambda message: self.misdeeds.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.misdeeds.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", self._request)
        self.address = file.as_uri()
        self.page.goto(self.address)

    def _dialog(self, dialog: Any) -> None:
        self.misdeeds.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Any) -> None:
        if request.url != self.address:
            self.misdeeds.append(f"request: {request.url[:100]}")

    def live(self) -> None:
        """Wait until the charts can be live, and bring every one of them into view."""
        expect(self.page.locator("html")).to_have_attribute("data-live", "yes", timeout=30_000)
        for chart in self.page.locator(".drawing").all():
            chart.scroll_into_view_if_needed()
            expect(chart.locator(".live .main-svg").first).to_be_visible(timeout=30_000)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The pages visited: like the demo, hostile, and invalid."""
    folder = tmp_path_factory.mktemp("pages")
    run, bad = demo_run(), hostile(demo_run(items=len(PAYLOADS) * 2))
    pages = {
        "demo": render(run, decided(conclude(run))),
        "hostile": render(bad, soiled(decided(conclude(bad, reasons=PAYLOADS[:3])))),
        "invalid": render(run, conclude(run, verdict="INVALID", reasons=("The client fell behind.",))),
    }
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in pages}


def hostile(run: Run) -> Run:
    """A run in which every text anybody could choose is a payload."""
    items = {
        item.digest: dataclasses.replace(
            item,
            id=f"{k} {PAYLOADS[k % len(PAYLOADS)]}",
            input=f"{PAYLOADS[k % len(PAYLOADS)]} {k}",
            reference=PAYLOADS[(k + 7) % len(PAYLOADS)],
            tags={PAYLOADS[k % 4]: PAYLOADS[(k + 3) % 5]},
        )
        for k, item in enumerate(run.workload.items)
    }
    names = {name: f"t{k} {PAYLOADS[k]}" for k, name in enumerate(run.identities)}
    records = tuple(
        dataclasses.replace(
            record,
            item_digest=items[record.item_digest].digest,
            answer=record.answer and dataclasses.replace(record.answer, text=PAYLOADS[k % len(PAYLOADS)]),
            failure=record.failure and Failure("timeout", PAYLOADS[k % len(PAYLOADS)]),
        )
        for k, record in enumerate(run.records)
    )
    trials = tuple(
        dataclasses.replace(trial, target=names[trial.target], arm=f"{names[trial.target]} · {PAYLOADS[5]}")
        if trial.prompting == "zero-shot"
        else dataclasses.replace(trial, target=names[trial.target], arm=f"{names[trial.target]} · {PAYLOADS[6]}")
        for trial in run.trials
    )
    return dataclasses.replace(
        run,
        id=PAYLOADS[0],
        plan=dataclasses.replace(
            run.plan,
            question="Which? " + " ".join(PAYLOADS[:8]),
            targets={names[name]: spec for name, spec in run.plan.targets.items()},
        ),
        workload=dataclasses.replace(
            run.workload, name=PAYLOADS[1], items=tuple(items.values()), source={PAYLOADS[2]: PAYLOADS[3]}
        ),
        identities={names[name]: spoilt(one, names[name]) for name, one in run.identities.items()},
        trials=trials,
        records=records,
        segments=tuple(
            dataclasses.replace(
                one,
                host={PAYLOADS[4]: list(PAYLOADS)},
                versions={PAYLOADS[9]: PAYLOADS[10]},
                certificate={"mode": PAYLOADS[0], "seconds": 1, "stamps": PAYLOADS[1], "checks": FORGED},
            )
            for one in run.segments
        ),
        notes=PAYLOADS,
    )


def soiled(found: Conclusion) -> Conclusion:
    """What is decided, with payloads in its words too."""
    return dataclasses.replace(
        found,
        cascades=tuple(dataclasses.replace(one, verdict=PAYLOADS[0], signal=PAYLOADS[6]) for one in found.cascades[:2])
        + tuple(dataclasses.replace(one, why_absent=PAYLOADS[9]) for one in found.cascades[3:]),
        capacities=tuple(dataclasses.replace(one, why=PAYLOADS[1]) for one in found.capacities),
        changes=tuple(dataclasses.replace(one, quantity=PAYLOADS[2]) for one in found.changes),
    )


def spoilt(one: Identity, name: str) -> Identity:
    return dataclasses.replace(
        one, name=name, model=PAYLOADS[6], engine=PAYLOADS[8], device=PAYLOADS[11], details={PAYLOADS[12]: PAYLOADS[13]}
    )


def test_the_page_is_silent_and_comes_alive(chromium: Any, files: dict[str, Path]) -> None:
    """No request, no console line, and all thirteen charts become live ones, in both themes."""
    visit = Visit(chromium, files["demo"], viewport={"width": 1280, "height": 800})
    visit.live()
    assert visit.page.locator(".drawing .main-svg").count() >= 12
    visit.page.get_by_role("button", name="Dark theme").click()
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(visit.page.get_by_role("button", name="Light theme")).to_be_visible()
    assert visit.misdeeds == []


def test_hostile_texts_stay_texts(chromium: Any, files: dict[str, Path]) -> None:
    """Payloads in every text: no dialog, no request, no console line, the title is the question."""
    visit = Visit(chromium, files["hostile"], viewport={"width": 1280, "height": 800})
    visit.live()
    for details in visit.page.locator("details:not([open]) > summary").all():
        if details.is_visible():
            details.click()
    assert visit.page.title().startswith("Which? <script>alert(1)</script>")
    assert visit.page.url == visit.address
    assert (
        visit.page.locator("main script, main img, main iframe, main object, main embed, main form form").count() == 0
    )
    handlers = "els => els.filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length"
    assert visit.page.locator("*").evaluate_all(handlers) == 0
    assert "\\x1b]0;owned\\x07" in visit.page.locator("main").inner_text()
    assert visit.misdeeds == []


def test_everything_is_there_without_javascript(chromium: Any, files: dict[str, Path]) -> None:
    """Answer, tables and drawings show; controls that need a script do not."""
    visit = Visit(chromium, files["demo"], java_script_enabled=False, viewport={"width": 1280, "height": 800})
    expect(visit.page.locator("#answer h2")).to_be_in_viewport()
    expect(visit.page.locator("#targets")).to_be_visible()
    assert visit.page.locator(".static.wide svg").count() == 12
    for drawing in visit.page.locator(".static.wide svg").all():
        expect(drawing).to_be_visible()
    expect(visit.page.locator("#theme")).to_be_hidden()
    expect(visit.page.locator("#filter")).to_be_hidden()
    expect(visit.page.locator("#what-if")).to_be_hidden()
    expect(visit.page.locator("#cost-volume-table")).to_be_visible()
    assert "$" in visit.page.locator("#cost-volume-table tbody tr").first.inner_text()
    assert visit.misdeeds == []


def test_tables_are_sorted_from_the_keyboard(chromium: Any, files: dict[str, Path]) -> None:
    """Enter on a heading sorts, says so, and leaves absent numbers last in both directions."""
    visit = Visit(chromium, files["demo"])
    heading = visit.page.locator("#targets thead th", has_text="memory")
    names = visit.page.locator("#targets tbody th")
    heading.locator("button").focus()
    visit.page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert "minilm-int8 · zero-shot" in names.first.inner_text()
    assert "loopback" in names.last.inner_text()
    visit.page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert "smollm2-135m-q4_1" in names.first.inner_text()
    assert "loopback" in names.last.inner_text()


def test_disagreements_are_filtered(chromium: Any, files: dict[str, Path]) -> None:
    """By words and by who was wrong, with the count said."""
    visit = Visit(chromium, files["demo"])
    items = visit.page.locator(".disputes > li:visible")
    before = items.count()
    visit.page.get_by_label("Find").fill("iphone 12")
    expect(visit.page.locator("#found")).to_contain_text("of 60")
    assert 0 < items.count() < 60
    for text in items.all_inner_texts():
        assert "iphone 12" in text
    visit.page.get_by_label("Find").fill("")
    visit.page.get_by_label("Wrong at").select_option("0")
    wrong = visit.page.locator(".disputes > li:not([hidden])")
    assert wrong.count() == visit.page.locator('.disputes > li[data-wrong~="0"]').count() < 60
    assert before <= 60


def test_sliders_say_what_changes_and_why(chromium: Any, files: dict[str, Path]) -> None:
    """They begin at the plan; moved by keyboard, the sentence names the new pick and what the old one lacks."""
    visit = Visit(chromium, files["demo"], viewport={"width": 1280, "height": 800})
    said, rows = visit.page.locator("#what-if-said"), visit.page.locator("#what-if-table tbody tr")
    expect(said).to_contain_text("At 1,000 requests a day, devices 10 % busy, p95 within 200 ms, at least 80 % right")
    expect(said).to_contain_text("the rule picks minilm-int8 · few-shot(5) (in all of 200 resamples, $30.2 a month)")
    expect(said).to_contain_text("nothing changes")
    expect(said).to_have_attribute("aria-live", "polite")
    device = rows.filter(has_text="few-shot(5)").locator("td")
    assert device.all_inner_texts()[:3] == ["$0.00099", "$30.2", "1"]
    assert device.last.inner_text() == "picked"

    least = visit.page.get_by_role("slider", name="Right at least")
    least.focus()
    visit.page.keyboard.press("End")
    expect(said).to_contain_text("no target may be recommended")
    expect(said).to_contain_text("it is not right often enough")
    visit.page.keyboard.press("Home")
    assert least.get_attribute("aria-valuetext") == "any"
    expect(said).not_to_contain_text("at least")

    visit.page.get_by_role("slider", name="Requests a day").focus()
    visit.page.keyboard.press("End")
    expect(said).to_contain_text("At 1,000,000 requests a day, on devices that do nothing else")
    assert visit.page.get_by_role("slider", name="Requests a day").get_attribute("aria-valuetext") == "1,000,000"
    assert rows.filter(has_text="q4_1").locator("td").all_inner_texts()[2] == "8"
    busy = visit.page.get_by_role("slider", name="Devices are busy")
    assert busy.get_attribute("aria-valuetext") == "follows from the requests a day"
    busy.focus()
    visit.page.keyboard.press("Home")
    expect(said).to_contain_text("devices 1 % busy")

    visit.page.get_by_role("button", name="As in the plan").click()
    expect(said).to_contain_text("devices 10 % busy, p95 within 200 ms, at least 80 % right")
    expect(said).to_contain_text("nothing changes")
    assert visit.misdeeds == []


def test_a_price_that_turns_the_answer_is_told_with_its_reason(chromium: Any, tmp_path: Path) -> None:
    """Two arms alike but for their price: the cheaper one's price, moved up, hands the answer to the other."""
    arms = {"here": Arm(0.8, 50.0, 0.05), "there": Arm(0.8, 50.0, 0.05, "hosted")}
    run = demo_run(items=80, arms=arms)
    price = PriceSpec(input_per_million=Decimal("0.01"), output_per_million=Decimal("0.01"), source="a list", as_of="x")
    targets = {**run.plan.targets, "there": dataclasses.replace(run.plan.targets["there"], price=price)}
    run = dataclasses.replace(
        run, plan=dataclasses.replace(run.plan, targets=targets, slos=(), objectives=("usd_per_1k",))
    )
    (tmp_path / "page.html").write_text(render(run, conclude(run)), encoding="utf-8")
    visit = Visit(chromium, tmp_path / "page.html", viewport={"width": 1280, "height": 800})
    said = visit.page.locator("#what-if-said")
    expect(said).to_contain_text("the rule picks there")
    visit.page.get_by_role("slider", name="Price of APIs").focus()
    visit.page.keyboard.press("End")
    expect(said).to_contain_text("APIs at × 10 their price")
    expect(said).to_contain_text("the rule picks here")
    expect(said).to_contain_text(
        "This changes the recommendation. The page recommends there: another target is no worse"
    )
    assert visit.misdeeds == []


def random_material(rng: np.random.Generator, arms: int = 20, draws: int = 200) -> Material:
    """Arms of every kind, with ties, gaps and unknowns, so close that settings decide."""
    metrics = ("accuracy", "p95_ms", "usd_per_1k", "value_per_1k")
    limits = (SLO("p95_ms", max=120.0), SLO("accuracy", min=0.6))

    def few(centre: float, spread: float) -> tuple[float | None, ...]:
        made = (float(f"{one:.4g}") for one in rng.normal(centre, spread, draws))
        return tuple(None if rng.random() < 0.002 else one for one in made)

    def arm(k: int) -> MaterialArm:
        right, p95, usd = 0.6 + 0.1 * rng.random(), 100 * (0.8 + 0.4 * rng.random()), 1e-4 * (0.5 + rng.random())
        owns, bills = k % 3 != 1, k % 3 != 0
        busy = 0.05 + rng.random()
        return MaterialArm(
            arm=f"arm {k}",
            eligible=k != 7,
            stand_in=k % 5 == 4,
            points=(right, None if k == 11 else p95, 1000 * usd, 3.0 + rng.random()),
            draws=(few(right, 0.02), few(p95, 10.0) if k % 4 else (), (), few(3.5, 0.3)),
            judged={"p95_ms": ("met", "undecided", "missed")[k % 3]} if k % 2 else {},
            priced=k != 13,
            token_usd=usd if bills else 0.0,
            token_draws=few(usd, usd / 20) if bills else (),
            busy_s=busy if owns else None,
            busy_draws=few(busy, busy / 20) if owns else (),
            owned_usd_a_day=float(rng.random()) if owns else 0.0,
            idle_w=float(3 * rng.random()) if owns else 0.0,
            active_w=float(10 + 5 * rng.random()) if owns else 0.0,
            duty_cycle=(0.1, 0.35)[k % 2] if owns else None,
            kwh_usd=0.3 if owns else None,
        )

    objectives = (("accuracy", "p95_ms", "usd_per_1k"), ("usd_per_1k", "value_per_1k"), ("value_per_1k",))
    return Material(metrics, objectives[int(rng.integers(3))], limits, tuple(arm(k) for k in range(arms)))


def random_settings(rng: np.random.Generator) -> Settings:
    def perhaps(value: float) -> float | None:
        return None if rng.random() < 0.3 else value

    return Settings(
        requests_a_day=float(10 ** rng.uniform(1, 6)),
        own=bool(rng.random() < 0.5),
        duty_cycle=perhaps(float(10 ** rng.uniform(-2, 0))),
        api_price=float(10 ** rng.uniform(-1, 1)),
        kwh_usd=perhaps(float(rng.uniform(0.02, 1))),
        limits={
            "p95_ms": perhaps(120.0 if rng.random() < 0.2 else float(rng.uniform(80, 140))),
            "accuracy": perhaps(0.6 if rng.random() < 0.2 else float(rng.uniform(0.55, 0.7))),
        },
    )


def alike(a: float | None, b: float | None) -> bool:
    return a is b if a is None or b is None else math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def test_the_page_decides_as_python_does(chromium: Any, files: dict[str, Path]) -> None:
    """On 100 random settings of five random runs every number agrees to 1e-9 and every pick is the same."""
    visit, rng = Visit(chromium, files["demo"]), np.random.default_rng(20261122)
    picks: list[int | None] = []
    for _ in range(5):
        material = random_material(rng)
        asked = [random_settings(rng) for _ in range(20)]
        plain = [
            {"requests": one.requests_a_day, "own": one.own, "duty": one.duty_cycle, "price": one.api_price}
            | {"kwh": one.kwh_usd, "limits": dict(one.limits)}
            for one in asked
        ]
        run = "([given, all]) => all.map((settings) => reconsider(given, settings))"
        found = visit.page.evaluate(run, [sliders.plain(material), plain])
        for settings, theirs in zip(asked, found, strict=True):
            ours = reconsider(material, settings)
            picks.append(ours.pick)
            assert theirs["pick"] == ours.pick
            for mine, other in zip(ours.standings, theirs["standings"], strict=True):
                for name in ("usd_per_1k", "usd_a_month", "devices", "duty_cycle", "front", "picked"):
                    assert alike(other[name], getattr(mine, name)), (name, other[name], getattr(mine, name))
                assert (other["may"], other["judged"]) == (mine.may, dict(mine.judged))
    assert len(set(picks)) > 5 and visit.misdeeds == []  # the settings did matter


def test_a_slider_answers_at_once(chromium: Any, tmp_path: Path) -> None:
    """Twenty arms of 200 draws: from the key to the repainted sentence well under half a second, on a busy machine."""
    arms = {f"t{k}": Arm(0.5 + 0.02 * k, 20.0 * 1.2**k, 0.3, ("device", "hosted")[k % 2]) for k in range(20)}
    run = demo_run(items=100, arms=arms)
    (tmp_path / "page.html").write_text(render(run, conclude(run)), encoding="utf-8")
    visit = Visit(chromium, tmp_path / "page.html", viewport={"width": 1280, "height": 800})
    expect(visit.page.locator("#what-if-said")).to_contain_text("At 1,000 requests")
    took = visit.page.evaluate(SLIDE)
    assert sorted(took)[len(took) // 2] <= 400


#: moves a slider ten times; ms from each move to the frame after it was painted
SLIDE = """async () => {
  const slider = document.getElementById("what-if-price");
  const took = [];
  for (let k = 0; k < 10; k += 1) {
    const began = performance.now();
    slider.value = String(5 + 9 * k);
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    took.push(performance.now() - began);
  }
  return took;
}"""


def test_the_data_inside_is_downloaded_without_a_script(chromium: Any, files: dict[str, Path]) -> None:
    """The link works from a file, with JavaScript off, and what comes out is the CSV."""
    visit = Visit(chromium, files["demo"], java_script_enabled=False)
    with visit.page.expect_download() as caught:
        visit.page.locator("a[download$='records.csv.gz']").click()
    content = gzip.decompress(Path(caught.value.path()).read_bytes()).decode()
    assert caught.value.suggested_filename == "7f3a-records.csv.gz"
    assert len(content.splitlines()) == 481


def test_a_phone_scrolls_only_tables_sideways(chromium: Any, files: dict[str, Path]) -> None:
    """At 390 pixels the page is as wide as the screen and shows the narrow drawings, without the library."""
    visit = Visit(chromium, files["demo"], viewport={"width": 390, "height": 844})
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert visit.page.locator(".static.narrow svg:visible").count() == 12
    assert visit.page.locator(".static.wide svg:visible").count() == 0
    assert visit.misdeeds == []


def test_a_run_of_six_arms_prints_on_six_pages(chromium: Any, files: dict[str, Path]) -> None:
    """In the dark theme and with live charts, paper gets the light one and the static drawings."""
    visit = Visit(chromium, files["demo"], color_scheme="dark", viewport={"width": 1280, "height": 800})
    visit.live()
    printed = visit.page.pdf(prefer_css_page_size=True)
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b(?!s)", printed)) <= 6
    visit.page.emulate_media(media="print")
    assert visit.page.locator(".static.narrow svg:visible").count() == 11  # large letters, and no parts of a request
    assert visit.page.locator(".live:visible").count() == 0
    ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"


def test_an_invalid_run_is_read_at_once(chromium: Any, files: dict[str, Path]) -> None:
    """The banner is in the first view and its reason is readable."""
    visit = Visit(chromium, files["invalid"], viewport={"width": 1280, "height": 800})
    banner = visit.page.get_by_role("alert")
    expect(banner).to_be_in_viewport()
    expect(banner).to_contain_text("The client fell behind.")
    expect(banner).to_contain_text("✗ INVALID")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("media", ["screen", "print"])
def test_the_banner_is_red_on_every_ground(chromium: Any, files: dict[str, Path], scheme: str, media: str) -> None:
    """A frame that paper keeps too, in a red: its red part is the largest, and not the ground's."""
    visit = Visit(chromium, files["invalid"], color_scheme=scheme, viewport={"width": 1280, "height": 800})
    visit.page.emulate_media(media=media)
    banner = visit.page.get_by_role("alert")
    expect(banner).to_be_visible()
    style = "element => { const s = getComputedStyle(element); return [s.borderLeftColor, s.borderLeftStyle]; }"
    colour, line = banner.evaluate(style)
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    assert line == "solid" and red > 1.4 * max(green, blue)


def test_the_line_about_the_instrument_leads_to_its_checks(chromium: Any, files: dict[str, Path]) -> None:
    """From the first screen to the table at the foot, by keyboard, in a run of which nothing is greyed but numbers."""
    for name in ("demo", "invalid"):
        visit = Visit(chromium, files[name], viewport={"width": 1280, "height": 800})
        link = visit.page.get_by_role("link", name="stamps within 0.08 ms")
        expect(link).to_be_in_viewport()
        link.focus()
        visit.page.keyboard.press("Enter")
        expect(visit.page.locator("#certificate")).to_be_in_viewport()
        ink = "element => getComputedStyle(element).color"
        assert visit.page.locator("#certificate tbody td").first.evaluate(ink) == visit.page.locator("body").evaluate(
            ink
        )
        assert visit.misdeeds == []


@pytest.mark.parametrize("arms", [1, 10])
def test_one_arm_and_ten_arms_are_pages_too(chromium: Any, tmp_path: Path, arms: int) -> None:
    """Nothing assumes six arms."""
    run = demo_run(items=24, arms={f"target-{k}": Arm(0.3 + 0.06 * k, 8.0 * 1.7**k) for k in range(arms)})
    file = tmp_path / "page.html"
    file.write_text(render(run, conclude(run)), encoding="utf-8")
    visit = Visit(chromium, file, viewport={"width": 1280, "height": 800})
    visit.live()
    assert visit.misdeeds == []
