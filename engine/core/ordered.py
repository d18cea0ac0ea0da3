"""A person's promotion: which treatment it means, and what forbids even that. Pure."""

from engine.core import wording
from engine.core.arms import live_arms
from engine.core.decision import Blocker, BlockerKind, Rule
from engine.core.events import CONCLUDED, Command, Verb
from engine.core.model import Experiment
from engine.core.run import Phase, Run

_NOT_EVEN_BY_A_PERSON = frozenset(
    {
        BlockerKind.GATE_UNKNOWN,
        BlockerKind.FREEZE,
        BlockerKind.FOREIGN_WRITER,
        BlockerKind.TARGET_GONE,
        BlockerKind.TREATMENT_NOT_READY,
    }
)
"""A person may promote past everything but these: they make the act itself unsafe."""


def promoted_arm(
    experiment: Experiment, run: Run, order: Command | None, blockers: tuple[Blocker, ...]
) -> int | None:
    """Index of the treatment that a person promotes now; None when nobody does, or nobody can."""
    if order is None or order.verb is not Verb.PROMOTE or order.source == CONCLUDED:
        return None
    return None if refusal(experiment, run, order, blockers) else chosen(experiment, run, order)


def refusal(experiment: Experiment, run: Run, order: Command, blockers: tuple[Blocker, ...]) -> str:
    """Why even a person cannot promote now, with what to type instead; empty when a person can."""
    promoted = chosen(experiment, run, order)
    if promoted is None:
        live = tuple(experiment.treatments[index] for index in live_arms(experiment, run))
        return wording.which_treatment(run, order, live)
    return "; ".join(blocker.detail for blocker in _unsafe(blockers, promoted))


def goes_on_regardless(run: Run, blockers: tuple[Blocker, ...]) -> bool:
    """A person's promotion that has no result yet goes on, unless it was paused or became unsafe."""
    act = run.pending
    if act is None or act.rule is not Rule.PROMOTED or run.phase is Phase.PAUSED:
        return False
    return not _unsafe(blockers, act.weights.treatments.index(100))


def chosen(experiment: Experiment, run: Run, order: Command) -> int | None:
    """The treatment an order means, of those that take part; None when it leaves that open."""
    live = live_arms(experiment, run)
    if order.treatment:
        live = tuple(index for index in live if experiment.treatments[index] == order.treatment)
    return live[0] if len(live) == 1 else None


def _unsafe(blockers: tuple[Blocker, ...], promoted: int) -> tuple[Blocker, ...]:
    """What forbids the act itself; that another treatment is not ready does not."""
    return tuple(
        blocker
        for blocker in blockers
        if blocker.kind in _NOT_EVEN_BY_A_PERSON
        and (blocker.kind is not BlockerKind.TREATMENT_NOT_READY or blocker.treatment_index == promoted)
    )
