"""What a task has said before its end is written before its end, whatever waits."""

import uuid
from collections import deque
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from headway.stream import Log, Reporter
from headway.stream.backlog import OUTPUT, OUTPUT_KEPT, PENDING
from headway.stream.event import LastWords
from headway.stream.reporter import RETRY
from tests.support.stack import Valkey

Call = tuple[str, int]
"""What is called, and how often; of `output` how many characters are put out at once."""

few, many = st.integers(1, 30), st.sampled_from([PENDING - 1, PENDING, PENDING + 1, 2 * PENDING])
sizes = st.integers(1, 5000) | st.sampled_from([OUTPUT, OUTPUT + 1, OUTPUT_KEPT])
calls = st.lists(
    st.tuples(st.sampled_from(["log", "warn"]), few | many)
    | st.tuples(st.just("output"), sizes)
    | st.tuples(st.sampled_from(["update", "flush", "fail to flush"]), st.just(1)),
    max_size=12,
)


class Said:
    """Calls a reporter, and knows what must be found of it."""

    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter
        self.lines: list[str] = []
        self.output = ""
        self.now = reporter._started

    def do(self, what: str, times: int) -> None:
        if what == "output":
            text = f"<{len(self.output)}>".ljust(times, "x")
            self.output += text
            self.reporter.output(text)
        elif "flush" in what:
            self.flush(nowhere=what == "fail to flush")
        for number in range(times):
            self.say(what, number)

    def say(self, what: str, number: int) -> None:
        text = f"line {len(self.lines)}"
        if what == "update":
            self.reporter.update(number, 10)
        elif what == "log":
            self.reporter.log(text)
            self.lines.append(text)
        elif what == "warn":
            self.reporter.warn(text, "wrong")
            self.lines.append(f"{text}: wrong")

    @property
    def kept(self) -> LastWords:
        """What goes into the attempt's row."""
        return self.reporter.record.said(self.reporter.progress())

    def flush(self, *, nowhere: bool) -> None:
        """As the ticker does, long after the last; with `nowhere`, Redis does not answer."""
        log, self.now = self.reporter._log, self.now + RETRY
        if nowhere:
            self.reporter._log = Log("unix:///nowhere.sock", timeout=0.1)
        self.reporter.flush(self.now)
        self.reporter._log = log


@pytest.fixture(scope="module")
def roomy(valkey: Valkey) -> Iterator[Log]:
    """A log that is not trimmed."""
    log = Log(valkey.url, maxlen=1_000_000, ttl=60)
    yield log
    log.close()


@settings(max_examples=12, deadline=None)
@given(calls=calls)
@example(calls=[("warn", 1200), ("output", 5000)])
@example(calls=[("log", 999), ("output", 5000), ("fail to flush", 1), ("log", 2)])
@example(calls=[("output", OUTPUT_KEPT), ("fail to flush", 1), ("output", 7), ("log", 3)])
def test_what_was_said_before_the_end_is_written_before_the_end(
    roomy: Log, calls: list[Call]
) -> None:
    job = str(uuid.uuid4())
    said = Said(Reporter(roomy, job, 1))
    for what, times in calls:
        said.do(what, times)
    said.reporter.stop()
    found = [line["text"] for line in roomy.lines(job, said.reporter.number, count=1_000_000)]
    output = roomy.output(job).text
    assert output.endswith(said.output[-OUTPUT_KEPT:])
    assert list(missing(found, said.lines)) == []
    assert [line["text"] for line in said.kept["lines"]] == said.lines[-200:]


def missing(found: list[str], lines: list[str]) -> Iterator[str]:
    """The lines that are neither there, in their order, nor counted as left out."""
    left = deque(lines)
    for line in found:
        if line.endswith("too fast to show"):  # … 1,234 lines left out,
            for _ in range(int(line.split()[1].replace(",", ""))):
                left.popleft()
        elif not line.startswith("…"):
            while (expected := left.popleft()) != line:
                yield expected
    yield from left
