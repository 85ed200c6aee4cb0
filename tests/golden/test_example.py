"""The recorded example: its page is what its records give, and its numbers can be recomputed by hand.

The recomputation shares nothing with ``metrics/``: plain Python over the records, the formulas as the page prints them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

import edgebench
from edgebench.records import Conclusion, Record, Run
from reports.example.render import HERE, page

ROOT = Path(__file__).parents[2]
GPT_4O_MINI = (Decimal("0.15"), Decimal("0.60"))  # $ per million tokens in and out, genai-prices 0.2.3, 2026-11
YEAR_S = 365.25 * 24 * 3600


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    with edgebench.open_store(tmp_path_factory.mktemp("store") / "example.db") as store:
        yield store.load(edgebench.import_bundle(store, HERE / "run.zip"))


@pytest.fixture(scope="module")
def concluded(run: Run) -> Conclusion:
    return edgebench.conclude(run)


def by_arm(run: Run) -> dict[str, list[Record]]:
    arm_of = {trial.id: trial.arm for trial in run.trials}
    out: dict[str, list[Record]] = {}
    for record in run.records:
        out.setdefault(arm_of[record.trial_id], []).append(record)
    return out


def estimates(concluded: Conclusion, metric: str) -> dict[str, float | None]:
    return {arm.arm: arm.estimates[metric].value for arm in concluded.summary.arms}


def test_the_page_is_what_the_recorded_run_gives() -> None:
    """Rendered again it is the same page, but for the bytes of plotly.js and version numbers of packages."""
    kept = (HERE / "index.html").read_text(encoding="utf-8")
    assert _without_versions(page()) == _without_versions(kept)


def _without_versions(html: str) -> str:
    html = re.sub(r'(<script type="text/plain" id="library")[^>]*>.*?</script>', r"\1>", html, flags=re.DOTALL)
    html = re.sub(r"sha256-[A-Za-z0-9+/=]+", "sha256-", html)
    html = re.sub(r'data:[a-z/+.-]+;base64,[^"]*', "data:", html)  # downloads: their numbers are tested below
    return re.sub(r"genai-prices \d[\d.]*", "genai-prices", html)


def test_the_run_is_a_real_one(run: Run, concluded: Conclusion) -> None:
    """Real engines on five arms and more; hosted seats are stand-ins, and so is a hybrid with one; nothing is lost."""
    assert concluded.summary.verdict == "VALID"
    kinds = {identity.kind: identity.placement for identity in run.identities.values()}
    assert kinds == {"onnxruntime": "device", "llama.cpp": "device", "openai": "stand-in", "cascade": "stand-in"}
    assert len(by_arm(run)) >= 5
    assert len(run.records) == sum(len(trial.item_digests) for trial in run.trials)


def test_accuracy_by_hand(run: Run, concluded: Conclusion) -> None:
    """Right means: the answer, trimmed and in lower case, is the reference. A failed request is not right."""
    reference = {item.digest: item.reference for item in run.workload.items}
    for arm, records in by_arm(run).items():
        right = [r.answer is not None and r.answer.text.strip().lower() == reference[r.item_digest] for r in records]
        assert estimates(concluded, "accuracy")[arm] == pytest.approx(sum(right) / len(right), abs=1e-12)


@pytest.mark.parametrize(("metric", "q"), [("p50_ms", 0.50), ("p95_ms", 0.95)])
def test_latency_by_hand(run: Run, concluded: Conclusion, metric: str, q: float) -> None:
    """The smallest latency (done − due) that a share q of the answered requests does not exceed; cold ones apart."""
    for arm, records in by_arm(run).items():
        latencies = sorted((r.done_ns - r.due_ns) / 1e6 for r in records if r.done_ns is not None and not r.cold)
        expected = latencies[math.ceil(q * len(latencies)) - 1]
        assert estimates(concluded, metric)[arm] == pytest.approx(expected, rel=1e-9)


def test_cost_by_hand(run: Run, concluded: Conclusion) -> None:
    """Tokens × rate for the seat priced as an API; purchase, active and idle energy of busy seconds for the device."""
    sheet = yaml.safe_load((ROOT / "profiles/devices/x86-laptop.yaml").read_text(encoding="utf-8"))["figures"]
    f = {name: float(figure["value"]) for name, figure in sheet.items()}
    capital = f["price_usd"] * (1 - f["residual_fraction"]) * (1 + f["maintenance_fraction"])
    per_busy_s = (
        capital / (f["lifetime_years"] * YEAR_S * f["duty_cycle"])
        + (f["active_w"] + f["idle_w"] * (1 / f["duty_cycle"] - 1)) * f["kwh_usd"] / 3.6e6
    )
    for arm, records in by_arm(run).items():
        identity = run.identities[arm.partition(" · ")[0]]
        if identity.kind == "cascade":
            continue  # part by part, in test_decision_by_hand.py
        calls = [call for record in records for call in record.calls]
        if identity.placement == "stand-in":
            tokens_in = sum(call.usage.input_tokens for call in calls if call.usage)  # type: ignore[misc]
            tokens_out = sum(call.usage.output_tokens for call in calls if call.usage)  # type: ignore[misc]
            usd = float((tokens_in * GPT_4O_MINI[0] + tokens_out * GPT_4O_MINI[1]) / 10**6)
        else:
            usd = sum((call.end_ns - call.sent_ns) / 1e9 for call in calls) * per_busy_s  # type: ignore[operator]
        assert estimates(concluded, "usd_per_1k")[arm] == pytest.approx(usd / len(records) * 1000, rel=0.01)
