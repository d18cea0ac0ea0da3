"""Calls into plugins. What they raise becomes trouble of theirs, and never ends a tick.

Texts of theirs are kept and shown, so control characters in them are written out here, at the border.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from engine.core.gate import GateState, GateStatus
from engine.core.measure import Missing, MissingReason, Window
from engine.core.model import Metric
from engine.core.plan import Plan
from engine.core.printable import printable
from engine.core.proposal import Progress, Proposal, Wait
from engine.core.target import Health, TargetGone, TargetState, Weights
from engine.ports import Batch, Gate, Json, MetricSource, Strategy, Target, Tidy


def ask(gate: Gate, flag: str) -> GateState:
    """The gate's answer; `unknown` when asking fails."""
    try:
        state = gate.read()
        return replace(state, reason=printable(state.reason))
    except Exception as error:  # noqa: BLE001 (see the module's docstring)
        return GateState(status=GateStatus.UNKNOWN, flag=flag, provider="?", reason=_broken("gate", error))


def look(target: Target) -> TargetState | TargetGone:
    """What the target routes; gone when looking fails, or when it says what cannot be."""
    try:
        state = target.observe()
    except Exception as error:  # noqa: BLE001
        return TargetGone(detail=_broken("target", error))
    if isinstance(state, TargetState) and not all(map(_is_possible, (state.control, *state.treatments))):
        return TargetGone(detail="the target plugin says since when a version is ready, but that is no time")
    return _clean(state)


def apply(target: Target, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
    """What the target routes after the act; gone when acting fails, or when it is not as found any more."""
    try:
        return _clean(target.apply(weights, found))
    except Exception as error:  # noqa: BLE001
        return TargetGone(detail=_broken("target", error))


def finish(target: Target, weights: Weights, found: str | None = None) -> TargetState | TargetGone:
    """The same for an act that ends the run, after which nothing is left that only a run needs."""
    if not isinstance(target, Tidy):
        return apply(target, weights, found)
    try:
        return _clean(target.finish(weights, found))
    except Exception as error:  # noqa: BLE001
        return TargetGone(detail=_broken("target", error))


def read(source: MetricSource, metrics: Sequence[Metric], windows: Sequence[Window], cursor: Json) -> Batch:
    """Readings; trouble of the source when reading fails, so that the same windows are read again."""
    try:
        batch = source.read(metrics, windows, cursor)
        return replace(batch, trouble=batch.trouble and _legible(batch.trouble))
    except Exception as error:  # noqa: BLE001
        trouble = Missing(reason=MissingReason.SOURCE_ERROR, detail=_broken("source", error))
        return Batch(readings=(), cursor=cursor, queries=(), trouble=trouble)


def propose(strategy: Strategy, plan: Plan, progress: Progress) -> Proposal:
    """What the strategy would do; waiting when it fails, so that it can never hide a reason to roll back."""
    try:
        proposal = strategy.propose(plan, progress)
    except Exception as error:  # noqa: BLE001
        return Wait(reason=_broken("strategy", error))
    if not isinstance(proposal, Proposal):
        return Wait(reason="the strategy plugin proposes what is no proposal")
    return replace(proposal, reason=printable(proposal.reason))


def _clean(state: TargetState | TargetGone) -> TargetState | TargetGone:
    if isinstance(state, TargetGone):
        return TargetGone(detail=printable(state.detail))
    control, treatment, *more = map(_clean_health, (state.control, *state.treatments))
    return replace(
        state, control=control, treatment=treatment, more=tuple(more), ended=printable(state.ended)
    )


def _clean_health(health: Health) -> Health:
    return replace(health, detail=printable(health.detail))


def _legible(missing: Missing) -> Missing:
    return replace(missing, detail=printable(missing.detail))


def _is_possible(health: Health) -> bool:
    return health.ready_since_s is None or math.isfinite(health.ready_since_s)


def _broken(what: str, error: Exception) -> str:
    """Names the error's type only: its text may hold a secret."""
    return f"the {what} plugin failed with {type(error).__name__}"
