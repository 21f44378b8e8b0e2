"""Texts that pages translate when they show them (headway/web/told.py): docstrings of tasks, and
sentences with which jobs end, which workers write in English."""

from django.utils.translation import gettext_noop, pgettext_lazy

DESCRIPTIONS = (
    gettext_noop("Asks a language model and shows its answer while it grows."),
    gettext_noop(
        "Computes the SHA-256 of every file in a ZIP or tar archive. The result file SHA256SUMS can"
        " be checked by sha256sum -c where the archive was unpacked."
    ),
    gettext_noop(
        "Reads the rows of a CSV file into the database. A row with a mistake becomes a warning,"
        " and is kept in the file rejects.csv."
    ),
    gettext_noop(
        "Counts steps for some time, in phases, with a line in the log now and then and a warning"
        " halfway. Fails after the step that reaches a given percent, if asked to."
    ),
)
ENDS = (
    gettext_noop("None of the rows could be imported: see the warnings for the reasons."),
    gettext_noop("The uploaded file no longer exists. Please upload it again."),
    gettext_noop("The file is empty."),
    gettext_noop("The file has no rows, only empty lines."),
    gettext_noop("This is a binary file, not a CSV file."),
    gettext_noop("This is neither a ZIP nor a tar archive, compressed or not."),
    gettext_noop("The ZIP archive has no table of contents at its end: it is cut short."),
    gettext_noop("The archive's table of contents is too large: rejected."),
    gettext_noop("The archive is damaged: a member's header is broken or cut short."),
    gettext_noop("The question is too long for the model."),
    gettext_noop("The model's server is overloaded, or its quota is used up. Try again later."),
    gettext_noop("The model's server cannot be reached. Try again later."),
    gettext_noop(
        "This is an Excel workbook or a ZIP archive, not a CSV file. Please save it as CSV first."
    ),
    gettext_noop("This is an old Excel workbook, not a CSV file. Please save it as CSV first."),
    gettext_noop("This is a PDF document, not a CSV file. Please save it as CSV first."),
    gettext_noop("This is a PNG picture, not a CSV file. Please save it as CSV first."),
    gettext_noop("This is a JPEG picture, not a CSV file. Please save it as CSV first."),
    gettext_noop("This is a gzip file, not a CSV file. Please save it as CSV first."),
)
VALUES = (
    pgettext_lazy("value", "seconds"),
    pgettext_lazy("value", "steps"),
    pgettext_lazy("value", "phases"),
    pgettext_lazy("value", "fail at"),
    pgettext_lazy("value", "rows"),
    pgettext_lazy("value", "rejected"),
    pgettext_lazy("value", "columns"),
    pgettext_lazy("value", "files"),
    pgettext_lazy("value", "bytes"),
    pgettext_lazy("value", "types"),
    pgettext_lazy("value", "delimiter"),
    pgettext_lazy("value", "encoding"),
    pgettext_lazy("value", "prompt"),
    pgettext_lazy("value", "instructions"),
)
"""What parameters and parts of results are called."""
