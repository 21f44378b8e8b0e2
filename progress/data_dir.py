"""What an installation keeps in its data directory and must find again by itself."""

import hashlib
import os
import re
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

MAX_SOCKET_PATH = 100  # bytes: the kernel's limit is 108 on Linux and 104 on macOS
OTHERS = 0o077
OURS = re.compile(r"secret_key.*|db\.sqlite3.*|files|static|tmp|valkey.*|up\.lock|.*\.log")
"""What there may be in a data directory that is closed to others without being asked."""


def data_directory(path: str | Path, *, within: bool = False) -> Path:
    """`path` as a directory that exists, for its owner alone (mode 0700).

    One that others can look into is closed where it is `within` the data directory, or holds
    nothing but what belongs there: nobody means to close /tmp. Ends the process with a sentence
    where there can be none: nothing can run without it.
    """
    directory = Path(path).expanduser().resolve()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"DATA_DIR: {directory} cannot be made: {error.strerror}.") from None
    if not os.access(directory, os.W_OK):
        raise SystemExit(f"DATA_DIR: {directory} cannot be written to: set DATA_DIR to another.")
    if within or all(OURS.fullmatch(path.name) for path in directory.iterdir()):
        _close(directory)
    return directory


def private_file(path: Path) -> Path:
    """`path` as a file that exists, for its owner alone (mode 0600), with what SQLite keeps beside
    a database: it gives these files the mode of the database when it makes them."""
    with suppress(OSError):  # of which the database tells more
        path.touch(mode=0o600)
    for each in (path, *path.parent.glob(f"{path.name}-*")):
        _close(each)
    return path


def is_open(path: Path) -> bool:
    """Whether other users have any right to it."""
    return bool(path.stat().st_mode & OTHERS)


def _close(path: Path) -> None:
    # SQLite may just have removed it; the checks report what belongs to another user
    with suppress(FileNotFoundError, PermissionError):
        if is_open(path):
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~OTHERS)


def secret_key(path: Path) -> str:
    """The key kept in `path`, made there once (mode 0600) even when processes start together."""
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first: its key is the one
        finally:
            draft.unlink()
    return path.read_text()


def socket_path(data_dir: Path) -> Path:
    """Where the embedded Valkey listens: in `data_dir`, or in a short directory made for it."""
    path = data_dir / "valkey.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"progress-{os.getuid()}-{name}" / "valkey.sock"
