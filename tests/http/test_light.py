"""The site's parts of Django that do less do the same."""

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.middleware.locale import LocaleMiddleware
from django.test import RequestFactory
from django.utils import translation

from progress.light import Languages, Messages

ASKS: list[dict[str, str]] = [
    {},
    {"Accept-Language": "de-AT,en;q=0.5"},
    {"Accept-Language": "fr"},
    {"Accept-Language": "x" * 9000},
    {"Cookie": "django_language=de"},
    {"Cookie": "django_language=nonsense", "Accept-Language": "de"},
]


@pytest.mark.parametrize("path", ["/", "/jobs/", "/de/", "/de/jobs/", "/nowhere/events/"])
@pytest.mark.parametrize("headers", ASKS, ids=lambda headers: str(headers)[:60])
def test_languages_are_those_that_django_would_choose(path: str, headers: dict[str, str]) -> None:
    def answer(middleware: type[LocaleMiddleware]) -> tuple[str, dict[str, str]]:
        def view(request: HttpRequest) -> HttpResponse:
            return HttpResponse(f"{request.LANGUAGE_CODE} {translation.get_language()}")

        with translation.override("en"):
            response = middleware(view)(RequestFactory().get(path, headers=headers))
        assert isinstance(response, HttpResponse)
        return response.content.decode(), dict(response.items())

    assert answer(Languages) == answer(LocaleMiddleware)


def test_messages_are_kept_as_django_keeps_them() -> None:
    def ask(**headers: str) -> HttpRequest:
        request: HttpRequest = RequestFactory().get("/", headers=headers)
        request.session = SessionStore()
        return request

    def told(storage: type[FallbackStorage]) -> tuple[list[str], str]:
        request, response = ask(), HttpResponse()
        written = storage(request)
        written.add(20, "Saved.")
        written.add(20, "And again.")
        assert not written.update(response)
        cookie = response.cookies["messages"].value
        again = ask(cookie=f"messages={cookie}")
        again._messages = storage(again)  # type: ignore[attr-defined]  # as Django's middleware
        read = [str(message) for message in get_messages(again)]
        last = HttpResponse()
        again._messages.update(last)  # type: ignore[attr-defined]
        return read, last.cookies["messages"].value

    assert told(Messages) == told(FallbackStorage) == (["Saved.", "And again."], "")


def test_who_neither_writes_nor_reads_messages_makes_no_storage() -> None:
    storage = Messages(RequestFactory().get("/"))
    storage.update(HttpResponse())
    assert "storages" not in vars(storage)
