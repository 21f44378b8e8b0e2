"""What an installation keeps in its data directory and has to find again by itself."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100  # bytes: the kernel's limit is 108 on Linux and 104 on macOS


def data_directory(path: str | Path) -> Path:
    """`path` as a directory that exists, made for its owner alone (mode 0700).

    Ends the process with a sentence where that is impossible: nothing can run without it.
    """
    directory = Path(path).expanduser().resolve()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"DATA_DIR: {directory} cannot be made: {error.strerror}.") from None
    if not os.access(directory, os.W_OK):
        raise SystemExit(f"DATA_DIR: {directory} cannot be written to: set DATA_DIR to another.")
    return directory


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
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"progress-{os.getuid()}-{name}" / "valkey.sock"
