"""The plan as tables of text, the same for a terminal and for a page. Computes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.planning.fates import Ending
from analysis.planning.report import POWER, MetricPlan, PlanReport, ReleasePlan, StepPlan
from engine.core.model import MetricKind
from engine.core.numbers import duration, percent
from engine.core.wording import plans as words


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of text under headings; the first column names the row, the others are numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(plan: MetricPlan) -> tuple[Table, ...]:
    """Its steps and its releases."""
    return (_steps(plan), _releases(plan))


def assumptions(plan: MetricPlan) -> tuple[str, ...]:
    """What the plan of a metric rests on, one sentence each."""
    return tuple(_assumptions(plan))


def summary(report: PlanReport) -> tuple[str, ...]:
    """What holds for all metrics together."""
    lines = [
        words.false_rollbacks(report.false_rollbacks, report.promised, report.releases_per_year),
        *([words.several_metrics()] if len(report.metrics) > 1 else []),
        *([words.product_decides()] if report.experiment.plan.product_decides else []),
        *(words.not_planned(each.metric, each.reason) for each in report.unplanned),
    ]
    return tuple(lines)


def _steps(plan: MetricPlan) -> Table:
    quiet = plan.question.flow.quietest_per_s is not None
    found, shown = f"{percent(POWER)} of harm found in", f"{percent(POWER)} of good shown in"
    headings = ["step", "from", "hold", "floor", f"{found}: treatment", "time"]
    headings += ["quietest"] if quiet else []
    headings += [f"{shown}: treatment", "time"]
    headings += ["quietest"] if quiet else []
    return Table(
        title="Steps: what each weight would take on its own",
        headings=(*headings, "harm found by its end"),
        rows=tuple(_step(step, quiet=quiet) for step in plan.steps),
    )


def _step(step: StepPlan, *, quiet: bool) -> tuple[str, ...]:
    phase = step.phase
    cells = [f"{phase.weight_pct} %", duration(step.starts_s), duration(phase.hold_s), f"{phase.floor:,}"]
    for needed, quiet_s in (
        (step.rollback, step.quiet_rollback_s),
        (step.promotion, step.quiet_promotion_s),
    ):
        cells += [words.UNKNOWN, "–"] if needed is None else [_count(needed[0]), duration(needed[1])]
        cells += ([("–" if quiet_s is None else duration(quiet_s))]) if quiet else []
    return (*cells, _chance(step.found_by_end))


def _releases(plan: MetricPlan) -> Table:
    kind = "good" if plan.metric.higher_is_better else "bad"
    extra = "fewer good" if plan.metric.higher_is_better else "more bad"
    return Table(
        title="Releases: what becomes of them by the horizon",
        headings=(
            "release",
            kind,
            "rolled back",
            "promoted",
            "undecided",
            "rolled back after (mean)",
            "median",
            "promoted after (mean)",
            "median",
            extra,
        ),
        rows=tuple(_release(release) for release in plan.releases),
    )


def _release(release: ReleasePlan) -> tuple[str, ...]:
    fate = release.fate
    undecided = max(0.0, 1.0 - fate.rollback.probability - fate.promotion.probability)
    return (
        words.quality(release.quality, release.ratio),
        percent(release.rate),
        _chance(fate.rollback.probability),
        _chance(fate.promotion.probability),
        _chance(undecided),
        *_moment(fate.rollback),
        *_moment(fate.promotion),
        _count(fate.excess),
    )


def _moment(ending: Ending) -> tuple[str, str]:
    moment = ending.moment
    if moment is None:
        return "–", "–"
    return (
        f"{_count(moment.mean_requests)}, {duration(moment.mean_s)}",
        f"{_count(moment.median_requests)}, {duration(moment.median_s)}",
    )


def _assumptions(plan: MetricPlan) -> Iterator[str]:
    question, metric = plan.question, plan.metric
    flow, harm = question.flow, question.harm
    yield words.flow(metric, flow.rate_per_s, flow.base_rate, flow.quietest_per_s)
    yield words.harm_rule(harm.log_threshold, metric.weight, harm.ratios, harm.log_weights)
    if plan.calibrated_log_threshold is not None:
        yield words.calibrated(harm.log_threshold, plan.calibrated_log_threshold, plan.schedule.seconds)
    if not question.is_possible(question.effect):
        yield words.impossible_effect(question.effect, flow.base_rate)
    elif question.effect <= question.tolerated:
        yield words.tolerated_effect(question.effect, question.tolerated)
    yield words.dispersion(question.dispersion, declared=metric.dispersion is not None)
    if plan.schedule.seconds < plan.horizon_s:
        yield words.cut_short(plan.schedule.seconds, plan.horizon_s)
    if not plan.schedule.complete:
        yield words.too_short()
    if question.gap:
        yield words.absolute_margin(question.gap)
    if metric.kind is MetricKind.DISTRIBUTION:
        yield words.latency_is_a_share()
    if flow.base_rate > 0.05:
        yield words.common_trials()


def _chance(probability: float) -> str:
    """A probability, never rounded to a certainty that it is not.

    >>> _chance(0.99996), _chance(1e-7), _chance(0.9), _chance(0.0)
    ('over 99.9 %', 'under 0.1 %', '90 %', '0 %')
    """
    if 0.0 < probability < 0.001:
        return "under 0.1 %"
    if 0.999 < probability < 1.0:
        return "over 99.9 %"
    return f"{100.0 * probability:.1f}".removesuffix(".0") + " %"


def _count(number: float) -> str:
    """A rough number of trials.

    >>> _count(12345.6), _count(3.21), _count(-0.001), _count(-12.0)
    ('12,346', '3.2', '0', '−12')
    """
    size = abs(number)
    text = f"{size:,.0f}" if size >= 10 or size < 0.05 else f"{size:.2g}"
    return f"−{text}" if number < 0 and text != "0" else text
