"""Decides a stored run again from what its log recorded, and says where the log says something else.

Inputs are the readings, people's commands, what was in the way (the blockers of each decision) and the flag's
closing; evidence, verdict, proposal and decision are made anew. It writes nothing and asks nobody outside.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from analysis import evaluate
from engine import foreign, plugins
from engine.codec import to_plain
from engine.core.decide import decide_despite
from engine.core.decision import Decision, Rule
from engine.core.events import Command, Commanded, Decided, Event, Intended, Launched, Observed, Verb
from engine.core.evolve import evolve, launch
from engine.core.facts import Facts
from engine.core.gate import GateState, GateStatus
from engine.core.model import Experiment
from engine.core.run import Run
from engine.core.standing import Standing, standing_of
from engine.core.target import Health, TargetState
from engine.errors import CorruptRecord
from engine.orders import gravest
from engine.ports import Store, Strategy
from engine.progress import progress_of
from engine.wiring import load_experiment

_PAGE_EVENTS = 100
_ORDERS = frozenset({Verb.STOP, Verb.ROLLBACK, Verb.PROMOTE})
_WELL = Health(ready=True, ready_since_s=None)
"""Who was ill is in the blockers; no rule looks at health itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """What one event says, and what the same inputs say now, both as JSON.

    `what` is `evidence` for readings and `decision` for decisions.
    """

    seq: int
    at_s: float
    what: str
    recorded: str
    again: str

    @property
    def differs(self) -> bool:
        """Whether a single byte does."""
        return self.recorded != self.again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """A decision whose tick may have recorded more of what it was made of.

    Attributes:
        run, evidence: as they were when it was made.
        later: people's commands and intended acts that the same tick recorded after it.
    """

    event: Event
    decision: Decision
    run: Run
    evidence: evaluate.Evidence
    later: list[Event] = field(default_factory=list)


def made_again(store: Store, run_id: str) -> Iterator[Again]:
    """Every reading's evidence and every decision of a run, recorded and made anew, in order.

    Raises:
        UsageError: there is no such run. CorruptRecord: it, or its experiment, cannot be read.
    """
    stored = store.load(run_id)
    experiment = load_experiment(stored)
    strategy = cast("Strategy", plugins.load(plugins.STRATEGIES, experiment.plan.strategy)())
    run: Run | None = None
    evidence, held = evaluate.start(experiment), cast("_Open | None", None)
    for event in _events(store, stored.snapshot.run):
        if held is not None and not _belongs_to(held, event):
            yield _decided_again(experiment, strategy, held)
            held = None
        match event.payload:
            case Launched():
                run = launch(run_id, event, event.payload)
                continue
            case Observed(observations=observations, standing=standing):
                evidence = evaluate.update(experiment, evidence, observations)
                if standing is not None:
                    yield _evidence_again(experiment, event, standing, evidence)
            case Decided(decision=decision):
                held = _Open(event=event, decision=decision, run=_begun(run, event), evidence=evidence)
            case _:
                if held is not None:
                    held.later.append(event)
        run = evolve(_begun(run, event), event)
    if held is not None:
        yield _decided_again(experiment, strategy, held)


def _events(store: Store, run: Run) -> Iterator[Event]:
    """The log up to this state, page by page."""
    seen = 0
    while seen < run.seq:
        page = store.events(run.id, seen, min(_PAGE_EVENTS, run.seq - seen))
        yield from page
        seen += len(page)


def _begun(run: Run | None, event: Event) -> Run:
    if run is None:
        msg = f"the first event of {event.run_id} is not its launch"
        raise CorruptRecord(msg)
    return run


def _belongs_to(held: _Open, event: Event) -> bool:
    """Whether the tick of a decision recorded this too."""
    return event.at_s == held.event.at_s and isinstance(event.payload, Commanded | Intended)


def _evidence_again(
    experiment: Experiment, event: Event, recorded: Standing, evidence: evaluate.Evidence
) -> Again:
    again = standing_of(evaluate.verdict(experiment, evidence))
    return _again(event, "evidence", _json(Standing, recorded), _json(Standing, again))


def _decided_again(experiment: Experiment, strategy: Strategy, held: _Open) -> Again:
    facts = _facts(experiment, strategy, held)
    again = decide_despite(held.decision.blockers, experiment, held.run, facts)
    return _again(held.event, "decision", _json(Decision, held.decision), _json(Decision, again))


def _again(event: Event, what: str, recorded: str, again: str) -> Again:
    return Again(seq=event.seq, at_s=event.at_s, what=what, recorded=recorded, again=again)


def _facts(experiment: Experiment, strategy: Strategy, held: _Open) -> Facts:
    now_s, verdict = held.event.at_s, evaluate.verdict(experiment, held.evidence)
    progress = progress_of(experiment, held.run, verdict, now_s)
    return Facts(
        now_s=now_s,
        gate=_gate(experiment, held.decision),
        target=_target(held),
        verdict=verdict,
        trouble=None,
        proposal=foreign.propose(strategy, experiment.plan, progress),
        order=gravest(list(_orders(experiment, held))),
    )


def _gate(experiment: Experiment, recorded: Decision) -> GateState:
    """The flag's answer is recorded only by what it led to."""
    closed = recorded.rule is Rule.GATE_CLOSED
    return GateState(
        status=GateStatus.CLOSED if closed else GateStatus.OPEN,
        flag=experiment.gate.flag,
        provider=experiment.gate.provider,
        reason="as recorded",
    )


def _target(held: _Open) -> TargetState:
    """Weights as the tick found them, where it went on to move them."""
    acts = [event.payload.act for event in held.later if isinstance(event.payload, Intended)]
    found = next((act.found for act in acts if act.found is not None), held.run.weights)
    return TargetState(
        weights=found, control=_WELL, treatment=_WELL, version="", more=(_WELL,) * len(found.more)
    )


def _orders(experiment: Experiment, held: _Open) -> Iterator[Command]:
    """People's orders that the tick answered. Which treatment was meant, the decision tells."""
    weights = held.decision.weights
    promoted = weights.treatments.index(100) if weights and 100 in weights.treatments else 0
    for event in held.later:
        if isinstance(event.payload, Commanded) and event.payload.verb in _ORDERS:
            yield Command(
                id=event.payload.command_id,
                run_id=event.run_id,
                verb=event.payload.verb,
                actor=event.actor,
                reason=event.reason,
                source=event.source,
                at_s=event.at_s,
                treatment=experiment.treatments[promoted] if event.payload.verb is Verb.PROMOTE else "",
            )


def _json(kind: type[Any], value: object) -> str:
    return json.dumps(to_plain(kind, value), ensure_ascii=False, sort_keys=True)
