"""What may happen to a job's row, and telling the log of it."""
