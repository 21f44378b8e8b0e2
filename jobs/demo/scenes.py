"""One job for every state, and for texts that a page has to stand."""

from collections.abc import Iterator
from typing import Any

from headway.models import Status
from jobs.demo.contents import COLUMNS, checksums, rejects, rejects_file
from jobs.demo.story import Story

TRACEBACK = """Traceback (most recent call last):
  File "/srv/site/jobs/csv_import/import_csv.py", line 83, in import_csv
    store.add(row)
  File "/srv/site/jobs/csv_import/import_csv.py", line 128, in add
    self.flush()
  File "/srv/venv/lib/python3.13/site-packages/psycopg/cursor.py", line 97, in execute
    raise ex.with_traceback(None)
psycopg.errors.NumericValueOutOfRange: integer out of range
"""
UNEXPECTED = (
    "Something unexpected went wrong. The operator of this site can look it up by the reference"
)
DISAPPEARED = "The worker disappeared (no sign of life for 34 s)"
IMPORT = ("Reading the file", "Importing rows")
LONG = (
    "Monthly reconciliation of all invoices, credit notes and payments of the subsidiaries in"
    " Lisbon, Izmir, Gdańsk and Tromsø with the general ledger, including what was posted after"
    " the period was closed"
)


ACTIVE = (
    Story(
        *("queued", "simulate", "Rebuild the search index", Status.QUEUED, 0.01),
        params={"seconds": 90, "steps": 300, "phases": 3},
    ),
    Story(
        *("scheduled", "simulate", "Nightly backup", Status.QUEUED, 3, 1),
        params={"seconds": 45, "steps": 900},
        due_in=14 * 3600,
    ),
    Story(
        *("again", "import-csv", "Import CSV", Status.QUEUED, 1.2),
        upload="suppliers.csv",
        phases=IMPORT,
        reason=f"{DISAPPEARED}. Another attempt follows",
        before=[(Status.LOST, DISAPPEARED, 210)],
        due_in=1500,
    ),
    Story(
        *("running", "import-csv", "Import CSV", Status.RUNNING, 0.05),
        upload="customers-all.csv",
        took=178,
        percent=62.0,
        total=48_200.0,
        message="line 371,204",
        phases=IMPORT,
        lines=[
            "The columns are separated by semicolons.",
            "The first row has their names: id, name, street, postcode, city, country.",
            *(f"{number:,} rows" for number in range(25_000, 375_000, 25_000)),
        ],
    ),
    Story(
        *("phases", "simulate", "Migrate the media library", Status.RUNNING, 0.4, 2),
        params={"seconds": 2000, "steps": 200, "phases": 20},
        took=1438,
        percent=71.5,
        total=200.0,
        message="step 143 of 200",
        phases=[f"Phase {number} of 20" for number in range(1, 16)],
        lines=[f"Phase {number} is done." for number in range(1, 15)],
    ),
    Story(
        *("no-total", "simulate", "Crawl the old shop", Status.RUNNING, 0.1, 1),
        params={"seconds": 600, "steps": 5000, "unknown_total": True},
        took=358,
        percent=None,
        total=1840.0,
        message="step 1840",
    ),
    Story(
        *("stalled", "checksum-archive", "Checksum archive", Status.RUNNING, 1.1),
        upload="photos-2025.zip",
        took=3900,
        percent=37.0,
        total=812_000.0,
        message="photos/2025-07/IMG_2231.heic",
    ),
    Story(
        *("cancelling", "simulate", "Recompute the statistics", Status.CANCELLING, 0.2),
        params={"seconds": 4000},
        took=718,
        percent=18.0,
        total=100.0,
        message="step 18 of 100",
        reason="Cancelled",
        verbs=[("cancel", Status.CANCELLING)],
    ),
)


ENDED_BADLY = (
    Story(
        *("failed", "import-csv", "Import CSV", Status.FAILED, 2.2),
        upload="orders-q1.csv",
        took=31,
        percent=48.0,
        total=9_400.0,
        message="line 18,204",
        phases=IMPORT,
        lines=["The columns are separated by commas.", "10,000 rows"],
        reason=f"{UNEXPECTED} K7WPM3QX",
        error=TRACEBACK,
    ),
    Story(
        *("refused", "import-csv", "Import CSV", Status.FAILED, 3.4, 1),
        upload="logo.csv",
        took=0.4,
        percent=None,
        phases=IMPORT[:1],
        reason="This is a PNG picture, not a CSV file. Please save it as CSV first.",
        refused=True,
    ),
    Story(
        *("all-rejected", "import-csv", "Import CSV", Status.FAILED, 27),
        upload="returns.csv",
        took=6,
        percent=100.0,
        total=310.0,
        message="line 2,400",
        phases=IMPORT,
        warnings=[(f"line {line}", "5 columns instead of 6") for line in range(2, 140)],
        reason="None of the rows could be imported: see the warnings for the reasons.",
        refused=True,
    ),
    Story(
        *("timed-out", "checksum-archive", "Checksum archive", Status.FAILED, 5.5, 2),
        upload="tape-0044.tar.xz",
        took=3600,
        percent=83.0,
        total=41_000_000.0,
        message="tape/0044/raw/part-118.bin",
        reason="Took longer than 3600 s",
    ),
    Story(
        *("memory", "simulate", "Render the yearbook", Status.FAILED, 51),
        params={"seconds": 240, "steps": 96},
        took=151,
        percent=63.0,
        total=96.0,
        message="page 61 of 96",
        reason="The worker process ran out of memory",
    ),
    Story(
        *("lost", "checksum-archive", "Checksum archive", Status.LOST, 8.1),
        upload="backup-march.zip",
        took=90,
        percent=22.0,
        total=310_000.0,
        message="db/dump.sql",
        reason=DISAPPEARED,
        before=[(Status.LOST, DISAPPEARED, 140), (Status.LOST, DISAPPEARED, 65)],
    ),
    Story(
        *("cancelled", "simulate", "Recompute the statistics", Status.CANCELLED, 6.4),
        params={"seconds": 300},
        took=44,
        percent=14.0,
        total=100.0,
        message="step 14 of 100",
        reason="Cancelled",
        result={"steps": 14},
        verbs=[("cancel", Status.CANCELLING)],
    ),
    Story(
        *("never-began", "simulate", "Send the newsletter", Status.CANCELLED, 30, 1),
        params={"seconds": 120},
        waited=55,
        took=0,
        reason="Cancelled",
        verbs=[("cancel", Status.CANCELLED)],
    ),
)


ENDED_WELL = (
    Story(
        *("warned", "import-csv", "Import CSV", Status.SUCCEEDED, 1.6),
        upload="orders-q2.csv",
        took=48,
        total=6_120.0,
        message="line 50,001",
        phases=IMPORT,
        lines=["The columns are separated by commas."],
        warnings=[(f"line {line:,}", why) for line, why, _ in rejects()],
        result={"rows": 49_877, "rejected": 123, "columns": [*COLUMNS]},
        files={"rejects.csv": rejects_file()},
    ),
    Story(
        *("retried", "import-csv", "Import CSV", Status.SUCCEEDED, 9.3, 2),
        upload="stock.csv",
        took=22,
        total=2_050.0,
        message="line 16,400",
        phases=IMPORT,
        result={"rows": 16_399, "rejected": 0, "columns": ["sku", "shelf", "count"]},
        before=[
            (Status.FAILED, "Could not reach the warehouse. Another attempt follows", 12),
            (Status.LOST, DISAPPEARED, 47),
        ],
        verbs=[("retry", Status.QUEUED)],
    ),
    Story(
        *("forty-phases", "simulate", "Close the books", Status.SUCCEEDED, 12),
        params={"seconds": 400, "steps": 4000},
        took=412,
        total=4000.0,
        message="step 4,000 of 4,000",
        phases=[f"Ledger {number} of 40" for number in range(1, 41)],
        result={"steps": 4000, "seconds": 411.8},
    ),
    Story(
        *("wordy", "simulate", "Replay the events of March", Status.SUCCEEDED, 15),
        params={"seconds": 600, "steps": 3000},
        took=605,
        total=3000.0,
        message="step 3,000 of 3,000",
        lines=[f"{step} of 3000 steps are done." for step in range(1, 3001)],
        result={"steps": 3000, "seconds": 604.9},
    ),
    Story(
        *("archive", "checksum-archive", "Checksum archive", Status.SUCCEEDED, 20),
        upload="release-4.2.tar.gz",
        took=3.2,
        total=88_400.0,
        message="docs/index.html",
        result={"files": 412, "bytes": 231_904_112},
        files={"SHA256SUMS": checksums()},
    ),
    Story(
        *("table", "simulate", "Compare the branches", Status.SUCCEEDED, 22, 1),
        params={"seconds": 10},
        took=11,
        total=3.0,
        result=[
            {"branch": "Lisbon", "orders": 412, "revenue": 81_204.5},
            {"branch": "Izmir", "orders": 377, "revenue": 64_990.0},
            {"branch": "Gdańsk", "orders": 198, "revenue": 40_117.25},
        ],
    ),
)


def _odd_texts() -> Iterator[Story]:
    done: dict[str, Any] = {
        "took": 18.0,
        "total": 100.0,
        "result": {"steps": 100},
        "params": {"seconds": 18},
    }
    yield Story("long", "simulate", LONG, Status.SUCCEEDED, 33, **done)
    yield Story(
        *("rtl", "simulate", "استيراد طلبات الربع الثالث (orders-q3)", Status.SUCCEEDED, 34, 2),
        **done | {"message": "تم استيراد ٤٢ صفًا"},
    )
    yield Story("hebrew", "simulate", "דוח חודשי, 2026", Status.FAILED, 35, reason="הקובץ ריק.")
    yield Story("emoji", "simulate", "🚀 Ship it 👩🏽‍💻✨", Status.SUCCEEDED, 36, 1, **done)
    yield Story(
        "markup", "simulate", '<b>Q3</b> & "friends" <script>', Status.SUCCEEDED, 37, **done
    )
    yield Story(
        "one-word", "simulate", "Donau" + "dampfschifffahrt" * 9, Status.SUCCEEDED, 38, **done
    )


def all_states() -> Iterator[Story]:
    """The active ones first."""
    yield from (*ACTIVE, *ENDED_BADLY, *ENDED_WELL)
    yield from _odd_texts()
