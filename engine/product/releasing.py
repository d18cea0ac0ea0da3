"""The release that carries a product experiment: which run of the store it is, and how it went.

Reads the store and moves no traffic. A run and an experiment belong together by their name, and only where
their variants do.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from pydantic import ValidationError

from analysis.report.product.course import Course, CourseEnd, CourseStage, CourseStep
from engine import spec
from engine.adapters.store import SqlStore, exists, open_store
from engine.codec import from_plain
from engine.core.decision import DecisionKind
from engine.core.events import Applied, Event, Intended
from engine.core.model import Mode
from engine.core.plan import Plan
from engine.core.product import ProductPlan
from engine.core.run import Act, Run
from engine.core.target import TargetFacts, Weights
from engine.errors import CorruptRecord, SpecError, UsageError
from engine.home import database_url
from engine.ports import StoredRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A run that carries a product experiment.

    Attributes:
        plan: the run's rungs. control: the experiment's. treatments: the experiment's variants in the order
            of the run's treatments. named: what the run's own treatments are called, in that order. acts: on
            the target, intended and applied, in order.
    """

    run: Run
    plan: Plan
    control: str
    treatments: tuple[str, ...]
    named: tuple[str, ...]
    acts: tuple[Event, ...] = ()

    @property
    def in_canary(self) -> bool:
        """Whether the test has not begun: nothing was given yet, or it is in the rungs before the test."""
        return not self.run.phase.ended and (self.run.step < 0 or self.run.step < self.plan.canary_steps)

    def everybody_has(self) -> str | None:
        """The variant that has all traffic; None while it is divided."""
        if self.run.weights.control == 100:
            return self.control
        shares = zip(self.treatments, self.run.weights.treatments, strict=False)
        return next((name for name, share in shares if share == 100), None)


def the_store_if_any() -> SqlStore | None:
    """The database that the environment or the default names; None where there is none yet, and none is made.

    Raises:
        StoreError: it cannot be used.
    """
    url = database_url()
    return open_store(url) if exists(url) else None


def release_in_store(plan: ProductPlan) -> Release | None:
    """The newest release of a product experiment; None where this machine knows of none.

    Raises:
        StoreError: the database or the run cannot be read.
        UsageError: the run of this name releases other variants.
    """
    store = the_store_if_any()
    if store is None:
        return None
    with closing(store):
        stored = store.newest(plan.name)
        return None if stored is None else release_of(store, stored, plan)


def release_of(store: SqlStore, stored: StoredRun, plan: ProductPlan) -> Release:
    """A run as the release of a product experiment.

    Raises:
        CorruptRecord: its experiment cannot be read any more.
        UsageError: it releases other variants.
    """
    run = stored.snapshot.run
    try:
        facts = from_plain(TargetFacts, stored.spec["facts"])
        document = spec.from_plain(stored.spec["document"])
    except (KeyError, TypeError, ValidationError, SpecError) as error:
        msg = f"the experiment of {run.id} cannot be read, a plugin or version may be gone: {error}"
        raise CorruptRecord(msg) from error
    named = (facts.treatment, *facts.more_treatments)
    return Release(
        run=run,
        plan=document.plan,
        control=plan.control,
        treatments=_matched(run, plan, facts.control, named),
        named=named,
        acts=tuple(store.acts(run.id)),
    )


def _matched(run: Run, plan: ProductPlan, control: str, named: Sequence[str]) -> tuple[str, ...]:
    """The experiment's variants in the order of the run's treatments.

    Of one treatment alone the name may differ; what is control here and a treatment there must not be.
    """
    if plan.control == control and set(plan.treatments) == set(named):
        return tuple(named)
    crossed = plan.control in named or control in plan.treatments
    if len(named) == len(plan.treatments) == 1 and not crossed:
        return plan.treatments
    msg = (
        f"run {run.id} releases {', '.join(named)} against {control}, but the experiment compares "
        f"{', '.join(plan.treatments)} with {plan.control}: call the variants of `product` as the target "
        "does, or name the right run with --run"
    )
    raise UsageError(msg)


def course_of(release: Release) -> Course | None:
    """How it went from its launch on; None for a run that only watched."""
    if release.run.mode is Mode.OBSERVE:
        return None
    return Course(
        run_id=release.run.id,
        strategy=release.plan.strategy,
        steps=tuple(_steps(release)),
        ended=_end(release),
    )


def _steps(release: Release) -> Iterator[CourseStep]:
    """Every stretch at one split, from when the target confirmed it."""
    act: Act | None = None
    before: tuple[CourseStage, Weights] | None = None
    for event in release.acts:
        if isinstance(event.payload, Intended):
            act = event.payload.act
        if not isinstance(event.payload, Applied) or not event.payload.ok or act is None:
            continue
        if act.kind is DecisionKind.SHIFT and (_stage(release, act), act.weights) != before:
            before = _stage(release, act), act.weights
            yield CourseStep(at_s=event.at_s, stage=before[0], weights_pct=_shares(release, act.weights))


def _stage(release: Release, act: Act) -> CourseStage:
    plan = release.plan
    is_test = plan.needs_better and act.step is not None and act.step >= plan.canary_steps
    return CourseStage.TEST if is_test else CourseStage.CANARY


def _shares(release: Release, weights: Weights) -> dict[str, int]:
    each = {name: weights.share(index) for index, name in enumerate(release.treatments)}
    return {release.control: weights.control, **each}


def _end(release: Release) -> CourseEnd | None:
    run = release.run
    if run.ended_s is None:
        return None
    return CourseEnd(
        at_s=run.ended_s,
        phase=run.phase,
        variant=release.everybody_has() or "",
        reason=run.reason,
        by="" if run.last_actor == "engine" else run.last_actor,
    )
