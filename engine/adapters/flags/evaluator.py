"""flagd's evaluator of this installation: what flags say, and how it deals out units."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import OpenFeatureError
from openfeature.flag_evaluation import FlagResolutionDetails

from engine.core.target import ALL_TO_CONTROL, Weights
from engine.errors import Unreachable
from engine.flags import scheme
from engine.flags.document import is_last, winner_of
from engine.flags.plan import FlagPlan, Part
from engine.flags.scheme import Scheme

PACKAGE = "openfeature-flagd-core"
_CODE_DEFAULT = ""
_WHOLE = 100
SAMPLED = 1000
"""Units that are evaluated where a share cannot be read from the flags."""
CONFIRMED = 20
"""Units that are evaluated after every write."""


class Evaluator:
    """These flags, evaluated. ValueError or an OpenFeatureError when they are no flags."""

    def __init__(self, flags: Mapping[str, Any]) -> None:
        self._core = FlagdCore()
        # The evaluator changes what it is given, so that it gets a text.
        self._core.set_flags(json.dumps({"flags": flags}))

    def string(self, key: str, unit: str | None) -> FlagResolutionDetails[str]:
        """A string flag's answer for a unit; the empty string where the flag leaves it to the application."""
        return self._core.resolve_string_value(key, _CODE_DEFAULT, EvaluationContext(targeting_key=unit))

    def boolean(self, key: str, unit: str | None) -> FlagResolutionDetails[bool]:
        """A boolean flag's answer for a unit."""
        return self._core.resolve_boolean_value(key, False, EvaluationContext(targeting_key=unit))


def fingerprint() -> Scheme:
    """The evaluator of this installation, and how it deals out units."""
    evaluator = Evaluator(scheme.document()["flags"])
    made = scheme.hashing(lambda unit: evaluator.string(scheme.FLAG, unit).value)
    return Scheme(package=PACKAGE, version=version(PACKAGE), hashing=made)


def contradiction(flags: Mapping[str, Any], plan: FlagPlan, weights: Weights) -> str:
    """What flags do other than they should at these weights, by evaluating them; empty when all is well.

    Testers have their variants, nothing without a targeting key is exposed, and the flags agree.
    """
    try:
        evaluator = Evaluator(flags)
        if is_last(flags, plan):
            return _not_everybodys(evaluator, plan, winner_of(plan, weights))
        return _contradiction(evaluator, plan, weights)
    except (OpenFeatureError, ValueError) as error:
        return f"the flags cannot be evaluated: {type(error).__name__}: {error}"


def _not_everybodys(evaluator: Evaluator, plan: FlagPlan, winner: str) -> str:
    key = plan.key(Part.VARIANT)
    testers = (unit for units in plan.testers.values() for unit in units)
    for unit in (None, *testers, *_some_units()):
        if (got := evaluator.string(key, unit).value) != winner:
            return f"{key} gives {got!r} to {unit or 'what has no targeting key'}, and not {winner}"
    return ""


def _some_units() -> Iterator[str]:
    return (f"unit-{number}" for number in range(CONFIRMED))


def _contradiction(evaluator: Evaluator, plan: FlagPlan, weights: Weights) -> str:
    key, exposed = plan.key(Part.VARIANT), plan.key(Part.EXPOSURE)
    if weights.given < _WHOLE:
        if evaluator.string(key, None).value != plan.control:
            return f"{key} gives a treatment to what has no targeting key"
        for variant, units in plan.testers.items():
            missed = [unit for unit in units if evaluator.string(key, unit).value != variant]
            if missed:
                return f"{key} does not give {variant} to its tester {missed[0]}"
    for unit in _some_units():
        got = evaluator.string(key, unit).value
        if got not in plan.variants:
            return f"{key} gives {got!r}"
        if got != plan.control and not evaluator.boolean(exposed, unit).value and not _tests(plan, unit):
            return f"{key} gives {got} to {unit}, which {exposed} does not expose"
    return ""


def _tests(plan: FlagPlan, unit: str) -> bool:
    return any(unit in units for units in plan.testers.values())


def sampled(flags: Mapping[str, Any], plan: FlagPlan) -> Weights:
    """About what share of units control lacks, of flags that somebody else wrote.

    The application's own default is control.

    Raises:
        Unreachable: they cannot be evaluated.
    """
    key = plan.key(Part.VARIANT)
    if key not in flags:
        return ALL_TO_CONTROL
    try:
        evaluator = Evaluator(flags)
        answers = [evaluator.string(key, f"unit-{number}").value for number in range(SAMPLED)]
    except (OpenFeatureError, ValueError) as error:
        msg = f"{key} cannot be evaluated: {type(error).__name__}: {error}"
        raise Unreachable(msg) from error
    lacking = sum(answer not in {plan.control, _CODE_DEFAULT} for answer in answers)
    if lacking in {0, SAMPLED}:
        return Weights.of(_WHOLE if lacking else 0)
    return Weights.of(min(_WHOLE - 1, max(1, round(_WHOLE * lacking / SAMPLED))))
