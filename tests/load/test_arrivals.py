"""Schedules: pure functions of a spec, a count and one generator."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebench import catalog
from edgebench.errors import DataError, UsageError
from edgebench.load.arrivals import constant, read_trace, schedule, trace
from edgebench.load.scenarios import AllAtOnce, Batches, Closed, Open, build, name_of
from edgebench.records import ScenarioSpec

RATES = st.floats(0.01, 1e5)
SPECS = st.one_of(
    st.builds(ScenarioSpec, kind=st.sampled_from(["constant", "poisson", "server"]), rate=RATES),
    st.builds(ScenarioSpec, kind=st.just("gamma"), rate=RATES, cv=st.floats(0.05, 20)),
    st.builds(ScenarioSpec, kind=st.just("ramp"), rate=RATES, to_rate=RATES),
    st.builds(ScenarioSpec, kind=st.just("trace"), trace=st.just("office-day"), rate=st.none() | RATES),
)


@given(SPECS, st.integers(0, 300), st.integers(0, 2**32 - 1))
@settings(max_examples=150, deadline=None)
def test_a_schedule_has_every_arrival_in_order_and_is_the_same_for_the_same_seed(
    spec: ScenarioSpec, count: int, seed: int
) -> None:
    """Whole nanoseconds from 0 on, never decreasing, one for each request."""
    first, again = (schedule(spec, count, np.random.default_rng(seed)) for _ in range(2))
    assert first.dtype == np.int64
    assert first.shape == (count,)
    assert (np.diff(first, prepend=0) >= 0).all()
    assert (first == again).all()


def test_a_constant_rate_does_not_drift() -> None:
    """Arrival number k is due at k / rate to the nanosecond, after an hour too."""
    offsets = constant(30.0, 108_001)
    assert offsets[-1] == 3_600_000_000_000
    assert np.abs(offsets - np.arange(108_001) * 1e9 / 30).max() <= 0.5


@pytest.mark.parametrize(("rate", "to_rate"), [(5.0, 50.0), (50.0, 5.0), (20.0, 20.0), (20.0, 20.0001)])
def test_a_ramp_has_the_rate_it_should_have_along_its_way(rate: float, to_rate: float) -> None:
    """Counts in the parts of its time follow the mean rate of each part, to four standard errors."""
    count = 40_000
    seconds = schedule(ScenarioSpec("ramp", rate=rate, to_rate=to_rate), count, np.random.default_rng(5)) / 1e9
    whole = 2 * count / (rate + to_rate)
    edges = np.linspace(0, whole, 11)
    middles = rate + (to_rate - rate) * (np.arange(10) + 0.5) / 10
    expected = middles * whole / 10
    found, _ = np.histogram(seconds, edges)
    assert (np.abs(found - expected) < 4 * np.sqrt(expected))[:-1].all()  # the count ends the last part


def test_a_trace_is_replayed_as_it_is_and_end_to_end() -> None:
    """Offsets of the file; after its end one mean gap, and again; arrivals used before are passed over."""
    seconds = np.array([1.0, 2.0, 5.0])
    assert (trace(seconds, 3) / 1e9 == [1, 2, 5]).all()
    assert (trace(seconds, 7) / 1e9 == [1, 2, 5, 7, 8, 11, 13]).all()
    assert (trace(seconds, 2, speed=2) / 1e9 == [0.5, 1]).all()
    assert (trace(seconds, 3, first=2) / 1e9 == [3, 5, 6]).all()


@pytest.mark.parametrize("first", [0, 1, 4, 9])
def test_the_blocks_of_a_run_walk_through_a_trace(first: int) -> None:
    """A block that takes up the trace where another left it has the same gaps as one that came along all the way."""
    seconds = np.array([0.0, 1.0, 1.0, 4.0])
    whole = trace(seconds, 12)
    part = trace(seconds, 3, first=first)
    assert (np.diff(part) == np.diff(whole[first : first + 3])).all()


def test_a_rate_rescales_the_whole_trace() -> None:
    """Its shape stays; its mean rate becomes the one asked for."""
    offsets = schedule(ScenarioSpec("trace", trace="office-day", rate=20.0), 2400, np.random.default_rng(1))
    assert (len(offsets) - 1) / ((offsets[-1] - offsets[0]) / 1e9) == pytest.approx(20.0)


@pytest.mark.parametrize("seconds", [[3.0], [2.0, 2.0]])
def test_a_trace_without_a_rate_is_refused(seconds: list[float]) -> None:
    """One moment says nothing about the time between two."""
    with pytest.raises(DataError, match="two arrivals"):
        trace(np.array(seconds), 1)


GOOD = [
    ("0\n0.5\n0.5\n3\n", [0, 0.5, 0.5, 3]),
    ("offset_s\n0\n1e1\n", [0, 10]),
    ('\ufeff"seconds"\r\n"1.5"\r\n\r\n 2 \r\n', [1.5, 2]),
    ("0\n1", [0, 1]),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_a_trace_file_is_one_column_of_seconds(tmp_path: Path, text: str, expected: list[float]) -> None:
    """With or without a header, quotes, a byte-order mark, a last line end, empty lines."""
    file = tmp_path / "t.csv"
    file.write_bytes(text.encode())
    assert read_trace(file).tolist() == expected


BAD = [
    ("", "t.csv: holds no arrivals"),
    ("offset_s\n\n", "t.csv: holds no arrivals"),
    ("0\n-1\n", "t.csv:2: -1 s is before the start"),
    ("0\n2\n1.5\n", "t.csv:3: 1.5 s comes before 2 s"),
    ("0\nsoon\n", "t.csv:2: 'soon' is no number"),
    ("0\nnan\n", "t.csv:2: 'nan' is no number"),
    ("inf\n", "t.csv:1: 'inf' is no number"),
    ("0,1\n", "t.csv:1: 2 columns"),
    ("offset_s\n0\n1,5\n", "t.csv:3: 2 columns"),
    ("0\n1e12\n", "t.csv:2: 1e\\+12 s is more than thirty years"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_what_is_no_trace_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    """``file:line`` and what is wrong there."""
    file = tmp_path / "t.csv"
    file.write_text(text)
    with pytest.raises(DataError, match=message):
        read_trace(file)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """Bytes that are no UTF-8, and a folder."""
    (tmp_path / "t.csv").write_bytes(b"0\n\xff\xfe\n")
    with pytest.raises(DataError, match="cannot be read"):
        read_trace(tmp_path / "t.csv")
    with pytest.raises(DataError, match="cannot be read"):
        read_trace(tmp_path)


@given(st.text(st.sampled_from("0123456789.,-+einfa \n\r\t\"'\x00\ufeff"), max_size=60) | st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_trace_or_a_data_error(content: str | bytes) -> None:
    """Nothing else is ever raised, and what is accepted is finite and never decreases."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "t.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        try:
            seconds = read_trace(file)
        except DataError as exc:
            assert re.match(r"t\.csv(:\d+)?: ", str(exc))
        else:
            assert len(seconds)
            assert np.isfinite(seconds).all()
            assert (np.diff(seconds, prepend=0) >= 0).all()


def test_the_shipped_day_is_a_day_with_its_origin() -> None:
    """Every shipped trace can be read, and a page beside it says where it comes from."""
    assert "office-day" in catalog.names("traces", ".csv")
    for name in catalog.names("traces", ".csv"):
        seconds = read_trace(catalog.path("traces", name, ".csv"))
        page = catalog.read("traces", name)
        assert page["figures"]["arrivals"]["value"] == len(seconds)
        assert seconds[-1] <= page["figures"]["hours"]["value"] * 3600
        assert page["shape"]["source"]
        assert page["shape"]["date"]
        assert page["made"]


NAMES = [
    (ScenarioSpec(), "closed(1)", Closed),
    (ScenarioSpec("closed", users=3), "closed(3)", Closed),
    (ScenarioSpec("single-stream"), "closed(1)", Closed),
    (ScenarioSpec("batches", users=4), "batches(4)", Batches),
    (ScenarioSpec("multi-stream"), "batches(8)", Batches),
    (ScenarioSpec("all-at-once"), "all-at-once", AllAtOnce),
    (ScenarioSpec("offline"), "all-at-once", AllAtOnce),
    (ScenarioSpec("constant", rate=50), "constant(50/s)", Open),
    (ScenarioSpec("poisson", rate=20), "poisson(20/s)", Open),
    (ScenarioSpec("server", rate=0.5), "poisson(0.5/s)", Open),
    (ScenarioSpec("gamma", rate=20), "gamma(20/s, cv=2)", Open),
    (ScenarioSpec("ramp", rate=5, to_rate=50), "ramp(5→50/s)", Open),
    (ScenarioSpec("trace", trace="office-day"), "trace(office-day)", Open),
    (ScenarioSpec("trace", trace="office-day", rate=4), "trace(office-day, 4/s)", Open),
    (ScenarioSpec("trace", trace="office-day", speed=60), "trace(office-day, ×60)", Open),
]


@pytest.mark.parametrize(("spec", "name", "kind"), NAMES)
def test_a_scenario_is_called_the_same_before_and_after_it_is_built(spec: ScenarioSpec, name: str, kind: type) -> None:
    """The name a trial carries is the name of what drives it; MLPerf's names are aliases."""
    made = build(spec, count=3, rng=np.random.default_rng(1), folder=Path())
    assert isinstance(made, kind)
    assert name_of(spec) == made.name == name


@pytest.mark.parametrize("kind", ["poisson", "constant", "gamma", "ramp"])
def test_a_schedule_without_a_rate_is_refused(kind: str) -> None:
    """In words, for those who use the library without a plan."""
    with pytest.raises(UsageError, match="no rate"):
        build(ScenarioSpec(kind), count=3, rng=np.random.default_rng(1))  # type: ignore[arg-type]
