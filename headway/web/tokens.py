"""API tokens: `Authorization: Bearer ...` instead of a session, for every URL of this app."""

import copy
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import ObjectDoesNotExist
from django.db import Error
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from headway import users
from headway.lifecycle import database
from headway.models import ApiToken, Scope
from headway.users import Person
from headway.web.responses import CHALLENGE, problem

PREFIX = "pt"
"""Begins every token, so that people and secret scanners know one when they see it."""
NOTED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is."""


def issue(
    owner: Person, name: str = "", *, scope: Scope = Scope.ALL, lasts: timedelta | None = None
) -> tuple[ApiToken, str]:
    """A new token of `owner`, and the text that is never shown again: `pt_<id>_<secret>`. It
    expires when it has lasted `lasts`; None: never."""
    secret = secrets.token_hex(24)
    expires_at = None if lasts is None else timezone.now() + lasts
    token = ApiToken.objects.create(
        owner_id=owner.pk, name=name, digest=_digest(secret), scope=scope, expires_at=expires_at
    )
    return token, f"{PREFIX}_{token.pk}_{secret}"


def revoke(token: ApiToken) -> bool:
    """Makes a token worthless from the next request on; False when it was already."""
    living = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
    return bool(living.update(revoked_at=timezone.now()))


class Known(dict[int, ApiToken]):
    """Tokens by number that have been looked up for several requests; each is given to one."""

    def __init__(self, rows: Iterable[ApiToken] = ()) -> None:
        super().__init__({row.pk: row for row in rows})
        self._used: list[ApiToken] = []

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Known":
        """Those that these texts name, whether or not their secrets are right."""
        numbers = {number for number, _ in map(_parsed, texts) if number}
        return cls(_rows().filter(pk__in=numbers)) if numbers else cls()

    def take(self, number: int) -> ApiToken | None:
        """The token of this number, once."""
        return self.pop(number, None)

    def note_use(self, token: ApiToken) -> None:
        """One of them has let somebody in."""
        self._used.append(token)

    def note_uses(self) -> None:
        """Writes down all uses."""
        if self._used:
            _note_uses(self._used)


def find(text: str, known: Known | None = None) -> ApiToken | None:
    """The token; None when it is none, revoked, expired, or its owner may not sign in. `known`:
    those that need not be looked up."""
    number, secret = _parsed(text)
    if not number:
        return None
    looked_up = known.take(number) if known is not None else None
    token = looked_up or _rows().filter(pk=number).first()
    if token is None or not constant_time_compare(token.digest, _digest(secret)):
        return None
    with suppress(ObjectDoesNotExist):
        if users.is_active(token.owner):
            if known is not None and looked_up is not None:
                # Looked up together, tokens of one owner share the object.
                token._state.fields_cache["owner"] = copy.copy(token.owner)
                known.note_use(token)
            else:
                _note_uses([token])
            return token
    return None


class BearerTokens:
    """Middleware: signs the bearer of a token in for one request, and answers 401 to one that is
    no good, 403 to one whose scope does not cover the request. Requests without one cost nothing.
    Only this app's addresses and views marked by `access.takes_tokens` do: the admin does not. Goes
    before CsrfViewMiddleware, so that it runs ahead of its check."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self._get_response = get_response
        self.process_view: Callable[..., Any] = self._sign_in
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)
            # A synchronous one would send every request, each stream's too, through a thread.
            self.process_view = self._sign_in_async

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        answer: HttpResponseBase | Awaitable[HttpResponseBase] = self._get_response(request)
        return answer

    def _sign_in(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        text = _bearer(request)
        known = getattr(getattr(request, "found", None), "tokens", None)
        return None if text is None else _admit(request, find(text, known))

    async def _sign_in_async(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        text = _bearer(request)
        return None if text is None else _admit(request, await sync_to_async(find)(text))


def bearer(request: HttpRequest) -> str | None:
    """What a request gives as its token, to whomever; None when it gives none."""
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def _bearer(request: HttpRequest) -> str | None:
    """What a request to this app gives as its token."""
    match = request.resolver_match
    ours = match is not None and (
        match.app_name == "headway" or getattr(match.func, "takes_tokens", False)
    )
    return bearer(request) if ours else None


def _rows() -> "QuerySet[ApiToken]":
    return ApiToken.objects.living().prefetch_related("owner")


def _parsed(text: str) -> tuple[int, str]:
    """Number and secret of a token; 0 where it can be none."""
    prefix, _, rest = text.partition("_")
    number, _, secret = rest.partition("_")
    if prefix != PREFIX or not (number.isascii() and number.isdigit() and len(number) < 19):
        return 0, ""
    return int(number), secret


def _admit(request: HttpRequest, token: ApiToken | None) -> HttpResponse | None:
    """Makes the request one of the token's owner; the refusal without one."""
    if token is None:
        refusal = problem(request, 401, _("This token is not valid."), json=True)
        refusal["WWW-Authenticate"] = f'{CHALLENGE}, error="invalid_token"'
        return refusal

    needed = _needed(request)
    if not Scope(token.scope).covers(needed):
        return _too_narrow(request, needed)

    user = token.owner

    async def auser() -> Person:
        return user

    request.user = user
    request.auser = auser
    request.api_token = token  # type: ignore[attr-defined]  # for headway.web.grants
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        # No browser sends this header by itself, so nobody can be made to send it.
        request.csrf_processing_done = True  # type: ignore[attr-defined]  # Django's own name
    return None


def _needed(request: HttpRequest) -> Scope:
    """What a request takes: what only reads is known by its method, what starts jobs by its view
    (`access.starts`), and all else may do anything."""
    match = request.resolver_match
    view = match and match.func
    if getattr(view, "gives_secrets", False):
        return Scope.ALL
    if request.method in getattr(view, "starts_by", ()):
        return Scope.START
    return Scope.READ if request.method in ("GET", "HEAD", "OPTIONS") else Scope.ALL


def _too_narrow(request: HttpRequest, needed: Scope) -> HttpResponse:
    sentence = _("This token's scope does not allow this: it takes one of scope {scope}.").format(
        scope=needed
    )
    refusal = problem(request, 403, sentence, json=True)
    refusal["WWW-Authenticate"] = f'{CHALLENGE}, error="insufficient_scope", scope="{needed}"'
    return refusal


def _note_uses(tokens: Sequence[ApiToken]) -> None:
    now = timezone.now()
    due = [
        token.pk
        for token in tokens
        if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY
    ]
    if due:
        stale = Q(last_used_at=None) | Q(last_used_at__lte=now - NOTED_EVERY)
        with _without_waiting(), suppress(Error):
            ApiToken.objects.filter(stale, pk__in=due).update(last_used_at=now)


@contextmanager
def _without_waiting() -> Iterator[None]:
    """Fails at once where SQLite is locked: the thread that lets every stream in calls this."""
    connection = database.connection()
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        usual = cursor.execute("PRAGMA busy_timeout").fetchone()[0]
        cursor.execute("PRAGMA busy_timeout = 0")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {usual}")


def _digest(secret: str) -> str:
    # One round is enough: 192 random bits cannot be guessed.
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
