"""The peers we are measured beside: where their environments are, and how they are made.

``python -m benchmarks.peers`` makes them once, in the cache (``…/edgebench/peers``), never in the checkout: a venv each
for guidellm and aiperf, and ``llama-bench`` compiled from llama-cpp-python's own source distribution.
Benchmarks only look: a peer that is not there has a row that says why, so they run without a network too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgebench import catalog

TORCH = ("torch==2.13.0+cpu", "torch==2.13.0")  # without CUDA where one of pip's configured places has such a build
GENTLE = ("nice", "-n", "19") if shutil.which("nice") else ()  # making one may take ten minutes beside other work


class NotMade(RuntimeError):
    """A peer that could not be installed or built: the last line of what the tool said."""


@dataclass(frozen=True)
class Peer:
    """One tool beside us: its version, its program, and how it comes about in an empty folder."""

    name: str
    version: str
    make: Callable[[Path], None]

    @property
    def folder(self) -> Path:
        return catalog.cache() / "peers" / f"{self.name}-{self.version}"

    @property
    def program(self) -> str:
        return str(self.folder / "bin" / self.name)

    @property
    def label(self) -> str:
        return f"{self.name} {self.version}"

    def absent(self) -> str | None:
        """Why it cannot be measured here; None when it can."""
        if (self.folder / "ready").is_file():
            return None
        why = self.folder / "why-not"
        said = why.read_text(encoding="utf-8").strip() if why.is_file() else "`python -m benchmarks.peers` makes it"
        return f"not installed: {said}"

    def made(self) -> str | None:
        """Make it unless it is there; returns why it could not be made, else None."""
        if (self.folder / "ready").is_file():
            return None
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        try:
            self.make(self.folder)
        except (NotMade, OSError) as error:
            (self.folder / "why-not").write_text(f"{error}\n", encoding="utf-8")
            return str(error)
        (self.folder / "ready").touch()
        return None


def _guidellm(folder: Path) -> None:
    """With the extras its own documentation recommends; it imports torch, which it uses to read its data."""
    _venv(folder)
    try:
        _pip(folder, "--only-binary", ":all:", TORCH[0])
    except NotMade:
        _pip(folder, TORCH[1])
    _pip(folder, "guidellm[recommended]==0.8.1")


def _aiperf(folder: Path) -> None:
    _venv(folder)
    _pip(folder, "aiperf==0.13.0")


def _llama_bench(folder: Path) -> None:
    """Built from the source distribution of the llama-cpp-python in use, by that one's own CMakeLists: same flags."""
    if LLAMA == "none":
        raise NotMade("there is no llama-cpp-python")
    with tempfile.TemporaryDirectory() as work:
        where, name = Path(work), f"llama-cpp-python=={LLAMA}"
        _run(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "-d", work, name)
        with tarfile.open(next(where.glob("*.tar.gz"))) as archive:
            archive.extractall(where / "source", filter="data")
        source, built = next((where / "source").iterdir()), where / "built"
        cmake = _cmake(where)
        flags = (
            "-DCMAKE_BUILD_TYPE=Release",
            "-DLLAVA_BUILD=OFF",
            "-DLLAMA_BUILD_TOOLS=ON",
            "-DLLAMA_BUILD_SERVER=OFF",
        )
        _run(cmake, "-S", source, "-B", built, *flags)
        _run(cmake, "--build", built, "--target", "llama-bench", "--parallel", str(os.cpu_count() or 1))
        shutil.copytree(built / "bin", folder / "bin", symlinks=True)


def _cmake(where: Path) -> str:
    found = shutil.which("cmake")
    if found is None:
        _venv(where / "tools")
        _pip(where / "tools", "cmake")
        found = str(where / "tools" / "bin" / "cmake")
    return found


def _venv(folder: Path) -> None:
    venv.create(folder, with_pip=True)
    _pip(folder, "--upgrade", "pip>=25.1")


def _pip(folder: Path, *arguments: str) -> None:
    _run(folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--retries", "1", *arguments)


def _run(*command: str | Path) -> None:
    done = subprocess.run([*GENTLE, *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        lines = [
            line.strip() for line in (done.stderr or done.stdout).splitlines() if "ERROR" in line or "rror:" in line
        ]
        raise NotMade(lines[-1][:200] if lines else f"{Path(command[0]).name} ended with {done.returncode}")


def _llama_version() -> str:
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        return "none"


LLAMA = _llama_version()
GUIDELLM = Peer("guidellm", "0.8.1", _guidellm)
AIPERF = Peer("aiperf", "0.13.0", _aiperf)
LLAMA_BENCH = Peer("llama-bench", LLAMA, _llama_bench)  # numbered as the llama-cpp-python whose source it is


def main() -> None:
    """Make what is missing. One that cannot be made is said here and in its row, and stops nothing."""
    for peer in (GUIDELLM, AIPERF, LLAMA_BENCH):
        if peer.absent() is not None:
            print(f"{peer.label}: being made in {peer.folder} (once, some minutes)", flush=True)
        why = peer.made()
        print(f"{peer.label}: {'not made: ' + why if why else 'ready'}", flush=True)


if __name__ == "__main__":
    main()
