"""Loading: a file and a few words of a plan become items, a task and their provenance; or one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebench.errors import DataError, UsageError
from edgebench.records import Columns, ExamplesSpec, Message, ScorerSpec, Seeds, Workload, WorkloadSpec
from edgebench.workloads import load

REF = Columns(reference="reference")


class Desk:
    """A folder to write files into and to load from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def csv(self, *rows: str, name: str = "data.csv") -> None:
        (self.folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")

    def jsonl(self, *rows: object, name: str = "data.jsonl") -> None:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (self.folder / name).write_text(text, encoding="utf-8")

    def load(self, file: str = "data.csv", **spec) -> Workload:
        return load(WorkloadSpec(file=file, **spec), folder=self.folder, seeds=Seeds())

    def refusal(self, file: str = "data.csv", **spec) -> DataError:
        with pytest.raises(DataError) as caught:
            self.load(file, **spec)
        return caught.value


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def labelled(desk: Desk, n: int = 40, name: str = "data.csv") -> None:
    desk.csv("input,reference", *(f"message {k},{('refund', 'late_parcel')[k % 4 == 0]}" for k in range(n)), name=name)


def test_a_plain_file_becomes_a_labelled_workload(desk):
    """Columns called input and reference are enough: labels, scorer and words come by themselves."""
    labelled(desk)
    job = desk.load()
    assert (job.name, len(job.items), job.task.output) == ("data", 40, "choice")
    assert job.task.choices == ("late_parcel", "refund")
    assert job.task.descriptions == {"late_parcel": "late parcel", "refund": "refund"}
    assert job.scorers == (ScorerSpec("label"),)
    assert (job.items[0].id, job.items[0].reference) == ("row-2", "late_parcel")
    assert job.source["population"] == 40 and job.source["file"] == "data.csv" and job.source["subset"] is None
    assert str(desk.folder) not in json.dumps(job.source)


def test_columns_paths_tags_stakes_and_clusters(desk):
    """Dotted paths reach into objects; an object under tags becomes one tag a key."""
    row = {"q": {"text": "hi"}, "a": ["x", "y"], "meta": {"lang": "de", "n": 3}, "who": 7, "bad": 4, "key": "k1"}
    desk.jsonl(row)
    wanted = Columns("q.text", "a.1", tags=("meta", "meta.lang"), cluster="who", stakes="bad", id="key")
    item = desk.load("data.jsonl", columns=wanted, output="text").items[0]
    assert (item.id, item.input, item.reference, item.cluster, item.stakes) == ("k1", "hi", "y", "7", 4)
    assert item.tags == {"lang": "de", "n": "3", "meta.lang": "de"}


def test_a_chat_is_a_list_of_messages_in_json_and_in_a_cell(desk):
    """Messages become turns, also from a CSV cell; a text that only looks like a chat stays a text."""
    chat = [{"role": "system", "content": "Be kind"}, {"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    desk.jsonl({"input": chat}, {"input": "[{not a chat"})
    turns = (Message("system", "Be kind"), Message("user", "hi"))
    assert [item.input for item in desk.load("data.jsonl").items] == [turns, "[{not a chat"]
    cell = json.dumps(chat).replace('"', '""')
    desk.csv("input", f'"{cell}"', '"[{""role"": ""user"", ""content"": ""\\ud800""}]"')
    first, second = desk.load().items
    assert first.input == turns and first.text == "hi" and isinstance(second.input, str)


@pytest.mark.parametrize(
    ("chat", "words"),
    [
        ([{"role": "tool", "content": "x"}], "message 1"),
        ([{"role": "user", "content": " "}], "says nothing"),
        ([{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}], "ends with the answer"),
        ([], "says nothing"),
        ({"text": "x"}, "is an object"),
    ],
)
def test_broken_chats_are_refused_with_their_row(desk, chat, words):
    """A chat nobody could answer names its row."""
    desk.jsonl({"input": "fine"}, {"input": chat})
    error = desk.refusal("data.jsonl")
    assert "row 2" in str(error) and words in str(error)


def test_missing_and_misnamed_things(desk):
    """A file, column, tag or built-in job that is not there is named with the nearest one."""
    labelled(desk)
    assert "data.csv" in desk.refusal("dta.csv").hint
    error = desk.refusal(columns=Columns(input="inptu"))
    assert "'input', 'reference'" in str(error) and "did you mean 'input'" in error.hint
    assert "did you mean 'reference'" in desk.refusal(columns=Columns(reference="Reference")).hint
    assert "refrence" in str(desk.refusal(items=3, stratify="refrence"))
    for spec in (WorkloadSpec(), WorkloadSpec(builtin="x", file="y.csv"), WorkloadSpec(builtin="support-triag")):
        with pytest.raises(DataError):
            load(spec, folder=desk.folder, seeds=Seeds())


def test_empty_files_and_blank_inputs(desk):
    """Nothing to measure is said; a blank input names its row."""
    desk.csv("input,reference")
    assert "only a header" in str(desk.refusal())
    desk.csv("")
    assert "no rows" in str(desk.refusal())
    desk.csv("input,reference", "hi,a", ",b")
    assert "row 3" in str(desk.refusal())


@pytest.mark.parametrize("stakes", ["0", "5", "high", "2.5"])
def test_stakes_are_one_to_four(desk, stakes):
    """Any other stakes are refused with the row; blank ones are none."""
    desk.csv("input,s", "a,", f"b,{stakes}")
    assert "row 3" in str(desk.refusal(columns=Columns(stakes="s")))


def test_labels_given_are_all_there_is(desk):
    """A reference outside the labels is named with its row and the nearest label."""
    desk.csv("input,reference", "a,refund", "b,refnd", "c,login")
    error = desk.refusal(labels={"refund": "", "late parcel": "it is late"})
    assert "row 3 'refnd' (nearest: 'refund')" in str(error) and "row 4 'login'" in str(error)
    job = desk.load(labels={"refund": "", "refnd": "x y", "login": "z"})
    assert job.task.choices == ("refund", "refnd", "login")
    assert job.task.descriptions == {"refund": "refund", "refnd": "x y", "login": "z"}


def test_labels_are_those_of_the_whole_file(desk):
    """A small subset does not shrink the label set."""
    labelled(desk)
    job = desk.load(items=2, stratify="none")
    assert len(job.items) == 2 and job.task.choices == ("late_parcel", "refund")


def test_the_subset_is_stratified_and_its_digest_kept(desk):
    """`items: 20` of 40 keeps the shares; a shuffled file gives the same digest."""
    labelled(desk)
    job = desk.load(items=20)
    assert sum(item.reference == "late_parcel" for item in job.items) == 5
    assert job.source["subset"]["stratify"] == "reference" and job.source["subset"]["strata"] == 2
    rows = (desk.folder / "data.csv").read_text(encoding="utf-8").splitlines()
    desk.csv(rows[0], *reversed(rows[1:]), name="other.csv")
    assert desk.load("other.csv", items=20).digest == job.digest != desk.load().digest
    assert len(desk.load(items=400).items) == 40
    assert "items: 0" in str(desk.refusal(items=0))


def test_the_subset_can_be_stratified_by_a_tag(desk):
    """A tag's name keeps its shares."""
    desk.csv("input,lang", *(f"m{k},{'de' if k % 5 else 'fr'}" for k in range(50)))
    job = desk.load(items=10, stratify="lang", columns=Columns(tags=("lang",)))
    assert sum(item.tags["lang"] == "fr" for item in job.items) == 2


@pytest.mark.parametrize(
    ("references", "output", "scorer"),
    [
        (["a", "b", "a", "b"], "choice", "label"),
        (["a", "b", "c", "a"], "text", "text"),
        (["18", "1,450", "$3.50", "12%"], "number", "number"),
        ([1, 2.5, 1, 2.5], "number", "number"),
        (["so 2+2\n#### 4", "x\n#### 5"], "number", "number"),
        ([{"a": 1}, {"a": 2}], "json", "json-fields"),
        (['{"a": 1}', '{"a": 2}'], "json", "json-fields"),
        ([True, False, True, False], "choice", "label"),
        ([None, None], "text", "text"),
    ],
)
def test_the_kind_of_answer_is_seen_in_the_references(desk, references, output, scorer):
    """The documented rule, case by case."""
    desk.jsonl(*({"input": f"q{k}", "reference": value} for k, value in enumerate(references)))
    job = desk.load("data.jsonl", columns=REF)
    assert (job.task.output, job.scorers) == (output, (ScorerSpec(scorer),))


def test_what_the_plan_says_goes_first(desk):
    """Output, words, room, name and scorers of the plan are taken as they are."""
    labelled(desk)
    job = desk.load(
        output="text",
        instruction="Say it.",
        max_tokens=7,
        name="mine",
        scorers=("text", {"contains": {"require": "any"}}),
    )
    assert (job.name, job.task.output, job.task.instruction, job.task.max_tokens) == ("mine", "text", "Say it.", 7)
    assert job.scorers == (ScorerSpec("text"), ScorerSpec("contains", {"require": "any"}))


@pytest.mark.parametrize(
    ("scorers", "words"),
    [
        (("lable",), "lable"),
        (({"label": {"ignore_cas": True}},), "ignore_cas"),
        (({"number": {"absolute": "much"}},), "absolute"),
        (({"number": {"absolute": -1}},), "tolerance"),
        (({"regex": {"pattern": "("}},), "regular expression"),
        (("label", "label"), "twice"),
        ((), "empty"),
        (({"a": {}, "b": {}},), "one name"),
    ],
)
def test_wrong_scorers_are_found_before_anything_is_measured(desk, scorers, words):
    """A scorer's name and options are checked when the workload is loaded."""
    labelled(desk)
    with pytest.raises(UsageError, match=words) as caught:
        desk.load(scorers=scorers)
    assert caught.value.hint


def test_patterns_among_the_references_are_compiled(desk):
    """A broken pattern in the data names its row."""
    desk.csv("input,reference", "a,x+", "b,(", "c,y")
    assert "row 3" in str(desk.refusal(output="text", scorers=("regex",)))


def test_duplicates_are_refused_dropped_or_kept(desk):
    """Rows that say the same twice, by words or by id, with their numbers."""
    desk.csv("input,reference,id", "hi,a,1", "ho,b,2", "hi ,a,3", "hu,b,2")
    columns = Columns(reference="reference", id="id")
    error = desk.refusal(columns=columns)
    assert "row 4 and row 2" in str(error) and "row 5 and row 3" in str(error) and "drop" in error.hint
    dropped = desk.load(columns=columns, duplicates="drop")
    assert [item.id for item in dropped.items] == ["1", "2"] and dropped.source["duplicates_dropped"] == 2
    kept = desk.load(columns=columns, duplicates="keep").items
    assert [item.id for item in kept] == ["1", "2", "3", "2 (row 5)"]
    assert kept[0].cluster == kept[2].cluster is not None and kept[1].cluster is None


def test_the_same_question_with_two_answers_is_refused(desk):
    """Nobody but the owner knows which one is right, so dropping one is no answer."""
    desk.csv("input,reference", "hi,a", "ho,b", "hi,b")
    for how in ("refuse", "drop"):
        assert "row 4 and row 2" in str(desk.refusal(duplicates=how))
    assert len(desk.load(duplicates="keep").items) == 3


def test_measured_rows_are_never_examples(desk):
    """The same file can be the pool: what is measured is left out of it, and that is said."""
    labelled(desk)
    job = desk.load(items=10, examples=ExamplesSpec("data.csv"))
    assert len(job.pool) == 30 and not {e.input for e in job.pool} & {item.text for item in job.items}
    assert job.source["examples"]["dropped_as_measured"] == 10
    assert job.source["examples"]["sha256"] == job.source["sha256"]


def test_examples_need_only_question_and_answer(desk):
    """Tags and stakes of the workload are not asked of the examples; their labels count, their references must be."""
    desk.csv("input,reference,s", "a,x,1", "b,y,2")
    desk.csv("input,reference", "c,z", "d,x", name="shots.csv")
    job = desk.load(
        columns=Columns(reference="reference", stakes="s"), output="choice", examples=ExamplesSpec("shots.csv")
    )
    assert job.task.choices == ("x", "y", "z") and len(job.pool) == 2
    desk.csv("input,reference", "c,", name="shots.csv")
    assert "shots.csv: row 2" in str(desk.refusal(examples=ExamplesSpec("shots.csv")))


def test_choices_of_every_row_become_letters(desk):
    """Different choices: references are letters, whatever they were written as."""
    desk.csv("input,a,b,c,reference", "q1,red,blue,green,B", "q2,one,two,three,C")
    job = desk.load(columns=Columns(reference="reference", choices="a|b|c"))
    assert job.task.output == "choice" and job.task.choices == () and job.scorers == (ScorerSpec("choice-letter"),)
    assert [item.reference for item in job.items] == ["B", "C"]
    assert job.items[0].choices == ("red", "blue", "green")


@pytest.mark.parametrize(
    ("references", "letters"),
    [([0, 2], ["A", "C"]), (["1", "3"], ["A", "C"]), (["b1", "c2"], ["B", "C"]), (["a", "b"], ["A", "B"])],
)
def test_right_choices_by_index_words_or_letter(desk, references, letters):
    """Indices count from 0, or from 1 when 0 never comes and the last number does."""
    desk.jsonl(
        {"input": "q1", "choices": ["a1", "b1", "c1"], "reference": references[0]},
        {"input": "q2", "choices": "a2|b2|c2", "reference": references[1]},
    )
    job = desk.load("data.jsonl", columns=Columns(reference="reference", choices="choices"))
    assert [item.reference for item in job.items] == letters


def test_the_same_choices_in_every_row_are_labels(desk):
    """yes | no | maybe in every row is a label set, and the references become its words."""
    rows = [{"input": f"q{k}", "choices": ["yes", "no", "maybe"], "reference": "AB"[k % 2]} for k in range(4)]
    desk.jsonl(*rows)
    job = desk.load("data.jsonl", columns=Columns(reference="reference", choices="choices"))
    assert job.task.choices == ("yes", "no", "maybe") and job.scorers == (ScorerSpec("label"),)
    assert [item.reference for item in job.items] == ["yes", "no", "yes", "no"] and job.items[0].choices == ()


@pytest.mark.parametrize("choices", ["one", "a||b", "a|a", "|".join(map(str, range(27)))])
def test_impossible_choices_are_refused(desk, choices):
    """One choice, a blank one, the same twice, more than the alphabet: named with the row."""
    desk.csv("input,choices,reference", "q,a|b,A", f"r,{choices},A")
    assert "row 3" in str(desk.refusal(columns=Columns(reference="reference", choices="choices")))


@pytest.mark.parametrize(
    ("output", "reference", "words"),
    [("number", "many", "is not a number"), ("json", "{x", "is not JSON"), ("json", "[1]", "is not a JSON object")],
)
def test_references_must_fit_the_output(desk, output, reference, words):
    """A reference of another kind than the output names its row."""
    desk.jsonl({"input": "a", "reference": reference})
    error = desk.refusal("data.jsonl", output=output)
    assert "row 1" in str(error) and words in str(error)


def test_one_label_is_no_choice(desk):
    """A choice needs two labels."""
    desk.csv("input,reference", "a,x", "b,x")
    assert "two labels" in str(desk.refusal())


def test_code_keeps_its_indentation(desk):
    """Inputs and free-text references are kept to the last space."""
    desk.jsonl({"input": "def f():\n", "reference": "    return 1\n"})
    item = desk.load("data.jsonl").items[0]
    assert (item.input, item.reference) == ("def f():\n", "    return 1\n")


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)
FIELDS = ["input", "reference", "choices", "tags", "cluster", "stakes", "id"]


@settings(
    max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(st.fixed_dictionaries({"input": JSON}, optional=dict.fromkeys(FIELDS[1:], JSON)), max_size=4),
    mapped=st.sets(st.sampled_from(FIELDS[1:])),
    output=st.sampled_from([None, "choice", "text", "number", "json"]),
    how=st.sampled_from(["refuse", "drop", "keep"]),
)
def test_any_rows_are_a_workload_or_a_usage_error(tmp_path_factory, rows, mapped, output, how):
    """No JSON makes loading fall over, and what is loaded can be hashed."""
    desk = Desk(tmp_path_factory.getbasetemp())
    desk.jsonl(*rows)
    columns = Columns(**{name: (name,) if name == "tags" else name for name in mapped})
    try:
        job = desk.load("data.jsonl", columns=columns, output=output, duplicates=how, items=2)
    except UsageError as exc:
        assert str(exc)
    else:
        assert len(job.digest) == 64 and 0 < len(job.items) <= 2
