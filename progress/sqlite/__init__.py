"""Django's backend for SQLite, with writers that wait for its lock by turns."""
