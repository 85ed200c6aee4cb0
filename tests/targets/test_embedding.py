"""The classifier head: nearest label, centroids of examples, honest margins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgebench.records import Example
from edgebench.targets.embedding import by_label, head, normalise, pool, verdict, wording


def rows(*values: tuple[float, ...]) -> np.ndarray:
    return np.array(values, np.float32)


def test_the_nearest_label_wins_whatever_the_lengths() -> None:
    """Directions count, lengths do not."""
    made = head(["up", "right"], rows((0, 9), (0.1, 0)), {})
    assert made(rows((5, 1))[0]).label == "right"
    assert made(rows((0.1, 0.5))[0]).label == "up"


def test_examples_move_a_label_and_others_stay_at_their_descriptions() -> None:
    """The centroid is the mean of normalised examples: a long one has no more say than a short one."""
    made = head(["a", "b"], rows((1, 0), (0, 1)), {"a": rows((100, 0), (0, -1))})
    assert made.points[0] == pytest.approx([math.sqrt(0.5), -math.sqrt(0.5)])
    assert made.points[1] == pytest.approx([0, 1])


def test_equal_labels_give_the_first_and_no_margin() -> None:
    """A tie is decided by the labels' order, with confidence 0."""
    made = head(["a", "b"], rows((1, 0), (1, 0)), {})(rows((1, 0))[0])
    assert (made.label, made.confidence) == ("a", 0.0)


def test_one_label_is_certain_and_an_empty_vector_is_not_an_error() -> None:
    """No second label, no doubt; a text without any direction is equally far from all."""
    assert head(["only"], rows((1, 0)), {})(rows((0, 1))[0]).confidence == 1.0
    assert head(["a", "b"], rows((1, 0), (0, 1)), {})(rows((0, 0))[0]).scores == {"a": 0.5, "b": 0.5}


@given(arrays(np.float32, st.integers(1, 30), elements=st.floats(-50, 50, width=32)), st.floats(0.01, 5))
def test_scores_add_up_and_the_margin_is_between_the_best_two(values: np.ndarray, temperature: float) -> None:
    """Softmax over labels, margin within 0…1, label of the largest value."""
    labels = [str(k) for k in range(len(values))]
    found = verdict(labels, values, temperature=temperature)
    assert math.fsum(found.scores.values()) == pytest.approx(1)
    assert found.label == labels[int(values.argmax())]
    ranked = sorted(found.scores.values(), reverse=True)
    assert found.confidence == pytest.approx(ranked[0] - ranked[1] if len(ranked) > 1 else 1.0)


def test_pooling_leaves_padding_out() -> None:
    """Only unmasked tokens count; `cls` takes the first."""
    tokens = np.array([[[1, 1], [3, 3], [99, 99]]], np.float32)
    mask = np.array([[1, 1, 0]])
    assert pool(tokens, mask).tolist() == [[2, 2]]
    assert pool(tokens, mask, "cls").tolist() == [[1, 1]]


def test_zero_rows_stay_zero() -> None:
    """No division by nothing."""
    assert normalise(rows((0, 0), (3, 4))).tolist() == [[0, 0], [pytest.approx(0.6), pytest.approx(0.8)]]


def test_words_of_a_label() -> None:
    """A description if there is one, else the name as words."""
    assert wording("card_arrival", {}) == "card arrival"
    assert wording("x", {"x": "about x"}) == "about x"


def test_examples_by_label() -> None:
    """An example with two right labels teaches both."""
    examples = (Example("t", "a"), Example("u", ["a", "b"]))
    assert by_label(examples) == {"a": ["t", "u"], "b": ["u"]}
