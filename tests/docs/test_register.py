"""Every code block of the README and of docs/ is run by a test, or says why none can."""

import re
from typing import NamedTuple

import pytest

from tests.support.pages import PAGES, ROOT, Block, blocks

SHOP = "tests/docs/test_shop.py:test_a_project_made_of_the_pages_does_what_they_say"
INSTALL = "tests/install/test_install.py:test_it_is_live_in_a_project_of_somebody_else"
CLIENTS = "tests/client/test_clients_page.py"
MATRIX = (
    "tests/client/test_matrix.py:"
    "test_all_clients_have_the_whole_list_on_all_servers_after_all_faults"
)
CHAT = "tests/llm/test_llm_page.py"
WEBHOOKS = "tests/jobs/test_webhooks.py"
SQLITE = "tests/test_backups.py:test_sqlite_is_saved_while_it_is_written_to_and_comes_back"
POSTGRESQL = "tests/test_backups.py:test_postgresql_is_saved_and_comes_back_in_an_empty_database"
PROTOCOL = "tests/test_protocol.py"


class Run(NamedTuple):
    """The test that runs the blocks of a page in a language, or those of them with some words."""

    page: str
    language: str
    test: str
    having: str = ""


RUN = [
    Run(
        "README.md",
        "sh",
        "tests/test_architecture.py:test_the_two_commands_of_the_readme_are_the_ones_that_ci_runs",
    ),
    Run("README.md", "python", SHOP, "INSTALLED_APPS"),
    Run(
        "README.md",
        "python",
        "tests/docs/test_shop.py:test_the_readme_has_the_task_of_the_page",
        "@job_task",
    ),
    Run("README.md", "html", SHOP),
    Run(
        "docs/clients.md",
        "python",
        f"{CLIENTS}:test_the_python_of_the_page_follows_a_job_to_its_end",
    ),
    Run("docs/clients.md", "sh", f"{CLIENTS}:test_a_token_is_printed", "manage.py token"),
    Run("docs/clients.md", "sh", f"{CLIENTS}:test_each_command_shows_a_job_to_its_end", "watch"),
    Run(
        "docs/clients.md",
        "sh",
        f"{CLIENTS}:test_the_curl_of_the_page_reads_a_stream_and_starts_a_job",
        "curl",
    ),
    Run(
        "docs/clients.md",
        "bash",
        f"{CLIENTS}:test_the_loop_around_curl_prints_whole_events_to_the_end",
    ),
    Run(
        "docs/clients.md",
        "js",
        f"{CLIENTS}:test_the_javascript_of_the_page_shows_a_job_to_its_end",
        "const so",
    ),
    Run("docs/clients.md", "js", MATRIX, "function follow"),
    Run("docs/clients.md", "html", MATRIX, "sse-connect"),
    Run(
        "docs/clients.md",
        "html",
        "tests/pages/live/test_following.py:test_the_page_of_the_docs_follows_a_job",
        "import_map",
    ),
    Run(
        "docs/clients.md",
        "js",
        "tests/pages/live/test_following.py:test_the_script_of_the_docs_needs_no_django",
        "follow(JOBS",
    ),
    Run("docs/installing.md", "python", INSTALL),
    Run("docs/installing.md", "html", INSTALL),
    Run("docs/installing.md", "css", INSTALL),
    Run(
        "docs/llm.md", "sh", f"{CHAT}:test_the_settings_of_the_page_have_no_problem", "manage.py up"
    ),
    Run(
        "docs/llm.md",
        "sh",
        f"{CHAT}:test_the_curl_of_the_page_reads_the_stream_of_the_page",
        "curl",
    ),
    Run(
        "docs/llm.md",
        "sse",
        f"{CHAT}:test_the_curl_of_the_page_reads_the_stream_of_the_page",
        "id: 1",
    ),
    Run("docs/llm.md", "sse", f"{CHAT}:test_an_error_is_told_as_on_the_page", "event: error"),
    Run("docs/llm.md", "python", f"{CHAT}:test_the_python_of_the_page_prints_the_answer"),
    Run("docs/notices.md", "json", f"{WEBHOOKS}:test_the_message_is_that_of_the_page"),
    Run(
        "docs/notices.md",
        "python",
        f"{WEBHOOKS}:test_the_message_is_that_of_the_page",
        "is_genuine",
    ),
    Run(
        "docs/notices.md",
        "python",
        "tests/pages/test_notices.py:test_who_watches_a_job_succeed_is_led_on",
        "leads_to",
    ),
    Run("docs/observing-tasks.md", "python", SHOP),
    Run("docs/operations.md", "python", SHOP),
    Run("docs/operations.md", "sh", SQLITE, ".backup"),
    Run("docs/operations.md", "sh", SQLITE, "db.sqlite3-wal"),
    Run("docs/operations.md", "sh", POSTGRESQL, "pg_dump"),
    Run("docs/operations.md", "sh", POSTGRESQL, "pg_restore"),
    Run(
        "docs/operations.md",
        "sh",
        "tests/test_oidc.py:test_the_settings_of_the_page_have_no_problem",
        "OIDC_ISSUER",
    ),
    Run(
        "docs/operations.md",
        "sh",
        "tests/test_settings.py:test_the_settings_of_a_bucket_are_those_of_the_page",
        having="FILES_BUCKET",
    ),
    Run(
        "docs/protocol.md", "http", f"{PROTOCOL}:test_the_headers_of_a_stream_are_those_of_the_page"
    ),
    Run("docs/protocol.md", "sse", f"{PROTOCOL}:test_every_example_decodes_and_is_valid"),
    Run("docs/protocol.md", "ws", f"{PROTOCOL}:test_every_message_of_a_websocket_is_valid"),
    Run(
        "docs/protocol.md",
        "json",
        f"{PROTOCOL}:test_every_event_that_the_code_sends_has_a_schema_and_nothing_else_has",
    ),
    Run("docs/protocol.md", "json5", f"{PROTOCOL}:test_a_refusal_is_the_problem_of_the_page"),
    Run("docs/writing-tasks.md", "python", SHOP),
]
NOT_RUN = {
    (
        "docs/operations.md",
        "yaml",
    ): "of Prometheus; tests/http/test_metrics.py asks the same",
    (
        "docs/deploying.md",
        "sh",
    ): "line by line, where the tools are there, by tests/topology/test_deploying.py,"
    " which says why not of each other line",
    ("docs/architecture.md", "text"): "a picture of the rooms in letters",
    ("docs/compatibility.md", "sh"): "hours: the matrix runs before a release",
    (
        "docs/releasing.md",
        "sh",
    ): "tests/install/test_distribution.py builds and checks the same way",
    ("docs/performance.md", "sh"): "installs packages of the system; what it starts is run by"
    " tests/benchmarks/test_smoke.py",
}
ALL = [block for page in PAGES for block in blocks(page)]


def runs(block: Block) -> list[Run]:
    """Where a block is run."""
    return [
        run
        for run in RUN
        if (run.page, run.language) == (block.page, block.language) and run.having in block.code
    ]


@pytest.mark.parametrize("block", ALL, ids=str)
def test_each_block_is_run_by_one_test_or_says_why_not(block: Block) -> None:
    excused = (block.page, block.language) in NOT_RUN
    assert len(runs(block)) == (0 if excused else 1), f"{block}\n{block.code}"


def test_no_entry_is_left_of_a_block_that_is_gone() -> None:
    used = {run for block in ALL for run in runs(block)}
    assert [run for run in RUN if run not in used] == []
    assert NOT_RUN.keys() <= {(block.page, block.language) for block in ALL}


@pytest.mark.parametrize("test", sorted({run.test for run in RUN}))
def test_each_test_that_is_named_exists(test: str) -> None:
    path, _, name = test.partition(":")
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE)


def test_no_block_is_hidden_from_this_register() -> None:
    for page, path in PAGES.items():
        fences = re.findall(r"^\s*(?:```|~~~)", path.read_text(), re.MULTILINE)
        assert len(fences) == 2 * len(blocks(page)), page
