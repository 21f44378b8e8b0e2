"""The OpenAPI document says what there is, and schemathesis finds nothing that breaks it."""

import datetime
import inspect
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django import forms
from django.contrib.auth.models import User
from django.test import Client
from django.urls import resolve
from jsonschema import Draft202012Validator

from headway.kinds import registry
from headway.kinds.parameters import form as parameters_form
from headway.models import Job
from headway.stream.event import Progress
from headway.urls import urlpatterns
from headway.web.openapi import document
from headway.web.schemas import SNAPSHOT, field_schema, fields, parameters
from tests.http.conftest import Moving
from tests.support.llm_server import LlmServer, words
from tests.support.protocol import SCHEMAS
from tests.support.stack import Valkey, Web
from tests.support.thorough import Many

PAGES = {"index", "job", "row", "panel", "no_worker", "tray", "save_question", "delete_question"}
PAGES |= {"many", "trail", "kind", "causes", "system", "share", "revoke_share", "shared"}
PAGES |= {"notices", "notify"}
"""Views that are no part of the JSON API: they answer with HTML, or speak another protocol."""
CONFIG = """
[parameters]
"path.job" = "{job}"

[checks]
enabled = false
not_a_server_error.enabled = true
status_code_conformance.enabled = true
content_type_conformance.enabled = true
response_headers_conformance.enabled = true
response_schema_conformance.enabled = true
unsupported_method.enabled = true

[[operations]]
include-path-regex = "^/jobs/start/(checksum-archive|import-csv)/$"

[operations.checks]
content_type_conformance.enabled = false
response_schema_conformance.enabled = false
"""


@pytest.fixture(scope="module")
def model() -> Iterator[LlmServer]:
    """A language model, to be told what it answers."""
    with LlmServer() as server:
        yield server


@pytest.fixture(scope="module")
def web(model: LlmServer, valkey: Valkey, django_db_setup: None) -> Iterator[Web]:
    """Daphne with that model, of which one person may ask one question at once."""
    del valkey, django_db_setup
    process = Web(LLM_BASE_URL=model.url, LLM_MODEL="parrot", LLM_MAX_PER_USER="1")
    process.start()
    yield process
    process.stop()


def walk(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object in a JSON value."""
    if isinstance(node, dict):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    ):
        yield from walk(child)


@pytest.mark.django_db
def test_every_address_of_the_api_is_described_and_no_other() -> None:
    described = {resolve(filled(path)).url_name for path in document("")["paths"]}
    assert described == {str(pattern.name) for pattern in urlpatterns} - PAGES | {"chat"}
    kinds = {
        f"/jobs/start/{name}/" for name, kind in registry.kinds().items() if not kind.is_internal
    }
    assert {path for path in document("")["paths"] if path.startswith("/jobs/start/")} == kinds


def filled(path: str) -> str:
    pk = "00000000-0000-4000-8000-000000000000"
    return path.format(job=pk, upload=pk, file="a.csv", token="t")


def test_every_address_answers_to_its_methods_alone(alice: User, moving: Moving) -> None:
    client = Client()
    client.force_login(alice)
    for path, item in document("")["paths"].items():
        methods = set(item) - {"summary", "parameters"}
        pk = moving.job.pk
        answer = client.options(path.format(job=pk, upload=pk, file="a.csv", token="t"))
        if answer.status_code == 204:
            assert {method.upper() for method in methods} <= set(answer["Allow"].split(", "))
        else:  # a download leaves OPTIONS to Django
            assert (answer.status_code, methods) == (405, {"get"})


@pytest.mark.django_db
def test_every_reference_leads_somewhere() -> None:
    whole = document("https://example")
    for node in walk(whole):
        if "$ref" in node:
            target: Any = whole
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]


@pytest.mark.django_db
def test_whatever_a_stream_may_be_asked_for_is_described() -> None:
    whole = document("")
    known = whole["components"]["parameters"]
    listed = whole["paths"]["/jobs/events/"]["get"]["parameters"]
    named = {known[each["$ref"].rpartition("/")[2]]["name"] for each in listed}
    assert named == {"job", "mine", "cursor", "Last-Event-ID", "heartbeat", "poll", "viewer"}


def test_a_snapshot_is_what_the_protocol_says() -> None:
    assert SCHEMAS["snapshot"].schema == SNAPSHOT | {"additionalProperties": False}
    progress = SCHEMAS["progress"].schema
    assert isinstance(progress, Mapping)
    assert progress["properties"] == fields(Progress)
    assert progress["required"] == [*Progress.__annotations__]


def test_every_kinds_defaults_fit_its_schema() -> None:
    ours = [kind for kind in registry.kinds().values() if kind.task.name.startswith("jobs.")]
    assert ours
    for kind in ours:  # other tests have tasks of their own
        schema = parameters(kind.form_class)
        Draft202012Validator.check_schema(schema)
        known = {n: f["default"] for n, f in schema["properties"].items() if "default" in f}
        missing = dict.fromkeys(schema["required"], "x")
        Draft202012Validator(schema).validate(known | missing)


@pytest.mark.parametrize(
    ("field", "schema"),
    [
        (
            forms.IntegerField(min_value=1, max_value=9),
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        (forms.FloatField(initial=2.5), {"type": "number", "default": 2.5}),
        (forms.BooleanField(required=False), {"type": "boolean"}),
        (
            forms.CharField(max_length=5, label="Name"),
            {"title": "Name", "type": "string", "minLength": 1, "maxLength": 5},
        ),
        (forms.CharField(min_length=3), {"type": "string", "minLength": 3}),
        (forms.CharField(required=False), {"type": "string"}),
        (forms.ChoiceField(choices=[("a", "A"), (2, "B")]), {"enum": ["a", "2"]}),
        (
            forms.FileField(help_text="CSV."),
            {
                "description": "CSV.",
                "type": "string",
                "contentMediaType": "application/octet-stream",
            },
        ),
    ],
)
def test_a_field_is_described_by_what_its_form_checks(
    field: forms.Field, schema: dict[str, Any]
) -> None:
    assert field_schema(field) == schema


def a_task(who: User, days: list[datetime.date], more: dict[str, int]) -> None:
    """Only what it takes counts."""


@pytest.mark.django_db
def test_rows_lists_and_objects_are_described_by_what_programs_send(
    alice: User, django_assert_num_queries: Any
) -> None:
    form = parameters_form(inspect.signature(a_task))
    with django_assert_num_queries(0):  # which rows there are is not for everyone
        schema = parameters(form)
    key = {"title": "Who", "type": ["string", "integer"]}
    assert schema["properties"]["who"] == key
    sent = {"who": alice.pk, "days": ["2020-02-29"], "more": {"a": 1}}
    Draft202012Validator(schema).validate(sent)
    assert form(sent).is_valid()
    wrong: dict[str, Any]
    for wrong in ({"who": []}, {"days": [1]}, {"more": "a"}):
        assert not Draft202012Validator(schema).is_valid(sent | wrong)


def test_the_document_is_for_who_may_use_it(alice: User) -> None:
    client = Client()
    assert client.get("/api/openapi.json").status_code == 401
    client.force_login(alice)
    answer = client.get("/api/openapi.json").json()
    assert answer["servers"] == [{"url": "http://testserver"}]
    assert answer == json.loads(json.dumps(document("http://testserver")))


def explore(web: Web, token: str, job: Job, folder: Path, *options: str) -> set[tuple[str, int]]:
    """Has schemathesis ask whatever the document allows, and more; the addresses it has asked,
    each with a status of the answers."""
    config, report = folder / "schemathesis.toml", folder / "report.har"
    config.write_text(CONFIG.format(job=job.pk))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("run", f"{web.url}/api/openapi.json", "-H", f"Authorization: Bearer {token}"),
        *("--phases", "coverage,fuzzing", "--generation-deterministic", "--no-color"),
        *("--request-timeout", "20", "--suppress-health-check", "all"),
        *("--report", "har", "--report-har-path", str(report), *options),
    ]
    done = subprocess.run(
        command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "Traceback" not in web.output
    entries = json.loads(report.read_text())["log"]["entries"]
    return {(urlsplit(e["request"]["url"]).path, e["response"]["status"]) for e in entries}


@pytest.mark.timeout(600)
def test_schemathesis_finds_no_answer_that_is_not_described(
    web: Web, model: LlmServer, token: str, moving: Moving, tmp_path: Path, many: Many
) -> None:
    """Without the streams, which last, the files, and parts of uploads, of whose type it makes no
    bodies. A body that is no form at all is refused by Twisted before we are asked, with none."""
    model.expect(words("Be", "cause."))
    examples = str(many(2, thorough=50))
    others = ("--exclude-path-regex", r"/events/$|/files/\{file\}/$|/uploads/\{upload\}/$")
    asked = explore(web, token, moving.job, tmp_path, "--max-examples", examples, *others)
    assert {("/chat/", status) for status in (200, 204)} <= asked
    assert Job.objects.count() > 1  # some requests were good


def test_schemathesis_finds_an_answer_over_the_limit_described(
    web: Web, model: LlmServer, token: str, program: httpx.Client, moving: Moving, tmp_path: Path
) -> None:
    model.expect([threading.Event()])
    with program.stream("GET", "/chat/", params={"prompt": "Why?"}):
        options = ("--max-examples", "30", "--include-path", "/chat/")
        asked = explore(web, token, moving.job, tmp_path, *options)
    assert {("/chat/", status) for status in (204, 400, 429)} <= asked
