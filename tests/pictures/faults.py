"""Run within a checkout, which may be an older one: prints its pages of faults that no address
leads to, as a JSON object of status -> HTML."""

import json
import sys
from importlib import import_module
from importlib.util import find_spec

import django
from django.db import OperationalError
from django.test import RequestFactory

NAMES = {True: ("headway.web.responses", "headway.web.views.errors")}
EARLIER = ("jobs.views.answers", "jobs.views.errors")


def main() -> None:
    """Of refusals, and of what broke."""
    django.setup()
    answers, errors = map(import_module, NAMES.get(bool(find_spec("headway")), EARLIER))
    request = RequestFactory().get("/", headers={"accept": "text/html"})
    request.user = import_module("django.contrib.auth.models").AnonymousUser()
    pages = {status: answers.problem(request, status).content.decode() for status in (409, 413)}
    pages[500] = errors.server_error(request).content.decode()
    try:
        raise OperationalError
    except OperationalError:
        pages[503] = errors.server_error(request).content.decode()
    sys.stdout.write(f"\n{json.dumps(pages)}\n")


if __name__ == "__main__":
    main()
