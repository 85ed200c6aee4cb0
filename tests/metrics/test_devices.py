"""Device profiles: every shipped figure has its source, an unsourced one is refused; what the devices cost, by hand."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from edgebench import catalog
from edgebench.errors import DataError, UsageError
from edgebench.metrics.device_cost import device_rates
from edgebench.metrics.devices import FIGURES, OWNED, PUBLISHED_DECODE, RENTED, load_device

SHIPPED = sorted(path.stem for path in catalog.shelf("devices").glob("*.yaml"))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_figure_is_sourced(name: str) -> None:
    """No number in a shipped profile stands outside {value, source, date, kind}; nobody's own word is among them."""
    profile = load_device(name)
    assert profile.figures.keys() >= OWNED or profile.figures.keys() >= RENTED
    for figure in profile.figures.values():
        assert len(figure.source) > 8 and re.fullmatch(r"20\d\d-\d\d", figure.date) and figure.kind != "declared"
        assert ("not seen in a source" not in figure.source) or figure.kind == "assumed"
    content = catalog.read("devices", name)
    assert not [key for key, value in content.items() if isinstance(value, int | float)]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_device_draws_more_when_it_is_busy(name: str) -> None:
    """And between half a watt and a hundred; a rented machine has no watts."""
    profile = load_device(name)
    if "usd_per_hour" not in profile.figures:
        assert 100 > profile["active_w"] > profile["idle_w"] > Decimal("0.5")


def test_the_devices_a_person_reaches_for_are_shipped() -> None:
    """Boards in their memory sizes, a Jetson, two x86 machines, a Mac, and one that is rented."""
    pis = {"pi-4-4gb", "pi-4-8gb", "pi-5-2gb", "pi-5-4gb", "pi-5-8gb", "pi-5-16gb"}
    others = {"jetson-orin-nano-8gb", "x86-mini-n150", "x86-laptop", "mac-mini-m4", "cloud-vm-small"}
    assert pis | others == set(SHIPPED)


#: device, decoding figure, prompt tokens a second (assumed where nobody published them for that model), and published
#: dollars per 1,000 requests of 300 tokens in and 200 out at 1 %, 10 % and 50 % busy; three years, $0.17 a kWh
WORKED = [
    ("pi-5-8gb", "llama32_3b_q4_tok_s", 25, ("10.28", "1.05", "0.23")),
    ("x86-mini-n150", "llama32_3b_q4_tok_s", 45, ("8.57", "0.88", "0.20")),
    ("jetson-orin-nano-8gb", "lfm25_1_2b_tok_s", 1500, ("1.12", "0.11", "0.02")),
    ("mac-mini-m4", "llama32_3b_q4_tok_s", 600, ("3.44", "0.35", "0.075")),
]


@pytest.mark.parametrize(("name", "speed", "prefill", "published"), WORKED, ids=[row[0] for row in WORKED])
def test_the_worked_table_of_duty_cycles(name: str, speed: str, prefill: int, published: tuple[str, ...]) -> None:
    """From the shipped figures alone, by hand; within a fifth of the table that was worked with other prices."""
    f = load_device(name)
    seconds = 200 / f[speed] + Decimal(300) / prefill
    for duty, expected in zip((Decimal("0.01"), Decimal("0.10"), Decimal("0.50")), published, strict=True):
        owned = f["price_usd"] * Decimal("1.05") / (3 * Decimal("365.25") * 86400 * duty) * seconds
        joules = f["active_w"] * seconds + f["idle_w"] * (seconds / duty - seconds)
        by_hand = 1000 * (owned + joules / 3_600_000 * Decimal("0.17"))
        ours = 1000 * seconds * sum(device_rates(f, duty).values())
        assert abs(ours - by_hand) < Decimal("1e-18") * 1000
        assert float(ours) == pytest.approx(float(expected), rel=0.2)


def test_the_pi_5_by_hand_to_the_cent() -> None:
    """165 dollars over three years, 12.5 and 3 watts: what a request of 50 s costs, term by term."""
    tenth = device_rates(load_device("pi-5-8gb"))
    assert float(50_000 * tenth["purchase"]) == pytest.approx(165 * 1.05 / (94_672_800 * 0.1) * 50_000)
    assert float(50_000 * tenth["active energy"]) == pytest.approx(12.5 * 50_000 / 3.6e6 * 0.17)
    assert float(50_000 * tenth["idle energy"]) == pytest.approx(3 * 9 * 50_000 / 3.6e6 * 0.17)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "cloud-vm-small"])
def test_from_1_to_50_percent_a_device_gets_some_45_times_cheaper(name: str) -> None:
    """Every term but active energy goes by the inverse of the duty cycle: fifty-fold at most."""
    profile = load_device(name)
    rare, often = (sum(device_rates(profile, Decimal(duty)).values()) for duty in ("0.01", "0.50"))
    assert 40 < rare / often < 50


def test_the_small_cloud_machine_by_hand() -> None:
    """Rent by the second over the share of the time it is busy, and nothing else."""
    profile = load_device("cloud-vm-small")
    assert device_rates(profile) == {"rent": Decimal("0.0816") / 3600 / Decimal("0.1")}
    assert device_rates(profile, Decimal(1))["rent"] == Decimal("0.0816") / 3600


@pytest.mark.parametrize("name", SHIPPED)
def test_published_decoding_lies_under_the_roofline(name: str) -> None:
    """Tokens a second × the bytes of the file are no more than the memory's peak, and no less than a fifth of it."""
    profile = load_device(name)
    for figure, size in PUBLISHED_DECODE.items():
        if figure in profile.figures:
            assert 0.2 < float(profile[figure]) * size / 1e9 / float(profile["memory_gb_s"]) < 0.95


def _write(folder: Path, figures: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEBENCH_HOME", str(folder))
    content = catalog.read("devices", "pi-5-8gb")
    (folder / "devices").mkdir()
    (folder / "devices" / "mine.yaml").write_text(yaml.safe_dump({**content, "figures": figures}))


def _said(value: object) -> dict[str, object]:
    return {"value": value, "source": "me", "date": "2026", "kind": "declared"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"price_usd": 80}, "unsourced number is refused"),
        ({"price_usd": {"value": 80, "source": " ", "date": "2026", "kind": "vendor"}}, "must say something"),
        ({"price_usd": {"value": 80, "source": "me", "date": "2026", "kind": "guess"}}, "kind is 'guess'"),
        ({"duty_cycle": _said(0)}, "not between"),
        ({"idle_w": _said("low")}, "not a number"),
        ({"weight_kg": _said(1)}, "unknown figure"),
        ({"usd_per_hour": _said(0.04)}, "rented by the hour .usd_per_hour. and owned"),
        ({"active_w": _said(2)}, "active_w is below idle_w"),
    ],
)
def test_a_figure_that_makes_no_sense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object], what: str
) -> None:
    """With the profile's and the figure's name."""
    _write(tmp_path, {**catalog.read("devices", "pi-5-8gb")["figures"], **change}, monkeypatch)
    with pytest.raises(DataError, match=what) as caught:
        load_device("mine")
    assert "mine" in str(caught.value) and next(iter(change)) in str(caught.value)


def test_a_machine_is_owned_or_rented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rent and a duty cycle are all a rented one needs; what an owned one lacks is named."""
    _write(tmp_path, {"usd_per_hour": _said(0.0432), "duty_cycle": _said(0.2)}, monkeypatch)
    assert load_device("mine")["usd_per_hour"] == Decimal("0.0432")
    lacking = {key: value for key, value in catalog.read("devices", "pi-5-8gb")["figures"].items() if key != "idle_w"}
    (tmp_path / "devices" / "mine.yaml").write_text(yaml.safe_dump({"title": "mine", "figures": lacking}))
    with pytest.raises(DataError, match="mine: idle_w is missing"):
        load_device("mine")


def test_every_figure_has_a_unit_and_bounds() -> None:
    """Whatever a profile may say, it is said in what."""
    assert all(unit and Decimal(least) < Decimal(most) for unit, least, most in FIGURES.values())


def test_an_unknown_profile_is_answered_with_the_nearest() -> None:
    """A typing error costs one look."""
    with pytest.raises(UsageError) as caught:
        load_device("pi-5-8g")
    assert caught.value.hint == "did you mean 'pi-5-8gb'?"
