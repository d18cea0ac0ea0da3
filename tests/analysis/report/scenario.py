"""Event logs of whole runs, written by hand as the engine writes them, for the report to tell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from analysis.report.view import ReportView, build_view
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
from engine.core.model import Arm, Experiment, Metric, MetricKind, Mode, Role, Selector
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
        weight_pct = self.experiment.plan.steps[number].weight_pct
        reason = f"Step {number + 1}: {weight_pct} %."
        self.act(DecisionKind.SHIFT, Rule.FLOORS_MET, Weights.of(weight_pct), reason, step=number)

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
        return Observation(window=window, readings=reading, warm_up=warm_up, new_start=new_start)


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


def renamed(story: Story, name: str) -> Story:
    """The same run of an experiment with another name, description and variant."""
    story.experiment = replace(story.experiment, name=name, description=name, treatment=name)
    return story
