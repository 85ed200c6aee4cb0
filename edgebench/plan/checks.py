"""What only a reader would notice: names that mean nothing, limits the wrong way round, keys sent in clear.

Every check yields the mistakes it finds, with their places; none stops at the first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from edgebench import catalog, plugins
from edgebench.artifacts import all_cards
from edgebench.errors import DataError, PlanError, UsageError
from edgebench.plan import cascades, money, networks, timing
from edgebench.plan.document import Document, Loc, nearest
from edgebench.plan.judging import judges
from edgebench.plan.naming import named, prompting_name
from edgebench.plan.shape import validated
from edgebench.plan.utilities import utilities
from edgebench.plan.varying import stakes, varying
from edgebench.records import METRICS, Named, Plan, ScorerSpec, TargetSpec
from edgebench.targets.confine import parse_bytes
from edgebench.targets.connection import is_loopback

KEY = re.compile(r"[A-Z][A-Z0-9_]*_API_KEY")
CARD_KINDS = frozenset({"llama.cpp", "onnxruntime"})  # kinds whose ``model`` is a card of ours
LOCAL_KINDS = CARD_KINDS | {"fake", "recorded", "cascade"}  # kinds that speak to no host themselves
DEFAULT_HOST = "api.openai.com"

Found = Iterator[PlanError]


def check(plan: Plan, document: Document) -> list[PlanError]:
    """Every mistake of a well-shaped plan."""
    finders = (_counts, _workload, _targets, _promptings, _slos, _objectives, _shelves, timing.scenario, timing.stop)
    more = (utilities, cascades.cascades, networks.network, money.money, varying, judges, stakes)
    return [error for find in (*finders, *more) for error in find(plan, document)]


def key_pairs(plan: Plan) -> tuple[tuple[str, str], ...]:
    """(variable, host) for every key a run of this plan would send, in the order of the targets."""
    pairs = {(spec.key, host_of(spec)): None for spec in plan.targets.values() if spec.key is not None}
    return tuple((key, host) for key, host in pairs if key is not None and host is not None)


def host_of(spec: TargetSpec) -> str | None:
    """The host (with its port, when it names one) a target's requests go to; None when it stays in this machine."""
    if spec.kind in LOCAL_KINDS or runs_a_file(spec):
        return None
    if spec.base_url is None:
        return DEFAULT_HOST if spec.kind == "openai" else None
    return urlsplit(spec.base_url).netloc.rpartition("@")[2]


# ------------------------------------------------------------------------------------------------------ promptings


def _promptings(plan: Plan, document: Document) -> Found:
    if not plan.prompting:
        yield document.error(("prompting",), "names no prompting", hint="prompting: [zero-shot]")
    names: dict[str, int] = {}
    for index, spec in enumerate(plan.prompting):
        wrong = list(named(spec, "promptings", ("prompting", index), document))
        yield from wrong
        if not wrong and names.setdefault(prompting_name(spec), index) != index:
            yield document.error(("prompting", index), f"the prompting {prompting_name(spec)!r} is named twice")
    for name, target in plan.targets.items():
        at = ("targets", name, "prompting")
        if isinstance(target.prompting, (list, tuple)):
            if not target.prompting:
                yield document.error(at, "names no prompting", hint="prompting: [raw, {few-shot: {k: 5}}]")
            for index, one in enumerate(target.prompting):
                yield from named(one, "promptings", (*at, index), document)
        elif target.prompting is not None:
            yield from named(target.prompting, "promptings", at, document)


# -------------------------------------------------------------------------------------------------------- workload


def _workload(plan: Plan, document: Document) -> Found:
    spec, at = plan.workload, ("workload",)
    if spec.benchmark is not None and spec.builtin is not None:
        yield document.error((*at, "benchmark"), "name either a built-in job or a benchmark, not both", on_key=True)
    elif spec.benchmark is not None:
        yield from _benchmark(plan, document)
    elif (spec.builtin is None) == (spec.file is None):
        found = "both" if spec.file else "neither"
        yield document.error(at, f"name either a built-in job or a file, not {found}", on_key=True, hint=_jobs_hint())
    if spec.builtin is not None and spec.builtin not in builtin_jobs():
        hint = nearest(spec.builtin, builtin_jobs())
        yield document.error((*at, "builtin"), f"no built-in job is called {spec.builtin!r}", hint=hint)
    yield from _files(plan, document)
    for index, scorer in enumerate(spec.scorers or ()):
        yield from _scorer(scorer, plan, (*at, "scorers", index), document)
    if spec.taxonomy is not None and Path(plan.folder, spec.taxonomy).is_file():
        yield from _read_by({"taxonomy": {"file": spec.taxonomy}}, plan, (*at, "taxonomy"), document)
    if spec.scorers is not None and not spec.scorers:
        yield document.error((*at, "scorers"), "names no scorer", hint="leave it out for the default")
    if spec.labels is not None and len(spec.labels) < 2:
        yield document.error((*at, "labels"), "a choice needs at least two labels")
    if (spec.builtin is not None or spec.benchmark is not None) and "columns" in document.value["workload"]:
        what = "a built-in job" if spec.builtin is not None else "a benchmark"
        yield document.error((*at, "columns"), f"{what} has no columns to map", on_key=True)


def _benchmark(plan: Plan, document: Document) -> Found:
    """A benchmark that is not known, or whose files are not there. What is in them is read when it is loaded."""
    from edgebench.workloads import benchmarks

    spec, at = plan.workload, ("workload", "benchmark")
    if spec.benchmark not in benchmarks.names():
        hint = nearest(str(spec.benchmark), benchmarks.names())
        yield document.error(at, f"no benchmark is called {spec.benchmark!r}", hint=hint)
        return
    try:
        benchmarks.folder_of(spec, Path(plan.folder))
    except DataError as exc:
        yield document.error(at if spec.file is None else ("workload", "file"), str(exc), hint=exc.hint)


def _scorer(scorer: Named, plan: Plan, at: Loc, document: Document) -> Found:
    """A scorer by name; one that names a file is read from it, as a run would."""
    options = None if isinstance(scorer, str) else next(iter(scorer.values()), None)
    if isinstance(options, Mapping) and isinstance(options.get("file"), str):
        yield from named(scorer, "scorers", at, document, built=False)
        yield from _read_by(scorer, plan, at, document)
    else:
        yield from named(scorer, "scorers", at, document)


def _read_by(scorer: Named, plan: Plan, at: Loc, document: Document) -> Found:
    from edgebench.workloads.builtin import SHIPPED
    from edgebench.workloads.scorers import inlined

    ((name, options),) = dict(scorer).items() if isinstance(scorer, Mapping) else ((scorer, {}),)
    try:
        inlined(ScorerSpec(str(name), options), (Path(plan.folder), SHIPPED))
    except DataError as exc:
        yield document.error(at, str(exc), hint=exc.hint)


def _files(plan: Plan, document: Document) -> Found:
    own = plan.workload.file if plan.workload.benchmark is None else None  # of a benchmark it is a folder
    files: dict[Loc, str | None] = {("workload", "file"): own}
    if plan.workload.examples is not None:
        files["workload", "examples", "file"] = plan.workload.examples.file
    files["workload", "taxonomy"] = plan.workload.taxonomy
    files |= {("judges", name, "rubric"): judge.rubric for name, judge in plan.judges.items()}
    for loc, name in files.items():
        if name is not None:
            yield from _present(plan, name, loc, document)


def _present(plan: Plan, name: str, loc: Loc, document: Document) -> Found:
    file = Path(plan.folder, name)
    if file.is_file():
        return
    beside = [entry.name for entry in file.parent.iterdir()] if file.parent.is_dir() else []
    hint = nearest(file.name, beside) if len(beside) <= 200 else None
    what = "is a folder, not a file" if file.is_dir() else f"there is no file {name!r}"
    yield document.error(loc, what, hint=hint or "a relative path starts at the plan's folder")


def builtin_jobs() -> list[str]:
    """Names of the jobs that come with EdgeBench."""
    from edgebench.workloads import builtin_names

    return builtin_names()


def _jobs_hint() -> str:
    return f"builtin: {' | '.join(builtin_jobs())}   or   benchmark: gsm8k   or   file: my.csv"


# --------------------------------------------------------------------------------------------------------- targets


def _targets(plan: Plan, document: Document) -> Found:
    if not plan.targets:
        yield document.error(("targets",), "names no target", hint="edgebench models list shows what can be tried")
    for name, spec in plan.targets.items():
        at = ("targets", name)
        if problem := _bad_name(name):
            yield document.error(at, f"a target's name {problem}", on_key=True)
        if spec.kind not in plugins.names("targets"):
            hint = nearest(spec.kind, plugins.names("targets"))
            yield document.error((*at, "kind"), f"no kind of target is called {spec.kind!r}", hint=hint)
            continue
        yield from _options(spec, at, document)
        yield from _model(plan, spec, at, document)
        yield from _endpoint(spec, at, document)
        yield from _memory_limit(spec, (*at, "memory_limit"), document)


def _bad_name(name: str) -> str | None:
    if not name.strip() or name != name.strip():
        return "must be a word or a few, with no space around"
    if any(unicodedata.category(character).startswith("C") for character in name):
        return "must hold no control or invisible character"
    if " · " in name:
        return "must not hold ' · ', which parts it from its prompting"
    return f"has at most 80 characters, not {len(name)}" if len(name) > 80 else None


def _options(spec: TargetSpec, at: Loc, document: Document) -> Found:
    if spec.kind not in plugins.names("target_options"):
        return  # a plug-in that checks its own
    kind = plugins.find("target_options", spec.kind)
    yield from validated(document, dict(spec.options), kind, (*at, "options"))[1]


def runs_a_file(spec: TargetSpec) -> bool:
    """Whether a target loads a model file of ours: a local engine, or a loopback server that we start (``serve``)."""
    return spec.kind in CARD_KINDS or spec.options.get("serve") is not None


def _model(plan: Plan, spec: TargetSpec, at: Loc, document: Document) -> Found:
    if runs_a_file(spec):
        if (spec.model is None) == (spec.file is None):
            message = f"name either a model card or a file, not {'both' if spec.file else 'neither'}"
            yield document.error(at, message, on_key=True, hint="model: …   (edgebench models list)")
        if spec.file is not None:
            yield from _present(plan, spec.file, (*at, "file"), document)
        if spec.model is not None:
            kind = spec.kind if spec.kind in CARD_KINDS else "llama.cpp"
            yield from _card(spec.model, kind, (*at, "model"), document)
        return
    if spec.file is not None:
        yield document.error((*at, "file"), f"a target of kind {spec.kind!r} has no model file", on_key=True)
    if spec.kind == "openai" and spec.model is None:
        yield document.error(at, "the key 'model' is missing: which model the endpoint should use", on_key=True)


def _card(name: str, kind: str, loc: Loc, document: Document) -> Found:
    cards = all_cards()
    if name not in cards:
        yield document.error(loc, f"no model card is called {name!r}", hint=nearest(name, cards))
    elif cards[name].kind != kind:
        yield document.error(loc, f"{name!r} is a model for {cards[name].kind!r}, not for {kind!r}")


def _endpoint(spec: TargetSpec, at: Loc, document: Document) -> Found:
    if spec.kind in LOCAL_KINDS or runs_a_file(spec):
        for key in ("base_url", "key"):
            if getattr(spec, key) is not None:
                yield document.error((*at, key), "this target runs here and speaks to no endpoint", on_key=True)
        return
    if spec.key is not None and not KEY.fullmatch(spec.key):
        yield document.error(
            (*at, "key"),
            f"{_hidden(spec.key)} is no variable a plan may ask for: only names that end in _API_KEY",
            hint="export OPENAI_API_KEY=…   and   key: OPENAI_API_KEY   (the name, never the key itself)",
        )
    if spec.base_url is not None and (problem := _bad_url(spec)):
        yield document.error((*at, "base_url"), problem, hint="base_url: https://api.example.com/v1")


def _memory_limit(spec: TargetSpec, at: Loc, document: Document) -> Found:
    if spec.memory_limit is None:
        return
    if not runs_a_file(spec):
        yield document.error(at, "this target loads no model file here, so there is nothing to limit", on_key=True)
        return
    try:
        parse_bytes(spec.memory_limit)
    except UsageError as exc:
        yield document.error(at, str(exc), hint=exc.hint)


def _hidden(text: str) -> str:
    """A name as it is; what may be a key itself, not."""
    return repr(text) if re.fullmatch(r"[A-Z][A-Z0-9_]{0,40}", text) else "what stands here"


def _bad_url(spec: TargetSpec) -> str | None:
    text = str(spec.base_url)
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError as exc:
        return f"is not a URL: {exc}"
    if url.scheme not in ("http", "https"):
        return "must begin with https:// (or http:// on this machine)"
    if not host or any(character.isspace() or ord(character) < 33 for character in text):
        return "names no host" if not host else "holds a space"
    if url.username or url.password:
        return "must not hold a user name or password"
    if url.query or url.fragment:
        return "must end before any '?' or '#'"
    if re.search(r"/(chat/completions|completions|embeddings)/?$", url.path):
        return "must end before the name of the call (…/v1, not …/v1/chat/completions)"
    if url.scheme == "http" and spec.key is not None and not is_loopback(host):
        return f"would send the key to {host} in clear; use https"
    return None


# ---------------------------------------------------------------------------------------- numbers, limits, shelves


def _counts(plan: Plan, document: Document) -> Found:
    if not plan.question.strip():
        yield document.error(("question",), "is empty", hint="write what is to be decided")
    yield from _least(plan, document, 1, ("blocks",), ("repeats",), ("scenario", "users"), ("workload", "items"))
    yield from _least(plan, document, 1, ("workload", "max_tokens"))
    yield from _least(
        plan, document, 0, *(("seeds", name) for name in ("subset", "order", "examples", "arrivals", "perturbations"))
    )
    yield from _least(plan, document, 0, ("seeds", "sampling"), ("seeds", "bootstrap"))
    for name in ("usd", "minutes"):
        value = getattr(plan.budget, name)
        if value is not None and value <= 0:
            yield document.error(("budget", name), f"must be above 0, not {value:g}")
    for target, spec in plan.targets.items():
        yield from _target_counts(spec, ("targets", target), document)


def _least(thing: Any, document: Document, least: int, *paths: tuple[str, ...]) -> Found:
    for path in paths:
        value = thing
        for name in path:
            value = getattr(value, name)
        if value is not None and value < least:
            yield document.error(path, f"must be at least {least}, not {value}")


def _target_counts(spec: TargetSpec, at: Loc, document: Document) -> Found:
    for name, least in (("repeats", 1), ("retries", 0), ("pid", 1)):
        value = getattr(spec, name)
        if value is not None and value < least:
            yield document.error((*at, name), f"must be at least {least}, not {value}")
    if not spec.timeout_s > 0:
        yield document.error((*at, "timeout_s"), f"must be above 0, not {spec.timeout_s:g}")
    for name in ("input_per_million", "output_per_million", "cached_input_per_million", "reasoning_per_million"):
        price = getattr(spec.price, name) if spec.price is not None else None
        if price is not None and not price >= 0:
            yield document.error((*at, "price", name), f"must be at least 0, not {price}")


def _slos(plan: Plan, document: Document) -> Found:
    for index, slo in enumerate(plan.slos):
        at = ("slos", index)
        if slo.metric not in METRICS:
            hint = nearest(slo.metric, METRICS)
            yield document.error((*at, "metric"), f"no metric is called {slo.metric!r}", hint=hint)
            continue
        metric = METRICS[slo.metric]
        wanted = "max" if metric.better == "low" else "min"
        if (slo.max is None) == (slo.min is None):
            yield document.error(at, "give exactly one of 'max' and 'min'", hint=f"{slo.metric} wants {wanted!r}")
        elif getattr(slo, wanted) is None:
            other = "min" if wanted == "max" else "max"
            message = f"{slo.metric} is better when {metric.better}, so its limit is a {wanted!r}"
            yield document.error((*at, other), message, on_key=True, hint=f"{wanted}: {getattr(slo, other):g}")
        elif metric.unit == "fraction" and not 0 <= getattr(slo, wanted) <= 1:
            limit = getattr(slo, wanted)
            hint = f"{wanted}: {limit / 100:g}" if 1 < limit <= 100 else None
            yield document.error((*at, wanted), f"{slo.metric} is a share between 0 and 1, not {limit:g}", hint=hint)
        elif getattr(slo, wanted) < 0:
            yield document.error((*at, wanted), f"{slo.metric} is never below 0")


def _objectives(plan: Plan, document: Document) -> Found:
    if not plan.objectives:
        yield document.error(("objectives",), "names no objective", hint="objectives: [accuracy, p95_ms, usd_per_1k]")
    for index, name in enumerate(plan.objectives):
        if name not in METRICS:
            yield document.error(("objectives", index), f"no metric is called {name!r}", hint=nearest(name, METRICS))
        elif name in plan.objectives[:index]:
            yield document.error(("objectives", index), f"the objective {name!r} is named twice")


def _shelves(plan: Plan, document: Document) -> Found:
    devices: dict[Loc, str | None] = {("device",): plan.device}
    devices |= {("targets", name, "device"): spec.device for name, spec in plan.targets.items()}
    for loc, device in devices.items():
        if device is not None and device not in catalog.names("devices"):
            hint = nearest(device, catalog.names("devices"))
            yield document.error(loc, f"no device profile is called {device!r}", hint=hint)
    if plan.prices is not None and plan.prices not in catalog.names("prices"):
        yield from _present(plan, plan.prices, ("prices",), document)
