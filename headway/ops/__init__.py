"""What runs an installation from one terminal, and draws bars in it."""
