"""The one model behind every form of a product experiment's report: what it says, as text and charts. Pure.

Names from outside are made harmless here once, for all forms: no control character is left in any text.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, cast

from analysis.product.result import Analysis
from analysis.report.figures import Figure
from analysis.report.product import answers
from analysis.report.product.breakdowns import Breakdown, breakdowns
from analysis.report.product.charts import exposure_figure
from analysis.report.product.course import Course
from analysis.report.product.course_rows import CourseTold, course_told
from analysis.report.product.details import Detail, details
from analysis.report.product.health import Check, SplitRow, checks, found, split_rows
from analysis.report.product.ordered import ordered
from analysis.report.product.rows import Group, groups
from engine.core.numbers import clock_time, percent
from engine.core.printable import printable
from engine.core.product import Tables
from engine.core.wording import product as wording
from engine.core.wording import product_course as course_wording
from engine.core.wording import product_method as method
from engine.core.wording import product_timing as timing
from engine.core.wording.glossary import Term


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a report comes from, and the release that it is of; empty is not told.

    Attributes:
        version: of rampwise. command: what makes the report again. course: of the release that carried the
            experiment; None where none is known.
    """

    version: str = ""
    command: str = ""
    course: Course | None = None


NOTHING = Origin()
"""A report that does not say where it comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One variant with its planned share and its units."""

    name: str
    control: bool
    planned: str
    units: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductView:
    """Everything a report says of one look, in reading order.

    Attributes:
        outcome: its plain name, by which the answer is coloured. distrusted: something grave is wrong.
        why: what the answer rests on, the rule last. facts: objectives, guardrails and units.
        found: what was counted in the tables and left out of them. course: how it was released, None where
        that is not known. origin: pairs of name and text.
    """

    name: str
    question: str
    status: str
    variants: tuple[Variant, ...]
    control: str
    unit: str
    at_s: float
    outcome: str
    icon: str
    word: str
    distrusted: bool
    headline: str
    why: tuple[str, ...]
    next_step: str
    facts: tuple[tuple[str, tuple[str, ...]], ...]
    impacts: tuple[str, ...]
    checks: tuple[Check, ...]
    splits: tuple[SplitRow, ...]
    groups: tuple[Group, ...]
    details: tuple[Detail, ...]
    exposure: Figure
    course: CourseTold | None
    breakdowns: tuple[Breakdown, ...]
    ending: tuple[str, ...]
    method: tuple[str, ...]
    metrics: tuple[tuple[str, str], ...]
    exclusions: tuple[str, ...]
    found: tuple[tuple[str, str], ...]
    glossary: tuple[Term, ...]
    origin: tuple[tuple[str, str], ...]
    command: str


def build_view(look: Analysis, origin: Origin) -> ProductView:
    """The report of one look; equal looks have equal views."""
    analysis = ordered(look, look.plan)
    plan, outcome = analysis.plan, answers.outcome_of(analysis)
    trusted = answers.trusted(analysis)
    course = None if origin.course is None else origin.course.as_of(analysis.at_s)
    icon, word = wording.OUTCOME_WORDS[outcome]
    view = ProductView(
        name=plan.name,
        question=plan.question,
        status=_status(analysis, course),
        variants=_variants(analysis),
        control=plan.control,
        unit=plan.unit,
        at_s=analysis.at_s,
        outcome=outcome,
        icon=icon,
        word=word,
        distrusted=not trusted,
        headline=answers.headline(analysis),
        why=answers.why(analysis),
        next_step=answers.next_step(analysis),
        facts=_facts(analysis, trusted=trusted),
        impacts=answers.impacts(analysis),
        checks=checks(analysis),
        splits=split_rows(analysis),
        groups=groups(analysis, trusted=trusted),
        details=details(analysis, course, trusted=trusted),
        exposure=exposure_figure(analysis, course),
        course=course_told(analysis, course),
        breakdowns=breakdowns(analysis, trusted=trusted),
        ending=answers.ending(analysis),
        method=method.method_told(replace(plan, method=analysis.method)),
        metrics=tuple((each.name, _described(analysis, each.name)) for each in plan.metrics),
        exclusions=tuple(method.exclusion_told(each, plan.unit) for each in plan.exclusions),
        found=found(analysis),
        glossary=method.PRODUCT_GLOSSARY,
        origin=_origin(analysis, origin),
        command=origin.command,
    )
    return cast("ProductView", harmless(view))


def harmless(value: Any) -> Any:
    """The same with every text on one line and without control characters; other values as they are."""
    if type(value) is str:
        return " ".join(printable(value).split())
    if isinstance(value, tuple):
        return tuple(harmless(each) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: harmless(getattr(value, each.name)) for each in fields(value)})
    return value


def _facts(analysis: Analysis, *, trusted: bool) -> tuple[tuple[str, tuple[str, ...]], ...]:
    units = ("Units", (answers.units_fact(analysis),))
    if not trusted:
        return (units,)
    objectives = answers.objectives_fact(analysis) or ("Nothing measured yet.",)
    return (("Objective", objectives), ("Guardrails", answers.guardrails_fact(analysis)), units)


def _status(analysis: Analysis, course: Course | None) -> str:
    """Since when it runs and until when; a release that has ended ends it."""
    ended = None if course is None else course.ended
    plan, counted = analysis.plan, analysis.counted
    starts_s = plan.starts_s if plan.starts_s is not None else counted.first_s
    return timing.status_told(
        starts=None if starts_s is None else clock_time(starts_s),
        ends=None if plan.ends_s is None else clock_time(plan.ends_s),
        began=starts_s is not None and analysis.at_s >= starts_s,
        over=plan.ends_s is not None and analysis.at_s >= plan.ends_s,
        released="" if ended is None else course_wording.end_word(ended.phase, clock_time(ended.at_s)),
    )


def _variants(analysis: Analysis) -> tuple[Variant, ...]:
    return tuple(
        Variant(
            name=share.variant,
            control=share.variant == analysis.plan.control,
            planned=percent(share.share),
            units=f"{analysis.units.get(share.variant, 0):,}",
        )
        for share in analysis.plan.shares
    )


def _described(analysis: Analysis, name: str) -> str:
    plan, metric = analysis.plan, analysis.plan.metric(name)
    limit = f"; {wording.held_against(metric)}" if metric.role == "guardrail" else ""
    return f"{metric.role}; {wording.measured(metric, plan.unit)}; {wording.sense(metric)}{limit}"


def _origin(analysis: Analysis, origin: Origin) -> tuple[tuple[str, str], ...]:
    counted = analysis.counted
    known = counted.first_s is not None and counted.last_s is not None
    data = f"{clock_time(counted.first_s or 0.0)} to {clock_time(counted.last_s or 0.0)}" if known else "none"
    pairs = (
        ("Look", clock_time(analysis.at_s)),
        ("Data", data),
        ("Tables", _tables(analysis.plan.tables)),
        ("Made by", f"rampwise {origin.version}" if origin.version else ""),
    )
    return tuple((name, text) for name, text in pairs if text)


def _tables(tables: Tables) -> str:
    if tables.recorded_as is not None:
        return f"recorded by Rampwise, of the experiment {tables.recorded_as}"
    return f"{tables.exposures} and {tables.events} in {tables.warehouse}"
