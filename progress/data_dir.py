"""What an installation keeps in its data directory and has to find again by itself."""

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

LONGEST_SOCKET_PATH = 100  # bytes: the kernel's limit is 108 on Linux and 104 on macOS


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
