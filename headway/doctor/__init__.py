"""Examines the way from here to a site's streams, as viewers go it: through all its proxies."""
