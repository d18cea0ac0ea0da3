"""What a calibration shows: tables for people, plain values for programs. Measures nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.cli.printing import table
from engine.core.numbers import duration, percent

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from analysis.calibration import Advice, Calibration, Measured, MetricPast, Rate
    from engine.core.model import Experiment

SCHEMA = "rampwise.dev/calibration/v1"
_NOT_MEASURED = "not measured"


def shown(
    experiment: "Experiment",
    found: "Calibration",
    advice: "Sequence[Advice]",
    unmeasured: Sequence[str],
) -> "RenderableType":
    """Rates, metrics and what to change, below each other."""
    from rich.console import Group

    parts: list[RenderableType] = [_headline(experiment, found), "", _rates(found), "", _metrics(found)]
    if unmeasured:
        parts += ["", f"The past has nothing of {', '.join(unmeasured)}: left out."]
    return Group(*parts, "", *_changes(found, advice))


def _headline(experiment: "Experiment", found: "Calibration") -> str:
    runs = found.as_written.false_rollback
    length = duration(found.run_windows * found.interval_s)
    splits = "" if runs.runs == runs.independent else f" of {runs.independent:,} stretches"
    judgement = "breaks its promise" if found.is_off else "keeps its promise, as far as this past can tell"
    return f"{experiment.name}: {judgement} ({runs.runs:,} A/A runs{splits}, {length} each)"


def _rates(found: "Calibration") -> "Table":
    drawn = table("RATE", ">PROMISED", ">AS WRITTEN", "", ">WITH ITS DISPERSION", "")
    for name, promised, of in _rows(found):
        cells = [name, "" if promised is None else f"≤ {percent(promised)}"]
        for measured in (found.as_written, found.with_history):
            rate = None if measured is None else of(measured)
            cells += ["–", ""] if measured is None else [_rate(rate), _sign(rate, promised)]
        drawn.add_row(*cells)
    return drawn


def _rows(found: "Calibration") -> "Iterator[tuple[str, float | None, Any]]":
    yield "false rollback", found.alpha_rollback, lambda measured: measured.false_rollback
    for name in found.as_written.wrong_promotion:
        yield (
            f"wrong promotion, {name}",
            found.alpha_promote,
            lambda measured, name=name: measured.wrong_promotion[name],
        )
    yield "A/A run promoted", None, lambda measured: measured.promoted
    yield "A/A run untrustworthy", None, lambda measured: measured.untrustworthy


def _rate(rate: "Rate | None") -> str:
    if rate is None:
        return _NOT_MEASURED
    return f"{percent(rate.share)} ({percent(rate.low)} to {percent(rate.high)})"


def _sign(rate: "Rate | None", promised: float | None) -> str:
    if rate is None or promised is None:
        return ""
    return "✖" if rate.low > promised else "✔"


def _metrics(found: "Calibration") -> "Table":
    drawn = table("METRIC", ">DISPERSION", ">DECLARED", ">CORRELATED OVER", ">WINDOWS")
    for metric in found.metrics:
        known = metric.known
        if known is None:
            drawn.add_row(metric.name, "too little", _declared(metric), "–", "–")
            continue
        correlated = f"{known.correlation_windows} windows, {duration(_correlation_s(found, metric) or 0.0)}"
        drawn.add_row(
            metric.name,
            f"{metric.to_declare or known.value:.2f}",
            _declared(metric),
            f"more than {correlated}" if known.too_long else correlated,
            f"{known.windows:,}",
        )
    return drawn


def _declared(metric: "MetricPast") -> str:
    return "no" if metric.declared is None else f"{metric.declared:g}"


def _correlation_s(found: "Calibration", metric: "MetricPast") -> float | None:
    return None if metric.known is None else metric.known.correlation_windows * found.interval_s


def _changes(found: "Calibration", advice: "Sequence[Advice]") -> Iterator[str]:
    if not advice:
        yield "Nothing to change."
        return
    yield "What to change:" if found.is_off else "What could be better:"
    for each in advice:
        yield f"  {f'{each.metric}: ' if each.metric else ''}{each.why}"
        where = f"under the metric {each.metric}" if each.metric else "under spec"
        yield from (f"    {line}    # {where}" for line in each.lines)


def plain(
    experiment: "Experiment",
    found: "Calibration",
    advice: "Sequence[Advice]",
    unmeasured: Sequence[str],
) -> dict[str, Any]:
    """The same as plain JSON values."""
    return {
        "schema": SCHEMA,
        "experiment": experiment.name,
        "off": found.is_off,
        "alpha_rollback": found.alpha_rollback,
        "alpha_promote": found.alpha_promote,
        "run_windows": found.run_windows,
        "interval_s": found.interval_s,
        "pods": found.pods,
        "as_written": _plain_measured(found.as_written),
        "with_dispersion": None if found.with_history is None else _plain_measured(found.with_history),
        "metrics": [_plain_metric(found, metric) for metric in found.metrics],
        "unmeasured": list(unmeasured),
        "advice": [
            {"needed": each.needed, "metric": each.metric or None, "why": each.why, "lines": list(each.lines)}
            for each in advice
        ],
    }


def _plain_measured(measured: "Measured") -> Mapping[str, Any]:
    return {
        "false_rollback": _plain_rate(measured.false_rollback),
        "promoted": _plain_rate(measured.promoted),
        "untrustworthy": _plain_rate(measured.untrustworthy),
        "wrong_promotion": {name: _plain_rate(rate) for name, rate in measured.wrong_promotion.items()},
    }


def _plain_rate(rate: "Rate | None") -> Mapping[str, float] | None:
    if rate is None:
        return None
    return {
        "share": rate.share,
        "low": rate.low,
        "high": rate.high,
        "runs": rate.runs,
        "independent": rate.independent,
    }


def _plain_metric(found: "Calibration", metric: "MetricPast") -> Mapping[str, Any]:
    known = metric.known
    return {
        "name": metric.name,
        "declared": metric.declared,
        "dispersion": None if known is None else known.value,
        "correlation_windows": None if known is None else known.correlation_windows,
        "correlation_s": _correlation_s(found, metric),
        "too_long": None if known is None else known.too_long,
        "windows": None if known is None else known.windows,
    }
