"""Test sets of other tools: OpenAI evals, Inspect (datasets and logs), lm-evaluation-harness, HELM, Label Studio.

Their references are right answers that somebody wrote, so they are taken over.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgebench.records import Message
from edgebench.workloads.importing import chats
from edgebench.workloads.importing.found import NO_TEXT, Broken, Found, Noted, Passed, Piece, scalars, text_of
from edgebench.workloads.importing.logs import Log

# --------------------------------------------------------------------------------------------------- OpenAI evals


def openai_evals(log: Log) -> Iterator[Piece]:
    """``{"input": chat or text, "ideal": answer or answers}``."""
    known = {"input", "ideal", "id", "metadata"}
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
        else:
            row = entry.value
            tags = {**_metadata(row), **scalars(row, without=known)}
            yield _case(entry.number, row.get("input"), row.get("ideal"), tags=tags)


# --------------------------------------------------------------------------------------------------- Inspect


def inspect_dataset(log: Log) -> Iterator[Piece]:
    """``input``, ``target``, ``choices``, ``id``, ``metadata``."""
    known = {"input", "target", "choices", "id", "metadata", "sandbox", "files", "setup"}
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
        else:
            row = entry.value
            tags = {**_metadata(row), **scalars(row, without=known)}
            yield _case(entry.number, row.get("input"), row.get("target"), row.get("choices"), tags)


def inspect_log(log: Log) -> Iterator[Piece]:
    """The samples of an evaluation log, ``.json`` or ``.eval``; of several epochs the first one seen."""
    seen: set[str] = set()
    for entry in log.entries():
        if isinstance(entry, Broken):
            yield entry
            continue
        for sample in _samples(entry.value):
            key = json.dumps([sample.get("id"), sample.get("input")], default=str)
            if key not in seen:
                seen.add(key)
                text = _attached(sample.get("input"), sample.get("attachments"))
                yield _case(entry.number, text, sample.get("target"), sample.get("choices"), _metadata(sample))


def _samples(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, tuple):  # a member of an archive: its name and what it holds
        name, content = value
        if name.startswith("samples/") and isinstance(content, dict):
            yield content
        return
    held = value.get("samples") if isinstance(value, dict) else None
    yield from (one for one in (held if isinstance(held, list) else []) if isinstance(one, dict))


def _attached(content: Any, attachments: Any) -> Any:
    """Long texts stand at the end of a sample and are named where they belong."""
    if isinstance(content, str) and content.startswith("attachment://") and isinstance(attachments, dict):
        return attachments.get(content.removeprefix("attachment://"), content)
    if isinstance(content, list):
        return [
            {**one, "content": _attached(one.get("content"), attachments)} if isinstance(one, dict) else one
            for one in content
        ]
    return content


# --------------------------------------------------------------------------------------------------- lm-eval

QUESTIONS = ("question", "query", "input", "problem", "text", "sentence", "goal", "ctx", "premise", "instruction",
             "prompt")  # fmt: skip


def lm_eval(log: Log) -> Iterator[Piece]:
    """``samples_*.jsonl``: the question of ``doc``, or what was sent; several filters of one sample are one case."""
    seen: set[str] = set()
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
        elif (key := str(entry.value.get("doc_id", f"line {entry.number}"))) not in seen:
            seen.add(key)
            yield _sample(entry.number, entry.value)


def _sample(number: int, row: Mapping[str, Any]) -> Piece:
    doc = row.get("doc")
    sent = [_pair(one) for one in _arguments(row.get("arguments"))]
    texts = [ends for _, ends in sent if isinstance(ends, str)]
    held = doc if isinstance(doc, dict) else {}
    asked = next((held[key] for key in QUESTIONS if isinstance(held.get(key), str)), None)
    question = asked or next((chats.opened(begins) for begins, _ in sent if begins), None)
    choices: tuple[str, ...] | None = None
    reference = row.get("target")
    if len(texts) > 1 and len(texts) == len(sent):  # the likelihood of every continuation was asked
        choices = tuple(text.strip() for text in texts)
        place = text_of(reference)
        if place is not None and place.isascii() and place.isdigit() and int(place) < len(choices):
            reference = choices[int(place)]
    tags = scalars(held, without=frozenset(QUESTIONS))
    return _case(number, question, reference, choices, tags)


def _arguments(value: Any) -> list[Any]:
    """The requests of a sample: a list, or ``{"gen_args_0": {"arg_0": …}}``."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _pair(one: Any) -> tuple[Any, Any]:
    """(what was sent, what should follow or how to generate)."""
    parts = list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else [one]
    first = parts[0] if parts else None
    if isinstance(first, list) and len(first) == 1:
        first = first[0]
    return first, parts[1] if len(parts) > 1 else None


# --------------------------------------------------------------------------------------------------- HELM


def helm(log: Log) -> Iterator[Piece]:
    """``instances.json`` or the instances of a ``scenario_state.json``; perturbed ones are left out."""
    for entry in log.entries():
        if isinstance(entry, Broken):
            yield entry
            continue
        for instance in helm_instances(entry.value):
            if instance.get("perturbation"):
                yield Passed("a perturbed form of another instance")
            else:
                yield _instance(entry.number, instance)


def helm_instances(value: Any) -> Iterator[Mapping[str, Any]]:
    """The instances an entry holds."""
    if not isinstance(value, dict):
        return
    held = value.get("request_states", value.get("instances"))
    for one in held if isinstance(held, list) else [value]:
        inner = one.get("instance", one) if isinstance(one, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("input"), dict):
            yield inner


def _instance(number: int, instance: Mapping[str, Any]) -> Piece:
    asked = instance["input"]
    given = instance.get("references")
    outputs = [
        (text, "correct" in _listed(one.get("tags")))
        for one in _listed(given)
        if isinstance(one, dict)
        and isinstance(one.get("output"), dict)
        and (text := text_of(one["output"].get("text")))
    ]
    right = [text for text, correct in outputs if correct]
    several = len(outputs) > len(right) > 0
    tags = scalars({key: instance[key] for key in ("split", "sub_split") if key in instance})
    reference = right[0] if len(right) == 1 else right or None
    choices = [text for text, _ in outputs] if several else None
    return _case(number, asked.get("messages") or asked.get("text"), reference, choices, tags)


# --------------------------------------------------------------------------------------------------- Label Studio

EXPORTED = {"id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "created_ago"}
TEXTS = ("text", "message", "question", "input", "body", "content", "dialogue", "prompt", "review")


def label_studio(log: Log) -> Iterator[Piece]:
    """An export with annotations: what most annotators chose is the reference; where none leads, there is none."""
    tied = 0
    for entry in log.objects():
        if isinstance(entry, Broken):
            yield entry
            continue
        row = entry.value
        data = row.get("data")
        if isinstance(data, dict):
            labels = list(_annotations(row))
            tags = {
                **scalars(data, without=frozenset(TEXTS)),
                **(scalars(row["meta"]) if isinstance(row.get("meta"), dict) else {}),
            }
        else:  # the flat export
            data = row
            labels = [
                value for key, value in row.items() if key not in EXPORTED and key not in TEXTS and _chosen(value)
            ]
            labels, tags = labels[:1], {}
        counted = Counter(json.dumps(label, sort_keys=True, default=str) for label in labels).most_common(2)
        draw = len(counted) == 2 and counted[0][1] == counted[1][1]
        tied += draw
        text = next((data[key] for key in TEXTS if data.get(key)), None)
        text = text or max((value for value in data.values() if isinstance(value, str)), key=len, default=None)
        yield _case(entry.number, text, json.loads(counted[0][0]) if counted and not draw else None, tags=tags)
    if tied:
        yield Noted(f"{log.name}: in {tied} tasks the annotators disagree and none leads; these have no reference")


def _chosen(value: Any) -> bool:
    if isinstance(value, dict):
        return isinstance(value.get("choices"), list)
    return isinstance(value, str) and bool(value.strip())


def _annotations(row: Mapping[str, Any]) -> Iterator[Any]:
    for annotation in [*_listed(row.get("annotations")), *_listed(row.get("completions"))]:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled") or annotation.get("skipped"):
            continue
        for result in _listed(annotation.get("result")):
            value = result.get("value") if isinstance(result, dict) else None
            if not isinstance(value, dict):
                continue
            chosen = value.get("choices") or value.get("text") or value.get("rating") or value.get("taxonomy")
            if chosen:
                yield chosen[0] if isinstance(chosen, list) and len(chosen) == 1 else chosen
                break


# --------------------------------------------------------------------------------------------------- shared


def _case(number: int, asked: Any, reference: Any, choices: Any = None, tags: Mapping[str, str] | None = None) -> Piece:
    """A case from a text or a chat, with whatever the tool calls its right answer."""
    held = chats.opened(asked)
    if chats.are_messages(held):
        try:
            turns = chats.last(chats.turns(held))
        except chats.NoText:
            return NO_TEXT
    else:
        text = text_of(asked)
        turns = (Message("user", text),) if text is not None else ()
    if not turns:
        return Passed("a case without a text")
    named = chats.opened(choices) if isinstance(choices, str) else choices
    listed = [text for one in _listed(named) if (text := text_of(one)) is not None]
    return Found(number, turns, _answer(reference), tuple(listed), tags or {})


def _answer(reference: Any) -> Any:
    """One answer, or a list of acceptable ones; JSON kept as text is opened."""
    held = chats.opened(reference)
    if isinstance(held, list):
        some = [one for one in held if one not in (None, "")]
        return some[0] if len(some) == 1 else some or None
    return held.strip() or None if isinstance(held, str) else held


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else []


def _metadata(row: Mapping[str, Any]) -> dict[str, str]:
    held = chats.opened(row.get("metadata"))
    return scalars(held) if isinstance(held, dict) else {}
