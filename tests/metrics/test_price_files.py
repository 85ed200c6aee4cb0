"""Price files: above the list, refused with their place when they cannot be understood."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from edgebench.errors import DataError
from edgebench.metrics.price_files import card_of, read_prices, shelf_prices
from edgebench.metrics.prices import load_prices
from edgebench.metrics.rate_cards import Unpriced
from edgebench.records import Call, Identity, Plan, PriceSpec, RateCard, TargetSpec, WorkloadSpec

HEAD = "source: contract\nas_of: 2026-05-01\nmodels:\n"


@pytest.mark.parametrize(
    ("text", "place", "what", "hint"),
    [
        (HEAD + "  m: {input_per_token: 1}\n", "4:7", "unknown key 'input_per_token'", "multiply by 1,000,000"),
        (HEAD + "  m:\n    input_per_1k: 1\n", "5:5", "unknown key 'input_per_1k'", "multiply by 1,000"),
        ("unit: per_1k\n" + HEAD + "  m: {input_per_million: 1}\n", "1:7", "unknown unit 'per_1k'", "usd_per_million"),
        (HEAD + "  m: {input_per_million: 1, unit: eur}\n", "4:35", "unknown unit 'eur'", "usd_per_million"),
        (HEAD + "  m: {input_per_milion: 1}\n", "4:7", "unknown key", "did you mean 'input_per_million'"),
        (HEAD + "  m: {input_per_million: -0.5}\n", "4:26", "'-0.5' is not a price", None),
        (HEAD + "  m: {input_per_million: .nan}\n", "4:26", "is not a number", None),
        (HEAD + "  m: {input_per_million: inf}\n", "4:26", "'inf' is not a price", None),
        (HEAD + "  m: {input_per_million: 9e999999}\n", "4:26", "'9e999999' is not a price", None),
        (HEAD + "  m: {input_per_million: [1]}\n", "4:26", "is not a price", None),
        (HEAD + "  m: {input_per_million: 1}\n  m: {input_per_million: 2}\n", "5:3", "given once", None),
        (HEAD + "  m: {output_per_million: 1}\n", "4:6", "needs input_per_million", None),
        (HEAD + "  m: {input_per_million: 1, batch: {input: 1}}\n", "4:37", "batch: unknown key 'input'", None),
        ("models: {m: {input_per_million: 1}}\n", "1:13", "needs source", None),
        ("models: [\n", "2:1", "cannot be read as YAML", None),
    ],
)
def test_a_mistake_in_a_price_file_has_its_place(
    tmp_path: Path, text: str, place: str, what: str, hint: str | None
) -> None:
    """One sentence: file, line, column, what is wrong; and for a wrong unit, how to convert."""
    file = tmp_path / "ours.yaml"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        read_prices(file)
    assert str(caught.value).startswith(f"{file}:{place}: ") and what in str(caught.value)
    assert hint is None or hint in str(caught.value.hint)


def test_rates_are_the_decimals_that_were_written(tmp_path: Path) -> None:
    """No float stands between the file and the bill; the unit may be said; a tier has rates of its own."""
    file = tmp_path / "ours.yaml"
    file.write_text(
        "unit: usd_per_million_tokens\n" + HEAD + "  m:\n    input_per_million: 0.1000000000000000055\n"
        "    output_per_million: 2\n    reasoning_per_million: 3\n    batch: {input_per_million: 0.05}\n"
    )
    entry = read_prices(file)["m"]
    assert entry["input_per_million"] == Decimal("0.1000000000000000055")
    batch, flex = (card_of("m", entry, "ours.yaml", tier) for tier in ("batch", "flex"))  # type: ignore[arg-type]
    assert batch.input.usd == Decimal("0.05") and batch.output is not None and batch.output.usd == 2
    assert batch.notes == () and batch.reasoning is not None
    assert flex.input.usd == entry["input_per_million"] and "flex: context not priced" in flex.notes[0]


def found(plan: Plan) -> RateCard | Unpriced:
    spec = plan.targets["a"]
    return load_prices(plan).card(spec, Identity("a", "openai", "hosted"), Call("answer", 0), 1_790_000_000.0)


def test_the_shelf_is_above_the_list_and_below_the_plan(own_home: Path, tmp_path: Path) -> None:
    """Nearest first: figures in the plan, its file, the shelf (the newest entry of it), the public list."""
    shelf = own_home / "prices"
    shelf.mkdir()
    (shelf / "a-old.yaml").write_text(HEAD.replace("2026", "2025") + "  gpt-4o-mini: {input_per_million: 8}\n")
    (shelf / "b-new.yaml").write_text(HEAD + "  gpt-4o-mini: {input_per_million: 7, output_per_million: 7}\n")
    (shelf / "c-old.yaml").write_text(HEAD.replace("2026", "2024") + "  gpt-4o-mini: {input_per_million: 9}\n")
    assert shelf_prices()["gpt-4o-mini"]["file"] == "b-new.yaml"

    def plan(price: PriceSpec | None = None, prices: str | None = None) -> Plan:
        target = TargetSpec(kind="openai", model="gpt-4o-mini", price=price)
        return Plan(question="?", workload=WorkloadSpec(builtin="x"), targets={"a": target}, prices=prices)

    own = tmp_path / "own.yaml"
    own.write_text(HEAD + "  gpt-4o-mini: {input_per_million: 6}\n  other: {input_per_million: 1}\n")
    figures = PriceSpec(input_per_million=Decimal(5), tier="batch")
    for expected, listed, made in (
        (7, "b-new.yaml: contract", plan()),
        (6, f"{own}: contract", plan(prices=str(own))),
        (5, "the plan", plan(figures, str(own))),
    ):
        card = found(made)
        assert isinstance(card, RateCard) and (card.input.usd, card.listed, card.notes) == (expected, listed, ())
    (shelf / "b-new.yaml").unlink()
    (shelf / "a-old.yaml").unlink()
    (shelf / "c-old.yaml").unlink()
    card = found(plan())
    assert isinstance(card, RateCard) and card.listed.startswith("genai-prices")


def test_a_broken_file_on_the_shelf_is_not_passed_over(own_home: Path) -> None:
    """A price that is not understood must not silently become the public one."""
    (own_home / "prices").mkdir()
    (own_home / "prices" / "x.yaml").write_text(HEAD + "  m: {input_per_million: x}\n")
    with pytest.raises(DataError, match=r"x\.yaml:4:26: m: input_per_million: 'x' is not a number"):
        shelf_prices()
