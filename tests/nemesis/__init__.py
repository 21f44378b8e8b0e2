"""`python -m tests.nemesis`: seeded random faults over a whole installation in use, then healing,
then everything that must hold is checked."""
