"""Device profiles: every shipped figure has its source, and an unsourced one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from edgebench import catalog
from edgebench.errors import DataError, UsageError
from edgebench.metrics.devices import FIGURES, load_device


@pytest.mark.parametrize("name", sorted(path.stem for path in catalog.shelf("devices").glob("*.yaml")))
def test_every_shipped_figure_is_sourced(name: str) -> None:
    """No number in a shipped profile stands outside {value, source, date, kind}."""
    profile = load_device(name)
    assert profile.figures.keys() >= FIGURES.keys() - {"ops_usd_per_month", "ram_gib"}
    assert all(len(figure.source) > 8 and figure.date >= "2024" for figure in profile.figures.values())
    assert profile["active_w"] > profile["idle_w"] > 0
    content = catalog.read("devices", name)
    assert not [key for key, value in content.items() if isinstance(value, int | float)]


def test_a_small_x86_machine_and_a_pi_5_are_shipped() -> None:
    """The two a person reaches for first, and the laptop of the demo."""
    assert {"pi-5-8gb", "x86-mini-n150", "x86-laptop"} <= set(catalog.names("devices"))


def _write(folder: Path, change: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBENCH_HOME", str(folder))
    content = catalog.read("devices", "pi-5-8gb")
    content["figures"] = {**content["figures"], **change}
    (folder / "devices").mkdir()
    (folder / "devices" / "mine.yaml").write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"price_usd": 80}, "unsourced number is refused"),
        ({"price_usd": {"value": 80, "source": " ", "date": "2026", "kind": "vendor"}}, "must say something"),
        ({"price_usd": {"value": 80, "source": "me", "date": "2026", "kind": "guess"}}, "kind is 'guess'"),
        ({"duty_cycle": {"value": 0, "source": "me", "date": "2026", "kind": "assumed"}}, "not between"),
        ({"idle_w": {"value": "low", "source": "me", "date": "2026", "kind": "assumed"}}, "not a number"),
        ({"weight_kg": {"value": 1, "source": "me", "date": "2026", "kind": "assumed"}}, "unknown figure"),
    ],
)
def test_a_figure_that_makes_no_sense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], what: str
) -> None:
    """With the profile's and the figure's name."""
    _write(tmp_path, change, monkeypatch)
    with pytest.raises(DataError, match=what) as caught:
        load_device("mine")
    assert "mine" in str(caught.value) and next(iter(change)) in str(caught.value)


def test_an_unknown_profile_is_answered_with_the_nearest() -> None:
    """A typing error costs one look."""
    with pytest.raises(UsageError) as caught:
        load_device("pi-5-8g")
    assert caught.value.hint == "did you mean 'pi-5-8gb'?"
