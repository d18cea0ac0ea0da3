"""What a run was launched to ask. An answer to another question ends no release.

Reads what the store kept of the launch, and decides nothing.
"""

from pydantic import ValidationError

from engine import spec
from engine.core.product import ProductPlan
from engine.errors import CorruptRecord, SpecError
from engine.ports import StoredRun

_DECIDES = (
    "shares",
    "metrics",
    "unit",
    "dimensions",
    "exclusions",
    "most_events",
    "method",
    "spending",
    "correction",
    "looks",
    "alpha",
    "starts_s",
    "ends_s",
)
"""Of a plan; not its name, its words, where its tables are, and what only plans how long it takes."""
_CALLED = {"shares": "variants", "exclusions": "exclude", "starts_s": "starts", "ends_s": "ends"}


def asked_otherwise(stored: StoredRun, plan: ProductPlan) -> tuple[str, ...]:
    """In what a product experiment differs from the one that a run was launched with, as documents call it.

    Empty where it does not, and where the run was launched without one.

    Raises:
        CorruptRecord: what it was launched with cannot be read any more.
    """
    try:
        launched = spec.product_plan(spec.from_plain(stored.spec["document"]))
    except (KeyError, TypeError, ValidationError, SpecError) as error:
        run_id = stored.snapshot.run.id
        msg = f"the experiment of {run_id} cannot be read, a plugin or version may be gone: {error}"
        raise CorruptRecord(msg) from error
    if launched is None:
        return ()
    return tuple(
        _CALLED.get(field, field)
        for field in _DECIDES
        if _in_any_order(getattr(launched, field)) != _in_any_order(getattr(plan, field))
    )


def _in_any_order(value: object) -> object:
    return frozenset(value) if isinstance(value, tuple) else value
