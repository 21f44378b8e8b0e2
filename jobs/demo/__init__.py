"""Jobs to look at: every state that a job can be in, and a month of ordinary ones."""
