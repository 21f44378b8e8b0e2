"""The commands of docs/deploying.md, one after the other, with the user, the folders and the
services of the system replaced by the test's own; then what they have set up is used."""

import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from tests.support.patience import PATIENCE
from tests.support.postgresql import PostgreSQL
from tests.support.processes import Process, wait_until
from tests.support.redis_server import RedisServer
from tests.support.stack import free_port
from tests.support.thorough import Many

ROOT = Path(settings.BASE_DIR)
NOT_RUN = {
    "apt-get install": "packages of the system",
    "useradd": "a user of the system",
    "git clone": "this is a checkout",
    "python3 -m venv": "tests/install/ makes environments",
    "/opt/headway/venv/bin/pip": "tests/test_requirements.py compares what it would install",
    "cd /opt/headway && git pull": "the same",
    "alias manage=": "the same without systemd stands for it",
    "editor": "the test writes what is marked CHANGE",
    "systemctl": "needs systemd; the test starts what the units start",
    "nginx -t": "tests/test_deploy.py",
    "systemd-run": "needs a terminal; the test does without one",
    "HEADWAY_TOKEN=pt_...": "tests/doctor/",
    "export SITE": "needs Docker",
    "export POSTGRES_PASSWORD": "needs Docker",
    "docker": "needs Docker",
    "kubectl": "needs a cluster",
}
"""Beginnings of commands."""
THROUGH_THE_PROXY = {"Host": "jobs.example.com", "X-Forwarded-Proto": "https"}


def commands() -> list[str]:
    """All of the page's, each whole."""
    text = (ROOT / "docs/deploying.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return "".join(blocks).replace("\\\n", "").strip().splitlines()


class Machine:
    """Stands for the one of the page."""

    def __init__(self, directory: Path, database: PostgreSQL, redis: RedisServer) -> None:
        self.directory, self.database, self.redis = directory, database, redis
        self.port = free_port()
        for name in ("units", "conf.d"):
            (directory / name).mkdir()

    def run(self, command: str) -> str:
        """As the page has it, but for names of the system; what it printed."""
        for old, new in self.own.items():
            command = command.replace(old, new)
        manage = f'manage() {{ {self.unit} {ROOT}/deploy/run manage "$@"; }}'
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{manage}\n{command}"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=4 * PATIENCE,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def own(self) -> dict[str, str]:
        """The test's own, by what the page says."""
        client = f"--host {self.database.directory} --username postgres"
        return {
            "/etc/headway.env": f"{self.directory}/headway.env",
            "/etc/systemd/system/": f"{self.directory}/units/",
            "/etc/nginx/conf.d/": f"{self.directory}/conf.d/",
            "/var/lib/headway": f"{self.directory}/data",
            "/opt/headway": str(ROOT),
            "--owner headway --group headway": "",
            "--owner root --group headway": "",
            "sudo -u postgres createuser --pwprompt": f"{self.program('createuser')} {client}",
            "sudo -u postgres createdb": f"{self.program('createdb')} {client}",
        }

    @property
    def unit(self) -> str:
        """What a unit's process begins with."""
        path = f"PATH={Path(sys.executable).parent}:/usr/bin:/bin"
        return f"env -i {path} $(grep -v '^#' {self.directory}/headway.env)"

    def processes(self) -> list[Process]:
        """One of each that the page enables."""
        start = f"exec {self.unit} PORT={self.port} {ROOT}/deploy/run"
        return [
            Process(name, ["bash", "-c", f"{start} {name}"])
            for name in ("web", "worker", "janitor")
        ]

    def program(self, name: str) -> str:
        """Of PostgreSQL's, the newest."""
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        return shlex.join([*self.database.as_its_user, str(found[-1])])

    def fill_in(self) -> None:
        """What is marked CHANGE."""
        path = self.directory / "headway.env"
        database = self.database.address("headway").replace("postgres@", "headway@")
        changes = {
            "SECRET_KEY": "0123456789abcdef" * 4,
            "DATABASE_URL": database,
            "REDIS_URL": self.redis.url,
            "DATA_DIR": f"{self.directory}/data",
            "STATIC_ROOT": f"{self.directory}/data/static",
        }
        text = path.read_text()
        for name, value in changes.items():
            text, times = re.subn(rf"^{name}=.*$", f"{name}={value}", text, flags=re.MULTILINE)
            assert times == 1, name
        path.write_text(text)


@pytest.fixture
def machine(tmp_path: Path, many: Many) -> Iterator[Machine]:
    if not many(0, thorough=1):
        pytest.skip("takes half a minute: pytest --thorough")
    database, redis = PostgreSQL.create(), RedisServer()
    redis.start()
    yield Machine(tmp_path, database, redis)
    redis.close()
    database.close()


def test_the_commands_of_the_page_set_up_a_site_that_works(machine: Machine) -> None:
    ran = []
    with contextlib.ExitStack() as stack:
        for command in commands():
            if command.startswith(tuple(NOT_RUN)):
                continue
            if command == "manage check --deploy":
                machine.fill_in()
            if command == "manage health":
                for process in machine.processes():
                    process.start()
                    stack.callback(process.stop)
                await_page(f"http://127.0.0.1:{machine.port}/readyz", '"status": "ok"')
            machine.run(command)
            ran.append(command)
        sign_in = f"http://127.0.0.1:{machine.port}/sign-in/"
        await_page(sign_in, "<form")
    assert {"manage check --deploy", "manage migrate", "manage health"} <= {*ran}
    assert not [name for name in NOT_RUN if not any(c.startswith(name) for c in commands())]


def await_page(url: str, text: str) -> None:
    def look() -> bool:
        try:
            return text in httpx.get(url, headers=THROUGH_THE_PROXY).text
        except httpx.TransportError:
            return False

    wait_until(look)
