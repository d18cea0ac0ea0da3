"""A Prometheus that really scrapes: counts are exactly the exporter's, through an outage and a restart."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from analysis.sources.prometheus import PrometheusOptions, PrometheusSource
from engine.core.measure import MissingReason, Reading, TrialsReading, Window
from engine.core.model import Matcher, Selector
from tests.analysis.sources.servers import free_port, prometheus, wait_until
from tests.builders import a_metric

METRIC = a_metric(
    bad=Selector(name="requests_total", matchers=(Matcher(label="code", op="=", value="500"),)),
    total=Selector(name="requests_total"),
)
CONFIG = """
global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
WINDOW_S = 2


class Exporter(ThreadingHTTPServer):
    """Serves `counts`, one counter per (version, code)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Metrics)
        self.counts: dict[tuple[str, str], int] = {("v1", "200"): 5000, ("v2", "200"): 700}


class _Metrics(BaseHTTPRequestHandler):
    server: Exporter

    def do_GET(self) -> None:
        lines = (
            f'requests_total{{version="{version}",code="{code}"}} {count}\n'
            for (version, code), count in self.server.counts.items()
        )
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write("".join(lines).encode())

    def log_message(self, *_: object) -> None:
        """Tests show nothing."""


@contextmanager
def exporter() -> Iterator[Exporter]:
    server = Exporter()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Reader:
    """Reads window by window, as an engine would, and adds up."""

    def __init__(self, url: str) -> None:
        self.source = PrometheusSource(PrometheusOptions(url=url, watermark_s=0.5, stale_after_s=60))
        self.launched_s = time.time()
        self.done = 0
        self.cursor: Mapping[str, object] = {}
        self.sums = [0, 0, 0, 0]
        self.trouble: MissingReason | None = None

    def catch_up(self) -> None:
        """Read all windows that are over."""
        over = int((time.time() - self.source.watermark_s - self.launched_s) // WINDOW_S)
        batch = self.source.read([METRIC], [self._window(i) for i in range(self.done, over)], self.cursor)
        self.trouble = batch.trouble.reason if batch.trouble else None
        self.cursor, self.done = batch.cursor, self.done + len(batch.readings)
        for readings in batch.readings:
            self._add(readings["errors"])

    def _window(self, index: int) -> Window:
        start_s = self.launched_s + index * WINDOW_S
        return Window(index=index, start_s=start_s, end_s=start_s + WINDOW_S)

    def _add(self, reading: Reading) -> None:
        if isinstance(reading, TrialsReading):
            arms = (reading.control, reading.treatment)
            counts = [count for arm in arms for count in (arm.bad, arm.total)]
            self.sums = [old + new for old, new in zip(self.sums, counts, strict=True)]

    def has(self, *expected: int) -> bool:
        self.catch_up()
        return self.sums == list(expected)


@pytest.mark.slow
def test_counts_are_exactly_the_exporters_through_an_outage(tmp_path: Path) -> None:
    port = free_port()
    with exporter() as app:
        config = CONFIG.format(port=app.server_port)
        with prometheus(tmp_path, config, port) as url:
            wait_until(lambda: _scraped(url), "the first scrape")
            reader = Reader(url)
            app.counts = app.counts | {("v1", "200"): 5100, ("v2", "200"): 710, ("v2", "500"): 3}
            wait_until(lambda: reader.has(0, 100, 3, 13), "the first error to count from zero")
        app.counts = app.counts | {
            ("v1", "200"): 5200,
            ("v2", "200"): 720,
            ("v2", "500"): 5,
            ("v1", "500"): 1,
        }
        before = reader.cursor
        wait_until(lambda: _sees(reader, MissingReason.SOURCE_DOWN), "a window to be due in the outage")
        assert reader.cursor == before
        with prometheus(tmp_path, config, port):
            wait_until(lambda: reader.has(1, 201, 5, 25), "the outage to be caught up")
            app.counts = {("v1", "200"): 30, ("v2", "200"): 4}
            wait_until(lambda: reader.has(1, 231, 5, 29), "the restart to count from zero")


def _scraped(url: str) -> bool:
    now_s = time.time()
    window = Window(index=0, start_s=now_s - 1, end_s=now_s)
    batch = PrometheusSource(PrometheusOptions(url=url)).read([METRIC], [window], {})
    return "2 series" in batch.queries[-1].outcome


def _sees(reader: Reader, trouble: MissingReason) -> bool:
    reader.catch_up()
    return reader.trouble is trouble
