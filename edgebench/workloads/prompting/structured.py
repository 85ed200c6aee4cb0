"""A prompting whose answer comes in a field of a JSON object, and how that is read whatever stands around it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgebench.contracts import Ask, Prompting, PromptingFactory
from edgebench.plugins import part_name
from edgebench.records import Answer, Item, Request, Task, Workload
from edgebench.workloads import understand
from edgebench.workloads.choices import letters
from edgebench.workloads.prompting.chat import own_choices
from edgebench.workloads.prompting.once import OneRequest, instruction
from edgebench.workloads.prompting.wordings import numbered, worded

WRAPPER_TOKENS = 16  # what {"label": "…"} takes beside the label
LABEL, ANSWER = "label", "answer"


@dataclass(frozen=True)
class Structured:
    """Asks once for a JSON object; the answer is the value of its one field, or the object where that is the task."""

    name: str
    task: Task  # as targets prepare for it: JSON by a schema
    asking: OneRequest
    wanted: Task  # the workload's own
    field: str | None  # None: the object is the answer

    async def __call__(self, item: Item, ask: Ask) -> Answer:
        answer = await ask(self.request(item))
        return answer if self.field is None else replace(answer, text=value(answer.text, self.field))

    def request(self, item: Item) -> Request:
        """The one request this item becomes; its choices stay, for targets that know nothing of JSON."""
        request = self.asking.request(item)
        own = own_choices(item, self.wanted)
        schema = schema_of(self.wanted, letters(own)) if own else self.task.schema
        return replace(request, output="json", schema=schema, max_tokens=self.task.max_tokens)


def structured_output(wording: int = 0) -> PromptingFactory:
    """Zero-shot, answered by a JSON object: ``{"label": one of the labels}``, ``{"answer": …}``, or the task's schema.

    Sent as output ``json`` with its schema, so that engines that can keep to one do. The answer is the field's value
    for labels, letters, numbers and texts. What stands around the object (prose, code fences), a key given twice,
    another name for the one field, or an object that is cut off, does not cost the answer; where no value can be found
    at all, the answer is what was said. ``wording``: as for zero-shot.

    Raises
    ------
    UsageError: ``wording`` is below 0; or (when built) there are not so many.
    """
    name = part_name("promptings", {"structured-output": {"wording": numbered(wording)}})

    def prompting(workload: Workload, rng: np.random.Generator) -> Prompting:
        wanted = worded(replace(workload.task, examples=()), wording)
        field = {"choice": LABEL, "json": None}.get(wanted.output, ANSWER)
        schema = wanted.schema if field is None else schema_of(wanted, wanted.choices)
        system = instruction(wanted)
        if field is not None:
            form = f'Give the reply as one JSON object and nothing else: {{"{field}": …}}'
            system = "\n\n".join(part for part in (system, form) if part)
        room = wanted.max_tokens + (0 if field is None else WRAPPER_TOKENS)
        task = replace(wanted, output="json", schema=schema, max_tokens=room)
        return Structured(name, task, OneRequest(name, wanted, system), wanted, field)

    return prompting


def schema_of(task: Task, choices: tuple[str, ...]) -> Mapping[str, Any]:
    """JSON Schema of an object with one field: the label (one of ``choices``, where there are any) or the answer."""
    if task.output == "choice":
        field, kind = LABEL, {"type": "string", **({"enum": list(choices)} if choices else {})}
    else:
        field, kind = ANSWER, {"type": "number" if task.output == "number" else "string"}
    return {"type": "object", "properties": {field: kind}, "required": [field], "additionalProperties": False}


# --------------------------------------------------------------------------------------------------- reading it


def value(text: str, field: str) -> str:
    """The field's value as the answer it is; the text itself where there is none. Never raises.

    Tried in this order: the first object that has the field (in any case); the first object with a single value that is
    neither an object nor a list of several; the field in an object that is cut off or not quite JSON.
    """
    objects = list(_objects(understand.said(text)))
    for each in objects:
        named = {key.strip().casefold(): inside for key, inside in each.items()}
        if (found := _plain(named.get(field))) is not None:
            return found
    for each in objects:
        values = [found for found in map(_plain, each.values()) if found is not None]
        if len(values) == 1:
            return values[0]
    return _broken(understand.said(text), field) or text


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that begins in the text, outermost first; numbers as they are written.

    A key given twice keeps its last value that is one.
    """
    decoder = json.JSONDecoder(object_pairs_hook=_merged, parse_int=str, parse_float=str, parse_constant=str)
    for match, _ in zip(re.finditer(r"\{", text), range(understand.TRIES), strict=False):
        try:
            found = decoder.raw_decode(text, match.start())[0]
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            yield found


def _merged(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for key, inside in pairs:
        if inside is not None or key not in merged:
            merged[key] = inside
    return merged


def _plain(inside: Any) -> str | None:
    """A scalar as the answer it is; None for what is none."""
    if isinstance(inside, list) and len(inside) == 1:
        return _plain(inside[0])
    if isinstance(inside, bool):
        return str(inside).lower()
    return inside.strip() or None if isinstance(inside, str) else None


def _broken(text: str, field: str) -> str | None:
    quoted = re.search(
        rf"[\"'“]?\b{re.escape(field)}\b[\"'”]?\s*[:=]\s*(?:[\"'“]([^\"'”\n]*)|([^\s\"'“{{\[,}}]+))",
        text,
        re.IGNORECASE,
    )
    return None if quoted is None else (quoted[1] or quoted[2] or "").strip() or None
