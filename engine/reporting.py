"""The report of a stored run: joins the store, the stored experiment and `analysis.report`."""

from collections.abc import Sequence
from importlib.metadata import version

from analysis import evaluate
from analysis.report.latency import Buckets, buckets_of
from analysis.report.method import Releases
from analysis.report.slim import slimmed
from analysis.report.view import Known, ReportView, build_view
from engine.adapters.clock import SystemClock
from engine.core.events import Event, Observed
from engine.core.model import Experiment
from engine.core.run import Run
from engine.ports import Store
from engine.wiring import load_experiment

YEAR_S = 365 * 86_400.0
"""Older runs say nothing about how often this target is released now."""
PAGE_EVENTS = 100
"""Events read at once."""


def view_of(store: Store, run_id: str) -> ReportView:
    """The report as of now. UsageError when there is no such run."""
    stored = store.load(run_id)
    now_s = SystemClock().now_s()
    experiment = load_experiment(stored)
    events, buckets = _events(store, stored.snapshot.run, experiment)
    return build_view(
        experiment,
        stored.spec["document"],
        stored.snapshot.run,
        events,
        now_s=now_s,
        version=version("rampwise"),
        known=Known(
            releases=_releases(store, stored.snapshot.run, now_s),
            evidence=evaluate.Evidence.from_plain(experiment, stored.snapshot.evidence),
            buckets=buckets,
        ),
    )


def _events(store: Store, run: Run, experiment: Experiment) -> tuple[Sequence[Event], dict[str, Buckets]]:
    """The log up to this state and the sums of its histograms, with no more in memory than a report tells."""
    events: list[Event] = []
    buckets: dict[str, Buckets] = {}
    while len(events) < run.seq:
        page = store.events(run.id, len(events), min(PAGE_EVENTS, run.seq - len(events)))
        buckets = buckets_of(experiment, page, buckets)
        events += slimmed(experiment, page)
    seen = [event.payload for event in events if isinstance(event.payload, Observed)]
    noted = [observed.standing is not None for observed in seen]
    # Begun by an older engine, it has to be evaluated again, which takes whole windows.
    whole = all(noted) or not any(noted)
    return events if whole else store.events(run.id, 0, run.seq), buckets


def _releases(store: Store, run: Run, now_s: float) -> Releases:
    """Runs on the same target within the last year, from the first of them until now."""
    runs = (stored.snapshot.run for stored in store.runs())
    launched_s = [
        each.launched_s
        for each in runs
        if each.target_key == run.target_key and each.launched_s >= now_s - YEAR_S
    ]
    return Releases(seen=len(launched_s), span_s=now_s - min(launched_s, default=now_s))
