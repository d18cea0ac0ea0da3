"""`rampwise serve` as a process: it prints its address, ends at once, and its log holds no secrets."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from engine.cli.logs import without_credentials
from engine.core.outcome import ExitCode
from engine.errors import Unreachable
from tests.cli.conftest import desk as desk  # noqa: PLC0414
from tests.cli.desk import Desk
from tests.cli.test_process import COMMAND, read_until

pytestmark = pytest.mark.slow

SECRETS = ("hunter2", "s3cr3t-token", "pa55")


@contextmanager
def serving(desk: Desk, *options: str) -> Iterator[subprocess.Popen[str]]:
    env = {**os.environ, "RAMPWISE_HOME": str(desk.home)}
    started = subprocess.Popen(
        [*COMMAND, "serve", *options],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def test_a_free_port_is_printed_and_answers(desk: Desk) -> None:
    run_id = desk.launched()
    with serving(desk, "--listen", "127.0.0.1:0") as engine:
        url = json.loads(read_until(engine, '"event": "pages"'))["url"]
        read_until(engine, '"run": ')
        assert requests.get(f"{url}r/{run_id}", timeout=20).status_code == 200
        assert requests.get(f"{url}readyz", timeout=5).text == "ok\n"


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_an_open_stream_does_not_delay_the_end_and_leases_are_given_up(
    desk: Desk, kind: signal.Signals
) -> None:
    run_id = desk.launched()
    with serving(desk, "--listen", "127.0.0.1:0") as engine:
        url = json.loads(read_until(engine, '"event": "pages"'))["url"]
        read_until(engine, '"run": ')
        with requests.get(f"{url}events", stream=True, timeout=10) as stream:
            next(stream.iter_lines())
            began_s = time.monotonic()
            engine.send_signal(kind)
            _, rest = engine.communicate(timeout=30)
            took_s = time.monotonic() - began_s
    assert engine.returncode == ExitCode.OK
    assert took_s < 5
    assert json.loads(rest.splitlines()[-1])["event"] == "ended"
    assert desk.store.holder(run_id, 0.0) is None


def test_without_pages_no_port_is_opened(desk: Desk) -> None:
    with serving(desk, "--listen", "off") as engine:
        read_until(engine, '"event": "serving"')
        assert engine.poll() is None
        engine.send_signal(signal.SIGTERM)
        _, rest = engine.communicate(timeout=30)
    assert "pages" not in rest
    assert engine.returncode == ExitCode.OK


def test_a_busy_port_ends_serve_with_a_usage_error(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = desk.call("serve", "--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert result.exit_code == ExitCode.USAGE
    assert "already in use. Name another with `--listen HOST:PORT`" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("GET http://ada:hunter2@host/x failed", "GET http://***@host/x failed"),
        ("Authorization: Bearer s3cr3t-token", "Authorization: Bearer ***"),
        ("{'api_key': 'pa55', 'url': 'x'}", "{'api_key': '***', 'url': 'x'}"),
        ("?token=s3cr3t-token&x=1", "?token=***&x=1"),
        ("v1 at 20 %: 12 of 100", "v1 at 20 %: 12 of 100"),
    ],
)
def test_credentials_in_texts_are_written_out(text: str, said: str) -> None:
    assert without_credentials(text) == said


def test_a_log_line_holds_no_credentials_wherever_they_come_from(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = desk.launched()

    def broken(*_: object) -> None:
        raise Unreachable("GET http://ada:hunter2@prometheus/?token=s3cr3t-token: password=pa55")

    monkeypatch.setattr("engine.driver.tick", broken)
    result = desk.call("serve", "--once")
    assert result.exit_code == ExitCode.ERROR
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert [line["run"] for line in lines] == [run_id]
    assert not any(secret in result.stderr for secret in SECRETS)
