"""ONNX models as classifiers: real embeddings, any sequence classifier, and one sentence for what cannot be run."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebench.errors import TargetError, UsageError
from edgebench.records import Chunk, Completion, Example, ModelCard, Parts, Request, Source, TargetSpec, Task
from edgebench.targets import embedding, onnx
from edgebench.targets.engine import Stop, checked
from edgebench.targets.onnx_file import opset
from tests.targets import onnx_made

pytest.importorskip("onnxruntime")

WORDS = {"[UNK]": 0, "low": 1, "high": 9}
LABELS = ("money back", "lost password", "late parcel")


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """A tokenizer of three words."""
    file = tmp_path / "tokenizer.json"
    model = {"type": "WordLevel", "vocab": WORDS, "unk_token": "[UNK]"}
    content = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "model": model}
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def engine(files: dict[str, Path], *, stop: Stop | None = None, card: ModelCard | None = None, **options: Any) -> Any:
    """The engine in this process: what isolation does to it is tested elsewhere."""
    spec = TargetSpec("onnxruntime", options=options)
    _, parts = checked(onnx.Options, Parts("t", spec, {role: str(file) for role, file in files.items()}, card))
    made = onnx.OnnxClassifier(parts, stop or Stop())
    made.load()
    return made


def ask(made: onnx.OnnxClassifier, text: str, choices: tuple[str, ...] = ()) -> tuple[str, Completion]:
    (chunk,) = made.answer(Request((), text, output="choice", choices=choices))
    assert chunk.completion is not None
    return chunk.text, chunk.completion


@pytest.fixture
def minilm(model_files: dict[str, Path]) -> Callable[..., Any]:
    files = {"model": model_files["minilm"], "tokenizer": model_files["minilm_tokenizer"]}
    return lambda **options: engine(files, **options)


@pytest.mark.models
def test_minilm_finds_the_label_by_meaning(minilm: Callable[..., Any]) -> None:
    """Zero-shot over descriptions; scores for every label, tokens counted by the engine, phases timed."""
    made = minilm()
    descriptions = {"late parcel": "The delivery has not arrived yet"}
    made.prepare(Task("choice", choices=LABELS, descriptions=descriptions))
    answer, end = ask(made, "my package is still not here", LABELS)
    assert answer == "late parcel"
    assert set(end.scores) == set(LABELS)
    ranked = sorted(end.scores.values(), reverse=True)
    assert end.confidence == pytest.approx(ranked[0] - ranked[1])
    assert (end.confidence_method, end.finish_reason) == ("margin", "stop")
    assert end.usage is not None
    assert (end.usage.input_tokens, end.usage.output_tokens) == (8, None)
    assert set(end.phases) == {"tokenise", "prefill", "labels"}


@pytest.mark.models
def test_examples_teach_a_label_its_name_does_not_tell(minilm: Callable[..., Any]) -> None:
    """Few-shot: labels without meaning are found by the centroids of their examples."""
    made = minilm()
    examples = (Example("I forgot my password", "x7"), Example("please refund me", "x8"))
    made.prepare(Task("choice", choices=("x7", "x8"), examples=examples))
    assert ask(made, "cannot log in, wrong password", ("x7", "x8"))[0] == "x7"
    assert ask(made, "I want my money back", ("x7", "x8"))[0] == "x8"


@pytest.mark.models
def test_padding_does_not_change_an_embedding(minilm: Callable[..., Any]) -> None:
    """Preparing in batches and answering one by one put a text at the same place."""
    made = minilm()
    alone = made._embed(["hello there"])[0]
    beside = made._embed(["hello there", "a much longer text " * 8])[0]
    cosine = float(embedding.normalise(alone[None])[0] @ embedding.normalise(beside[None])[0])
    assert cosine > 0.98  # int8 kernels choose their scale over the whole batch


@pytest.mark.models
def test_choices_of_one_item_are_prepared_when_they_come(minilm: Callable[..., Any]) -> None:
    """An item with choices of its own is answered from those."""
    made = minilm()
    made.prepare(Task("choice", choices=LABELS))
    assert ask(made, "what a lovely dog", ("about a cat", "about a dog"))[0] == "about a dog"


@pytest.mark.models
def test_long_texts_are_cut_and_unknown_requests_refused(minilm: Callable[..., Any]) -> None:
    """The length limit holds; without any choices there is nothing to classify into."""
    made = minilm(length=16)
    assert ask(made, "word " * 5000, LABELS)[1].usage.input_tokens == 16  # type: ignore[union-attr]
    with pytest.raises(TargetError, match="needs choices") as caught:
        ask(made, "hello")
    assert caught.value.kind == "bad_request"


@pytest.mark.models
def test_identity_says_what_runs_and_how(minilm: Callable[..., Any], model_files: dict[str, Path]) -> None:
    """Engine version, providers in force, opset, threads; bits per weight when the parameters are known."""
    card = ModelCard("minilm", "M", "onnxruntime", {"model": Source("m")}, parameters=22_713_216, quantisation="int8")
    identity = minilm(threads=1, card=card).identity()
    assert (identity.engine, identity.model, identity.quantisation) == ("onnxruntime", "minilm", "int8")
    assert identity.details["providers"] == ["CPUExecutionProvider"]
    assert identity.details["threads"] == 1
    assert identity.details["opset"] == opset(model_files["minilm"]) is not None
    assert identity.bits_per_weight == pytest.approx(8.08, abs=0.01)


def test_a_sequence_classifier_answers_with_its_labels(tmp_path: Path, tokenizer: Path) -> None:
    """Logits by the names in config.json, in the order of their ids."""
    (tmp_path / "m.onnx").write_bytes(onnx_made.classifier([-1.0, 0.0, 1.0]))
    config = tmp_path / "config.json"
    config.write_text('{"id2label": {"0": "bad", "10": "good", "2": "so-so"}}', encoding="utf-8")
    made = engine({"model": tmp_path / "m.onnx", "tokenizer": tokenizer, "config": config})
    made.prepare(Task("choice", choices=("good", "bad", "so-so")))
    answer, end = ask(made, "high low")
    logits = np.array([-5.0, 0.0, 5.0])
    expected = np.exp(logits) / np.exp(logits).sum()
    assert answer == "good"
    assert [end.scores[label] for label in ("bad", "so-so", "good")] == pytest.approx(expected)
    assert opset(tmp_path / "m.onnx") == 13


def test_a_classifier_without_names_takes_the_tasks_choices_in_order(tmp_path: Path, tokenizer: Path) -> None:
    """When their number fits; otherwise one sentence says what to name."""
    (tmp_path / "m.onnx").write_bytes(onnx_made.classifier([1.0, 2.0]))
    made = engine({"model": tmp_path / "m.onnx", "tokenizer": tokenizer})
    made.prepare(Task("choice", choices=("a", "b")))
    assert ask(made, "high", ("a", "b"))[0] == "b"
    with pytest.raises(TargetError, match=r"2 outputs and the task 3 labels; name them in options\.labels"):
        made.prepare(Task("choice", choices=("a", "b", "c")))


def test_labels_that_do_not_fit_the_outputs_are_refused(tmp_path: Path, tokenizer: Path) -> None:
    """Three names for two outputs cannot be right."""
    (tmp_path / "m.onnx").write_bytes(onnx_made.classifier([1.0, 2.0]))
    with pytest.raises(TargetError, match="3 labels are named and the model has 2 outputs"):
        engine({"model": tmp_path / "m.onnx", "tokenizer": tokenizer}, labels=("a", "b", "c"))


def test_a_model_with_other_inputs_is_refused_by_their_names(tmp_path: Path, tokenizer: Path) -> None:
    """One sentence names what the model wants."""
    (tmp_path / "m.onnx").write_bytes(onnx_made.pixels())
    with pytest.raises(TargetError, match="wants the inputs pixel_values; a text classifier has input_ids") as caught:
        engine({"model": tmp_path / "m.onnx", "tokenizer": tokenizer})
    assert (caught.value.kind, caught.value.fatal) == ("load_failed", True)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"model": b"not a model", "tokenizer": None}, "cannot load model"),
        ({"model": None, "tokenizer": b"{}"}, "tokenizer is no tokenizer"),
        ({"tokenizer": None}, "no model file was given"),
        ({"model": None}, "no tokenizer file was given"),
    ],
)
def test_files_that_are_missing_or_something_else(
    tmp_path: Path, tokenizer: Path, files: dict[str, bytes | None], said: str
) -> None:
    """Each is one sentence and load_failed."""
    good = {"model": onnx_made.classifier([1.0]), "tokenizer": tokenizer.read_bytes()}
    for role, content in files.items():
        (tmp_path / role).write_bytes(good[role] if content is None else content)
    with pytest.raises(TargetError, match=said) as caught:
        engine({role: tmp_path / role for role in files})
    assert caught.value.kind == "load_failed"
    assert "\n" not in caught.value.message


def test_a_provider_this_build_lacks_is_named(tmp_path: Path, tokenizer: Path) -> None:
    """Nothing falls back to another provider silently."""
    (tmp_path / "m.onnx").write_bytes(onnx_made.classifier([1.0]))
    with pytest.raises(TargetError, match=r"has no NoSuchProvider; it has .*CPUExecutionProvider"):
        engine({"model": tmp_path / "m.onnx", "tokenizer": tokenizer}, providers=("NoSuchProvider",))


@pytest.mark.models
def test_inputs_the_model_does_not_declare_are_not_fed(tmp_path: Path, tokenizer: Path) -> None:
    """A model of input_ids alone runs."""
    (tmp_path / "m.onnx").write_bytes(onnx_made.classifier([1.0, -1.0]))
    made = engine({"model": tmp_path / "m.onnx", "tokenizer": tokenizer}, head="classification", labels=("a", "b"))
    assert ask(made, "high")[0] == "a"


def test_an_unknown_option_is_a_usage_error_that_names_the_known_ones() -> None:
    """A card's or a plan's slip is caught before any process starts."""
    with pytest.raises(UsageError, match=r"options\.thread") as caught:
        onnx.target(Parts("t", TargetSpec("onnxruntime", options={"thread": 2})))
    assert "threads" in str(caught.value.hint)
    with pytest.raises(UsageError, match=r"options\.threads"):
        onnx.target(Parts("t", TargetSpec("onnxruntime", options={"threads": "many"})))


@pytest.mark.models
async def test_banking77_zero_shot_is_near_its_known_accuracy(model_files: dict[str, Path], data_dir: Path) -> None:
    """MiniLM over the 77 label names is right in about 0.64 of a uniform sample of the test set (here 150 items)."""
    import csv
    import random

    with (data_dir / "banking77" / "test.csv").open(encoding="utf-8", newline="") as opened:
        cases = list(csv.DictReader(opened))
    labels = tuple(sorted({row["category"] for row in cases}))
    files = {"model": str(model_files["minilm"]), "tokenizer": str(model_files["minilm_tokenizer"])}
    sample = random.Random(1).sample(cases, 150)
    right = 0
    async with onnx.target(Parts("minilm", TargetSpec("onnxruntime"), files)) as target:
        await target.prepare(Task("choice", choices=labels))
        for row in sample:
            async with aclosing(target.answer(Request((), row["text"], "choice", labels))) as stream:  # type: ignore[type-var]
                chunks: list[Chunk] = [chunk async for chunk in stream]
            right += chunks[-1].text == row["category"]
    assert 0.53 < right / len(sample) < 0.75  # 0.64 ± 2.8 standard errors
