import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from engine.adapters.traefik.platform_record import Part
from engine.local.processes import end, find, free_ports, identify, listens, marked, port_of, spawn
from tests.local.waiting import eventually

SLEEPER = "import time; time.sleep(60)"
LISTENER = (
    "import socket, time; held = socket.create_server(('127.0.0.1', 0));"
    "print(held.getsockname()[1], flush=True); time.sleep(60)"
)
STUBBORN = (
    f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEPER}"
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(tmp_path: Path, log: Path) -> Iterator[list[Part]]:
    started: list[Part] = []
    yield started
    end([process for part in started if (process := find(part)) is not None])


def python(code: str, log: Path, mark: Path) -> Part:
    return spawn([sys.executable, "-c", code], log=log, mark=mark, ports={})


def test_a_process_that_runs_is_found_and_one_that_ended_is_not(
    start: list[Part], log: Path, tmp_path: Path
) -> None:
    part = python(SLEEPER, log, tmp_path)
    start.append(part)
    process = find(part)
    assert process is not None
    end([process])
    assert find(part) is None
    assert not psutil.pid_exists(part.pid)


def test_a_recycled_pid_is_somebody_else() -> None:
    me = identify(os.getpid(), {})
    assert find(me) is not None
    assert find(replace(me, created_s=me.created_s - 3600)) is None


def test_a_child_that_died_by_itself_is_not_found_even_before_it_is_reaped(
    start: list[Part], log: Path, tmp_path: Path
) -> None:
    part = python("", log, tmp_path)
    start.append(part)
    eventually(lambda: find(part) is None)


def test_a_process_deaf_to_sigterm_is_ended(
    start: list[Part], log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.local.processes.TERM_PATIENCE_S", 0.2)
    part = python(STUBBORN, log, tmp_path)
    start.append(part)
    eventually(lambda: "deaf" in log.read_text(encoding="utf-8"))
    process = find(part)
    assert process is not None
    end([process])
    assert find(part) is None


def test_processes_are_found_by_their_mark_and_only_by_theirs(
    start: list[Part], log: Path, tmp_path: Path
) -> None:
    start += [python(SLEEPER, log, tmp_path / mark) for mark in ("ours", "theirs")]
    eventually(lambda: [p.pid for p in marked(tmp_path / "ours")] == [start[0].pid])


def test_ending_what_is_gone_is_harmless(log: Path, tmp_path: Path) -> None:
    part = python(SLEEPER, log, tmp_path)
    process = find(part)
    assert process is not None
    end([process])
    end([process])


def test_ports_are_free_and_differ() -> None:
    ports = free_ports(["http", "api", "admin"])
    assert len(set(ports.values())) == 3


def test_a_server_on_the_port_is_not_taken_for_a_process_that_does_not_listen() -> None:
    assert not listens(identify(os.getpid(), free_ports(["http"])))


def test_the_port_that_a_process_chose_itself_is_found(start: list[Part], log: Path, tmp_path: Path) -> None:
    part = python(LISTENER, log, tmp_path)
    start.append(part)
    found = port_of(part.pid, 30.0)
    eventually(lambda: log.read_text(encoding="utf-8") == f"{found}\n")


def test_a_process_that_ends_or_never_listens_has_no_port(
    start: list[Part], log: Path, tmp_path: Path
) -> None:
    start += [python("", log, tmp_path), python(SLEEPER, log, tmp_path)]
    assert port_of(start[0].pid, 30.0) is None
    assert port_of(start[1].pid, 0.1) is None
    end([process for part in start if (process := find(part)) is not None])
    assert port_of(start[1].pid, 30.0) is None
