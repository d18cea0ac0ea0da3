"""Where Rampwise keeps its files on this machine: `$RAMPWISE_HOME`, or the user's state directory."""

import os
from pathlib import Path

from platformdirs import user_state_path


def home() -> Path:
    """The directory, which need not exist yet."""
    named = os.environ.get("RAMPWISE_HOME")
    return Path(named).expanduser() if named else user_state_path("rampwise")


def database_url() -> str:
    """`$RAMPWISE_DATABASE`, or a SQLite file in `home()`."""
    return os.environ.get("RAMPWISE_DATABASE") or f"sqlite:///{home() / 'rampwise.sqlite3'}"


def flag_file() -> Path:
    """The flagd file that the built-in gate reads."""
    return home() / "flags.json"
