"""Fixtures every room's tests share: real model files, public data, and nobody's own configuration."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgebench import catalog
from edgebench.errors import ModelError

#: name in the fixture → (card, role, file's original name)
MODELS = {
    "smollm2": ("smollm2-135m-q4_1", "model", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    "minilm": ("minilm-l6-int8", "model", "model.onnx"),
    "minilm_tokenizer": ("minilm-l6-int8", "tokenizer", "tokenizer.json"),
}


@pytest.fixture(scope="session")
def model_files() -> dict[str, Path]:
    """Real model files: from the folder EDGEBENCH_TEST_MODELS, else pulled into the cache."""
    folder = os.environ.get("EDGEBENCH_TEST_MODELS")
    if folder:
        return {name: _there(Path(folder) / file) for name, (_, _, file) in MODELS.items()}
    from edgebench.artifacts import load_card, pull

    try:
        return {name: pull(load_card(card)).paths[role] for name, (card, role, _) in MODELS.items()}
    except ModelError as exc:
        if os.environ.get("EDGEBENCH_OFFLINE") == "1":
            pytest.skip(f"EDGEBENCH_OFFLINE=1 and the models are not in the cache: {exc}")
        raise


def _there(file: Path) -> Path:
    if not file.is_file():
        pytest.fail(f"EDGEBENCH_TEST_MODELS is set, but there is no {file}")
    return file


@pytest.fixture(scope="session")
def model_cache(model_files: dict[str, Path]) -> Path:
    """A cache that holds the demo's cards, for tests that run plans: set EDGEBENCH_CACHE to it."""
    from edgebench.artifacts import load_card, located, pull

    for card, role, _ in MODELS.values():
        if role == "model" and located(load_card(card)) is None:
            pull(load_card(card), from_path=model_files["minilm"].parent)
    return catalog.cache()


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Public test sets, where the machine has them."""
    folder = os.environ.get("EDGEBENCH_DATA")
    if not folder:
        pytest.skip("EDGEBENCH_DATA is not set: the public test sets are not here")
    if not Path(folder).is_dir():
        pytest.fail(f"EDGEBENCH_DATA is set, but there is no folder {folder}")
    return Path(folder)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test gets a configuration folder of its own, so that nobody's is read or written."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("EDGEBENCH_HOME", str(home))
    monkeypatch.setenv("EDGEBENCH_CERTIFY", "off")  # seconds at every start; tests/run/test_certify.py turns it on
    for name in [name for name in os.environ if name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    return home
