"""A small real HTTP server that holds files: a hub mirror and a plain host in one, which can cut, limp and lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Mirror:
    """``files``: path → content. ``cut_after``: close the connection after so many bytes of a body, once."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    cut_after: int | None = None
    ranges: bool = True  # False: a Range is ignored, as some servers do
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    url: str = ""

    def hub_file(self, repository: str, name: str, content: bytes, revision: str = "main") -> None:
        self.files[f"/{repository}/resolve/{revision}/{name}"] = content


@contextmanager
def mirror() -> Iterator[Mirror]:
    """The server while the block runs."""
    held = Mirror()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = self.path.partition("?")[0]
            held.asked.append((self.command, path, {k.lower(): v for k, v in self.headers.items()}))
            if path in held.redirects:
                self.start(302, {"Location": held.redirects[path], "Content-Length": "0"})
            elif path in held.gated:
                self.start(403, {"X-Error-Code": "GatedRepo", "X-Error-Message": "ask first", "Content-Length": "0"})
            elif path not in held.files:
                self.start(404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
            else:
                self.file(held.files[path], body=body)

        def file(self, content: bytes, *, body: bool) -> None:
            begin, status, extra = 0, 200, {}
            asked = self.headers.get("Range")
            if asked and held.ranges:
                begin, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
                if begin >= len(content):
                    self.start(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
                    return
                extra = {"Content-Range": f"bytes {begin}-{len(content) - 1}/{len(content)}"}
            tag = hashlib.sha256(content).hexdigest()
            self.start(
                status,
                {"Content-Length": str(len(content) - begin), "ETag": f'"{tag}"', "X-Repo-Commit": COMMIT, **extra},
            )
            if body:
                rest = content[begin:]
                if held.cut_after is not None:
                    rest, held.cut_after = rest[: held.cut_after], None
                    self.close_connection = True
                self.wfile.write(rest)

        def start(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield held
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
