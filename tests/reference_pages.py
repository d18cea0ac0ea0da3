"""Pages of the reference that are made from the code. `python -m tests.reference_pages` writes them anew."""

from collections.abc import Callable, Iterable
from pathlib import Path

from engine.adapters.clock import SystemClock
from engine.adapters.fakes_store import MemoryStore
from engine.core import wording
from engine.core.decision import BlockerKind, DecisionKind, Rule
from engine.core.labels import PHASE_WORDS, VERDICT_WORDS
from engine.core.measure import MissingReason
from engine.core.run import Phase
from engine.core.verdict import VerdictKind
from engine.web.board import Board
from engine.web.metrics import MOST_RUNS, Metrics
from tests import reference_resource

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"

BLOCKERS = {
    BlockerKind.GATE_UNKNOWN: "the flag gave no clean answer",
    BlockerKind.PAUSED: "a person paused the run",
    BlockerKind.AWAITING_APPROVAL: "the step waits for `rampwise approve`",
    BlockerKind.OUTSIDE_RELEASE_WINDOW: "it is outside the experiment's `windows`",
    BlockerKind.FREEZE: "all releases are frozen",
    BlockerKind.FOREIGN_WRITER: "somebody else moved the traffic",
    BlockerKind.TARGET_GONE: "the target does not answer, or is not there",
    BlockerKind.CONTROL_UNHEALTHY: "control cannot serve",
    BlockerKind.TREATMENT_NOT_READY: "a treatment cannot serve, or has traffic and no series",
    BlockerKind.NO_DATA: "a metric that decides has no data, for a reason below",
    BlockerKind.UNTRUSTWORTHY: "the data break an assumption, such as the planned split",
    BlockerKind.WARM_UP: "a variant is warming up",
    BlockerKind.CLOCK: "the machine's clock was set back",
}

_ABOUT_METRICS = f"""\
What `/metrics` of `rampwise serve` tells Prometheus. This page is made from the code.

Counters and the histogram count what this process did since its start; gauges are as of the scrape. At most
{MOST_RUNS} live runs have series of their own, and they vanish when the run ends. An absent data age means
that there are no data yet; it is never 0 for that. Values of `decision`, `rule`, `phase` and `reason` are in
[Verdicts, rules and blockers](rules.md)."""


def rules() -> str:
    """Every word that events, JSON and metrics use for a verdict or a decision."""
    meanings = {term.word: term.meaning for term in wording.GLOSSARY}
    verdicts = ((f"`{kind}`", *VERDICT_WORDS[kind], meanings[VERDICT_WORDS[kind][1]]) for kind in VerdictKind)
    return "\n".join(
        [
            "# Verdicts, rules and blockers",
            "",
            "The first column is what events, JSON and metrics say. This page is made from the code.",
            *_section(
                "Verdicts", "What the evidence says.", ("verdict", "sign", "word", "meaning"), verdicts
            ),
            *_section(
                "Decisions",
                "What the engine does about traffic.",
                ("decision", "word"),
                ((f"`{kind}`", wording.DECISION_WORDS[kind]) for kind in DecisionKind),
            ),
            *_section(
                "Rules",
                "Why. Those down to `untrustworthy_too_long` can take traffic away, and are looked at first.",
                ("rule", "the decision was made"),
                ((f"`{rule}`", wording.RULE_WORDS[rule]) for rule in Rule),
            ),
            *_section(
                "Blockers",
                "They are in the way of giving traffic and of promotion, never of taking traffic away.",
                ("blocker", "means"),
                ((f"`{kind}`", BLOCKERS[kind]) for kind in BlockerKind),
            ),
            *_section(
                "Reasons for no data",
                "No data are never counted as zero.",
                ("reason", "means"),
                ((f"`{reason}`", wording.missing(reason)) for reason in MissingReason),
            ),
            *_section(
                "Phases",
                "Where a run is in its life.",
                ("phase", "sign", "word"),
                ((f"`{phase}`", *PHASE_WORDS[phase]) for phase in Phase),
            ),
            "",
        ]
    )


def metrics() -> str:
    """The engine's own metrics, as its registry has them."""
    clock = SystemClock()
    store = MemoryStore()
    registry = Metrics(store, Board(store=store, clock=clock), "0").registry
    collectors = list(registry._collector_to_names)
    families = [
        (family, getattr(collector, "_labelnames", ()) or getattr(family, "_labelnames", ()))
        for collector in collectors
        for family in collector.collect()
    ]
    rows = (
        (f"`{family.name}{'_total' if family.type == 'counter' else ''}`", family.type,
         ", ".join(f"`{label}`" for label in labels), family.documentation)
        for family, labels in families
    )  # fmt: skip
    return "\n".join(
        [
            "# Metrics of the engine",
            "",
            _ABOUT_METRICS,
            "",
            *_table(("metric", "type", "labels", "says"), rows),
            "",
        ]
    )


def _section(title: str, says: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return ["", f"## {title}", "", says, "", *_table(head, rows)]


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)]


PAGES: dict[str, Callable[[], str]] = {
    "rules.md": rules,
    "metrics.md": metrics,
    "resource.md": reference_resource.page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
