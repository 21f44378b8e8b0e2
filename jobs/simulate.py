"""Simulate: a job that does nothing but look busy, for trying things out."""

import math
import time
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from headway import JobError, job_task, progress

NAP = 0.2  # seconds, after which a request to cancel is looked for
MAX_SECONDS = 3600


class SimulateForm(forms.Form):
    seconds = forms.FloatField(label=_("Seconds"), initial=20, min_value=0, max_value=MAX_SECONDS)
    steps = forms.IntegerField(label=_("Steps"), initial=100, min_value=1, max_value=100_000)
    phases = forms.IntegerField(label=_("Phases"), initial=1, min_value=1, max_value=20)
    unknown_total = forms.BooleanField(
        label=_("Unknown total"), required=False, help_text=_("Hide the total number of steps.")
    )
    fail_at = forms.FloatField(
        label=_("Fail at percent"), required=False, min_value=0, max_value=100
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("phases", 0) > cleaned.get("steps", cleaned.get("phases", 0)):
            self.add_error("phases", _("There cannot be more phases than steps."))
        return cleaned


@job_task(
    title=_("Simulate"),
    form=SimulateForm,
    max_attempts=3,
    says=(
        gettext_noop("Phase {number} of {phases}"),
        gettext_noop("step {step} of {steps}"),
        gettext_noop("step {step}"),
    ),
    soft_time_limit=MAX_SECONDS + 60,
    time_limit=MAX_SECONDS + 120,
)
def simulate(
    seconds: float = 20,
    steps: int = 100,
    phases: int = 1,
    unknown_total: bool = False,
    fail_at: float | None = None,
) -> dict[str, Any]:
    """Counts steps for some time, in phases, with a line in the log now and then and a warning
    halfway. Fails after the step that reaches a given percent, if asked to.

    With the line in the log goes a checkpoint, so that another attempt goes on from there."""
    done = progress.restored or 0
    begun = time.monotonic() - seconds * done / steps
    for number in range(1, phases + 1):
        progress.phase(f"Phase {number} of {phases}", weight=1 / (phases - number + 1))
        before, last = steps * (number - 1) // phases, steps * number // phases
        total = None if unknown_total else last - before
        for step in range(max(before, done) + 1, last + 1):
            wait_until(begun + seconds * step / steps)
            said = f"step {step}" if unknown_total else f"step {step} of {steps}"
            progress.update(step - before, total, said)
            if fail_at is not None and step >= steps * fail_at / 100:
                raise JobError(f"Failed at {fail_at:g}%, as asked.")
            if step % math.ceil(steps / 10) == 0:
                progress.log(f"{step} of {steps} steps are done.")
                progress.checkpoint(step)
            if step == math.ceil(steps / 2):
                progress.warn(f"step {step}", "is halfway, and this is only an example")
    return {"steps": steps, "seconds": round(time.monotonic() - begun, 1)}


def wait_until(moment: float) -> None:
    """Sleeps until then by the monotonic clock, in naps between which the job can be cancelled."""
    while (left := moment - time.monotonic()) > 0:
        time.sleep(min(left, NAP))
        progress.advance(0)
