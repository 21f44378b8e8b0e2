"""An app with one kind of job, which does nothing: what is left is what a job costs."""
