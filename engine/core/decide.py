"""The decision rules, first match wins: taking traffic away first and never blocked, giving it last.

Pure: the same run and facts always give the same decision. It acts on nothing.
"""

from engine.core import wording
from engine.core.blockers import find_blockers
from engine.core.concluded import concluded_arm
from engine.core.decision import Blocker, Decision, DecisionKind, Rule
from engine.core.facts import Facts
from engine.core.giving import giving
from engine.core.model import Experiment
from engine.core.ordered import promoted_arm
from engine.core.run import Run
from engine.core.taking import taking_away
from engine.core.target import Weights


def decide(experiment: Experiment, run: Run, facts: Facts) -> Decision:
    """What to do now, by the first rule that applies."""
    return decide_despite(find_blockers(experiment, run, facts), experiment, run, facts)


def decide_despite(blockers: tuple[Blocker, ...], experiment: Experiment, run: Run, facts: Facts) -> Decision:
    """The same with blockers that are known already, such as those of a recorded decision."""
    away = next(taking_away(experiment, run, facts, blockers), None)
    if away is not None:
        return away
    order = facts.order
    by_person = promoted_arm(experiment, run, order, blockers)
    chosen = concluded_arm(experiment, run, facts, blockers) if by_person is None else by_person
    if order is not None and chosen is not None:
        return Decision(
            kind=DecisionKind.PROMOTE,
            rule=Rule.CONCLUDED if by_person is None else Rule.PROMOTED,
            reason=wording.by_person(order),
            actor=str(order.actor),
            weights=Weights.all_to(chosen),
            blockers=blockers,
        )
    return giving(experiment, run, facts, blockers)
