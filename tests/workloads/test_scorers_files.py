"""Files that scorers name: rubrics, taxonomies and Python, read once, refused with their place, stored whole."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench.errors import DataError, UsageError
from edgebench.records import Item, Judgement, ScorerSpec, Task, canonical
from edgebench.workloads import permission, scorers, sheets
from edgebench.workloads.scorers import kinds
from edgebench.workloads.sheets import Misfit

TASK = Task("choice", choices=("refund", "dispute", "other"))
ITEM = Item("i", "q", "dispute", tags={"language": "es"})
WRONG = Judgement(0.0, "refund")


def write(folder: Path, text: str, name: str = "x.yaml") -> ScorerSpec:
    (folder / name).write_text(text, encoding="utf-8")
    return ScorerSpec("rubric", {"file": name})


# --------------------------------------------------------------------------------------------------- rubrics

RUBRIC = """\
name: tickets
criteria:
  - name: matter
    weight: 0.75
    levels: {0: none, 1: all}
    rule: {covers: matter}
  - name: form
    weight: 0.25
    rule:
      sentences: 2
"""


def test_a_rubric_file_becomes_the_options(tmp_path):
    """All of it, so that the stored run stands alone; found in the first folder that has it."""
    inside = tmp_path / "inside"
    inside.mkdir()
    spec = write(inside, RUBRIC)
    found = scorers.inlined(spec, [tmp_path, inside])
    assert "file" not in found.options and found.options["name"] == "tickets"
    stored = ScorerSpec(found.name, json.loads(json.dumps(canonical(found.options), sort_keys=True)))
    assert scorers.build(stored).version == scorers.build(found).version
    assert scorers.inlined(found, [tmp_path]) == found
    assert scorers.rubric_of("x.yaml", [inside]).criteria[0].levels == ("none", "all")


def test_a_file_without_a_name_is_called_like_the_file(tmp_path):
    """The stem stands in."""
    spec = write(tmp_path, RUBRIC.replace("name: tickets\n", ""), "mine.yaml")
    assert scorers.inlined(ScorerSpec("rubric", {"file": "mine.yaml"}), [tmp_path]).options["name"] == "mine"
    assert spec.options["file"] == "mine.yaml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("weight: 0.25", "weight: 0.2", "x.yaml:3:3: criteria: the weights sum to 0.95, not to 1"),
        ("weight: 0.25", "weight: no", "x.yaml:8:13: criteria[1].weight: a weight is a number"),
        ("{0: none, 1: all}", "{1: none, 2: all}", "x.yaml:5:13: criteria[0].levels: not an ordered scale: 1, 2"),
        ("sentences: 2", "sentense: 2", "x.yaml:10:7: criteria[1].rule.sentense: unknown rule 'sentense'"),
        ("criteria:", "criterias:", "x.yaml:2:1: criterias: unknown key 'criterias'"),
        ("name: form", "name: matter", "x.yaml:7:11: criteria[1].name: two criteria are called 'matter'"),
        (
            "    weight: 0.75\n",
            "    weight: 0.75\n    weight: 0.5\n",
            "x.yaml:5:5: criteria[0].weight: this key is given",
        ),
        ("    weight: 0.75\n", "\tweight: 0.75\n", "x.yaml:4:1: not YAML"),
        ("rule: {covers: matter}", "rule: !!python/name:os.system x", "x.yaml:6:11: the tag"),
        ("rule: {covers: matter}", "rule: &a [*a]", "alias that contains itself"),
        ("{covers: matter}", "{? [a] : b}", "a key must be a word"),
        (RUBRIC, "", "x.yaml:1:1: the file is empty"),
        (RUBRIC, "- a\n", "a rubric is a mapping"),
        (RUBRIC, "name: x\n", "x.yaml:1:1: criteria: there are no criteria"),
        (RUBRIC, "[" * 5000, "nested too deeply|not YAML"),
        ("tickets", "a\x07b", "x.yaml:1:8: holds a character YAML forbids"),
    ],
)
def test_a_mistake_in_a_file_is_told_with_line_and_column(tmp_path, old, new, message):
    """Weights, levels, unknown rules, keys given twice, YAML that is none, tags, loops."""
    with pytest.raises(DataError) as caught:
        scorers.inlined(write(tmp_path, RUBRIC.replace(old, new)), [tmp_path])
    assert any(part in str(caught.value) for part in message.split("|"))


def test_files_that_cannot_be_read_are_a_sentence(tmp_path):
    """Not there, not UTF-8, too long, or options beside the file."""
    with pytest.raises(DataError, match="no such file"):
        scorers.inlined(ScorerSpec("rubric", {"file": "nowhere.yaml"}), [tmp_path])
    (tmp_path / "x.yaml").write_bytes(b"name: a\nb: \xff\n")
    with pytest.raises(DataError, match=r"x\.yaml:2:1: is not UTF-8"):
        scorers.inlined(ScorerSpec("rubric", {"file": "x.yaml"}), [tmp_path])
    (tmp_path / "x.yaml").write_bytes(b"#" * (sheets.MOST_BYTES + 1))
    with pytest.raises(DataError, match="bytes long"):
        scorers.inlined(ScorerSpec("rubric", {"file": "x.yaml"}), [tmp_path])
    with pytest.raises(DataError, match="cannot stand beside it"):
        scorers.inlined(ScorerSpec("rubric", {"file": "x.yaml", "name": "y"}), [tmp_path])


def test_aliases_that_grow_without_end_are_stopped(tmp_path):
    """A billion laughs is a sentence."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (tmp_path / "x.yaml").write_text("\n".join(lines))
    with pytest.raises(DataError, match="too many values"):
        sheets.read(tmp_path / "x.yaml")


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    data=st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.text("ab0_- é", max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text("abc", min_size=1, max_size=3), inner)
        ),
        max_leaves=10,
    )
)
def test_what_yaml_writes_is_read_again(tmp_path_factory, data):
    """Plain data come back as they were, each with a place in the file."""
    file = tmp_path_factory.getbasetemp() / "again.yaml"
    file.write_text(yaml.safe_dump({"data": data}, allow_unicode=True), encoding="utf-8")
    sheet = sheets.read(file)
    assert sheet.value == {"data": data} and ("data",) in sheet.places


@settings(max_examples=200, deadline=None, derandomize=True)
@given(raw=st.one_of(st.binary(max_size=60), st.text("ab:-[]{}&*!?|>'\"%@`#\n\t 0", max_size=60).map(str.encode)))
def test_any_bytes_are_a_sheet_or_a_sentence(tmp_path_factory, raw):
    """Never a traceback."""
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(raw)
    try:
        sheets.read(file)
    except DataError as exc:
        assert str(exc).startswith("any.yaml")


# --------------------------------------------------------------------------------------------------- taxonomies

TAXONOMY = """\
name: billing
version: 3
kinds:
  - name: promised money
    stakes: 4
    when:
      regex: "refund(ed)? (today|now)"
      reference: [dispute, chargeback]
  - name: in Spanish
    when: {tag: {language: [es, pt]}, mode: wrong_label}
  - name: long
    when: {longer_than: 100}
  - name: says refund
    when: {answer_label: refund, contains: refund}
  - name: anything else
"""


def read(tmp_path, text=TAXONOMY):
    (tmp_path / "kinds.yaml").write_text(text, encoding="utf-8")
    return scorers.build(scorers.inlined(ScorerSpec("taxonomy", {"file": "kinds.yaml"}), [tmp_path]))


def test_a_wrong_answer_gets_its_first_kind_and_the_others_are_named(tmp_path):
    """All conditions of a kind, any value of one; what matches everything is named only alone."""
    taxonomy = read(tmp_path)

    def sorted_as(answer, item=ITEM, first=WRONG):
        said = taxonomy.sort(item, TASK, answer, first, None)
        return said.label, said.explanation

    plain = Item("i", "q", "other")
    assert sorted_as("Refunded NOW.") == ("promised money", "also: in Spanish, says refund")
    assert sorted_as("refund") == ("in Spanish", "also: says refund")
    assert sorted_as("refund", plain) == ("says refund", None)
    assert sorted_as("word " * 30, plain, Judgement(0.0, "not a label")) == ("long", None)
    assert sorted_as("dispute", plain, Judgement(0.0, "dispute")) == ("anything else", None)


def test_only_wrong_answers_are_sorted(tmp_path):
    """Right ones, those nobody could judge, and those no kind matches have no kind; nor is there ever a value."""
    taxonomy = read(tmp_path)
    assert taxonomy.sort(ITEM, TASK, "dispute", Judgement(1.0, "dispute"), None) == Judgement(None, None, "right")
    assert taxonomy.sort(ITEM, TASK, "dispute", Judgement(None), None) == Judgement(None, None, "not judged")
    narrow = kinds.made({"name": "n", "kinds": [{"name": "long", "when": {"longer_than": 50}}]})
    assert narrow.sort(ITEM, TASK, "refund", WRONG, None) == Judgement(None, None, "matches none")
    assert taxonomy(ITEM, TASK, "refund").value is None


def test_a_taxonomy_travels_and_its_content_is_its_version(tmp_path):
    """Stored as data, built again alike; another condition is another version."""
    taxonomy = read(tmp_path)
    assert taxonomy.name == "taxonomy" and taxonomy.version.startswith("1 billing 3 sha256:")
    assert pickle.loads(pickle.dumps(taxonomy)) == taxonomy  # noqa: S301 - our own bytes
    stored = json.loads(json.dumps(canonical(taxonomy.plain()), sort_keys=True))
    assert scorers.build(ScorerSpec("taxonomy", stored)).version == taxonomy.version
    assert read(tmp_path, TAXONOMY.replace("longer_than: 100", "longer_than: 99")).version != taxonomy.version


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        (
            "contains: refund",
            "contain: refund",
            "kinds.yaml:14:34: kinds[3].when.contain: unknown condition",
            "contains",
        ),
        ("mode: wrong_label", "mode: wrong_lable", "kinds[1].when.mode: no failure mode is called", "wrong_label"),
        ("stakes: 4", "stakes: 5", "kinds.yaml:5:13: kinds[0].stakes: stakes are 1", None),
        ('"refund(ed)? (today|now)"', '"refund("', "kinds.yaml:7:14: kinds[0].when.regex: 'refund('", None),
        ("longer_than: 100", "longer_than: much", "kinds[2].when.longer_than: longer_than is a whole number", None),
        ("tag: {language: [es, pt]}", "tag: es", "kinds[1].when.tag: tag maps", None),
        ("contains: refund", "contains: ''", "is a text or a list of texts", None),
        ("name: long", "name: in Spanish", "kinds[2].name: two kinds are called", None),
        ("    when: {longer_than: 100}\n", "", "kinds.yaml:11:5: kinds[2]: 'long' matches everything", "last"),
        ("version: 3", "verison: 3", "kinds.yaml:2:1: verison: unknown key", "version"),
        ("name: billing", "name: ''", "a taxonomy needs a name", None),
    ],
)
def test_a_taxonomy_that_cannot_be_is_refused_with_its_place(tmp_path, old, new, message, hint):
    """Unknown conditions and modes with the nearest, bad patterns, kinds that could never match."""
    with pytest.raises(DataError) as caught:
        read(tmp_path, TAXONOMY.replace(old, new, 1))
    assert message in str(caught.value) and (hint is None or hint in str(caught.value.hint))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    data=st.recursive(
        st.one_of(st.none(), st.integers(0, 5), st.text("ab(", max_size=3)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from([*kinds.TOP, *kinds.KIND, *kinds.WHEN]), inner, max_size=4),
        ),
        max_leaves=12,
    )
)
def test_any_data_are_a_taxonomy_or_a_sentence(data):
    """A taxonomy, or a Misfit that says where."""
    try:
        made = kinds.made(data)
    except Misfit as exc:
        assert str(exc)
    else:
        assert kinds.made(made.plain()) == made


# --------------------------------------------------------------------------------------------------- Python

CODE = """\
def score(item, task, answer):
    if answer == "boom":
        raise RuntimeError("no \\ud800 luck")
    if answer == "exit":
        raise SystemExit(3)
    if answer == "bad":
        return 2
    if answer == "three":
        return 0.25, "a quarter", "because"
    return answer == item.reference
"""


def coded(tmp_path, source=CODE, allow=True, **options):
    (tmp_path / "mine.py").write_text(source, encoding="utf-8")
    spec = scorers.inlined(ScorerSpec("python", {"file": "mine.py", **options}), [tmp_path])
    with permission.permitted(allow):
        return scorers.build(spec)


def test_code_runs_only_when_allowed(tmp_path):
    """Otherwise one sentence; the flag is the one of the command line."""
    assert scorers.ALLOW_CODE is permission.ALLOWED
    with pytest.raises(UsageError, match="only when you allow it") as caught:
        coded(tmp_path, allow=False)
    assert caught.value.hint == "add --allow-code"


def test_a_function_of_ones_own_judges(tmp_path):
    """True and false, a number with label and words; no reference, no judgement, unless it needs none."""
    scorer = coded(tmp_path)
    assert scorer(ITEM, TASK, "dispute").value == 1.0 and scorer(ITEM, TASK, "refund").value == 0.0
    assert scorer(ITEM, TASK, "three") == Judgement(0.25, "a quarter", "because")
    assert scorer(Item("i", "q"), TASK, "x").value is None
    assert coded(tmp_path, needs_reference=False)(Item("i", "q"), TASK, "x").value == 0.0
    assert pickle.loads(pickle.dumps(scorer))(ITEM, TASK, "dispute").value == 1.0  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("answer", "words"),
    [("boom", "RuntimeError: no ? luck"), ("exit", "SystemExit: 3"), ("bad", "ValueError: it returned 2.0")],
)
def test_what_goes_wrong_in_it_is_told_and_no_record_is_lost(tmp_path, answer, words):
    """An error, an exit, a value that is none: no value, and the reason in words that can be stored."""
    judgement = coded(tmp_path)(ITEM, TASK, answer)
    assert (judgement.value, judgement.label) == (None, "scorer failed")
    assert str(judgement.explanation).startswith(words)
    str(judgement.explanation).encode()


def test_a_file_that_fails_when_it_is_loaded_is_told_too(tmp_path):
    """An import that does not exist is a failed judgement, not a crash."""
    judgement = coded(tmp_path, "import nothing_of_that_name\n" + CODE)(ITEM, TASK, "x")
    assert judgement.label == "scorer failed" and "ModuleNotFoundError" in str(judgement.explanation)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def score(:\n", r"mine.py:1:\d+: not Python"),
        ("def scores(item, task, answer): return 1\n", "mine.py: defines no function 'score'"),
        ("", "defines no function"),
        ("x = '\x00'", "not Python"),
    ],
)
def test_a_file_without_the_function_is_refused_before_anything_runs(tmp_path, source, message):
    """Not Python, or no such function in it (with the nearest)."""
    with pytest.raises(DataError, match=message):
        coded(tmp_path, source)


def test_the_files_content_is_part_of_the_version(tmp_path):
    """By its SHA-256, with the function's name and the version given."""
    one, two = coded(tmp_path), coded(tmp_path, CODE + "\n", version=7)
    assert one.version.startswith("1 score 1 sha256:") and two.version.startswith("1 score 7 sha256:")
    assert one.version.rpartition(":")[2] != two.version.rpartition(":")[2]
    with permission.permitted(True), pytest.raises(UsageError, match="has not been read"):
        scorers.build(ScorerSpec("python", {"file": "mine.py"}))
