"""`HttpProber` against servers that answer, fail, hang and trickle: bounded in rate, number and time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from engine.adapters.prober import HttpProber
from tests.trickling import A_HEAD, HALF_A_HEAD, trickling


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.seen.append((time.monotonic(), self.path))
        self.send_response(server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(server.body) + server.withheld))
        self.end_headers()
        self.wfile.write(server.body)
        if server.withheld:
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    status = 200
    body = b"ok"
    withheld = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.seen: list[tuple[float, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/health"


@contextmanager
def serving(**settings: object) -> Iterator[Server]:
    with Server() as server:
        for name, value in settings.items():
            setattr(server, name, value)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def probe(url: str, **changes: float) -> list[bool]:
    settings: dict[str, float] = {"rate_per_s": 200.0, "timeout_s": 1.0, "within_s": 2.0, **changes}
    count = int(settings.pop("count", 3))
    return [answer.ok for answer in HttpProber().probe(url, count=count, **settings)]


@pytest.mark.parametrize(("status", "ok"), [(200, True), (302, True), (404, False), (503, False)])
def test_an_answer_below_400_is_ok_and_redirects_are_not_followed(status: int, ok: bool) -> None:
    with serving(status=status) as server:
        assert probe(server.url) == [ok] * 3
        assert [path for _, path in server.seen] == ["/health"] * 3


def test_the_rate_is_kept() -> None:
    with serving() as server:
        probe(server.url, count=5, rate_per_s=20.0)
        times = [at_s for at_s, _ in server.seen]
    assert times[-1] - times[0] >= 4 / 20 * 0.9


def test_what_cannot_be_sent_in_time_is_left_out() -> None:
    with serving() as server:
        begun_s = time.monotonic()
        answers = probe(server.url, count=1000, rate_per_s=50.0, within_s=0.5, timeout_s=0.3)
        assert time.monotonic() - begun_s < 0.5
        assert 1 <= len(answers) == len(server.seen) <= 11


def test_a_long_wait_for_the_next_probe_is_not_waited_out() -> None:
    with serving() as server:
        begun_s = time.monotonic()
        assert probe(server.url, count=2, rate_per_s=0.1) == [True]
        assert time.monotonic() - begun_s < 1.0


def test_nobody_there_is_not_ok() -> None:
    with serving() as server:
        gone = server.url
    assert probe(gone) == [False] * 3


@pytest.mark.parametrize("url", ["http://", "http://[/", "ftp://127.0.0.1/"])
def test_an_address_that_is_none_is_not_ok(url: str) -> None:
    assert probe(url, count=1) == [False]


def test_an_answer_that_is_cut_off_is_not_ok() -> None:
    with serving(withheld=10) as server:
        assert probe(server.url, count=1) == [False]


def test_of_a_long_answer_enough_is_read() -> None:
    with serving(body=b"x" * (3 << 20)) as server:
        assert probe(server.url, count=2) == [True, True]


@pytest.mark.parametrize("head", [HALF_A_HEAD, A_HEAD], ids=["half a head", "an endless body"])
def test_a_trickling_answer_takes_no_longer_than_its_time(head: bytes) -> None:
    with trickling(head) as port:
        begun_s = time.monotonic()
        assert probe(f"http://127.0.0.1:{port}/", count=1, timeout_s=0.3) == [False]
        assert time.monotonic() - begun_s < 0.3 + 0.5


def test_probes_after_one_that_hangs_fail_without_waiting_for_it() -> None:
    with trickling(HALF_A_HEAD) as port:
        begun_s = time.monotonic()
        answers = probe(f"http://127.0.0.1:{port}/", count=3, timeout_s=0.2)
        assert answers == [False] * 3
        assert time.monotonic() - begun_s < 1.5


def test_a_proxy_of_the_outside_world_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving() as server:
        assert probe(server.url, count=1) == [True]
