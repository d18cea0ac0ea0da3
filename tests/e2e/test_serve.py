"""`rampwise serve` as browsers and Prometheus see it, while real runs move and when the database is gone."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from engine.core.run import Phase
from engine.local.platform import LocalPlatform
from engine.local.processes import free_ports
from engine.local.shape import Shape
from tests.e2e.conftest import Site
from tests.e2e.world import WITHIN_S, Release, await_that

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

CANARY = {"canary": {"steps": [20, 50], "hold": "3s", "floor": 20}}


class Pages:
    """An engine with pages, and a browser without a proxy for the outside world."""

    def __init__(self, site: Site) -> None:
        self._place = f"127.0.0.1:{free_ports(('http',))['http']}"
        self._http = requests.Session()
        self._http.trust_env = False
        site.start("serve", "--listen", self._place)
        await_that("an engine that is ready", lambda: self.status("/readyz") == 200)

    def get(self, path: str, **options) -> requests.Response:
        return self._http.get(f"http://{self._place}{path}", timeout=20, **options)

    def status(self, path: str) -> int | None:
        """What it answers with, None while it does not."""
        try:
            return self.get(path).status_code
        except requests.ConnectionError:
            return None

    def samples(self) -> dict[tuple[str, frozenset], float]:
        """All metrics by name and labels."""
        families = text_string_to_metric_families(self.get("/metrics").text)
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }


@pytest.fixture(scope="module")
def site(launching_home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("serve")
    services = {"moves": ("v1", "v2"), "fails": ("v1", "v2")}
    home = directory / "home"
    home.mkdir()
    with LocalPlatform(directory / "platform", Shape(services=services, rate_per_s=60.0)) as platform:
        made = Site(home, platform)
        try:
            yield made
        finally:
            made.close()


def labelled(name: str, **labels: str) -> tuple[str, frozenset]:
    return name, frozenset(labels.items())


def test_pages_and_metrics_tell_of_runs_what_the_store_knows(site):
    site.platform.set("fails", "v2", error_rate=0.7)
    moves, fails = (Release.launch(site, service, CANARY) for service in ("moves", "fails"))
    pages = Pages(site)
    listed = await_that("both in the list", lambda: _with(pages.get("/").text, moves.run_id, fails.run_id))
    assert f"/r/{moves.run_id}" in listed
    moves.wait("its first step", lambda run: run.weights.treatment > 0 and run.pending is None)
    assert "v2" in pages.get(f"/r/{moves.run_id}").text
    _assert_weights_are_the_stores(pages, moves)
    _assert_the_stream_goes_on_to_the_end(pages, moves)
    assert fails.end().phase is Phase.ROLLED_BACK
    assert moves.end().phase is Phase.PROMOTED
    told = pages.get(f"/r/{fails.run_id}.json").json()
    assert "rolled_back" in json.dumps(told)
    await_that("a page of the end", lambda: "Rolled back" in pages.get(f"/r/{fails.run_id}").text)
    _assert_phases_are_the_stores(pages, site)
    assert pages.get("/healthz").text == "ok\n"


def _with(text: str, *parts: str) -> str | None:
    return text if all(part in text for part in parts) else None


def _assert_weights_are_the_stores(pages: Pages, release: Release) -> None:
    name = labelled("rampwise_weight_percent", run=release.run_id, arm="treatment")

    def look() -> bool:
        before, shown, after = release.run.weights, pages.samples().get(name), release.run.weights
        return shown is not None and shown in {before.treatment, after.treatment} and shown > 0

    await_that("the store's weights in the metrics", look)


def _assert_the_stream_goes_on_to_the_end(pages: Pages, release: Release) -> None:
    """Every entry of the log, each once and in order, though the reader began late."""
    with pages.get(f"/events/{release.run_id}?after=0", stream=True) as stream:
        ids = [int(line[4:]) for line in stream.iter_lines(decode_unicode=True) if line.startswith("id: ")]
    assert ids == list(range(1, release.end(WITHIN_S).seq + 1))


def _assert_phases_are_the_stores(pages: Pages, site: Site) -> None:
    stored = Counter(each.snapshot.run.phase for each in site.opened.runs())

    def agree() -> bool:
        samples = pages.samples()
        return all(samples[labelled("rampwise_runs", phase=phase)] == stored[phase] for phase in Phase)

    await_that("the store's phases in the metrics", agree)
    samples = pages.samples()
    assert samples[labelled("rampwise_decisions_total", decision="rollback", rule="harm")] == 1
    assert not any(name == "rampwise_weight_percent" for name, _ in samples), "ended runs have no series"


def test_an_engine_whose_database_is_gone_is_alive_and_not_ready(site, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    lost = Site(home, site.platform)
    try:
        pages = Pages(lost)
        database = home / "rampwise.sqlite3"
        database.rename(home / "moved-away")
        await_that("an engine that is not ready", lambda: pages.status("/readyz") == 503, 30)
        assert pages.status("/healthz") == 200
        (home / "moved-away").rename(database)
        await_that("an engine that is ready again", lambda: pages.status("/readyz") == 200, 30)
    finally:
        lost.close()
