"""The wheel: what is in it, and that it works outside the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLAN = """\
question: Does the installed package work?
workload: {builtin: support-triage, items: 12}
targets:
  good: {kind: fake, options: {latency_ms: 1.0, accuracy: 0.9}}
  poor: {kind: fake, options: {latency_ms: 2.0, accuracy: 0.5}}
device: pi-5-8gb
"""
MOST_PACKAGES = 25


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)], check=True, capture_output=True
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_the_shelves_and_nothing_heavy(wheel: Path) -> None:
    """Profiles, model cards, the built-in job, templates and migrations are in; weights, stores and tests are not."""
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "edgebench/shelf/profiles/devices/pi-5-8gb.yaml",
        "edgebench/shelf/profiles/plans/demo.yaml",
        "edgebench/shelf/models/smollm2-135m-q4_1.yaml",
        "edgebench/workloads/data/support-triage.jsonl",
        "edgebench/redacting/names.yaml",
        "edgebench/report/templates/page.html.j2",
        "edgebench/store/migrations/versions/v0001_tables.py",
        "edgebench/py.typed",
    ):
        assert needed in names
    assert not [name for name in names if name.endswith((".gguf", ".onnx", ".db")) or name.startswith("tests/")]
    assert wheel.stat().st_size < 2_000_000


@pytest.mark.timeout(600)
def test_it_runs_the_smallest_plan_in_a_clean_environment(wheel: Path, tmp_path: Path) -> None:
    """Installed without extras it brings few packages and measures; with the report extra it writes the page."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "EDGEBENCH_HOME": str(tmp_path / "home")
    }

    def do(*words: str, codes: tuple[int, ...] = (0,)) -> str:
        done = subprocess.run(
            [str(python), *words], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode in codes, done.stderr
        return done.stdout

    do("-m", "pip", "install", "--quiet", str(wheel))
    packages = {each["name"].lower() for each in json.loads(do("-m", "pip", "list", "--format=json"))}
    assert len(packages - {"pip", "setuptools", "wheel"}) <= MOST_PACKAGES
    (tmp_path / "plan.yaml").write_text(PLAN, encoding="utf-8")
    out = json.loads(
        do("-m", "edgebench", "run", "plan.yaml", "--no-page", "--json", codes=(0, 5))
    )  # 5: the machine was busy
    accuracy = {arm["arm"]: arm["estimates"]["accuracy"] for arm in out["conclusion"]["summary"]["arms"]}
    assert {estimate["n"] for estimate in accuracy.values()} == {12}
    do("-m", "pip", "install", "--quiet", f"{wheel}[report]")
    page = do("-m", "edgebench", "report", "last", "--json")
    assert Path(tmp_path, json.loads(page)["page"]).read_text(encoding="utf-8").startswith("<!doctype html>")
