"""The message as a whole: cut off, spoken, surrounded by mail."""

from __future__ import annotations

import pytest

from edgebench.errors import UsageError
from edgebench.workloads.perturbations.forms import Form
from edgebench.workloads.perturbations.passages import passage
from edgebench.workloads.perturbations.wholes import KINDS, dictation, pasted, truncated
from tests.workloads.perturbations.messages import LANGUAGES, item, items


@pytest.mark.parametrize(
    ("keep", "old", "reference", "new"),
    [
        (0.5, "one two three four five six", None, "one two three"),
        (0.5, "It came. It was broken and wet", None, "It came. It was"),
        (0.3, "It came. It was broken and wet", None, "It came. It"),
        (0.1, "Unbelievable service", None, "Unbelievable"),
        (0.5, "Stop. Go.", None, "Stop."),
        (0.5, "word", None, "word"),
        (0.5, "go to `a b c d e f g h` now or then", None, "go to `a b c d e f g h`"),
        (0.2, "I want a refund for the broken blue mug today", "blue mug", "I want a refund for the broken blue mug"),
        (0.2, "please send the blue mug", "blue mug", "please send the blue mug"),
        (0.5, "我的包裹在哪里请告诉我", None, "我的包裹在"),
        (0.5, " \n ", None, " \n "),
    ],
)
def test_a_message_breaks_off_in_the_middle(keep, old, reference, new):
    """Between words, not behind a full stop, never within something protected nor before the reference's words."""
    cut = truncated(keep)(item(old, reference=reference), 1).text
    assert cut == new or (old.startswith("我") and len(cut) in (5, 6))


@pytest.mark.parametrize("language", LANGUAGES)
def test_about_as_much_is_kept_as_was_asked(language):
    """Over real messages 70 % is 70 % give or take three points; each is a beginning of the original."""
    kept = total = 0
    for one in items(language):
        cut = truncated(0.7)(one, 1).text
        assert one.text.startswith(cut) and cut.strip()
        assert not passage(one).holds(len(cut)) and len(cut) >= passage(one).answer_end
        kept, total = kept + len(cut), total + len(one.text)
    assert 0.67 <= kept / total <= 0.73


def test_a_message_that_breaks_off_is_a_case_of_its_own():
    """Its answer may rightly change, so it is no invariance test; the docstring says why."""
    assert truncated().test_type == "MFT" and "MFT" in (truncated.__doc__ or "")
    assert dictation().test_type == pasted().test_type == "INV"


def said(form: Form, text: str, language: str = "en", times: int = 40) -> set[str]:
    return {form(item(text, language), seed).text for seed in range(times)}


def test_what_is_spoken_has_no_marks_and_no_capitals():
    """Lower case, one line, no punctuation; numbers, placeholders and the reference as they were."""
    for new in said(dictation(0.01), "Hello, Order AB-12 is LATE!\nCall {Name}."):
        assert new.startswith("hello") and "AB-12" in new and "{Name}" in new and "\n" not in new
        assert not set(new.replace("AB-12", "")) & set(",.!") and "late" in new


def test_some_marks_are_said():
    """Now and then a mark comes out as its name in the language of the message."""
    assert any("comma" in new.split() for new in said(dictation(), "no, not yet, thanks"))
    assert any("coma" in new.split() for new in said(dictation(), "no, gracias, adiós", "es"))
    assert any("दाँड़ि" in new or "পূর্ণ" in new or "দাঁড়ি" in new for new in said(dictation(), "না। হ্যাঁ।", "bn"))


def test_words_are_heard_as_others_and_people_hesitate():
    """Homophones of the language, and as many fillers as were asked for."""
    assert {"i no there house", "i know their house", "i know there house"} & said(
        dictation(0.01), "I know their house"
    )
    fillers = {"um", "uh", "er", "like", "you know", "i mean", "so yeah"}
    text = "red green blue pink grey black white gold rose lime"
    assert all(len(new.split()) > 10 for new in said(dictation(0.2), text, times=10))
    assert all(any(word in new for word in fillers) for new in said(dictation(0.2), text.replace(" ", " "), times=10))


def test_a_language_without_fillers_is_spoken_all_the_same():
    """Where no table knows the language, marks and capitals still go."""
    assert said(dictation(), "Missä on Pakettini?", "fi") == {"missä on pakettini"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_mail_is_pasted_around_and_the_message_stays(kind, language):
    """The message is there whole: first, or last under a forward's header; three texts take turns."""
    one = items(language)[7]
    news = {pasted(kind)(one, seed).text for seed in range(20)}
    assert len(news) == 3
    for new in news:
        assert new.endswith("\n\n" + one.text) if kind == "forward" else new.startswith(one.text + "\n\n")


def test_what_would_give_the_answer_away_is_not_pasted():
    """A text that holds a string of the reference is left out; when all do, the message stays alone."""
    news = {pasted("signature")(item("hi", reference="trees"), seed).text for seed in range(30)}
    assert len(news) == 2 and not any("trees" in new for new in news)
    assert pasted("signature")(item("hi", reference=["trees", "phone", "delete it"]), 1).text == "hi"


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (truncated, {"keep": 1.0}, "keep must be above 0 and at most 0.95"),
        (truncated, {"keep": 0}, "keep must be above 0"),
        (dictation, {"fillers": 0.9}, "fillers must be above 0 and at most 0.5"),
        (pasted, {"kind": "quotes"}, "no kind is called 'quotes'"),
    ],
)
def test_options_out_of_range_are_refused(make, options, message):
    """A sentence, and a hint."""
    with pytest.raises(UsageError, match=message) as caught:
        make(**options)
    assert caught.value.hint
