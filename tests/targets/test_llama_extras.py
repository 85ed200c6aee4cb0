"""Llama.cpp's buffers for tile instructions are left out on processors where they crash it, and only there."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from edgebench.targets import llama_extras


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor\t: 0\nflags\t\t: fma avx512f amx_bf16 amx_tile amx_int8\n", True),
        ("processor\t: 0\nflags\t\t: fma avx2\n", False),
        ("processor\t: 0\nFeatures\t: fp asimd\n", False),
        ("", False),
    ],
)
def test_a_processor_says_whether_it_has_tiles(tmp_path: Path, text: str, found: bool) -> None:
    """By its flags; one that lists none has none."""
    file = tmp_path / f"cpuinfo{len(text)}"
    file.write_text(text)
    assert llama_extras.has_amx(file) is found


def test_where_nobody_can_ask_nothing_changes(tmp_path: Path) -> None:
    """Other systems have no such file."""
    assert llama_extras.has_amx(tmp_path / "none") is False


@pytest.mark.parametrize("amx", [True, False])
def test_the_buffers_go_only_with_tiles(monkeypatch: pytest.MonkeyPatch, amx: bool) -> None:
    """A version of llama.cpp that has no such parameter is left alone."""
    monkeypatch.setattr(llama_extras, "has_amx", lambda: amx)
    new = llama_extras.without_faulty_buffers(SimpleNamespace(use_extra_bufts=True))
    assert new.use_extra_bufts is not amx
    old = llama_extras.without_faulty_buffers(SimpleNamespace(n_gpu_layers=0))
    assert vars(old) == {"n_gpu_layers": 0}
