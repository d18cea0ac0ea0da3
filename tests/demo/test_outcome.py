"""Outcomes are read from the event log: each word that praises a release needs what shows it."""

from typing import Any

from engine.core.decision import Blocker, BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import ENGINE, Applied, Decided, Event, Observed, Payload
from engine.core.measure import Missing, MissingReason, Observation, Reading, Trials, TrialsReading, Window
from engine.core.run import Phase, Run
from engine.core.target import ALL_TO_CONTROL, ALL_TO_TREATMENT, Weights
from engine.demo.mail import Mail
from engine.demo.outcome import Result, Users, result_of
from engine.demo.receiver import Received
from engine.demo.scenarios import SCENARIOS
from tests.builders import NOW_S, a_run

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
IDLE = Missing(reason=MissingReason.NO_TRAFFIC, detail="no trials in treatment")


def log(*payloads: Payload) -> list[Event]:
    return [
        Event(
            run_id="r", seq=seq, at_s=NOW_S + seq, actor=ENGINE, source="engine", reason="", rule=None,
            payload=payload,
        )
        for seq, payload in enumerate(payloads, start=1)
    ]  # fmt: skip


def served(control: int, treatment: int, bad: int = 0) -> TrialsReading:
    return TrialsReading(
        control=Trials(bad=0, total=control), treatment=Trials(bad=bad, total=treatment)
    )  # fmt: skip


def observed(**readings: Reading) -> Observed:
    named = {name.replace("_at_", "@"): reading for name, reading in readings.items()}
    window = Window(index=0, start_s=NOW_S, end_s=NOW_S + 1)
    return Observed(observations=(Observation(window=window, readings=named),))


def applied(weights: Weights) -> Applied:
    return Applied(act_number=1, ok=True, weights=weights, detail="")


def held(*kinds: BlockerKind) -> Decided:
    blockers = tuple(Blocker(kind=kind, detail="", since_s=NOW_S) for kind in kinds)
    return Decided(
        decision=Decision(kind=DecisionKind.HOLD, rule=Rule.BLOCKED, reason="", blockers=blockers)
    )  # fmt: skip


def ended(phase: Phase, weights: Weights = ALL_TO_CONTROL, **changes: Any) -> Run:
    return a_run(phase=phase, weights=weights, ended_s=NOW_S, **changes)


def result(name: str, run: Run, events: list[Event], kind: str = "rollback") -> Result:
    notice = Received(id="r/9", experiment=name, kind=kind, body=b"")
    mail = Mail(received=[notice] if kind else [], unsigned=0)
    return result_of(BY_NAME[name], run, events, run.weights, mail)


def test_a_preview_that_was_rolled_back_served_nobody():
    events = log(applied(ALL_TO_CONTROL), observed(http_errors=IDLE, http_errors_at_settle=served(70, 0)))
    assert result("preview", ended(Phase.ROLLED_BACK), events).as_expected


def test_one_request_is_somebody():
    events = log(observed(http_errors_at_settle=served(70, 1)))
    found = result("preview", ended(Phase.ROLLED_BACK), events)
    assert found.outcome == "rolled back"
    assert not found.as_expected


def test_traffic_given_is_somebody_even_where_nothing_was_counted():
    events = log(observed(http_errors_at_settle=served(70, 0)), applied(Weights.of(50)))
    assert result("preview", ended(Phase.ROLLED_BACK), events).outcome == "rolled back"


def test_nothing_counted_at_all_does_not_show_that_nobody_was_served():
    events = log(observed(http_errors=IDLE, http_errors_at_settle=IDLE))
    assert result("preview", ended(Phase.ROLLED_BACK), events).outcome == "rolled back"


def test_only_the_rule_that_settles_makes_a_settled_promotion():
    events = log(observed(http_errors=IDLE, http_errors_at_settle=served(0, 70, bad=2)))
    settled = ended(Phase.PROMOTED, ALL_TO_TREATMENT, ended_by=Rule.SETTLED)
    found = result("switch", settled, events, "promoted")
    assert found.as_expected
    assert (found.treatment_requests, found.treatment_bad) == (70, 2)
    by_person = ended(Phase.PROMOTED, ALL_TO_TREATMENT, ended_by=Rule.PROMOTED)
    assert result("switch", by_person, events, "promoted").outcome == "promoted"


def test_a_split_that_was_distrusted_until_the_end_is_said_to_be():
    events = log(held(), held(BlockerKind.UNTRUSTWORTHY), held(BlockerKind.UNTRUSTWORTHY))
    assert result("split", ended(Phase.EXPIRED), events).as_expected


def test_a_split_that_was_trusted_in_the_end_is_not():
    events = log(held(BlockerKind.UNTRUSTWORTHY), held())
    assert result("split", ended(Phase.EXPIRED), events).outcome == "expired"


def test_a_split_that_was_promoted_is_never_as_expected():
    events = log(held(BlockerKind.UNTRUSTWORTHY), held(BlockerKind.UNTRUSTWORTHY))
    assert not result("split", ended(Phase.PROMOTED, ALL_TO_TREATMENT), events, "promoted").as_expected


def test_an_end_that_nobody_was_told_is_not_as_expected():
    events = log(observed(http_errors_at_settle=served(70, 0)))
    found = result("preview", ended(Phase.ROLLED_BACK), events, kind="")
    assert found.outcome == found.expected
    assert not found.as_expected


def users_said(
    answer: str,
    *shown: str,
    phase: Phase = Phase.PROMOTED,
    split: Weights | None = None,
    given: tuple[int, ...] = (10, 50, 100),
) -> str:
    run = ended(phase, ALL_TO_TREATMENT if phase is Phase.PROMOTED else ALL_TO_CONTROL)
    users = Users(answer=answer, shown=frozenset(shown))
    mail = Mail(received=[Received(id="r/9", experiment="checkout", kind="promoted", body=b"")], unsigned=0)
    acts = (applied(Weights.of(pct)) for pct in given)
    events = log(*acts, observed(declined_payments=served(70, 50, bad=2)))
    found = result_of(BY_NAME["checkout"], run, events, split or run.weights, mail, users)
    assert (found.treatment_requests, found.treatment_bad) == (50, 2)
    assert found.as_expected == (found.outcome == "canary, ship, promoted to everybody")
    return found.outcome


def test_what_users_decided_is_as_expected_only_when_everybody_is_shown_it():
    assert users_said("ship", "short") == "canary, ship, promoted to everybody"
    assert users_said("ship", "short", "classic") == "canary, ship, promoted, shown: classic and short"
    assert users_said("ship", "classic", phase=Phase.EXPIRED) == "canary, ship, expired, shown: classic"
    assert users_said("ship", "short", split=Weights.of(50)) == "promoted, but 50/50 is in force"


def test_a_release_that_was_promoted_without_its_users_is_not_as_expected():
    assert users_said("", "short") == "canary, no answer, promoted to everybody"
    assert users_said("do not trust", "short") == "canary, do not trust, promoted to everybody"


def test_a_test_that_began_without_its_canary_is_not_as_expected():
    assert users_said("ship", "short", given=(50, 100)) == "no canary, ship, promoted to everybody"
    assert users_said("ship", "short", given=()) == "no canary, ship, promoted to everybody"
