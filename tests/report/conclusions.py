"""Runs like the demo's, made without any engine, and what is concluded from them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from edgebench.decide.conclude import conclude as decide
from edgebench.records import (
    SLO,
    ArmSummary,
    Capacity,
    Cascade,
    CascadePoint,
    Conclusion,
    Estimate,
    Guarantee,
    LoadPoint,
    PriceSpec,
    Run,
    StakeOfChange,
    Trial,
)
from tests.builders import Arm, run

#: made-up target of DEMO → the target and prompting it stands for
NAMES = {
    "minilm-int8 zero-shot": ("minilm-int8", "zero-shot"),
    "minilm-int8 few-shot(5)": ("minilm-int8", "few-shot(5)"),
}
#: like the demo: a classifier, two sizes of a small model, a stand-in that fails now and then
DEMO: Mapping[str, Arm] = {
    "minilm-int8 zero-shot": Arm(0.64, 8.1, 0.15, kind="onnxruntime", model="all-MiniLM-L6-v2", peak_mib=93.0),
    "minilm-int8 few-shot(5)": Arm(0.83, 8.4, 0.15, kind="onnxruntime", model="all-MiniLM-L6-v2", peak_mib=94.6),
    "smollm2-135m-q4_1": Arm(0.41, 640.0, 0.25, kind="llama.cpp", model="SmolLM2-135M-Instruct", peak_mib=231.0),
    "smollm2-135m-q3_k_m": Arm(0.38, 590.0, 0.22, kind="llama.cpp", model="SmolLM2-135M-Instruct", peak_mib=214.0),
    "smollm2-135m-q2_k": Arm(0.22, 540.0, 0.3, kind="llama.cpp", model="SmolLM2-135M-Instruct", peak_mib=198.0),
    "loopback": Arm(0.42, 860.0, 0.2, "stand-in", 0.04, kind="openai", model="SmolLM2-135M-Instruct", peak_mib=None),
}
#: what `edgebench certify` keeps with a segment
CERTIFICATE: Mapping[str, Any] = {
    "mode": "short",
    "seconds": 6.2,
    "stamps": "kernel",
    "passed": True,
    "checks": [
        {"name": "chunk-error-p50", "value": 0.015, "unit": "ms", "limit": 0.05, "passed": True, "judged": True}
        | {"n": 12_800, "note": ""},
        {"name": "chunk-error-p99", "value": 0.08, "unit": "ms", "limit": 0.25, "passed": True, "judged": True}
        | {"n": 12_800, "reference": 0.07, "note": ""},
        {"name": "ttft-error-p99", "value": 0.09, "unit": "ms", "limit": 0.25, "passed": True, "judged": True}
        | {"n": 800, "note": ""},
        {"name": "send-lag-p99", "value": 1.4, "unit": "ms", "limit": 1.0, "passed": False, "judged": False}
        | {"n": 400, "note": "at 200 requests a second"},
        {"name": "rate-off", "value": 0.02, "unit": "%", "limit": 0.1, "passed": True, "judged": True}
        | {"n": 2_000, "note": ""},
        {"name": "throttling", "value": None, "unit": "", "limit": None, "passed": None, "judged": False}
        | {"n": None, "note": "this machine has no counter of it"},
    ],
}
#: part of a request → its share of the median; those of a connection are paid once a start
DEVICE_PARTS = {"tokenise": 0.01, "prefill": 0.5, "decode": 0.47, "pipe": 0.01}
HOSTED_PARTS = {
    "dns": 0.01,
    "connect": 0.02,
    "tls": 0.04,
    "write": 0.001,
    "first_byte": 0.2,
    "server_think": 0.21,
    "provider": 0.19,
    "first_token": 0.25,
    "streaming": 0.7,
}
ONCE = ("dns", "connect", "tls")
MESSAGES = (
    "hi my parcel says delivered but theres nothing here?? also can i still change the adress for the other order",
    "cant log in since yesterday it keeps sending me the code to my OLD number",
    "you charged me twice. i want it back today or i call my bank",
    "how do i get an invoice with our company name on it",
    "app crashes every time i open the basket, iphone 12",
)


def demo_run(items: int = 80, arms: Mapping[str, Arm] = DEMO, **fields: int) -> Run:
    """A run like the demo's, with messages worth reading."""
    made = run(arms, items=items, run_id="7f3a", slos=(SLO("p95_ms", max=200.0), SLO("accuracy", min=0.8)), **fields)
    spoken = {item.digest: dataclasses.replace(item, input=_message(k)) for k, item in enumerate(made.workload.items)}
    workload = dataclasses.replace(made.workload, name="support-triage", items=tuple(spoken.values()))
    records = tuple(
        dataclasses.replace(record, item_digest=spoken[record.item_digest].digest) for record in made.records
    )
    plan = dataclasses.replace(
        made.plan, question="Can a laptop route our support tickets as well as the API?", device="x86-laptop"
    )
    if "loopback" in plan.targets:
        price = PriceSpec(
            input_per_million=Decimal("0.15"), output_per_million=Decimal("0.60"), source="a list", as_of="2026-11"
        )
        spec = dataclasses.replace(plan.targets["loopback"], price=price)
        plan = dataclasses.replace(plan, targets={**plan.targets, "loopback": spec})
    engines = {"onnxruntime": "ONNX Runtime", "llama.cpp": "llama.cpp", "openai": "llama_cpp.server"}
    identities = {
        name: dataclasses.replace(
            one,
            engine=engines.get(one.kind, one.kind),
            engine_version="1.0",
            quantisation="Q4_1",
            bits_per_weight=5.62,
            file_bytes=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        )
        for name, one in made.identities.items()
    }
    trials = tuple(_named(trial) for trial in made.trials)
    identities = {_new(name): dataclasses.replace(one, name=_new(name)) for name, one in identities.items()}
    targets = {_new(name): spec for name, spec in plan.targets.items()}
    plan = dataclasses.replace(plan, targets=targets)
    segments = tuple(dataclasses.replace(one, certificate=CERTIFICATE) for one in made.segments)
    made = dataclasses.replace(made, segments=segments)
    return dataclasses.replace(
        made, plan=plan, workload=workload, records=records, identities=identities, trials=trials
    )


def _new(name: str) -> str:
    return NAMES.get(name, (name, ""))[0]


def _named(trial: Trial) -> Trial:
    target, prompting = NAMES.get(trial.target, (trial.target, "zero-shot"))
    return dataclasses.replace(trial, arm=f"{target} · {prompting}", target=target, prompting=prompting)


def _message(place: int) -> str:
    return f"{MESSAGES[place % len(MESSAGES)]} (order {1000 + 7 * place})"


def conclude(given: Run, *, verdict: str = "VALID", reasons: tuple[str, ...] = ()) -> Conclusion:
    """What is really concluded, with the validity a test wants; hybrids, capacities and changes only by ``decided``.

    Studies are made up in ``studies.py``.
    """
    found = decide(given)
    arms = tuple(measured_within(arm) for arm in found.summary.arms)
    summary = dataclasses.replace(found.summary, verdict=verdict, reasons=reasons, arms=arms)  # type: ignore[arg-type]
    return dataclasses.replace(found, summary=summary, cascades=(), capacities=(), changes=(), study=None)


def measured_within(arm: ArmSummary) -> ArmSummary:
    """The arm with the parts of its time and of its memory, as a target of its placement tells them."""
    whole, peak = arm.estimates["p50_ms"].value, arm.estimates["peak_mib"].value
    if whole is None:
        return arm
    shares = DEVICE_PARTS if arm.identity.placement == "device" else HOSTED_PARTS
    phases = {
        name: Estimate(
            share * whole,
            0.9 * share * whole,
            1.1 * share * whole,
            4 if name in ONCE else arm.answered,
            "order statistics",
        )
        for name, share in shares.items()
    }
    memory = {
        phase: {
            quantity: Estimate(grown * share * peak, n=4, method="largest over starts")
            for quantity, share in (
                ("peak_bytes", 1.0),
                ("anon_bytes", 0.45),
                ("file_bytes", 0.5),
                ("shared_bytes", 0.01),
            )
        }
        for phase, grown in (("load", 0.8), ("first", 0.95), ("steady", 1.0))
        if peak is not None
    }
    return dataclasses.replace(arm, phases=phases, memory=memory, scenarios=("closed(1)",))


# --------------------------------------------------------------------------------------------------- made up


def decided(found: Conclusion) -> Conclusion:
    """The conclusion with hybrids of its two best kinds of arm, capacities and changes, made up but plausible."""
    known = [arm for arm in found.summary.arms if arm.estimates["p95_ms"].value is not None]
    edges = [arm for arm in known if arm.identity.placement == "device"]
    clouds = [arm for arm in known if arm.identity.placement != "device"]
    pairs = [(edge, cloud) for edge in edges[:4] for cloud in clouds[:1]]
    made = [cascade(edge, cloud, place) for place, (edge, cloud) in enumerate(pairs)]
    slo = next((one.slo for one in found.slos if one.slo.metric == "p95_ms"), SLO("p95_ms", max=1000.0))
    return dataclasses.replace(
        found,
        cascades=tuple(made),
        capacities=tuple(capacity(arm, slo) for arm in known),
        changes=stakes(known[-1].arm),
    )


def near(value: float, share: float = 0.1, n: int = 80) -> Estimate:
    return Estimate(value, value * (1 - share), value * (1 + share), n, "made up", provenance="projected")


def cascade(edge: ArmSummary, cloud: ArmSummary, place: int = 0, points: int = 21) -> Cascade:
    """A hybrid that is a little better than both in the middle; the last of four has no signal."""
    if place == 3:
        none = Estimate.absent("gives no confidence")
        return Cascade(
            edge.arm, cloud.arm, "sequential", "", none, (), None, None, why_absent="the edge gives no confidence"
        )
    made = [point(edge, cloud, k / (points - 1)) for k in range(points)]
    best = made[round(0.35 * points)]
    promises = (
        Guarantee(0.1, 0.05, None, 0.71, near(0.62), 80),
        Guarantee(0.02, 0.05, 4, None, Estimate.absent("20 answers are too few"), 20, "20 answers are too few"),
    )
    verdict = (
        f"Open: {edge.target} → {cloud.target} asks {cloud.target} for 35 % of the requests; neither part beats it in "
        "60 % of resamples"
    )
    auroc = Estimate(0.78 - 0.2 * place, 0.70 - 0.2 * place, 0.85 - 0.2 * place, 80, "bootstrap")
    return Cascade(
        edge.arm, cloud.arm, "sequential", "label-likelihood", auroc, tuple(made), best, 0.004, promises, verdict
    )


def point(edge: ArmSummary, cloud: ArmSummary, deferred: float) -> CascadePoint:
    def between(metric: str, bend: float = 0.0) -> Estimate:
        low, high = (arm.estimates[metric].value or 0.0 for arm in (edge, cloud))
        return near(low + (high - low) * deferred + bend * deferred * (1 - deferred), 0.06)

    threshold = -math.inf if deferred == 0 else math.inf if deferred == 1 else 0.4 + 0.6 * deferred
    return CascadePoint(
        threshold,
        near(deferred),
        between("accuracy", 0.3),
        between("p50_ms"),
        between("p95_ms"),
        Estimate.absent("80 are too few"),
        between("usd_per_1k"),
        near(100.0),
        on_hull=round(20 * deferred) % 4 == 0,
    )


def capacity(arm: ArmSummary, slo: SLO) -> Capacity:
    """As if one at a time: the wait grows with 1 / (1 − utilisation)."""
    service_s = (arm.estimates["p50_ms"].value or 1.0) / 1000
    slow = arm.estimates["p95_ms"].value or 1.0
    if arm.identity.placement != "device":
        points = tuple(load(rate, 0.0, slow, slo) for rate in (0.5, 2.0, 8.0))
        return Capacity(arm.arm, "no queue", 1, (slo,), points, Estimate.absent("no limit of its rate is known"),
                        "no queue: a service scales, up to the limits of the account")  # fmt: skip
    points = tuple(load(busy / service_s, busy, slow / (1 - busy), slo) for busy in (0.1, 0.3, 0.5, 0.7, 0.85, 0.95))
    held = [one.rate for one in points if one.met == "met"]
    highest = near(held[-1], 0.12) if held else Estimate.absent("no rate keeps the limit")
    return Capacity(arm.arm, "first-in-first-out", 1, (slo,), points, highest, "replay of 80 measured times")


def load(rate: float, busy: float, slow: float, slo: SLO) -> LoadPoint:
    met = "met" if slow <= (slo.max or 0) else "missed"
    return LoadPoint(rate, busy, near(slow / 2), near(slow, 0.2), Estimate.absent("too few"), met)  # type: ignore[arg-type]


def stakes(other: str) -> tuple[StakeOfChange, ...]:
    return (
        StakeOfChange("requests a day", 1_000.0, 118.0, 90.0, 160.0, other),
        StakeOfChange("price of loopback", 0.0168, 0.00094, None, None, other, "$ per 1,000"),
        StakeOfChange("accuracy of loopback", 0.42, None, None, None, None, "fraction"),
        StakeOfChange("duty cycle", 0.1, 0.006, 0.004, 0.009, other, "of the time busy"),
    )
