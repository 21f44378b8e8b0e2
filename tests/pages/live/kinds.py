"""Kinds with what none of the site's has: two files, and a result to go on to."""

from django import forms

from headway import job_task


class TwoFiles(forms.Form):
    old = forms.FileField()
    new = forms.FileField()


@job_task(title="Compare files", form=TwoFiles)
def compare_files(old: str, new: str) -> list[str]:
    return [old, new]


@job_task(title="Report", leads_to=lambda job: f"/jobs/kinds/{job.kind}/")
def report() -> None:
    pass
