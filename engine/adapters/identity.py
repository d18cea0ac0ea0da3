"""Who acts: the person at the keyboard, and this process as a holder of leases."""

import getpass
import os
import secrets
import socket

from engine.core.events import Actor


def person() -> Actor:
    """The user of this process with the host's name."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may have a user id without a name
        user = f"uid-{os.getuid()}"
    return Actor(user=user, host=socket.gethostname())


def process_name() -> str:
    """A name for this process that no other process has."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(3)}"
