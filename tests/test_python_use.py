"""The library as the README shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import edgebench

README = Path(__file__).parent.parent / "README.md"


def test_every_name_is_there() -> None:
    """What the package offers can be had, and is listed."""
    for name in edgebench.__all__:
        assert getattr(edgebench, name) is not None
    assert set(edgebench.__all__) <= set(dir(edgebench))
    with pytest.raises(AttributeError, match="no attribute 'fronteer'"):
        _ = edgebench.fronteer


def test_the_readmes_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python block of the README is executed as it stands."""
    (block,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {})  # noqa: S102  our own README
    assert (tmp_path / "report.html").stat().st_size > 50_000


def test_importing_it_loads_nothing_heavy() -> None:
    """``import edgebench`` brings neither numpy nor pydantic nor any engine."""
    heavy = {"numpy", "pydantic", "sqlalchemy", "openai", "llama_cpp", "onnxruntime", "plotly"}
    code = f"import edgebench, sys; print(sorted({heavy} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.strip() == "[]"
