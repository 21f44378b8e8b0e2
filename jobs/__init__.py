"""The kinds of job that come with the app; each is written as any other app would write its own."""
