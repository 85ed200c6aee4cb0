"""The classifier head on top of sentence embeddings: labels as points, an answer is the nearest one. Pure numpy.

Zero-shot: a label's point is the embedding of its description. Few-shot: it is the centroid of its examples'
normalised embeddings (nearest class mean). Shared by the ONNX target and hosted embeddings.

Shapes: n texts, t tokens, d dimensions, k labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edgebench.records import Example

Array = NDArray[np.float32]

#: softmax temperature on cosines, whose useful range is some tenths: 0.05 makes a lead of 0.05 weigh e times
TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer with its weight for every label; ``confidence`` is the margin between the best two, 0…1."""

    label: str
    confidence: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Head:
    """Labels and where they lie: ``points`` has shape (k, d), rows of length 1."""

    labels: tuple[str, ...]
    points: Array

    def __call__(self, vector: Array, *, temperature: float = TEMPERATURE) -> Verdict:
        """The verdict on one embedding, shape (d,), of any length but zero."""
        cosines = self.points @ normalise(vector[None, :])[0]
        return verdict(self.labels, cosines, temperature=temperature)


def head(labels: Sequence[str], described: Array, shown: Mapping[str, Array]) -> Head:
    """A head from the labels' descriptions, shape (k, d), and the examples of some of them, shape (n, d) each.

    A label with examples lies at their centroid; one without keeps its description's place.
    """
    points = normalise(described)
    for row, label in enumerate(labels):
        examples = shown.get(label)
        if examples is not None and len(examples):
            points[row] = normalise(normalise(examples).mean(axis=0, keepdims=True))[0]
    return Head(tuple(labels), points)


def pool(tokens: Array, mask: NDArray[np.int64], how: Literal["mean", "cls"] = "mean") -> Array:
    """Token embeddings (n, t, d) to sentence embeddings (n, d): the mean over unmasked tokens, or the first one."""
    if how == "cls":
        return tokens[:, 0]
    weights = mask[:, :, None].astype(np.float32)
    pooled: Array = (tokens * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1.0)
    return pooled


def normalise(vectors: Array) -> Array:
    """Rows scaled to length 1; a row of zeros stays zero (and is then equally far from everything)."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled: Array = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return scaled


def verdict(labels: Sequence[str], values: Array, *, temperature: float = 1.0) -> Verdict:
    """The label of the largest value (of equals, the first), with a softmax over all of them."""
    shifted = (values.astype(np.float64) - float(values.max())) / temperature
    weights = np.exp(shifted)
    weights /= weights.sum()
    top = int(values.argmax())
    others = np.delete(weights, top)
    margin = float(weights[top] - others.max()) if len(others) else 1.0
    return Verdict(labels[top], max(0.0, margin), dict(zip(labels, map(float, weights), strict=True)))


def wording(label: str, descriptions: Mapping[str, str]) -> str:
    """What is embedded for a label: its description, else its name as words ("card_arrival" → "card arrival")."""
    return descriptions.get(label) or label.replace("_", " ").replace("-", " ")


def by_label(examples: Sequence[Example]) -> Mapping[str, list[str]]:
    """Example texts by label; an example with several right labels counts for each."""
    out: dict[str, list[str]] = {}
    for example in examples:
        right = example.reference if isinstance(example.reference, (list, tuple)) else (example.reference,)
        for label in right:
            out.setdefault(str(label), []).append(example.input)
    return out
