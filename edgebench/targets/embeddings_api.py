"""The embeddings API of an OpenAI-compatible endpoint as a classifier: a text goes to the label it lies nearest to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import numpy as np

from edgebench.errors import TargetError
from edgebench.records import Chunk, Completion, Request, Task, Usage
from edgebench.targets import embedding, replies
from edgebench.targets.exchange import Exchange

EMBED_BATCH = 64  # texts in one request while preparing

#: Sends a body with a time limit (s); gives what the wire saw, and how it failed if it did.
Send = Callable[[Mapping[str, Any], float], Awaitable[tuple[Exchange, TargetError | None]]]


class Embedder:
    """Texts to vectors over ``send``, and our own head on top.

    Parameters
    ----------
    scrub: takes the key out of a failure's words.
    seen: what the endpoint says about itself; ``served_model`` is added.
    """

    def __init__(
        self,
        send: Send,
        *,
        model: str,
        dimensions: int | None,
        scrub: Callable[[TargetError], TargetError],
        seen: MutableMapping[str, str],
    ) -> None:
        self._send, self._model, self._dimensions = send, model, dimensions
        self._scrub, self._seen = scrub, seen
        self._task = Task()
        self._heads: dict[tuple[str, ...], embedding.Head] = {}

    def body(self, texts: list[str]) -> dict[str, Any]:
        """What is sent to have these texts embedded."""
        content: dict[str, Any] = {"model": self._model, "input": texts, "encoding_format": "float"}
        if self._dimensions is not None:
            content["dimensions"] = self._dimensions
        return content

    async def prepare(self, task: Task) -> None:
        """Embed the task's labels, outside every timed window."""
        self._task = task
        self._heads.clear()
        if task.choices:
            await self._head(task.choices, 60.0)

    async def classify(self, request: Request) -> Chunk:
        """One chunk, at the last byte of the embedding: the head on top costs microseconds."""
        choices = request.choices or self._task.choices
        if not choices:
            raise TargetError("bad_request", "embeddings answer choices only, and this task has none", fatal=True)
        head = await self._head(choices, request.timeout_s)
        vectors, exchange, usage = await self._embedded([request.text], request.timeout_s)
        if vectors.shape[1] != head.points.shape[1]:
            message = f"the embedding has {vectors.shape[1]} dimensions, the labels have {head.points.shape[1]}"
            raise TargetError("malformed", message)
        found = head(vectors[0])
        completion = Completion(
            usage=usage,
            finish_reason="stop",
            sent_ns=exchange.sent_ns,
            end_ns=exchange.end_ns,
            phases=replies.phases(exchange),
            confidence=found.confidence,
            confidence_method="margin",
            scores=found.scores,
            connection=exchange.connection,
            served_model=self._seen.get("served_model"),
            stamp="kernel" if exchange.kernel else "user",
            notices=() if usage is not None else ("usage_missing",),
        )
        return Chunk(found.label, at_ns=exchange.at(len(exchange.body)), completion=completion)

    async def _head(self, choices: tuple[str, ...], timeout_s: float) -> embedding.Head:
        """The classifier head for these labels, made once: their descriptions and examples are embedded."""
        if choices not in self._heads:
            described = [embedding.wording(label, self._task.descriptions) for label in choices]
            examples = {
                label: texts for label, texts in embedding.by_label(self._task.examples).items() if label in choices
            }
            texts = [*described, *(text for label in examples for text in examples[label])]
            batches = [texts[start : start + EMBED_BATCH] for start in range(0, len(texts), EMBED_BATCH)]
            rows = np.concatenate([(await self._embedded(batch, timeout_s))[0] for batch in batches])
            shown, start = {}, len(choices)
            for label, members in examples.items():
                shown[label] = rows[start : start + len(members)]
                start += len(members)
            self._heads[choices] = embedding.head(choices, rows[: len(choices)], shown)
        return self._heads[choices]

    async def _embedded(self, texts: list[str], timeout_s: float) -> tuple[embedding.Array, Exchange, Usage | None]:
        """Embeddings of shape (len(texts), d)."""
        exchange, failure = await self._send(self.body(texts), timeout_s)
        if failure is not None:
            raise self._scrub(failure)
        try:
            vectors, usage, model = replies.embeddings(exchange, len(texts))
        except TargetError as error:
            raise self._scrub(error) from None
        if model:
            self._seen.setdefault("served_model", model)
        return np.asarray(vectors, np.float32), exchange, usage
