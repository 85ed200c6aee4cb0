"""Counterfactual pairs: somebody else in the same message."""

from __future__ import annotations

import pytest

from edgebench.errors import UsageError
from edgebench.workloads.perturbations import people, tables
from edgebench.workloads.perturbations.people import signed, swap_names, swap_pronouns
from tests.workloads.perturbations.messages import LANGUAGES, item, items

GROUPS = tuple(tables.table("names")["groups"])


def names(group: str, kind: str) -> set[str]:
    rows = (line.strip().split(" ", 1) for line in tables.table("names")["groups"][group].splitlines())
    return {name for mark, spellings in rows if mark == kind for name in tables.alternatives(spellings)}


@pytest.mark.parametrize("group", GROUPS)
def test_each_person_is_another_of_the_group(group):
    """A woman stays a woman and a man a man, the same person the same, two people two; possessives and capitals too."""
    text = "Emily told Rahul that Emily's box is with JAMES"
    for seed in range(10):
        her, _, him, _, her_too, _, _, _, his = swap_names(group)(item(text), seed).text.split()
        assert her_too == f"{her}'s"
        assert (her in names(group, "f")) or group == "english"
        assert him in names(group, "m") and his.title() in {name.title() for name in names(group, "m")} | {"James"}
        assert him.lower() != his.lower() and his.isupper()


def test_family_names_only_behind_a_name_or_a_title():
    """ "Khan" alone may be a place; behind Fatima or Mrs it is a family."""
    swapped = swap_names("english")(item("Fatima Khan and Mrs. Sharma saw Khan and the señora García"), 1).text.split()
    assert swapped[0] in names("english", "f") and swapped[1] in names("english", "s")
    assert swapped[4] in names("english", "s") and swapped[6] == "Khan" and swapped[-1] in names("english", "s")


def test_the_script_stays():
    """A Hindi message gets a name in Devanagari, a Bengali one in Bengali letters."""
    hindi = swap_names("west-african")(item("राहुल जी बोले", "hi"), 1).text
    bengali = swap_names("english")(item("ইমরান বললেন", "bn"), 1).text
    assert hindi.split()[0] in names("west-african", "m") and hindi.endswith(" जी बोले") and "राहुल" not in hindi
    assert bengali.split()[0] in names("english", "m") and "\u0980" <= bengali[0] <= "\u09ff"


def test_names_of_the_group_and_words_stay():
    """Who is of the group already stays, so do words in small letters and the names of the reference."""
    assert swap_names("hindu")(item("Priya and rahul saw it"), 1).text == "Priya and rahul saw it"
    assert swap_names("hindu")(item("ask Emily", reference={"who": "Emily"}), 1).text == "ask Emily"


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("en", "He said she has her bag, give it to her", "She said he has his bag, give it to him"),
        ("en", "I saw her yesterday and her own self, hers", "I saw him yesterday and his own self, his"),
        ("en", "his mother told him, himself", "her mother told her, herself"),
        ("en", "HE'S late", "SHE'S late"),
        ("sco", "he telt her tae gie him his box", "she telt him tae gie her her box"),
        ("es", "Él y ella, con ellos", "Ella y él, con ellas"),
        ("es-en", "she y él saw her mom", "he y ella saw his mom"),
        ("hi", "वह आया", "वह आया"),
        ("sw", "yeye alikuja", "yeye alikuja"),
    ],
)
def test_he_is_she_and_she_is_he(language, old, new):
    """All forms, "her" by what follows it; languages whose pronouns do not say stay as they are."""
    assert swap_pronouns()(item(old, language), 1).text == new


@pytest.mark.parametrize("make", [swap_names, swap_pronouns])
def test_only_names_or_pronouns_change_in_real_messages(make):
    """Few messages name anybody; those that do keep all their other words, the rest stay, and all are forms."""
    changed = 0
    for language in LANGUAGES:
        for one in items(language):
            new = make()(one, 1)
            assert new.form_of == one.digest and len(new.text.split()) == len(one.text.split())
            differ = [(a, b) for a, b in zip(one.text.split(), new.text.split(), strict=True) if a != b]
            changed += bool(differ)
            assert len(differ) <= 6
    assert 5 <= changed <= 150 and make().test_type == "INV"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_signed_by_the_same_person_of_every_group(language):
    """Only a name on a line of its own is added, in the message's script, at the same places of each group's lists."""
    rows = {kind: list(zip(*(people._names(group)[kind] for group in GROUPS), strict=False)) for kind in people_kinds()}
    for one in items(language)[:40]:
        lines = [signed(group)(one, 4).text.removeprefix(f"{one.text}\n\n").split() for group in GROUPS]
        assert all(len(line) == 2 for line in lines), one.text
        given, family = zip(*lines, strict=True)
        assert any(given in of for kind, of in rows.items() if kind[0] != "s")
        assert any(family in of for kind, of in rows.items() if kind[0] == "s")
        assert not {*given, *family} & set(one.text.split())
    assert signed().test_type == "INV"


def people_kinds() -> list[tuple[str, int]]:
    return [(kind, script) for kind in "fms" for script in range(3)]


def test_the_gender_can_be_chosen_and_the_person_then_is_of_it():
    """f and m give names of women and of men; a name of another gender is not there."""
    texts = [signed("english", gender)(one, 1).text for gender in ("f", "m") for one in items("en")[:20]]
    first = [text.split()[-2] for text in texts]
    assert set(first[:20]) <= names("english", "f") and set(first[20:]) <= names("english", "m")
    with pytest.raises(UsageError, match="no gender is called 'x'"):
        signed("english", "x")


def test_nobody_signs_whose_name_is_the_answer_or_in_the_message_already():
    """In any group, so that all groups sign the same messages; where no name is left the message stays."""
    families = names("west-african", "s")
    for seed in range(20):
        text = signed("english")(item("ask Mrs Okafor", reference="Smith"), seed).text
        assert not text.endswith((" Smith", f" {dict(zip(*same_row('Okafor'), strict=True))['english']}"))
    everybody = " and ".join(sorted(families))
    assert signed("english")(item(everybody), 1).text == everybody
    assert signed()(item("  \n "), 1).text == "  \n "


def same_row(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Every group, and its family name at the same place as this one."""
    rows = list(zip(*(people._names(group)["s", 0] for group in GROUPS), strict=False))
    return GROUPS, next(row for row in rows if name in row)


def test_an_unknown_group_is_refused():
    """The groups there are, in a hint."""
    with pytest.raises(UsageError, match="no group is called 'martian'") as caught:
        swap_names("martian")
    assert caught.value.hint and "hispanic" in caught.value.hint
