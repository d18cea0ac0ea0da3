"""Child processes: started in their own session, known by pid and creation time, ended for certain.

Nothing in here knows what the processes are for.
"""

import os
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from engine.adapters.traefik.platform_record import Part

MARK = "RAMPWISE_LOCAL_PLATFORM"
"""Environment variable naming the platform's directory: finds a child whose record was never written."""

TERM_PATIENCE_S = 3.0
POLL_S = 0.02
# The system's notion of its boot time moves with clock corrections, and creation times with it.
SAME_PROCESS_S = 2.0


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """One free loopback port per name. Somebody may take one before it is used; then try again."""
    held = {name: socket.socket() for name in names}
    try:
        for holder in held.values():
            holder.bind(("127.0.0.1", 0))
        return {name: int(holder.getsockname()[1]) for name, holder in held.items()}
    finally:
        for holder in held.values():
            holder.close()


def spawn(
    argv: Sequence[str], *, log: Path, mark: Path, ports: Mapping[str, int], stdin_fd: int | None = None
) -> Part:
    """Start a process in a session of its own, its output going to `log`.

    It outlives this process and hears no Ctrl-C; whoever starts it records and ends it.
    """
    to_log = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    stdin = (
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        if stdin_fd is None
        else (os.POSIX_SPAWN_DUP2, stdin_fd, 0)
    )
    pid = os.posix_spawn(
        argv[0],
        list(argv),
        {**os.environ, MARK: str(mark), "PYTHONPATH": _import_root()},
        file_actions=[stdin, (os.POSIX_SPAWN_OPEN, 1, str(log), to_log, 0o600), (os.POSIX_SPAWN_DUP2, 1, 2)],
        setsid=True,
    )
    return identify(pid, ports)


def identify(pid: int, ports: Mapping[str, int]) -> Part:
    """The process as it can be recognised later."""
    return Part(pid=pid, created_s=psutil.Process(pid).create_time(), ports=ports)


def find(part: Part) -> psutil.Process | None:
    """The process while it runs; None when it has ended, even if its pid lives on in another process."""
    try:
        process = psutil.Process(part.pid)
        if abs(process.create_time() - part.created_s) > SAME_PROCESS_S:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def listens(part: Part) -> bool:
    """Whether the process itself listens on all of its ports, so that no stranger is taken for it."""
    process = find(part)
    if process is None:
        return False
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.Error:
        return False
    open_ports = {c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN}
    return set(part.ports.values()) <= open_ports


def await_listening(part: Part, within_s: float) -> bool:
    """Whether the process came to listen; False when it died or took too long."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if listens(part):
            return True
        if find(part) is None:
            return False
        time.sleep(POLL_S)
    return False


def port_of(pid: int, within_s: float) -> int | None:
    """The port that a process comes to listen on; None when it ended or took too long."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            connections = process.net_connections(kind="tcp")
        except psutil.Error:
            return None
        listening = [c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN]
        if listening:
            return int(listening[0])
        time.sleep(POLL_S)
    return None


def marked(mark: Path) -> list[psutil.Process]:
    """All processes of this user that were started for this platform, except the one that asks."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(mark):
                found.append(process)
        except psutil.Error:
            continue
    return found


def end(processes: Iterable[psutil.Process]) -> None:
    """Ask the processes to end, then make them; returns when they are gone."""
    waiting = list({process.pid: process for process in processes}.values())
    for process in waiting:
        _signal(process, kill=False)
    stubborn = _await_end(waiting)
    for process in stubborn:
        _signal(process, kill=True)
    _await_end(stubborn)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        if kill:
            process.kill()
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return


def _await_end(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after `TERM_PATIENCE_S`."""
    deadline = time.monotonic() + TERM_PATIENCE_S
    while processes := [process for process in processes if not _has_ended(process)]:
        if time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    return processes


def _has_ended(process: psutil.Process) -> bool:
    try:
        with suppress(psutil.TimeoutExpired):
            process.wait(timeout=0)  # buries our own child
            return True
        # Somebody else's child has ended too when only its parent's duty to bury it is left.
        return process.status() == psutil.STATUS_ZOMBIE and process.ppid() != os.getpid()
    except psutil.NoSuchProcess:
        return True


def _import_root() -> str:
    """The directory from which `engine` was imported, so that a child imports the same one from anywhere."""
    return str(Path(__file__).parents[2])
