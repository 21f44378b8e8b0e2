"""The app's pages and tags within the templates of somebody else's project."""

import re
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.template import engines
from django.template.backends.django import DjangoTemplates
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from headway.conf import problems
from headway.models import Status
from tests.pages.conftest import MakeJob

BASE = """<!doctype html><html><head><title>{% block name %}Shop{% endblock %}</title>
{% block extra %}{% endblock %}</head>
<body>{% block main %}{% endblock %}</body></html>"""
TEMPLATES = {
    "shop.html": BASE,
    "twice.html": "{% load headway %}<p>{% job_bar job %}</p><td>{% job_bar job.pk %}</td>",
    "tray.html": "{% load headway %}{% headway_head %}{% jobs_tray %}{% headway_head %}",
    "profile.html": "{% load headway %}{% headway_head %}{% jobs_tray %}{% job_bar job %}",
}
PHRASES = {"a", "span", "svg"}


@pytest.fixture
def shop(settings: Settings) -> Settings:
    """Pages extend a template of the project's, which has names of its own for its blocks."""
    [engine] = settings.TEMPLATES
    loaders = [
        ("django.template.loaders.locmem.Loader", TEMPLATES),
        "django.template.loaders.app_directories.Loader",
    ]
    options = {**engine["OPTIONS"], "loaders": loaders}
    settings.TEMPLATES = [engine | {"APP_DIRS": False, "OPTIONS": options}]
    blocks = {"title": "name", "head": "extra", "content": "main"}
    settings.HEADWAY = settings.HEADWAY | {"BASE_TEMPLATE": "shop.html", "BLOCKS": blocks}
    return settings


def shown(template: str, user: User, /, **context: object) -> str:
    """A template of the project's, for a signed-in user."""
    request = RequestFactory().get("/")
    request.user = user
    engine = engines["django"]
    assert isinstance(engine, DjangoTemplates)
    return engine.get_template(template).render(context, request)


@pytest.mark.parametrize("path", ["/", "/jobs/start/simulate/", "/jobs/{}/"])
def test_a_page_stands_in_the_blocks_of_the_projects_base(
    shop: Settings, alices: Client, make_job: MakeJob, path: str
) -> None:
    page = alices.get(path.format(make_job().pk)).content.decode()
    assert page.startswith("<!doctype html><html><head><title>")
    assert "<title>Shop" not in page
    head, body = page.split("</head>")
    for name in ("bar.css", "pages.css", "own_htmx.js", "live/page.js"):
        assert head.count(name) == 1
    assert body.lstrip().startswith("<body>")
    assert '<div class="headway' in body
    assert "style=" not in body


def test_what_is_wrong_is_shown_in_the_projects_base(shop: Settings, alices: Client) -> None:
    page = alices.get("/jobs/start/gone/")
    assert b"<title>Not found</title>" in page.content


def test_the_chip_leads_to_the_sign_in_of_the_project(shop: Settings, alices: Client) -> None:
    shop.LOGIN_URL = "/enter/"
    assert 'data-sign-in="/enter/"' in alices.get("/").content.decode()


class Elements(HTMLParser):
    """Names and ids of all elements."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.ids: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]


def test_a_bar_may_stand_in_a_paragraph_and_twice(
    shop: Settings, make_job: MakeJob, alice: User
) -> None:
    job = make_job(title="Rebuild", percent=30)
    html = shown("twice.html", alice, job=job)
    found = Elements(html)
    assert found.names - {"p", "td"} == PHRASES
    assert found.ids == []
    link = f'<a class="live-bar-title" dir="auto" href="/jobs/{job.pk}/">Rebuild</a>'
    assert html.count(link) == 2
    assert html.count('width="30%"') == 2


def test_a_bar_is_shown_only_to_those_who_may_see_the_job(
    shop: Settings, make_job: MakeJob, bob: User
) -> None:
    job = make_job()
    assert "data-job" not in shown("twice.html", bob, job=job)


def test_the_tray_has_my_jobs_that_have_not_ended(
    shop: Settings, make_job: MakeJob, alice: User, bob: User, alices: Client
) -> None:
    moving, waiting = make_job(), make_job(Status.QUEUED)
    make_job(Status.SUCCEEDED)
    make_job(owner=bob)
    for html in (shown("tray.html", alice), alices.get("/jobs/tray/").content.decode()):
        assert set(re.findall(r'data-job="([^"]+)"', html)) == {str(moving.pk), str(waiting.pk)}
    assert 'data-from="/jobs/tray/"' in html


def test_a_page_about_another_user_shows_none_of_their_jobs(
    shop: Settings, alice: User, bob: User, make_job: MakeJob
) -> None:
    """Django's generic views of a user put that user into `user`."""
    job = make_job()
    [engine] = shop.TEMPLATES
    processors: list[str]
    for processors in (engine["OPTIONS"]["context_processors"], []):
        engine["OPTIONS"]["context_processors"] = processors
        shop.TEMPLATES = [engine]
        html = shown("profile.html", bob, user=alice, job=job)
        assert str(job.pk) not in html
        assert f'data-viewer="{bob.pk}"' in html
        assert str(job.pk) in shown("profile.html", alice, user=bob, job=job)


def test_head_comes_once_and_with_the_nonce_of_the_policy(shop: Settings, alice: User) -> None:
    html = shown("tray.html", alice, csp_nonce="n0nce")
    scripts = re.findall(r"<(?:script|link rel=\"modulepreload\")[^>]*>", html)
    assert len(scripts) == len(set(scripts)) > 5
    assert all(' nonce="n0nce"' in script for script in scripts)


def test_a_list_of_blocks_is_checked(shop: Settings) -> None:
    assert problems({"BLOCKS": {"title": "name"}}) == []
    for wrong in ({"titel": "name"}, {"title": ""}, ["title"]):
        [sentence] = problems({"BLOCKS": wrong})
        assert "title, head, content" in sentence
