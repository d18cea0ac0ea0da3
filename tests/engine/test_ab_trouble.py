"""What goes wrong around an A/B test: stores, leases, targets and strategies."""

import pytest

from engine.core.decision import BlockerKind, Rule
from engine.core.events import Verb
from engine.core.run import Phase
from engine.core.target import ALL_TO_CONTROL, Health, Weights
from engine.errors import LeaseLost, StoreError
from engine.runner import LEASE_S, tick
from tests.engine.releases import ab, ask, launched, until
from tests.engine.world import RUN_ID


def test_a_database_that_cannot_be_written_keeps_no_harmful_treatment_on_the_street(monkeypatch):
    world = launched(ab(), (0.10, 0.30, 0.10))
    until(world, 0)
    lease = world.store.acquire(RUN_ID, "a", world.clock.now_s(), LEASE_S)
    with monkeypatch.context() as broken:
        broken.setattr(world.store, "append", _full)
        broken.setattr(world.store, "acquire", _full)
        for _ in range(40):
            world.pass_time(10)
            with pytest.raises(StoreError):
                tick(world.parts(), lease)
            if world.target.weights != Weights.of(25, 25):
                break
    assert world.target.weights == Weights.of(0, 25)
    run = world.tick().run
    assert (run.weights, run.last_rule) == (Weights.of(0, 25), Rule.ARM_HARMFUL)


def _full(*_args, **_named):
    raise StoreError("disk full")


def test_an_engine_that_promoted_late_gives_way_whichever_treatment_it_was(monkeypatch):
    world = launched(ab(), (0.05, 0.05, 0.05))
    until(world, 0)
    ask(world, Verb.PROMOTE, "v3")
    publish = world.target.apply

    def asleep(weights, _found):
        monkeypatch.setattr(world.target, "apply", publish)
        world.clock.at_s += 40
        ask(world, Verb.STOP)
        assert world.tick(owner="b").run.phase is Phase.STOPPED
        return publish(weights)

    monkeypatch.setattr(world.target, "apply", asleep)
    with pytest.raises(LeaseLost):
        world.tick()
    assert world.target.weights == ALL_TO_CONTROL


@pytest.mark.parametrize("since_s", [float("nan"), float("inf")])
def test_another_treatment_that_says_what_cannot_be_is_not_believed(since_s):
    world = launched(ab(), (0.05, 0.05, 0.05))
    world.target.more_health = [Health(ready=True, ready_since_s=since_s)]
    assert world.tick().run.blockers[0].kind is BlockerKind.TARGET_GONE


def test_texts_of_further_treatments_are_cleaned_too():
    world = launched(ab(), (0.05, 0.05, 0.05))
    world.target.more_health = [Health(ready=False, ready_since_s=None, detail="down\x1b[2J")]
    assert "down\\x1b[2J" in world.tick().run.reason


class Raising:
    def propose(self, *_):
        raise ValueError("secret")


class Senseless:
    def propose(self, *_):
        return "promote"


@pytest.mark.parametrize("strategy", [Raising(), Senseless()])
def test_a_broken_strategy_gives_nothing_and_hides_no_harm(strategy):
    world = launched(ab(), (0.05, 0.3, 0.3))
    until(world, 0)
    for _ in range(60):
        world.pass_time(10)
        run = world.tick(strategy=strategy).run
        assert "secret" not in run.reason
        if run.phase.ended:
            break
    assert (run.ended_by, world.target.weights) == (Rule.HARM, ALL_TO_CONTROL)
