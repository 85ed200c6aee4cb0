"""Groups of like messages, how many items each gets, and what the chosen ones cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebench.workloads.importing import coverage, sizes, strata, vectors
from edgebench.workloads.importing.vectors import Points

TALK = [
    *(
        f"where is my parcel, number {n} from the {place}"
        for n, place in enumerate(("shop", "depot", "warehouse", "post"))
    ),
    *(f"the {thing} arrived broken and cracked" for thing in ("kettle", "plate", "vase", "lamp")),
    *(f"please cancel {what} subscription" for what in ("my", "our", "the monthly", "this yearly")),
]


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 500), min_size=1, max_size=40), st.integers(1, 300))
def test_seats_are_all_dealt_and_none_is_invented(given_sizes: dict[str, int], items: int) -> None:
    """As many as asked or as there are; never more than a stratum has; two each wherever that is possible."""
    seats = strata.seats(given_sizes, items)
    assert sum(seats.values()) == min(items, sum(given_sizes.values()))
    assert all(0 <= seats[name] <= given_sizes[name] for name in given_sizes)
    if sum(min(2, size) for size in given_sizes.values()) <= items:
        assert all(seats[name] >= min(2, given_sizes[name]) for name in given_sizes)


def test_seats_go_by_the_square_root() -> None:
    """A hundred times as many messages: ten times as many items; a kind seen thrice keeps two."""
    seats = strata.seats({"common": 10_000, "rare": 100, "odd": 3}, 113)
    assert seats["common"] / seats["rare"] == pytest.approx(10, rel=0.1)
    assert seats["odd"] == 2
    assert strata.seats({"a": 5, "b": 4, "c": 1}, 2) == {"a": 1, "b": 1, "c": 0}


def test_like_messages_come_into_one_cluster_and_it_is_named_by_their_words() -> None:
    """Three kinds of messages without a model: no cluster mixes them; the same seed gives the same clusters."""
    points = vectors.trigram_vectors(TALK)
    found = strata.clusters(points, 3, seed=1)
    assert [len(set(found[at : at + 4].tolist())) for at in (0, 4, 8)] == [1, 1, 1]
    assert len(set(found.tolist())) == 3
    assert (found == strata.clusters(points, 3, seed=1)).all()
    named = strata.names(found, TALK)
    assert "parcel" in named[0]
    assert {"arrived", "broken"} & set(named[4].replace(",", "").split())


def test_a_word_of_few_messages_names_no_cluster() -> None:
    """What one or two people wrote may be theirs alone."""
    named = strata.names(np.zeros(4, np.int64), ["zanzibar broken", "broken vase", "broken plate", "a broken cup"])
    assert named == ["1 broken"] * 4


def test_there_are_no_more_clusters_than_different_points() -> None:
    assert sorted(strata.clusters(vectors.trigram_vectors(["a", "b"]), 5, seed=1).tolist()) == [0, 1]
    assert strata.clusters(vectors.trigram_vectors(["a"] * 9), 5, seed=1).tolist() == [0] * 9
    assert strata.number_of_clusters(50_000, 250) == strata.MOST_CLUSTERS
    assert strata.number_of_clusters(50, 250) == 5
    assert strata.number_of_clusters(50_000, 20) == 5


def test_vectors_have_length_one_and_alike_ones_lie_near() -> None:
    """A text and its variation lie nearer than two kinds; a given model's vectors are scaled too."""
    points = vectors.points(TALK, None)
    assert np.linalg.norm(points.vectors, axis=1) == pytest.approx(np.ones(len(TALK)), abs=1e-5)
    cosines = points.vectors @ points.vectors.T
    assert cosines[0, 1] > max(cosines[0, 4:])
    model = vectors.points(TALK, lambda texts: np.full((len(texts), 4), 2.0, np.float32), "m")
    assert model.method == "embeddings of m"
    assert model.vectors == pytest.approx(np.full((len(TALK), 4), 0.5))


def test_coverage_counts_messages_and_shows_what_is_missing() -> None:
    """Each point weighs as many messages as it stands for; the least covered stratum comes with one of its messages."""
    at = np.array([0.0, 0.1, 1.2, 1.25, 2.4])
    points = Points(np.stack([np.cos(at), np.sin(at)], axis=1).astype(np.float32), "angles", near=math.cos(0.2))
    names, texts = ["a", "a", "b", "b", "c"], ["a1", "a2", "b1", "b2", "c1"]
    chosen, uniform = np.array([0, 4]), np.array([0, 1])
    seen = coverage.covered(points, chosen, uniform, np.array([10, 5, 3, 1, 1]), names, texts)
    assert (seen.share, seen.uniform) == (pytest.approx(16 / 20), pytest.approx(15 / 20))
    assert [(one.stratum, one.messages, one.covered, one.example in ("b1", "b2")) for one in seen.regions] == [
        ("b", 4, 0, True)
    ]
    everything = coverage.covered(points, np.arange(5), np.arange(5), np.ones(5, np.int64), names, texts)
    assert (everything.share, everything.uniform, everything.regions) == (1.0, None, ())


def test_the_size_table_says_what_the_formulas_say() -> None:
    """More items show smaller differences; a ratio of medians is found by simulation about as often as promised."""
    few, many = sizes.detectable(100), sizes.detectable(400)
    assert [one.points for one in few.accuracy][:2] == [None, None]
    assert all(
        more.points is not None and (less.points is None or more.points < less.points)
        for less, more in zip(few.accuracy, many.accuracy, strict=True)
    )
    assert many.p99_needs == 368
    assert sizes.ratio(20, 0.95, 0.3) is None
    n, cv = 250, 0.3
    ratio = sizes.ratio(n, 0.5, cv)
    assert ratio is not None
    rng, sigma = np.random.default_rng(4), math.sqrt(math.log1p(cv * cv))
    medians = [np.median(rng.normal(shift, sigma, (1500, n)), axis=1) for shift in (0.0, math.log(ratio))]
    error = math.sqrt(2 * 0.25 / n) * sigma * math.sqrt(2 * math.pi)
    assert np.mean(medians[1] - medians[0] > 1.96 * error) == pytest.approx(0.9, abs=0.04)
