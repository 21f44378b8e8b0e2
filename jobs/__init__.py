"""The job app."""
