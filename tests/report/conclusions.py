"""Runs like the demo's, made without any engine, and what is concluded from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from decimal import Decimal

from edgebench.decide.conclude import conclude as decide
from edgebench.records import SLO, Conclusion, PriceSpec, Run, Trial
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
    """What is really concluded, with the validity a test wants."""
    found = decide(given)
    summary = dataclasses.replace(found.summary, verdict=verdict, reasons=reasons)  # type: ignore[arg-type]
    return dataclasses.replace(found, summary=summary)
