"""Published speeds of language models on small machines: what projections are fitted on and tested with.

Decode: tokens a second of one stream, the bytes of the model's file, the memory's peak (bus width × transfers a second
of the data sheet). Prefill: prompt tokens a second of 512 at once (``pp512``), the model's parameters, cores × the
highest clock of the data sheet. Each row was read in the source named; peaks and clocks are the makers'.

A profile may hold decode figures of its own (``metrics.devices.PUBLISHED_DECODE``); those are taken first, and what is
here of the same machine and model is then left out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decode:
    """One model on one machine, as someone published it."""

    machine: str
    model: str
    file_gb: float
    tok_s: float
    memory_gb_s: float  # peak
    source: str
    date: str
    profile: str | None = None  # beginning of the names of the profiles of this machine


@dataclass(frozen=True, slots=True)
class Prefill:
    """Prompt tokens a second of one model on one machine."""

    machine: str
    giga_parameters: float
    tok_s: float
    cores: int
    clock_ghz: float  # mean over the cores
    source: str
    date: str
    profile: str | None = None  # beginning of the names of the profiles of this machine

    @property
    def rate(self) -> float:
        """Parameters × tokens a second, in 10⁹, by each core and GHz."""
        return self.giga_parameters * self.tok_s / (self.cores * self.clock_ghz)


L3, L8, L13 = "llama32_3b_q4_tok_s", "llama31_8b_q4_tok_s", "Llama 2 13B Q4_0"
R14, TINY = "DeepSeek R1 14B Q4_K_M", "TinyLlama 1.1B Q4_K_M"
GB = {L3: 2.019, L8: 4.92, L13: 7.37, R14: 8.99, TINY: 0.667}  # of the files


def _decode(
    machine: str, peak: float, speeds: dict[str, float], source: str, date: str, profile: str | None = None
) -> tuple[Decode, ...]:
    return tuple(
        Decode(machine, model, GB[model], tok_s, peak, source, date, profile) for model, tok_s in speeds.items()
    )


DECODE = (
    *_decode("Raspberry Pi 400", 12.8, {L3: 1.60}, "geerlingguy/ai-benchmarks README", "read 2026-11", "pi-4"),
    *_decode("Raspberry Pi 5, 16 GB", 17.1, {L3: 4.88, L8: 2.17, L13: 1.36},
             "geerlingguy/ai-benchmarks#7", "2025-01", "pi-5"),
    *_decode("N150, one module of DDR4-3200", 25.6, {L3: 9.06, R14: 2.13},
             "geerlingguy/ai-benchmarks#12", "2025-02", "x86-mini"),
    *_decode("Framework 13, Ryzen AI 5 340", 89.6, {L3: 23.8, R14: 5.83},
             "geerlingguy/ai-benchmarks#33", "2025-11", "x86-laptop"),
    *_decode("M4 Mac mini", 120.0, {L3: 41.3, L8: 20.87},
             "geerlingguy/ai-benchmarks#2; brand-o/normiebench#3, Metal", "2026-03", "mac-mini-m4"),
    *_decode("MacBook Pro 2014, i5-4278U, two channels of DDR3L-1600", 25.6, {L3: 7.68},
             "geerlingguy/ai-benchmarks#53", "2026-09"),
    *_decode("Framework 12, i3-1315U, one module of DDR5-5200", 41.6, {L3: 11.05},
             "geerlingguy/sbc-reviews#107", "2026"),
    *_decode("Radxa Dragon Q8B, SC8280XP, 128 bit of LPDDR4X-4266", 68.3, {TINY: 38.81},
             "geerlingguy/ai-benchmarks#54", "2026-09"),
    Decode("Core i9-13900K, two channels of DDR5-6400, 8 threads", "Llama 7B Q4_0", 3.83, 18.27, 102.4,
           "ggml-org/llama.cpp#34", "2023-08"),
    *_decode("M1 Max", 400.0, {L8: 46.2, L3: 59.4},
             "brand-o/normiebench#40 and geerlingguy/ai-benchmarks README, Metal", "2026-03"),
)  # fmt: skip

PREFILL = (
    Prefill("MacBook Pro 2014, i5-4278U", 3.21, 17.70, 2, 3.1, "geerlingguy/ai-benchmarks#53", "2026-09"),
    Prefill("Framework 12, i3-1315U, 2 threads", 3.21, 28.67, 2, 4.5, "geerlingguy/sbc-reviews#107", "2026"),
    Prefill("Radxa Dragon Q8B, SC8280XP", 3.21, 72.31, 8, 2.716, "geerlingguy/ai-benchmarks#54", "2026-09"),
    Prefill("Radxa Dragon Q8B, SC8280XP", 1.10, 194.49, 8, 2.716, "geerlingguy/ai-benchmarks#54", "2026-09"),
    Prefill("Radxa Dragon Q6A, QCS6490", 1.10, 25.25, 8, 2.22, "geerlingguy/sbc-reviews#85", "2025"),
    Prefill("Radxa Dragon Q6A, QCS6490", 3.21, 8.76, 8, 2.22, "geerlingguy/sbc-reviews#85", "2025"),
    Prefill("Core i9-13900K, 8 threads", 6.74, 33.67, 8, 5.8, "ggml-org/llama.cpp#34", "2023-08"),
    Prefill("N100", 8.03, 6.53, 4, 3.4, "brand-o/normiebench#38", "2026-03", "x86-mini"),
    Prefill("i5-1135G7", 8.03, 25.52, 4, 4.2, "brand-o/normiebench#46", "2026-03"),
    Prefill("i5-9500", 8.03, 35.43, 6, 4.4, "brand-o/normiebench#34", "2026-03"),
    Prefill("i7-7820HQ", 8.03, 22.53, 4, 3.9, "brand-o/normiebench#42", "2026-03"),
    Prefill("i7-8550U", 8.03, 13.07, 4, 4.0, "brand-o/normiebench#41", "2026-03"),
    Prefill("i7-8550U", 8.03, 14.37, 4, 4.0, "brand-o/normiebench#43", "2026-03"),
    Prefill("Threadripper 3970X", 8.03, 155.5, 32, 4.5, "brand-o/normiebench#52", "2026-03"),
    Prefill("Raspberry Pi 5", 1.10, 35.0, 4, 2.4, "llama.cpp of 2024-03, TinyLlama q8_0, guevara/read-it-later#11711",
            "2024-04", "pi-5"),
    Prefill("Raspberry Pi 4", 1.10, 10.0, 4, 1.8, "llama.cpp of 2024-03, TinyLlama q8_0, guevara/read-it-later#11711",
            "2024-04", "pi-4"),
)  # fmt: skip

#: Machines left out of the fit of decoding, and why. One of them is projected onto by its own published figure.
APART = {"pi-4": "Cortex-A72: no dot-product instructions, so it computes for longer than it reads"}

#: What a measured bandwidth is of the peak, where a profile has no peak: (share, standard deviation of its logarithm).
#: Reading, best number of threads: 0.77 on a Raspberry Pi 5 (ggml-org/llama.cpp#26484, 2026-08); its spread is an
#: assumption that holds 0.65 to 0.95. Copying, read + written: one thread of tinymembench on a Raspberry Pi 4 (0.43)
#: and 5 (0.65), Turing RK1 (0.73), N150 (0.49) and Ryzen AI 5 340 (0.45), geerlingguy/sbc-reviews #110 #21 #38 #64
#: #90, 2024 to 2026.
OF_PEAK = {"read_gb_s": (0.77, 0.10), "memcpy_gb_s": (0.54, 0.24)}
