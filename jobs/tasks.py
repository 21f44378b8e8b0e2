"""The kinds of job that come with the app; the registry looks for tasks in this module."""

from jobs.kinds.checksum_archive import checksum_archive
from jobs.kinds.import_csv import import_csv
from jobs.kinds.simulate import simulate

__all__ = ["checksum_archive", "import_csv", "simulate"]
