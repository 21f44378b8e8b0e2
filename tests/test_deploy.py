"""The files in deploy/ are accepted by the programs that read them, and fit to the Procfile and the
settings."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import trustme
import yaml
from django.conf import settings
from django.urls import resolve

from tests.support.nginx import documented, write
from tests.support.patience import PATIENCE
from tests.support.processes import wait_until
from tests.support.programs import program
from tests.support.stack import PROCFILE, free_port
from tests.test_settings import names_in_settings

ROOT = Path(settings.BASE_DIR)
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
COMPOSE = DEPLOY / "compose.yaml"
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
MANIFESTS = [*yaml.safe_load_all((DEPLOY / "kubernetes/headway.yaml").read_text())]


def pods(part: Any) -> Iterator[dict[str, Any]]:
    """The pods that a manifest describes, at whatever depth."""
    if isinstance(part, dict):
        if "containers" in part:
            yield part
        for each in part.values():
            yield from pods(each)


PODS = [pod for each in MANIFESTS for pod in pods(each)]
CONTAINERS = [container for pod in PODS for container in pod["containers"]]
RUNS = re.compile(r"^ExecStart=/opt/headway/deploy/run (.+)$", re.MULTILINE)


def variables() -> dict[str, str]:
    """Those of deploy/headway.env."""
    lines = (DEPLOY / "headway.env").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {name: value for name, _, value in pairs}


def test_the_environment_of_production_names_settings_only() -> None:
    assert variables().keys() <= names_in_settings()


def test_the_environment_of_production_passes_every_check(tmp_path: Path) -> None:
    given = {**variables(), "SECRET_KEY": "0123456789abcdef" * 4}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**given, "PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def by_compose(tmp_path: Path) -> str:
    """deploy/nginx.conf as the command of deploy/compose.yaml changes it (for nginx >= 1.27.3)."""
    *shell, script = SERVICES["nginx"]["command"]
    for old, new in {
        "$$": "$",
        "/headway.conf": str(DEPLOY / "nginx.conf"),
        "/etc/nginx/conf.d/": f"{tmp_path}/",
        'exec nginx -g "daemon off;"': "",
    }.items():
        assert old in script
        script = script.replace(old, new)
    given = {"PATH": os.environ["PATH"], "SITE": "jobs.example.org"}
    subprocess.run([*shell, script], env=given, check=True)
    return (tmp_path / "default.conf").read_text()


def test_compose_gives_nginx_the_names_of_its_web_processes(tmp_path: Path) -> None:
    text = by_compose(tmp_path)
    webs = [name for name, each in SERVICES.items() if each.get("command") == ["web"]]
    assert re.findall(r"^ +server (\S+) resolve max_fails=0;", text, re.MULTILINE) == [
        f"{name}:8000" for name in webs
    ]
    assert re.findall(r"server_name (\S+);", text) == ["jobs.example.org"] * 2
    changed = ("max_fails=0;", "server_name", "resolver")
    kept = [line for line in text.splitlines() if not any(name in line for name in changed)]
    assert set(kept) <= set((DEPLOY / "nginx.conf").read_text().splitlines())


def test_nginx_takes_the_file_with_its_tls(tmp_path: Path) -> None:
    certificate = trustme.CA().issue_cert("jobs.example.com")
    certificate.private_key_pem.write_to_path(tmp_path / "key")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "chain")
    site = documented(
        {
            "listen 80;": f"listen 127.0.0.1:{free_port()};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{free_port()} ssl http2;",
            "/etc/ssl/headway/fullchain.pem": str(tmp_path / "chain"),
            "/etc/ssl/headway/privkey.pem": str(tmp_path / "key"),
        }
    )
    done = subprocess.run(
        [program("nginx"), "-t", "-c", str(write(tmp_path, site))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/headway", str(ROOT))
        (tmp_path / unit.name).write_text(text)
    analyze = program("systemd-analyze", "systemd")
    done = subprocess.run(
        [analyze, "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_process_of_the_procfile_has_a_unit_and_a_service() -> None:
    run = [each for unit in UNITS for each in RUNS.findall(unit.read_text())]
    assert sorted(run) == sorted([*PROCFILE, "manage clearsessions"])
    ours = {name: each for name, each in SERVICES.items() if each["image"] == "headway"}
    assert {name: each["command"] for name, each in ours.items()} == {
        **{name: [name.partition("-")[0]] for name in ("web-1", "web-2", "worker", "janitor")},
        "migrate": ["manage", "migrate"],
    }
    given = {name for each in ours.values() for name in each["environment"]}
    assert given <= names_in_settings()
    assert {each["args"][0] for each in CONTAINERS} == {*PROCFILE, "manage"}


def test_compose_is_what_its_schema_allows() -> None:
    schema = files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    jsonschema.validate(yaml.safe_load(COMPOSE.read_text()), json.loads(schema.read_text()))


def test_kubernetes_knows_every_field_of_the_manifests() -> None:
    for each in MANIFESTS:
        kubernetes_validate.validate(each, "1.37", strict=True)


def test_the_manifests_fit_to_the_image_and_the_site() -> None:
    [given] = [each["data"] for each in MANIFESTS if each["kind"] == "ConfigMap"]
    assert given.keys() <= names_in_settings()
    image = (DEPLOY / "Dockerfile").read_text()
    for pod, container in zip(PODS, CONTAINERS, strict=True):
        assert f"USER {pod['securityContext']['runAsUser']}:" in image
        for probe in (container.get("livenessProbe"), container.get("readinessProbe")):
            assert probe is None or resolve(probe["httpGet"]["path"])
    [worker] = [pod for pod in PODS if pod["containers"][0]["args"] == ["worker"]]
    assert worker["terminationGracePeriodSeconds"] == int(given["WORKER_GRACE"]) + 7


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    lint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [lint, DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_every_folder_of_the_site() -> None:
    copied = set(re.findall(r"^COPY (\w+) \1$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert copied == {*packages, "static", "templates"}


def test_each_file_is_used_by_a_test_or_says_in_its_first_line_what_was_not_run() -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    silent = [
        path.name
        for path in DEPLOY.rglob("*")
        if path.is_file()
        and str(path.relative_to(ROOT)) not in tests
        and not re.search(r"\b[Nn]ot (run|built|used|started)\b", path.read_text().split("\n")[0])
    ]
    assert silent == []


def test_a_process_of_the_procfile_takes_the_place_of_the_script(tmp_path: Path) -> None:
    """So that a signal meant for it reaches it."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    (tmp_path / "Procfile").write_text('web: exec sleep "${SECONDS_OF_TEST:-1}"\n')
    environment = {"PATH": os.environ["PATH"], "SECONDS_OF_TEST": str(PATIENCE)}
    process = subprocess.Popen([tmp_path / "deploy/run", "web"], env=environment)
    try:
        command = Path(f"/proc/{process.pid}/cmdline")
        wait_until(lambda: command.read_text() == f"sleep\0{PATIENCE}\0")
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize("arguments", [[], ["wbe"]])
def test_a_process_that_is_none_is_a_sentence(arguments: list[str]) -> None:
    done = subprocess.run([DEPLOY / "run", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 64
    assert "use web, worker or janitor" in done.stderr
