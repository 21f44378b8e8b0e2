"""What the runs of a job have written down themselves, whatever rows and logs say."""

from pathlib import Path

from tests.support.oracles import overlaps


def runs(ledger: Path) -> list[tuple[int, float, float]]:
    """(number, begin, end) of each run of a `witness`, in the order in which they began."""
    seen: dict[str, tuple[float, float]] = {}
    for line in ledger.read_text().splitlines() if ledger.exists() else []:
        run, moment = line.split()
        begin, _ = seen.get(run, (float(moment), 0.0))
        seen[run] = (begin, float(moment))
    ordered = sorted(seen.values())
    return [(number, begin, end) for number, (begin, end) in enumerate(ordered, 1)]


def one_at_a_time(ledger: Path) -> list[tuple[int, float, float]]:
    """The runs; no two of them may have lived at once."""
    found = runs(ledger)
    assert list(overlaps(found)) == []
    return found
