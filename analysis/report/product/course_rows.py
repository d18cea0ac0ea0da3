"""How a product experiment was released, in words: a sentence or two, and a row per stretch. Pure."""

from dataclasses import dataclass

from analysis.product.result import Analysis
from analysis.report.product.course import Course, CourseStage, CourseStep
from engine.core.numbers import clock_time, duration
from engine.core.wording import product_course as wording


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseRow:
    """One stretch: since when, what it asked, each variant's share of the traffic, how long it lasted."""

    since: str
    stage: str
    shares: tuple[str, ...]
    lasted: str

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of `CourseTold.columns`."""
        return (self.since, self.stage, *self.shares, self.lasted)


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseTold:
    """The whole course; `names` are of the variants whose shares the rows have."""

    told: tuple[str, ...]
    names: tuple[str, ...]
    rows: tuple[CourseRow, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Headings of the rows."""
        return ("Since", "Stage", *self.names, "Lasted")


def course_told(analysis: Analysis, course: Course | None) -> CourseTold | None:
    """The course until the look; None where no release is known."""
    if course is None:
        return None
    names = tuple(share.variant for share in analysis.plan.shares)
    until_s = analysis.at_s if course.ended is None else course.ended.at_s
    ends = [*(step.at_s for step in course.steps[1:]), until_s][: len(course.steps)]
    return CourseTold(
        told=_sentences(course),
        names=names,
        rows=tuple(
            _row(step, end_s, names, lasts=course.ended is None and step is course.steps[-1])
            for step, end_s in zip(course.steps, ends, strict=True)
        ),
    )


def _row(step: CourseStep, end_s: float, names: tuple[str, ...], *, lasts: bool) -> CourseRow:
    length = duration(end_s - step.at_s)
    return CourseRow(
        since=clock_time(step.at_s),
        stage=wording.STAGE_WORDS[step.stage],
        shares=tuple(f"{step.weights_pct.get(name, 0)} %" for name in names),
        lasted=f"{length} so far" if lasts else length,
    )


def _sentences(course: Course) -> tuple[str, ...]:
    began = {stage: _began(course, stage) for stage in CourseStage}
    ended = course.ended
    first = wording.began_told(
        canary=began[CourseStage.CANARY], test=began[CourseStage.TEST], ended=ended is not None
    )
    if ended is None:
        return (first, wording.runs_on_told(course.strategy, course.run_id))
    last = wording.ended_told(
        ended.phase, at=clock_time(ended.at_s), variant=ended.variant, reason=ended.reason, by=ended.by
    )
    return (first, last, wording.run_told(course.strategy, course.run_id))


def _began(course: Course, stage: CourseStage) -> str | None:
    first = course.began_s(stage)
    return None if first is None else clock_time(first)
