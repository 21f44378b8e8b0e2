"""Every Redis key and channel of the engine. One hash tag keeps them in one cluster slot."""

TAG = "{p}"

LAST = f"{TAG}:last"
"""String: the highest number ever given out, over all jobs."""

EPOCH = f"{TAG}:epoch"
"""String: which server's history the newest writes belong to (epoch.py)."""


def log(job: str) -> str:
    """Stream: the job's events, entry id `<number>-0`, newest `maxlen` kept."""
    return f"{TAG}:log:{job}"


def snapshot(job: str) -> str:
    """Hash: what the log adds up to; append.lua lists its fields."""
    return f"{TAG}:snap:{job}"


def output(job: str) -> str:
    """String: the newest attempt's output as one text, or its end when it is long."""
    return f"{TAG}:out:{job}"


def live(job: str) -> str:
    """Channel: each event of the job as it is appended."""
    return f"{TAG}:live:{job}"


def feed(owner: str) -> str:
    """Channel: the id of each job as it is created for this owner."""
    return f"{TAG}:feed:{owner}"


def alive(role: str) -> str:
    """Hash: process name -> JSON with `until`, in Redis server time."""
    return f"{TAG}:alive:{role}"
