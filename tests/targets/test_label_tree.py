"""Labels as a tree: every label keeps its tokens, shared beginnings are evaluated once, groups respect limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.targets.label_tree import best, groups, scores, tree

labels = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple), min_size=1, max_size=20)


@given(labels)
def test_every_label_is_a_path_and_no_beginning_is_there_twice(tokens: list[tuple[int, ...]]) -> None:
    """Walking a label's path gives its tokens; the tree has exactly one node for each distinct beginning."""
    made = tree(tokens)
    for index, label in enumerate(tokens):
        assert tuple(node.token for node in made.path(index)) == label
        assert all(index in node.labels for node in made.path(index))
    beginnings = {label[: n + 1] for label in tokens for n in range(len(label))}
    assert len(made.nodes) == len(beginnings)


@given(labels)
def test_nodes_come_after_their_parents(tokens: list[tuple[int, ...]]) -> None:
    """An evaluation in this order has every position before the one that continues it."""
    depths = [node.depth for node in tree(tokens).nodes]
    assert depths == sorted(depths)


@given(labels, st.integers(1, 5), st.integers(5, 12))
def test_groups_hold_every_label_once_within_the_limits(
    tokens: list[tuple[int, ...]], sequences: int, nodes: int
) -> None:
    """No group needs more sequences or nodes than an evaluation may have."""
    made = groups(tokens, sequences=sequences, nodes=nodes)
    assert sorted(index for group in made for index in group) == list(range(len(tokens)))
    for group in made:
        assert len(group) <= sequences
        assert len(tree([tokens[index] for index in group]).nodes) <= nodes


@given(st.lists(st.floats(-200, 0), min_size=1, max_size=80))
def test_scores_are_weights_that_keep_the_order(values: list[float]) -> None:
    """They add up to one, and the likeliest label weighs most."""
    made = scores(values, [1] * len(values), "sum")
    assert math.fsum(made) == pytest.approx(1)
    assert made[best(values)] == max(made)


def test_the_mean_does_not_punish_a_long_label() -> None:
    """Four tokens at −1 each are as likely per token as two at −1; as a whole they are less likely."""
    assert scores([-4.0, -2.0], [4, 2], "mean") == pytest.approx([0.5, 0.5])
    assert scores([-4.0, -2.0], [4, 2], "sum")[1] > 0.8


def test_of_equals_the_first_is_best() -> None:
    """Ties do not depend on anything but the order of the labels."""
    assert best([0.1, 0.4, 0.4]) == 1
