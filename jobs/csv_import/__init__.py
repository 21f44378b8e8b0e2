"""Import CSV: the rows of an uploaded file into the database."""
