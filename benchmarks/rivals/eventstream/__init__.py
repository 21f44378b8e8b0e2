"""A minimal django-eventstream site, as its README sets it up for several processes."""
