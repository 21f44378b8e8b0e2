"""Lines, warnings and output of a task: all that fits is written, and what does not is counted."""

import time

from headway.stream import Log, Reporter
from headway.stream.backlog import OUTPUT, OUTPUT_KEPT, PENDING
from headway.stream.reporter import RETRY
from headway.stream.ticker import TICK
from tests.stream.conftest import Written


def test_lines_and_warnings_are_all_written(reporter: Reporter, entries: Written) -> None:
    reporter.log("one\ntwo")
    reporter.warn("row 7", "no number")
    reporter.stop()
    assert ("log", None, "one two") in [
        (event, data.get("level"), data.get("text")) for event, data in entries()
    ]
    assert ("warning", "row 7: no number") in [
        (event, data.get("text")) for event, data in entries()
    ]
    assert reporter.record.warnings == [{"item": "row 7", "reason": "no number"}]
    assert reporter.progress()["warnings"] == reporter.record.warning_count == 1


def test_of_a_flood_of_lines_the_newest_are_sent_and_the_others_counted(log: Log, job: str) -> None:
    roomy = Log(log.url, maxlen=10_000)
    reporter = Reporter(roomy, job, 1)
    for number in range(PENDING + 500):
        reporter.log(number)
    reporter.stop()
    texts = [line["text"] for line in roomy.lines(job, reporter.number, count=5000)]
    assert texts[0] == "… 500 lines left out, too fast to show"
    assert texts[1:] == [str(number) for number in range(500, PENDING + 500)]
    roomy.close()


def test_only_the_first_hundred_warnings_are_kept_and_all_are_counted(reporter: Reporter) -> None:
    for number in range(150):
        reporter.warn(number, "bad")
    assert len(reporter.record.warnings) == 100
    assert reporter.progress()["warnings"] == 150


def test_output_is_joined_and_cut_into_pieces_of_bounded_size(
    reporter: Reporter, entries: Written
) -> None:
    for piece in ("Hel", "lo\n", "\0", "x" * OUTPUT):
        reporter.output(piece)
    reporter.stop()
    pieces = [data["text"] for event, data in entries() if event == "output"]
    assert "".join(pieces) == "Hello\n" + "x" * OUTPUT
    assert max(map(len, pieces)) <= OUTPUT


def test_the_first_output_does_not_wait_for_the_tick_and_later_ones_do(
    log: Log, job: str, entries: Written
) -> None:
    reporter, now = Reporter(log, job, 1), time.monotonic()  # flushed by hand
    reporter.update(1)
    reporter.flush(now)
    for moment, text in enumerate(("Once", " upon", " a time")):
        reporter.output(text)
        reporter.flush(now + moment / 1000)
    assert [data["text"] for event, data in entries() if event == "output"] == ["Once"]
    reporter.flush(now + TICK + 0.01)
    assert [data["text"] for event, data in entries() if event == "output"][1:] == [" upon a time"]


def test_output_that_nobody_takes_is_bounded_and_says_what_was_left_out(job: str) -> None:
    reporter, now = Reporter(Log("unix:///nowhere.sock", timeout=0.1), job, 1), time.monotonic()
    for second in range(40):
        reporter.output("x" * (OUTPUT_KEPT // 4))
        reporter.flush(now + second * RETRY)
    reporter.output("y" * (3 * OUTPUT_KEPT))
    reporter.output("the end")
    assert len(reporter._unsent) <= PENDING + 2 * OUTPUT_KEPT // OUTPUT + 1
    assert reporter._backlog._size <= 2 * OUTPUT_KEPT
    reporter._unsent = []  # as when Redis is back
    reporter._collect()
    told, *output = [event.data for _, event in reporter._unsent if event.kind != "progress"]
    assert "characters of output left out" in told["text"]
    assert "".join(each["text"] for each in output).endswith("the end")
