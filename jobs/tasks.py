"""The kinds of job that come with the app; the registry looks for tasks in this module."""

from jobs.kinds.ask_model import ask_model
from jobs.kinds.checksum_archive import checksum_archive
from jobs.kinds.import_csv import import_csv
from jobs.kinds.simulate import simulate

__all__ = ["ask_model", "checksum_archive", "import_csv", "simulate"]
