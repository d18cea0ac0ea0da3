"""Pages of `serve` with 300 live runs: how long until the first byte, and until the last."""

import http.client
import statistics
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from analysis import evaluate
from engine import plugins, spec
from engine.adapters.clock import SystemClock
from engine.adapters.store import open_store
from engine.codec import to_plain
from engine.core.events import ENGINE, Event, Launched, Observed
from engine.core.evolve import launch
from engine.core.measure import Observation, Trials, TrialsReading, Window
from engine.core.target import TargetFacts
from engine.journal import Journal
from engine.ports import Snapshot, Store
from engine.provider.provider import Provider
from engine.web.app import Site
from engine.web.board import Board
from engine.web.feeds import Feeds
from engine.web.health import Health
from engine.web.metrics import Metrics
from engine.web.reports import Reports
from engine.web.server import Listen, bind, serving
from engine.web.verdicts import Verdicts
from tests.cli.desk import EXPERIMENT, Desk

RUNS = 300
WINDOWS = 200
ASKS = 30
GOAL_MS = 100.0


def fill(store: Store, runs: int) -> None:
    """Live runs with a log of many windows each."""
    file = Path(tempfile.mkdtemp()) / "experiment.yaml"
    for number in range(runs):
        name = f"service-{number}-v2"
        file.write_text(EXPERIMENT.replace("checkout-v2", name))
        document = spec.read(file)
        target = document.target.plugin(document.target_options)
        facts: TargetFacts = target.facts()
        experiment = spec.build(document, facts)
        plain = {"document": spec.to_plain(document), "facts": to_plain(TargetFacts, facts)}
        now_s = time.time() - WINDOWS * experiment.interval_s
        payload = Launched(
            spec=plain["document"], name=name, target_key=f"desk/{number}", mode=experiment.mode
        )
        first = Event(
            run_id=name,
            seq=1,
            at_s=now_s,
            actor=ENGINE,
            source="bench",
            reason="",
            rule=None,
            payload=payload,
        )
        journal = Journal(launch(name, first, payload), now_s=time.time(), place="bench")
        reading = {
            "errors": TrialsReading(control=Trials(bad=9, total=900), treatment=Trials(bad=1, total=100))
        }
        evidence = evaluate.start(experiment)
        for index in range(WINDOWS):
            start_s = now_s + index * experiment.interval_s
            window = Window(index=index, start_s=start_s, end_s=start_s + experiment.interval_s)
            seen = (Observation(window=window, readings=reading),)
            evidence = evaluate.update(experiment, evidence, seen)
            journal.add(Observed(observations=seen))
        kept = Snapshot(run=journal.run, evidence=evidence.to_plain(), cursor={}, ticked_s=time.time())
        store.create(kept, plain, [first, *journal.events])


def took_ms(url: str, path: str) -> tuple[float, float]:
    """Milliseconds from the request to the first and to the last byte."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
    connection.connect()
    began_s = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read(1)
    first_ms = (time.perf_counter() - began_s) * 1000
    answer.read()
    last_ms = (time.perf_counter() - began_s) * 1000
    connection.close()
    assert answer.status == 200, (path, answer.status)
    return first_ms, last_ms


def main() -> None:
    """Print one row per page."""
    with tempfile.TemporaryDirectory() as folder:
        plugins.entry_points = Desk(home=Path(folder)).entry_points
        store, clock = open_store(f"sqlite:///{folder}/bench.sqlite3"), SystemClock()
        fill(store, RUNS)
        board = Board(store=store, clock=clock)
        began_s = time.perf_counter()
        board.refresh()
        refresh_ms = (time.perf_counter() - began_s) * 1000
        metrics = Metrics(store, board, version("rampwise"))
        site = Site(
            store=store,
            clock=clock,
            board=board,
            metrics=metrics,
            health=Health(store=store, metrics=metrics),
            reports=Reports(store=store),
            feeds=Feeds(store=store, board=board, clock=clock),
            verdicts=Verdicts(provider=Provider(store=store, clock=clock, place="bench")),
        )
        with serving(site, bind(Listen(host="127.0.0.1", port=0)), ()) as url:
            show(url, refresh_ms)
        store.close()


def show(url: str, refresh_ms: float) -> None:
    """The table."""
    print(f"pages of serve, {RUNS} live runs of {WINDOWS} windows (goal: first byte {GOAL_MS:g} ms)")
    print(f"{'':<34}first byte: median     worst   last byte: median     worst")
    pages = {
        "list": ["/"] * ASKS,
        "report, asked for the first time": [f"/r/service-{number}-v2" for number in range(ASKS)],
        "report, asked for again": ["/r/service-1-v2"] * ASKS,
        "metrics": ["/metrics"] * ASKS,
    }
    for name, paths in pages.items():
        firsts, lasts = zip(*(took_ms(url, path) for path in paths), strict=True)
        print(
            f"{name:<34}{statistics.median(firsts):17.1f} {max(firsts):9.1f}"
            f"{statistics.median(lasts):20.1f} {max(lasts):9.1f} ms"
        )
    print(f"all runs looked up anew, in the background: {refresh_ms:.0f} ms")


if __name__ == "__main__":
    main()
