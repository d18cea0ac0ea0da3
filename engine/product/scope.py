"""What of an experiment's data a look reads where a release carries it: since when, as of when, of whom.

    scope = scope_of(plan, release, now_s)
    analyse(scope.plan, totals, scope.at_s, scope.left)

Reads nothing and moves nothing.
"""

from dataclasses import dataclass, replace

from analysis.product.looks import look_s, planned_s
from analysis.report.product.course import Course
from engine.core.model import Mode
from engine.core.product import Method, ProductPlan
from engine.product.releasing import Release, course_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one look is of.

    Attributes:
        plan: the experiment, which starts when its release was launched where it declares no start.
        at_s: as of when tables are read and analysed, Unix seconds.
        since_s: exposures before it are of an earlier release of the name; None where all count. Where tables
            tell them apart by nothing but time, `plan.starts_s` leaves these users out.
        left: treatments that the release had taken out by then.
        said: what whoever looks is to be told of that, empty for nothing.
    """

    plan: ProductPlan
    at_s: float
    since_s: float | None = None
    left: frozenset[str] = frozenset()
    said: str = ""


def scope_of(plan: ProductPlan, release: Release | None, now_s: float, at_s: float | None = None) -> Scope:
    """What a look is of.

    Args:
        plan: what is asked.
        release: the run that carries it.
        now_s: the time, whole Unix seconds.
        at_s: the time that was asked for; None for now, or the end of the release.
    """
    asked_s = looked_at_s(plan, release, now_s) if at_s is None else at_s
    when_s = look_s(plan, asked_s)
    if release is None:
        return Scope(plan=plan, at_s=when_s)
    course, since_s = course_of(release), began_s(plan, release, when_s)
    return Scope(
        plan=plan if since_s is None else replace(plan, starts_s=since_s),
        at_s=when_s,
        since_s=since_s,
        left=frozenset() if course is None else left_by(course, when_s),
        said=_said(plan, release, when_s) if at_s is None and asked_s < now_s else "",
    )


def looked_at_s(plan: ProductPlan, release: Release | None, now_s: float) -> float:
    """As of when an experiment is looked at that nobody gave a time for, Unix seconds.

    After its release everybody has the same, so that what users do then says nothing about the variants. A
    look is as of the end and stays what it was then; one of a method with planned looks is as of the last of
    these until the end, by which it was decided. Where there was none, nothing can be claimed any more.
    """
    ended_s = None if release is None else release.run.ended_s
    if ended_s is None or ended_s <= (plan.starts_s or 0.0):
        return now_s
    until_s = min(now_s, ended_s // 1)
    return max((look for look in planned_s(plan) if look <= until_s), default=until_s)


def began_s(plan: ProductPlan, release: Release, at_s: float) -> float | None:
    """When the release began that a look at this time is of, whole Unix seconds.

    None where the experiment says itself when it starts, for a look at what was before, and of a run that
    only watched: it exposed nobody.
    """
    launched_s = release.run.launched_s // 1
    if plan.starts_s is not None or release.run.mode is Mode.OBSERVE or at_s < launched_s:
        return None
    return launched_s


def left_by(course: Course, at_s: float) -> frozenset[str]:
    """Variants that had a share before, and have none at the last split that was confirmed until then."""
    steps = course.as_of(at_s).steps
    given = {name for step in steps for name, share in step.weights_pct.items() if share}
    return frozenset(name for name in given if not steps[-1].weights_pct[name])


def _said(plan: ProductPlan, release: Release, when_s: float) -> str:
    """That a look is not of now."""
    run = release.run
    if plan.method is Method.ANYTIME:
        return f"Its release {run.id} has ended, and this is as of then; --at looks later."
    if when_s in planned_s(plan):
        return f"Its release {run.id} has ended, and this is its last planned look before; --at looks later."
    return f"Its release {run.id} ended before its first planned look, so that nothing can be claimed of it."
