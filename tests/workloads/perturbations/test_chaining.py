"""By name from a plan, and one after the other."""

from __future__ import annotations

import pytest

from edgebench import plugins
from edgebench.errors import UsageError
from edgebench.workloads.perturbations import ABOUT, build, chain
from tests.workloads.perturbations.messages import SPECS, item, items


@pytest.mark.parametrize(
    "spec",
    [*SPECS, {"code-mix": {"rate": 1}}, {"dialect": None}, {"keyboard-typos": {"rate": 0.10, "layout": "azerty"}}],
    ids=str,
)
def test_it_is_called_what_the_plan_calls_it(spec):
    """The name of the object is the one a plan's cells have, worked out without building it; each has its sentence."""
    made = build(spec)
    assert made.name == plugins.part_name("perturbations", spec)
    assert made.about == ABOUT[made.name.partition("(")[0]] and made.about.endswith(".")


def test_every_perturbation_on_the_shelf_has_its_sentence():
    """The names of the table and of the sentences are the same ones."""
    assert set(ABOUT) == set(plugins.TABLE["perturbations"])


def test_names_show_what_matters():
    """The first parameter by its value, others where they are not the default."""
    specs = ("keyboard-typos", "lower-case", {"code-mix": {"into": "hi"}}, "truncated", {"pasted": {"kind": "forward"}})
    assert [build(spec).name for spec in specs] == [
        "keyboard-typos(0.05)",
        "lower-case",
        "code-mix(0.6, into=hi)",
        "truncated(0.7)",
        "pasted(forward)",
    ]


def test_a_chain_is_its_parts_in_order():
    """Each works on what the one before it left; the name, the kind and the sentence come from all of them."""
    both = chain(["dictation", {"pasted": {"kind": "signature"}}])
    assert both.name == "dictation(0.06) + pasted(signature)" and both.test_type == "INV"
    one = items("en")[4]
    assert both(one, 3) == build({"pasted": {"kind": "signature"}})(build("dictation")(one, 3), 3)
    assert both(one, 3).form_of == one.digest
    assert both.about == f"{ABOUT['dictation']} {ABOUT['pasted']}" and "en" in both.languages
    assert chain(["lower-case", "truncated"]).test_type == "MFT"


def test_order_matters():
    """Capitals that come after small letters stay."""
    text = item("Please CALL me", "en")
    assert chain(["lower-case", {"pasted": {"kind": "signature"}}])(text, 1).text.startswith("please call me\n\n")
    there = chain([{"pasted": {"kind": "signature"}}, "lower-case"])(text, 1).text
    assert there == there.lower()


def test_one_alone_is_itself():
    """A chain of one is that one."""
    assert chain(["lower-case"]).name == "lower-case"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"a": {}, "b": {}}, "one name with its options, not 2"),
        ({}, "one name with its options, not 0"),
        ("keybord-typos", "no perturbation is called 'keybord-typos'"),
        ({"truncated": 0.5}, "the options of truncated are names with values"),
    ],
)
def test_what_is_no_perturbation_is_refused(spec, message):
    """A sentence and a hint, not a TypeError."""
    with pytest.raises(UsageError, match=message) as caught:
        build(spec)
    assert caught.value.hint


def test_a_chain_of_none_is_refused():
    """There must be something to do."""
    with pytest.raises(UsageError, match="no perturbation is named"):
        chain([])
