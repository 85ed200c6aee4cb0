"""Logs written for these tests: each format as its makers' tools write it, in small; and what is asked in them."""

from __future__ import annotations

import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

ASKED = ("where is my parcel", "the kettle came broken", "please cancel my order")
REPLIED = ("It is on its way.", "I am sorry, we send another one.", "Done.")
RIGHT = ("status", "damage", "cancel")

KINDS = ("where is my {} parcel, it was due {}", "the {} came broken and I want a new one by {}",
         "please cancel my {} before {}", "how do I pay for the {} on {}")  # fmt: skip
THINGS = ("kettle", "monthly box", "garden chair", "reading lamp", "coffee grinder", "blue rug", "paper calendar",
          "bird house")  # fmt: skip
DAYS = ("Monday", "the weekend", "my birthday", "noon", "next week", "Christmas", "the first of May",
        "tomorrow evening")  # fmt: skip


def lines(rows: list[Any]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def tickets(count: int = 200, seed: int = 1) -> list[dict[str, Any]]:
    """Messages of four kinds, the later ones rarer, each kind a queue of its own."""
    rng, out = random.Random(seed), []
    for n in range(count):
        kind = min(int(rng.expovariate(1.2)), len(KINDS) - 1)
        text = KINDS[kind].format(rng.choice(THINGS), rng.choice(DAYS))
        out.append({"message": text, "queue": f"q{kind}", "channel": rng.choice(("web", "app")), "customer": f"c{n}"})
    return out


def chat(asked: str, before: tuple[tuple[str, str], ...] = ()) -> list[dict[str, str]]:
    return [*({"role": role, "content": content} for role, content in before), {"role": "user", "content": asked}]


def answer(text: str) -> dict[str, Any]:
    return {"object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}


def openai_pairs() -> str:
    """Requests with their responses, as a gateway keeps them."""
    return lines([
        {"id": f"req-{n}", "request": {"model": "gpt-4o-mini", "messages": chat(asked)}, "response": answer(reply)}
        for n, (asked, reply) in enumerate(zip(ASKED, REPLIED, strict=True))
    ])  # fmt: skip


def batch_input() -> str:
    return lines([
        {"custom_id": f"c{n}", "method": "POST", "url": "/v1/chat/completions",
         "body": {"model": "gpt-4o-mini", "messages": chat(asked)}}
        for n, asked in enumerate(ASKED)
    ])  # fmt: skip


def batch_output(failed: tuple[int, ...] = ()) -> str:
    return lines([
        {"id": f"batch_req_{n}", "custom_id": f"c{n}",
         "response": None if n in failed else {"status_code": 200, "request_id": "r", "body": answer(reply)},
         "error": {"code": "expired", "message": "too late"} if n in failed else None}
        for n, reply in enumerate(REPLIED)
    ])  # fmt: skip


def otlp() -> str:
    """One export of spans, attributes as typed values."""
    spans = [
        {"traceId": f"t{n}", "spanId": f"s{n}", "name": "chat gpt-4o", "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
            {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": asked}]}])}},
            {"key": "gen_ai.output.messages", "value": {"stringValue": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": reply}]}])}},
        ]}
        for n, (asked, reply) in enumerate(zip(ASKED, REPLIED, strict=True))
    ]  # fmt: skip
    tool = {
        "name": "execute_tool",
        "attributes": [{"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}}],
    }
    return json.dumps(
        {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [*spans, tool]}]}]}, indent=1
    )


def otlp_structured() -> str:
    """An export a line, messages as structured values."""

    def text(words: str) -> dict[str, Any]:
        part = {"kvlistValue": {"values": [{"key": "type", "value": {"stringValue": "text"}},
                                           {"key": "content", "value": {"stringValue": words}}]}}  # fmt: skip
        return {"arrayValue": {"values": [part]}}

    def messages(role: str, words: str) -> dict[str, Any]:
        pairs = [{"key": "role", "value": {"stringValue": role}}, {"key": "parts", "value": text(words)}]
        return {"arrayValue": {"values": [{"kvlistValue": {"values": pairs}}]}}

    return lines([
        {"resourceSpans": [{"scopeSpans": [{"spans": [{"name": "chat", "attributes": [
            {"key": "gen_ai.input.messages", "value": messages("user", asked)},
            {"key": "gen_ai.output.messages", "value": messages("assistant", reply)}]}]}]}]}
        for asked, reply in zip(ASKED, REPLIED, strict=True)
    ])  # fmt: skip


def otel_numbered() -> str:
    """A span a line, each field of each message an attribute of its own."""
    return lines([
        {"name": "openai.chat", "attributes": {
            "gen_ai.prompt.0.role": "system", "gen_ai.prompt.0.content": "Be kind.",
            "gen_ai.prompt.1.role": "user", "gen_ai.prompt.1.content": asked,
            "gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": reply}}
        for asked, reply in zip(ASKED, REPLIED, strict=True)
    ])  # fmt: skip


def otel_events() -> str:
    """A span a line, its messages as events."""
    return lines([
        {"name": "chat", "attributes": {"gen_ai.operation.name": "chat"}, "events": [
            {"name": "gen_ai.user.message", "attributes": {"content": asked}},
            {"name": "gen_ai.choice", "attributes": {"message": json.dumps({"content": reply})}}]}
        for asked, reply in zip(ASKED, REPLIED, strict=True)
    ])  # fmt: skip


def otel_records() -> str:
    """Log records of spans, one export with all."""
    records = []
    for n, (asked, reply) in enumerate(zip(ASKED, REPLIED, strict=True)):
        for name, body in (
            ("gen_ai.user.message", {"content": asked}),
            ("gen_ai.choice", {"message": {"content": reply}}),
        ):
            held = [{"key": key, "value": {"stringValue": value if isinstance(value, str) else json.dumps(value)}}
                    for key, value in body.items()]  # fmt: skip
            records.append(
                {"traceId": f"t{n}", "spanId": f"s{n}", "eventName": name, "body": {"kvlistValue": {"values": held}}}
            )
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]})


def promptfoo() -> str:
    return """\
prompts: ["Sort this: {{message}}"]
providers: [openai:gpt-4o-mini]
tests:
  - vars: {message: where is my parcel}
    assert: [{type: equals, value: status}]
    metadata: {channel: web}
  - vars: {message: the kettle came broken}
    assert:
      - {type: llm-rubric, value: is polite}
      - {type: contains, value: damage}
  - vars: {message: please cancel my order}
    assert: [{type: icontains-any, value: [cancel, cancellation]}]
"""


def inspect_log() -> dict[str, Any]:
    return {
        "version": 2, "status": "success", "eval": {"task": "triage", "model": "m"},
        "samples": [
            {"id": n, "epoch": epoch, "input": asked if n else "attachment://x", "target": right,
             "metadata": {"channel": "web"}, "messages": [], "output": answer(right), "attachments": {"x": asked}}
            for epoch in (1, 2) for n, (asked, right) in enumerate(zip(ASKED, RIGHT, strict=True))
        ],
    }  # fmt: skip


def inspect_archive() -> bytes:
    log, out = inspect_log(), io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("header.json", json.dumps({key: log[key] for key in ("version", "status", "eval")}))
        for sample in log["samples"]:
            packed.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
    return out.getvalue()


def lm_eval(filters: tuple[str, ...] = ("none",)) -> str:
    return lines([
        {"doc_id": n, "doc": {"question": asked, "answer": right}, "target": right, "filter": name,
         "arguments": {"gen_args_0": {"arg_0": f"Question: {asked}\nAnswer:", "arg_1": {"until": ["\n"]}}},
         "resps": [["x"]], "filtered_resps": ["x"], "exact_match": 0.0}
        for name in filters for n, (asked, right) in enumerate(zip(ASKED, RIGHT, strict=True))
    ])  # fmt: skip


def helm() -> str:
    return json.dumps([
        {"id": f"id{n}", "split": "test", "input": {"text": asked},
         "references": [{"output": {"text": right}, "tags": ["correct"]}],
         **({"perturbation": {"name": "typos"}} if p else {})}
        for p in (False, True) for n, (asked, right) in enumerate(zip(ASKED, RIGHT, strict=True))
    ])  # fmt: skip


def label_studio(key: str = "annotations") -> str:
    def result(label: str) -> dict[str, Any]:
        return {"result": [{"type": "choices", "value": {"choices": [label]}}], "was_cancelled": False}

    return json.dumps([
        {"id": n, "data": {"text": asked, "channel": "web"}, key: [result(right), result(right), result("other")],
         "predictions": []}
        for n, (asked, right) in enumerate(zip(ASKED, RIGHT, strict=True))
    ])  # fmt: skip


#: name of the file → (what is in it, the format it is recognised as, whether references are right answers)
LOGS: dict[str, tuple[str | bytes, str, bool]] = {
    "messages.csv": ("message,queue\n" + "".join(f"{ASKED[n]},{RIGHT[n]}\n" for n in range(3)), "messages", True),
    "messages.tsv": ("id\ttext\tlabel\n" + "".join(f"{n}\t{ASKED[n]}\t{RIGHT[n]}\n" for n in range(3)),
                     "messages", True),
    "semicolon.csv": ("nachricht;label\n" + "".join(f"{ASKED[n]};{RIGHT[n]}\n" for n in range(3)), "messages", True),
    "messages.jsonl": (lines([{"text": a, "answer": r} for a, r in zip(ASKED, RIGHT, strict=True)]), "messages", True),
    "messages.json": (json.dumps([{"question": ASKED[n], "ideal": RIGHT[n]} for n in range(3)]), "messages", True),
    "messages.txt": ("".join(f"{asked}\n" for asked in ASKED), "messages", False),
    "turns.csv": ("conversation_id,role,content\n" + "".join(
        f"{n},user,{ASKED[n]}\n{n},assistant,{REPLIED[n].replace(',', '')}\n" for n in range(3)), "messages", False),
    "openai.jsonl": (openai_pairs(), "openai-chat", False),
    "tuning.jsonl": (lines([
        {"messages": [*chat(ASKED[n]), {"role": "assistant", "content": REPLIED[n]}]} for n in range(3)]),
                     "openai-chat", False),
    "batch.jsonl": (batch_input(), "openai-chat", False),
    "responses.jsonl": (lines([
        {"request": {"model": "gpt-4o", "instructions": "Be kind.", "input": ASKED[n]},
         "response": {"output": [{"type": "message", "content": [{"type": "output_text", "text": REPLIED[n]}]}]}}
        for n in range(3)]), "openai-chat", False),
    "sharegpt.json": (json.dumps([
        {"conversations": [{"from": "human", "value": ASKED[n]}, {"from": "gpt", "value": REPLIED[n]}]}
        for n in range(3)]),
        "openai-chat", False),
    "otlp.json": (otlp(), "otel", False),
    "otlp.jsonl": (otlp_structured(), "otel", False),
    "numbered.jsonl": (otel_numbered(), "otel", False),
    "events.jsonl": (otel_events(), "otel", False),
    "records.json": (otel_records(), "otel", False),
    "console.log": ("\n".join(json.dumps(json.loads(line), indent=2) for line in otel_numbered().splitlines()),
                    "otel", False),
    "promptfoo.yaml": (promptfoo(), "promptfoo", True),
    "promptfoo.csv": ("message,__expected\n" + "".join(f"{ASKED[n]},equals: {RIGHT[n]}\n" for n in range(3)),
                      "promptfoo", True),
    "promptfoo.jsonl": (lines([
        {"vars": {"message": ASKED[n]}, "assert": [{"type": "equals", "value": RIGHT[n]}]} for n in range(3)]),
        "promptfoo", True),
    "inspect.jsonl": (lines([
        {"input": ASKED[n], "target": RIGHT[n], "metadata": {"channel": "web"}} for n in range(3)]),
                      "inspect", True),
    "inspect.csv": ("input,target,id\n" + "".join(f"{ASKED[n]},{RIGHT[n]},{n}\n" for n in range(3)), "inspect", True),
    "log.json": (json.dumps(inspect_log()), "inspect", True),
    "log.eval": (inspect_archive(), "inspect", True),
    "samples_triage.jsonl": (lm_eval(("strict", "flexible")), "lm-eval", True),
    "evals.jsonl": (lines([{"input": chat(ASKED[n], (("system", "Sort."),)), "ideal": RIGHT[n]} for n in range(3)]),
                    "openai-evals", True),
    "instances.json": (helm(), "helm", True),
    "scenario_state.json": (json.dumps({"adapter_spec": {}, "request_states": [
        {"instance": one, "request": {}} for one in json.loads(helm())]}), "helm", True),
    "label-studio.json": (label_studio(), "label-studio", True),
    "label-studio-old.json": (label_studio("completions"), "label-studio", True),
    "label-studio-min.json": (json.dumps([
        {"text": ASKED[n], "queue": RIGHT[n], "id": n, "annotator": 1, "annotation_id": n} for n in range(3)]),
        "label-studio", True),
}  # fmt: skip


def put(folder: Path, name: str) -> Path:
    """The log of this name as a file."""
    content, file = LOGS[name][0], folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file
