"""A real PostgreSQL server for the length of a block; started by the test, as a user who is not root."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from engine.local.processes import free_ports
from tests.local.waiting import eventually

SERVER_USER = "postgres"
"""Who runs the server where the tests run as root, which PostgreSQL refuses; Debian's package makes it."""
OWNER = "rampwise"


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """The server's URL, without a database's name at its end. AssertionError when it is not installed.

    `durable`: what it says is kept would outlast the machine, which tests need not pay for.
    """
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="rampwise-postgresql-"))
    as_user = _as_user()
    if as_user:
        shutil.chown(folder, SERVER_USER)
    data, port = folder / "data", free_ports(["postgresql"])["postgresql"]
    make = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        OWNER,
        "-A",
        "trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=folder, **as_user)
    kept = "on" if durable else "off"
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": kept}
    flags = [f"-c{name}={value}" for name, value in settings.items()]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *flags], stdout=log, stderr=log, cwd=folder, **as_user
        )
    url = f"postgresql://{OWNER}@127.0.0.1:{port}"
    try:
        eventually(lambda: _answers(url))
        yield url
    finally:
        process.terminate()  # waits for nobody once clients are gone
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(folder)


def new_database(server_url: str, name: str) -> str:
    """The URL of an empty database of this name."""
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server_url}/{name}"


def _programs() -> Path:
    """Where Debian keeps them; the newest version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    assert found or on_path, "PostgreSQL is missing; `make postgresql` installs it"
    return found[-1].parent if found else Path(str(on_path)).parent


def _as_user() -> dict[str, Any]:
    return {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if os.getuid() == 0 else {}


def _answers(url: str) -> bool:
    try:
        psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
