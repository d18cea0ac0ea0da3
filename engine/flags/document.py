"""The flags of one experiment at given weights, as flagd flag definitions. Pure.

They use what every flagd evaluator has: `if` with three arguments, `fractional` over a string made by `cat`,
weights that are whole numbers, null where nothing is decided. Null is flagd's default variant with reason
DEFAULT, and that is no exposure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import Any

from engine.core.target import ALL_TO_CONTROL, Weights
from engine.errors import UsageError
from engine.flags.layout import Slot, slots
from engine.flags.plan import RUN, FlagPlan, Part

Flag = dict[str, Any]
"""One flag's definition, as flagd has it."""
_Rule = dict[str, Any] | str | None
_KEY: _Rule = {"var": ["targetingKey", ""]}
_UNEXPOSED = "unexposed"
_SCHEMA = "https://flagd.dev/schema/v0/flags.json"


def flags(plan: FlagPlan, weights: Weights, *, is_enabled: bool = True) -> dict[str, Flag]:
    """All flags by key. The same plan and weights always make the same flags.

    At 100 % for one treatment everybody has it, also who has no targeting key: it is released, and answers
    are no exposures any more.

    Raises:
        UsageError: the weights do not fit the plan (see `layout.slots`).
    """
    return {
        plan.key(Part.ENABLED): _switch(is_enabled=is_enabled),
        plan.key(Part.EXPOSURE): _exposure(plan, weights),
        plan.key(Part.ARM): _arm(plan),
        plan.key(Part.VARIANT): _variant(plan, weights),
    }


def last_flags(plan: FlagPlan, winner: str, *, is_enabled: bool = True) -> dict[str, Flag]:
    """What stays when a run has ended, by key: everybody has the winner, testers too.

    The application's flag must stay until no code asks for it, because the code's default is control. Its
    rule decides nothing: by that answers are no exposures.
    """
    return {
        plan.key(Part.ENABLED): _switch(is_enabled=is_enabled),
        plan.key(Part.VARIANT): _flag(_names(plan), winner, _keyed(None)),
    }


def document(plan: FlagPlan, weights: Weights, *, is_enabled: bool = True) -> dict[str, Any]:
    """A whole flagd document with these flags and no others."""
    return {"$schema": _SCHEMA, "flags": flags(plan, weights, is_enabled=is_enabled)}


def is_enabled(found: Mapping[str, Any], plan: FlagPlan) -> bool:
    """Whether the kill switch lets the experiment run; a switch that is not there yet does.

    >>> plan = FlagPlan(experiment="x", control="a", treatments=("b",), salt="x")
    >>> is_enabled(flags(plan, Weights.of(0), is_enabled=False), plan), is_enabled({}, plan)
    (False, True)
    """
    switch = found.get(plan.key(Part.ENABLED))
    if switch is None:
        return True
    try:
        return switch["state"] == "ENABLED" and switch["variants"][switch["defaultVariant"]] is True
    except (KeyError, TypeError):
        return False


def written(found: Mapping[str, Any], plan: FlagPlan) -> Weights | None:
    """The weights at which `flags` or `last_flags` makes exactly what was found; None where neither does.

    The kill switch is left aside: it is a person's.
    """
    if is_last(found, plan):
        ends = {name: last_flags(plan, name) for name in plan.variants}
        winner = next((name for name, ours in ends.items() if not changed(found, plan, ours)), None)
        return None if winner is None else _everything_to(plan, winner)
    claimed = _claimed(found.get(plan.key(Part.EXPOSURE)))
    if claimed is None or len(claimed.treatments) > len(plan.treatments):
        return None
    ours = flags(plan, claimed)
    return claimed if not changed(found, plan, ours) else None


def changed(found: Mapping[str, Any], plan: FlagPlan, ours: Mapping[str, Flag]) -> tuple[str, ...]:
    """Keys of the flags that are not as we make them, the kill switch and the name of the run left aside."""
    keys = (plan.key(part) for part in Part if part is not Part.ENABLED)
    return tuple(key for key in keys if _of_any_run(found.get(key)) != _of_any_run(ours.get(key)))


def _of_any_run(flag: object) -> object:
    """A flag without what tells one run from another."""
    if not isinstance(flag, dict) or not isinstance(flag.get("metadata"), dict):
        return flag
    told = {name: value for name, value in flag["metadata"].items() if name != RUN}
    rest = {name: value for name, value in flag.items() if name != "metadata"}
    return {**rest, "metadata": told} if told else rest


def is_last(found: Mapping[str, Any], plan: FlagPlan) -> bool:
    """Whether nothing is there that only a run needs."""
    return not {plan.key(Part.EXPOSURE), plan.key(Part.ARM)} & found.keys()


def winner_of(plan: FlagPlan, weights: Weights) -> str:
    """Who has everything at the end of a run.

    Raises:
        UsageError: at these weights several variants have a share.
    """
    everything = {_everything_to(plan, name): name for name in plan.variants}
    if weights not in everything:
        msg = f"a run does not end at {weights}: one variant has everything then"
        raise UsageError(msg)
    return everything[weights]


def _everything_to(plan: FlagPlan, winner: str) -> Weights:
    index = plan.variants.index(winner)
    return ALL_TO_CONTROL if index == 0 else Weights.all_to(index - 1)


def _claimed(exposure: object) -> Weights | None:
    """The weights by which the exposure's true variant is named."""
    try:
        [name] = [name for name, value in exposure["variants"].items() if value is True]  # type: ignore[index]
        return Weights.of(*map(int, name.split("/")[1:]))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _switch(*, is_enabled: bool) -> Flag:
    return _flag({"on": True, "off": False}, "on" if is_enabled else "off", None)


def _exposure(plan: FlagPlan, weights: Weights) -> Flag:
    variants = {str(weights): True, _UNEXPOSED: False}
    if _released(plan, weights):
        return _flag(variants, str(weights), None)
    # Without a planned split, control is whom the ramp has not reached, and counts all the same.
    reached = plan.variants if plan.split_pct else plan.treatments
    named = {name: str(weights) for name in reached}
    divided = [
        tuple(replace(each, variant=named.get(each.variant or "")) for each in slot)
        for slot in slots(plan, weights)
    ]
    return _flag(variants, _UNEXPOSED, _keyed(_split(plan, divided)))


def _arm(plan: FlagPlan) -> Flag:
    return _flag(_names(plan), plan.control, _keyed(_forced(plan, _dealt(plan))))


def _variant(plan: FlagPlan, weights: Weights) -> Flag:
    released = _released(plan, weights)
    rule = None if released else _forced(plan, _split(plan, slots(plan, weights)))
    made = _flag(_names(plan), released or plan.control, _keyed(rule))
    return made | ({"metadata": dict(plan.metadata)} if plan.metadata else {})


def _released(plan: FlagPlan, weights: Weights) -> str | None:
    """The treatment that everybody has."""
    shares = zip(plan.treatments, weights.treatments, strict=False)
    return next((name for name, share in shares if share == 100), None)


def _names(plan: FlagPlan) -> dict[str, str]:
    """Every variant's value is its name."""
    return {name: name for name in plan.variants}


def _flag(variants: Mapping[str, object], default: str, targeting: _Rule) -> Flag:
    made: Flag = {"state": "ENABLED", "variants": dict(variants), "defaultVariant": default}
    return made if targeting is None else {**made, "targeting": targeting}


def _keyed(rule: _Rule) -> _Rule:
    """The rule for units; what has no targeting key is none."""
    return _if({"!==": [_KEY, ""]}, rule, None)


def _forced(plan: FlagPlan, rule: _Rule) -> _Rule:
    """Testers' variants, and the rule for everybody else."""
    for variant in reversed(plan.variants):
        if keys := plan.testers.get(variant):
            rule = _if({"in": [_KEY, list(keys)]}, variant, rule)
    return rule


def _dealt(plan: FlagPlan) -> _Rule:
    """The arm, by the first hash."""
    parts = [[name, part] for name, part in zip(plan.variants, plan.parts, strict=True)]
    return {"fractional": [_hashed(plan, Part.ARM), *parts]}


def _split(plan: FlagPlan, divided: Sequence[Slot]) -> _Rule:
    """Into the arm's slot by the first hash, then by the height in it; as short as it can be said."""
    rules = {name: _height(plan, slot) for name, slot in zip(plan.variants, divided, strict=True) if slot}
    if all(rule == name for name, rule in rules.items()):
        return _dealt(plan)
    *before, last = rules
    said = rules[last]
    for name in reversed(before):
        if rules[name] != said:
            said = _if({"==": [_dealt(plan), name]}, rules[name], said)
    return said


def _height(plan: FlagPlan, slot: Slot) -> _Rule:
    """Who is given what, by the second hash."""
    if len(slot) == 1:
        return slot[0].variant
    whole = lcm(*(each.share.denominator for each in slot))
    parts = [[each.variant or _UNEXPOSED, int(each.share * Fraction(whole))] for each in slot]
    dealt: _Rule = {"fractional": [_hashed(plan, Part.EXPOSURE), *parts]}
    if all(each.variant for each in slot):
        return dealt
    known = [each for each in slot if each.variant]
    if len({each.variant for each in known}) == 1:
        return _if({"==": [dealt, _UNEXPOSED]}, None, known[0].variant)
    return _if({"==": [dealt, _UNEXPOSED]}, None, dealt)


def _hashed(plan: FlagPlan, part: Part) -> _Rule:
    return {"cat": [plan.salt, f":{part}:", _KEY]}


def _if(condition: _Rule, then: _Rule, otherwise: _Rule) -> _Rule:
    return {"if": [condition, then, otherwise]}
