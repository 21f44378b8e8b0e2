"""Users known by an address, with a UUID for a key, at every door that names or asks for them."""

import time
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.custom.conftest import Project
from tests.custom.test_sessions import AUTH, csrf, signed_in, start, until
from tests.support.patience import PATIENCE
from tests.support.stack import Valkey, Web, Worker
from tests.ws.client import Client as Socket

ALICE = "alice@example.org"


@pytest.fixture(scope="module")
def web(project: Project) -> Iterator[Web]:
    process = Web(**project.environment)
    process.start()
    yield process
    process.stop()


@pytest.fixture
def token(project: Project) -> str:
    """Alice's, as the command prints it."""
    return project.manage("token", ALICE)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "Accept": "application/json"}


def test_the_command_starts_a_job_of_theirs_and_a_worker_runs_it(
    project: Project, web: Web, token: str, valkey: Valkey
) -> None:
    valkey.flush()  # the queue: other tests leave jobs in it
    job = project.manage("start_job", "simulate", "--user", ALICE, "--set", "seconds=1")
    worker = Worker(**project.environment)
    worker.start()
    try:
        with httpx.Client(base_url=web.url, headers=bearer(token), timeout=PATIENCE) as alice:
            deadline = time.monotonic() + PATIENCE
            while (now := alice.get(f"/jobs/{job}/status/").json())["status"] != "succeeded":
                assert time.monotonic() < deadline, now
                time.sleep(0.2)
    finally:
        worker.stop()


def test_a_name_that_nobody_has_is_a_sentence(project: Project) -> None:
    for command in (["token", "eve@example.org"], ["start_job", "simulate", "--user", "eve"]):
        with pytest.raises(AssertionError, match="There is no user 'eve"):
            project.manage(*command)


def test_the_stream_of_all_mine_follows_a_new_job(project: Project, web: Web, token: str) -> None:
    with (
        httpx.Client(base_url=web.url, headers=bearer(token), timeout=PATIENCE) as alice,
        alice.stream("GET", "/jobs/events/") as response,
    ):
        pieces = response.iter_text()
        until(pieces, "retry: ")
        answer = alice.post("/jobs/start/simulate/", json={"seconds": 60})
        until(pieces, answer.raise_for_status().json()["job"])
    with (
        httpx.Client(base_url=web.url, headers=bearer(token), timeout=PATIENCE) as alice,
        alice.stream("GET", "/jobs/events/") as again,  # found by what the database knows
    ):
        until(again.iter_text(), answer.json()["job"])


def test_a_revoked_token_ends_its_stream(project: Project, web: Web, token: str) -> None:
    with (
        httpx.Client(base_url=web.url, headers=bearer(token), timeout=PATIENCE) as alice,
        alice.stream("GET", "/jobs/events/") as response,
    ):
        pieces = response.iter_text()
        until(pieces, "retry: ")
        project.manage("token", "--revoke", token.split("_")[1])
        assert "".join(pieces).endswith(AUTH)


def test_a_websocket_follows_and_cancels_what_is_theirs(web: Web, token: str) -> None:
    with signed_in(web, "bob") as bob, signed_in(web) as alice:
        theirs, mine = start(bob), start(alice)
    with Socket(web.url, bearer=token) as socket:
        socket.send("subscribe", jobs=[theirs])
        assert socket.until("refused")[-1]["data"]["jobs"] == [theirs]
        socket.send("subscribe", jobs=[mine])
        socket.until("snapshot")
        socket.send("cancel", job=mine)
        assert socket.until("accepted")[-1]["data"]["status"] == "cancelled"


def test_the_page_of_one_person_is_not_followed_by_another(web: Web) -> None:
    with signed_in(web) as alice:
        page = alice.get("/").text
        viewer = page.partition('data-viewer="')[2].partition('"')[0]
        assert uuid.UUID(viewer)
        assert alice.head(f"/jobs/events/?viewer={viewer}").status_code == 200
        assert alice.head(f"/jobs/events/?viewer={uuid.uuid4()}").status_code == 401


def test_the_admin_finds_jobs_and_tokens_by_the_address(web: Web, token: str) -> None:
    with signed_in(web) as alice:
        job = start(alice)
    number = token.split("_")[1]
    with signed_in(web, "boss") as boss:
        for term, found in ((ALICE, True), ("nobody@example.org", False)):
            assert (job in boss.get("/admin/headway/job/", params={"q": term}).text) is found
            tokens = boss.get("/admin/headway/apitoken/", params={"q": term})
            assert (f"/admin/headway/apitoken/{number}/" in tokens.text) is found


def test_others_jobs_do_not_exist(web: Web) -> None:
    with signed_in(web, "bob") as bob, signed_in(web) as alice, signed_in(web, "boss") as boss:
        job = start(alice)
        for path in (f"/jobs/{job}/", f"/jobs/{job}/status/", f"/jobs/events/?job={job}"):
            assert bob.get(path).status_code == 404
            assert boss.head(path).status_code == 200
        assert boss.post(f"/jobs/{job}/cancel/", data=csrf(boss)).status_code == 200
        assert alice.get(f"/jobs/{job}/status/").json()["status"] == "cancelled"


@pytest.fixture
def without_password(project: Project) -> Iterator[None]:
    """The boss has none meanwhile: other tests, before and after in any order, sign in with it."""
    boss = "boss@example.org"
    project.sql("UPDATE custom_person SET password = '!' || password WHERE email = ?", boss)
    yield
    project.sql("UPDATE custom_person SET password = substr(password, 2) WHERE email = ?", boss)


@pytest.mark.usefixtures("without_password")
def test_a_link_signs_the_first_of_them_in(project: Project, web: Web) -> None:
    code = (
        "from headway.web import sign_in; user = sign_in.first_user_without_password();"
        " print(user, sign_in.link_path(user), repr(sign_in.password_path(user)))"
    )
    user, path, password = project.manage("shell", "-v", "0", "-c", code).split()
    assert (user, password) == ("boss@example.org", "''")  # this admin changes no passwords
    with httpx.Client(base_url=web.url, follow_redirects=True, timeout=PATIENCE) as boss:
        assert "Sign in as boss@example.org?" in boss.get(path).text
        assert boss.post(path, data=csrf(boss)).url.path == "/"
        assert boss.get("/admin/headway/job/").status_code == 200


def test_where_there_is_nobody_a_superuser_is_made(project: Project, tmp_path: object) -> None:
    code = "from headway.web import sign_in; print(sign_in.first_user_without_password())"
    empty = Project.__new__(Project)
    empty.folder, empty.environment = (
        project.folder,
        {
            **project.environment,
            "DATA_DIR": str(tmp_path),
        },
    )
    empty.manage("migrate", "--verbosity=0")
    assert empty.manage("shell", "-v", "0", "-c", code) == "admin@localhost"
