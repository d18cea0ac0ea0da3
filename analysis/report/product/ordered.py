"""Equal analyses in one order: mappings are equal in any, and a report must not tell them apart."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from engine.core.product import ProductPlan

Value = TypeVar("Value")


def ordered(value: Value, plan: ProductPlan) -> Value:
    """The same with every mapping in order: variants as planned, then whatever else by its name."""
    places = {share.variant: place for place, share in enumerate(plan.shares)}
    return cast("Value", _ordered(value, places))


def _ordered(value: Any, places: Mapping[str, int]) -> Any:
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (places.get(key, len(places)), key))
        return {key: _ordered(value[key], places) for key in keys}
    if isinstance(value, tuple):
        return tuple(_ordered(each, places) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{each.name: _ordered(getattr(value, each.name), places) for each in fields(value)}
        )
    return value
