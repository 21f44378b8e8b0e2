"""A project such as others have, with the lines that bring the app in."""
