"""Tasks of `django.tasks`, observed by its signals. Needs Django 6; before it nothing may break."""

import uuid

import pytest

from headway import observe
from headway.models import Attempt, Job
from headway.worker import django_tasks

needs_django_6 = pytest.mark.skipif(django_tasks.signals is None, reason="needs Django 6")


def test_without_it_nothing_happens() -> None:
    django_tasks.connect()


def test_a_row_has_the_id_of_the_result_or_one_that_is_made_of_it() -> None:
    pk = uuid.uuid4()
    assert django_tasks.key(str(pk)) == pk
    assert django_tasks.key("f" * 33) == django_tasks.key("f" * 33) != django_tasks.key("e" * 33)


@needs_django_6
@pytest.mark.django_db
def test_a_task_has_a_row_with_its_states() -> None:
    from tests.helpers import django_six

    observe(django_six.count_up, title="Count up")
    result = django_six.count_up.enqueue(3)
    job = Job.objects.get(pk=django_tasks.key(result.id))
    assert (job.title, job.status, job.percent, job.attempt) == ("Count up", "succeeded", 100, 1)


@needs_django_6
@pytest.mark.django_db
def test_a_failure_is_a_reference_for_users_and_a_traceback_for_staff() -> None:
    from tests.helpers import django_six

    observe(django_six.breaks)
    result = django_six.breaks.enqueue()
    job = Job.objects.get(pk=django_tasks.key(result.id))
    assert job.status == "failed"
    assert "secret" not in job.reason
    assert "secret" in Attempt.objects.get(job=job).error
