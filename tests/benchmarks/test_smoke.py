"""Every benchmark still runs, small and without judging times; rivals that are not installed are
left out."""

import json
import subprocess
import sys

import pytest
from django.conf import settings

from benchmarks.__main__ import NAMES
from benchmarks.table import Result
from benchmarks.viewers import Published, Viewer
from tests.support.thorough import Many

OFTEN = ("append", "fanout")
"""Benchmarks that share nothing but what all of them share; the others with --thorough."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_runs(name: str, many: Many) -> None:
    if name not in OFTEN and not many(0, thorough=1):
        pytest.skip("runs with pytest --thorough")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", name, "--quick", "--json"],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (result,) = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert result["name"] == name
    assert result["rows"]


@pytest.mark.parametrize("ids", [[1, 3, 2, 4], [1, 2, 2, 3, 4], [1, 2, 4], [1, 2, 3]])
def test_a_viewer_that_missed_something_is_found_out(ids: list[int]) -> None:
    written = [("a", 1, "progress"), ("a", 2, "log"), ("a", 3, "log"), ("a", 4, "progress")]
    with pytest.raises(AssertionError):
        Published.of(written).check(ids)


def test_progress_that_was_overtaken_need_not_arrive() -> None:
    written = [("a", 1, "progress"), ("b", 2, "progress"), ("a", 3, "log"), ("a", 4, "progress")]
    assert Published.of(written).check([2, 3, 4]) == 3


def test_a_viewer_reads_past_the_chunks_of_http() -> None:
    body = b"id: 7\nevent: log\ndata: {}\n\n"
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    viewer = Viewer(b"", 0)
    viewer.pieces = [(0.0, head + chunks[:20]), (0.1, chunks[20:])]
    assert viewer.body().rstrip(b"\r\n") == body.rstrip(b"\n")
    assert viewer.ids() == [7]


def test_medians_of_the_rounds_are_judged() -> None:
    result = Result("name", "work")
    result.add("ours", [{"us": 1.0}, {"us": 9.0}, {"us": 2.0}])
    result.add("theirs", [{"us": 2.0}, {"us": 2.0}, {"us": 2.0}])
    result.ratio("ours over theirs", "us", "ours", "theirs", 1.0)
    assert [target.met for target in result.targets] == [True]
    assert "| ours | 2 |" in result.to_text()
