"""The core of the faults on our build and on a naive one: each scenario must find nothing wrong
with ours, and something with the other for every fault that it is about, or it would prove nothing.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker

from tests.naive import site, starting, streaming, workers
from tests.naive.builds import Build, Naive, Ours
from tests.naive.finding import Finding
from tests.support.stack import Valkey
from tests.support.thorough import Many
from tests.test_docs import rows

Scenario = Callable[[Build, Path], Iterator[Finding]]
CORE: dict[Scenario, str] = {
    starting.refused: "F1 F30 F43",
    starting.hung: "F2 F8 F44",
    starting.doubled: "F3 F4 F7 F13",
    workers.killed: "F9 F23 F27",
    workers.unruly: "F11 F12 F25 F26 F32",
    workers.deployed: "F5 F15 F21",
    workers.flood: "F31",
    workers.cancelled: "F28 F29",
    streaming.cut: "F37",
    streaming.come_back: "F56 F57 F58",
    streaming.killed: "F49",
    streaming.crowd: "F42 F46 F50",
    streaming.strangers: "F61 F67 F68",
}
OFTEN = (starting.doubled, workers.killed, streaming.killed, streaming.strangers)
"""One of each sort; the others with `--thorough`, since tests/faults has what is about ours."""
TABLE = {
    row[0].split()[0]: row[-1]
    for row in rows("docs/reliability.md")
    if len(row) == 4 and row[0].startswith("F")
}
NOT_RUN = "\u2013"


@pytest.fixture(scope="module")
def builds(
    valkey: Valkey, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[dict[str, Build]]:
    """Both builds, running."""
    valkey.flush()
    with django_db_blocker.unblock():
        site.sql(site.TABLE)
        made: dict[str, Build] = {"ours": Ours(valkey), "naive": Naive(valkey)}
        processes = [process for build in made.values() for process in build.processes]
    try:
        with django_db_blocker.unblock():
            for process in processes:
                process.begin()
            for process in processes:
                process.await_ready()
        yield made
    finally:
        for process in processes:
            process.kill()
        with django_db_blocker.unblock():
            site.sql("DROP TABLE naive")


@pytest.fixture(params=["ours", "naive"])
def build(
    request: pytest.FixtureRequest, builds: dict[str, Build], transactional_db: None
) -> Build:
    """Each build, without jobs, and with somebody who is signed in."""
    site.sql("DELETE FROM naive")
    chosen = builds[request.param]
    chosen.sign_in()
    return chosen


@pytest.mark.parametrize("scenario", CORE)
def test_a_fault_is_survived_here_and_noticed_in_the_naive_build(
    build: Build, scenario: Scenario, tmp_path: Path, many: Many
) -> None:
    if scenario not in OFTEN and not many(0, thorough=1):
        pytest.skip("runs with pytest --thorough")
    found: dict[str, list[str]] = {}
    for fault, words in scenario(build, tmp_path):
        found.setdefault(fault, []).append(words)
    about = CORE[scenario].split() if isinstance(build, Naive) else []
    told = {fault: "; ".join(words) for fault, words in found.items()}
    assert told == {fault: TABLE[fault] for fault in about}


def test_the_table_says_of_the_naive_build_only_what_was_run() -> None:
    run = {fault for faults in CORE.values() for fault in faults.split()}
    assert {fault for fault, said in TABLE.items() if said != NOT_RUN} == run
