"""The report of a stored run: joins the store, the stored experiment and `analysis.report`."""

from importlib.metadata import version

from analysis.report.view import ReportView, build_view
from engine.adapters.clock import SystemClock
from engine.ports import Store
from engine.wiring import load_experiment


def view_of(store: Store, run_id: str) -> ReportView:
    """The report as of now. UsageError when there is no such run."""
    stored = store.load(run_id)
    return build_view(
        load_experiment(stored),
        stored.spec["document"],
        stored.snapshot.run,
        store.events(stored.snapshot.run.id),
        now_s=SystemClock().now_s(),
        version=version("rampwise"),
    )
