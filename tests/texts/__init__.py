"""The texts of the packages in German: `python -m tests.texts` brings the catalogs up to date."""
