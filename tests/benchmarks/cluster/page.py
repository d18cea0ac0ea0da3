"""The figures as Markdown, which is also what the terminal shows, each beside its goal. Adds no number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.cluster.fleet import Trial
from tests.benchmarks.cluster.idle import Start
from tests.benchmarks.cluster.meters import median_min_max
from tests.benchmarks.cluster.outage import Survivors
from tests.benchmarks.cluster.programs import ARGO, OURS, PROMETHEUS
from tests.benchmarks.cluster.scale import DATABASE, Row
from tests.benchmarks.cluster.sizes import Sizes

GOAL_ACHIEVED, GOAL_CPU_S, GOAL_QUERIES, GOAL_REACTION_S = 1.0, 2.0, 10.0, 8.0
_PROGRAMS = {
    "driver": (OURS, ARGO),
    "API server": ("kube-apiserver",),
    "etcd": ("etcd",),
    "Prometheus": (PROMETHEUS,),
    "database": (DATABASE,),
}
"""Programs by the column that they are in."""


@dataclass
class Results:
    """What was measured; a part that was not chosen is empty."""

    sizes: Sizes
    rows: list[Row] = field(default_factory=list)
    trials: dict[str, list[Trial]] = field(default_factory=dict)
    survivors: list[Survivors] = field(default_factory=list)
    start: Start | None = None
    failures: list[str] = field(default_factory=list)


def markdown(results: Results) -> str:
    """All tables."""
    parts = []
    if results.rows:
        parts.append(_scale(results))
    if results.start is not None:
        parts.append(_idle(results.start))
    if results.trials:
        parts.append(_reaction(results))
    if results.survivors:
        parts.append(_outage(results))
    if results.failures:
        parts.append(
            "\n".join(["## What did not come about", "", *(f"- {each}" for each in results.failures)])
        )
    return "\n\n".join(parts) + "\n"


def _scale(results: Results) -> str:
    sizes = results.sizes
    used = ("", "done", "kept", "CPU-s a cycle", *_PROGRAMS)
    asked = ("", "API writes/s", "API reads/s", "queries/s", *(f"{name} MB" for name in _PROGRAMS))
    goal = ("goal", f"{GOAL_ACHIEVED:.0%}", f"{GOAL_ACHIEVED:.0%}", f"{GOAL_CPU_S:g}", *("",) * 5)
    other = ("goal", "near 0", "", f"a few, {GOAL_QUERIES:g}", *("",) * 5)
    notes = [f"- {row.name}: {row.notes}." for row in results.rows if row.notes]
    parts = [
        f"## {sizes.experiments:,} at once, every {sizes.interval_s} s, three metrics each",
        table([used, *(_used(row) for row in results.rows), goal]),
        table([asked, *(_asked(row) for row in results.rows), other]),
        "\n".join(notes),
    ]
    return "\n\n".join(part for part in parts if part)


def _used(row: Row) -> tuple[str, ...]:
    cpu = row.cpu_per_cycle_s
    total = f"{sum(cpu.values()):.2f}"
    return (row.name, _share(row.achieved), _share(row.durable), total, *_by_program(cpu, "{:.2f}"))


def _asked(row: Row) -> tuple[str, ...]:
    span = row.span
    rates = (f"{count / span.seconds:.1f}" for count in (span.writes, span.reads, span.queries))
    return (row.name, *rates, *_by_program(span.rss_mb, "{:.0f}"))


def _by_program(values: Mapping[str, float], form: str) -> list[str]:
    """A cell for each of `_PROGRAMS`, empty where it did not run."""
    found = [[values[name] for name in names if name in values] for names in _PROGRAMS.values()]
    return [form.format(each[0]) if each else "" for each in found]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _idle(start: Start) -> str:
    head = ("", "all looked at", "at rest", "CPU-s", "API reads", "API writes", "MB")
    line = (
        "start",
        f"{start.reconciled_s:.1f} s",
        f"{start.rest_s:.1f} s",
        f"{start.cpu_s:.1f}",
        f"{start.reads:.0f}",
        f"{start.writes:.0f}",
        f"{start.rss_mb:.0f}",
    )
    idle = start.idle
    after = (
        "after that, a second",
        "",
        "",
        f"{idle.cpu_s[OURS] / idle.seconds:.3f}",
        f"{idle.reads / idle.seconds:.1f}",
        f"{idle.writes / idle.seconds:.1f}",
        f"{idle.rss_mb[OURS]:.0f}",
    )
    title = f"## A start beside {start.ended:,} experiments that are over and {start.waiting:,} that wait"
    return f"{title}\n\n{table([head, line, after])}"


def _reaction(results: Results) -> str:
    head = ("", "n", "median", "min", "max", "after its query crosses", "without an end")
    lines = [_times(name, trials) for name, trials in results.trials.items()]
    goal = ("goal", "", f"{GOAL_REACTION_S:g}", "", "", "", "0")
    interval = f"every {results.sizes.reaction_interval_s} s"
    title = f"## From the fault to weight zero on a Rollout, in seconds, evaluated {interval}"
    return f"{title}\n\n{table([head, *lines, goal])}"


def _times(name: str, trials: Sequence[Trial]) -> tuple[str, ...]:
    zero = [trial.zero_s for trial in trials if trial.zero_s is not None]
    own = [trial.zero_s - trial.crossed_s for trial in trials if trial.zero_s and trial.crossed_s]
    if not zero:
        return (name, str(len(trials)), *("",) * 4, str(len(trials)))
    shown = [f"{value:.1f}" for value in median_min_max(zero)]
    after = f"{median_min_max(own)[0]:.1f}" if own else ""
    return (name, str(len(trials)), *shown, after, str(len(trials) - len(zero)))


def _outage(results: Results) -> str:
    head = ("", "healthy releases", "kept their traffic")
    lines = [(each.name, str(each.releases), str(each.kept)) for each in results.survivors]
    title = f"## Prometheus killed for {results.sizes.outage_s:g} s"
    goal = ("goal", "", "all")
    return f"{title}\n\n{table([head, *lines, goal])}"


def table(lines: Sequence[Sequence[str]]) -> str:
    """Aligned; the first column is words, the others are numbers."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    rule = (
        "|"
        + "|".join("-" * (width + 1) + (":" if place else "-") for place, width in enumerate(widths))
        + "|"
    )
    shown = [_line(line, widths) for line in lines]
    return "\n".join([shown[0], rule, *shown[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if place == 0 else cell.rjust(width)
        for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join([first, *others])} |"
