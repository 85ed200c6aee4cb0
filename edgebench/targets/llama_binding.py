"""A thin hold on llama.cpp's C interface through llama-cpp-python: load, tokenise, evaluate, look at the last logits.

Below the ``Llama`` class on purpose: that one allocates a batch × vocabulary array, hides the sequences that
scoring labels needs, and cannot be stopped inside a prompt. ``logits_all`` is never set: only positions asked for
yield logits.
"""

from __future__ import annotations

import ctypes
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebench.errors import TargetError
from edgebench.plugins import need
from edgebench.targets.engine import Stop
from edgebench.targets.llama_extras import without_faulty_buffers

ERROR_LEVEL = 4  # GGML_LOG_LEVEL_ERROR
NO_SLOT, ABORTED = 1, 2  # llama_decode's answers beside 0


@dataclass(frozen=True, slots=True)
class Shape:
    """How the context is made."""

    n_ctx: int
    n_batch: int
    threads: int
    threads_batch: int
    sequences: int = 1  # that may continue one prompt
    outputs: int = 1  # positions of one evaluation whose logits may be wanted
    mmap: bool = True


@dataclass(slots=True)
class Slot:
    """One token of a batch: which, where, in which sequences, and whether its logits are wanted."""

    token: int
    position: int
    sequences: Sequence[int]
    logits: bool


class Binding:
    """A loaded model with its context."""

    def __init__(self, file: str, shape: Shape, stop: Stop) -> None:
        need("llama_cpp")
        self.api: Any = need("llama_cpp.llama_cpp")
        self._log: deque[str] = deque(maxlen=20)
        self._keep_errors()
        self.shape = shape
        self._stop = stop
        self.api.llama_backend_init()
        self._model = self._load_model(file)
        self._vocab = self.api.llama_model_get_vocab(self._model)
        self.n_vocab = int(self.api.llama_vocab_n_tokens(self._vocab))
        self._context = self._load_context(file)
        self._memory = self.api.llama_get_memory(self._context)
        self.n_ctx = int(self.api.llama_n_ctx(self._context))
        self._batch = self.api.llama_batch_init(shape.n_batch, 0, shape.sequences)
        self._buffer = ctypes.create_string_buffer(256)

    # ------------------------------------------------------------------------------------------------------- loading

    def _keep_errors(self) -> None:
        """Only errors matter, and only to say why something failed."""

        def note(level: int, text: bytes, _: object) -> None:
            if level == ERROR_LEVEL:
                self._log.append(text.decode("utf-8", "replace").strip())

        self._note = self.api.llama_log_callback(note)  # kept: C calls it
        self.api.llama_log_set(self._note, None)

    def _load_model(self, file: str) -> Any:
        parameters = without_faulty_buffers(self.api.llama_model_default_params())
        parameters.n_gpu_layers = 0
        if hasattr(parameters, "load_mode"):
            modes = self.api.LLAMA_LOAD_MODE_NONE, self.api.LLAMA_LOAD_MODE_MMAP
            parameters.load_mode = modes[self.shape.mmap]
        else:  # before llama.cpp had load modes
            parameters.use_mmap = self.shape.mmap
        model = self.api.llama_model_load_from_file(file.encode(), parameters)
        if not model:
            raise self._cannot_load(file)
        return model

    def _load_context(self, file: str) -> Any:
        parameters, shape = self.api.llama_context_default_params(), self.shape
        parameters.n_ctx, parameters.n_batch, parameters.n_ubatch = shape.n_ctx, shape.n_batch, min(shape.n_batch, 512)
        parameters.n_threads, parameters.n_threads_batch = shape.threads, shape.threads_batch
        parameters.n_seq_max = shape.sequences
        parameters.no_perf = True
        if hasattr(parameters, "kv_unified"):
            parameters.kv_unified = True  # labels share the prompt's cells instead of each having a part of the context
        if hasattr(parameters, "n_outputs_max"):
            parameters.n_outputs_max = shape.outputs
        libc = ctypes.CDLL(None) if sys.platform != "win32" else ctypes.cdll.msvcrt
        # strlen(stop's memory) says whether to abort: see Stop
        parameters.abort_callback = ctypes.cast(libc.strlen, self.api.ggml_abort_callback)
        parameters.abort_callback_data = self._stop.address
        context = self.api.llama_init_from_model(self._model, parameters)
        if not context:
            raise self._cannot_load(file)
        return context

    def _cannot_load(self, file: str) -> TargetError:
        reason = next((line for line in self._log if line), "no reason given")
        return TargetError("load_failed", f"llama.cpp cannot load {Path(file).name}: {reason}", fatal=True)

    # -------------------------------------------------------------------------------------------------------- about it

    def metadata(self) -> Mapping[str, str]:
        """The GGUF's key-value pairs that are not arrays, as text."""
        found, size = {}, 2**16
        buffer = ctypes.create_string_buffer(size)
        for index in range(self.api.llama_model_meta_count(self._model)):
            self.api.llama_model_meta_key_by_index(self._model, index, buffer, size)
            key = buffer.value.decode("utf-8", "replace")
            needed = self.api.llama_model_meta_val_str_by_index(self._model, index, buffer, size)
            if needed >= size:
                size = needed + 1
                buffer = ctypes.create_string_buffer(size)
                self.api.llama_model_meta_val_str_by_index(self._model, index, buffer, size)
            found[key] = buffer.value.decode("utf-8", "replace")
        return found

    @property
    def weights_bytes(self) -> int:
        return int(self.api.llama_model_size(self._model))

    @property
    def parameters(self) -> int:
        return int(self.api.llama_model_n_params(self._model))

    @property
    def n_ctx_train(self) -> int:
        return int(self.api.llama_model_n_ctx_train(self._model))

    @property
    def has_state(self) -> bool:
        """Recurrent layers: no part of a sequence can be taken back, nor shared."""
        return bool(self.api.llama_model_is_recurrent(self._model) or self.api.llama_model_is_hybrid(self._model))

    def special(self, which: str) -> str:
        """The text of the ``bos`` or ``eos`` token; empty when the model has none."""
        token = getattr(self.api, f"llama_vocab_{which}")(self._vocab)
        return self.piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""

    # ----------------------------------------------------------------------------------------------------------- tokens

    def tokenise(self, text: str, *, add_special: bool, parse_special: bool) -> list[int]:
        raw = text.encode("utf-8", "replace")
        room = len(raw) + 8
        tokens = (self.api.llama_token * room)()
        count = self.api.llama_tokenize(self._vocab, raw, len(raw), tokens, room, add_special, parse_special)
        if count < 0:
            raise TargetError("bad_request", f"llama.cpp cannot tokenise a text of {len(raw)} bytes")
        return list(tokens[:count])

    def piece(self, token: int, *, special: bool = False) -> bytes:
        count = self.api.llama_token_to_piece(self._vocab, token, self._buffer, len(self._buffer), 0, special)
        if count < 0:  # longer than the buffer
            self._buffer = ctypes.create_string_buffer(-count)
            count = self.api.llama_token_to_piece(self._vocab, token, self._buffer, -count, 0, special)
        return self._buffer.raw[:count]

    def is_end(self, token: int) -> bool:
        return bool(self.api.llama_vocab_is_eog(self._vocab, token))

    def ends(self) -> list[int]:
        """Every token that ends a generation."""
        return [token for token in range(self.n_vocab) if self.is_end(token)]

    # ------------------------------------------------------------------------------------------------------- evaluation

    def forget(self, start: int = 0) -> None:
        """Drop every sequence's cells from ``start`` on, and every sequence but the first."""
        if start == 0 or self.has_state:
            self.api.llama_memory_clear(self._memory, False)
            return
        for sequence in range(1, self.shape.sequences):
            self.api.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self.api.llama_memory_seq_rm(self._memory, 0, start, -1)

    def share(self, sequences: int) -> None:
        """Let sequences 0 … n−1 all continue what the first holds (no copy: they share its cells)."""
        for sequence in range(1, sequences):
            self.api.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)

    def evaluate(self, tokens: Sequence[int], position: int) -> None:
        """Run tokens of the first sequence through the model; logits of the last one only."""
        last = len(tokens) - 1
        for start in range(0, len(tokens), self.shape.n_batch):
            part = range(start, min(start + self.shape.n_batch, last + 1))
            self.decode([Slot(tokens[k], position + k, (0,), k == last) for k in part])

    def step(self, token: int, position: int) -> None:
        """One token, as fast as can be: this is the inner loop of generation."""
        batch = self._batch
        batch.n_tokens, batch.token[0], batch.pos[0] = 1, token, position
        batch.n_seq_id[0], batch.seq_id[0][0], batch.logits[0] = 1, 0, 1
        self._run()

    def decode(self, slots: Sequence[Slot]) -> None:
        batch = self._batch
        batch.n_tokens = len(slots)
        for k, slot in enumerate(slots):
            batch.token[k], batch.pos[k], batch.logits[k] = slot.token, slot.position, slot.logits
            batch.n_seq_id[k] = len(slot.sequences)
            for n, sequence in enumerate(slot.sequences):
                batch.seq_id[k][n] = sequence
        self._run()

    def _run(self) -> None:
        result = self.api.llama_decode(self._context, self._batch)
        if result == 0:
            return
        if result == ABORTED:
            raise TargetError("timeout", "the answer was stopped")
        if result == NO_SLOT:
            raise TargetError("context_overflow", f"no room left in the context of {self.n_ctx} tokens")
        reason = self._log[-1] if self._log else f"llama_decode returned {result}"
        raise TargetError("crashed", f"llama.cpp could not evaluate: {reason}", fatal=True)

    def logits(self, index: int = -1) -> NDArray[np.float32]:
        """Logits of one slot of the last batch, shape (n_vocab,); a view that the next evaluation overwrites."""
        pointer = self.api.llama_get_logits_ith(self._context, index)
        view: NDArray[np.float32] = np.ctypeslib.as_array(pointer, shape=(self.n_vocab,))
        return view

    # --------------------------------------------------------------------------------------------------------- sampling

    def sampler(self, *, temperature: float, top_p: float, seed: int) -> Any:
        """llama.cpp's own chain; freed by `free`."""
        chain = self.api.llama_sampler_chain_init(self.api.llama_sampler_chain_default_params())
        if temperature <= 0:
            self.api.llama_sampler_chain_add(chain, self.api.llama_sampler_init_greedy())
        else:
            self.api.llama_sampler_chain_add(chain, self.api.llama_sampler_init_top_p(top_p, 1))
            self.api.llama_sampler_chain_add(chain, self.api.llama_sampler_init_temp(temperature))
            self.api.llama_sampler_chain_add(chain, self.api.llama_sampler_init_dist(seed & 0xFFFFFFFF))
        return chain

    def grammar(self, gbnf: str) -> Any:
        made = self.api.llama_sampler_init_grammar(self._vocab, gbnf.encode("utf-8", "replace"), b"root")
        if not made:
            reason = self._log[-1] if self._log else "llama.cpp does not say why"
            raise TargetError("bad_request", f"the grammar of the answer cannot be used: {reason}")
        return made

    def accept(self, sampler: Any, token: int) -> None:
        self.api.llama_sampler_accept(sampler, token)

    def allows(self, grammar: Any, token: int) -> bool:
        """Whether the grammar lets this token come next: one token is asked for, not the whole vocabulary."""
        return bool(self._apply(grammar, (token,))[0] > float("-inf"))

    def sample(self, chain: Any, grammar: Any = None) -> int:
        """A token drawn from the last logits by the chain, after the grammar has struck out what it forbids."""
        candidates = self._candidates(range(self.n_vocab), self.logits())
        if grammar is not None:
            self.api.llama_sampler_apply(grammar, ctypes.byref(candidates))
        self.api.llama_sampler_apply(chain, ctypes.byref(candidates))
        token = int(candidates.data[candidates.selected].id)
        self.api.llama_sampler_accept(chain, token)
        return token

    def free(self, *samplers: Any) -> None:
        for sampler in samplers:
            if sampler is not None:
                self.api.llama_sampler_free(sampler)

    def _apply(self, sampler: Any, tokens: Sequence[int]) -> list[float]:
        candidates = self._candidates(tokens, np.zeros(len(tokens), np.float32))
        self.api.llama_sampler_apply(sampler, ctypes.byref(candidates))
        return [candidates.data[k].logit for k in range(candidates.size)]

    def _candidates(self, tokens: Sequence[int], logits: NDArray[np.float32]) -> Any:
        kind = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)], align=True)
        self._array = array = np.zeros(len(tokens), kind)  # kept while C works on it
        array["id"], array["logit"] = tokens, logits
        data = array.ctypes.data_as(ctypes.POINTER(self.api.llama_token_data))
        return self.api.llama_token_data_array(data=data, size=len(tokens), selected=-1, sorted=False)
