"""What somebody is told about a run: pure values made from its events. Sends nothing, and knows no sink."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core import wording
from engine.core.decision import BlockerKind, Decision, DecisionKind, Rule
from engine.core.events import Actor, Applied, Commanded, Decided, Event, Launched, Verb
from engine.core.evolve import evolve, launch
from engine.core.model import Experiment, Mode, NoticeKind
from engine.core.news import OVERDUE, topic_of, unheard
from engine.core.run import Act, Phase, Run
from engine.core.taking import DROPS
from engine.core.target import Weights

SCHEMA = "rampwise.dev/notice/v1"
"""What the plain form of a notice says it is."""

_OF_ACT = {
    DecisionKind.ROLLBACK: NoticeKind.ROLLBACK,
    DecisionKind.STOP: NoticeKind.STOPPED,
    DecisionKind.PROMOTE: NoticeKind.PROMOTED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One thing worth telling, in words and in numbers.

    Attributes:
        seq: of the event that caused it. at_s: when that was (epoch seconds).
        title: a few words. sentence: one line with the reason and its numbers.
        weights: what the run has brought about by then (would have, in observe mode).
        actor: `engine`, or the person behind it.
    """

    run_id: str
    experiment: str
    kind: NoticeKind
    seq: int
    at_s: float
    title: str
    sentence: str
    rule: Rule | None
    weights: Weights
    phase: Phase
    mode: Mode
    target_key: str
    control: str
    treatments: tuple[str, ...]
    actor: str

    @property
    def id(self) -> str:
        """The same for every attempt and every engine, so that a receiver can tell a repetition."""
        return f"{self.run_id}/{self.seq}/{self.kind.value}"


def to_plain(notice: Notice) -> dict[str, Any]:
    """The notice as receivers and `-o json` see it: plain JSON values, weights by variant."""
    return {
        "schema": SCHEMA,
        "id": notice.id,
        "run": notice.run_id,
        "experiment": notice.experiment,
        "kind": notice.kind.value,
        "seq": notice.seq,
        "at_s": notice.at_s,
        "title": notice.title,
        "sentence": notice.sentence,
        "rule": None if notice.rule is None else notice.rule.value,
        "weights_pct": dict(weights_by_variant(notice)),
        "phase": notice.phase.value,
        "mode": notice.mode.value,
        "target": notice.target_key,
        "control": notice.control,
        "treatments": list(notice.treatments),
        "actor": notice.actor,
    }


def weights_by_variant(notice: Notice) -> Mapping[str, int]:
    """Whole percent of every variant, control first."""
    treated = {name: notice.weights.share(index) for index, name in enumerate(notice.treatments)}
    return {notice.control: notice.weights.control, **treated}


def notices(experiment: Experiment, before: Run | None, events: Sequence[Event]) -> tuple[Notice, ...]:
    """What these events give reason to tell; `before` is the run they follow, None for a launch.

    Acts are told with their result, trouble when it begins (see `engine.core.news`).
    """
    told: list[Notice] = []
    run = before
    for event in events:
        if run is None:
            if not isinstance(event.payload, Launched):
                msg = f"event {event.seq} of {event.run_id} does not launch it"
                raise ValueError(msg)
            run = launch(event.run_id, event, event.payload)
            told.append(_launched(experiment, run, event))
        else:
            after = evolve(run, event)
            told += _told(experiment, run, after, event)
            run = after
    return tuple(told)


def _told(experiment: Experiment, before: Run, after: Run, event: Event) -> Iterator[Notice]:
    match event.payload:
        case Decided(decision=decision):
            yield from _of_decision(experiment, before, after, event, decision)
        case Applied() as result if before.pending is not None:
            yield from _of_result(experiment, before, after, event, before.pending, result)
        case Commanded(verb=Verb.PAUSE, refused=""):
            title, sentence = wording.notice_paused(experiment, after, event.actor, event.reason)
            yield _notice(experiment, after, event, NoticeKind.BLOCKED, title, sentence, actor=event.actor)


def _launched(experiment: Experiment, run: Run, event: Event) -> Notice:
    title, sentence = wording.notice_launched(experiment, run, event.actor)
    return _notice(experiment, run, event, NoticeKind.LAUNCHED, title, sentence, actor=event.actor)


def _of_decision(
    experiment: Experiment, before: Run, after: Run, event: Event, decision: Decision
) -> Iterator[Notice]:
    new = unheard(before, event)
    news = [blocker for blocker in decision.blockers if topic_of(before, blocker) in new]
    approvals = [each.detail for each in news if each.kind is BlockerKind.AWAITING_APPROVAL]
    if decision.rule in OVERDUE and decision.rule.value in new:
        approvals.append(wording.for_a_person(after, decision.reason))
    if approvals:
        title, sentence = wording.notice_needs_approval(experiment, approvals)
        yield _notice(experiment, after, event, NoticeKind.NEEDS_APPROVAL, title, sentence)
    troubles = [each.detail for each in news if each.kind is not BlockerKind.AWAITING_APPROVAL]
    if troubles:
        title, sentence = wording.notice_blocked(experiment, after, troubles)
        yield _notice(experiment, after, event, NoticeKind.BLOCKED, title, sentence)


def _of_result(
    experiment: Experiment, before: Run, after: Run, event: Event, act: Act, result: Applied
) -> Iterator[Notice]:
    kind = _kind_of(act)
    if result.ok and kind is not None:
        title, sentence = wording.notice_done(experiment, before, act)
        yield _notice(experiment, after, event, kind, title, sentence, actor=before.last_actor)
    if not result.ok and unheard(before, event):
        title, sentence = wording.notice_not_done(experiment, act, before.pending_reason, result.detail)
        yield _notice(experiment, after, event, _kind_undone(kind), title, sentence, actor=before.last_actor)


def _kind_of(act: Act) -> NoticeKind | None:
    """What a done act is told as; a step of the ramp is no news."""
    if act.kind is DecisionKind.SHIFT and act.rule in DROPS:
        return NoticeKind.ROLLBACK
    return _OF_ACT.get(act.kind)


def _kind_undone(kind: NoticeKind | None) -> NoticeKind:
    """What an act without success is told as: one that gives traffic is only blocked."""
    if kind is NoticeKind.ROLLBACK or kind is NoticeKind.STOPPED:
        return kind
    return NoticeKind.BLOCKED


def _notice(
    experiment: Experiment,
    run: Run,
    event: Event,
    kind: NoticeKind,
    title: str,
    sentence: str,
    *,
    actor: Actor | str = "engine",
) -> Notice:
    return Notice(
        run_id=run.id,
        experiment=experiment.name,
        kind=kind,
        seq=event.seq,
        at_s=event.at_s,
        title=title,
        sentence=sentence,
        rule=event.rule,
        weights=run.weights,
        phase=run.phase,
        mode=run.mode,
        target_key=run.target_key,
        control=experiment.control,
        treatments=experiment.treatments,
        actor=str(actor),
    )
