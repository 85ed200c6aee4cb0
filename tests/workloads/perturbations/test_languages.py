"""Which perturbation does something in which language: the share of real messages that it changes."""

from __future__ import annotations

import pytest

from edgebench.workloads.perturbations import build
from tests.workloads.perturbations.messages import LANGUAGES, SPECS, items


def changed(spec: object, language: str) -> float:
    """The share of the messages of a language that come out other than they went in."""
    form = build(spec)
    messages = items(language)[:60]
    return sum(form(one, 7).text != one.text for one in messages) / len(messages)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: build(spec).name)
def test_a_claimed_language_is_changed_in_most_messages(spec):
    """Where a perturbation claims a language, at least half of its messages change."""
    form = build(spec)
    shares = {language: changed(spec, language) for language in form.languages}
    assert all(share >= 0.5 for share in shares.values()), shares
    assert set(form.languages) <= set(LANGUAGES)


def test_at_least_ten_work_in_at_least_six_languages():
    """Counted once each, whatever their parameters."""
    wide = {form.name.partition("(")[0] for form in map(build, SPECS) if len(form.languages) >= 6}
    assert len(wide) >= 10, wide


@pytest.mark.parametrize(
    ("spec", "language", "why"),
    [
        ("romanised", "en", "it is written in Latin letters"),
        ("lower-case", "bn", "Bengali has no capitals"),
        ("no-diacritics", "sw", "Swahili has none"),
        ("dialect", "hi", "there is no dialect of it in the tables"),
        ("code-mix", "pcm", "Pidgin shares its words with English"),
        ("swap-pronouns", "sw", "Swahili's pronouns do not say"),
    ],
)
def test_where_there_is_nothing_to_change_nothing_does(spec, language, why):
    """A language a perturbation has nothing to say in is left as it is."""
    assert changed(spec, language) == 0, why
