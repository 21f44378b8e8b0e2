"""The site's jobs, each written as any project would write its own."""
