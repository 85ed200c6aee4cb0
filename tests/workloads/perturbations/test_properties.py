"""What holds for every perturbation, every text and every seed."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.contracts import Perturbation
from edgebench.records import Item
from edgebench.workloads.perturbations import ABOUT, build, chain
from edgebench.workloads.perturbations.passages import passage
from tests.workloads.perturbations.messages import LANGUAGES, SPECS, item, items

ALL = [build(spec) for spec in SPECS]
CHAINS = [
    chain(["chat-spelling", "no-punctuation", "lower-case"]),
    chain(["romanised", "keyboard-typos"]),
    chain(["dictation", "truncated"]),
    chain(["swap-names", "dialect", "letter-slips", {"pasted": {"kind": "forward"}}]),
]

#: Put into the middle of real messages: things to leave alone, one of each kind, and the reference in another case.
INSERTS = (
    "costs €1,234.50 (no. AB-77), since 2024-05-03.",
    "see https://shop.example.com/Track?id=a_b&c=d#Top, or www.example.org/x",
    "mail Ana.Lopez+orders@example.co.uk!",
    "Dear {Customer_Name}, ${AMOUNT} <ORDER ID> [Date] %s %(Name)s {{ Due_Date }}",
    "run `DELETE  From Orders;` now",
    "BLUE mug and blue MUG, not the Red Kettle",
    "४२ रुपये, ৩৫০ টাকা, ٣",
)
REFERENCES = (
    "blue mug",
    ["Blue Mug", "red kettle"],
    {"item": "blue mug", "also": [{"of": "Red Kettle", "n": 3}]},
    None,
)


def loaded(one: Item, number: int) -> Item:
    """A real message with something to leave alone in its middle."""
    words = one.text.split(" ")
    middle = len(words) // 2
    text = " ".join([*words[:middle], INSERTS[number % len(INSERTS)], *words[middle:]])
    return Item(one.id, text, REFERENCES[number % len(REFERENCES)], ("Blue Mug", "other"), one.tags)


def stays(form: Perturbation, one: Item, seed: int) -> Item:
    """The item in this form; everything protected is still there, in order, and the item is a form of what it was."""
    new = form(one, seed)
    before = passage(one)
    at, text = 0, new.text
    for start, end in before.kept:
        piece = one.text[start:end]
        found = text.find(piece, at)
        if found < 0:  # only what breaks off may lose something, and nothing of the reference, nor half of anything
            assert form.test_type == "MFT" and end > before.answer_end, (form.name, piece, text)
            assert form.name != "truncated(0.7)" or one.text.startswith(text)
            break
        at = found + len(piece)
    assert (new.reference, new.choices, new.tags, new.id) == (one.reference, one.choices, one.tags, one.id)
    assert new.form_of == new.digest == one.digest
    assert new.text.strip() or not one.text.strip()
    return new


def tokens(text: str) -> list[str]:
    """Digits and addresses told apart in another way than ours: by splitting at white space."""
    return [token for token in text.split() if any(map(str.isdigit, token)) or "@" in token or "//" in token]


def test_ten_thousand_real_messages_keep_what_is_protected():
    """29 perturbations and 4 chains over messages in nine languages with numbers, URLs, placeholders and references."""
    cases = 0
    for language in LANGUAGES:
        for number, one in enumerate(items(language)[:60]):
            for form in (*ALL, *CHAINS):
                full = loaded(one, number)
                new = stays(form, full, seed=number)
                if form.test_type == "INV":
                    assert tokens(new.text) == tokens(full.text), form.name
                cases += 1
    assert cases >= 10_000


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_same_seed_gives_the_same_text_and_another_another(language):
    """Two builds agree on every message; over many messages two seeds don't, where there is something to draw."""
    for spec, form in zip(SPECS, ALL, strict=True):
        again = build(spec)
        assert all(form(one, 5) == again(one, 5) for one in items(language)[:20])
    typos = ALL[0]
    assert any(typos(one, 5).text != typos(one, 6).text for one in items(language)[:20])


anything = st.one_of(
    st.text(max_size=120),
    st.text(
        st.sampled_from("aé नি্ं.,;'’`{}<>[]%$@:/1২\n\r\t\x00\x1b\u202e\u2066\u200d\ufeff😀中ไI her him 'll—؟।"),
        max_size=80,
    ),
)
references = st.one_of(
    st.none(), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=2), st.just({"a": ["b", 1, None]})
)


@pytest.mark.parametrize("form", [*ALL, *CHAINS], ids=lambda form: form.name)
@settings(deadline=None, max_examples=40)
@given(text=anything, reference=references, language=st.sampled_from([*LANGUAGES, "fr", "zz", ""]), seed=st.integers())
def test_no_text_breaks_a_perturbation(form, text, reference, language, seed):
    """Control characters, overrides, broken placeholders, any script: twice over, it keeps what it must."""
    one = item(text, language, reference)
    twice = form(stays(form, one, seed), seed)
    assert twice.form_of == one.digest


def test_a_megabyte_takes_less_than_two_seconds():
    """Real messages in all languages, a million characters: less than 2 s of the processor's time each."""
    line = " ".join(one.text for language in LANGUAGES for one in items(language)[:40])
    text = (line * (1_000_000 // len(line) + 1))[:1_000_000]
    for form in map(build, ABOUT):
        start = time.process_time()
        form(item(text, "en", "refund"), 1)
        assert time.process_time() - start < 2, form.name


@pytest.mark.parametrize("text", ["a" * 1_000_000, " " * 1_000_000, "{<[`%" * 40_000, "a." * 100_000, "```" * 60_000])
def test_no_pattern_runs_away(text):
    """Texts made to send a regular expression back and forth end soon as well."""
    start = time.process_time()
    for form in map(build, ("no-punctuation", "simple-words", "truncated", "dictation")):  # which look furthest
        form(item(text, "en", "refund"), 1)
    assert time.process_time() - start < 8


SAID = {
    "en": "Hi, I don't know where my order is. She told Emily it's late; please send her the money today!",
    "es": "Hola, ¿dónde está mi pedido? Él no ha llegado, y para mañana necesito los regalos de la casa.",
    "hi": "नमस्ते, मेरा ऑर्डर कहाँ है? मुझे आज पैसे चाहिए, राहुल जी ने कहा था और ज़रा जल्दी कीजिए।",
    "bn": "ভাই, আমার টাকা কবে পাব? অর্ডার এখনও আসেনি, চাঁদ রাত শেষ। ইমরান বলেছেন আজ দিয়েছে।",
    "sw": "Habari, oda yangu iko wapi? Nimetuma pesa jana, lakini mzigo bado haujafika, asante sana.",
    "pcm": "Abeg, wetin dey happen to my order? I don pay since, but una never send am, she dey vex.",
    "sco": "Haw, whaur's ma parcel? A've peyed yer bill an she's no got it, it wis meant tae come the day.",
    "hi-en": "Bhai, mera order kahan hai? Payment kar diya hai, lekin delivery nahi hui, please jaldi karo.",
    "es-en": "Hey, my order no ha llegado y ya pagué. She said mañana, pero I don't think so, gracias.",
}

#: SHA-256 of what each makes of these, first 16 digits. They change only when a table or a rule does: what was measured
#: before and what is measured after are then not the same perturbation any more, so say it in the changelog.
PINNED = {
    "keyboard-typos(0.05)": "ba00a00ffa80c4b8",
    "letter-slips(0.05)": "ea966564a4b7d0b4",
    "no-punctuation": "09f9e85461bbe856",
    "lower-case": "53ec8e1e9d3d65ac",
    "no-diacritics": "10a2201da1ce59a9",
    "chat-spelling(0.8)": "7aaea0729282a120",
    "autocorrect(0.1)": "dac7341c99a051db",
    "code-mix(0.6)": "1c73b4eb37652a9c",
    "code-mix(0.6, into=hi)": "51030bedf1a52c30",
    "code-mix(0.6, into=sw)": "e5f1c11a4311fa1d",
    "code-mix(0.6, into=bn)": "021253598638ce3d",
    "dialect(pcm)": "b2857baa34bd8fa5",
    "dialect(sco)": "4b9ca24704224dfc",
    "dialect(es-ar)": "c2bff426114bbf18",
    "dialect(es-an)": "d17eb722d37e3890",
    "simple-words": "e912cd24132fcb7a",
    "romanised": "eb3911f955d02421",
    "truncated(0.7)": "2381f4019bcc7ff7",
    "dictation(0.06)": "5432e2c3f55714c6",
    "pasted(quote)": "b98c693b2d9c308f",
    "pasted(signature)": "46338fc4451a5573",
    "pasted(forward)": "a8b48c12508b0a30",
    "swap-names(west-african)": "0e742218737421a4",
    "swap-names(hispanic)": "f2018e71da775e02",
    "swap-pronouns": "2c88a0287c9ef800",
    "signed(west-african)": "55c0c04b8d114044",
    "signed(hispanic, gender=f)": "5611352af85c9bea",
    "other-values": "8fe6b96434d6b9bd",
    "no-evidence": "8fe6b96434d6b9bd",
    "chat-spelling(0.8) + no-punctuation + lower-case": "496d586d45e33f05",
    "romanised + keyboard-typos(0.05)": "08692b9cbd8e95d3",
    "dictation(0.06) + truncated(0.7)": "0b919ac0be00dfb2",
    "swap-names(west-african) + dialect(pcm) + letter-slips(0.05) + pasted(forward)": "4ec589021bbd8e46",
}


def test_the_bytes_are_pinned():
    """The same bytes on every machine: a digest of what every perturbation makes of a message in each language."""
    found = {}
    for form in (*ALL, *CHAINS):
        texts = [form(item(text, language), seed).text for language, text in SAID.items() for seed in (1, 2)]
        found[form.name] = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]
    assert found == PINNED
