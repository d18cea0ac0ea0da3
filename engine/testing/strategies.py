# ruff: noqa: S101, D102 (a suite asserts, and the names of its tests are sentences)
"""What every strategy must do. Subclass the suite and provide the fixture `strategy`.

`options` are those of the experiment, as plain JSON values; a strategy is worth testing with several of them.
"""

import math
from collections.abc import Iterator
from itertools import pairwise, product

import pytest

from engine import plugins
from engine.core.plan import Plan, Stage, Step
from engine.core.printable import printable
from engine.core.proposal import Abandon, Climb, Finish, Progress, Proposal
from engine.core.target import Weights
from engine.ports import Json, Strategy

_ORDER = tuple(Stage)
_MANY = 10**9


def situations(plan: Plan) -> Iterator[Progress]:
    """Where a run can stand: at every step short of, at and beyond what it asks for, with any evidence."""
    yield from _stands(-1, Step(weight_pct=0, hold_s=0.0, floor=0), treatments=1)
    for number, step in enumerate(plan.steps):
        yield from _stands(number, step, treatments=max(1, len(step.shares)))


def _stands(number: int, step: Step, treatments: int) -> Iterator[Progress]:
    ages_s = {0.0, step.hold_s / 2, step.hold_s, 1e9}
    counts = {0, max(0, step.floor - 1), step.floor, _MANY}
    better = {None, 0, treatments - 1}
    shown = (True, False)
    for age_s, control, treatment, *evidence in product(ages_s, counts, counts, shown, shown, better):
        not_worse, inside, best = evidence
        yield Progress(
            step=number,
            step_age_s=age_s,
            step_trials=(control, treatment),
            not_worse=bool(not_worse),
            inside_margin_at_step=bool(inside),
            better=best,
        )


def best_case(plan: Plan, number: int) -> Progress:
    """A run at this step for which everything speaks."""
    return Progress(
        step=number,
        step_age_s=plan.steps[number].hold_s if number >= 0 else 0.0,
        step_trials=(_MANY, _MANY),
        not_worse=True,
        inside_margin_at_step=True,
        better=0,
    )


def weights_of(step: Step) -> Weights:
    """The split that a step of a plan means."""
    return Weights.of(*(step.shares or (step.weight_pct,)))


def _plan(strategy: Strategy, options: Json) -> Plan:
    return strategy.plan(plugins.check_options(strategy, options))


class StrategyContract:
    """The suite."""

    @pytest.fixture
    def strategy(self) -> Strategy:
        """The strategy under test."""
        raise NotImplementedError

    @pytest.fixture
    def options(self) -> Json:
        """What stands under `strategy: {NAME: ...}`."""
        return {}

    @pytest.fixture
    def plan(self, strategy: Strategy, options: Json) -> Plan:
        """What the strategy makes of the options."""
        return _plan(strategy, options)

    def test_the_plan_names_the_plugin_so_that_a_stored_run_finds_it(
        self, strategy: Strategy, plan: Plan
    ) -> None:
        assert plugins.load(plugins.STRATEGIES, plan.strategy) is type(strategy)

    def test_the_same_options_always_make_the_same_plan(self, strategy: Strategy, options: Json) -> None:
        assert _plan(strategy, options) == _plan(strategy, options) == _plan(type(strategy)(), options)

    def test_options_that_were_kept_with_a_run_make_the_same_plan(
        self, strategy: Strategy, options: Json, plan: Plan
    ) -> None:
        kept = plugins.plain_options(strategy, plugins.check_options(strategy, options))
        assert _plan(strategy, kept) == plan

    def test_the_stages_come_in_order_and_the_treatment_never_loses_traffic(self, plan: Plan) -> None:
        assert plan.steps
        for before, after in pairwise(plan.steps):
            assert _ORDER.index(before.stage) <= _ORDER.index(after.stage)
            assert before.weight_pct <= after.weight_pct

    def test_every_step_has_the_traffic_of_its_stage(self, plan: Plan) -> None:
        for step in plan.steps:
            least, most = {Stage.PREVIEW: (0, 0), Stage.SPLIT: (1, 99), Stage.SETTLE: (100, 100)}[step.stage]
            assert least <= step.weight_pct <= most
            assert not step.shares or sum(step.shares) == step.weight_pct

    def test_every_step_can_be_held_and_filled(self, plan: Plan) -> None:
        for step in plan.steps:
            assert math.isfinite(step.hold_s)
            assert step.hold_s >= 0
            assert step.floor >= (0 if step.stage is Stage.PREVIEW else 1)
        assert plan.horizon_s > sum(step.hold_s for step in plan.steps)

    def test_a_preview_is_probed(self, plan: Plan) -> None:
        assert plan.has(Stage.PREVIEW) is (plan.probes is not None)

    def test_every_situation_has_a_proposal_with_a_legible_reason(
        self, strategy: Strategy, plan: Plan
    ) -> None:
        for progress in situations(plan):
            proposal = strategy.propose(plan, progress)
            assert isinstance(proposal, Proposal), progress
            assert proposal.reason.strip(), progress
            assert proposal.reason == printable(proposal.reason)

    def test_a_proposal_follows_from_plan_and_progress_alone(self, strategy: Strategy, plan: Plan) -> None:
        all_of_them = list(situations(plan))
        again = [strategy.propose(plan, progress) for progress in reversed(all_of_them)]
        for progress, late in zip(all_of_them, reversed(again), strict=True):
            assert strategy.propose(plan, progress) == late, progress
            assert type(strategy)().propose(plan, progress) == late, progress

    def test_it_climbs_only_up_and_to_the_split_that_the_plan_has_there(
        self, strategy: Strategy, plan: Plan
    ) -> None:
        for progress in situations(plan):
            proposal = strategy.propose(plan, progress)
            if isinstance(proposal, Climb):
                assert progress.step < proposal.step < len(plan.steps), progress
                assert proposal.weights == weights_of(plan.steps[proposal.step]), progress

    def test_it_goes_on_only_after_a_step_was_held_and_filled(self, strategy: Strategy, plan: Plan) -> None:
        for progress, step, proposal in _proposals(strategy, plan):
            if isinstance(proposal, Climb | Finish):
                assert progress.step_age_s >= step.hold_s, progress
                control, treatment = progress.step_trials
                assert treatment >= step.floor, progress
                assert control >= step.floor or step.stage is not Stage.SPLIT, progress

    def test_nothing_gets_all_traffic_that_is_not_shown_to_deserve_it(
        self, strategy: Strategy, plan: Plan
    ) -> None:
        for progress, step, proposal in _proposals(strategy, plan):
            gives_all = isinstance(proposal, Finish) or (
                isinstance(proposal, Climb) and proposal.weights.control == 0
            )
            if gives_all and step.stage is Stage.PREVIEW:
                assert progress.not_worse, progress
            if gives_all and step.stage is Stage.SPLIT:
                assert progress.inside_margin_at_step, progress
                assert (progress.better is not None) if plan.needs_better else progress.not_worse, progress

    def test_it_promotes_the_treatment_that_is_better(self, strategy: Strategy, plan: Plan) -> None:
        for progress, step, proposal in _proposals(strategy, plan):
            if isinstance(proposal, Finish):
                assert proposal.settled is (step.stage is Stage.SETTLE), progress
                assert proposal.treatment_index < max(1, len(step.shares)), progress
                if plan.needs_better:
                    assert proposal.treatment_index == progress.better

    def test_it_gives_up_only_what_has_no_traffic_yet(self, strategy: Strategy, plan: Plan) -> None:
        for progress, step, proposal in _proposals(strategy, plan):
            if isinstance(proposal, Abandon):
                assert step.stage is Stage.PREVIEW, progress

    def test_a_good_release_comes_to_its_end(self, strategy: Strategy, plan: Plan) -> None:
        step = -1
        for _ in range(len(plan.steps)):
            proposal = strategy.propose(plan, best_case(plan, step))
            if isinstance(proposal, Finish):
                break
            assert isinstance(proposal, Climb), proposal
            step = proposal.step
        assert isinstance(strategy.propose(plan, best_case(plan, step)), Finish)


def _proposals(strategy: Strategy, plan: Plan) -> Iterator[tuple[Progress, Step, Proposal]]:
    """What is proposed in every situation of a run that has begun, with the step it stands at."""
    for progress in situations(plan):
        if progress.step >= 0:
            yield progress, plan.steps[progress.step], strategy.propose(plan, progress)
