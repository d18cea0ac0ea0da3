"""Ends an owned platform when its owner is gone, however it went: `python -m engine.local.keeper DIRECTORY`.

The owner holds the other end of this process's standard input and never writes to it. The kernel closes it
when the owner ends, even by SIGKILL, so nothing is left behind.
"""

import sys
from pathlib import Path

from engine.local.platform import LocalPlatform


def main() -> None:
    """Wait for the owner to end, then end the platform."""
    sys.stdin.buffer.read()
    LocalPlatform(Path(sys.argv[1])).down()


if __name__ == "__main__":
    main()
