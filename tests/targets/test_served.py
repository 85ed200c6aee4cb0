"""A server of our own on loopback: it comes up, answers, goes away, and says why if not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from edgebench.contracts import Target
from edgebench.errors import TargetError
from edgebench.records import Message, ModelCard, Parts, Request, TargetSpec
from edgebench.targets.openai_compatible import OpenAICompatible, Options, Serve, target
from edgebench.targets.served import Served, free_port, llama_server

#: a small real server: answers /v1/models, streams one word, does what its first argument says; has a child of its own
SCRIPT = """
import http.server, json, os, subprocess, sys, time
port, mood, note = int(sys.argv[1]), sys.argv[2], sys.argv[3]
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
with open(note, "w") as file:
    json.dump({"pid": os.getpid(), "child": child.pid, "environment": sorted(os.environ)}, file)
if mood == "fails":
    child.kill()
    sys.exit("the model is broken")
if mood == "sleeps":
    time.sleep(60)

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): print("asked", flush=True)
    def do_GET(self): self.say(b"{}")
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if mood == "hangs":
            time.sleep(60)
        if mood == "dies":
            print("something snapped", flush=True)
            os._exit(3)
        choice = {"index": 0, "message": {"content": "word"}, "finish_reason": "stop"}
        self.say(json.dumps({"choices": [choice]}).encode())
    def say(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

if mood == "stubborn":
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


def small(mood: str, note: Path, *, limit_s: float = 20.0, ports: Sequence[int] = (), name: str = "served") -> Served:
    """A Served around the small server. ``ports``: use these first instead of the free one."""
    taken = list(ports)

    def command(port: int) -> list[str]:
        return [sys.executable, "-c", SCRIPT, str(taken.pop(0) if taken else port), mood, str(note)]

    def inner(base_url: str) -> Target:
        spec = TargetSpec(kind="openai", model="small", base_url=base_url)
        return OpenAICompatible(Parts(name=name, spec=spec), Options())

    return Served(name, command, inner, start_timeout_s=limit_s)


def question(text: str = "hello") -> Request:
    return Request(messages=(Message("user", text),), text=text, max_tokens=8, timeout_s=90.0)


async def ask(endpoint: Target, request: Request | None = None) -> str:
    return "".join([chunk.text async for chunk in endpoint.answer(request or question())])


def noted(note: Path) -> dict[str, Any]:
    import json

    content: dict[str, Any] = json.loads(note.read_text())
    return content


def gone(pid: int, within_s: float = 3.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("mood", ["well", "stubborn"])
async def test_it_lives_as_long_as_the_target_is_open(mood: str, tmp_path: Path) -> None:
    """Up and answering inside, gone with its child outside, even if it will not listen."""
    note = tmp_path / "note.json"
    async with small(mood, note) as endpoint:
        assert await ask(endpoint) == "word"
        assert endpoint.pids() == (noted(note)["pid"],)
        load_ns = endpoint.load_ns()
        assert load_ns is not None and 1_000_000 < load_ns < 20_000_000_000
    assert endpoint.pids() == ()
    assert gone(noted(note)["pid"]) and gone(noted(note)["child"])
    assert endpoint.identity().name == "served"  # still known when it is over


async def test_it_opens_again(tmp_path: Path) -> None:
    """A second opening is a new process."""
    endpoint = small("well", tmp_path / "note.json")
    pids: list[int] = []
    for _ in range(2):
        async with endpoint:
            assert await ask(endpoint) == "word"
            pids += endpoint.pids()
    assert len(set(pids)) == 2


async def test_it_gets_no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's environment holds nothing that was not asked for."""
    monkeypatch.setenv("CLOUD_API_KEY", "sk-hush")
    monkeypatch.setenv("MODEL", "of somebody else")
    async with small("well", tmp_path / "note.json"):
        names = noted(tmp_path / "note.json")["environment"]
    assert "PATH" in names and "CLOUD_API_KEY" not in names and "MODEL" not in names


async def test_a_server_that_does_not_start_says_its_last_words(tmp_path: Path) -> None:
    """load_failed, fatal, with the last line it printed; nothing is left."""
    with pytest.raises(TargetError) as caught:
        await small("fails", tmp_path / "note.json").__aenter__()
    assert caught.value.kind == "load_failed" and caught.value.fatal
    assert "the model is broken" in caught.value.message
    assert gone(noted(tmp_path / "note.json")["pid"])


async def test_a_server_that_is_never_ready_is_given_up(tmp_path: Path) -> None:
    """The time limit holds, and the process is ended."""
    with pytest.raises(TargetError) as caught:
        await small("sleeps", tmp_path / "note.json", limit_s=1.0).__aenter__()
    assert caught.value.kind == "load_failed" and "not ready within 1 s" in caught.value.message
    assert gone(noted(tmp_path / "note.json")["pid"]) and gone(noted(tmp_path / "note.json")["child"])


async def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    """No such program: load_failed, by its name."""
    endpoint = Served("served", lambda port: [str(tmp_path / "no-such-server")], lambda url: pytest.fail("not reached"))
    with pytest.raises(TargetError) as caught:
        await endpoint.__aenter__()
    assert caught.value.kind == "load_failed" and "no-such-server" in caught.value.message


async def test_a_port_taken_meanwhile_is_no_failure(tmp_path: Path) -> None:
    """Somebody takes the free port first: another is tried."""
    import socket

    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        async with small("well", tmp_path / "note.json", ports=[squatter.getsockname()[1]]) as endpoint:
            assert await ask(endpoint) == "word"


async def test_a_server_that_dies_is_a_crash_not_a_refusal(tmp_path: Path) -> None:
    """The broken connection's reason is the process, whose exit and last words are told."""
    async with small("dies", tmp_path / "note.json") as endpoint:
        with pytest.raises(TargetError) as caught:
            await ask(endpoint)
        assert caught.value.kind == "crashed" and caught.value.fatal
        assert "exit code 3" in caught.value.message and "something snapped" in caught.value.message
        with pytest.raises(TargetError) as again:
            await ask(endpoint)
        assert again.value.kind == "crashed"
    assert gone(noted(tmp_path / "note.json")["child"])


async def test_a_server_that_is_killed_is_a_crash(tmp_path: Path) -> None:
    """The signal is named; memory is blamed only if the kernel says so."""
    async with small("well", tmp_path / "note.json") as endpoint:
        os.kill(endpoint.pids()[0], signal.SIGKILL)
        with pytest.raises(TargetError) as caught:
            await ask(endpoint)
    assert caught.value.kind == "crashed" and "SIGKILL" in caught.value.message


async def test_cancelling_the_start_leaves_nothing(tmp_path: Path) -> None:
    """Ctrl-C while it loads: the process goes."""
    note = tmp_path / "note.json"
    task = asyncio.create_task(small("sleeps", note).__aenter__())
    while not note.exists() or not note.read_text():  # noqa: ASYNC110  a process writes it
        await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(noted(note)["pid"]) and gone(noted(note)["child"])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_it_dies_with_us_even_when_we_are_killed(tmp_path: Path) -> None:
    """kill -9 of the parent leaves no server behind."""
    note = tmp_path / "note.json"
    program = (
        "import asyncio, pathlib, sys\n"
        "from tests.targets.test_served import small\n"
        "async def main():\n"
        f"    async with small('well', pathlib.Path({str(note)!r})):\n"
        "        print('open', flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=root) as parent:
        assert parent.stdout is not None and parent.stdout.readline() == b"open\n"
        parent.kill()
        parent.wait()
        assert gone(noted(note)["pid"])
    os.kill(noted(note)["child"], signal.SIGKILL)  # the small server's own child had not asked to die with it


def test_the_command_line_of_llama_cpp() -> None:
    """A second request must not cut the first one's stream; what is not given is the engine's own default."""
    command = llama_server(Serve(n_ctx=512), "/m.gguf", "tiny", 4321)
    assert command[:4] == [sys.executable, "-P", "-m", "edgebench.targets.llama_extras"]
    flags = dict(zip(command[4::2], command[5::2], strict=True))
    assert flags == {
        "--model": "/m.gguf",
        "--model_alias": "tiny",
        "--host": "127.0.0.1",
        "--port": "4321",
        "--n_ctx": "512",
        "--interrupt_requests": "false",
    }
    assert llama_server(Serve(n_threads=2), "/m.gguf", "tiny", 1)[-4:-2] == ["--n_threads", "2"]


def test_ports_are_free() -> None:
    """Two asked for are two, above the privileged ones."""
    assert 1023 < free_port() < 65536


@pytest.mark.models
async def test_a_real_model_behind_a_real_server(model_files: dict[str, Path]) -> None:
    """llama_cpp.server with SmolLM2 answers over our wire, two at once, and is marked as a stand-in."""
    file, size = str(model_files["smollm2"]), model_files["smollm2"].stat().st_size
    card = ModelCard(
        "smollm2-135m-q4_1", "SmolLM2", "llama.cpp", {}, quantisation="Q4_1", options={"n_ctx": 4096, "mmap": False}
    )
    serve = {"model": card.name, "n_ctx": 512, "n_threads": 2}
    spec = TargetSpec(kind="openai", options={"serve": serve})
    parts = Parts(name="seat", spec=spec, files={"model": file}, card=card, sha256={"model": "0" * 64}, device="here")
    async with target(parts) as endpoint:
        request = replace(question("Say hello to the world."), max_tokens=12)
        chunks = [chunk async for chunk in endpoint.answer(request)]
        both = await asyncio.gather(ask(endpoint, request), ask(endpoint, request))
        identity, pids = endpoint.identity(), endpoint.pids()
        assert psutil.Process(pids[0]).memory_info().rss > 50 * 2**20
    end = chunks[-1].completion
    assert len([chunk for chunk in chunks if chunk.text]) >= 3 and all(text.strip() for text in both)
    assert end is not None and end.finish_reason in ("stop", "length") and end.served_model == card.name
    assert end.notices == ("usage_missing",)  # known of this server
    assert (identity.placement, identity.device, identity.quantisation) == ("stand-in", "here", "Q4_1")
    assert identity.details["stand_in"] == "loopback stand-in, not a cloud" and "base_url" not in identity.details
    assert identity.engine == "llama_cpp.server" and identity.engine_version and identity.sha256 == "0" * 64
    assert identity.file_bytes == size
    assert gone(pids[0])


@pytest.mark.models
async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    """The engine's own complaint is in the failure."""
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF" + bytes(100))
    parts = Parts(name="seat", spec=TargetSpec(kind="openai", options={"serve": {}}), files={"model": str(file)})
    with pytest.raises(TargetError) as caught:
        await target(parts).__aenter__()
    assert caught.value.kind == "load_failed" and caught.value.fatal
