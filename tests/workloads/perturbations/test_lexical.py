"""Words in the place of others, language by language."""

from __future__ import annotations

import pytest

from edgebench.errors import UsageError
from edgebench.workloads.perturbations import build
from edgebench.workloads.perturbations.lexical import autocorrect, chat_spelling, code_mix, dialect, simple_words
from edgebench.workloads.perturbations.passages import passage
from tests.workloads.perturbations.messages import item, items

ALL = 1.0


@pytest.mark.parametrize(
    ("language", "old", "among"),
    [
        ("en", "Please tell me tomorrow", {"Pls tell me tmrw", "Plz tell me tmrw"}),
        ("en", "I DON'T KNOW", {"IDK"}),
        ("es", "por favor", {"xfa", "porfa", "x favor"}),
        ("es", "cancelado", {"cancelao"}),
        ("hi", "नहीं", {"नही", "नइ"}),
        ("bn", "করেছি", {"করসি", "করছি"}),
        ("sw", "nimetuma sana", {"nmetuma xana", "nmetuma saana"}),
        ("pcm", "wetin", {"wtin", "wetn"}),
        ("sco", "cannae", {"cany"}),
        ("hi-en", "nahi hai", {"nhi h", "nhi he", "ni h", "ni he"}),
        ("es-en", "gracias", {"grax"}),
        ("en-GB", "people", {"ppl"}),
        ("fi", "please", {"please"}),
    ],
)
def test_chat_spelling(language, old, among):
    """Short forms of each language, phrases before words, endings and beginnings, in the case of the original."""
    found = {chat_spelling(ALL)(item(old, language), seed).text for seed in range(30)}
    assert found <= among and (len(found) > 1 or len(among) == 1)


def test_the_rate_is_the_share_of_known_words():
    """At a half, half of the words with a chat form change, over many messages."""
    changed = known = 0
    for one in items("en"):
        full = chat_spelling(1.0)(one, 1).text.split()
        half = chat_spelling(0.5)(one, 1).text.split()
        if len(full) == len(half) == len(one.text.split()):
            known += sum(a != b for a, b in zip(one.text.split(), full, strict=True))
            changed += sum(a != b for a, b in zip(one.text.split(), half, strict=True))
    assert known > 500 and 0.45 <= changed / known <= 0.55


def test_autocorrect_puts_real_words_at_its_rate():
    """A tenth of all words slip, every slip is another word of the table, and nothing else changes."""
    slips, words, once = 0, 0, autocorrect(0.1)
    for one in items("en"):
        old, new = one.text.split(), once(one, 1).text.split()
        words += len(passage(one).words)
        slips += sum(a != b for a, b in zip(old, new, strict=False)) if len(old) == len(new) else 1
    assert 0.08 <= slips / words <= 0.11


def test_autocorrect_lets_a_no_be_a_no():
    """However often it slips, "not" and "never" stay."""
    text = "I did not order it and never will, no refund without my consent"
    for seed in range(50):
        new = autocorrect(1.0)(item(text), seed).text
        assert all(word in new for word in ("not", "never", "no ", "without"))


@pytest.mark.parametrize(
    ("language", "into", "old", "new"),
    [
        ("en", None, "where is my order today", "dónde is mi pedido hoy"),
        ("en", "es", "my sister, please", "mi hermana, por favor"),
        ("en", "hi", "where is my money", "kahan is mera paisa"),
        ("en", "sw", "today my phone", "leo yangu simu"),
        ("en", "bn", "money today", "taka aj"),
        ("es", None, "hoy mi pedido", "today my order"),
        ("es", None, "mañana por la mañana", "tomorrow in the morning"),
        ("hi", None, "आज मेरा ऑर्डर", "today my order"),
        ("bn", None, "আজ আমার অর্ডার", "today my order"),
        ("sw", None, "oda leo", "order today"),
        ("hi-en", None, "aaj mera order", "today my order"),
        ("es-en", None, "pero my caja", "but my box"),
        ("sw", "es", "leo", "leo"),
        ("pcm", None, "wetin", "wetin"),
    ],
)
def test_code_mix(language, into, old, new):
    """Everyday words in the other language; where a pair has no table, nothing changes."""
    found = {code_mix(ALL, into)(item(old, language), seed).text for seed in range(10)}
    assert new in found


@pytest.mark.parametrize(
    ("variety", "language", "old", "new"),
    [
        ("pcm", "en", "Where is my money? I don't know", "Which side dey my own moni? I no dey sabi"),
        ("pcm", "en", "Please cancel it", "Abeg cancel am"),
        ("sco", "en", "I can't find my old house", "A cannae find ma auld hoose"),
        ("sco", "en", "thought of nothing", "thocht o naething"),
        ("es-ar", "es", "tú puedes mirar aquí", "vos podés mirar acá"),
        ("es-an", "es", "para todos, cansado de nada", "pa tos, cansao de na"),
        ("sco", "es", "para todos", "para todos"),
        ("pcm", "hi", "नहीं", "नहीं"),
    ],
)
def test_dialect(variety, language, old, new):
    """A dialect of the item's language; of another language it leaves the text as it is."""
    assert dialect(variety)(item(old, language), 1).text == new


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "I'm waiting; don't dispatch it, but inform me.", "I am waiting. Do not send it. But tell me."),
        ("en", "it came – it's broken", "it came. It is broken"),
        ("en", "a mug, the lid and a box", "a mug, the lid and a box"),
        ("es", "quisiera devolver esto, pero nadie responde", "quiero mandar de vuelta esto. Pero nadie responde"),
        ("hi", "सामान आया, लेकिन टूटा है और पैसे कटे", "सामान आया। लेकिन टूटा है। और पैसे कटे"),
        ("sw", "nataka hela yangu, lakini tatizo", "ninataka pesa yangu. Lakini shida"),
        ("fr", "je ne sais pas; bon", "je ne sais pas; bon"),
    ],
)
def test_simple_words(language, old, new):
    """Plain words, no contractions, one thought a sentence, and lists left together."""
    assert simple_words()(item(old, language), 1).text == new


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        (
            {"chat-spelling": {"rate": 0}},
            "chat-spelling: rate must be above 0 and at most 1",
            "chat-spelling: {rate: 0.5}",
        ),
        ({"autocorrect": {"rate": 1.2}}, "autocorrect: rate must be above 0", "autocorrect: {rate: 0.5}"),
        ({"code-mix": {"into": "spanish"}}, "no language is called 'spanish'", None),
        ({"dialect": {"variety": "scots"}}, "no variety is called 'scots'", "did you mean 'sco'?"),
        ({"dialect": {"rate": -1}}, "dialect: rate must be above 0", "dialect: {rate: 0.5}"),
        ({"dialect": {"varity": "sco"}}, "has no option 'varity'", "did you mean 'variety'?"),
        ({"lower-case": {"rate": 0.5}}, "has no option 'rate'", "it takes: no options"),
        ({"chat-spelling": {"rate": "much"}}, "option rate", None),
    ],
)
def test_a_wrong_option_is_a_sentence_with_a_hint(spec, message, hint):
    """Out of range, unknown, misspelt or of the wrong kind: what is wrong, and what to type."""
    with pytest.raises(UsageError, match=message) as caught:
        build(spec)
    assert caught.value.hint and (hint is None or caught.value.hint == hint)
