"""The built-in job of invoices is what its card says: hand-written, varied, every field to be found in its text."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

import edgebench
from tests.workloads.alike import jaccard, openings, words

DATA = Path(edgebench.__file__).parent / "workloads" / "data"
KEYS = ("supplier", "invoice_number", "invoice_date", "due_date", "currency", "net", "tax", "total")
TEXTS, DATES, AMOUNTS = KEYS[:5], KEYS[2:4], KEYS[5:]
TAGS = {
    "layout": {"pdf", "mail", "ocr", "receipt", "table"},
    "language": {"en", "de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da"},
    "difficulty": {"plain", "traps"},
    "sums": {"yes", "no"},
}
#: Invoices share the vocabulary of their trade (net, VAT, total, due), and still no two here share 0.25 of their words,
#: numbers masked; two fillings of one form share 0.5 and more.
MOST_SHARED_WORDS = 0.5
CENT = 0.01 + 1e-9


def rows(name: str) -> list[dict[str, Any]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


ITEMS = rows("invoice-extraction.jsonl")
POOL = rows("invoice-extraction-examples.jsonl")
ALL = [*ITEMS, *POOL]
CARD: dict[str, Any] = yaml.safe_load((DATA / "invoice-extraction.yaml").read_text(encoding="utf-8"))
INPUTS = [row["input"] for row in ALL]


def named(row: dict[str, Any]) -> str:
    return f"{row.get('id', 'example')} {row['reference']['supplier']}"


# ---------------------------------------------------------------------------------------------- how alike two texts are


def too_alike(texts: list[str]) -> list[tuple[str, str]]:
    bags = [frozenset(words(text)) for text in texts]
    return [
        (texts[a], texts[b])
        for a, b in combinations(range(len(texts)), 2)
        if jaccard(bags[a], bags[b]) >= MOST_SHARED_WORDS
    ]


def test_no_two_documents_are_near_duplicates() -> None:
    """Among items and examples no pair shares half of its words, numbers masked, so no example gives an item away."""
    assert too_alike(INPUTS) == []


def test_the_detector_catches_a_filled_in_form() -> None:
    """Two fillings of one invoice form are found, although every name and figure differs."""
    form = "{} Ltd\nInvoice {}\nDue {}\nTo: {}\n{} at {}\nNet {}\nVAT 20% {}\nTotal GBP {}\nThank you for your custom."
    one = form.format("Alder", "A-1", "1 May 2026", "Mr Rowe", "2 doors", "50.00", "100.00", "20.00", "120.00")
    other = form.format("Birch", "77", "2 June 2026", "Ms Lane", "3 gates", "20.00", "60.00", "12.00", "72.00")
    assert too_alike([one, other]) == [(one, other)]


def test_no_opening_is_a_habit() -> None:
    """Hardly two documents begin with the same two words, so there is no common letterhead."""
    assert max(openings(INPUTS, 4).values()) == 1
    assert max(openings(INPUTS, 2).values()) <= 4


# --------------------------------------------------------------------------------------------- complete and well formed


def test_there_are_enough_items_with_ids_of_their_own() -> None:
    """At least 100 items and 12 examples, every id and every text once, in the shape every reader expects."""
    assert len(ITEMS) >= 100
    assert len(POOL) >= 12
    assert all(list(row) == ["id", "input", "reference", "tags", "stakes"] for row in ITEMS)
    assert all(list(row) == ["input", "reference"] for row in POOL)
    assert [row["id"] for row in ITEMS] == [f"in-{n:03d}" for n in range(1, len(ITEMS) + 1)]
    assert len(set(INPUTS)) == len(INPUTS)
    assert all(text == text.strip() and text for text in INPUTS)


def test_every_reference_has_the_eight_keys_and_their_types() -> None:
    """Texts are texts, amounts are numbers, null is allowed everywhere but for the supplier and the total."""
    for row in ALL:
        reference = row["reference"]
        assert tuple(reference) == KEYS, named(row)
        assert all(isinstance(reference[key], (str, type(None))) for key in TEXTS), named(row)
        assert all(type(reference[key]) in (int, float, type(None)) for key in AMOUNTS), named(row)
        assert reference["supplier"] and reference["total"] is not None, named(row)
        assert reference["currency"] is None or re.fullmatch("[A-Z]{3}", reference["currency"]), named(row)


def test_null_is_the_right_answer_now_and_then() -> None:
    """Every field that may be missing is missing in some item and example, so null can be learnt and is measured."""
    for key in ("invoice_number", "invoice_date", "due_date", "net", "tax"):
        assert any(row["reference"][key] is None for row in ITEMS), key
        assert any(row["reference"][key] is None for row in POOL), key
    assert any(row["reference"]["currency"] is None for row in ITEMS)


def test_tags_are_complete_and_allowed() -> None:
    """Every item carries the same four tags with a value from the list, and every value is used."""
    assert all(list(row["tags"]) == list(TAGS) for row in ITEMS)
    assert {name: {row["tags"][name] for row in ITEMS} for name in TAGS} == TAGS


def test_layouts_languages_and_currencies_vary() -> None:
    """Each layout has a slice worth looking at, most texts are English, and two dozen currencies occur."""
    layouts = Counter(row["tags"]["layout"] for row in ITEMS)
    assert min(layouts.values()) >= 15
    assert 12 <= sum(row["tags"]["language"] != "en" for row in ITEMS) <= 20
    assert len({row["reference"]["currency"] for row in ITEMS}) >= 24


def test_the_ocr_tag_is_true() -> None:
    """A text tagged as scanned holds words in which digits and letters were taken for each other."""
    confused = re.compile(r"[a-zA-Z][01][a-z]|[A-Z]0[A-Z]|\d[OlI]|[Ol]\d")
    scans = [row for row in ITEMS if row["tags"]["layout"] == "ocr"]
    assert [named(row) for row in scans if len(confused.findall(row["input"])) < 2] == []


def test_documents_are_as_long_as_a_page_and_as_short_as_a_slip() -> None:
    """From 150 to 1,500 characters, a few of them above 900."""
    lengths = [len(text) for text in INPUTS]
    assert min(lengths) >= 150
    assert max(lengths) <= 1500
    assert 3 <= sum(length > 900 for length in lengths) <= 10


def test_stakes_run_from_harmless_to_severe() -> None:
    """All four levels occur; the severe ones are few, but enough to be looked at as a slice."""
    counted = Counter(row["stakes"] for row in ITEMS)
    assert set(counted) == {1, 2, 3, 4}
    assert 0.05 <= counted[4] / len(ITEMS) <= 0.15
    assert min(counted.values()) >= 10


# ------------------------------------------------------------------------------------- every field stands in its text


def grouped(whole: str) -> set[str]:
    """An integer with commas for its thousands: none, by three, or by two above the first three (India)."""
    by_three = f"{int(whole):,}"
    head, tail = whole[:-3], whole[-3:]
    by_two = ",".join([*re.findall(r"\d{1,2}(?=(?:\d\d)*$)", head), tail])
    return {whole, by_three, by_two}


def spellings(value: float) -> set[str]:
    """The ways to print an amount: 0, 2 or 3 decimals, point or comma, thousands by comma, point, space, apostrophe."""
    forms = set()
    for decimals in (0, 2, 3):
        if abs(round(value, decimals) - value) > 1e-9:
            continue
        whole, _, rest = f"{abs(value):.{decimals}f}".partition(".")
        for marked in grouped(whole):
            for thousands, point in ((",", "."), (".", ","), (" ", ","), (" ", "."), ("'", "."), ("\u00a0", ",")):
                forms.add(marked.replace(",", thousands) + (point + rest if rest else ""))
    return forms


def stands(value: float, text: str) -> bool:
    """Whether the amount is printed as a number of its own, not as a part of a longer one."""
    either = "|".join(re.escape(form) for form in sorted(spellings(value), key=len, reverse=True))
    return re.search(rf"(?<!\d)(?<!\d[.,])(?:{either})(?![.,]?\d)", text) is not None


def test_every_amount_is_printed() -> None:
    """Net, tax and total stand in the text in some usual number format: nothing has to be calculated."""
    missing = [
        (named(row), key, row["reference"][key])
        for row in ALL
        for key in AMOUNTS
        if row["reference"][key] is not None and not stands(row["reference"][key], row["input"])
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1234.5, "Total 1,234.50"),
        (1234.5, "Summe 1.234,50 €"),
        (-1234.5, "(1 234,50)"),
        (12480, "CHF 12'480.00"),
        (117232.5, "Rs. 1,17,232.50"),
        (45000000, "45.000.000 VND"),
        (8.25, "BD 8.250"),
        (82, "makes £82."),
    ],
)
def test_usual_formats_are_recognised(value: float, text: str) -> None:
    """Commas, points, spaces, apostrophes, lakhs and three decimals are all ways to print an amount."""
    assert stands(value, text)


@pytest.mark.parametrize("text", ["Total 1,234.56", "82.50", "182", "0.82", "No. 8-2"])
def test_a_part_of_another_number_is_no_amount(text: str) -> None:
    """82 and 234.56 do not stand in longer numbers."""
    assert not stands(82, text)
    assert not stands(234.56, text)


def test_suppliers_and_numbers_are_printed() -> None:
    """Supplier and invoice number are copied letter for letter, so a model that copies can be right."""
    for row in ALL:
        reference, text = row["reference"], row["input"]
        assert reference["supplier"] in text, named(row)
        assert reference["invoice_number"] is None or reference["invoice_number"] in text, named(row)


def test_dates_exist_and_can_be_read_in_the_text() -> None:
    """Dates exist, day and year stand in the text (a scan's O and l read as digits), none is due before its issue."""
    for row in ALL:
        issued, due = (row["reference"][key] for key in DATES)
        text = re.sub(r"(?<=[\d/.\s-])[Ol](?=[\d/.])|(?<=\d)[Ol]", lambda m: "0" if m[0] == "O" else "1", row["input"])
        text = re.sub(r"\bO(?=\d)", "0", text)
        for given in filter(None, (issued, due)):
            day = date.fromisoformat(given)
            assert re.search(rf"(?<!\d)0?{day.day}(?!\d)", text), (named(row), given)
            assert re.search(rf"(?<!\d)(?:20)?{day.year % 100}(?!\d)", text), (named(row), given)
            assert 2025 <= day.year <= 2026, named(row)
        assert not (issued and due) or issued <= due, named(row)


def adds_up(reference: dict[str, Any]) -> bool:
    net, tax, total = (reference[key] for key in AMOUNTS)
    return net is None or tax is None or abs(net + tax - total) <= CENT


def test_net_and_tax_make_the_total() -> None:
    """Wherever all three are given they add up to a cent, but for the few tagged as deliberate exceptions."""
    assert [named(row) for row in ITEMS if adds_up(row["reference"]) != (row["tags"]["sums"] == "yes")] == []
    assert [named(row) for row in POOL if not adds_up(row["reference"])] == []
    assert 4 <= sum(row["tags"]["sums"] == "no" for row in ITEMS) <= 8


def test_only_credit_notes_are_negative() -> None:
    """The amounts of a document all have one sign; the negative ones call themselves a credit."""
    for row in ALL:
        given = [row["reference"][key] for key in AMOUNTS if row["reference"][key] is not None]
        assert all(value <= 0 for value in given) or all(value >= 0 for value in given), named(row)
        if given[-1] < 0:
            assert re.search("credit|credlt", row["input"].lower()), named(row)


# ------------------------------------------------------------------------------------------------------------- the card


def test_the_card_says_what_is_asked() -> None:
    """Name, version, scorers and an instruction that names every key, the formats and the rule for null."""
    assert (CARD["name"], CARD["output"], CARD["max_tokens"]) == ("invoice-extraction", "json", 200)
    assert CARD["scorers"] == ["json-fields", "json-schema"]
    assert all(f'"{key}"' in CARD["instruction"] for key in KEYS)
    assert all(word in CARD["instruction"] for word in ("YYYY-MM-DD", "ISO 4217", "null", "JSON object"))
    assert all(isinstance(CARD[key], str) and CARD[key] for key in ("version", "title", "question"))


def test_the_schema_is_that_of_the_references() -> None:
    """The schema names the eight keys, requires all and allows no other; its types are those of the references."""
    schema = CARD["schema"]
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert tuple(schema["required"]) == tuple(schema["properties"]) == KEYS
    for key in KEYS:
        kind = "number" if key in AMOUNTS else "string"
        wanted = kind if key in ("supplier", "total") else [kind, "null"]
        assert schema["properties"][key] == {"type": wanted}


def test_an_answer_fits_into_the_tokens_allowed() -> None:
    """The longest reference is short enough for 200 tokens even if one holds barely more than a letter and a half."""
    longest = max(len(json.dumps(row["reference"], ensure_ascii=False)) for row in ALL)
    assert longest / 1.5 <= CARD["max_tokens"]


def test_the_card_tells_where_the_data_come_from_and_where_they_end() -> None:
    """Provenance names author, language, scope, limits, the rules of reading and the licence."""
    wanted = {"written", "language", "stands_for", "does_not_stand_for", "borders", "stakes", "tags", "reviewed"}
    assert wanted | {"personal_data", "licence"} == set(CARD["provenance"])
    assert all(isinstance(text, str) and text for text in CARD["provenance"].values())


def test_the_counts_on_the_card_are_true() -> None:
    """The card's numbers are those of the files."""
    languages = Counter(row["tags"]["language"] for row in ITEMS)
    assert CARD["counts"] == {
        "items": len(ITEMS),
        "examples": len(POOL),
        "languages": len(languages),
        "items_not_in_english": len(ITEMS) - languages["en"],
        "credit_notes": sum(row["reference"]["total"] < 0 for row in ITEMS),
        "sums_that_do_not_add_up": sum(row["tags"]["sums"] == "no" for row in ITEMS),
    }
    assert f"{len(ITEMS) - languages['en']} items" in CARD["provenance"]["language"]


# -------------------------------------------------------------------------------------------------- nobody's own data

MAIL = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
TELEPHONE = re.compile(r"\+\d[\d ()/-]{7,}\d|\b0\d{3,4}[ /-]\d{3}[ -]?\d{3,4}\b|\b\d{3}-\d{4}\b(?!-)")
FICTIONAL = re.compile(r"07700 ?900 ?\d{3}|555-01\d\d")  # Ofcom's and North America's numbers for drama
IDENTITY = re.compile(r"\d{9,}|\d+(?:[-.]\d+){2,}|(?:\d{4}[ -]){3}\d{4}|\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}")


def real_looking(text: str) -> list[str]:
    """Addresses outside the example domains, links, telephones outside fiction, long numbers other than zeros."""
    mails = [m[0] for m in MAIL.finditer(text) if not re.fullmatch(r"example\.(com|org|net)", m[1])]
    telephones = [m[0] for m in TELEPHONE.finditer(text) if not FICTIONAL.fullmatch(m[0])]
    long = [m[0] for m in IDENTITY.finditer(text) if len(re.sub(r"\D", "", m[0])) >= 9 and set(m[0]) & set("123456789")]
    numbers = [number for number in long if not re.fullmatch(r"\d{1,3}(\.\d{3})+", number)]  # 45.000.000 is an amount
    return mails + telephones + numbers + re.findall(r"https?://\S+|www\.\S+", text)


def test_no_document_holds_data_of_a_real_person() -> None:
    """No address, link, telephone, tax, card or account number that could belong to somebody."""
    assert [found for text in INPUTS for found in real_looking(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "billing@shop.test",
        "Tel. 0151 496 0000",
        "call 867-5309",
        "+49 170 0000000",
        "P.IVA 01234567890",
        "NIP 521-300-11-22",
        "4111 1111 1111 1111",
        "IBAN DE12 3456 7890 1234 5678 90",
        "www.shop.test/pay",
    ],
)
def test_the_search_for_personal_data_finds_it(text: str) -> None:
    """The patterns catch an ordinary address, telephone, tax, card or account number, or link."""
    assert real_looking(text)
