"""The site's kinds of job; the registry looks for tasks in this module."""

from jobs.archive.checksum_archive import checksum_archive
from jobs.csv_import.import_csv import import_csv
from jobs.llm.ask_model import ask_model
from jobs.simulate import simulate

__all__ = ["ask_model", "checksum_archive", "import_csv", "simulate"]
