"""Labels as a tree of tokens, so that what two labels have in common is evaluated once.

The likelihood of a label is that of its tokens as a forced continuation of the prompt, and of the end after them:
``log p(label) = Σ log p(token | prompt, tokens before)``. The first token's probability is known from the prompt
alone; a label of k tokens needs the model's word after each of its k tokens (after the last: how probable the end
is there, which is what tells "card" from "card arrival").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Normalise = Literal["mean", "sum", "prior"]


@dataclass(slots=True)
class Node:
    """One token to evaluate: where it stands and which labels run through it."""

    token: int
    depth: int  # 0 = right after the prompt
    labels: list[int]  # indices into the group
    next: dict[int, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tree:
    """The tree of some labels, its nodes in an order in which a parent comes before its children."""

    labels: tuple[tuple[int, ...], ...]
    nodes: tuple[Node, ...]
    roots: Mapping[int, Node]

    def path(self, label: int) -> Iterator[Node]:
        level = self.roots
        for token in self.labels[label]:
            node = level[token]
            yield node
            level = node.next


def tree(labels: Sequence[tuple[int, ...]]) -> Tree:
    roots: dict[int, Node] = {}
    nodes: list[Node] = []
    for index, tokens in enumerate(labels):
        level = roots
        for depth, token in enumerate(tokens):
            node = level.get(token)
            if node is None:
                node = level[token] = Node(token, depth, [])
                nodes.append(node)
            node.labels.append(index)
            level = node.next
    return Tree(tuple(labels), tuple(sorted(nodes, key=lambda node: node.depth)), roots)


def groups(labels: Sequence[tuple[int, ...]], *, sequences: int, nodes: int) -> list[list[int]]:
    """Indices of labels, in runs that need no more sequences and nodes than an evaluation may have.

    Labels that begin alike are put side by side first, so that they share nodes. A label longer than ``nodes``
    stands alone (and the caller's batch must hold it).
    """
    out: list[list[int]] = []
    size, seen = 0, set[tuple[int, ...]]()
    for index in sorted(range(len(labels)), key=lambda k: labels[k]):
        prefixes = {labels[index][: n + 1] for n in range(len(labels[index]))}
        if not out or len(out[-1]) >= sequences or size + len(prefixes - seen) > nodes:
            out.append([])
            size, seen = 0, set()
        out[-1].append(index)
        size += len(prefixes - seen)
        seen |= prefixes
    return out


def scores(log_likelihoods: Sequence[float], lengths: Sequence[int], normalise: Normalise) -> list[float]:
    """Softmax over labels of the log-likelihood per token ("mean") or as it is ("sum", "prior").

    For "prior" the caller has taken off the label's log-likelihood without the case's words (pointwise mutual
    information; Holtzman et al. 2021, "Surface Form Competition").
    """
    if normalise == "mean":
        log_likelihoods = [value / length for value, length in zip(log_likelihoods, lengths, strict=True)]
    top = max(log_likelihoods)
    weights = [math.exp(value - top) for value in log_likelihoods]
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def best(values: Iterable[float]) -> int:
    """Index of the largest value; of equals, the first."""
    listed = list(values)
    return max(range(len(listed)), key=lambda k: (listed[k], -k))
