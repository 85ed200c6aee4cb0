"""Plans with one mistake each: (what is wrong, text, line, column, a piece of the message, a piece of the hint)."""

from __future__ import annotations

GOOD = """\
question: Which is better?
workload:
  builtin: support-triage
  items: 40
targets:
  quick:
    kind: fake
  small:
    kind: llama.cpp
    model: smollm2-135m-q4_1
slos:
  - metric: p95_ms
    max: 1000
objectives: [accuracy, p95_ms]
"""


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def added(text: str) -> str:
    return GOOD + text


API = "targets:\n  api:\n    kind: openai\n    model: m\n"


def api(line: str) -> str:
    """The good plan with an endpoint whose description has one more line (line 9 of the file)."""
    return changed("targets:\n", f"{API}    {line}\n")


MISTAKES: list[tuple[str, str, int, int, str, str]] = [
    ("empty", "", 1, 1, "empty", "edgebench init"),
    ("a list", "- a\n", 1, 1, "mapping", ""),
    ("not yaml", changed("builtin: support-triage", "builtin: [support"), 4, 8, "not YAML", ""),
    ("tab", changed("  items: 40", "\titems: 40"), 4, 1, "tab", ""),
    ("forbidden character", changed("better?", "bet\x07ter?"), 1, 23, "U+0007", ""),
    ("tag", changed("items: 40", "items: !!python/object:os.system 40"), 4, 10, "tag", "without a tag"),
    ("local tag", changed("kind: fake", "kind: !env SECRET"), 7, 11, "!env", ""),
    ("unknown key", added("objectivs: [accuracy]\n"), 15, 1, "objectivs", "'objectives'"),
    ("unknown nested key", changed("  items: 40", "  itemz: 40"), 4, 3, "itemz", "'items'"),
    ("unknown target key", changed("    kind: fake", "    kind: fake\n    modle: x"), 8, 5, "modle", "'model'"),
    ("unknown slo key", changed("    max: 1000", "    max: 1000\n    maxx: 3"), 14, 5, "maxx", "'max'"),
    ("folder is ours", added("folder: /etc\n"), 15, 1, "unknown key 'folder'", ""),
    ("question missing", changed("question: Which is better?\n", ""), 1, 1, "'question' is missing", ""),
    ("kind missing", changed("    kind: fake", "    repeats: 1"), 6, 3, "'kind' is missing", ""),
    ("question empty", changed("Which is better?", "' '"), 1, 11, "empty", ""),
    ("question a number", changed("Which is better?", "7"), 1, 11, "should be text", ""),
    ("items a word", changed("items: 40", "items: forty"), 4, 10, "whole number", ""),
    ("items a fraction", changed("items: 40", "items: 4.5"), 4, 10, "whole number", ""),
    ("items true", changed("items: 40", "items: true"), 4, 10, "whole number", ""),
    ("items quoted", changed("items: 40", "items: '40'"), 4, 10, "whole number", ""),
    ("items zero", changed("items: 40", "items: 0"), 4, 10, "at least 1", ""),
    ("items huge", changed("items: 40", "items: 99999999999999999999"), 4, 10, "too large", ""),
    ("blocks zero", added("blocks: 0\n"), 15, 9, "at least 1", ""),
    ("repeats negative", added("repeats: -2\n"), 15, 10, "at least 1", ""),
    ("users zero", added("scenario: {users: 0}\n"), 15, 19, "at least 1", ""),
    ("scenario unknown", added("scenario: {kind: open}\n"), 15, 18, "not one of them", "closed"),
    ("scenario without a rate", added("scenario: {kind: poisson}\n"), 15, 1, "needs 'rate'", "rate: 20"),
    ("ramp without an end", added("scenario: {kind: ramp, rate: 2}\n"), 15, 1, "needs 'to_rate'", "to_rate: 50"),
    ("trace without a trace", added("scenario: {kind: trace}\n"), 15, 1, "needs 'trace'", "office-day"),
    ("rate zero", added("scenario: {kind: poisson, rate: 0}\n"), 15, 33, "above 0", ""),
    ("rate negative", added("scenario: {kind: constant, rate: -1.5}\n"), 15, 34, "above 0", ""),
    ("rate absurd", added("scenario: {kind: server, rate: 1.0e9}\n"), 15, 32, "at most 100000", ""),
    ("rate a word", added("scenario: {kind: poisson, rate: fast}\n"), 15, 33, "should be a number", ""),
    ("to_rate zero", added("scenario: {kind: ramp, rate: 2, to_rate: 0}\n"), 15, 42, "above 0", ""),
    ("cv zero", added("scenario: {kind: gamma, rate: 2, cv: 0}\n"), 15, 38, "above 0", ""),
    ("speed zero", added("scenario: {kind: trace, trace: office-day, speed: 0}\n"), 15, 51, "above 0", ""),
    ("cap zero", added("scenario: {kind: poisson, rate: 2, max_in_flight: 0}\n"), 15, 51, "at least 1", ""),
    ("rate in a closed loop", added("scenario: {users: 2, rate: 5}\n"), 15, 22, "'rate' does nothing", "users"),
    ("users in an open loop", added("scenario: {kind: poisson, rate: 2, users: 3}\n"), 15, 36, "nothing", "rate"),
    ("users of one stream", added("scenario: {kind: single-stream, users: 3}\n"), 15, 33, "nothing", "no options"),
    ("batches of nobody knows", added("scenario: {kind: batches}\n"), 15, 1, "how many", "users: 8"),
    ("trace unknown", added("scenario: {kind: trace, trace: office-dy}\n"), 15, 32, "office-dy", "'office-day'"),
    (
        "trace scaled twice",
        added("scenario: {kind: trace, trace: office-day, speed: 2, rate: 5}\n"),
        15,
        44,
        "'rate' already",
        "give one",
    ),
    ("stop empty", added("repeats: 3\nstop: {}\n"), 16, 1, "says nothing", "requests"),
    ("stop requests zero", added("repeats: 3\nstop: {requests: 0}\n"), 16, 18, "above 0", ""),
    ("stop seconds negative", added("repeats: 3\nstop: {seconds: -1}\n"), 16, 17, "above 0", ""),
    ("stop within percent", added("repeats: 3\nstop: {within: 5}\n"), 16, 16, "between 0 and 1", "0.05"),
    ("stop metric misspelt", added("repeats: 3\nstop: {within: 0.1, metric: p95}\n"), 16, 29, "no metric", "p95_ms"),
    (
        "stop metric of one value",
        added("repeats: 3\nstop: {within: 0.1, metric: gap_max_ms}\n"),
        16,
        29,
        "no interval",
        "",
    ),
    ("stop without passes", added("stop: {requests: 100}\n"), 15, 1, "only one", "repeats"),
    ("seed of arrivals negative", added("seeds: {arrivals: -1}\n"), 15, 19, "at least 0", ""),
    ("seed negative", added("seeds: {order: -1}\n"), 15, 16, "at least 0", ""),
    ("budget zero", added("budget: {usd: 0}\n"), 15, 15, "above 0", ""),
    ("texts misspelt", added("texts: redakt\n"), 15, 8, "not one of them", "'redact'"),
    ("two targets of one name", changed("  small:", "  quick:"), 8, 3, "two targets are called 'quick'", "line 6"),
    ("key twice", added("question: again\n"), 15, 1, "given twice", "line 1"),
    ("no targets", "question: q\nworkload: {builtin: support-triage}\ntargets: {}\n", 3, 10, "no target", ""),
    ("targets a list", "question: q\nworkload: {builtin: support-triage}\ntargets: [a]\n", 3, 10, "mapping", ""),
    ("kind misspelt", changed("kind: fake", "kind: fak"), 7, 11, "no kind of target", "'fake'"),
    ("name with a dot", changed("  quick:", "  'a · b':"), 6, 3, "prompting", ""),
    ("name invisible", changed("  quick:", '  "a\\u200bb":'), 6, 3, "invisible", ""),
    ("model missing", changed("    model: smollm2-135m-q4_1\n", ""), 8, 3, "neither", "model:"),
    (
        "model misspelt",
        changed("smollm2-135m-q4_1", "smollm2-135m-q41"),
        10,
        12,
        "no model card",
        "'smollm2-135m-q4_1'",
    ),
    ("model of another kind", changed("smollm2-135m-q4_1", "minilm-l6-int8"), 10, 12, "onnxruntime", ""),
    ("model file missing", changed("model: smollm2-135m-q4_1", "file: no.gguf"), 10, 11, "no file", ""),
    ("option misspelt", changed("q4_1\n", "q4_1\n    options: {n_ctxx: 5}\n"), 11, 15, "n_ctxx", "'n_ctx'"),
    ("option of the wrong type", changed("q4_1\n", "q4_1\n    options: {n_ctx: big}\n"), 11, 22, "whole number", ""),
    ("option no choice", changed("q4_1\n", "q4_1\n    options: {constrain: hard}\n"), 11, 26, "not one of", "grammar"),
    ("timeout zero", changed("    kind: fake", "    kind: fake\n    timeout_s: 0"), 8, 16, "above 0", ""),
    ("endpoint for a local kind", changed("kind: fake", "kind: fake\n    key: A_API_KEY"), 8, 5, "no endpoint", ""),
    ("hosted model missing", changed("kind: fake", "kind: openai"), 6, 3, "'model' is missing", ""),
    ("key no key", api("key: HOME"), 9, 10, "HOME", "OPENAI_API_KEY"),
    ("key a secret", api("key: sk-1234567890"), 9, 10, "what stands here", "never the key itself"),
    ("base_url no URL", api("base_url: api.example.com/v1"), 9, 15, "https://", "base_url:"),
    ("base_url a file", api("base_url: file:///etc/passwd"), 9, 15, "https://", ""),
    ("base_url no host", api("base_url: https:///v1"), 9, 15, "no host", ""),
    ("base_url with password", api("base_url: https://me:pw@example.com/v1"), 9, 15, "password", ""),
    ("base_url of a call", api("base_url: https://x.com/v1/chat/completions"), 9, 15, "/chat/completions", ""),
    ("key in clear", api("base_url: http://example.com/v1\n    key: X_API_KEY"), 9, 15, "in clear", "base_url"),
    ("price negative", api("price: {input_per_million: -1}"), 9, 32, "at least 0", ""),
    ("both workloads", changed("  items: 40", "  items: 40\n  file: x.csv"), 2, 1, "both", "builtin"),
    ("neither workload", changed("  builtin: support-triage\n", ""), 2, 1, "neither", "file"),
    ("builtin misspelt", changed("support-triage", "support-triag"), 3, 12, "no built-in", "'support-triage'"),
    ("file missing", changed("builtin: support-triage", "file: no/such.csv"), 3, 9, "no file", "folder"),
    ("scorer misspelt", changed("  items: 40", "  scorers: [labl]"), 4, 13, "no scorer", "'label'"),
    ("scorer option", changed("  items: 40", "  scorers: [{label: {case: 1}}]"), 4, 22, "'case'", "known"),
    ("scorer two names", changed("  items: 40", "  scorers: [{label: {}, text: {}}]"), 4, 13, "one name", ""),
    ("prompting misspelt", added("prompting: [zero-shots]\n"), 15, 13, "no prompting", "'zero-shot'"),
    ("prompting not a list", added("prompting: zero-shot\n"), 15, 12, "list", ""),
    ("prompting none", added("prompting: []\n"), 15, 12, "no prompting", ""),
    ("prompting twice", added("prompting: [few-shot, {few-shot: {k: 5}}]\n"), 15, 23, "named twice", ""),
    ("prompting option", added("prompting: [{few-shot: {kk: 5}}]\n"), 15, 25, "'kk'", "'k'"),
    ("prompting option type", added("prompting: [{few-shot: {k: many}}]\n"), 15, 28, "whole number", ""),
    ("prompting option refused", added("prompting: [{few-shot: {k: 0}}]\n"), 15, 24, "at least one", ""),
    (
        "own prompting misspelt",
        changed("kind: fake", "kind: fake\n    prompting: rawr"),
        8,
        16,
        "no prompting",
        "'raw'",
    ),
    ("slo metric misspelt", changed("metric: p95_ms", "metric: p95"), 12, 13, "no metric", "p95_ms"),
    ("slo with both", changed("max: 1000", "max: 1000\n    min: 1"), 12, 5, "exactly one", "'max'"),
    ("slo with none", changed("    max: 1000\n", ""), 12, 5, "exactly one", ""),
    ("slo the wrong way", changed("max: 1000", "min: 1000"), 13, 5, "'max'", "max: 1000"),
    ("slo in percent", changed("p95_ms\n    max: 1000", "accuracy\n    min: 95"), 13, 10, "between 0 and 1", "0.95"),
    ("objective misspelt", changed("[accuracy, p95_ms]", "[acuracy, p95_ms]"), 14, 14, "no metric", "'accuracy'"),
    ("objective twice", changed("[accuracy, p95_ms]", "[p95_ms, p95_ms]"), 14, 22, "twice", ""),
    ("objectives none", changed("[accuracy, p95_ms]", "[]"), 14, 13, "no objective", ""),
    ("device misspelt", added("device: x86-laptp\n"), 15, 9, "no device profile", "'x86-laptop'"),
    ("prices missing", added("prices: ours.yaml\n"), 15, 9, "no file", ""),
    ("variable unknown", changed("items: 40", "items: ${itms}") + "vars: {items: 40}\n", 4, 10, "${itms}", "'items'"),
    ("variable undeclared", changed("items: 40", "items: ${n}"), 4, 10, "${n}", "vars"),
    ("variable required", added("vars:\n  data: null\n"), 16, 3, "must be given", "--set data="),
    ("variable of a bad name", added("vars:\n  my data: 1\n"), 16, 3, "name", ""),
    ("vars a list", added("vars: [a]\n"), 15, 7, "default", ""),
    ("variable of another type", changed("items: 40", "items: ${n}") + "vars: {n: many}\n", 4, 10, "whole number", ""),
    ("list inside text", changed("better?", "${n}?") + "vars: {n: [1]}\n", 1, 11, "no text", ""),
    ("alias of itself", added("vars: &a {b: *a}\n"), 15, 7, "itself", ""),
    ("half a character", changed("Which is better?", '"\\ud800"'), 1, 11, "half a character", ""),
]
