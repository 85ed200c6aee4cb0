"""Bundles travel: whole they give the same run, broken they give one sentence."""

from __future__ import annotations

import hashlib
import json
import random
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebench.errors import StoreError
from edgebench.records import ModelCard, Run, digest
from edgebench.store import open_store
from edgebench.store.files import written_whole
from edgebench.store.interchange import export_bundle, import_bundle, read_bundle, write_bundle
from tests.builders import Arm, run

CARD = ModelCard(name="m", title="M", kind="fake", files={})


def a_run(items: int = 12, **fields: Any) -> Run:
    return replace(run({"small": Arm(), "large": Arm(failure_rate=0.3)}, items=items), cards={"m": CARD}, **fields)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "run.zip"
    made = a_run(notes=("a note",))
    write_bundle(made, [(score, "2026-01-01T00:00:00Z") for score in made.scores], path)
    return path


def parts(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rebuild(bundle: Path, members: dict[str, bytes], **manifest: Any) -> Path:
    """A bundle with other parts whose hashes are right: what a clever stranger would send."""
    about = json.loads(members["manifest.json"])
    about.pop("digest")
    for name in about["parts"]:
        content = members.get(f"{name}.jsonl", b"")
        about["parts"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    about |= manifest
    members = members | {"manifest.json": json.dumps(about | {"digest": digest(about)}).encode()}
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return bundle


# --------------------------------------------------------------------------------------------------- whole


def test_a_run_travels_from_store_to_store(tmp_path: Path) -> None:
    """Exported here and imported there, it is the same run with the same history of scores."""
    made = a_run()
    with open_store(tmp_path / "here.db") as here, open_store(tmp_path / "there.db") as there:
        here.add_run(made)
        here.add_scores(made.id, [replace(made.scores[0], version="2", value=0.5)])
        export_bundle(here, made.id, tmp_path / "run.zip")
        assert import_bundle(there, tmp_path / "run.zip") == made.id
        assert there.load(made.id) == here.load(made.id)
        assert there.scores(made.id) == here.scores(made.id)
        assert there.runs()[0]["imported"]
        with pytest.raises(StoreError, match="already"):
            import_bundle(there, tmp_path / "run.zip")


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    made = a_run()
    for name in ("a.zip", "b.zip"):
        write_bundle(made, [], tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert stat.S_IMODE((tmp_path / "a.zip").stat().st_mode) == 0o600


def test_the_plans_folder_stays_at_home(tmp_path: Path) -> None:
    """Where a person keeps their files is nobody's business; the plan's digest stays."""
    made = a_run()
    made = replace(made, plan=replace(made.plan, folder="/home/rosa/secret-project"))
    write_bundle(made, [], tmp_path / "run.zip")
    assert not any(b"secret-project" in content for content in parts(tmp_path / "run.zip").values())
    assert read_bundle(tmp_path / "run.zip")[0].plan.digest == made.plan.digest


def test_a_hashed_run_pairs_after_travelling(tmp_path: Path) -> None:
    """Digests travel with the items, so hashed texts still pair with kept ones."""
    made = a_run()
    with open_store(tmp_path / "a.db") as store:
        store.begin("h", replace(made.plan, texts="hash"), made.workload, made.trials, created_at="x")
        store.add_segment("h", made.segments[0])
        store.append("h", made.records)
        export_bundle(store, "h", tmp_path / "run.zip")
    loaded, _ = read_bundle(tmp_path / "run.zip")
    assert loaded.workload.digest == made.workload.digest
    assert loaded.workload.items[0].digest == made.workload.items[0].digest
    assert str(loaded.workload.items[0].input).startswith("sha256:")


# --------------------------------------------------------------------------------------------------- broken


def test_random_damage_is_one_sentence_or_harmless(tmp_path: Path, bundle: Path) -> None:
    """300 times a few bytes are flipped, cut or added: a StoreError or the very same run, never anything else."""
    sound, rng = bundle.read_bytes(), random.Random(3)
    expected = read_bundle(bundle)
    broken = tmp_path / "broken.zip"
    refused = 0
    for _ in range(300):
        data = bytearray(sound)
        for _ in range(rng.choice((1, 1, 1, 3, 30))):
            data[rng.randrange(len(data))] ^= rng.randrange(1, 256)
        if rng.random() < 0.2:
            del data[rng.randrange(len(data)) :]
        broken.write_bytes(data)
        try:
            assert read_bundle(broken) == expected
        except StoreError:
            refused += 1
    assert refused > 200


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(100), b"PK\x05\x06" + bytes(18)])
def test_what_is_no_zip_or_an_empty_one_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(StoreError, match="not a whole bundle"):
        read_bundle(tmp_path / "x.zip")


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read: No such file"):
        read_bundle(tmp_path / "none.zip")


def test_a_newer_format_says_what_to_do(bundle: Path) -> None:
    with pytest.raises(StoreError, match=r"newer version of EdgeBench \(9.9\)") as caught:
        read_bundle(rebuild(bundle, parts(bundle), format=3, edgebench="9.9"))
    assert "update EdgeBench" in str(caught.value.hint)


def test_a_changed_part_does_not_match_its_hash(bundle: Path) -> None:
    members = parts(bundle)
    members["records.jsonl"] = members["records.jsonl"].replace(b"refund", b"rebate")
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(StoreError, match=r"records.jsonl does not match its hash"):
        read_bundle(bundle)


def test_a_changed_manifest_does_not_match_itself(bundle: Path) -> None:
    members = parts(bundle)
    members["manifest.json"] = members["manifest.json"].replace(b'"run":"r1"', b'"run":"r2"')
    with zipfile.ZipFile(bundle, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(StoreError, match="manifest does not match"):
        read_bundle(bundle)


@pytest.mark.parametrize("name", ["../../evil", "/etc/cron.d/x", "records.jsonl/../x", "manifest.json"])
def test_other_members_are_refused_and_nothing_is_unpacked(tmp_path: Path, bundle: Path, name: str) -> None:
    """A path that climbs out, or a second manifest: refused, and no file appears."""
    before = sorted(tmp_path.rglob("*"))
    with zipfile.ZipFile(bundle, "a") as archive:
        if name in archive.namelist():
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr(name, archive.read(name))
        else:
            archive.writestr(name, b"x")
    with pytest.raises(StoreError, match="other files"):
        read_bundle(bundle)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_zip_bomb_is_refused_before_it_is_unpacked(bundle: Path) -> None:
    """40 MB of nothing in a few kB: more than allowed; with no limit, one endless line."""
    members = parts(bundle) | {"readings.jsonl": b" " * 100_000_000}
    rebuild(bundle, members)
    assert bundle.stat().st_size < 200_000
    with pytest.raises(StoreError, match=r"would unpack to 95 MiB"):
        read_bundle(bundle, max_bytes=10**7)
    with pytest.raises(StoreError, match="a line that does not end"):
        read_bundle(bundle)


def _edit(name: str, change: Callable[[Any], Any]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    def edit(members: dict[str, bytes]) -> dict[str, bytes]:
        lines = members[f"{name}.jsonl"].decode().splitlines()
        first = lines[0]
        lines[0] = json.dumps(change(json.loads(first)))
        return members | {f"{name}.jsonl": "".join(f"{line}\n" for line in lines).encode()}

    return edit


def _twice(members: dict[str, bytes]) -> dict[str, bytes]:
    lines = members["records.jsonl"].splitlines(keepends=True)
    return members | {"records.jsonl": b"".join([*lines, lines[0]])}


def _forge(members: dict[str, bytes]) -> dict[str, bytes]:
    return members | {"run.jsonl": members["run.jsonl"].replace(b"message number 0", b"message number X")}


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        (_edit("records", lambda row: row | {"due_ns": "soon"}), "Record.due_ns"),
        (_edit("records", lambda row: row | {"due_ns": 1.5}), "Record.due_ns"),
        (_edit("records", lambda row: row | {"answer": "5"}), "no text"),
        (_edit("records", lambda row: row | {"calls": [{}]}), "whole bundle"),
        (_edit("records", lambda row: row | {"calls": [row["calls"][0] | {"last": 10**6}]}), "whole bundle"),
        (_edit("records", lambda row: row | {"trial_id": "none"}), "a trial it does not have"),
        (_edit("records", lambda row: row | {"segment_id": "none"}), "a segment it does not have"),
        (_edit("records", lambda row: row | {"item_digest": "none"}), "an item that its workload"),
        (_edit("records", lambda _: []), "whole bundle"),
        (_twice, "holds a record twice"),
        (_forge, "items that are not what their digests say"),
        (_edit("scores", lambda pair: [pair[0] | {"record_id": "x"}, pair[1]]), "scores a record"),
        (_edit("trials", lambda row: row | {"target": "x"}), "a target that its plan"),
        (_edit("run", lambda row: row | {"id": "../../x"}), "run's id"),
        (_edit("readings", lambda row: row | {"value": "NaN"}), "Reading.value"),
    ],
)
def test_a_forged_bundle_with_right_hashes_is_refused(
    bundle: Path, edit: Callable[[dict[str, bytes]], dict[str, bytes]], word: str
) -> None:
    """Hashes only say that nothing was damaged; every field and every reference is checked too."""
    with pytest.raises(StoreError, match=word):
        read_bundle(rebuild(bundle, edit(parts(bundle))))


def test_a_run_id_cannot_be_a_path(bundle: Path) -> None:
    """It becomes part of file names later."""
    members = _edit("run", lambda row: row | {"id": "../x"})(parts(bundle))
    with pytest.raises(StoreError, match="run's id"):
        read_bundle(rebuild(bundle, members, run="../x"))


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A missing folder, a folder for a file: StoreError, and no half file stays."""
    with pytest.raises(StoreError, match="cannot be written"):
        write_bundle(a_run(), [], tmp_path / "none" / "run.zip")
    (tmp_path / "dir.zip").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_bundle(a_run(), [], tmp_path / "dir.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["dir.zip"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A write that fails half-way leaves what was there before, and no half file."""
    target = tmp_path / "run.zip"
    target.write_bytes(b"old")
    with pytest.raises(StoreError, match="No space left"), written_whole(target) as file:
        file.write(b"new")
        raise OSError(28, "No space left on device")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
