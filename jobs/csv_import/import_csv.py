"""Import CSV: reads the rows of an uploaded file into the database."""

from contextlib import ExitStack
from typing import Any

from django import forms
from django.db import reset_queries, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from headway import InputError, job_task, progress, spreadsheets
from headway.kinds.file_types import FirstBytes
from jobs.csv_import.csv_format import DELIMITERS
from jobs.csv_import.csv_rows import Row
from jobs.csv_import.csv_table import Table
from jobs.models import ImportedRow
from jobs.uploads import GRACE, MAX_SECONDS, UploadField, opened

BATCH_ROWS = 1000
BATCH_SIZE = 4 << 20  # characters
MAX_ROWS = 10_000_000
"""Rows of one file: in the database they take many times the space of a short line."""
MAX_REJECTS = 10_000
"""Rows that rejects.csv has at most: a file may be nothing else, and they are larger in it."""

DELIMITER_CHOICES = {
    "": _("Detect"),
    "comma": _("Comma"),
    "semicolon": _("Semicolon"),
    "tab": _("Tab"),
    "pipe": _("Vertical bar"),
}
ENCODING_CHOICES = {
    "": _("Detect (Unicode or Western European)"),
    "utf-8": _("Unicode (UTF-8)"),
    "utf-16-le": _("Unicode (UTF-16, little endian)"),
    "utf-16-be": _("Unicode (UTF-16, big endian)"),
    "cp1252": _("Western European (Windows-1252)"),
    "cp1250": _("Central European (Windows-1250)"),
    "cp1251": _("Cyrillic (Windows-1251)"),
    "cp1253": _("Greek (Windows-1253)"),
    "cp1254": _("Turkish (Windows-1254)"),
    "cp437": _("DOS (437)"),
    "mac-roman": _("Macintosh (Roman)"),
    "gb18030": _("Chinese (GB 18030)"),
    "big5": _("Chinese (Big5)"),
    "shift_jis": _("Japanese (Shift JIS)"),
    "euc-kr": _("Korean (EUC-KR)"),
}


class ImportCSVForm(forms.Form):
    file = UploadField(
        validators=[FirstBytes("text")],
        label=_("File"),
        help_text=_(
            "A row is rejected, with its reason, when it does not have as many columns as the"
            " first one, when all its cells are blank, or when it cannot be decoded. All other"
            " rows are imported. Empty lines are skipped."
        ),
    )
    delimiter = forms.ChoiceField(label=_("Delimiter"), choices=DELIMITER_CHOICES, required=False)
    encoding = forms.ChoiceField(label=_("Encoding"), choices=ENCODING_CHOICES, required=False)
    no_header = forms.BooleanField(
        label=_("No column names"), required=False, help_text=_("The first row is already data.")
    )
    text_only = forms.BooleanField(
        label=_("Everything is text"),
        required=False,
        help_text=_(
            "Otherwise a column counts as numbers or dates if at least 90% of the values in its"
            " first 1,000 rows are. Rows with another value there are rejected; blank and n/a are"
            " allowed. Columns with leading zeros stay text."
        ),
    )


@job_task(
    title=_("Import CSV"),
    form=ImportCSVForm,
    max_attempts=3,
    unit="kB",
    says=(
        gettext_noop("Reading the file"),
        gettext_noop("Importing rows"),
        gettext_noop("line {line}"),
    ),
    soft_time_limit=MAX_SECONDS,
    time_limit=MAX_SECONDS + GRACE,
)
def import_csv(
    file: str,
    delimiter: str = "",
    encoding: str = "",
    no_header: bool = False,
    text_only: bool = False,
) -> dict[str, Any]:
    """Reads the rows of a CSV file into the database. A row with a mistake becomes a warning, and
    is kept in the file rejects.csv.

    `file` is a name in the default storage. A retry checks the rows again but stores only those
    after the last checkpoint. Called as a plain function it checks the file and stores nothing.
    """
    with opened(file) as upload:
        progress.phase("Reading the file", weight=0.05)
        table = Table(
            upload,
            delimiter=DELIMITERS.get(delimiter, delimiter),
            encoding=encoding,
            has_header=not no_header,
            typed=not text_only,
        )
        progress.phase("Importing rows")
        store = Store(table)
        with Rejects(table) as rejects:
            for row in table:
                progress.update(upload.tell() / 1000, upload.size / 1000, f"line {row.line:,}")
                if row.problem:
                    rejects.add(row)
                else:
                    store.add(row)
            store.flush()
    if rejects.count and not store.count:
        raise InputError("None of the rows could be imported: see the warnings for the reasons.")
    return {
        "rows": store.count,
        "rejected": rejects.count,
        "columns": table.columns.names,
        "types": table.columns.types,
        "delimiter": table.delimiter,
        "encoding": table.encoding,
    }


class Store:
    """Writes rows to the database in batches, each in a transaction of its own."""

    def __init__(self, table: Table) -> None:
        self.count = 0
        self._names = table.columns.names
        self._names_size = sum(map(len, self._names))
        self._stored = (progress.restored or {}).get("line", 0)
        self._batch: list[ImportedRow] = []
        self._size = 0

    def add(self, row: Row) -> None:
        self.count += 1
        if self.count > MAX_ROWS:
            raise InputError(
                f"The file has more than {MAX_ROWS:,} rows; those before line {row.line:,} are"
                " imported. Split it and import the rest as another file."
            )
        if not progress.job or row.line <= self._stored:
            return
        data = dict(zip(self._names, row.cells, strict=True))
        self._batch.append(ImportedRow(job_id=progress.job, line=row.line, data=data))
        self._size += row.size + self._names_size
        if len(self._batch) >= BATCH_ROWS or self._size >= BATCH_SIZE:
            self.flush()

    def flush(self) -> None:
        if not self._batch:
            return
        with transaction.atomic():
            # Another attempt may still be at work on what this one has taken over.
            ImportedRow.objects.bulk_create(self._batch, ignore_conflicts=True)
            progress.checkpoint({"line": self._batch[-1].line})
        reset_queries()  # with DEBUG on, Django remembers every query
        self._batch, self._size = [], 0


class Rejects(ExitStack):
    """Warns of rows that cannot be used and keeps them in the result file rejects.csv: line,
    reason, and the cells as they were, but for formulas; the first MAX_REJECTS of them. Without
    such rows there is no file."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.count = 0
        self._table = table

    def add(self, row: Row) -> None:
        if not self.count:
            file = self.enter_context(progress.result_file("rejects.csv"))
            file.write("\ufeff")  # without it Excel takes UTF-8 for something else
            self._writer = spreadsheets.writer(file, delimiter=self._table.delimiter)
            self._writer.writerow(["line", "reason", *self._table.columns.names])
        self.count += 1
        if self.count <= MAX_REJECTS:
            self._writer.writerow([row.line, row.problem, *row.cells])
        elif self.count == MAX_REJECTS + 1:
            told = f"Only the first {MAX_REJECTS:,} rejected rows are kept; all others are counted."
            self._writer.writerow([row.line, told])
            progress.log(f"rejects.csv: {told}")
        progress.warn(f"line {row.line}", row.problem)
