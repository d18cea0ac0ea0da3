"""Blue/green releases and A/B tests for the in-memory world, quick enough to be played to the end."""

from dataclasses import replace

from engine.core.events import Actor, Observed, Verb
from engine.core.measure import TrialsReading
from engine.core.model import Bound, Metric, MetricKind, Role, Unit
from tests.builders import PROBES, staged, two_treatments
from tests.engine.world import RUN_ID, World

ADA = Actor(user="ada", host="desk")
QUICK = {"interval_s": 10.0, "warm_up_s": 0.0, "progress_deadline_s": 30.0}


def blue_green(*, bridge: bool = False, **changes):
    """Three hundred probes at most, ten a second, and a minute of settling."""
    base = staged(bridge=bridge)
    plan = replace(base.plan, probes=replace(PROBES, count=300))
    metrics = tuple(replace(metric, margin=Bound(relative=0.5, absolute=0.03)) for metric in base.metrics)
    return replace(base, plan=plan, metrics=metrics, **{**QUICK, **changes})


def ab(**changes):
    """Errors are the objective, counted per session; the split is checked."""
    base = two_treatments(**QUICK)
    metrics = tuple(
        replace(metric, role=Role.OBJECTIVE, unit=Unit.SESSION, margin=Bound(relative=0.5, absolute=0.03))
        for metric in base.metrics
    )
    splits = tuple(_split(metric) for metric in metrics)
    return replace(base, metrics=metrics, splits=splits, **changes)


def _split(metric: Metric) -> Metric:
    name = metric.name.replace("errors", "split")
    return replace(metric, name=name, measure="split", kind=MetricKind.ASSIGNMENT, bad=None, weight=0.0)


def launched(experiment, error_rates) -> World:
    world = World(experiment=experiment, error_rates=error_rates)
    world.launch()
    return world


def until(world: World, step: int):
    for _ in range(100):
        run = world.tick().run
        if run.step >= step or run.phase.ended:
            return run
        world.pass_time(10)
    raise AssertionError("never got there")


def ask(world: World, verb: Verb, treatment: str = "") -> None:
    world.store.request(RUN_ID, verb, ADA, "because", "cli", world.clock.now_s(), treatment)


def probes_counted(world: World) -> int:
    return sum(
        reading.treatment.total
        for event in world.events
        if isinstance(event.payload, Observed)
        for observation in event.payload.observations
        if isinstance(reading := observation.readings["errors@preview"], TrialsReading)
    )
