"""llama.cpp in a worker: real answers, likelihoods that are what they say, and a sentence for every bad file."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Timer
from typing import Any

import numpy as np
import psutil
import pytest

from edgebench.errors import TargetError
from edgebench.records import Chunk, Completion, Message, ModelCard, Parts, Request, Source, TargetSpec, Task
from edgebench.targets import llama_cpp
from edgebench.targets.engine import Stop, checked
from edgebench.targets.llama_binding import Slot

pytest.importorskip("llama_cpp")
pytestmark = pytest.mark.models

LABELS = ("refund", "refund status", "shipping")
CHOICE = Request(
    messages=(
        Message("system", "Pick one label: refund, refund status, shipping."),
        Message("user", "I want my money back"),
    ),
    text="I want my money back",
    output="choice",
    choices=LABELS,
)
STORY = Request(messages=(Message("user", "Tell a story about the sea."),), text="x", max_tokens=12)


def parts(file: Path, *, card: ModelCard | None = None, **options: Any) -> Parts:
    # one thread: tests share the machine, and threads that wait for each other suffer most
    spec = TargetSpec("llama.cpp", options={"threads": 1, "n_ctx": 512, **options})
    return checked(llama_cpp.Options, Parts("smol", spec, {"model": str(file)}, card, {"model": "ab"}, device="here"))[
        1
    ]


class Engines:
    """Engines in this process, each loaded once: what isolation does to them is tested elsewhere."""

    def __init__(self, file: Path) -> None:
        self._file, self._made = file, dict[str, llama_cpp.LlamaCpp]()
        self.stops = dict[str, Stop]()

    def __call__(self, **options: Any) -> llama_cpp.LlamaCpp:
        key = json.dumps(options, sort_keys=True)
        if key not in self._made:
            self.stops[key] = Stop()
            self._made[key] = llama_cpp.LlamaCpp(parts(self._file, **options), self.stops[key])
            self._made[key].load()
        return self._made[key]

    def stop(self, **options: Any) -> Stop:
        return self.stops[json.dumps(options, sort_keys=True)]


@pytest.fixture(scope="module")
def engines(model_files: dict[str, Path]) -> Iterator[Engines]:
    yield Engines(model_files["smollm2"])


def ask(engine: llama_cpp.LlamaCpp, request: Request) -> tuple[str, Completion, list[Chunk]]:
    chunks = list(engine.answer(request))
    end = chunks[-1].completion
    assert end is not None
    return "".join(chunk.text for chunk in chunks), end, chunks


# ------------------------------------------------------------------------------------------------------------- choices


def one_by_one(engine: llama_cpp.LlamaCpp, request: Request) -> list[float]:
    """log p(label, end | prompt), the long way: each label alone, token by token, in the first sequence."""
    binding = engine._binding
    prompt = engine._prompt(request.messages)
    out = []
    for choice in request.choices:
        binding.forget()
        binding.evaluate(prompt, 0)
        total = 0.0
        for place, token in enumerate(engine._tokens(choice)):
            row = binding.logits().astype(np.float64)
            total += row[token] - np.logaddexp.reduce(row)
            binding.step(token, len(prompt) + place)
        row = binding.logits().astype(np.float64)
        out.append(total + float(np.logaddexp.reduce(row[engine._ends]) - np.logaddexp.reduce(row)))
    return out


def test_a_labels_likelihood_is_that_of_its_forced_continuation(engines: Engines) -> None:
    """The tree in many sequences at once gives what each label alone gives, and what the scores are made of."""
    engine = engines(normalise="sum")
    answer, end, chunks = ask(engine, CHOICE)
    expected = one_by_one(engine, CHOICE)
    weights = np.exp(np.array(expected) - np.logaddexp.reduce(expected))
    assert [end.scores[label] for label in LABELS] == pytest.approx(weights, rel=0.05)
    assert answer == LABELS[int(np.argmax(expected))]
    assert end.confidence == pytest.approx(max(weights), rel=0.05)
    assert end.confidence_method == "label-likelihood"
    assert len(chunks) == 1
    assert set(end.phases) == {"tokenise", "prefill", "labels"}


def test_the_prior_takes_off_what_a_label_has_without_the_case(engines: Engines) -> None:
    """Scores of a request whose case has no words are equal: nothing speaks for any label."""
    engine = engines()
    wordless = replace(CHOICE, text="", messages=(CHOICE.messages[0], Message("user", "")))
    _, end, _ = ask(engine, wordless)
    assert list(end.scores.values()) == pytest.approx([1 / 3] * 3, rel=0.02)
    answer, end, _ = ask(engine, CHOICE)
    assert answer in LABELS
    assert end.confidence == max(end.scores.values()) > 0.34


def test_seventy_seven_labels_are_scored_in_groups(engines: Engines) -> None:
    """More labels than sequences: every one has its score, and the order of asking does not matter."""
    engine = engines(normalise="mean")
    choices = tuple(f"card {word} number {k}" for k, word in enumerate(["lost", "arrival", "fee"] * 26))[:77]
    _, end, _ = ask(engine, replace(CHOICE, choices=choices))
    _, turned, _ = ask(engine, replace(CHOICE, choices=choices[::-1]))
    assert math.fsum(end.scores.values()) == pytest.approx(1)
    assert [end.scores[choice] for choice in choices] == pytest.approx(
        [turned.scores[choice] for choice in choices], rel=0.05
    )


def test_a_grammar_lets_only_labels_through_and_streams_them(engines: Engines) -> None:
    """Labels with quotes, line ends and letters beyond ASCII come out whole, token by token."""
    engine = engines(constrain="grammar")
    choices = ('say "no"\\', "zurück\nschicken", "🌊 sea")
    for chosen in (LABELS, choices, choices[1:2], choices[2:]):
        answer, end, chunks = ask(engine, replace(CHOICE, choices=chosen, max_tokens=24))
        assert answer in chosen
        assert len(chunks) > 1
        assert (end.finish_reason, end.confidence_method) == ("stop", "last-position")
        assert 0 < (end.confidence or 0) <= 1


def test_the_prior_forgets_what_the_model_itself_said_of_the_case(engines: Engines) -> None:
    """Asked in several steps, the frame is the turns without the case's words and all that was said of it since.

    Were its own reasoning left in, taking the prior off would take the reasoning off; were the case not found, every
    label would come out alike.
    """
    case = (Message("system", "Pick one."), Message("user", "refund 3"), Message("assistant", "refund"))
    asked = (*CHOICE.messages, Message("assistant", "Money is asked for."), Message("user", "Now the label."))
    request = replace(CHOICE, messages=(*case, *asked[1:]))
    frame = llama_cpp.without_case(request)
    assert frame == (*case, Message("user", ""), Message("assistant", ""), asked[-1])
    other = replace(
        CHOICE, text="Where?", messages=(*case, Message("user", "Where?"), Message("assistant", "x"), asked[-1])
    )
    assert llama_cpp.without_case(other) == frame
    scores = engines()._likelihoods(*_after(engines(), request))
    assert scores != engines()._likelihoods(*_after(engines(), replace(request, messages=frame)))
    _, end, _ = ask(engines(), request)
    assert len({round(score, 6) for score in end.scores.values()}) == len(LABELS)


def _after(engine: llama_cpp.LlamaCpp, request: Request) -> tuple[llama_cpp.Labels, int]:
    tokens = engine._prompt(request.messages)
    engine._evaluate_prompt(tokens)
    return engine._label_tokens(LABELS), len(tokens)


def test_unconstrained_choices_are_what_the_model_says(engines: Engines) -> None:
    """`none` leaves the model free, so that it can be seen to miss the labels."""
    answer, _, _ = ask(engines(constrain="none"), replace(CHOICE, max_tokens=12))
    assert answer.strip() not in LABELS


# -------------------------------------------------------------------------------------------------------------- text


def test_tokens_are_stamped_counted_and_timed(engines: Engines) -> None:
    """One chunk a token, none stamped before the one it follows; phases account for the time."""
    started = time.monotonic_ns()
    answer, end, chunks = ask(engines(constrain="none"), STORY)
    spoken = [chunk for chunk in chunks if chunk.text]
    assert sum(chunk.tokens or 0 for chunk in chunks) == end.usage.output_tokens == 12  # type: ignore[union-attr]
    assert len(spoken) >= 10
    assert all(a.at_ns < b.at_ns for a, b in pairwise(spoken))
    assert (end.finish_reason, end.usage.cached_tokens) == ("length", 0)  # type: ignore[union-attr]
    assert set(end.phases) == {"tokenise", "prefill", "decode"}
    assert sum(end.phases.values()) <= time.monotonic_ns() - started
    assert answer.strip()


def test_the_confidence_is_the_mean_probability_of_what_was_said(engines: Engines) -> None:
    """exp of the mean log-probability, recomputed from a second pass over the same tokens."""
    engine = engines(constrain="none")
    answer, end, _ = ask(engine, STORY)
    prompt = engine._prompt(STORY.messages)
    said = engine._tokens(answer)
    assert len(said) == 12
    slots = [Slot(token, place, (0,), place == len(prompt) - 1) for place, token in enumerate(prompt)]
    engine._binding.forget()
    engine._binding.decode(slots)
    total = 0.0
    for place, token in enumerate(said):
        row = engine._binding.logits().astype(np.float64)
        total += row[token] - np.logaddexp.reduce(row)
        engine._binding.step(token, len(prompt) + place)
    assert end.confidence == pytest.approx(math.exp(total / len(said)), rel=0.05)
    assert end.confidence_method == "last-position"
    assert type(end.confidence) is float


def test_json_follows_its_schema(engines: Engines) -> None:
    """Constrained by the schema, keys in the order given; a schema that asks for another file is refused."""
    engine = engines(constrain="none")
    schema = {
        "type": "object",
        "properties": {"year": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
        "required": ["year", "kind"],
    }
    request = replace(STORY, output="json", schema=schema, max_tokens=60)
    engine.prepare(Task("json", schema=schema))
    made = json.loads(ask(engine, request)[0])
    assert list(made) == ["year", "kind"]
    assert isinstance(made["year"], int)
    assert made["kind"] in ("a", "b")
    with pytest.raises(TargetError, match="cannot follow this JSON schema") as caught:
        engine.prepare(Task("json", schema={"$ref": "https://example.invalid/schema.json"}))
    assert caught.value.kind == "bad_request"


def test_letters_of_many_bytes_come_whole(engines: Engines) -> None:
    """A character of several tokens is one piece of text: no chunk holds half of it."""
    engine = engines(constrain="grammar")
    wanted = "🌊🦜𝔘ж"
    answer, _, chunks = ask(engine, replace(CHOICE, choices=(wanted,), max_tokens=40))
    assert answer == wanted
    assert not any("\ufffd" in chunk.text for chunk in chunks)


def test_sampling_follows_its_seed(engines: Engines) -> None:
    """The same seed says the same, another one something else; the request's settings win over the target's."""
    engine = engines(constrain="none")
    hot = replace(STORY, temperature=1.5, seed=5)
    first, again, other = (ask(engine, request)[0] for request in (hot, hot, replace(hot, seed=6)))
    assert first == again != other


def test_a_warm_cache_saves_work_and_changes_no_answer(engines: Engines) -> None:
    """Cold forgets everything; warm says how many tokens it did not evaluate again."""
    cold, warm = engines(constrain="none"), engines(constrain="none", prompt_cache="warm")
    longer = replace(STORY, messages=(Message("user", "Tell a story about the sea. Make it long."),))
    _, first, _ = ask(warm, STORY)
    same, second, _ = ask(warm, STORY)
    _, third, _ = ask(warm, longer)
    usages = [first.usage, second.usage, third.usage]
    counts = [(usage.input_tokens, usage.cached_tokens) for usage in usages if usage is not None]
    assert counts[0][1] == 0
    assert counts[1][1] == counts[0][0] - 1  # type: ignore[operator]
    assert 20 < counts[2][1] < counts[2][0]  # type: ignore[operator]
    assert same == ask(cold, STORY)[0]
    assert ask(cold, STORY)[1].usage.cached_tokens == 0  # type: ignore[union-attr]


def test_a_warm_prefill_is_a_small_part_of_a_cold_one(engines: Engines) -> None:
    """The same long prompt again: nearly all of it is cached and said so, and reading it takes next to no time."""
    words = " ".join(f"wave {k} came to the shore" for k in range(10))
    long = replace(STORY, messages=(Message("user", f"Tell a story. {words}"),), max_tokens=2)
    spent: dict[str, int] = {}
    shares: dict[str, float] = {}
    for cache in ("cold", "warm"):
        engine = engines(constrain="none", prompt_cache=cache)
        ask(engine, long)
        _, end, _ = ask(engine, long)
        spent[cache], usage = end.phases["prefill"], end.usage
        assert usage is not None and usage.input_tokens is not None and usage.cached_tokens is not None
        assert usage.input_tokens > 80
        shares[cache] = usage.cached_tokens / usage.input_tokens
    assert shares["cold"] == 0.0 and shares["warm"] > 0.9
    assert 5 * spent["warm"] < spent["cold"]


def test_a_prompt_longer_than_the_context_is_refused_before_it_is_evaluated(engines: Engines) -> None:
    """At once, with both figures, and the next request is answered; labels must fit too."""
    engine = engines(constrain="none")
    started = time.monotonic()
    with pytest.raises(TargetError, match="and the context holds 512") as caught:
        ask(engine, replace(STORY, messages=(Message("user", "sea " * 3000),)))
    assert (caught.value.kind, caught.value.fatal) == ("context_overflow", False)
    assert time.monotonic() - started < 2
    assert ask(engine, STORY)[0]


def test_generation_ends_where_the_context_does(engines: Engines) -> None:
    """An answer stops at the last free place, as `length`."""
    engine = engines(constrain="none")
    count = len(engine._prompt(STORY.messages))
    words = "sea " * (512 - count - 5)
    request = replace(STORY, messages=(Message("user", "Tell a story about the sea." + words),), max_tokens=100)
    _, end, _ = ask(engine, request)
    assert end.usage is not None
    assert end.usage.input_tokens + end.usage.output_tokens <= 512  # type: ignore[operator]


def test_stopping_breaks_off_inside_the_prompt(engines: Engines) -> None:
    """The flag is seen by llama.cpp between graph nodes: no waiting for the prompt's end."""
    engine = engines(constrain="none")
    stop = engines.stop(constrain="none")
    request = replace(STORY, messages=(Message("user", "sea " * 450),))
    started = time.monotonic()
    list(engine.answer(replace(request, max_tokens=1)))
    whole = time.monotonic() - started
    timer = Timer(0.05, stop.set)
    timer.start()
    started = time.monotonic()
    with pytest.raises(TargetError) as caught:
        ask(engine, request)
    assert caught.value.kind == "timeout"
    assert time.monotonic() - started < max(whole / 2, 0.3)
    timer.join()
    stop.clear()
    assert ask(engine, STORY)[0]


# ------------------------------------------------------------------------------------------------------------ loading


def test_identity_tells_the_build_the_weights_and_the_settings(engines: Engines, model_files: dict[str, Path]) -> None:
    """Bits per weight come from the tensors, the quantisation from the file, options as they are in force."""
    identity = engines(constrain="none").identity()
    assert (identity.engine, identity.quantisation, identity.sha256) == ("llama.cpp", "Q4_1", "ab")
    assert identity.bits_per_weight == pytest.approx(5.744, abs=0.01)
    assert identity.file_bytes == model_files["smollm2"].stat().st_size
    assert identity.details["chat_template"] == "file"
    assert identity.details["prompt_cache"] == "cold"
    assert (identity.details["n_ctx"], identity.details["n_ctx_train"], identity.details["threads"]) == (512, 8192, 1)
    assert "CPU" in identity.details["build"]


def test_a_cards_template_comes_before_the_files(model_files: dict[str, Path]) -> None:
    """And a card can say that there is to be none."""
    card = ModelCard("c", "C", "llama.cpp", {"model": Source("m")}, chat_template="{{ messages[0].content }}!")
    engine = llama_cpp.LlamaCpp(parts(model_files["smollm2"], card=card), Stop())
    engine.load()
    assert engine.identity().details["chat_template"] == "card"
    assert engine._prompt((Message("user", "hi"),)) == engine._tokens("hi!")


def test_a_base_model_completes_plain_text_and_stops_before_the_next_case(model_files: dict[str, Path]) -> None:
    """Raw completion: no template, few-shot as text, and nothing of a case it makes up itself."""
    card = ModelCard("c", "C", "llama.cpp", {"model": Source("m")}, raw_completion=True)
    engine = llama_cpp.LlamaCpp(parts(model_files["smollm2"], card=card, constrain="none"), Stop())
    engine.load()
    shown = [("I love it", "positive"), ("I hate it", "negative"), ("It is great", "positive"), ("Awful", "negative")]
    turns = [Message(role, words) for pair in shown for role, words in zip(("user", "assistant"), pair, strict=True)]  # type: ignore[arg-type]
    request = replace(STORY, messages=(*turns, Message("user", "It is lovely")), max_tokens=40)
    answer, end, _ = ask(engine, request)
    assert answer == "positive"
    assert end.finish_reason == "stop"
    assert engine.identity().details["chat_template"] == "none: plain text"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04 an archive", r"model\.gguf is not a GGUF file"),
        (b"", r"model\.gguf is not a GGUF file"),
        (b"GGUF\x03\x00\x00\x00 and then nothing", r"cannot load model\.gguf"),
    ],
    ids=["other", "empty", "header only"],
)
def test_what_is_no_gguf_is_load_failed(tmp_path: Path, content: bytes, said: str) -> None:
    """One sentence with the file's name."""
    (tmp_path / "model.gguf").write_bytes(content)
    with pytest.raises(TargetError, match=said) as caught:
        llama_cpp.LlamaCpp(parts(tmp_path / "model.gguf"), Stop()).load()
    assert (caught.value.kind, caught.value.fatal) == ("load_failed", True)
    assert "\n" not in caught.value.message


async def test_a_truncated_gguf_leaves_a_sentence_and_no_process(tmp_path: Path, model_files: dict[str, Path]) -> None:
    """Half a download: refused by the loader inside the worker, told by the parent."""
    file = tmp_path / "half.gguf"
    shutil.copyfile(model_files["smollm2"], file)
    with file.open("rb+") as opened:
        opened.truncate(60_000_000)
    target = llama_cpp.target(Parts("half", TargetSpec("llama.cpp"), {"model": str(file)}))
    with pytest.raises(TargetError, match=r"llama\.cpp cannot load half\.gguf: .+") as caught:
        async with target:
            pass
    assert (caught.value.kind, caught.value.fatal) == ("load_failed", True)
    assert target.pids() == ()


def test_a_file_that_is_not_there_is_load_failed(tmp_path: Path) -> None:
    """Named, with the system's reason."""
    with pytest.raises(TargetError, match=r"gone\.gguf cannot be read: No such file"):
        llama_cpp.LlamaCpp(parts(tmp_path / "gone.gguf"), Stop()).load()


async def test_the_same_answer_comes_through_the_pipe(model_files: dict[str, Path], engines: Engines) -> None:
    """Isolation changes no text; received stamps follow the engine's by less than a moment."""
    target = llama_cpp.target(
        Parts(
            "s", TargetSpec("llama.cpp", options={"threads": 1, "n_ctx": 512}), {"model": str(model_files["smollm2"])}
        )
    )
    async with target:
        async with aclosing(target.answer(STORY)) as stream:  # type: ignore[type-var]
            chunks = [chunk async for chunk in stream]
        assert target.load_ns() is not None
        before, after = target.resident_before_load(), psutil.Process(target.pids()[0]).memory_info().rss
        assert before is not None and after - before > 50 * 2**20
    assert "".join(chunk.text for chunk in chunks) == ask(engines(constrain="none"), STORY)[0]
    assert all(0 <= (chunk.received_ns or 0) - chunk.at_ns < 10**9 for chunk in chunks)
