"""What the pages show does what they say, in the project of tests/docs/shop.py, which runs this."""

import os
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from celery import current_app
from django.contrib.auth.models import AnonymousUser, User
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.template import Context, Template
from django.urls import reverse
from pytest_django import Settings
from shop import forecast, payments, tasks
from shop.models import Clerk, Invoice, Price, Shop

import headway
from headway import Job
from headway.kinds import registry
from headway.lifecycle import lease
from headway.models import Attempt
from headway.policy import policy
from headway.testing import run_job
from headway.web import told
from tests.jobs.waiting import ended, events
from tests.support.pages import code
from tests.support.processes import Process, wait_until

TASKS = "docs/writing-tasks.md"


@pytest.fixture(scope="module", autouse=True)
def _worker(django_db_setup: None) -> Iterator[Process]:
    """A worker of the project, started as docs/installing.md says."""
    words = ["-m", "celery", "-A", "shop", "worker", "-c", "2", "-l", "INFO"]
    process = Process("worker", [sys.executable, *words])
    process.start()
    process.wait_for(lambda: " ready." in process.output)
    yield process
    process.stop()


@pytest.fixture
def alice(db: None) -> User:
    return User.objects.create_user("alice")


@pytest.fixture
def march(db: None) -> list[Invoice]:
    return [Invoice.objects.create(month=3) for _ in range(4)]


def run(block: str, **names: Any) -> dict[str, Any]:
    """Runs a block as a module."""
    names["__name__"] = "documented"
    exec(block, names)  # noqa: S102 - our own documentation
    return names


def test_the_lines_of_the_readme_leave_no_problem(db: None) -> None:
    call_command("check", fail_level="WARNING")
    assert reverse("headway:my_events") == "/ops/jobs/events/"
    assert current_app.conf.worker_prefetch_multiplier == 1


def test_the_tags_of_the_readme_show_a_bar_and_a_tray(alice: User) -> None:
    job = Job.objects.create(kind="send-invoices", title="Send invoices", owner=alice)
    shown = Template(code("README.md", "{% job_bar")).render(Context({"user": alice, "job": job}))
    assert str(job.pk) in shown
    assert "jobs-tray" in shown


def test_what_a_task_says_is_declared(db: None) -> None:
    assert run_job(tasks.index_pages).status == "succeeded"
    assert {"Reading page {number}", "Done"} <= {*told.phrases("index-pages")}


@pytest.mark.django_db(transaction=True)
def test_a_job_is_started_from_code_and_waited_for(
    alice: User, march: list[Invoice], capsys: Any
) -> None:
    names = run(code(TASKS, "headway.wait(job"), request=SimpleNamespace(user=alice))
    assert capsys.readouterr().out == "succeeded {'sent': 4}\n"
    assert (names["job"].title, names["job"].owner) == ("March", alice)
    assert not Invoice.objects.filter(sent=False).exists()


@pytest.mark.django_db(transaction=True)
def test_a_year_is_started_at_once(alice: User) -> None:
    names = {"request": SimpleNamespace(user=alice), "headway": headway}
    done = run(code(TASKS, "headway.start_many"), send_invoices=tasks.send_invoices, **names)
    assert [ended(job).params["month"] for job in done["jobs"]] == [*range(1, 13)]


@pytest.mark.django_db(transaction=True)
def test_a_partial_result_is_kept() -> None:
    """The cancel comes while the task works on a row."""
    job = tasks.check_rows.start(rows=200)
    wait_until(lambda: any((data.get("current") or 0) > 2 for _, data in events(job)))
    headway.cancel(job)
    done = ended(job)
    assert done.result is not None
    assert (done.status, done.result["partial"]) == ("cancelled", True)
    assert 2 < done.result["rows"] < 200
    assert done.result["good"] == (done.result["rows"] + 1) // 2
    assert run_job(tasks.check_rows, rows=3).result == {"partial": False, "rows": 3, "good": 2}


@pytest.mark.django_db(transaction=True)
def test_tasks_that_are_not_jobs_are_observed(alice: User) -> None:
    run(code("docs/observing-tasks.md", "send_reminders"))
    ended(tasks.reindex.delay(alice.pk, pages=3).id)
    ended(tasks.count_up.delay(2).id)
    reindex, count_up = Job.objects.order_by("created_at")
    assert (reindex.title, reindex.owner) == ("Rebuild the index", alice)
    assert (count_up.title, count_up.owner) == ("Count up", None)
    assert [job.status for job in (reindex, count_up)] == ["succeeded"] * 2
    assert [data["message"] for kind, data in events(reindex) if kind == "progress"][-1] == "Page 3"


def test_an_upload_is_counted_or_refused_in_words(db: None) -> None:
    run = run_job(tasks.count_lines, file=SimpleUploadedFile("a.txt", b"one\ntwo\n"))
    assert (run.status, run.result) == ("succeeded", 2)
    form = registry.get("count-lines").form_class
    assert form.base_fields["file"].help_text == "Any text"


def test_parameters_are_revived(alice: User) -> None:
    fees = [Decimal("1.10"), Decimal("2.20")]
    run = run_job(tasks.remind, customer=alice, due=date(2026, 1, 2), fees=fees)
    assert run.result == "alice: 3.30 on 02 January"


def test_secrets_are_not_in_the_row(db: None) -> None:
    run = run_job(tasks.mirror, host="example.org", password="correct horse", card="4111")
    assert run.status == "succeeded"
    assert "correct horse" not in str(run.job.params)
    assert "4111" not in str(run.job.params)


def test_a_kind_says_when_it_counts_as_stalled(db: None) -> None:
    run = run_job(tasks.train_model, epochs=3)
    assert (run.percent, forecast.epochs) == (100, [0, 1, 2])
    assert (tasks.train_model.stalled_after, tasks.train_model.stop_stalled) == (900, True)


def test_an_attempt_takes_the_rows_that_the_one_before_has_left(march: list[Invoice]) -> None:
    sent: list[int] = []

    def send(invoice: Invoice) -> None:
        sent.append(invoice.pk)
        Invoice.objects.filter(pk=invoice.pk).update(sent=True)
        if len(sent) == 2:
            raise RuntimeError("the mail server is away")

    with patch("shop.models.Invoice.send", send):
        assert run_job(tasks.send_invoices, month=3).status == "failed"
        assert run_job(tasks.send_invoices, month=3).result == {"sent": 2}
    assert sorted(sent) == [invoice.pk for invoice in Invoice.objects.order_by("pk")]


@pytest.mark.parametrize("calls", range(1, 4))
def test_a_batch_and_its_checkpoint_are_there_or_neither(db: None, calls: int) -> None:
    """The attempt ends between the checkpoint of a batch and the commit."""
    cents = [*range(250)]
    left = iter(range(1, 10))
    store = lease.checkpoint

    def cut(attempt: Attempt, value: Any) -> bool:
        stored = store(attempt, value)
        if next(left) == calls:
            raise RuntimeError("the power is gone")
        return stored

    with patch("headway.lifecycle.lease.checkpoint", cut):
        first = run_job(tasks.import_prices, cents=cents)
    assert Price.objects.count() == (first.checkpoint or 0) == 100 * (calls - 1)
    second = run_job(tasks.import_prices, cents=cents, restored=first.checkpoint)
    assert (second.status, second.result, second.percent) == ("succeeded", 250, 100)
    assert [*Price.objects.order_by("pk").values_list("cents", flat=True)] == cents


def test_a_service_is_given_the_same_key_by_each_attempt(march: list[Invoice]) -> None:
    with patch("shop.models.Invoice.save", side_effect=RuntimeError("too late")):
        assert run_job(tasks.collect, month=3).status == "failed"
    assert len(payments.taken) == 1
    assert run_job(tasks.collect, month=3).status == "succeeded"
    assert payments.taken == {f"invoice-{invoice.pk}": 100 for invoice in march}


def test_a_result_file_is_safe_to_open(march: list[Invoice]) -> None:
    run = run_job(tasks.list_unsent, month=3)
    assert run.files["unsent.csv"].splitlines() == [b"R-1,'=Ann"] * 4


@pytest.mark.django_db(transaction=True)
def test_a_receiver_is_told_of_the_end(march: list[Invoice]) -> None:
    with patch("shop.models.Invoice.send", side_effect=RuntimeError("no")):
        run = run_job(tasks.send_invoices, month=3)
    assert [(each.subject, each.body) for each in mail.outbox] == [
        (f"[Django] {run.job} ended", run.reason)
    ]


def test_a_policy_of_its_own_lets_clerks_see_the_jobs_of_their_shop(
    alice: User, settings: Settings
) -> None:
    settings.HEADWAY = settings.HEADWAY | {"POLICY": "shop.rights.Rights"}
    bob, eve = (User.objects.create_user(name) for name in ("bob", "eve"))
    shop = Shop.objects.create(name="Corner")
    for user in (alice, bob):
        Clerk.objects.create(user=user, shop=shop)
    Clerk.objects.create(user=eve, shop=Shop.objects.create(name="Market"))
    job = Job.objects.create(kind="send-invoices", title="Send invoices", owner=alice)
    for user, may in ((alice, True), (bob, True), (eve, False)):
        assert policy.visible(Job.objects.all(), user).filter(pk=job.pk).exists() is may
        assert policy.may_cancel(user, job) is may
    assert not policy.visible(Job.objects.all(), AnonymousUser()).exists()
    assert not policy.may_see_inputs(bob, job)


def test_no_setting_of_the_suite_is_used() -> None:
    assert os.environ["DJANGO_SETTINGS_MODULE"] == "shop.settings"
