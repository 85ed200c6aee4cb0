"""Network profiles: every figure has a source, and what cannot be meant is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebench import catalog
from edgebench.errors import DataError, UsageError
from edgebench.targets.network import JITTER, load_network, shape_of
from edgebench.targets.shaping import Shape

SHIPPED = catalog.names("networks")


def figure(value: object, **changes: object) -> dict[str, object]:
    return {"value": value, "source": "a test", "date": "2026-11", "kind": "assumed", **changes}


PLAIN: dict[str, Any] = {"down_mbit_s": figure(10), "up_mbit_s": figure(2), "rtt_ms": figure(20)}
WAVERING = {**PLAIN, **{name: figure(value) for name, value in zip(JITTER, (1, 5, 50), strict=True)}}


def written(home: Path, figures: dict[str, Any], name: str = "mine") -> str:
    """A profile of one's own; returns its name."""
    (home / "networks").mkdir(exist_ok=True)
    (home / "networks" / f"{name}.yaml").write_text(yaml.safe_dump({"title": "Mine", "figures": figures}))
    return name


def test_the_shelf_holds_what_was_promised() -> None:
    """Fibre to geostationary, slow and fast mobile networks, and one with gaps."""
    assert {
        "fibre", "cable", "dsl", "wifi", "lte", "fast-4g", "slow-4g", "3g", "5g-measured", "starlink", "geo",
    } <= set(SHIPPED)  # fmt: skip
    assert shape_of(load_network("lte-on-the-move")).outages_per_hour > 0


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_profile_is_sound_and_says_who_says_so(name: str) -> None:
    """Source, date and kind stand beside each figure; what nobody published admits it."""
    network = load_network(name)
    assert network.title and network.notes
    for figure in network.figures.values():
        assert len(figure.source) > 10 and figure.date[:2] == "20"
    assert all("no figure seen" in network.figures[each].source for each in network.assumed())
    assert shape_of(network).rtt_ms == float(network["rtt_ms"])


def test_figures_become_a_shape(own_home: Path) -> None:
    """Every figure of a profile arrives, and the shape survives the pipe to the relay."""
    stalls = {"stalls_per_1000": figure(5), "stall_least_ms": figure(200), "stall_most_ms": figure(900)}
    gone = {"outages_per_hour": figure(6), "outage_s": figure(30)}
    shape = shape_of(load_network(written(own_home, {**WAVERING, **stalls, **gone})))
    assert shape == Shape(10, 2, 20, (1, 5, 50), 0.005, (200, 900), 6, 30)
    assert Shape.from_json(shape.to_json()) == shape


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({**PLAIN, "rtt_ms": 20}, "an unsourced number is refused"),
        ({**PLAIN, "rtt_ms": {"value": 20, "kind": "measured", "date": "2026"}}, "an unsourced number is refused"),
        ({**PLAIN, "rtt_ms": figure(20, source=" ")}, "source and date must say something"),
        ({**PLAIN, "rtt_ms": figure(20, kind="guess")}, "kind is 'guess'"),
        ({**PLAIN, "rtt_ms": figure(-1)}, "not between 0 and 5000"),
        ({**PLAIN, "down_mbit_s": figure(0)}, "not between 0.01"),
        ({**PLAIN, "loss": figure(1)}, "unknown figure"),
        ({"rtt_ms": figure(1), "down_mbit_s": figure(1)}, "up_mbit_s is missing"),
        ({**PLAIN, "jitter_p99_ms": figure(9)}, "jitter_p99_ms needs jitter_p50_ms beside it"),
        ({**PLAIN, "outage_s": figure(9)}, "outage_s needs outages_per_hour beside it"),
        ({**WAVERING, "jitter_p90_ms": figure(60)}, "must not fall in this order"),
    ],
)
def test_what_cannot_be_meant_is_refused(own_home: Path, figures: dict[str, Any], words: str) -> None:
    """One sentence with the profile's name; nothing is filled in."""
    with pytest.raises(DataError, match=words) as caught:
        load_network(written(own_home, figures))
    assert "network profile mine" in str(caught.value)


def test_a_misspelt_network_has_its_nearest_name() -> None:
    """As for every shelf."""
    with pytest.raises(UsageError) as caught:
        load_network("slow4g")
    assert caught.value.hint == "did you mean 'slow-4g'?"
