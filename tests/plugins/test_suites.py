"""The suites for plugin authors find what is wrong: each fault here fails the test that it should fail."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider

from analysis.sources.fake import FakeOptions, FakeSource
from engine.adapters.fakes import FakeTarget, FakeTargetOptions
from engine.adapters.fakes_sink import FakeSink
from engine.core.gate import GateStatus
from engine.core.letter import Delivered, Refused
from engine.core.measure import Missing, Trials, TrialsReading, Window
from engine.core.model import Metric
from engine.core.notice import Notice
from engine.core.plan import Plan, Stage, Step
from engine.core.proposal import Abandon, Climb, Finish, Progress, Proposal, Wait
from engine.core.target import Weights
from engine.ports import Batch, Json
from engine.testing.gates import FLAG, AskingGateContract
from engine.testing.sinks import SinkContract
from engine.testing.sources import SourceContract, history
from engine.testing.strategies import StrategyContract
from engine.testing.targets import (
    ReversibleTargetContract,
    SeveralTreatmentsContract,
    TargetContract,
    TidyTargetContract,
    state,
)
from strategies.canary import Canary, CanaryOptions

SUITE = StrategyContract()
PLAN = Canary().plan(CanaryOptions())
Check = Callable[[Any, Plan], None]


class Faulty:
    """Climbs like a canary, but for the progress that `fault` answers."""

    Options: ClassVar[type] = CanaryOptions

    def __init__(self, fault: Callable[[Progress], Any] = lambda _: None) -> None:
        self._fault = fault

    def plan(self, options: CanaryOptions) -> Plan:
        return Canary().plan(options)

    def propose(self, plan: Plan, progress: Progress) -> Proposal:
        return self._fault(progress) or Canary().propose(plan, progress)


def at_the_top(progress: Progress) -> bool:
    return progress.step == 3 and progress.step_age_s >= 300 and min(progress.step_trials) >= 100


FAULTS: Mapping[str, tuple[Check, Callable[[Progress], Any]]] = {
    "no proposal": (
        SUITE.test_every_situation_has_a_proposal_with_a_legible_reason,
        lambda progress: "later" if progress.step == 2 else None,
    ),
    "no reason": (
        SUITE.test_every_situation_has_a_proposal_with_a_legible_reason,
        lambda _: Wait(reason=" "),
    ),
    "control characters": (
        SUITE.test_every_situation_has_a_proposal_with_a_legible_reason,
        lambda _: Wait(reason="\x1b[2J"),
    ),
    "a step that is not there": (
        SUITE.test_it_climbs_only_up_and_to_the_split_that_the_plan_has_there,
        lambda progress: Climb(step=9, weights=Weights.of(50), reason="x") if progress.step == 3 else None,
    ),
    "another split than planned": (
        SUITE.test_it_climbs_only_up_and_to_the_split_that_the_plan_has_there,
        lambda progress: Climb(step=0, weights=Weights.of(2), reason="x") if progress.step < 0 else None,
    ),
    "impatience": (
        SUITE.test_it_goes_on_only_after_a_step_was_held_and_filled,
        lambda progress: Climb(step=1, weights=Weights.of(5), reason="x") if progress.step == 0 else None,
    ),
    "the end without evidence": (
        SUITE.test_nothing_gets_all_traffic_that_is_not_shown_to_deserve_it,
        lambda progress: Finish(reason="x") if at_the_top(progress) else None,
    ),
    "settled without settling": (
        SUITE.test_it_promotes_the_treatment_that_is_better,
        lambda progress: Finish(reason="x", settled=True) if at_the_top(progress) else None,
    ),
    "a treatment that is not there": (
        SUITE.test_it_promotes_the_treatment_that_is_better,
        lambda progress: Finish(reason="x", treatment_index=1) if at_the_top(progress) else None,
    ),
    "giving up with traffic": (
        SUITE.test_it_gives_up_only_what_has_no_traffic_yet,
        lambda progress: Abandon(reason="x") if progress.step == 1 else None,
    ),
    "no end": (
        SUITE.test_a_good_release_comes_to_its_end,
        lambda progress: Wait(reason="x") if progress.step == 3 else None,
    ),
}


@pytest.mark.parametrize(("check", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_faulty_strategy_is_found(check: Check, fault: Callable[[Progress], Any]) -> None:
    check(Canary(), PLAN)
    with pytest.raises(AssertionError):
        check(Faulty(fault), PLAN)


def test_a_strategy_that_remembers_is_found() -> None:
    calls: Iterator[int] = itertools.count()
    with pytest.raises(AssertionError):
        SUITE.test_a_proposal_follows_from_plan_and_progress_alone(
            Faulty(lambda _: Wait(reason=str(next(calls)))), PLAN
        )


def test_a_plan_under_another_name_is_found() -> None:
    with pytest.raises(AssertionError):
        SUITE.test_the_plan_names_the_plugin_so_that_a_stored_run_finds_it(Faulty(), PLAN)


@pytest.mark.parametrize(
    ("check", "steps"),
    [
        (SUITE.test_the_stages_come_in_order_and_the_treatment_never_loses_traffic, (20, 10)),
        (SUITE.test_the_stages_come_in_order_and_the_treatment_never_loses_traffic, ()),
        (SUITE.test_every_step_has_the_traffic_of_its_stage, (20, 100)),
        (SUITE.test_every_step_has_the_traffic_of_its_stage, (0, 20)),
    ],
)
def test_a_plan_with_odd_steps_is_found(check: Callable[[Plan], None], steps: Sequence[int]) -> None:
    odd = tuple(Step(weight_pct=weight_pct, hold_s=1, floor=1) for weight_pct in steps)
    with pytest.raises(AssertionError):
        check(replace(PLAN, steps=odd))


def test_a_plan_that_cannot_be_held_or_probed_is_found() -> None:
    endless = Step(weight_pct=10, hold_s=float("inf"), floor=1)
    with pytest.raises(AssertionError):
        SUITE.test_every_step_can_be_held_and_filled(replace(PLAN, steps=(endless,)))
    preview = Step(weight_pct=0, hold_s=0, floor=0, stage=Stage.PREVIEW)
    with pytest.raises(AssertionError):
        SUITE.test_a_preview_is_probed(replace(PLAN, steps=(preview, *PLAN.steps)))


class Relative(FakeTarget):
    """Takes weights as an increase."""

    def apply(self, weights: Weights, found: str | None = None) -> Any:
        return super().apply(Weights.of(min(100, self.weights.treatment + weights.treatment)), found)


class Raising(FakeTarget):
    """Raises where it should say so."""

    def observe(self) -> Any:
        if self.gone:
            raise ConnectionError(self.gone)
        return super().observe()


class Unversioned(FakeTarget):
    """Has one version whatever it routes."""

    def observe(self) -> Any:
        return replace(state(super().observe()), version="1")


def test_a_faulty_target_is_found() -> None:
    suite, shares = TargetContract(), (1, 20)
    with pytest.raises(AssertionError):
        suite.test_apply_is_absolute_and_observe_reads_it_back(Relative(), shares)
    with pytest.raises(AssertionError):
        suite.test_version_changes_exactly_when_the_target_does(Unversioned(), shares)
    for possible in (shares, ()):
        with pytest.raises(AssertionError):
            suite.test_an_act_that_rests_on_another_version_is_refused(Heedless(), possible)
    with pytest.raises(AssertionError):
        suite.test_all_traffic_can_be_taken_back(Clinging(), shares)
    with pytest.raises(AssertionError):
        ReversibleTargetContract().test_both_ends_are_left_again(Final())
    target = Raising()
    with pytest.raises(ConnectionError):
        suite.test_a_vanished_target_says_so_and_raises_nothing(
            target, lambda: setattr(target, "gone", "x"), shares
        )


class Clinging(FakeTarget):
    """Never gives control everything."""

    def apply(self, weights: Weights, found: str | None = None) -> Any:
        return super().apply(Weights.of(max(1, weights.treatment)), found)


class Final(FakeTarget):
    """Cannot be taken back once it has everything."""

    def apply(self, weights: Weights, found: str | None = None) -> Any:
        return super().apply(self.weights if self.weights.treatment == 100 else weights, found)


class Heedless(FakeTarget):
    """Acts whatever has happened since it was looked at."""

    def apply(self, weights: Weights, found: str | None = None) -> Any:
        return super().apply(weights)


class Generous(FakeTarget):
    """Gives a dropped treatment's traffic to the next one, and takes the shares of any number of them."""

    def apply(self, weights: Weights, found: str | None = None) -> Any:
        if weights.treatment == 0 and weights.more:
            weights = Weights.of(0, weights.given + self.weights.treatment)
        self.weights = weights
        return self.observe()


class Crowded(FakeTarget):
    """Has one set of labels, and one readiness, for all further treatments."""

    def facts(self) -> Any:
        return replace(super().facts(), more_labels=({"version": "v2"},))

    def observe(self) -> Any:
        return replace(state(super().observe()), more=())


def test_a_target_that_mixes_up_several_treatments_is_found() -> None:
    suite, three = SeveralTreatmentsContract(), FakeTargetOptions(more_treatments=("v3",))
    with pytest.raises(AssertionError):
        suite.test_several_treatments_are_applied_and_read_back(Generous(three), (0, 30))
    with pytest.raises(AssertionError):
        suite.test_a_dropped_treatment_leaves_the_others_as_they_are(Generous(three))
    with pytest.raises(AssertionError):
        suite.test_weights_for_more_treatments_than_there_are_change_nothing(Generous(three))
    with pytest.raises(AssertionError):
        suite.test_several_treatments_have_names_and_labels_of_their_own(Crowded(three))
    with pytest.raises(AssertionError):
        suite.test_every_treatment_says_since_when_it_is_ready(Crowded(three))


class Untidy(FakeTarget):
    """Ends as it goes on, and takes any weights for an end."""

    def observe(self) -> Any:
        return replace(state(super().observe()), leftovers=True)

    def finish(self, weights: Weights, found: str | None = None) -> Any:
        return self.apply(weights)


def test_a_target_that_leaves_things_behind_is_found() -> None:
    suite = TidyTargetContract()
    with pytest.raises(AssertionError):
        suite.test_a_finished_target_is_at_its_end_with_nothing_left_of_the_run(Untidy())
    with pytest.raises(AssertionError):
        suite.test_a_split_is_no_end(Untidy())
    with pytest.raises(AssertionError):
        suite.test_a_finish_that_rests_on_another_version_is_refused(Untidy())


class Swallowing(FakeSink):
    """Says that everything arrived."""

    def deliver(self, notice: Notice) -> Delivered | Refused:
        return Delivered()


def test_a_faulty_sink_is_found() -> None:
    suite, sink = SinkContract(), Swallowing()
    ids = lambda: [notice.id for notice in sink.delivered]  # noqa: E731
    with pytest.raises(AssertionError):
        suite.test_a_repeated_notice_arrives_again_under_the_same_id(sink, ids)
    with pytest.raises(AssertionError):
        suite.test_an_unreachable_receiver_is_a_refusal_in_time_and_worth_another_attempt(sink)
    telling = FakeSink(sink.Options(refuses="the token is s3cret"))
    with pytest.raises(AssertionError):
        suite.test_no_secret_is_shown(sink, telling, ("s3cret",))


class Zeroing(FakeSource):
    """Says zero where there is nothing."""

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        batch = super().read(metrics, windows, cursor)
        zero = Trials(bad=0, total=0)
        readings = tuple(
            {
                name: TrialsReading(control=zero, treatment=zero) if isinstance(one, Missing) else one
                for name, one in each.items()
            }
            for each in batch.readings
        )
        return replace(batch, readings=readings)


class Forgetful(FakeSource):
    """Begins anew with every read."""

    def read(self, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
        return super().read(metrics, windows, {})


def test_a_faulty_source_is_found() -> None:
    suite = SourceContract()
    zeroing, forgetful = Zeroing(FakeOptions()), Forgetful(FakeOptions())
    for source in (zeroing, forgetful):
        for at_s, name, labels, value in history():
            source.scrape(at_s, name, labels, value)
    with pytest.raises(AssertionError):
        suite.test_counts_of_a_scrape_gap_belong_to_the_scrape_that_ends_it(zeroing)
    with pytest.raises(AssertionError):
        suite.test_a_counter_that_does_not_exist_is_missing_and_harms_no_other(zeroing)
    with pytest.raises(AssertionError):
        suite.test_reading_late_gives_the_same_as_reading_in_time(forgetful)
    with pytest.raises(AssertionError):
        suite.test_no_windows_change_nothing(forgetful)
    with pytest.raises(AssertionError):
        suite.test_a_broken_source_leaves_its_place_alone(forgetful, forgetful)


def test_a_faulty_gate_is_found() -> None:
    def always_open(flag: str, options: Mapping[str, object]) -> InMemoryProvider:
        on = InMemoryFlag("on", {"on": True})
        return InMemoryProvider({FLAG: on, "nobody-set-this": on})

    suite, options_of = AskingGateContract(), lambda is_open: {"open": is_open}
    with pytest.raises(AssertionError):
        suite.test_the_flag_says_what_was_set(always_open, options_of, False, GateStatus.CLOSED)
    with pytest.raises(AssertionError):
        suite.test_a_flag_that_nobody_set_is_unknown(always_open, options_of)
    with pytest.raises(AssertionError):
        suite.test_a_provider_without_an_answer_is_unknown_in_time(always_open, {})


def test_a_gate_that_keeps_its_first_answer_is_found() -> None:
    kept_elsewhere: dict[str, bool] = {}

    def set_to(is_open: bool) -> Json:
        kept_elsewhere[FLAG] = is_open
        return {}

    def as_it_was(flag: str, options: Mapping[str, object]) -> InMemoryProvider:
        return InMemoryProvider({FLAG: InMemoryFlag("on", {"on": kept_elsewhere[FLAG]})})

    with pytest.raises(AssertionError):
        AskingGateContract().test_a_closed_flag_counts_at_the_next_read(as_it_was, set_to)
