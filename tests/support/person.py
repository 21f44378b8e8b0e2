"""Somebody who starts, cancels and looks at jobs over HTTP, by an API token."""

import time
import uuid
from types import TracebackType
from typing import Any, Self

import httpx

from tests.support.patience import PATIENCE
from tests.support.plain import PLAIN


class Person:
    """Speaks JSON to one site; `slowest` is how many seconds the slowest answer took."""

    def __init__(self, url: str, token: str) -> None:
        self.url, self.token = url, token
        self.slowest = 0.0
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, verify=PLAIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def start(self, kind: str = "simulate", *, key: str = "", **params: Any) -> str:
        """The id of a new job; `key` makes a repetition the same start."""
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        answer = self.ask("POST", f"/jobs/start/{kind}/", json=params, headers=headers)
        return str(answer.raise_for_status().json()["job"])

    def cancel(self, job: str) -> httpx.Response:
        """Asks a job to stop."""
        return self.ask("POST", f"/jobs/{job}/cancel/")

    def retry(self, job: str) -> httpx.Response:
        """Asks for another attempt."""
        return self.ask("POST", f"/jobs/{job}/retry/")

    def status(self, job: str) -> dict[str, Any]:
        """The job as it is now."""
        answer = self.ask("GET", f"/jobs/{job}/status/").raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any request; raises httpx.TransportError when nobody answers."""
        begun = time.monotonic()
        try:
            return self._http.request(method, path, **options)
        finally:
            self.slowest = max(self.slowest, time.monotonic() - begun)
