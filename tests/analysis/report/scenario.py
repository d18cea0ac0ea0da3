"""Event logs of whole runs, written by hand as the engine writes them, for the report to tell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.report.view import ReportView, build_view
from engine.core.arms import stage_of
from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import (
    ENGINE,
    Actor,
    Applied,
    Commanded,
    Decided,
    Event,
    Intended,
    Launched,
    Observed,
    Verb,
)
from engine.core.evolve import launch
from engine.core.measure import (
    Histogram,
    HistogramReading,
    Missing,
    MissingReason,
    Observation,
    Reading,
    Trials,
    TrialsReading,
    Window,
)
from engine.core.model import Arm, Bound, Experiment, Matcher, Metric, MetricKind, Mode, Role, Selector, Unit
from engine.core.plan import Plan, Stage, Step
from engine.core.run import Act, Run
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.journal import Journal
from engine.ports import QueryRecord
from tests.builders import NOW_S, a_metric, an_experiment

BOUNDS_S = (0.1, 0.25, 0.5, 1.0)
PERSON = Actor(user="ada", host="laptop")
SPEC: dict[str, Any] = {
    "apiVersion": "rampwise.dev/v1alpha1",
    "kind": "ReleaseExperiment",
    "metadata": {"name": "checkout-v2"},
    "spec": {"strategy": "canary", "alpha_rollback": 0.01},
}


def three_metrics() -> tuple[Metric, ...]:
    """Errors and latency that decide, and a limit that is only shown."""
    return (
        a_metric(weight=0.5),
        a_metric(
            name="latency",
            kind=MetricKind.DISTRIBUTION,
            bad=None,
            total=None,
            buckets=Selector(name="seconds_bucket"),
            slo_s=0.5,
            weight=0.5,
        ),
        a_metric(name="refunds", kind=MetricKind.THRESHOLD, role=Role.QUALITY, limit=0.02, weight=0.0),
    )


class Story:
    """Writes a log event by event; `now_s` moves on with every window."""

    def __init__(self, experiment: Experiment | None = None) -> None:
        self.experiment = experiment or an_experiment(metrics=three_metrics())
        self.now_s = NOW_S
        payload = Launched(
            spec=SPEC, name=self.experiment.name, target_key="local/checkout", mode=self.experiment.mode
        )
        first = Event(
            run_id="run-1",
            seq=1,
            at_s=NOW_S,
            actor=PERSON,
            source="cli",
            reason="",
            rule=None,
            payload=payload,
        )
        self.events: list[Event] = [first]
        self.run: Run = launch("run-1", first, payload)
        self._windows = 0
        self._acts = 0
        self._moved = False

    def add(self, payload: Any, *, actor: Actor = ENGINE, rule: Rule | None = None, reason: str = "") -> None:
        journal = Journal(self.run, now_s=self.now_s, place="test")
        journal.add(payload, actor=actor, rule=rule, reason=reason)
        self.run = journal.run
        self.events += journal.events

    def act(
        self, kind: DecisionKind, rule: Rule, weights: Weights, reason: str, step: int | None = None
    ) -> None:
        """A decision, the intent and the result of a new act."""
        decision = Decision(kind=kind, rule=rule, reason=reason, weights=weights, step=step)
        self.add(Decided(decision=decision), rule=rule, reason=reason)
        self._acts += 1
        found = self.run.weights
        act = Act(
            number=self._acts,
            kind=kind,
            rule=rule,
            weights=weights,
            step=step,
            found=found,
            version=f"v{self._acts}",
        )
        self.add(Intended(act=act), rule=rule, reason=reason)
        observing = self.experiment.mode is Mode.OBSERVE
        detail = "would (observe mode)" if observing else ""
        result = Applied(
            act_number=act.number, ok=True, weights=None if observing else weights, detail=detail
        )
        self.add(result, rule=rule, reason=detail)
        self._moved = True

    def step(self, number: int) -> None:
        """The shift to one of the plan's rungs."""
        step = self.experiment.plan.steps[number]
        reason = f"Step {number + 1}: {step.weight_pct} %."
        rule = Rule.EVIDENCE if step.weight_pct == 100 else Rule.FLOORS_MET
        weights = Weights.of(*(step.shares or (step.weight_pct,)))
        self.act(DecisionKind.SHIFT, rule, weights, reason, step=number)

    def hold(self, *blockers: Blocker, reason: str) -> None:
        """Traffic stays where it is."""
        rule = Rule.BLOCKED if blockers else Rule.NOT_YET
        decision = Decision(kind=DecisionKind.HOLD, rule=rule, reason=reason, blockers=blockers)
        self.add(Decided(decision=decision), rule=rule, reason=reason)

    def command(self, verb: Verb, reason: str, refused: str = "") -> None:
        """A person's command."""
        done = Commanded(command_id=self._windows + 1, verb=verb, step=self.run.step, refused=refused)
        self.add(done, actor=PERSON, reason=reason)

    def observe(self, readings: Sequence[Mapping[str, Reading]], *, warm_up: bool = False) -> None:
        """One tick's windows."""
        observations = tuple(self._observation(reading, warm_up) for reading in readings)
        self.now_s += len(readings) * self.experiment.interval_s
        self.add(Observed(observations=observations))

    def view(self, *, queries: Sequence[QueryRecord] = ()) -> ReportView:
        """The report as of now."""
        return build_view(
            self.experiment, SPEC, self.run, self.events, now_s=self.now_s, version="1.2.3", queries=queries
        )

    def _observation(self, reading: Mapping[str, Reading], warm_up: bool) -> Observation:
        interval_s = self.experiment.interval_s
        start_s = NOW_S + self._windows * interval_s
        window = Window(index=self._windows, start_s=start_s, end_s=start_s + interval_s)
        new_start = self._moved and self._windows > 0
        self._windows += 1
        self._moved = False
        return Observation(
            window=window,
            readings=reading,
            warm_up=warm_up,
            new_start=new_start,
            stage=stage_of(self.experiment, self.run.step),
            weights=None if new_start or self.experiment.mode is Mode.OBSERVE else self.run.weights,
        )


def measured(
    *, treatment: int, requests: int = 2_000, error_rate: float = 0.01, slow: float = 0.05
) -> dict[str, Reading]:
    """One window of all metrics at `treatment` percent; rates are the treatment's (control: 1 %, 5 %)."""
    on_treatment = requests * treatment // 100

    def trials(total: int, rate: float) -> Trials:
        return Trials(bad=round(total * rate), total=total)

    def histogram(total: int, rate: float) -> Histogram:
        above = trials(total, rate).bad
        fast = (total - above) // 2
        return Histogram(bounds_s=BOUNDS_S, counts=(fast, total - above - fast, 0, above, 0))

    errors = TrialsReading(
        control=trials(requests - on_treatment, 0.01), treatment=trials(on_treatment, error_rate)
    )
    latency = HistogramReading(
        control=histogram(requests - on_treatment, 0.05), treatment=histogram(on_treatment, slow)
    )
    return {"errors": errors, "latency": latency, "refunds": errors}


def blind(reason: MissingReason = MissingReason.SOURCE_DOWN) -> dict[str, Reading]:
    """One window in which nothing could be measured."""
    missing = Missing(reason=reason, detail="connection refused", arm=Arm.TREATMENT)
    return {"errors": missing, "latency": missing, "refunds": missing}


def rolled_back() -> Story:
    """A release whose errors rise from 1 % to 4 %: two steps, a blind spell, a pause, then harm."""
    story = Story()
    story.step(0)
    story.observe([measured(treatment=5) for _ in range(2)], warm_up=True)
    story.observe([measured(treatment=5, error_rate=0.02) for _ in range(4)])
    story.observe([blind(), blind()])
    since = Blocker(
        kind=BlockerKind.NO_DATA, detail="no data for errors: the source does not answer", since_s=story.now_s
    )
    story.hold(since, reason="Holding at 5 %: no data for errors: the source does not answer")
    story.observe([measured(treatment=5, error_rate=0.02) for _ in range(2)])
    story.command(Verb.PAUSE, "lunch")
    story.command(Verb.RESUME, "back")
    story.command(Verb.RESUME, "again", refused="not paused")
    story.step(1)
    story.observe([measured(treatment=20, error_rate=0.04, slow=0.06) for _ in range(4)])
    story.act(DecisionKind.ROLLBACK, Rule.HARM, ALL_TO_CONTROL, "Roll back: v2 is worse.")
    return story


def promoted(windows: int = 12) -> Story:
    """A healthy release on its way to all traffic."""
    story = Story()
    for number, step in enumerate(story.experiment.plan.steps):
        story.step(number)
        story.observe([measured(treatment=step.weight_pct) for _ in range(windows // 3)])
    story.act(DecisionKind.PROMOTE, Rule.EVIDENCE, ALL_TO_TREATMENT, "Safe to promote v2: no harm found.")
    return story


def observing() -> Story:
    """A run in observe mode: everything is decided, nothing is changed."""
    experiment = an_experiment(metrics=three_metrics(), mode=Mode.OBSERVE)
    story = Story(experiment)
    story.step(0)
    story.observe([measured(treatment=5) for _ in range(4)])
    return story


def by_route() -> Experiment:
    """Errors by route: one is worse, one is as before, one has no requests."""
    routes = [
        a_metric(
            name=f"errors (route={route})",
            measure=f"errors (route={route})",
            role=Role.QUALITY,
            weight=0.0,
            family="errors",
            segment=Matcher(label="route", op="=", value=route),
        )
        for route in ("/pay", "/cart", "/<b>old</b>")
    ]
    return an_experiment(metrics=(*three_metrics(), *routes))


def broken_down() -> Story:
    """A release that fails on one route of three, too seldom to be harm to the whole."""
    story = Story(by_route())
    story.step(1)
    nobody = Missing(reason=MissingReason.NO_SERIES, detail="control: no series")
    for _ in range(6):
        whole = measured(treatment=20, error_rate=0.0125)
        pay = measured(treatment=20, requests=200, error_rate=0.1)["errors"]
        cart = measured(treatment=20, requests=1_800, error_rate=0.01)["errors"]
        routes = {
            "errors (route=/pay)": pay,
            "errors (route=/cart)": cart,
            "errors (route=/<b>old</b>)": nobody,
        }
        story.observe([{**whole, **routes}])
    return story


def renamed(story: Story, name: str) -> Story:
    """The same run of an experiment with another name, description and variant."""
    story.experiment = replace(story.experiment, name=name, description=name, treatment=name)
    return story


def _for_treatment(index: int, name: str) -> tuple[Metric, Metric, Metric]:
    """Errors that must not rise and conversions that should, and what the router counts for the split."""
    labels = {Arm.CONTROL: {"version": "v1"}, Arm.TREATMENT: {"version": name}}
    common: dict[str, Any] = {"arm_labels": labels, "treatment_index": index, "weight": 0.25}
    return (
        a_metric(name=f"errors@{name}", measure="errors", **common),
        a_metric(
            name=f"conversion@{name}",
            measure="conversion",
            role=Role.OBJECTIVE,
            unit=Unit.SESSION,
            higher_is_better=True,
            margin=Bound(relative=0.1),
            **common,
        ),
        a_metric(
            name=f"assignments@{name}",
            measure="assignments",
            kind=MetricKind.ASSIGNMENT,
            bad=None,
            arm_labels=labels,
            treatment_index=index,
            weight=0.0,
        ),
    )


def an_ab_test() -> Experiment:
    """Two treatments against one control, a third of the sessions each."""
    first, second = _for_treatment(0, "v2"), _for_treatment(1, "v3")
    step = Step(weight_pct=66, hold_s=60, floor=100, shares=(33, 33))
    return an_experiment(
        more_treatments=("v3",),
        sticky=True,
        metrics=(*first[:2], *second[:2]),
        splits=(first[2], second[2]),
        plan=Plan(strategy="ab", steps=(step,), needs_better=True),
    )


def sessions(
    *, converted: tuple[int, int, int] = (100, 101, 140), of: int = 1_000, visitors: int = 1_000
) -> dict[str, Reading]:
    """One window of an A/B test: sessions converted of control, v2 and v3; `visitors` are those of v3."""

    def pair(control: Trials, treatment: Trials) -> Reading:
        return TrialsReading(control=control, treatment=treatment)

    control, *treated = (Trials(bad=each, total=of) for each in converted)
    readings: dict[str, Reading] = {}
    for name, trials, given in zip(("v2", "v3"), treated, (of, visitors), strict=True):
        readings[f"errors@{name}"] = pair(Trials(bad=10, total=of), Trials(bad=10, total=of))
        readings[f"conversion@{name}"] = pair(control, trials)
        readings[f"assignments@{name}"] = pair(Trials(bad=0, total=of), Trials(bad=0, total=given))
    return readings


def better_of_two() -> Story:
    """An A/B test in which v2 changes nothing and v3 converts 40 % more."""
    story = Story(an_ab_test())
    story.step(0)
    story.observe([sessions() for _ in range(20)])
    reason = "Promote v3: it is better."
    story.act(DecisionKind.PROMOTE, Rule.EVIDENCE, Weights.all_to(1), reason)
    return story


def split_broken() -> Story:
    """An A/B test in which two of five visitors for v3 never arrive."""
    story = Story(an_ab_test())
    story.step(0)
    story.observe([sessions(visitors=600) for _ in range(20)])
    detail = "traffic is not split as planned"
    blocker = Blocker(kind=BlockerKind.UNTRUSTWORTHY, detail=detail, since_s=story.now_s)
    story.hold(blocker, reason=f"Holding at 33 %: {detail}")
    return story


def a_blue_green() -> Experiment:
    """Probes, a bridge split, and settling with all traffic."""
    limit: dict[str, Any] = {"kind": MetricKind.THRESHOLD, "limit": 0.02}
    return an_experiment(
        metrics=(
            a_metric(
                name="errors@preview", measure="errors", stage=Stage.PREVIEW, bad=None, total=None, **limit
            ),
            a_metric(name="http_errors", measure="http_errors", weight=0.5),
            a_metric(name="http_errors@settle", measure="http_errors", stage=Stage.SETTLE, weight=0.5),
        ),
        plan=Plan(
            strategy="blue_green",
            steps=(
                Step(weight_pct=0, hold_s=60, floor=100, stage=Stage.PREVIEW),
                Step(weight_pct=50, hold_s=60, floor=100),
                Step(weight_pct=100, hold_s=120, floor=100, stage=Stage.SETTLE),
            ),
        ),
    )


def in_stage(*, probes: tuple[int, int] = (0, 0), control: int = 0, treatment: int = 0) -> dict[str, Reading]:
    """One window of a blue/green release: bad and all probes, and requests of each colour, 1 % bad."""

    def pair(control: int, treatment: int) -> Reading:
        if not control and not treatment:
            return Missing(reason=MissingReason.NO_TRAFFIC, detail="no requests")
        return TrialsReading(
            control=Trials(bad=control // 100, total=control),
            treatment=Trials(bad=treatment // 100, total=treatment),
        )

    bad, total = probes
    probed = TrialsReading(control=Trials(bad=0, total=0), treatment=Trials(bad=bad, total=total))
    served = pair(control, treatment)
    return {"errors@preview": probed, "http_errors": served, "http_errors@settle": served}


def settled() -> Story:
    """A blue/green release: probed, split evenly for a while, switched, and kept."""
    story = Story(a_blue_green())
    story.step(0)
    story.observe([in_stage(probes=(0, 60), control=2_000) for _ in range(4)])
    story.step(1)
    story.observe([in_stage(control=1_000, treatment=1_000) for _ in range(12)])
    story.step(2)
    story.observe([in_stage(treatment=2_000) for _ in range(8)])
    reason = "Promoted (settled): it kept all traffic for 2 min."
    story.act(DecisionKind.PROMOTE, Rule.SETTLED, ALL_TO_TREATMENT, reason)
    return story


def preview_failed() -> Story:
    """A blue/green release whose preview does not answer every fifth probe."""
    story = Story(a_blue_green())
    story.step(0)
    story.observe([in_stage(probes=(12, 60), control=2_000) for _ in range(4)])
    reason = "Roll back before any traffic: 48 of 240 probes failed."
    story.act(DecisionKind.ROLLBACK, Rule.PREVIEW_FAILED, ALL_TO_CONTROL, reason)
    return story
