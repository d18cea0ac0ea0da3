"""A proxy or a version that answers without end, or nonsense: bounded in time, and a value."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from engine.adapters.traefik import LocalTarget
from engine.adapters.traefik import platform_record as records
from engine.adapters.traefik.platform_record import Part, PlatformRecord
from engine.core.target import TargetGone, TargetState, Weights
from engine.testing.targets import state
from tests.trickling import A_HEAD, HALF_A_HEAD, trickling

READY = {"ready_since_s": 1000.0}


def weighted(control: object, treatment: object) -> dict[str, object]:
    services = [
        {"name": "shop-v1@file", "weight": control},
        {"name": "shop-v2@file", "weight": treatment},
    ]
    return described({"services": services})


def described(split: object) -> dict[str, object]:
    return {"routers": {"shop@file": {"service": "shop"}}, "services": {"shop@file": {"weighted": split}}}


HALVES = json.dumps(weighted(50, 50))


@contextmanager
def saying(body: str, status: int = 200, location: str = "") -> Iterator[int]:
    """The port of a server that gives this one answer to everybody."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # who asked need not listen to the end
                self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Tests show nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Place = Callable[..., LocalTarget]
Server = AbstractContextManager[int]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A target on a platform of servers that a test makes up."""
    with ExitStack() as stack:
        ready = stack.enter_context(saying(json.dumps(READY)))

        def made(*, proxy: Server | None = None, treatment: Server | None = None) -> LocalTarget:
            api = stack.enter_context(proxy or saying(HALVES))
            sick = stack.enter_context(treatment) if treatment else ready
            _record(tmp_path, api=api, v1=ready, v2=sick)
            return LocalTarget(
                LocalTarget.Options(
                    service="shop", control="v1", treatment="v2", platform=str(tmp_path), sticky=False
                )
            )

        yield made


def _record(folder: Path, *, api: int, v1: int, v2: int) -> None:
    def part(**ports: int) -> Part:
        return Part(pid=1, created_s=0.0, ports=ports)

    (folder / "routes").mkdir()
    record = PlatformRecord(
        phase="up",
        starter=part(),
        owned=False,
        versions={"shop": ("v1", "v2")},
        parts={"proxy": part(http=1, api=api), "shop/v1": part(http=v1), "shop/v2": part(http=v2)},
    )
    records.create(folder, record)


def test_a_target_of_servers_that_answer_is_seen_as_it_is(place: Place) -> None:
    seen = state(place().observe())
    assert (seen.weights, seen.control.ready, seen.treatment.ready_since_s) == (Weights.of(50), True, 1000.0)


@pytest.mark.parametrize("head", [HALF_A_HEAD, A_HEAD], ids=["head", "body"])
def test_a_version_that_trickles_is_not_ready_and_holds_nobody_up(place: Place, head: bytes) -> None:
    target = place(treatment=trickling(head))
    began_s = time.monotonic()
    seen = [state(target.observe()) for _ in range(6)]
    assert time.monotonic() - began_s < 6
    assert [(one.weights, one.control.ready, one.treatment.ready) for one in seen] == [
        (Weights.of(50), True, False)
    ] * 6
    assert "no answer in 0.5 s" in seen[0].treatment.detail


@pytest.mark.parametrize("head", [HALF_A_HEAD, A_HEAD], ids=["head", "body"])
def test_a_proxy_that_trickles_is_gone_and_the_split_is_written_all_the_same(
    place: Place, tmp_path: Path, head: bytes
) -> None:
    target = place(proxy=trickling(head))
    began_s = time.monotonic()
    assert isinstance(target.observe(), TargetGone)
    assert isinstance(target.apply(Weights.of(0)), TargetGone)
    assert time.monotonic() - began_s < 4
    assert "weight: 100" in records.routes_file(tmp_path, "shop").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "body",
    ["", "[", "[]", "null", "7", "[" * 100_000, '{"ready_since_s": "soon"}', '{"ready_since_s": {}}']
    + [f'{{"ready_since_s": {number}}}' for number in ("NaN", "Infinity", "1e999", "9" * 5000)]
    + [" " * 2_000_000],
    ids=lambda body: body[:25],
)
def test_a_version_that_does_not_say_since_when_it_is_ready_is_not_ready(place: Place, body: str) -> None:
    seen = state(place(treatment=saying(body)).observe())
    assert (seen.treatment.ready, seen.treatment.ready_since_s) == (False, None)
    assert "v2" in seen.treatment.detail


@pytest.mark.parametrize(
    "body",
    [
        "null",
        "[" * 100_000,
        '{"routers": {}, "services": {}}',
        '{"routers": [7], "services": null}',
        json.dumps(described({"services": [7]})),
        json.dumps(described({"services": {"a": 1}})),
        json.dumps(described(None)),
        json.dumps(weighted(150, -50)),
        json.dumps(weighted(50, 50)).replace("50", "1e999", 1),
        " " * 2_000_000,
    ],
    ids=lambda body: body[:45],
)
def test_a_proxy_that_talks_nonsense_is_gone(place: Place, body: str) -> None:
    assert isinstance(place(proxy=saying(body)).observe(), TargetGone)


def test_a_proxy_that_fails_is_gone_whatever_it_says(place: Place) -> None:
    assert isinstance(place(proxy=saying(HALVES, status=500)).observe(), TargetGone)


def test_nobody_is_sent_elsewhere_for_an_answer(place: Place) -> None:
    with saying(json.dumps(READY)) as elsewhere:
        url = f"http://127.0.0.1:{elsewhere}/healthz"
        seen = place(treatment=saying("{}", status=302, location=url)).observe()
    assert isinstance(seen, TargetState)
    assert not seen.treatment.ready
