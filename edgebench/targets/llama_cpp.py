"""A GGUF model in llama.cpp, through llama-cpp-python, in a process of its own.

The prompt is evaluated, then either text is generated token by token, each stamped when it exists, or — for a
choice — every label's likelihood as a forced continuation is taken and the likeliest is the answer. Confidence
comes from logits of last positions and of labels only, never from ``logits_all``.

Small models favour some labels whatever is asked, so by default a label's likelihood without the case's words is
taken off (``normalise: prior``); that is evaluated with the first request, once for all that share the prompt.
Tried with SmolLM2-135M Q4_1 on 48 items of support-triage, right answers with few-shot(5): prior 14, grammar 12,
mean 10, sum 9; zero-shot: prior 9, the others 4.

``prompt_cache: cold`` (the default) forgets everything before each request; ``warm`` keeps the evaluated prompt
and reuses what the next one shares with it from the start on (``usage.cached_tokens`` says how much).
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgebench.contracts import Target
from edgebench.errors import TargetError
from edgebench.plugins import need
from edgebench.records import FORBID_EXTRA, Chunk, Completion, Identity, Message, Parts, Request, Task, Usage
from edgebench.targets import label_tree, layout
from edgebench.targets.engine import Stop, checked, plain
from edgebench.targets.gbnf import choice_grammar
from edgebench.targets.llama_binding import Binding, Shape, Slot
from edgebench.targets.pieces import Pieces

GROUP_LABELS, GROUP_NODES = 64, 64  # labels and tree nodes evaluated together; 64 rows of logits stay small
KEPT_PRIORS = 8  # prompts around the case, of which there is one unless a prompting varies it
Labels = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Options:
    """How a GGUF model is run."""

    __pydantic_config__ = FORBID_EXTRA
    n_ctx: int = 2048
    threads: int | None = None  # None: one for each usable processor
    batch: int = 512
    temperature: float = 0.0
    top_p: float = 0.95  # only when temperature > 0
    seed: int | None = None  # None: the plan's sampling seed
    max_tokens: int | None = None  # instead of the workload's
    mmap: bool = True
    constrain: Literal["likelihood", "grammar", "none"] = "likelihood"  # how a choice is kept to its labels
    normalise: label_tree.Normalise = "prior"  # label likelihoods: less the label's own, per token, or as they are
    confidence: Literal["auto", "none"] = "auto"  # auto: label likelihood for scored choices, else last position
    prompt_cache: Literal["cold", "warm"] = "cold"
    raw_completion: bool | None = None  # None: as the card says
    memory_check: bool = True
    load_timeout_s: float = 300.0


class LlamaCpp:
    """The engine: lives in the worker."""

    def __init__(self, parts: Parts, stop: Stop) -> None:
        self._parts, self._stop = parts, stop
        self._options = plain(Options, parts)
        self._held: list[int] = []  # the prompt whose state the context holds
        self._labels: dict[tuple[str, ...], Labels] = {}
        self._priors: dict[object, list[float]] = {}
        self._grammars: dict[str, str] = {}

    # --------------------------------------------------------------------------------------------------------- loading

    def load(self) -> None:
        file, options = gguf(self._parts), self._options
        self._threads = options.threads or usable_processors()
        scores = options.constrain == "likelihood"
        shape = Shape(
            n_ctx=options.n_ctx,
            n_batch=min(options.batch, options.n_ctx),
            threads=self._threads,
            threads_batch=self._threads,
            sequences=GROUP_LABELS if scores else 1,
            outputs=GROUP_NODES if scores else 1,
            mmap=options.mmap,
        )
        self._binding = Binding(str(file), shape, self._stop)
        self._metadata = self._binding.metadata()
        self._scores_labels = scores and not self._binding.has_state
        self._ends = self._binding.ends()
        self._choose_layout()

    def _choose_layout(self) -> None:
        card, binding = self._parts.card, self._binding
        from_card, from_file = card.chat_template if card else None, self._metadata.get("tokenizer.chat_template")
        raw = self._options.raw_completion
        if raw is None:
            raw = bool(card and card.raw_completion)
        template = None if raw else from_card or from_file
        self._is_raw = template is None
        if template is None:
            self._template_from = "none: plain text"
            self._ends += [tokens[0] for text in ("\n", "\n\n") if len(tokens := self._tokens(text)) == 1]
        else:
            self._template_from = "card" if from_card else "file"
            self._chat = layout.chat(template, bos=binding.special("bos"), eos=binding.special("eos"))

    def prepare(self, task: Task) -> None:
        if task.output == "choice" and task.choices:
            if self._scores_labels:
                self._label_tokens(task.choices)
        elif task.output == "json":
            self._json_grammar(task.schema)

    def identity(self) -> Identity:
        card, binding = self._parts.card, self._binding
        file = Path(self._parts.files["model"])
        options = replace(self._options, threads=self._threads, raw_completion=self._is_raw)
        return Identity(
            name=self._parts.name,
            kind=self._parts.spec.kind,
            placement=self._parts.spec.placement or "device",
            model=self._parts.spec.model or (card.name if card else file.stem),
            device=self._parts.device,
            engine="llama.cpp",
            engine_version=f"llama-cpp-python {need('llama_cpp').__version__}",
            quantisation=(card.quantisation if card else None) or file_type(self._metadata),
            bits_per_weight=round(8 * binding.weights_bytes / binding.parameters, 3) if binding.parameters else None,
            quantised_from=card.quantised_from if card else None,
            file_bytes=file.stat().st_size,
            sha256=self._parts.sha256.get("model"),
            details={
                **asdict(options),
                "constrain": self._constraint(),
                "chat_template": self._template_from,
                "n_ctx": binding.n_ctx,
                "n_ctx_train": binding.n_ctx_train,
                "parameters": binding.parameters,
                "architecture": self._metadata.get("general.architecture"),
                "build": need("llama_cpp.llama_cpp").llama_print_system_info().decode().strip(" |"),
            },
        )

    def _constraint(self) -> str:
        wanted = self._options.constrain
        return "grammar" if wanted == "likelihood" and not self._scores_labels else wanted

    # ------------------------------------------------------------------------------------------------------- one answer

    def answer(self, request: Request) -> Iterator[Chunk]:
        started = time.monotonic_ns()
        tokens = self._prompt(request.messages)
        tokenised = time.monotonic_ns()
        cached = self._evaluate_prompt(tokens)
        phases = {"tokenise": tokenised - started, "prefill": time.monotonic_ns() - tokenised}
        if request.output == "choice" and request.choices and self._scores_labels:
            return self._score(request, tokens, cached, phases)
        return self._generate(request, tokens, cached, phases)

    def _prompt(self, messages: Sequence[Message]) -> list[int]:
        text = layout.raw(messages) if self._is_raw else self._chat(messages)
        # a chat template writes the special tokens itself; plain text has none
        tokens = self._binding.tokenise(text, add_special=self._is_raw, parse_special=not self._is_raw)
        if not tokens:
            raise TargetError("bad_request", "the prompt is empty")
        if len(tokens) >= self._binding.n_ctx:
            raise TargetError(
                "context_overflow",
                f"the prompt has {len(tokens)} tokens and the context holds {self._binding.n_ctx}",
            )
        return tokens

    def _evaluate_prompt(self, tokens: list[int]) -> int:
        """Bring the context to the end of the prompt; returns how many tokens were there already."""
        cached = 0
        if self._options.prompt_cache == "warm" and not self._binding.has_state:
            # at least the last token runs again: its logits are what comes next
            cached = min(shared_start(self._held, tokens), len(tokens) - 1)
        self._held = []
        self._binding.forget(cached)
        self._binding.evaluate(tokens[cached:], cached)
        self._held = tokens
        return cached

    # -------------------------------------------------------------------------------------------------- scoring labels

    def _score(self, request: Request, tokens: list[int], cached: int, phases: dict[str, int]) -> Iterator[Chunk]:
        prefilled = time.monotonic_ns()
        labels = self._label_tokens(request.choices)
        likelihoods = self._likelihoods(labels, len(tokens))
        if self._options.normalise == "prior":
            prior = self._prior(request, labels)
            likelihoods = [value - base for value, base in zip(likelihoods, prior, strict=True)]
        scores = label_tree.scores(likelihoods, [len(label) + 1 for label in labels], self._options.normalise)
        top = label_tree.best(scores)
        known = time.monotonic_ns()
        completion = Completion(
            usage=Usage(len(tokens), len(labels[top]), cached),
            finish_reason="stop",
            end_ns=known,
            phases={**phases, "labels": known - prefilled},
            confidence=None if self._options.confidence == "none" else scores[top],
            confidence_method=None if self._options.confidence == "none" else "label-likelihood",
            scores=dict(zip(request.choices, scores, strict=True)),
            stamp="engine",
        )
        yield Chunk(request.choices[top], at_ns=known, tokens=len(labels[top]), completion=completion)

    def _likelihoods(self, labels: Labels, position: int) -> list[float]:
        """log p(label, end | prompt) for each label. The context is left at the prompt's end."""
        first = self._log_probabilities(-1)
        totals = [float(first[label[0]]) for label in labels]
        for group in label_tree.groups(labels, sequences=GROUP_LABELS, nodes=GROUP_NODES):
            tree = label_tree.tree([labels[index] for index in group])
            self._check_room(position, len(tree.nodes))
            self._binding.share(len(group))
            slots = [Slot(node.token, position + node.depth, node.labels, True) for node in tree.nodes]
            self._binding.decode(slots)
            for row, node in enumerate(tree.nodes):
                after = self._log_probabilities(row)
                for member in node.labels:
                    totals[group[member]] += self._step(after, tree.labels[member], node.depth)
            self._binding.forget(position)
        return totals

    def _step(self, after: NDArray[np.float32], label: tuple[int, ...], depth: int) -> float:
        """What a label gains at one node: its next token's log-probability, or the end's after its last."""
        if depth + 1 < len(label):
            return float(after[label[depth + 1]])
        return float(np.logaddexp.reduce(after[self._ends]))

    def _check_room(self, position: int, nodes: int) -> None:
        if position + nodes > self._binding.n_ctx:
            raise TargetError(
                "context_overflow",
                f"the prompt has {position} tokens, its labels {nodes}, and the context holds {self._binding.n_ctx}",
            )

    def _prior(self, request: Request, labels: Labels) -> list[float]:
        """The labels' likelihoods when the case has no words; evaluated once while the prompt around it is the same."""
        frame = without_case(request)
        known = self._priors.pop((frame, request.choices), None)
        if known is None:
            tokens = self._prompt(frame)
            self._evaluate_prompt(tokens)
            known = self._likelihoods(labels, len(tokens))
        self._priors[frame, request.choices] = known
        if len(self._priors) > KEPT_PRIORS:
            self._priors.pop(next(iter(self._priors)))  # the one unused for longest
        return known

    def _label_tokens(self, choices: tuple[str, ...]) -> Labels:
        labels = self._labels.get(choices)
        if labels is None:
            labels = tuple(tuple(self._tokens(choice)) for choice in choices)
            for choice, label in zip(choices, labels, strict=True):
                if not 0 < len(label) <= GROUP_NODES:
                    raise TargetError("bad_request", f"the label {choice[:60]!r} has {len(label)} tokens")
            self._labels[choices] = labels
        return labels

    def _tokens(self, text: str) -> list[int]:
        return self._binding.tokenise(text, add_special=False, parse_special=False)

    def _log_probabilities(self, row: int) -> NDArray[np.float32]:
        logits = self._binding.logits(row)
        shifted = logits - logits.max()
        found: NDArray[np.float32] = shifted - math.log(float(np.exp(shifted).sum()))
        return found

    # ------------------------------------------------------------------------------------------------------- generating

    def _generate(self, request: Request, tokens: list[int], cached: int, phases: dict[str, int]) -> Iterator[Chunk]:
        prefilled = time.monotonic_ns()
        binding, position = self._binding, len(tokens)
        limit = min(self._options.max_tokens or request.max_tokens, binding.n_ctx - position)
        pieces, picker = Pieces(layout.RAW_STOPS if self._is_raw else ()), self._picker(request)
        made = waiting = 0
        finish = "length"
        try:
            while made < limit:
                token = picker.pick()
                if token is None:
                    finish = "stop"
                    break
                at, made, waiting = time.monotonic_ns(), made + 1, waiting + 1
                if text := pieces.add(binding.piece(token)):
                    yield Chunk(text, at_ns=at, tokens=waiting)
                    waiting = 0
                if pieces.stopped:
                    finish = "stop"
                    break
                self._stop.check()
                if made < limit:
                    binding.step(token, position)
                    position += 1
        finally:
            picker.close()
        ended = time.monotonic_ns()
        completion = Completion(
            usage=Usage(len(tokens), made, cached),
            finish_reason=finish,
            end_ns=ended,
            phases={**phases, "decode": ended - prefilled},
            confidence=picker.confidence(),
            confidence_method=None if picker.confidence() is None else "last-position",
            stamp="engine",
        )
        yield Chunk(pieces.end(), at_ns=ended, tokens=waiting, completion=completion)

    def _picker(self, request: Request) -> Picker:
        options = self._options
        given = options.temperature if request.temperature is None else request.temperature
        seed = next(seed for seed in (request.seed, options.seed, self._parts.seed) if seed is not None)
        return Picker(
            self._binding,
            temperature=given,
            top_p=options.top_p,
            seed=seed,
            gbnf=self._gbnf(request),
            keep_probabilities=options.confidence == "auto",
        )

    def _gbnf(self, request: Request) -> str | None:
        if request.output == "choice" and request.choices and self._constraint() == "grammar":
            return choice_grammar(request.choices)
        return self._json_grammar(request.schema) if request.output == "json" else None

    def _json_grammar(self, schema: Mapping[str, Any] | None) -> str:
        text = json.dumps(schema or {"type": "object"})  # in the order given: the answer follows it
        if text not in self._grammars:
            try:  # the converter follows no link to another file or host
                self._grammars[text] = need("llama_cpp.llama_grammar").json_schema_to_gbnf(text)
            except (ValueError, KeyError, TypeError, AssertionError, AttributeError, RecursionError) as exc:
                raise TargetError("bad_request", f"llama.cpp cannot follow this JSON schema: {exc}") from exc
        return self._grammars[text]


class Picker:
    """Chooses each next token from the last logits, and keeps how probable it was without any constraint."""

    def __init__(
        self,
        binding: Binding,
        *,
        temperature: float,
        top_p: float,
        seed: int,
        gbnf: str | None,
        keep_probabilities: bool,
    ) -> None:
        self._binding = binding
        self._greedy = temperature <= 0
        self._grammar = binding.grammar(gbnf) if gbnf else None
        self._chain = binding.sampler(temperature=temperature, top_p=top_p, seed=seed)
        self._keeps = keep_probabilities
        self._scratch = np.empty(binding.n_vocab, np.float32)
        self._log_sum, self._count = 0.0, 0

    def pick(self) -> int | None:
        """The next token; None when the model says it has finished."""
        logits = self._binding.logits()
        token = self._choose(logits)
        if token is None or self._binding.is_end(token):
            return None
        if self._grammar is not None:
            self._binding.accept(self._grammar, token)
        if self._keeps:
            self._log_sum += self._log_probability(logits, token)
            self._count += 1
        return token

    def _choose(self, logits: NDArray[np.float32]) -> int | None:
        if self._greedy:
            token = int(logits.argmax())
            # the whole vocabulary goes through the grammar only when the favourite does not pass
            if self._grammar is None or self._binding.allows(self._grammar, token):
                return token
        token = self._binding.sample(self._chain, self._grammar)
        if self._grammar is not None and not self._binding.allows(self._grammar, token):
            return None  # the grammar knows no way on
        return token

    def _log_probability(self, logits: NDArray[np.float32], token: int) -> float:
        top = float(logits.max())
        np.subtract(logits, top, out=self._scratch)
        np.exp(self._scratch, out=self._scratch)
        return float(logits[token]) - top - math.log(float(self._scratch.sum()))

    def confidence(self) -> float | None:
        """exp of the mean log-probability of the tokens made: their geometric mean probability."""
        return math.exp(self._log_sum / self._count) if self._count else None

    def close(self) -> None:
        self._binding.free(self._chain, self._grammar)


def gguf(parts: Parts) -> Path:
    """The model's file, if it is a GGUF at all."""
    given = parts.files.get("model")
    if given is None:
        raise TargetError("load_failed", f"{parts.name}: no model file was given", fatal=True)
    file = Path(given)
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
    except OSError as exc:
        raise TargetError("load_failed", f"{file.name} cannot be read: {exc.strerror}", fatal=True) from exc
    if magic != b"GGUF":
        raise TargetError("load_failed", f"{file.name} is not a GGUF file (it begins with {magic!r})", fatal=True)
    return file


def file_type(metadata: Mapping[str, str]) -> str | None:
    """The quantisation a GGUF says it has ("Q4_1"), by llama.cpp's own list; None when it says nothing."""
    number = metadata.get("general.file_type")
    api: Any = need("llama_cpp.llama_cpp")
    for name, value in vars(api).items():
        if name.startswith("LLAMA_FTYPE_") and str(value) == number:
            return str(name).removeprefix("LLAMA_FTYPE_").removeprefix("MOSTLY_").removeprefix("ALL_")
    return None


def without_case(request: Request) -> tuple[Message, ...]:
    """The messages without the case's own words, and without what the model itself has said of it since.

    The case is the last of the user's messages that begins with its words (or holds them): after it there are only the
    turns of a prompting that asks in several steps.
    """
    messages, text = request.messages, request.text
    users = [place for place, message in enumerate(messages) if message.role == "user"]
    begun = [place for place in users if messages[place].content.startswith(text)]
    held = begun or [place for place in users if text in messages[place].content] or [len(messages) - 1]
    *before, case = messages[: held[-1] + 1]
    since = (Message(one.role, "") if one.role == "assistant" else one for one in messages[held[-1] + 1 :])
    return (*before, Message(case.role, case.content.replace(text, "", 1)), *since)


def shared_start(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two prompts have in common from the start on."""
    return next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def usable_processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def target(parts: Parts) -> Target:
    from edgebench.targets.isolated import Isolated  # not in the worker: asyncio is no light thing

    options, parts = checked(Options, parts)
    return Isolated(
        parts,
        "edgebench.targets.llama_cpp:LlamaCpp",
        load_timeout_s=options.load_timeout_s,
        memory_check=options.memory_check,
    )
