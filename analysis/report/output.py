"""Puts a text into a file whole or not at all. Knows nothing of reports."""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write beside the file and put it in place by rename; what is no plain file is written to as it is.

    A link stays, and what it leads to is replaced. Line ends are written as they are. OSError when it cannot
    be written; the file is then as before.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        return
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("x", encoding="utf-8", newline="") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if target.exists():
            temporary.chmod(target.stat().st_mode & 0o777)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
