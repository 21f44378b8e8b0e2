"""Tasks done by real clicks and keys in Chromium, counted and timed, on the demo's data."""
