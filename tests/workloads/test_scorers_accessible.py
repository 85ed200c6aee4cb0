"""Accessibility, reading grade and language of answers."""

from __future__ import annotations

import json
import pickle
import sys

import pytest

import edgebench
from edgebench.errors import UsageError
from edgebench.records import Item, ScorerSpec, Task
from edgebench.workloads import prose, reading, scorers, spoken
from edgebench.workloads.scorers import accessibility

TASK = Task("text")


def issues(text):
    return [name for name, _ in accessibility.found(text)]


@pytest.mark.parametrize(
    ("text", "issue"),
    [
        ("| a | b |\n|---|---|\n| 1 | 2 |", "ascii table"),
        ("+----+----+\n| a  | b  |\n+----+----+", "ascii table"),
        ("name | price | size\nred | 3 | big\nblue | 4 | small", "ascii table"),
        ("Look:\n /\\_/\\\n( o.o )\n > ^ <\nnice", "ascii art"),
        ("┌────────┐\n│ Step 1 │\n└────────┘", "ascii art"),
        ("Done 🎉🎉🎉", "emoji run"),
        ("Yes 👍🏽 🙏 👩‍👩‍👧", "emoji run"),
        ("🇪🇸🇲🇽🇦🇷 welcome", "emoji run"),
        ("See https://example.com/a/b?c=1 for more.", "bare link"),
        ("It is on www.example.com", "bare link"),
        ("(https://example.com/help)", "bare link"),
        ("DO NOT SHARE your code", "capitals"),
        ("Bitte LESEN SIE ALLES genau", "capitals"),
        ("Press the red button.", "needs colour"),
        ("Fields marked in red are required.", "needs colour"),
        ("Wait until the light turns green.", "needs colour"),
        ("Pulse el botón rojo.", "needs colour"),
        ("लाल बटन दबाएँ।", "needs colour"),
        ("Bonyeza kitufe chekundu.", "needs colour"),
        ("লাল বোতাম চাপুন।", "needs colour"),
        ("See the picture below.", "needs sight"),
        ("As shown above, it is easy.", "needs sight"),
        ("Click the icon in the top right corner.", "needs sight"),
        ("Use the menu on the right-hand side.", "needs sight"),
        ("Tap the round button.", "needs sight"),
        ("Vea la imagen.", "needs sight"),
        ("Está en la esquina superior derecha.", "needs sight"),
        ("Tazama picha hapa chini.", "needs sight"),
    ],
)
def test_what_a_screen_reader_stumbles_over_is_found(text, issue):
    """Each kind, in the languages its words are known in."""
    assert issue in issues(text)


@pytest.mark.parametrize(
    "text",
    [
        "Your refund of £30 will arrive on Monday.",
        "Open [the help page](https://example.com/help) and follow it.",
        '<a href="https://example.com">Help</a>',
        "Your PIN and your IBAN are on the card.",
        "USA, UK, EU",
        "We sell red shoes, green tea and black cars.",
        "I see. The picture is clear: you paid twice.",
        "Great 🎉 See you soon 🙂",
        "Either a | b or c.",
        "- one\n- two\n- three",
        "---\nA heading\n---",
        '{\n  "a": [1, 2],\n  "b": {"c": "d"}\n}',
        "[\n  {},\n  {},\n  []\n]",
        "You are right, and your order is on the way.",
        "Write to help@example.com.",
        "The blue one is sold out; the large box comes on Friday.",
        "",
    ],
)
def test_ordinary_answers_have_nothing_to_find(text):
    """Links with words, abbreviations, colours of things, JSON, one emoji now and then."""
    assert issues(text) == []


def test_the_scorer_names_the_first_issue_and_lists_all():
    """Needs no reference; code in fences is left alone by what looks at prose."""
    scorer = scorers.accessible()
    judgement = scorer(Item("i", "q"), TASK, "PRESS THE RED BUTTON 🎉🎉🎉")
    assert (judgement.value, judgement.label) == (0.0, "emoji run")
    assert judgement.explanation == (
        "emoji run: 🎉🎉🎉; capitals: PRESS THE RED; needs colour: RED BUTTON; no grade: the language is not named"
    )
    fine = scorer(Item("i", "q"), TASK, "Run this:\n```\ncurl https://example.com\nDO NOT STOP\n```")
    assert (fine.value, fine.label) == (1.0, "nothing found")
    assert pickle.loads(pickle.dumps(scorer)).version == "1"  # noqa: S301 - our own bytes


HARD = (
    "Notwithstanding the aforementioned contractual stipulations, the reimbursement of incidental expenditures remains "
    "contingent upon the presentation of comprehensive documentary evidence, to be submitted to the responsible "
    "administrative department within a period not exceeding thirty consecutive calendar days."
)
EASY = "You paid two times. We will send one of them back. It takes five days. You do not have to do a thing. " * 2
FACIL = (
    "Tu dinero llega el lunes. No tienes que hacer nada más. Si no llega, nos llamas y te lo damos ese mismo día. " * 2
)


def test_a_grade_is_judged_only_where_one_is_given():
    """By the language of the item's tag or the option; the bound is part of the version."""
    scorer = scorers.build(ScorerSpec("accessible", {"max_grade": 8}))
    english = Item("i", "q", tags={"language": "en"})
    assert scorer(english, TASK, HARD).label == "reading grade" and scorer(english, TASK, EASY).value == 1
    assert scorer(Item("i", "q"), TASK, HARD).value == 1
    assert scorer.version == "1 max_grade=8.0"
    assert "Crawford" in str(scorers.accessible(language="es")(Item("i", "q"), TASK, FACIL).explanation)
    with pytest.raises(UsageError, match="school years"):
        scorers.accessible(max_grade=0)


def test_grades_are_the_formulas():
    """A text of 30 words, all of one syllable but "money", "Monday" and "again"; the same way in Spanish."""
    text = "You paid two times. We will send the money back. It takes five days, or six. "
    text += "We have done it on Monday. Do not pay again, dear friend of ours."
    words, syllables, sentences = 30, 33, 5
    found = reading.grade(text, "en-GB")
    assert len(prose.words(text)) == words and sum(map(reading.english, prose.words(text))) == syllables
    assert len(prose.sentences(text)) == sentences and found.method == "Flesch–Kincaid"
    assert found.years == pytest.approx(0.39 * words / sentences + 11.8 * syllables / words - 15.59)
    spanish = reading.grade(FACIL, "es")
    p = 100 * sum(map(reading.spanish, prose.words(FACIL))) / len(prose.words(FACIL))
    f = len(prose.words(FACIL)) / len(prose.sentences(FACIL))
    assert spanish.ease == pytest.approx(206.84 - 0.60 * p - 1.02 * f)
    assert spanish.years == pytest.approx(-0.205 * 100 / f + 0.049 * p - 3.407)
    assert reading.grade(HARD, "en").years > 12 > 4 > reading.grade(EASY, "en").years  # type: ignore[operator]
    assert all(reading.grade(EASY, language).years is None for language in ("hi", "es-en", None))
    assert reading.grade(EASY, "hi").why_absent == "no formula for 'hi'"
    assert reading.grade("Too short.", "en").why_absent == "2 words; a grade needs 30"


# words not looked at when the rules were written
ENGLISH = (
    "window:2 quickly:2 answered:2 umbrella:3 hospital:3 beautiful:3 chocolate:3 elephant:3 yesterday:3 banana:3 "
    "computer:3 telephone:3 discount:2 invoice:2 customers:3 cancelled:2 returning:3 understand:3 agreement:3 "
    "apologize:4 apartment:3 warehouse:2 courier:3 envelope:3 signature:3 message:2 delay:2 stolen:2 broken:2 "
    "charged:1 twice:1 missing:2 package:2 weeks:1 months:1 please:1 thanks:1 resolve:2 issue:2 team:1 "
    "technician:3 electricity:5 internet:3 contract:2 monthly:2 annual:3 insurance:3 policy:3 claim:1 damage:2 "
    "vehicle:3 accident:3 address:2 street:1 city:2 country:2 passport:2 ticket:2 airport:2 suitcase:2"
)
SPANISH = (
    "ventana:3 respuesta:3 hospital:3 chocolate:4 teléfono:4 factura:3 cliente:3 cancelado:4 devolución:4 acuerdo:3 "
    "firma:2 mensaje:3 retraso:3 robado:3 semana:3 gracias:2 problema:3 equipo:3 internet:3 contrato:3 seguro:3 "
    "daño:2 vehículo:4 accidente:4 calle:2 aeropuerto:5 maleta:3 siguiente:3 pague:2 pagué:2 bilingüe:3 huir:1 "
    "viaje:2 ruido:2 jueves:2 veinte:2 oasis:3 zanahoria:4 mayor:2 soy:1 raíz:2 continúa:4"
)


@pytest.mark.parametrize(("count", "known", "most"), [(reading.english, ENGLISH, 4), (reading.spanish, SPANISH, 1)])
def test_syllables_are_counted_well_enough(count, known, most):
    """Few words off by one, none by more, and in the sum less than two in a hundred."""
    pairs = [(word, int(number)) for word, _, number in (entry.partition(":") for entry in known.split())]
    off = [count(word) - number for word, number in pairs]
    assert sum(each != 0 for each in off) <= most and max(map(abs, off)) <= 1
    assert abs(sum(off)) <= 0.02 * sum(number for _, number in pairs)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three?", 3),
        ("Dr. Rao and Mrs. Lee came at 5 p.m. on Monday.", 1),
        ("It costs 3.50 euros, i.e. less.", 1),
        ("He said: “No.” Then he left.", 2),
        ("J. Smith wrote. She read", 2),
        ("It ended at 5 p.m. Then we left.", 2),
        ("1. First step\n2. Second step", 2),
        ("A title\n\nA line", 2),
        ("यह एक है। यह दो है।", 2),
        ("এটা এক। এটা দুই।", 2),
        ("Really?! Yes...", 2),
        ("", 0),
        ("...", 0),
    ],
)
def test_sentences_are_counted(text, count):
    """Titles, decimals and initials end none; danda, list entries and blank lines do."""
    assert len(prose.sentences(text)) == count


# --------------------------------------------------------------------------------------------------- languages


@pytest.mark.parametrize(
    ("text", "language", "speaks"),
    [
        ("यह हिन्दी में है", "hi", True),
        ("This is English", "hi", False),
        ("এটি বাংলা", "bn", True),
        ("এটি বাংলা", "hi", False),
        ("यह हिन्दी में है", "en", False),
        ("यह हिन्दी में है, ठीक okay", "hi-en", True),
        ("これは日本語です", "ja", True),
        ("这是中文", "ja", None),
        ("Это по-русски", "en", False),
        ("Это по-русски", "xx", None),
        ("ok", "en", None),
        ("123 !?", "en", None),
        ("", "en", None),
    ],
)
def test_a_script_decides_where_it_can(text, language, speaks):
    """Without anything installed; unknown is None, and says why."""
    found, words = spoken.speaks(text, language)
    assert (found, bool(words)) == (speaks, True)


def test_without_py3langid_shared_scripts_are_unknown(monkeypatch):
    """One sentence says what would tell them apart, and the version says how it was told."""
    monkeypatch.setattr(spoken, "installed", lambda: False)
    found, words = spoken.speaks("Esta es una frase bastante larga en español.", "es")
    assert found is None and "edgebench[language]" in words
    assert scorers.language().version == "1 by script alone"


@pytest.mark.skipif(not spoken.installed(), reason="py3langid is not installed")
def test_py3langid_tells_shared_scripts_apart():
    """Spanish is not English; a short or mixed text is nobody's; near relatives are not told apart."""
    spanish = "El cliente quiere que le devuelvan el dinero porque el paquete nunca llegó."
    english = "The customer wants the money back because the parcel never arrived."
    assert spoken.speaks(spanish, "es")[0] is True and spoken.speaks(spanish, "en")[0] is False
    assert spoken.speaks(english, "es")[0] is False and spoken.speaks(english, "es-en")[0] is True
    assert spoken.speaks(english, "sco")[0] is None and spoken.speaks(spanish, "hi-en")[0] is None
    assert spoken.speaks("Muy bien", "en")[0] is None
    assert "py3langid=" in scorers.language(language="es").version


@pytest.mark.skipif(not spoken.installed(), reason="py3langid is not installed")
@pytest.mark.parametrize("language", ["en", "es", "sw", "hi", "bn"])
def test_messages_of_our_own_are_never_called_another_language(language):
    """Of the parallel messages of support-triage none is held for another language, and most are known."""
    from pathlib import Path

    name = "support-triage.jsonl" if language == "en" else f"support-triage.{language}.jsonl"
    file = Path(edgebench.__file__).parent / "workloads" / "data" / name
    texts = [json.loads(line)["input"] for line in file.read_text(encoding="utf-8").splitlines()][:60]
    verdicts = [spoken.speaks(text, language)[0] for text in texts]
    assert verdicts.count(False) == 0 and verdicts.count(True) >= 0.6 * len(texts)


def test_the_language_scorer_reads_the_words_of_json():
    """By tag or option; the label is the language, or wrong_language; no tag, no verdict."""
    hindi, plain = Item("i", "q", tags={"language": "hi"}), Item("i", "q")
    answer = json.dumps({"kind": "answer", "answer": "यह हिन्दी में एक लंबा उत्तर है"}, ensure_ascii=False)
    assert scorers.language()(hindi, TASK, answer).label == "hi"
    wrong = scorers.language()(hindi, TASK, "This is English.")
    assert (wrong.value, wrong.label) == (0.0, "wrong_language")
    assert scorers.language()(plain, TASK, answer).value is None
    assert scorers.language(language="bn")(plain, TASK, answer).label == "wrong_language"
    assert pickle.loads(pickle.dumps(scorers.language())).name == "language"  # noqa: S301 - our own bytes


def test_py3langid_is_loaded_only_when_it_is_needed():
    """Nothing heavy is imported with the scorers."""
    import subprocess

    code = "import sys, edgebench.workloads.scorers; print({'py3langid', 'jsonschema', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
