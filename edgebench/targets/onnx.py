"""An ONNX model in ONNX Runtime as a classifier, in a process of its own.

Token embeddings (3-D output) are pooled and sentence embeddings (2-D) taken as they are; both go to the head in
``embedding.py``. A sequence classifier's 2-D output is one number a label. Texts go in as the user wrote them:
the instruction is for models that read one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgebench.contracts import Target
from edgebench.errors import TargetError
from edgebench.plugins import need
from edgebench.records import FORBID_EXTRA, Chunk, Completion, Example, Identity, Parts, Request, Task, Usage
from edgebench.targets import embedding
from edgebench.targets.embedding import Head, Verdict
from edgebench.targets.engine import Stop, checked, plain
from edgebench.targets.onnx_file import opset

KNOWN_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
LEVELS = {
    "none": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
BATCH = 16  # texts embedded together while preparing


@dataclass(frozen=True, slots=True)
class Options:
    """How an ONNX model is run."""

    __pydantic_config__ = FORBID_EXTRA
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    threads: int | None = None  # None: as ONNX Runtime chooses, one for each physical core
    optimisation: Literal["none", "basic", "extended", "all"] = "all"
    head: Literal["auto", "embedding", "classification"] = "auto"  # auto: by the shape of the output
    length: int = 256  # texts are cut after so many tokens
    pooling: Literal["mean", "cls"] = "mean"
    query_prefix: str = ""  # some models want "query: " before what is asked
    label_prefix: str = ""  # and "passage: " before what it is compared with
    temperature: float = 0.05  # of the softmax over cosines
    labels: tuple[str, ...] = ()  # of a classifier, in the order of its outputs
    output: str | None = None  # name of the output to read; None: the first
    memory_check: bool = True
    load_timeout_s: float = 300.0


class OnnxClassifier:
    """The engine: lives in the worker."""

    def __init__(self, parts: Parts, stop: Stop) -> None:
        self._parts, self._stop = parts, stop
        self._options = plain(Options, parts)
        self._heads: dict[tuple[str, ...], Head] = {}
        self._descriptions: Mapping[str, str] = {}
        self._examples: tuple[Example, ...] = ()
        self._choices: tuple[str, ...] = ()

    # --------------------------------------------------------------------------------------------------------- loading

    def load(self) -> None:
        self._runtime: Any = need("onnxruntime")
        self._runtime.set_default_logger_severity(4)  # what matters comes as an exception
        self._load_tokenizer(self._file("tokenizer"))
        self._load_session(self._file("model"))
        self._check_inputs()
        self._choose_head()

    def _file(self, role: str) -> Path:
        given = self._parts.files.get(role)
        if given is None:
            raise self._unloadable(f"no {role} file was given")
        if not Path(given).is_file():
            raise self._unloadable(f"{Path(given).name} cannot be read: no such file")
        return Path(given)

    def _load_tokenizer(self, file: Path) -> None:
        tokenizers = need("tokenizers")
        try:
            self._tokenizer = tokenizers.Tokenizer.from_file(str(file))
        except Exception as exc:  # the tokenizers package raises it bare
            raise self._unloadable(f"{file.name} is no tokenizer: {exc}") from exc
        self._tokenizer.enable_truncation(self._options.length)
        self._tokenizer.no_padding()

    def _load_session(self, file: Path) -> None:
        options = self._runtime.SessionOptions()
        options.graph_optimization_level = getattr(
            self._runtime.GraphOptimizationLevel, LEVELS[self._options.optimisation]
        )
        options.intra_op_num_threads = self._options.threads or 0
        options.inter_op_num_threads = 1
        # threads that spin between requests would heat the machine and slow whoever else is measured
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        missing = set(self._options.providers) - set(self._runtime.get_available_providers())
        if missing:
            have = ", ".join(self._runtime.get_available_providers())
            raise self._unloadable(f"this ONNX Runtime has no {', '.join(sorted(missing))}; it has {have}")
        try:
            self._session = self._runtime.InferenceSession(
                str(file), sess_options=options, providers=list(self._options.providers)
            )
        except Exception as exc:  # ONNX Runtime's share no public root
            raise self._unloadable(f"ONNX Runtime cannot load {file.name}: {_first_line(exc)}") from exc

    def _check_inputs(self) -> None:
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        strange = [name for name in self._inputs if name not in KNOWN_INPUTS]
        if strange or "input_ids" not in self._inputs:
            wants = ", ".join(self._inputs)
            raise self._unloadable(
                f"the model wants the inputs {wants}; a text classifier has input_ids and at most "
                "attention_mask and token_type_ids beside"
            )
        self._types = {entry.name: _numpy_type(entry.type) for entry in self._session.get_inputs()}

    def _choose_head(self) -> None:
        outputs = {entry.name: entry for entry in self._session.get_outputs()}
        name = self._options.output or next(iter(outputs))
        if name not in outputs:
            raise self._unloadable(f"the model has no output {name!r}; it has {', '.join(outputs)}")
        self._output, shape = name, outputs[name].shape
        if len(shape) not in (2, 3):
            raise self._unloadable(f"the output {name} has {len(shape)} dimensions; 2 or 3 can be read")
        self._width = shape[-1] if isinstance(shape[-1], int) else None
        self._labels = self._options.labels or self._labels_of_config()
        kind = self._options.head
        if kind == "auto":
            known = len(shape) == 2 and (bool(self._labels) or "logit" in name.lower())
            kind = "classification" if known else "embedding"
        if kind == "classification" and len(shape) != 2:
            raise self._unloadable(f"the output {name} has 3 dimensions: embeddings of tokens, not one number a label")
        if kind == "classification" and self._labels and self._width not in (None, len(self._labels)):
            raise self._unloadable(f"{len(self._labels)} labels are named and the model has {self._width} outputs")
        self._classifies, self._pools = kind == "classification", len(shape) == 3

    def _labels_of_config(self) -> tuple[str, ...]:
        """Labels by the ``id2label`` of a config.json beside the model."""
        given = self._parts.files.get("config")
        if given is None:
            return ()
        try:
            names = json.loads(Path(given).read_text(encoding="utf-8")).get("id2label") or {}
            return tuple(str(names[key]) for key in sorted(names, key=int))
        except (OSError, ValueError, AttributeError) as exc:
            raise self._unloadable(f"{Path(given).name} cannot be read as a model's configuration: {exc}") from exc

    def _unloadable(self, why: str) -> TargetError:
        return TargetError("load_failed", f"{self._parts.name}: {why}", fatal=True)

    # ------------------------------------------------------------------------------------------------------- preparing

    def prepare(self, task: Task) -> None:
        self._heads.clear()
        self._descriptions, self._examples, self._choices = task.descriptions, task.examples, task.choices
        if self._classifies:
            self._check_labels(task.choices)
        elif task.choices:
            self._head(task.choices)

    def _check_labels(self, choices: tuple[str, ...]) -> None:
        if not self._labels and len(choices) != (self._width or len(choices)):
            raise self._unloadable(
                f"the model has {self._width} outputs and the task {len(choices)} labels; name them in options.labels"
            )

    def _head(self, choices: tuple[str, ...]) -> Head:
        """The head for these labels; made once, for the task's before the clock starts."""
        found = self._heads.get(choices)
        if found is None:
            options = self._options
            words = [options.label_prefix + embedding.wording(label, self._descriptions) for label in choices]
            shown = {
                label: self._embed([options.query_prefix + text for text in texts])
                for label, texts in embedding.by_label(self._examples).items()
                if label in choices
            }
            found = self._heads[choices] = embedding.head(choices, self._embed(words), shown)
        return found

    def _embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._tokens(text) for text in texts]
        batches = [self._infer(rows[start : start + BATCH]) for start in range(0, len(rows), BATCH)]
        joined: NDArray[np.float32] = np.concatenate(batches)
        return joined

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of length 1, shape (n, d), in the order of the texts.

        Raises
        ------
        TargetError: the model is a classifier of labels and embeds nothing.
        """
        if self._classifies:
            raise self._unloadable("it is a classifier of labels and embeds nothing")
        if not texts:
            return np.zeros((0, 0), np.float32)
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found = self._embed([self._options.query_prefix + texts[place] for place in order])
        out = np.empty_like(found)
        out[order] = embedding.normalise(found)
        return out

    # ------------------------------------------------------------------------------------------------------- one answer

    def answer(self, request: Request) -> Iterator[Chunk]:
        started = time.monotonic_ns()
        choices = request.choices or self._choices
        if not choices and not self._labels:
            raise TargetError("bad_request", "a classifier needs choices, and this request has none")
        ids = self._tokens(self._options.query_prefix + request.text)
        tokenised = time.monotonic_ns()
        values = self._infer([ids])[0]
        inferred = time.monotonic_ns()
        self._stop.check()
        found = (
            self._classify(values, choices)
            if self._classifies
            else self._head(choices)(values, temperature=self._options.temperature)
        )
        known = time.monotonic_ns()
        completion = Completion(
            usage=Usage(len(ids), None, 0),
            finish_reason="stop",
            end_ns=known,
            # one pass over the text is all there is: no decode; "labels" is the head on top of it
            phases={"tokenise": tokenised - started, "prefill": inferred - tokenised, "labels": known - inferred},
            confidence=found.confidence,
            confidence_method="margin",
            scores=found.scores,
            stamp="engine",
        )
        yield Chunk(found.label, at_ns=known, completion=completion)

    def _classify(self, logits: NDArray[np.float32], choices: tuple[str, ...]) -> Verdict:
        labels = self._labels or choices
        if len(labels) != len(logits):
            raise TargetError("bad_request", f"the model has {len(logits)} outputs for {len(labels)} labels")
        return embedding.verdict(labels, logits)

    def _tokens(self, text: str) -> list[int]:
        # half a surrogate has no UTF-8 form, and the tokenizer takes nothing else
        encoded = self._tokenizer.encode(text.encode("utf-8", "replace").decode("utf-8"))
        return list(encoded.ids)

    def _infer(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Token ids to embeddings (n, d) or logits (n, k)."""
        longest = max(1, *(len(row) for row in rows)) if rows else 1
        ids = np.zeros((len(rows), longest), np.int64)
        mask = np.zeros_like(ids)
        for n, row in enumerate(rows):
            ids[n, : len(row)], mask[n, : len(row)] = row, 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        typed = {name: feeds[name].astype(self._types[name], copy=False) for name in self._inputs}
        try:
            (found,) = self._session.run([self._output], typed)
        except Exception as exc:
            raise TargetError("bad_request", f"ONNX Runtime could not run the model: {_first_line(exc)}") from exc
        found = np.asarray(found, np.float32)
        return embedding.pool(found, mask, self._options.pooling) if self._pools else found

    # --------------------------------------------------------------------------------------------------------- about it

    def identity(self) -> Identity:
        card, file = self._parts.card, self._file("model")
        size = file.stat().st_size
        return Identity(
            name=self._parts.name,
            kind=self._parts.spec.kind,
            placement=self._parts.spec.placement or "device",
            model=self._parts.spec.model or (card.name if card else file.stem),
            device=self._parts.device,
            engine="onnxruntime",
            engine_version=self._runtime.__version__,
            quantisation=card.quantisation if card else None,
            bits_per_weight=round(8 * size / card.parameters, 3) if card and card.parameters else None,
            quantised_from=card.quantised_from if card else None,
            file_bytes=size,
            sha256=self._parts.sha256.get("model"),
            details={
                **asdict(replace(self._options, head="classification" if self._classifies else "embedding")),
                "providers": self._session.get_providers(),
                "opset": opset(file),
                "output": self._output,
                "tokenizers": need("tokenizers").__version__,
                "tokenizer_sha256": self._parts.sha256.get("tokenizer"),
            },
        )


def embedder(parts: Parts) -> Callable[[Sequence[str]], NDArray[np.float32]]:
    """An embedding model in this very process: texts to vectors of length 1, shape (n, d), in their order.

    For work beside measuring, such as grouping a log; nothing is stamped. Texts of like length are embedded together.

    Raises
    ------
    TargetError: the model cannot be loaded, or is a classifier of labels.
    """
    engine = OnnxClassifier(parts, Stop())
    engine.load()
    return engine.vectors


def _numpy_type(name: str) -> str:
    """``tensor(int64)`` → ``int64``."""
    return {"tensor(int32)": "int32", "tensor(int64)": "int64"}.get(name, "int64")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def target(parts: Parts) -> Target:
    from edgebench.targets.isolated import Isolated  # not in the worker: asyncio is no light thing

    options, parts = checked(Options, parts)
    return Isolated(
        parts,
        "edgebench.targets.onnx:OnnxClassifier",
        load_timeout_s=options.load_timeout_s,
        memory_check=options.memory_check,
    )
