"""What people would use instead, set up as its own documentation says."""
