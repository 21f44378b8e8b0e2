"""Ask a model: a language model's answer as a job, and as a stream for programs at /chat/."""
