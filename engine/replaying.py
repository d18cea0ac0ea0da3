"""Joins what was recorded with `analysis.replay`: experiments without their target, files, and a past.

It moves no traffic and writes to no store.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from analysis.replay import Assumed, block_of, learned
from analysis.sources.history import read_history
from analysis.window_files import RunBlock, read_blocks
from engine import spec, wiring
from engine.core.model import Arm, Experiment, MetricKind, PluginChoice, Selector
from engine.core.target import RouterSeries, SessionSeries, TargetFacts
from engine.errors import Unreachable, UsageError

_PROMETHEUS = "prometheus"
_ROWS_AT_ONCE = 400_000
"""Of a file; it bounds memory."""
_ROWS_OF_A_HISTOGRAM = 8
"""How many times the memory of a proportion's rows a window of buckets takes, as measured."""

_UNKNOWN = Selector(name="unknown")
_UNLABELLED: Mapping[Arm, Mapping[str, str]] = {Arm.CONTROL: {}, Arm.TREATMENT: {}}


def experiment_of(document: spec.Document) -> Experiment:
    """The experiment of a document whose metrics are already measured, so that its target need not answer.

    Parts that breakdowns only show are left out: they decide nothing.
    Which variants there are, the target says; while it does not answer, its options do.

    Raises:
        Unreachable: the target does not answer, and its options name no `control` and `treatment`.
        SpecError: the document is wrong.
    """
    try:
        return wiring.prepare(document).experiment.without_parts()
    except (Unreachable, UsageError):
        facts = _facts_in_options(document)
        if facts is None:
            raise
        return spec.build(document, facts).without_parts()


def blocks_in(path: Path, experiment: Experiment) -> Iterator[RunBlock]:
    """The runs of a window file, as many at once as memory that does not grow with the file can hold."""
    rows = sum(
        _ROWS_OF_A_HISTOGRAM if metric.kind is MetricKind.DISTRIBUTION else 1 for metric in experiment.metrics
    )
    at_once = _ROWS_AT_ONCE // (rows * (1 + len(experiment.treatments)))
    return read_blocks(path, experiment, max_windows=at_once)


def assumed_from(path: Path, experiment: Experiment) -> Assumed:
    """What a file of A/A windows says about dispersion and correlation."""
    return learned(experiment, blocks_in(path, experiment))


def past_of(experiment: Experiment, url: str, start_s: float, end_s: float) -> RunBlock:
    """What a Prometheus has of the experiment's metrics, as one run from `start_s` to `end_s`.

    Raises:
        Unreachable: the server gives nothing. UsageError: no whole window fits between start and end.
    """
    if end_s - start_s < experiment.interval_s:
        msg = f"no window of {experiment.interval_s:g} s fits between start and end; name an earlier --start"
        raise UsageError(msg)
    own = experiment.source.options if experiment.source.name == _PROMETHEUS else {}
    source = wiring.make_source(PluginChoice(name=_PROMETHEUS, options={**own, "url": url}))
    past = read_history(
        source, experiment.read_metrics, start_s=start_s, end_s=end_s, window_s=experiment.interval_s
    )
    return block_of(experiment, experiment.name, past)


def _facts_in_options(document: spec.Document) -> TargetFacts | None:
    """Facts of a target that names its variants in its options; of its series nothing is known."""
    options = document.target_options
    control: object = getattr(options, "control", None)
    named: Iterable[object] = getattr(options, "treatments", None) or [getattr(options, "treatment", None)]
    names = [name for name in (control, *named) if isinstance(name, str)]
    if len(names) < 2 or names[0] != control:
        return None
    known, first, *more = names
    return TargetFacts(
        key=f"{document.target.name}/unknown",
        control=known,
        treatment=first,
        more_treatments=tuple(more),
        arm_labels=_UNLABELLED,
        more_labels=({},) * len(more),
        router=RouterSeries(
            requests=_UNKNOWN,
            errors=_UNKNOWN,
            buckets=_UNKNOWN,
            arm_labels=_UNLABELLED,
            more_labels=({},) * len(more),
        ),
        sessions=SessionSeries(total=_UNKNOWN, converted=_UNKNOWN),
        source_options={"url": "http://127.0.0.1:9090"},
        sticky=bool(getattr(options, "sticky", False)),
        arms_pct=tuple(getattr(options, "split_pct", None) or ())[1:],
        preview_url="http://127.0.0.1/",
    )
