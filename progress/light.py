"""Parts of Django that each request passes, without the work that this site has no use for."""

from typing import Any

from django.contrib.messages.storage.base import BaseStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.functional import cached_property


class Languages(LocaleMiddleware):
    """Django's own for sites whose addresses begin with no language: there it looks for one in each
    address, twice."""

    def process_request(self, request: HttpRequest) -> None:
        """Speaks the language that the browser has chosen, else one that it accepts."""
        translation.activate(translation.get_language_from_request(request))
        request.LANGUAGE_CODE = translation.get_language()

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """The response, which says its language and what that depends on."""
        del request
        patch_vary_headers(response, ("Accept-Language",))
        response.headers.setdefault("Content-Language", translation.get_language())
        return response


class Messages(FallbackStorage):
    """Django's own, whose parts are made by the first who writes or reads a message."""

    def __init__(self, request: HttpRequest) -> None:
        BaseStorage.__init__(self, request)
        self._used_storages: set[Any] = set()

    @cached_property
    def storages(self) -> list[BaseStorage]:
        """Cookie, then session."""
        return [storage(self.request) for storage in self.storage_classes]
