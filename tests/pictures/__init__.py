"""The pictures of the docs, made again from running processes: `python -m tests.pictures`."""
