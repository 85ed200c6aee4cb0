"""Generated programs: judged by what they return, and unable to do anything else to the machine or to the verdict."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import psutil
import pytest

from edgebench.errors import UsageError
from edgebench.records import Item, Judgement, Task
from edgebench.workloads.execution import ALLOWED, code, launching, obstacle, syscalls
from edgebench.workloads.execution.launching import Order, Verdict, Way, run

ADDS = Order("def check(candidate):\n    assert candidate(1) == 2\n    assert candidate(41) == 42\n", "f")
Attempt = Callable[..., Verdict]
ANY = Order("def check(candidate):\n    candidate()\n", "f")
TELLS = Order("def check(candidate):\n    raise ValueError(repr(candidate()))\n", "f")

enclosed = pytest.mark.skipif(obstacle() is not None, reason=f"{obstacle()}")


def works(way: str, python: str) -> bool:
    if sys.platform != "linux" or not Path(python).is_file():
        return False
    return run(ADDS, ["def f(x):\n    return x + 1"], way=way, python=python).kind == "passed"


def ways() -> Iterator[tuple[str, str]]:
    """Both ways to make an enclosure, each with an interpreter it works with here."""
    for way in ("user", "root"):
        yield from [(way, python) for python in (sys.executable, "/usr/bin/python3") if works(way, python)][:1]


WAYS = list(ways())


@pytest.fixture(params=WAYS, ids=lambda pair: pair[0])
def attempt(request: pytest.FixtureRequest) -> Iterator[Attempt]:
    """Try a program, in each way an enclosure can be made here; afterwards the machine is as it was."""
    yield from attempted(*request.param)


@pytest.fixture(params=WAYS[-1:], ids=lambda pair: pair[0])
def trial(request: pytest.FixtureRequest) -> Iterator[Attempt]:
    """The same in one of them, for what does not depend on it."""
    yield from attempted(*request.param)


def attempted(way: str, python: str) -> Iterator[Attempt]:
    mounts = Path("/proc/self/mounts").read_text()

    def tried(source: str, order: Order = ANY, *, seconds: float = 5.0, memory_mib: int = 512) -> Verdict:
        started = time.monotonic()
        verdict = run(order, [source], way=way, python=python, seconds=seconds, memory_mib=memory_mib)
        assert time.monotonic() - started < seconds + 3
        return verdict

    yield tried
    assert not enclosures()
    assert Path("/proc/self/mounts").read_text() == mounts
    assert not list(nobodys())


def nobodys() -> Iterator[Path]:
    """What a program has left in /tmp; other tests make and remove files of their own there meanwhile."""
    for path in Path("/tmp").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if path.lstat().st_uid == 65534 != os.geteuid():
                yield path


def enclosures() -> list[int]:
    """Processes of an enclosure of ours that are there now: our children, or nobody's any more."""
    found = []
    for process in psutil.process_iter():
        try:
            ours = process.ppid() in (os.getpid(), 1)
            if ours and any(part.endswith("execution/enclosure.py") for part in process.cmdline()):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def item(reference: object) -> Item:
    return Item("one", "Complete this", reference)


def judged(answer: str, reference: object = None, **options: float) -> Judgement:
    token = ALLOWED.set(True)
    try:
        wanted = {"test": ADDS.test, "entry_point": "f", "prompt": "def f(x):\n"} if reference is None else reference
        return code(**options)(item(wanted), Task(), answer)  # type: ignore[arg-type]
    finally:
        ALLOWED.reset(token)


# --------------------------------------------------------------------------------------------------- permission


def test_nothing_runs_unless_a_person_said_so(monkeypatch):
    """Without permission no process is started, the answer is unjudged, and the judgement is of another version."""
    monkeypatch.setattr(launching.subprocess, "Popen", lambda *a, **k: pytest.fail("a process was started"))
    judge = code()
    said = judge(item({"test": ADDS.test, "entry_point": "f"}), Task(), "def f(x): return x + 1")
    assert said == Judgement(None, None, "generated programs run only with --allow-code")
    assert judge.version == "1 (not run)"


def test_nothing_runs_where_no_enclosure_can_be_made(monkeypatch):
    """Where the kernel makes no network namespace, the answer is unjudged and the judgement says why."""
    monkeypatch.setattr(launching, "way", lambda: Way(why="no network namespace can be made (Operation not permitted)"))
    monkeypatch.setattr(launching.subprocess, "Popen", lambda *a, **k: pytest.fail("a process was started"))
    said = judged("def f(x): return x + 1")
    assert said.value is None and "no network namespace" in (said.explanation or "")


@enclosed
def test_an_ordinary_user_without_a_user_namespace_is_refused_by_the_kernel_itself():
    """The step the kernel refuses is named; the program was not run."""
    python = next((p for p in (sys.executable, "/usr/bin/python3") if runs_for_nobody(p)), None)
    if python is None:
        pytest.skip("no interpreter here that an ordinary user may run")
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    limits = ["root", "5.0", str(2**29), "0", "0"]
    command = [python, "-s", "-S", "-P", "-B", str(launching.ENCLOSURE), *limits]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True, cwd="/", **user)
    verdict = json.loads(said.stdout)
    assert (verdict["kind"], verdict["detail"].partition(" (")[0]) == (
        "enclosure",
        "no network namespace can be made",
    )


def runs_for_nobody(python: str) -> bool:
    if os.geteuid() != 0:
        return True
    try:
        return (
            subprocess.run([python, "-S", "-c", ""], user=65534, cwd="/", capture_output=True, check=False).returncode
            == 0
        )
    except OSError:
        return False


@pytest.mark.parametrize(
    "reference", [None, "18", 3, ["x"], {}, {"test": "", "entry_point": "f"}, {"test": "x", "entry_point": "a b"},
                  {"test": 1, "entry_point": "f"}],
)  # fmt: skip
def test_a_reference_that_tests_nothing_judges_nothing(reference):
    """What is no test with the name of a function is no reference of this scorer."""
    if reference is None:
        reference = "none at all"
    said = judged("def f(x): return x + 1", reference)
    assert said.value is None and "test" in (said.explanation or "")


@pytest.mark.parametrize("options", [{"seconds": 0}, {"seconds": 1e9}, {"memory_mib": 1}])
def test_limits_that_cannot_be_are_refused(options):
    """A wrong limit is said when the plan is read."""
    with pytest.raises(UsageError, match="scorer code"):
        code(**options)


# --------------------------------------------------------------------------------------------------- verdicts


@enclosed
@pytest.mark.parametrize(
    ("answer", "value", "words"),
    [
        ("    return x + 1\n", 1.0, None),
        ("```python\ndef f(x):\n    return x + 1\n```\nHope this helps!", 1.0, None),
        ("    return x\n", 0.0, "assertion: assert candidate(1) == 2"),
        ("    return x.no\n", 0.0, "exception: AttributeError"),
        ("    return None\n", 0.0, "assertion"),
        ("def f(x:\n    return\n", 0.0, "syntax"),
        ("I am sorry, I cannot help with that.", 0.0, "syntax"),
        ("def g(x):\n    return x + 1\n", 0.0, "missing: it defines no function f"),
        ("import nowhere\ndef f(x):\n    return x + 1\n", 0.0, "exception: ModuleNotFoundError"),
        ("    raise SystemExit(0)\n", 0.0, "ended: it left by SystemExit"),
        ("", 0.0, "syntax: there is no program"),
    ],
)
def test_what_is_said_of_an_answer(answer, value, words):
    """Right is 1; wrong is 0 with the label code_fails and the kind of failure."""
    said = judged(answer)
    assert said.value == value
    assert said.label == ("passed" if value else "code_fails")
    assert (said.explanation or "").startswith(words or "")


@enclosed
def test_a_test_that_is_itself_broken_judges_nothing():
    """A test that is no Python, or hands over what cannot cross, is the data's mistake and not the answer's."""
    broken = {"test": "def check(candidate:", "entry_point": "f"}
    said = judged("def f(x): return x", broken)
    assert said.value is None and "SyntaxError" in (said.explanation or "")
    handing = {"test": "def check(candidate):\n    candidate(lambda: 1)", "entry_point": "f"}
    said = judged("def f(x): return x", handing)
    assert said.value is None and "a function" in (said.explanation or "")


def test_values_cross_as_they_are(trial):
    """Numbers of any size, texts, nested lists, tuples, sets, dicts and iterators come back equal and of their type."""
    test = (
        "def check(candidate):\n"
        "    values = [0, True, None, 10**5000, -2.5, float('inf'), 1j, 'ü\\ud800\\0', b'x', (1, [2, (3,)]), {1, 2},\n"
        "              frozenset({(1, 2)}), {'a': {1: (2,)}, (1,): 'b'}, range(3, 9, 2), []]\n"
        "    for value in values:\n"
        "        back = candidate(value)\n"
        "        assert back == value and type(back) is type(value), repr(value)[:50]\n"
        "    assert candidate(float('nan')) != candidate(float('nan'))\n"
        "    assert list(candidate([1, 2], each=True)) == [1, 2]\n"
    )
    source = "def f(x, each=False):\n    return iter(x) if each else x\n"
    assert trial(source, Order(test, "f")) == Verdict("passed")


def test_errors_cross_by_name(trial):
    """A test may expect an error of the program; one of the program's own kind arrives as a RuntimeError."""
    test = (
        "def check(candidate):\n"
        "    for kind, expected in (('v', ValueError), ('u', RuntimeError), ('own', RuntimeError)):\n"
        "        try:\n            candidate(kind)\n"
        "        except expected as exc:\n            assert 'said' in str(exc) or kind == 'u'\n"
        "        else:\n            raise AssertionError(kind)\n"
    )
    source = (
        "class Own(Exception): pass\n"
        "def f(kind):\n"
        "    if kind == 'v': raise ValueError('said')\n"
        "    if kind == 'u': b'\\xff'.decode()\n"
        "    raise Own('said')\n"
    )
    assert trial(source, Order(test, "f")) == Verdict("passed")


@enclosed
def test_a_verdict_does_not_depend_on_chance():
    """Hashes are fixed and chance is seeded: what a set's order or a draw decides is decided the same each time."""
    reference = {"test": "def check(candidate):\n    raise ValueError(candidate())", "entry_point": "f"}
    answer = "import random\ndef f():\n    return list({'a', 'b', 'c', 'd', 'e'}) + [random.random()]\n"
    assert len({judged(answer, reference).explanation for _ in range(3)}) == 1


# --------------------------------------------------------------------------------------------------- faking a pass

FAKES = {
    "prints it": 'def f(x):\n    print(\'{"kind": "passed", "detail": ""}\', flush=True)\n',
    "leaves early": "import os\ndef f(x):\n    os._exit(0)\n",
    "leaves at once": "import os\nclass A:\n    os._exit(0)\ndef f(x):\n    return x + 1\n",
    "leaves politely": "import sys\ndef f(x):\n    sys.exit(0)\n",
    "equals everything": "class E(int):\n    def __eq__(self, o): return True\ndef f(x):\n    return E(7)\n",
    "is no value, and equals everything": "class E:\n    def __eq__(self, o): return True\ndef f(x):\n    return E()\n",
    "takes assertions away": "import builtins\nclass Q(Exception): pass\ndef f(x):\n    builtins.AssertionError = Q\n",
    "writes to every descriptor": (
        "import os\ndef f(x):\n"
        "    for fd in range(64):\n"
        '        try: os.write(fd, b\'{"kind": "passed", "detail": ""}\\n\')\n'
        "        except OSError: pass\n"
    ),
    "says it has passed before it is called": (
        "import json, os\n"
        "class A:\n"
        "    said = json.dumps({'kind': 'passed', 'detail': ''}).encode()\n"
        "    for fd in range(3, 64):\n"
        "        try: os.write(fd, len(said).to_bytes(4, 'big') + said)\n"
        "        except OSError: pass\n"
        "def f(x):\n    return 0\n"
    ),
    "looks for the test": (
        "import gc, sys\ndef f(x):\n"
        "    seen = [o for o in gc.get_objects() if isinstance(o, dict) and 'test' in o and 'entry_point' in o]\n"
        "    texts = [t for o in seen for t in map(str, o.values()) if 'assert candidate' in t]\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n"
        "        texts += [str(v) for v in frame.f_locals.values() if 'assert cand' + 'idate(' in str(v)]\n"
        "        frame = frame.f_back\n"
        "    return x + 1 if texts else 0\n"
    ),
    "traces the examiner": (
        "import ctypes\ndef f(x):\n"
        "    libc = ctypes.CDLL(None)\n"
        "    return x + 1 if libc.ptrace(16, 1, 0, 0) == 0 else 0\n"
    ),
    "kills the examiner": "import os\ndef f(x):\n    os.kill(1, 9); os.kill(os.getppid(), 9)\n    return 0\n",
}


@pytest.mark.parametrize("name", FAKES)
def test_a_program_cannot_say_that_it_passed(trial, name):
    """Whatever it prints, changes, traces, kills or leaves: only right values pass."""
    verdict = trial(FAKES[name], ADDS)
    assert verdict.kind in ("assertion", "ended", "exception"), verdict


# --------------------------------------------------------------------------------------------------- doing harm


def test_it_cannot_multiply(attempt):
    """No process and no thread of its own, so none can be left."""
    fork = "import os\ndef f():\n    while True:\n        os.fork()\n"
    assert "Resource temporarily unavailable" in attempt(fork).detail
    stubborn = "import os\ndef f():\n    while True:\n        try: os.fork()\n        except OSError: pass\n"
    assert attempt(stubborn, seconds=0.5).kind == "timeout"
    thread = "import threading\ndef f():\n    threading.Thread(target=print).start()\n"
    assert "can't start new thread" in attempt(thread).detail
    shell = "import os\ndef f():\n    return os.system('true')\n"
    assert "ValueError: 0" not in attempt(shell, TELLS).detail


def test_it_writes_nowhere_but_in_its_home(attempt, tmp_path):
    """The checkout, temporary folders, libraries and shared memory are not there or cannot be written; its home can."""
    tmp_path.chmod(0o777)
    kept = tmp_path / "kept"
    kept.write_text("as it was")
    kept.chmod(0o666)
    places = [str(kept), str(tmp_path / "new"), str(Path(__file__).parent / "new"), "/tmp/new", "/dev/shm/new", "/new",
              "/usr/lib/new", str(Path(os.__file__).with_name("new.py")), os.__file__, "/etc/passwd",
              "/dev/new", "../new", "/proc/1/oom_score_adj", "/sys/new"]  # fmt: skip
    source = (
        f"import os\nplaces = {places!r}\n"
        "def f():\n"
        "    done = []\n"
        "    for place in places:\n"
        "        for mode in ('w', 'a'):\n"
        "            try:\n                open(place, mode).write('x'); done.append(place)\n"
        "            except OSError: pass\n"
        "    os.chmod('.', 0o777)\n"
        "    open('mine', 'w').write('x' * 1000)\n"
        "    home = os.path.expanduser('~')\n"
        "    return done, os.getcwd(), home, os.listdir(home), os.path.getsize('mine')\n"
    )
    assert attempt(source, TELLS).detail.startswith("ValueError: ([], '/home', '/home', ['mine'], 1000)")
    assert kept.read_text() == "as it was" and sorted(tmp_path.iterdir()) == [kept]
    assert attempt("import os\ndef f():\n    return os.listdir('.')\n", TELLS).detail.startswith("ValueError: []")


def test_it_reads_nothing_of_ours(attempt, tmp_path):
    """Neither our files nor other processes nor devices are there to be read."""
    tmp_path.chmod(0o777)
    (tmp_path / "secret").write_text("s3cret")
    places = [str(tmp_path / "secret"), __file__, "/etc/passwd", "/proc/self/environ", "/proc/1/cmdline", "/dev/mem"]
    source = (
        f"places = {places!r}\n"
        "def f():\n"
        "    read = []\n"
        "    for place in places:\n"
        "        try: read.append(open(place).read(1))\n"
        "        except OSError: pass\n"
        "    return read\n"
    )
    assert attempt(source, TELLS).detail.startswith("ValueError: []")


def test_it_has_no_rights_to_use(attempt):
    """An ordinary user without capabilities, who mounts nothing, raises no limit, and takes no memory beside it."""
    source = (
        "import ctypes, os, resource\n"
        "def f():\n"
        "    libc = ctypes.CDLL(None)\n"
        "    tried = [libc.mount(b'tmpfs', b'/home', b'tmpfs', 0, None), libc.unshare(0x20000), libc.setuid(0),\n"
        "             libc.chroot(b'/home'), libc.umount2(b'/home', 2), libc.sethostname(b'x', 1),\n"
        "             libc.unshare(0x10000000), libc.shmget(0, 4096, 0o1600), libc.msgget(0, 0o1600)]\n"
        "    tried.append(libc.memfd_create(b'x', 0))\n"
        "    try:\n        resource.setrlimit(resource.RLIMIT_NPROC, (9, 9)); tried.append(0)\n"
        "    except (ValueError, OSError):\n        tried.append(-1)\n"
        "    return os.getresuid() + os.getresgid(), set(tried)\n"
    )
    uids = ", ".join(["65534"] * 6)
    assert attempt(source, TELLS).detail.startswith(f"ValueError: (({uids}), {{-1}})")


@pytest.mark.parametrize("machine", syscalls.MACHINES)
def test_the_filter_denies_what_is_listed_and_allows_the_rest(machine):
    """Carried out step by step: listed numbers are denied, others allowed, another architecture ends the process."""
    column, architecture = syscalls.MACHINES[machine]
    listed = {both[column] for both in syscalls.FORBIDDEN.values()}
    for number in range(600):
        assert filtered(machine, number, architecture) == (syscalls.DENY if number in listed else syscalls.ALLOW)
    assert filtered(machine, syscalls.X32 + 1, architecture) == syscalls.DENY
    assert filtered(machine, 1, architecture ^ 1) == syscalls.KILL


def filtered(machine: str, number: int, architecture: int) -> int:
    """What the filter says of one call."""
    steps = list(struct.iter_unpack("=HBBI", syscalls.program(machine)))
    held, place = 0, 0
    while True:
        operation, then, otherwise, operand = steps[place]
        if operation == syscalls.RETURN:
            return operand
        if operation == syscalls.LOAD:
            held = {syscalls.NUMBER: number, syscalls.ARCHITECTURE: architecture}[operand]
            place += 1
        else:
            holds = held == operand if operation == syscalls.EQUAL else held >= operand
            place += 1 + (then if holds else otherwise)


def test_it_reaches_no_network(attempt):
    """A server on this machine, by loopback address and by abstract socket, gets no connection."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0edgebench-test")
        local.listen()
        server.settimeout(0.2)
        local.settimeout(0.2)
        port = server.getsockname()[1]
        source = (
            "import socket\n"
            "def f():\n"
            "    said = []\n"
            f"    places = (socket.AF_INET, ('127.0.0.1', {port})), (socket.AF_UNIX, '\\0edgebench-test')\n"
            "    for family, place in places:\n"
            "        try:\n            socket.socket(family).connect(place); said.append(place)\n"
            "        except OSError: pass\n"
            "    return said\n"
        )
        assert attempt(source, TELLS).detail.startswith("ValueError: []")
        for each in (server, local):
            with pytest.raises(TimeoutError):
                each.accept()


def test_it_sees_none_of_our_environment(attempt, monkeypatch):
    """Nothing of our environment is handed on; there is a home, and that is all."""
    monkeypatch.setenv("EDGEBENCH_SECRET", "s3cret")
    monkeypatch.setenv("OPENAI_API_KEY", "s3cret")
    source = "import os\ndef f():\n    return dict(os.environ)\n"
    assert attempt(source, TELLS).detail.startswith("ValueError: {'HOME': '/home'}")


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    while True: pass\n",
        "import time\ndef f():\n    time.sleep(1000)\n",
        "class A:\n    while True: pass\ndef f(): pass\n",
        "import signal, time\ndef f():\n    for n in (1, 2, 14, 15, 24): signal.signal(n, 1)\n    time.sleep(99)\n",
        "import os, time\ndef f():\n    os.closerange(0, 64)\n    time.sleep(99)\n",
        "import ctypes, time\ndef f():\n    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)\n    time.sleep(99)\n",
    ],
)
def test_it_ends_in_time(trial, source):
    """Loops, sleeps, ignored signals, closed descriptors: at its time it is gone."""
    verdict = trial(source, seconds=0.6)
    assert verdict.kind == "timeout"


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("def f():\n    x = []\n    while True: x.append(bytearray(2**20))\n", {"memory"}),
        ("def f():\n    return 'x' * 2**30\n", {"memory"}),
        ("def f():\n    return 'x' * 2**26\n", {"memory"}),
        ("def f():\n    return [0] * 10**8\n", {"memory"}),
        ("x = bytearray(2**30)\ndef f(): pass\n", {"memory"}),
        ("def f():\n    return 2**(2**33)\n", {"memory", "exception", "timeout"}),
        ("def f():\n    return f()\n", {"exception"}),
        ("import sys\ndef f():\n    sys.setrecursionlimit(10**9)\n    return f()\n", {"ended", "memory", "timeout"}),
        ("def f():\n    x = []\n    for _ in range(10**5): x = [x]\n    return x\n", {"exception"}),
        ("def f():\n    x = []\n    x.append(x)\n    return x\n", {"exception"}),
        ("import ctypes\ndef f():\n    ctypes.string_at(0)\n", {"ended"}),
        ("f = " + "(" * 9000, {"syntax"}),
        ("def f(): return " + "-" * 15000 + "1", {"syntax", "ended", "memory", "exception"}),
        ("def f(): return " + "+".join(["1"] * 9000), {"syntax", "ended", "memory", "exception", "passed"}),
    ],
)
def test_it_gets_no_more_memory_than_it_may(trial, source, kinds):
    """Memory, recursion, crashes and programs nobody can parse end as a failure of the program, not of the scorer."""
    verdict = trial(source, seconds=1.0 if "timeout" in kinds else 20.0, memory_mib=256)
    assert verdict.kind in kinds, verdict


def test_it_fills_no_disk_and_no_pipe(trial):
    """A gigabyte written and a hundred megabytes printed go nowhere."""
    fills = "def f():\n    with open('big', 'wb') as big:\n        for _ in range(1024): big.write(bytes(2**20))\n"
    verdict = trial(fills)
    assert verdict.kind == "exception" and "File too large" in verdict.detail
    many = "def f():\n    for n in range(99):\n        with open(str(n), 'wb') as big: big.write(bytes(2**23))\n"
    assert "No space left on device" in trial(many).detail
    prints = "import sys\ndef f():\n    for _ in range(100): print('x' * 2**20); sys.stderr.write('y' * 2**20)\n"
    assert trial(prints) == Verdict("passed")
    reads = "def f():\n    return input()\n"
    assert trial(reads).detail.startswith("EOFError")


def test_nothing_is_left_when_the_scorer_itself_is_killed():
    """kill -9 of whoever judges ends the enclosure with it."""
    if obstacle() is not None:
        pytest.skip(str(obstacle()))
    script = (
        "from edgebench.workloads.execution.launching import Order, run, way\n"
        "run(Order('f()', 'f'), ['def f():\\n    while True: pass'], way=way().name, seconds=60)\n"
    )
    judge = subprocess.Popen([sys.executable, "-c", script])
    deadline = time.monotonic() + 20
    while not any(child.cpu_times().user > 0.1 for child in alive(judge.pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    inside = alive(judge.pid)
    judge.send_signal(signal.SIGKILL)
    judge.wait()
    gone, left = psutil.wait_procs(inside, timeout=10)
    assert len(gone) >= 3 and not left


def alive(pid: int) -> list[psutil.Process]:
    """The processes below one."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@enclosed
def test_programs_of_several_threads_do_not_meet():
    """Judging from several threads at once gives each its own verdict."""
    answers = {threading.get_ident() + n: f"    return x + {n % 2}\n" for n in range(8)}
    with ThreadPoolExecutor(4) as pool:
        values = [said.value for said in pool.map(judged, answers.values())]
    assert values == [float(answer.endswith("1\n")) for answer in answers.values()]


# --------------------------------------------------------------------------------------------------- real ones


@enclosed
def test_the_canonical_solutions_of_humaneval_pass(data_dir: Path):
    """All 164 as a body alone; every sixteenth also as a whole function among words, and with its first indent lost."""
    with gzip.open(data_dir / "humaneval" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    asked = []
    for number, row in enumerate(rows):
        reference = {key: row[key] for key in ("test", "entry_point", "prompt")}
        body, whole = row["canonical_solution"], row["prompt"] + row["canonical_solution"]
        asked.append((body, reference))
        if number % 16 == 0:
            asked.append((f"Sure! Here it is:\n\n```python\n{whole}\nprint('done')\n```\nIt is simple.", reference))
            asked.append((body.lstrip(), reference))
    token = ALLOWED.set(True)
    context = copy_context()
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda pair: context.copy().run(judged, *pair), asked))
    ALLOWED.reset(token)
    assert [said.explanation for said in verdicts if said.value != 1] == []
    assert len(verdicts) == 164 + 2 * 11
