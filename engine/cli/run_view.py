"""Everything `status` shows about one run: stored facts, the evidence, and the outside as it is now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.report.breakdowns import Breakdown, breakdowns
from analysis.report.rows import MetricRow, rows
from engine.cli.live import Live, look
from engine.cli.summary import Summary, driver_of, open_evidence, summarize
from engine.codec import to_plain
from engine.core import talk, wording
from engine.core.events import Command
from engine.core.model import Experiment
from engine.core.target import TargetState
from engine.core.verdict import Finding
from engine.explaining import Explained, explain
from engine.ports import QueryRecord, Store, StoredRun

SCHEMA = "rampwise.dev/run/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """One run.

    Attributes:
        findings, metrics: of whole metrics. breakdowns: of their parts.
        live: the outside now; None after the end. commands: asked for and not done yet.
        undelivered: what is known of notices that have not arrived, empty when all have.
        explained: each query and what it returns now; None when nobody asked for it.
    """

    summary: Summary
    experiment: Experiment
    headline: str
    findings: tuple[Finding, ...]
    metrics: tuple[MetricRow, ...]
    breakdowns: tuple[Breakdown, ...]
    live: Live | None
    commands: tuple[Command, ...]
    ticked_s: float | None
    undelivered: str
    explained: Explained | None


def view_of(store: Store, stored: StoredRun, now_s: float, *, with_queries: bool = False) -> RunView:
    """The run as it is now. RampwiseError when its experiment or evidence cannot be read."""
    run = stored.snapshot.run
    experiment, verdict = open_evidence(stored)
    return RunView(
        summary=summarize(stored, now_s=now_s, driver=driver_of(store, run, now_s)),
        experiment=experiment,
        headline=wording.headline(experiment, run, verdict),
        findings=tuple(finding for finding in verdict.findings if not finding.family),
        metrics=rows(experiment, verdict),
        breakdowns=breakdowns(experiment, verdict),
        live=None if run.phase.ended else look(experiment),
        commands=tuple(store.requested(run.id)),
        ticked_s=stored.snapshot.ticked_s,
        undelivered=talk.undelivered(store.letters(run.id)),
        explained=explain(experiment, now_s) if with_queries else None,
    )


def view_to_plain(view: RunView) -> dict[str, Any]:
    """The same facts as plain JSON values."""
    plain = {"schema": SCHEMA, **to_plain(Summary, view.summary)}
    plain |= {
        "control": view.experiment.control,
        "treatment": view.experiment.treatment,
        "more_treatments": list(view.experiment.more_treatments),
        "strategy": view.experiment.plan.strategy,
        "headline": view.headline,
        "live": None if view.live is None else _live_to_plain(view.live),
        "commands": [
            {"verb": each.verb.value, "actor": str(each.actor), "reason": each.reason, "at_s": each.at_s}
            for each in view.commands
        ],
        "ticked_s": view.ticked_s,
        "undelivered": view.undelivered,
        "metrics": [to_plain(MetricRow, row) for row in view.metrics],
        "breakdowns": [to_plain(Breakdown, each) for each in view.breakdowns],
        "queries": None if view.explained is None else queries_to_plain(view.explained.queries),
    }
    return plain


def queries_to_plain(queries: Sequence[QueryRecord]) -> list[dict[str, Any]]:
    """Queries as plain JSON values."""
    return [to_plain(QueryRecord, query) for query in queries]


def _live_to_plain(live: Live) -> dict[str, Any]:
    routed = live.target.weights.given if isinstance(live.target, TargetState) else None
    return {
        "weight_pct": routed,
        "target_trouble": "" if isinstance(live.target, TargetState) else live.target.detail,
        "gate": {
            "flag": live.gate.flag,
            "status": live.gate.status.value,
            "reason": live.gate.reason,
        },
    }
