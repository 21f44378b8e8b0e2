"""System checks of the project around the app: what would show no bar, reject users, or lose
jobs. They read only settings and code; manage.py health asks the services."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import router
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.utils.module_loading import import_string

from headway import template_blocks
from headway.conf import conf, problems, unknown
from headway.kinds import registry, sealing
from headway.models import Job

MIDDLEWARE = {
    "django.contrib.sessions.middleware.SessionMiddleware": "E005",
    "django.contrib.auth.middleware.AuthenticationMiddleware": "E005",
    "django.contrib.messages.middleware.MessageMiddleware": "W006",
    "headway.web.tokens.BearerTokens": "W007",
}
"""What has to be in MIDDLEWARE, or a class derived from it."""
WITHOUT = {
    "E005": "no user can sign in, and every page of jobs fails",
    "W006": "a click that comes too late fails instead of showing a message",
    "W007": "API tokens are rejected",
}
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
CONSUMER = "headway.worker.consumer:JobConsumer"


def check_configuration(**_: Any) -> Iterator[CheckMessage]:
    """`headway.W001` and `W002`: the dict of settings."""
    given = getattr(settings, "HEADWAY", {})
    if not isinstance(given, dict):
        return  # headway.E001
    if "REDIS_URL" not in given:
        sentence = f'HEADWAY["REDIS_URL"] is not given: {conf.REDIS_URL} is used.'
        yield _warning("W001", sentence, "Set the URL of the Redis server to use.")
    for name in unknown(given):
        sentence = f"HEADWAY: there is no setting {name!r}, and it has no effect."
        yield _warning("W002", sentence, "docs/operations.md lists all of them.")


def check_server(**_: Any) -> Iterator[CheckMessage]:
    """`headway.W003` and `W004`: what web servers are given."""
    name = getattr(settings, "ASGI_APPLICATION", None)
    if name is None and getattr(settings, "WSGI_APPLICATION", None):
        yield _warning(
            "W004",
            "The project has WSGI_APPLICATION and no ASGI_APPLICATION: bars move once a second.",
            "Set ASGI_APPLICATION and serve it, or silence this check if that is enough.",
        )
    elif name and "headway" not in _source(name.rpartition(".")[0]):
        yield _warning(
            "W003",
            f"{name} is not made by headway.asgi: each open page of jobs holds a thread.",
            "In its file, import get_asgi_application from headway.asgi in place of Django's.",
        )


def check_middleware(**_: Any) -> Iterator[CheckMessage]:
    """`headway.E005`, `W006`, `W007` and `W008`: what requests go through."""
    known = [(name, import_string(name)) for name in settings.MIDDLEWARE]
    for wanted, code in MIDDLEWARE.items():
        if not _places(known, wanted):
            message = Error if code.startswith("E") else CheckWarning
            sentence = f"MIDDLEWARE lacks {wanted}: {WITHOUT[code]}."
            yield message(sentence, "Add it.", id=f"headway.{code}")
    tokens, csrf = _places(known, "headway.web.tokens.BearerTokens"), _places(known, CSRF)
    if tokens and csrf and tokens[0] > csrf[0]:
        yield _warning(
            "W008",
            "MIDDLEWARE: BearerTokens comes after CsrfViewMiddleware: programs with a token cannot"
            " start or cancel jobs.",
            "Put it before.",
        )


def check_templates(**_: Any) -> Iterator[CheckMessage]:
    """`headway.E006`, `E008` and `W013`: the templates of the app, and the one that they extend."""
    try:
        engine = get_template("headway/_bar.html").backend.engine  # type: ignore[attr-defined]
    except TemplateDoesNotExist:
        hint = 'Set "APP_DIRS": True in TEMPLATES, or add the loader app_directories.Loader.'
        yield Error("No template of the app headway is found.", hint, id="headway.E006")
        return
    if problems(getattr(settings, "HEADWAY", {})):
        return  # headway.E001
    name = conf.BASE_TEMPLATE
    try:
        blocks = template_blocks.of(engine.get_template(name))
    except TemplateDoesNotExist as error:
        sentence = f"HEADWAY['BASE_TEMPLATE']: the template {error} is not found."
        yield Error(sentence, "Every page of jobs extends it.", id="headway.E008")
        return
    for part, block in conf.blocks.items():
        if blocks is not None and block not in blocks:
            sentence = f"{name} has no block {block!r}: pages of jobs appear without their {part}."
            hint = f"Add the block, or name another one in HEADWAY['BLOCKS'][{part!r}]."
            yield _warning("W013", sentence, hint)


def check_databases(**_: Any) -> Iterator[CheckMessage]:
    """`headway.W014`: where the project's router looks for jobs."""
    read, written = router.db_for_read(Job), router.db_for_write(Job)
    if read != written:
        yield _warning(
            "W014",
            f"Jobs are written to the database {written!r} and read from {read!r}: a job is read"
            " right after it was written, when a replica may not have it yet.",
            "Have the router's db_for_read answer for the app headway as db_for_write does.",
        )


def check_celery(**_: Any) -> Iterator[CheckMessage]:
    """`headway.W009` to `W012`: what makes workers lose or hoard jobs."""
    celery = current_app.conf
    if celery.worker_consumer != CONSUMER:
        yield _warning(
            "W009",
            "The Celery app does without headway.celery.configure: a worker may end, with the jobs"
            " in it, when its broker does, and waits for ever for the last job when told to end.",
            "Call headway.celery.configure(app) in the module that makes the Celery app.",
        )
    if celery.worker_prefetch_multiplier != 1:
        yield _warning(
            "W010",
            f"worker_prefetch_multiplier is {celery.worker_prefetch_multiplier}: a worker holds"
            " jobs back that others could run.",
            "Set it to 1.",
        )
    visible = (celery.broker_transport_options or {}).get("visibility_timeout")
    if visible is not None and visible < conf.JOB_LEASE:
        yield _warning(
            "W011",
            f"visibility_timeout is {visible} s, less than JOB_LEASE ({conf.JOB_LEASE} s): the"
            " broker hands jobs out again that run.",
            "Leave it out of broker_transport_options.",
        )
    for kind in registry.kinds().values():
        if not kind.task.acks_late:
            yield _warning(
                "W012",
                f"{kind.task.name} is acknowledged before it has run (acks_late=False): one that"
                " its worker takes down waits for the janitor.",
                "Leave acks_late out.",
            )


def check_secrets(**_: Any) -> Iterator[CheckMessage]:
    """`headway.E007`: a kind of job takes secrets, and they cannot be sealed."""
    for kind in () if sealing.IS_POSSIBLE else registry.kinds().values():
        if names := registry.secrets_of_task(kind.task.name):
            sentence = f"{kind.task.name} cannot be started: {', '.join(sorted(names))} is secret."
            yield Error(sentence, sealing.INSTALL, id="headway.E007")


ALL = (
    *(check_configuration, check_server, check_middleware, check_templates, check_celery),
    *(check_secrets, check_databases),
)


def _warning(code: str, sentence: str, hint: str) -> CheckMessage:
    return CheckWarning(sentence, hint, id=f"headway.{code}")


def _places(known: list[tuple[str, Any]], wanted: str) -> list[int]:
    """Where in MIDDLEWARE a class is, or one derived from it."""
    base = import_string(wanted)
    return [
        place
        for place, (name, found) in enumerate(known)
        if name == wanted or (isinstance(found, type) and issubclass(found, base))
    ]


def _source(module: str) -> str:
    """The text of a module, which is not run: to make an application takes time and has effects.
    Where there is none to read, the project is believed."""
    try:
        spec = find_spec(module)
    except ImportError:
        spec = None
    read = getattr(spec and spec.loader, "get_source", None)
    return (read(module) if read else None) or "headway"
