"""The status of an object: made from the run alone, bounded, with times that mean something."""

from typing import Any

from engine.controller import status as statuses
from engine.controller.crd import MOST_HISTORY
from engine.controller.past import Past
from engine.core.events import Commanded, Event, Verb
from engine.core.plan import Plan, Step
from tests.builders import a_run, a_verdict, an_experiment
from tests.contracts.store_samples import ADA, decided

NOW_S = 1_800_000_000.0


def refused(problem: str = "the proxy is down", **more: Any) -> dict[str, Any]:
    return statuses.refused(problem, 3, **more)


def an_event(seq: int, payload: Any, reason: str = "why") -> Event:
    return Event(
        run_id="r1", seq=seq, at_s=NOW_S, actor=ADA, source="x", reason=reason, rule=None, payload=payload
    )


def test_a_condition_keeps_the_time_of_its_latest_change() -> None:
    first = statuses.settled(refused(), {}, NOW_S)
    same = statuses.settled(refused("another reason"), first, NOW_S + 100)
    assert same["conditions"][0]["lastTransitionTime"] == first["conditions"][0]["lastTransitionTime"]
    assert same["conditions"][0]["message"] == "another reason"


def test_a_condition_that_changed_has_the_time_of_now() -> None:
    first = statuses.settled(refused(), {}, NOW_S)
    changed = {**refused(), "conditions": [{**refused()["conditions"][0], "status": "True"}]}
    later = statuses.settled(changed, first, NOW_S + 100)
    assert later["conditions"][0]["lastTransitionTime"] == statuses.timestamp(NOW_S + 100)


def test_a_step_says_whether_it_is_the_canary_or_the_test() -> None:
    steps = tuple(Step(weight_pct=pct, hold_s=60, floor=1, shares=(pct,)) for pct in (5, 50))
    experiment = an_experiment(plan=Plan(strategy="ab", steps=steps, canary_steps=1))
    told = [statuses.of_run(experiment, a_run(step=step), a_verdict(), (), 1)["step"] for step in (-1, 0, 1)]
    assert told == ["0/2 canary", "1/2 canary", "2/2 test"]


def test_texts_have_an_end() -> None:
    made = refused("x" * 5000)
    assert len(made["reason"]) == len(made["conditions"][0]["message"]) == 1024
    assert made["reason"].endswith("…")


def test_a_lost_run_stays_named() -> None:
    assert "run" not in refused()
    assert refused(run_id="r1")["run"] == "r1"


def test_the_history_holds_the_latest_decisions_only() -> None:
    past = Past()
    past.read([an_event(seq, decided(), f"reason {seq}") for seq in range(1, 31)])
    assert len(past.entries) == MOST_HISTORY
    assert past.seq == 30


def test_who_begins_with_a_long_log_tells_its_latest_news_only() -> None:
    past = Past()
    past.read([an_event(seq, decided(), f"reason {seq}") for seq in range(1, 4)])
    assert [message for _, message in past.news] == ["reason 3"]
    past.read([an_event(seq, decided(), f"reason {seq}") for seq in range(4, 6)])
    assert [message for _, message in past.news] == ["reason 3", "reason 4", "reason 5"]


def test_a_refused_command_is_news_and_one_that_took_effect_is_not() -> None:
    past = Past()
    done = Commanded(command_id=7, verb=Verb.PAUSE, step=None)
    past.read([an_event(1, done)])
    assert (past.answered, past.command["refused"], past.news) == (7, "", [])
    past.read([an_event(2, Commanded(command_id=8, verb=Verb.PROMOTE, step=None, refused="not now"))])
    assert (past.answered, past.command["actor"]) == (8, str(ADA))
    assert past.news == [("CommandRefused", "promote: not now")]
